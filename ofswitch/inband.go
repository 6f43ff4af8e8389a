package ofswitch

import (
	"fmt"
	"net/netip"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// InBand says whose connections a bridge lets pass whatever its flow entries say, since
// they travel over the bridge itself (Open vSwitch's DESIGN, "In-Band Control").
type InBand struct {
	MAC     [6]byte // of the bridge's LOCAL port
	Remotes []netip.AddrPort
	// Queue that the frames go to, if HasQueue.
	Queue    uint32
	HasQueue bool
}

// hiddenFlow is an entry of the switch's own, which sends to NORMAL.
type hiddenFlow struct {
	match    flow.Match
	priority int32
	queue    uint32
	hasQueue bool
}

// Priorities of the entries for in-band control are above those of flow-mods, and as in
// Open vSwitch, whose users know them from bridge/dump-flows.
const (
	inBandDHCP = 180000 + iota
	inBandToLocalARP
	inBandFromLocalARP
	_ // ARP of the next hop, whose MAC address is not followed
	_
	inBandToRemoteARP
	inBandFromRemoteARP
	inBandToRemoteTCP
	inBandFromRemoteTCP
	inBandDHCPReply
)

// flows are the entries: what DHCP and ARP of the local port need, the ARP of the
// remotes, and their connections. Only IPv4, as in Open vSwitch.
func (c *InBand) flows() (list []hiddenFlow) {
	add := func(priority int32, format string, args ...any) {
		m, err := flow.ParseMatch(fmt.Sprintf(format, args...))
		if err != nil {
			panic(err) // ours, not a user's
		}
		if priority == inBandDHCP {
			m.Set(flow.InPort, flow.Value{Lo: uint64(ofp.PortLocal)})
		}
		list = append(list, hiddenFlow{m, priority, c.Queue, c.HasQueue})
	}
	mac := fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", c.MAC[0], c.MAC[1], c.MAC[2], c.MAC[3], c.MAC[4], c.MAC[5])
	seen := map[netip.Addr]bool{}
	for _, r := range c.Remotes {
		ip := r.Addr().Unmap()
		if !ip.Is4() || ip.IsLoopback() {
			continue // what goes to the host itself passes no bridge
		}
		if len(seen) == 0 {
			add(inBandDHCP, "udp,dl_src=%s,tp_src=68,tp_dst=67", mac)
			add(inBandDHCPReply, "udp,dl_dst=%s,tp_src=67,tp_dst=68", mac)
			add(inBandToLocalARP, "arp,dl_dst=%s,arp_op=2", mac)
			add(inBandFromLocalARP, "arp,dl_src=%s,arp_op=1", mac)
		}
		if !seen[ip] {
			seen[ip] = true
			add(inBandToRemoteARP, "arp,arp_op=2,arp_tpa=%s", ip)
			add(inBandFromRemoteARP, "arp,arp_op=1,arp_spa=%s", ip)
		}
		add(inBandToRemoteTCP, "tcp,nw_dst=%s,tp_dst=%d", ip, r.Port())
		add(inBandFromRemoteTCP, "tcp,nw_src=%s,tp_src=%d", ip, r.Port())
	}
	return list
}

func (h *hiddenFlow) instructions() ofp.Instructions {
	ins := normalInstructions()
	if h.hasQueue {
		ins.Apply = append([]ofp.Action{ofp.SetQueue{QueueID: h.queue}}, ins.Apply...)
	}
	return ins
}

// SetInBand makes the hidden entries for in-band control those of c; without remotes
// there are none. What stays the same is not touched.
func (b *Bridge) SetInBand(c InBand) {
	b.portMu.Lock()
	defer b.portMu.Unlock()
	want := map[hiddenFlow]bool{}
	for _, h := range c.flows() {
		want[h] = true
	}
	d := b.d
	change := &flowtable.Change{}
	_ = d.update(func(v classifier.Version) error { // errNothing only
		added := false
		for h, e := range b.inBand {
			if !want[h] {
				b.tables.RemoveHidden(e, v)
				delete(b.inBand, h)
				change.Removed = append(change.Removed, flowtable.Removed{Entry: e, Reason: flowtable.RemovedNone})
			}
		}
		for h := range want {
			if b.inBand[h] == nil {
				if b.inBand == nil {
					b.inBand = map[hiddenFlow]*flowtable.Entry{}
				}
				b.inBand[h] = b.tables.InsertHidden(&h.match, h.priority, h.instructions(), v, d.clock())
				added = true
			}
		}
		if !added && len(change.Removed) == 0 {
			return errNothing
		}
		return nil
	})
	d.queueRemoved(b, change)
}
