package differential

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"ofswitch/l2"
	"ofswitch/ofswitch"
)

// l2Ports are the ports with frames in both switches: those of br0, numbered from 1 on in
// this order, its LOCAL port, then those of br1. A patch joins both bridges.
var l2Ports = []string{"p1", "p2", "p3", "p4", "p5", "m1", "m2", "br0", "q1", "q2"}

const (
	l2Near = 7 // the first ports of l2Ports are in br0
	l2Far  = 8 // those from here on in br1
)

// l2World is the configuration of both bridges.
type l2World struct {
	ports   map[string]ofswitch.L2Port // by name, patches "x0" and "x1" too
	bond    *ofswitch.L2Bond           // of m1 and m2; nil: they are ports
	mirrors []ofswitch.L2Mirror        // of br0
	flood   []uint16                   // VLANs of br0
	bpdu    bool                       // br0 forwards them
	oneTag  bool                       // vlan-limit is 1
}

func chance(r *rand.Rand, percent int) bool { return r.IntN(100) < percent }

func oneOf[T any](r *rand.Rand, list ...T) T { return pick(r, list) }

// vids are the identifiers in use.
var vids = []uint16{0, 1, 2, 3, 5, 4095}

func someVIDs(r *rand.Rand) (list []uint16) {
	for range r.IntN(4) {
		if v := oneOf(r, vids...); !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	slices.Sort(list)
	return list
}

func newL2World(r *rand.Rand) *l2World {
	w := &l2World{ports: map[string]ofswitch.L2Port{}, bpdu: chance(r, 30), oneTag: chance(r, 25)}
	for _, name := range append([]string{"x0", "x1"}, l2Ports...) {
		w.ports[name] = w.port(r)
	}
	for _, patch := range []string{"x0", "x1"} {
		// A patch would make three tags of two; see frame.
		for w.ports[patch].VLAN.Mode == l2.Tunnel {
			w.ports[patch] = w.port(r)
		}
	}
	if chance(r, 40) {
		w.bond = &ofswitch.L2Bond{Name: "bond0", L2Port: w.port(r), Config: l2.BondConfig{Mode: oneOf(r, l2.ActiveBackup, l2.ActiveBackup, l2.BalanceTCP)}}
	}
	if chance(r, 30) {
		w.flood = someVIDs(r)
	}
	if chance(r, 60) {
		w.makeMirrors(r)
	}
	return w
}

func (w *l2World) port(r *rand.Rand) ofswitch.L2Port {
	if chance(r, 35) {
		return ofswitch.L2Port{}
	}
	return ofswitch.L2Port{Protected: chance(r, 15), VLAN: l2.VLAN{
		Mode: oneOf(r, l2.Trunk, l2.Access, l2.Access, l2.NativeTagged, l2.NativeUntagged, l2.Tunnel),
		Tag:  oneOf(r, vids...), Trunks: newVLANs(r), CVLANs: newVLANs(r),
		Priority: oneOf(r, l2.PriorityNever, l2.PriorityNever, l2.PriorityIfNonzero, l2.PriorityAlways),
		TPID:     oneOf[uint16](r, 0x8100, 0x88a8),
	}}
}

func newVLANs(r *rand.Rand) *l2.VLANs {
	if chance(r, 50) {
		return nil
	}
	return l2.NewVLANs(someVIDs(r))
}

// makeMirrors makes some. Where what goes out is selected, which of two mirrors is first
// hangs on the order in which a switch serves ports and mirrors, so such a one is alone.
func (w *l2World) makeMirrors(r *rand.Rand) {
	names := []string{"p1", "p2", "p3", "p4", "p5", "br0", "x0"}
	if w.bond != nil {
		names = append(names, "bond0")
	}
	snap := oneOf[uint16](r, 0, 0, 0, 14, 40, 65)
	count := 1 + r.IntN(3)
	for i := range count {
		m := ofswitch.L2Mirror{Name: fmt.Sprint("mirror", i), SnapLen: snap, All: count == 1 && chance(r, 40)}
		if !m.All {
			for _, n := range names {
				if chance(r, 35) {
					m.Src = append(m.Src, n)
				}
			}
			if count == 1 && chance(r, 60) {
				m.Dst = []string{oneOf(r, names...)}
			}
		}
		if chance(r, 35) {
			m.VLANs = someVIDs(r)
		}
		// Open vSwitch forgets snaplen in the middle of a flood if what is flooded is
		// mirrored itself.
		if chance(r, 60) || snap != 0 && count > 1 {
			m.Output = oneOf(r, "p4", "p5", "p5", "x0")
		} else {
			m.OutputVLAN = oneOf[uint16](r, 1, 3, 5)
		}
		w.mirrors = append(w.mirrors, m)
	}
}

// frame makes a frame and chooses where it comes in.
func (w *l2World) frame(r *rand.Rand) (port string, frame []byte) {
	port = oneOf(r, l2Ports...)
	if len(w.mirrors) > 0 && w.mirrors[0].All {
		// What comes through the patch is copied where it goes out first, which hangs on
		// the order of ports.
		port = oneOf(r, l2Ports[:l2Far]...)
	}
	dst := oneOf[uint64](r, 0xffffffffffff, 0xffffffffffff, 0x01005e000001, 0x0180c2000000, 0x0180c200000e, 0x0180c2000010,
		0x01000ccccccc, 0x00e02b000000)
	if chance(r, 60) {
		dst = 0x020000000000 | r.Uint64N(6)
	}
	frame = binary.BigEndian.AppendUint64(nil, dst<<16)[:6]
	frame = append(frame, 2, 0, 0, 0, 0, byte(r.IntN(6)))
	tags := oneOf(r, 0, 0, 1, 1, 1, 2, 2)
	if w.tunnelled(port) && !w.oneTag {
		// Behind a third tag, which it puts in front, Open vSwitch loses the last.
		tags = min(tags, 1)
	}
	for range tags {
		frame = binary.BigEndian.AppendUint16(frame, oneOf[uint16](r, 0x8100, 0x8100, 0x8100, 0x88a8))
		frame = binary.BigEndian.AppendUint16(frame, oneOf(r, vids...)|oneOf[uint16](r, 0, 0, 3, 7)<<13)
	}
	frame = binary.BigEndian.AppendUint16(frame, 0x88b5) // local experiments
	for range 64 {
		frame = append(frame, byte(r.Uint32()))
	}
	return port, frame
}

// tunnelled says whether frames that come in by a port get a service tag.
func (w *l2World) tunnelled(port string) bool {
	if w.bond != nil && port[0] == 'm' {
		return w.bond.VLAN.Mode == l2.Tunnel
	}
	return w.ports[port].VLAN.Mode == l2.Tunnel
}

func (w *l2World) String() string {
	var b strings.Builder
	for _, name := range append([]string{"x0", "x1"}, l2Ports...) {
		fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(portColumns(w.ports[name]), " "))
	}
	if w.bond != nil {
		fmt.Fprintf(&b, "bond0: %v %s\n", w.bond.Config.Mode, strings.Join(portColumns(w.bond.L2Port), " "))
	}
	fmt.Fprintf(&b, "flood %v, forward-bpdu %v, vlan-limit 1: %v, mirrors %+v\n", w.flood, w.bpdu, w.oneTag, w.mirrors)
	return b.String()
}

// vlanList is a set as ovs-vsctl takes it.
func vlanList(s *l2.VLANs) string {
	var list []string
	for id := range uint16(4096) {
		if s != nil && s.Has(id) {
			list = append(list, fmt.Sprint(id))
		}
	}
	return "[" + strings.Join(list, ",") + "]"
}

// portColumns are the columns of table Port that make a port what p says.
func portColumns(p ofswitch.L2Port) []string {
	priority := map[l2.PriorityTags]string{l2.PriorityNever: "never", l2.PriorityIfNonzero: "if-nonzero", l2.PriorityAlways: "always"}[p.VLAN.Priority]
	qinq := "802.1ad"
	if p.VLAN.TPID == 0x8100 {
		qinq = "802.1q"
	}
	return []string{
		"vlan_mode=" + p.VLAN.Mode.String(), fmt.Sprint("tag=", p.VLAN.Tag), "trunks=" + vlanList(p.VLAN.Trunks), "cvlans=" + vlanList(p.VLAN.CVLANs),
		"other_config:priority-tags=" + priority, "other_config:qinq-ethtype=" + qinq, fmt.Sprint("protected=", p.Protected),
	}
}
