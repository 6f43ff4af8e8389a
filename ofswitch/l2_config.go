package ofswitch

import (
	"cmp"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"ofswitch/classifier"
	"ofswitch/flowtable"
	"ofswitch/l2"
	"ofswitch/ofp"
)

// L2 is how a bridge learns, forwards at NORMAL, and mirrors: desired state, of ports
// that may not be there yet.
type L2 struct {
	// Ports by number; those that are not named are trunks of all VLANs.
	Ports map[ofp.PortNo]L2Port
	Bonds []L2Bond
	// Mirrors beyond the first MaxMirrors are left out.
	Mirrors []L2Mirror
	// ForwardBPDU: frames to reserved addresses are forwarded as others are.
	ForwardBPDU bool
	// FloodVLANs are those in which nothing is learnt and every frame is flooded.
	FloodVLANs []uint16
	// VLANLimit is how many tags of a frame NORMAL sees, 1 or 2; 0: 2.
	VLANLimit int
	// MACTable and MACAgeing bound the MAC table; 0: l2.DefaultEntries,
	// l2.DefaultAgeing.
	MACTable  int
	MACAgeing time.Duration
}

// L2Port is how one port, or one bond, takes part.
type L2Port struct {
	VLAN l2.VLAN
	// Protected ports send no frames to each other, whatever sends them there.
	Protected bool
}

// L2Bond joins ports into one. With one member there it is that port; with none, nothing.
type L2Bond struct {
	Name    string
	Members []ofp.PortNo
	Config  l2.BondConfig
	L2Port
}

// MaxMirrors is how many mirrors a bridge has at most, as in Open vSwitch.
const MaxMirrors = 32

// L2Mirror copies frames. Ports are named by their names, or those of bonds; a name
// that there is no port of selects nothing.
type L2Mirror struct {
	Name string
	// All, or Src and Dst, are the ports of which what comes in, and what goes out, is
	// copied.
	All      bool
	Src, Dst []string
	// VLANs bound the copies to frames of these VLANs within the bridge; none: all.
	VLANs []uint16
	// Output names the port for the copies, which takes and gives nothing else at
	// NORMAL; empty: they are flooded in OutputVLAN.
	Output     string
	OutputVLAN uint16
	// SnapLen bounds the bytes of a copy; 0: none.
	SnapLen uint16
}

// l2Port is what NORMAL and mirrors take for one port: a port of the bridge, or a bond.
type l2Port struct {
	conf atomic.Pointer[l2PortConf]
}

// l2PortConf is what is known of an l2Port. Immutable: each change makes a new one, and
// its address is what programs depend on.
type l2PortConf struct {
	L2Port
	no      ofp.PortNo // in the MAC table: the lowest of the members
	members []*port    // by number
	bond    *bondConf  // nil: it is none
	// src and dst are the mirrors that copy what comes in, and what goes out, by index.
	src, dst []*mirror
	mirror   bool // it is the output of a mirror
}

// bondConf is what translation reads of a bond. Immutable.
type bondConf struct {
	l2.BondConfig
	active  *port // nil: none
	enabled []*port
}

func (c *bondConf) equal(o *bondConf) bool {
	if c == nil || o == nil {
		return c == o
	}
	return c.BondConfig == o.BondConfig && c.active == o.active && slices.Equal(c.enabled, o.enabled)
}

// equal says whether two configurations are alike.
func (c *l2PortConf) equal(o *l2PortConf) bool {
	return c.sameStation(o) && c.bond.equal(o.bond) && slices.Equal(c.src, o.src) && slices.Equal(c.dst, o.dst) && c.mirror == o.mirror
}

// sameStation says whether addresses learnt with one configuration hold with the other.
func (c *l2PortConf) sameStation(o *l2PortConf) bool {
	return c.no == o.no && c.Protected == o.Protected && c.VLAN.Equal(&o.VLAN) && slices.Equal(c.members, o.members) &&
		(c.bond == nil) == (o.bond == nil)
}

// mirror is a mirror as translation reads it. Immutable.
type mirror struct {
	index   uint
	name    string
	vlans   *l2.VLANs // nil: all
	out     *l2Port   // nil: outVLAN
	outVLAN uint16
	snap    uint16
	same    uint32              // mirrors of the same output, this one included, by index
	count   *flowtable.Counters // of the frames copied
}

func (m *mirror) equal(o *mirror) bool {
	return m.index == o.index && m.name == o.name && m.vlans.Equal(o.vlans) && m.out == o.out && m.outVLAN == o.outVLAN &&
		m.snap == o.snap && m.same == o.same && m.count == o.count
}

func newL2Port() *l2Port {
	lp := &l2Port{}
	lp.conf.Store(noL2)
	return lp
}

// l2State is all l2Ports of a bridge as they were at one time: what floods depend on.
// Immutable.
type l2State struct {
	ports []*l2Port // by number
}

// l2Desired is the L2 last set, with what is kept from one to the next. Guarded by the
// writer lock.
type l2Desired struct {
	L2
	bonds   map[string]*liveBond
	mirrors map[string]*mirror
}

// SetL2 changes how the bridge learns, forwards and mirrors. What is as before is not
// touched: neither addresses learnt nor cached programs nor counters.
func (b *Bridge) SetL2(c L2) {
	b.portMu.Lock()
	defer b.portMu.Unlock()
	ports := make(map[ofp.PortNo]L2Port, len(c.Ports))
	for no, p := range c.Ports {
		p.VLAN = p.VLAN.Normalised()
		ports[no] = p
	}
	c.Ports = ports
	c.Bonds = slices.Clone(c.Bonds)
	for i := range c.Bonds {
		c.Bonds[i].VLAN = c.Bonds[i].VLAN.Normalised()
	}
	if b.fdb.SetLimits(c.MACTable, c.MACAgeing) > 0 {
		b.d.macsChanged()
	}
	var flood *l2.VLANs
	if len(c.FloodVLANs) > 0 {
		flood = l2.NewVLANs(c.FloodVLANs)
	}
	var moved []ofp.PortNo
	_ = b.d.update(func(classifier.Version) error {
		b.l2want.L2 = c
		conf := b.conf.Load()
		changed := conf.forwardBPDU != c.ForwardBPDU || !conf.floodVLANs.Equal(flood) || conf.oneTag != (c.VLANLimit == 1) || conf.bonds != (len(c.Bonds) > 0)
		if changed {
			conf = conf.clone()
			conf.forwardBPDU, conf.floodVLANs, conf.oneTag, conf.bonds = c.ForwardBPDU, flood, c.VLANLimit == 1, len(c.Bonds) > 0
			b.conf.Store(conf)
		}
		var ports bool
		if moved, ports = b.joinLocked(); !changed && !ports {
			return errNothing
		}
		return nil
	})
	b.forget(moved)
}

// forget forgets the addresses learnt at ports that are not what they were.
func (b *Bridge) forget(moved []ofp.PortNo) {
	if len(moved) == 0 {
		return
	}
	b.d.Sync() // so that no frame of before is learnt any more
	for _, no := range moved {
		b.fdb.FlushPort(uint32(no))
	}
	b.d.macsChanged()
}

// l2Plan is what the ports of a bridge are to be for NORMAL.
type l2Plan struct {
	joined map[*l2Port]*l2PortConf // those in use, and how
	byName map[string]*l2Port      // by the names of bonds, then of ports
	home   map[ofp.PortNo]*l2Port  // which of them each port belongs to
}

// planL2Locked makes l2Ports of the bridge's ports as desired, and changes nothing that
// frames go by. The writer lock is held, in an update.
func (b *Bridge) planL2Locked() l2Plan {
	list, want := b.conf.Load().list, &b.l2want
	plan := l2Plan{map[*l2Port]*l2PortConf{}, map[string]*l2Port{}, map[ofp.PortNo]*l2Port{}}
	for i := range want.Bonds {
		w := &want.Bonds[i]
		bond := want.bonds[w.Name]
		if bond == nil {
			bond = newLiveBond()
			if want.bonds == nil {
				want.bonds = map[string]*liveBond{}
			}
			want.bonds[w.Name] = bond
		}
		c := &l2PortConf{L2Port: w.L2Port}
		for _, p := range list {
			if slices.Contains(w.Members, p.no) && plan.home[p.no] == nil {
				c.members = append(c.members, p)
				plan.home[p.no] = bond.lp
			}
		}
		c.bond = b.runBondLocked(bond, w, c.members)
		plan.joined[bond.lp], plan.byName[w.Name] = c, bond.lp
	}
	for _, p := range list {
		if plan.home[p.no] == nil {
			plan.home[p.no] = p.own
			plan.joined[p.own] = &l2PortConf{L2Port: want.Ports[p.no], members: []*port{p}}
		}
		if plan.byName[p.name] == nil {
			plan.byName[p.name] = plan.home[p.no]
		}
	}
	for _, c := range plan.joined {
		if len(c.members) > 0 {
			c.no = c.members[0].no
		}
	}
	b.mirrorsLocked(plan.joined, plan.byName)
	return plan
}

// joinLocked makes the bridge's ports what planL2Locked says. It returns the numbers by
// which stations were known that must be learnt anew, and whether anything changed. The
// writer lock is held, in an update.
func (b *Bridge) joinLocked() (moved []ofp.PortNo, changed bool) {
	list, want, plan := b.conf.Load().list, &b.l2want, b.planL2Locked()
	for lp, c := range plan.joined {
		old := lp.conf.Load()
		if old.equal(c) {
			continue
		}
		if !old.sameStation(c) && old.no != 0 {
			moved = append(moved, old.no)
		}
		lp.conf.Store(c)
		changed = true
	}
	for _, p := range list {
		if p.l2.Load() != plan.home[p.no] {
			p.l2.Store(plan.home[p.no])
			changed = true
		}
	}
	// What is no longer used: ports in bonds, bonds that are gone.
	retire := func(lp *l2Port) {
		if plan.joined[lp] == nil && lp.conf.Load() != noL2 {
			if no := lp.conf.Load().no; no != 0 {
				moved = append(moved, no)
			}
			lp.conf.Store(noL2)
			changed = true
		}
	}
	for _, p := range list {
		retire(p.own)
	}
	for name, bond := range want.bonds {
		if plan.joined[bond.lp] == nil {
			retire(bond.lp)
			bond.stop()
			delete(want.bonds, name)
		}
	}
	if changed || b.l2.Load() == nil {
		s := &l2State{}
		for lp, c := range plan.joined {
			if len(c.members) > 0 {
				s.ports = append(s.ports, lp)
			}
		}
		slices.SortFunc(s.ports, func(x, y *l2Port) int { return cmp.Compare(plan.joined[x].no, plan.joined[y].no) })
		b.l2.Store(s)
	}
	return moved, changed
}

// noL2 is what is known of an l2Port that is not used.
var noL2 = &l2PortConf{}

// mirrorsLocked puts the mirrors into the configurations of the ports.
func (b *Bridge) mirrorsLocked(joined map[*l2Port]*l2PortConf, byName map[string]*l2Port) {
	want := &b.l2want
	var list []*mirror
	var used uint32
	named := map[string]*L2Mirror{}
	for i := range want.Mirrors {
		w := &want.Mirrors[i]
		if w.Output != "" && byName[w.Output] == nil || w.Output == "" && w.OutputVLAN == 0 || named[w.Name] != nil || len(named) == MaxMirrors {
			continue // nowhere to put the copies
		}
		named[w.Name] = w
		m := &mirror{name: w.Name, vlans: l2.NewVLANs(w.VLANs), snap: w.SnapLen}
		if w.Output != "" {
			m.out = byName[w.Output]
		} else {
			m.outVLAN = w.OutputVLAN
		}
		list = append(list, m)
		if old := want.mirrors[w.Name]; old != nil {
			m.index, m.count = old.index, old.count
			used |= 1 << m.index
		}
	}
	for _, m := range list {
		if m.count == nil {
			m.count = &flowtable.Counters{}
			for used>>m.index&1 != 0 {
				m.index++
			}
			used |= 1 << m.index
		}
	}
	slices.SortFunc(list, func(x, y *mirror) int { return cmp.Compare(x.index, y.index) })
	next := map[string]*mirror{}
	for i, m := range list {
		for _, o := range list {
			if o.out == m.out && o.outVLAN == m.outVLAN {
				m.same |= 1 << o.index
			}
		}
		if old := want.mirrors[m.name]; old != nil && old.equal(m) {
			list[i], m = old, old
		}
		next[m.name] = m
	}
	want.mirrors = next
	for _, m := range list {
		w := named[m.name]
		for lp, c := range joined {
			if w.All || slices.ContainsFunc(w.Src, func(name string) bool { return byName[name] == lp }) {
				c.src = append(c.src, m)
			}
			if w.All || slices.ContainsFunc(w.Dst, func(name string) bool { return byName[name] == lp }) {
				c.dst = append(c.dst, m)
			}
			c.mirror = c.mirror || m.out == lp
		}
	}
}

// MirrorStatus is what a mirror has copied: each frame once.
type MirrorStatus struct {
	Name           string
	Packets, Bytes uint64
}

// Mirrors gives the mirrors that have somewhere to put their copies, by name, with the
// frames copied before the call.
func (b *Bridge) Mirrors() []MirrorStatus {
	b.d.mu.Lock()
	live := maps.Clone(b.l2want.mirrors)
	b.d.mu.Unlock()
	if len(live) == 0 {
		return nil
	}
	b.d.foldExact()
	list := make([]MirrorStatus, 0, len(live))
	for name, m := range live {
		list = append(list, MirrorStatus{name, m.count.Packets(), m.count.Bytes()})
	}
	slices.SortFunc(list, func(x, y MirrorStatus) int { return cmp.Compare(x.Name, y.Name) })
	return list
}
