package bridge

import (
	"fmt"

	"ofswitch/ofp"
)

// maxAutomatic is the highest OpenFlow number given without being asked for:
// numbers below 0xff00 also fit OpenFlow 1.0.
const maxAutomatic ofp.PortNo = 0xfeff

// numbers gives OpenFlow numbers to port names and keeps them: a port that
// goes and comes back has the same number, as flows name it.
type numbers struct {
	byName map[string]ofp.PortNo
	taken  map[ofp.PortNo]string
}

func newNumbers() *numbers {
	return &numbers{byName: map[string]ofp.PortNo{}, taken: map[ofp.PortNo]string{}}
}

// assign numbers the ports in the order given. Numbers asked for are given first,
// where need be instead of the automatic one of another port, which gets a new one
// (ovs-vswitchd.conf.db(5), ofport_request); then those that ports had in an
// earlier life; the others get the lowest free one after the number before. Of
// several that ask for the same one has it; the others get one as if they had not
// asked, with an error that says so. Only a port for which no number is left gets none.
func (n *numbers) assign(list []Port) map[string]error {
	wanted := make(map[string]bool, len(list))
	for i := range list {
		wanted[list[i].Name] = true
	}
	for name, no := range n.byName {
		if !wanted[name] {
			delete(n.byName, name)
			delete(n.taken, no)
		}
	}
	winner, refused := n.requests(list)
	for no, name := range winner {
		if old := n.byName[name]; old != no {
			delete(n.taken, old)
			delete(n.byName, name)
		}
	}
	for no, name := range winner {
		if holder, ok := n.taken[no]; ok && holder != name {
			delete(n.byName, holder)
		}
		n.set(name, no)
	}
	for i := range list {
		p := &list[i]
		_, has := n.byName[p.Name]
		if has || p.Prefer == 0 || p.Prefer > ofp.PortMax || n.taken[p.Prefer] != "" {
			continue
		}
		n.set(p.Name, p.Prefer)
	}
	next := ofp.PortNo(1)
	for i := range list {
		p := &list[i]
		if _, ok := n.byName[p.Name]; ok {
			continue
		}
		for n.taken[next] != "" {
			next++
		}
		if next > maxAutomatic {
			refused[p.Name] = fmt.Errorf("port %s: all OpenFlow numbers up to %d are taken; ask for a higher one", p.Name, maxAutomatic)
			continue
		}
		n.set(p.Name, next)
	}
	return refused
}

// requests says which port has each number that is asked for: one that has it
// already, else one that had it, else the first; and what is to be told the others.
func (n *numbers) requests(list []Port) (winner map[ofp.PortNo]string, refused map[string]error) {
	winner, refused = map[ofp.PortNo]string{}, map[string]error{}
	for i := range list {
		if p := &list[i]; p.Request != 0 && n.byName[p.Name] == p.Request {
			winner[p.Request] = p.Name
		}
	}
	for i := range list {
		p := &list[i]
		if p.Request != 0 && p.Prefer == p.Request && n.byName[p.Name] == 0 && winner[p.Request] == "" {
			winner[p.Request] = p.Name
		}
	}
	for i := range list {
		p := &list[i]
		if p.Request == 0 || winner[p.Request] == p.Name {
			continue
		}
		if owner, ok := winner[p.Request]; ok {
			refused[p.Name] = fmt.Errorf("port %s: OpenFlow number %d belongs to port %s; ask for another", p.Name, p.Request, owner)
			continue
		}
		winner[p.Request] = p.Name
	}
	return winner, refused
}

func (n *numbers) set(name string, no ofp.PortNo) {
	n.byName[name], n.taken[no] = no, name
}
