package bridge

import (
	"net"
	"slices"

	"ofswitch/ofconn"
	"ofswitch/ofp"
	"ofswitch/ofswitch"
	"ofswitch/ports"
)

// State is what became of the last Config and how it fares: what the columns of
// the configuration database tell that the switch itself writes.
type State struct {
	Bridges []BridgeState // by name
}

// BridgeState is the state of one bridge.
type BridgeState struct {
	Name       string
	DatapathID uint64
	MAC        net.HardwareAddr
	// Ports are LOCAL, the others in the order given, then those that the
	// configuration itself rules out.
	Ports []PortState
	// Controllers are as ofconn.Manager.Status has them, Listeners likewise.
	Controllers []ofconn.ConnStatus
	Listeners   []ofconn.ListenerStatus
	// Mirrors are those at work, with what they have copied, and Bonds the bonds.
	Mirrors []ofswitch.MirrorStatus
	Bonds   []ofswitch.BondStatus
}

// PortState is the state of one port.
type PortState struct {
	PortStatus
	Type string // TypeSystem...
	// Device is what was last heard of the open device. Of a patch port only MAC and
	// the flags.
	Device ports.Status
	// Driver of the device, as far as that tells.
	Driver ports.Driver
	// LinkResets is how often the link has come or gone since the device was opened.
	LinkResets int
	// Stats are counters since the port was opened; nil: not asked for, or not open.
	// A counter that the port does not have is ports.Uncounted.
	Stats *ofp.PortStats
}

// State tells how the switch is. With stats it reads the counters of all ports as
// well, which takes a few system calls for each.
func (s *Switch) State(stats bool) State {
	s.mu.Lock()
	defer s.mu.Unlock()
	var st State
	for _, name := range sortedKeys(s.bridges) {
		st.Bridges = append(st.Bridges, s.bridges[name].state(stats))
	}
	return st
}

func (lb *liveBridge) state(stats bool) BridgeState {
	f := lb.of.Features()
	b := BridgeState{
		Name: lb.conf.Name, DatapathID: f.DatapathID, MAC: lb.mac[:],
		Controllers: lb.conn.Status(), Listeners: lb.conn.Listeners(),
		Mirrors: lb.of.Mirrors(), Bonds: lb.of.Bonds(),
	}
	var counters map[ofp.PortNo]*ofp.PortStats
	if stats {
		counters = lb.counters()
	}
	patches := lb.patches()
	for _, p := range lb.ports {
		ps := PortState{PortStatus: p.status(), Type: p.conf.Type, LinkResets: p.linkResets}
		if p.open {
			ps.Device, ps.Stats, ps.Driver = p.device, counters[p.no], p.driver()
			if p.port == nil {
				ps.Device = patches[p.no]
			}
		}
		b.Ports = append(b.Ports, ps)
	}
	for _, r := range lb.refused {
		b.Ports = append(b.Ports, PortState{PortStatus: r})
	}
	return b
}

// counters are those of all ports.
func (lb *liveBridge) counters() map[ofp.PortNo]*ofp.PortStats {
	all := make(map[ofp.PortNo]*ofp.PortStats)
	err := lb.of.PortStats(ofp.PortAny, func(s *ofp.PortStats) error {
		c := *s
		all[c.Port] = &c
		return nil
	})
	if err != nil {
		lb.sw.log.Error("port counters cannot be read", "bridge", lb.conf.Name, "err", err)
	}
	return all
}

// patches are the states of the ports without a device.
func (lb *liveBridge) patches() map[ofp.PortNo]ports.Status {
	if !slices.ContainsFunc(lb.ports, func(p *livePort) bool { return p.open && p.port == nil }) {
		return nil
	}
	all := make(map[ofp.PortNo]ports.Status)
	for _, d := range lb.of.PortDescs() {
		all[d.Port] = ports.Status{MAC: d.HWAddr[:], AdminUp: d.Config&ofp.PortConfigDown == 0, LinkUp: d.State&ofp.PortStateLinkDown == 0}
	}
	return all
}

// heard takes note of a change of the open device. Notifications have no speed, so
// it is asked.
func (p *livePort) heard() { p.heardOf(p.port.Status()) }

func (p *livePort) heardOf(now ports.Status) {
	if now.LinkUp != p.device.LinkUp {
		p.linkResets++
	}
	p.device = now
	p.bridge.of.PortChanged(p.no, now)
}

// driver is that of the open device, which is asked for it once.
func (p *livePort) driver() ports.Driver {
	if p.port == nil {
		return ports.Driver{}
	}
	if p.driverOf != p.ifindex {
		p.driverOf = p.ifindex
		var err error
		if p.driven, err = ports.DriverOf(p.conf.Name); err != nil {
			p.bridge.sw.log.Debug("no driver", "port", p.conf.Name, "err", err)
		}
	}
	return p.driven
}

// Counters are those of one port; nil: it is not there.
func (s *Switch) Counters(bridge string, no ofp.PortNo) *ofp.PortStats {
	of, err := s.bridge(bridge)
	if err != nil {
		return nil
	}
	var found *ofp.PortStats
	err = of.PortStats(no, func(st *ofp.PortStats) error {
		c := *st
		found = &c
		return nil
	})
	if err != nil {
		return nil // it has just gone
	}
	return found
}

func (s *Switch) changedLocked() {
	if s.opts.OnChange != nil {
		s.opts.OnChange()
	}
}
