package l2

import (
	"slices"
	"time"
)

// BondMode is how a bond spreads frames over its members (column bond_mode of table
// Port in ovs-vswitchd.conf.db(5)).
type BondMode uint8

// The modes.
const (
	ActiveBackup BondMode = iota // all through one member
	BalanceSLB                   // by source address and VLAN
	BalanceTCP                   // by flow; needs LACP
)

// String is the mode as in the database.
func (m BondMode) String() string {
	return [...]string{"active-backup", "balance-slb", "balance-tcp"}[m]
}

// BondConfig is how a bond works.
type BondConfig struct {
	Mode BondMode
	// UpDelay and DownDelay are for how long a link must be up, or down, before the
	// member is used, or no longer used.
	UpDelay, DownDelay time.Duration
	// Primary names the member that is active whenever it is enabled; empty: none.
	Primary string
	// LACP says that the bond waits for LACP, which is never negotiated here.
	// FallbackAB: it works as ActiveBackup without.
	LACP, FallbackAB bool
}

// Works gives the mode in which a bond of this configuration works; none says that
// no frame passes, as Open vSwitch has it: LACP is wanted, or needed, and is not there.
func (c *BondConfig) Works() (mode BondMode, none bool) {
	switch {
	case c.LACP && c.FallbackAB:
		return ActiveBackup, false
	case c.LACP, c.Mode == BalanceTCP:
		return c.Mode, true
	}
	return c.Mode, false
}

// BondMember is one port of a bond.
type BondMember struct {
	No   uint32
	Name string
	// Enabled: frames may leave through it.
	Enabled bool
	// Link: its device has a carrier.
	Link bool
	// Until is when Enabled becomes what Link is, in the clock of Run; 0: it is that.
	Until int64
}

// Bond finds out which members of a bond are used. It is not safe for concurrent use.
type Bond struct {
	conf    BondConfig
	members []*BondMember // in the order of Set
	active  *BondMember   // nil: none is enabled
}

// Set gives the bond its configuration and members (number and name). A member that
// stays keeps its state; a new one is enabled at once if link says that it is up.
func (b *Bond) Set(c BondConfig, members []BondMember, link func(no uint32) bool) {
	b.conf = c
	old := b.members
	b.members = make([]*BondMember, 0, len(members))
	for _, m := range members {
		i := slices.IndexFunc(old, func(o *BondMember) bool { return o.No == m.No && o.Name == m.Name })
		if i >= 0 {
			b.members = append(b.members, old[i])
			continue
		}
		up := link(m.No)
		b.members = append(b.members, &BondMember{No: m.No, Name: m.Name, Enabled: up, Link: up})
	}
	if !slices.Contains(b.members, b.active) {
		b.active = nil
	}
}

// Run looks at the members' links at time now, in ns. next is when it must be called
// again at the latest, if no link changes before; 0: there is no such time.
func (b *Bond) Run(now int64, link func(no uint32) bool) (next int64) {
	for _, m := range b.members {
		m.Link = link(m.No)
		switch {
		case m.Link == m.Enabled:
			m.Until = 0
		case m.Until == 0:
			delay := b.conf.DownDelay
			if m.Link {
				delay = b.conf.UpDelay
			}
			m.Until = now + int64(delay)
		}
		if m.Until != 0 && now >= m.Until {
			m.Enabled, m.Until = m.Link, 0
		}
	}
	b.choose()
	for _, m := range b.members {
		if m.Until != 0 && (next == 0 || m.Until < next) {
			next = m.Until
		}
	}
	return next
}

// choose finds the active member: the primary one if it is enabled, else the one that
// is active already, else any that is enabled, else the one that would be next, whose
// delay then ends at once.
func (b *Bond) choose() {
	best := b.active
	if best != nil && !best.Enabled {
		best = nil
	}
	for _, m := range b.members {
		if m.Enabled && (best == nil || m.Name == b.conf.Primary) {
			best = m
		}
	}
	if best == nil {
		for _, m := range b.members {
			if m.Link && m.Until != 0 && (best == nil || m.Until < best.Until) {
				best = m
			}
		}
		if best != nil {
			best.Enabled, best.Until = true, 0
		}
	}
	b.active = best
}

// Config is the configuration last Set.
func (b *Bond) Config() BondConfig { return b.conf }

// Active is the active member; nil: none is enabled.
func (b *Bond) Active() *BondMember { return b.active }

// Members are the members in the order of Set. They are the bond's.
func (b *Bond) Members() []*BondMember { return b.members }

// Admission says whether a frame that came in by a member of a bond may go on.
type Admission uint8

// The answers.
const (
	Refused   Admission = iota
	Accepted            // it may
	IfNotElse           // only if its sender is not known behind another port
)

// Admit decides by the bond's mode. active: the frame came in by the active member.
func (c *BondConfig) Admit(active, multicast bool) Admission {
	mode, none := c.Works()
	switch {
	case none, (multicast || mode == ActiveBackup) && !active:
		return Refused
	case mode == BalanceSLB:
		return IfNotElse
	}
	return Accepted
}

// ChooseSLB gives the place, among n enabled members, of the one through which
// frames of a sender leave. n is above 0.
func ChooseSLB(vlan uint16, src MAC, n int) int {
	h := (uint64(src) ^ uint64(vlan)<<48) * 0x9e3779b97f4a7c15
	return int((h >> 33) % uint64(n))
}
