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

// assign numbers the ports in the order given. Numbers asked for are given
// first, then those that ports had in an earlier life; the others get the lowest
// free one after the number before. A port whose number is taken is refused with
// an error and gets none.
func (n *numbers) assign(list []Port) map[string]error {
	wanted := map[string]bool{}
	for i := range list {
		wanted[list[i].Name] = true
	}
	for name, no := range n.byName {
		if !wanted[name] {
			delete(n.byName, name)
			delete(n.taken, no)
		}
	}
	refused := map[string]error{}
	for i := range list {
		p := &list[i]
		if p.Request == 0 || n.byName[p.Name] == p.Request {
			continue
		}
		if owner, ok := n.taken[p.Request]; ok {
			refused[p.Name] = fmt.Errorf("port %s: OpenFlow number %d belongs to port %s; ask for another", p.Name, p.Request, owner)
			continue
		}
		if old, ok := n.byName[p.Name]; ok {
			delete(n.taken, old)
		}
		n.set(p.Name, p.Request)
	}
	for i := range list {
		p := &list[i]
		_, has := n.byName[p.Name]
		if has || refused[p.Name] != nil || p.Prefer == 0 || p.Prefer > ofp.PortMax || n.taken[p.Prefer] != "" {
			continue
		}
		n.set(p.Name, p.Prefer)
	}
	next := ofp.PortNo(1)
	for i := range list {
		p := &list[i]
		if _, ok := n.byName[p.Name]; ok || refused[p.Name] != nil {
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

func (n *numbers) set(name string, no ofp.PortNo) {
	n.byName[name], n.taken[no] = no, name
}
