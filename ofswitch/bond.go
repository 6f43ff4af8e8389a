package ofswitch

import (
	"cmp"
	"slices"
	"time"

	"ofswitch/classifier"
	"ofswitch/l2"
	"ofswitch/ofp"
)

// liveBond is a bond at work. Guarded by the writer lock.
type liveBond struct {
	lp    *l2Port
	bond  l2.Bond
	next  int64       // when it must be looked at again; 0: when a link changes
	timer *time.Timer // for next; nil: there is none
}

func newLiveBond() *liveBond { return &liveBond{lp: newL2Port()} }

func (lb *liveBond) stop() {
	if lb.timer != nil {
		lb.timer.Stop()
		lb.timer = nil
	}
}

// runBondLocked looks at the links of a bond's members and gives what translation is to
// know of it; nil: fewer than two are there, so it is no bond.
func (b *Bridge) runBondLocked(lb *liveBond, w *L2Bond, members []*port) *bondConf {
	lb.stop()
	lb.next = 0
	find := func(no uint32) *port {
		i := slices.IndexFunc(members, func(p *port) bool { return p.no == ofp.PortNo(no) })
		return members[i]
	}
	link := func(no uint32) bool { return find(no).status.Load().LinkUp }
	var list []l2.BondMember
	if len(members) > 1 {
		for _, p := range members {
			list = append(list, l2.BondMember{No: uint32(p.no), Name: p.name})
		}
	}
	was := lb.bond.Active()
	now := b.d.clock()
	lb.bond.Set(w.Config, list, link)
	lb.next = lb.bond.Run(now, link)
	if is := lb.bond.Active(); is != was {
		name := "none"
		if is != nil {
			name = is.Name
		}
		b.d.log.Info("bond: another member is active", "bridge", b.name, "bond", w.Name, "member", name)
	}
	if lb.next != 0 && !b.d.manual {
		lb.timer = time.AfterFunc(time.Duration(lb.next-now), b.runBonds)
	}
	if len(members) < 2 {
		return nil
	}
	c := &bondConf{BondConfig: w.Config}
	for _, m := range lb.bond.Members() {
		if m.Enabled {
			c.enabled = append(c.enabled, find(m.No))
		}
	}
	if a := lb.bond.Active(); a != nil {
		c.active = find(a.No)
	}
	return c
}

// runBonds looks at the members of all bonds whose time has come, or of which a link
// may have changed.
func (b *Bridge) runBonds() {
	_ = b.d.update(func(classifier.Version) error {
		if len(b.l2want.bonds) == 0 {
			return errNothing
		}
		if _, changed := b.joinLocked(); !changed {
			return errNothing
		}
		return nil
	})
}

// stopBonds ends what bonds wait for. The bridge is going.
func (b *Bridge) stopBonds() {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	for _, lb := range b.l2want.bonds {
		lb.stop()
	}
	b.l2want.L2.Bonds, b.l2want.bonds = nil, nil
}

// BondStatus is how a bond is.
type BondStatus struct {
	Name   string
	Config l2.BondConfig
	// Active names the active member; empty: there is none. ActiveMAC is its address.
	Active    string
	ActiveMAC [6]byte
	Members   []BondMemberStatus
}

// BondMemberStatus is how a member of a bond is.
type BondMemberStatus struct {
	No      ofp.PortNo
	Name    string
	Enabled bool
	Link    bool
	// Left is when Enabled becomes what Link is; 0: it is that, or it does at once.
	Left time.Duration
}

// Bonds gives the bonds of the bridge, by name.
func (b *Bridge) Bonds() []BondStatus {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	now := b.d.clock()
	ports := b.conf.Load().ports
	list := make([]BondStatus, 0, len(b.l2want.bonds))
	for name, lb := range b.l2want.bonds {
		s := BondStatus{Name: name, Config: lb.bond.Config()}
		_, none := s.Config.Works() // no member passes anything then
		if a := lb.bond.Active(); a != nil && !none {
			s.Active = a.Name
			if p := ports[ofp.PortNo(a.No)]; p != nil {
				copy(s.ActiveMAC[:], p.status.Load().MAC)
			}
		}
		for _, m := range lb.bond.Members() {
			st := BondMemberStatus{No: ofp.PortNo(m.No), Name: m.Name, Enabled: m.Enabled && !none, Link: m.Link}
			if m.Until != 0 && !none {
				st.Left = time.Duration(max(0, m.Until-now))
			}
			s.Members = append(s.Members, st)
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(x, y BondStatus) int { return cmp.Compare(x.Name, y.Name) })
	return list
}

// choose gives the port by which a frame of sender src in a VLAN leaves an l2Port; nil:
// none is to be had.
func (c *l2PortConf) choose(vlan uint16, src func() l2.MAC) *port {
	if c.bond == nil {
		if len(c.members) == 0 {
			return nil
		}
		return c.members[0]
	}
	mode, none := c.bond.Works()
	switch {
	case none:
		return nil
	case mode == l2.BalanceSLB && len(c.bond.enabled) > 0:
		return c.bond.enabled[l2.ChooseSLB(vlan, src(), len(c.bond.enabled))]
	}
	return c.bond.active
}
