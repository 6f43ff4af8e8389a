package bridge

import (
	"bytes"
	"encoding/binary"
	"net"
	"slices"
	"testing"

	"ofswitch/ofp"
	"ofswitch/ports"
)

// address fails the test unless the bridge, its TAP and its datapath id have this
// address.
func (l *lab) address(bridge string, want net.HardwareAddr) {
	l.t.Helper()
	of, err := l.s.bridge(bridge)
	if err != nil {
		l.t.Fatal(err)
	}
	id := binary.BigEndian.AppendUint64(nil, of.Features().DatapathID)[2:]
	if got := l.ns.MAC(bridge); !bytes.Equal(got, want) || !bytes.Equal(id, want) {
		l.t.Errorf("%s has %v, datapath id %x, want %v", bridge, got, id, want)
	}
	for _, d := range of.PortDescs() {
		if d.Port == ofp.PortLocal && !bytes.Equal(d.HWAddr[:], want) {
			l.t.Errorf("controllers see %x at LOCAL, want %v", d.HWAddr, want)
		}
	}
}

// A bridge takes the lowest address of its ports that a maker has given, in whatever
// order they are, and changes it with them; the device stays.
func TestIntegrationBridgeMAC(t *testing.T) {
	l := newLab(t)
	low, high := net.HardwareAddr{0, 0x16, 0x3e, 0, 0, 1}, net.HardwareAddr{0, 0x16, 0x3e, 0, 0, 2}
	byDefault, given := net.HardwareAddr{2, 0, 0, 0, 0, 0x77}, net.HardwareAddr{0xaa, 0xbb, 0xcc, 0, 0, 1}
	l.setMAC("v1", high)
	l.setMAC("v2", low)
	l.ns.AddVeth("v3", "w3", l.ns)
	t.Cleanup(func() { l.ns.DelLink("v3") })
	conf := func(other map[string]string, p ...Port) Bridge {
		b := secure("brA", p...)
		b.DefaultMAC, b.OtherConfig = [6]byte(byDefault), other
		return b
	}
	v1, v2, v3 := Port{Name: "v1"}, Port{Name: "v2"}, Port{Name: "v3"} // v3's address is nobody's
	l.mustApply(conf(nil, v3))
	l.address("brA", byDefault)
	index := l.ns.Link("brA").Attrs().Index
	for _, c := range []struct {
		ports []Port
		other map[string]string
		want  net.HardwareAddr
	}{
		{[]Port{v1, v3}, nil, high},
		{[]Port{v1, v3, v2}, nil, low},
		{[]Port{v2, {Name: "absent"}, v1}, nil, low},
		{[]Port{v1, v2}, map[string]string{KeyHWAddr: given.String()}, given},
		{[]Port{v1, v2}, map[string]string{KeyHWAddr: "01:00:00:00:00:01"}, low},
		{[]Port{v1}, nil, high},
		{[]Port{v1, {Name: "vm0", Type: TypeInternal, MAC: low}}, nil, low},
		{[]Port{v1, {Name: "vm0", Type: TypeInternal, MAC: given}}, nil, high},
		{nil, nil, byDefault},
		{[]Port{v1}, nil, high},
	} {
		err := l.apply(conf(c.other, c.ports...))
		if (err != nil) != (c.other[KeyHWAddr] == "01:00:00:00:00:01") {
			t.Errorf("%v: %v", c.ports, err)
		}
		l.address("brA", c.want)
	}
	// The device's own address changes.
	l.setMAC("v1", net.HardwareAddr{0, 0x16, 0x3e, 0, 0, 3})
	l.ns.Do(func() { l.s.linkEvent(ports.Event{Name: "v1", Ifindex: l.ns.Link("v1").Attrs().Index}) })
	l.address("brA", net.HardwareAddr{0, 0x16, 0x3e, 0, 0, 3})
	// A port may count with another address than its device's.
	l.mustApply(conf(nil, Port{Name: "v1", BridgeMAC: net.HardwareAddr{0, 0x16, 0x3e, 0, 0, 0x11}}, Port{Name: "v2", BridgeMAC: high}))
	l.address("brA", high)
	l.mustApply(conf(nil, v1))
	l.address("brA", net.HardwareAddr{0, 0x16, 0x3e, 0, 0, 3})
	// What a mirror sends to gives none.
	b := conf(nil, v1, v2)
	b.Mirrors = []Mirror{{Name: "m", SelectAll: true, OutputPort: "v2"}}
	l.mustApply(b)
	l.address("brA", net.HardwareAddr{0, 0x16, 0x3e, 0, 0, 3})
	if l.ns.Link("brA").Attrs().Index != index {
		t.Error("the bridge's device was made anew")
	}
}

func (l *lab) setMAC(dev string, mac net.HardwareAddr) {
	l.t.Helper()
	if err := l.ns.Netlink.LinkSetHardwareAddr(l.ns.Link(dev), mac); err != nil {
		l.t.Fatal(err)
	}
}

// An internal port that stands for a fake bridge has the bridge's address, also where
// it comes together with its bridge, which has none yet.
func TestIntegrationFakeBridgeMAC(t *testing.T) {
	l := newLab(t)
	b := secure("brA", Port{Name: "vm0", Type: TypeInternal, FakeBridge: true, VLAN: VLAN{Tag: 5, HasTag: true}})
	b.DefaultMAC = [6]byte{2, 0, 0, 0, 0, 0x77}
	l.mustApply(b)
	if got := l.ns.MAC("vm0"); !bytes.Equal(got, b.DefaultMAC[:]) {
		t.Errorf("vm0 has %v, want the bridge's address %x", got, b.DefaultMAC)
	}
	l.address("brA", b.DefaultMAC[:])
}

// A datapath id that is given is taken on at any time; bridges with the same device
// have different ones.
func TestIntegrationApplyDatapathID(t *testing.T) {
	l := newLab(t)
	id := func(name string) uint64 {
		t.Helper()
		of, err := l.s.bridge(name)
		if err != nil {
			t.Fatal(err)
		}
		return of.Features().DatapathID
	}
	for _, want := range []uint64{1, 2, 0xffffffffffffffff} {
		l.mustApply(Bridge{Name: "brA", FailMode: Secure, DatapathID: want})
		if got := id("brA"); got != want {
			t.Errorf("datapath id %d, want %d", got, want)
		}
	}
	l.setMAC("v1", net.HardwareAddr{0, 0x16, 0x3e, 0, 0, 1})
	if err := l.apply(secure("brA", Port{Name: "v1"}), secure("brB", Port{Name: "v1"})); err == nil || id("brA") == id("brB") {
		t.Errorf("two bridges that name v1: %v, datapath ids %x and %x", err, id("brA"), id("brB"))
	}
}

// The internal ports follow the smallest MTU of the others, unless one is asked for;
// devices are changed as they are.
func TestIntegrationApplyMTU(t *testing.T) {
	l := newLab(t)
	l.ns.Run("ip", "link", "set", "v1", "mtu", "1400")
	l.ns.Run("ip", "link", "set", "v2", "mtu", "9000")
	check := func(want ...int) {
		t.Helper()
		var got []int
		for _, dev := range []string{"brA", "vm0", "v1", "v2"} {
			got = append(got, l.ns.Link(dev).Attrs().MTU)
		}
		if !slices.Equal(got, want) {
			t.Errorf("MTUs of brA, vm0, v1, v2: %v, want %v", got, want)
		}
	}
	vm0, v1, v2 := Port{Name: "vm0", Type: TypeInternal}, Port{Name: "v1"}, Port{Name: "v2"}
	l.mustApply(secure("brA", vm0))
	indices := []int{l.ns.Link("brA").Attrs().Index, l.ns.Link("vm0").Attrs().Index}
	check(1500, 1500, 1400, 9000)
	l.mustApply(secure("brA", vm0, v2))
	check(9000, 9000, 1400, 9000)
	l.mustApply(secure("brA", vm0, v2, v1))
	check(1400, 1400, 1400, 9000)
	v2.MTU = 1300
	l.mustApply(secure("brA", vm0, v2, v1))
	check(1300, 1300, 1400, 1300)
	vm0.MTU, v2.MTU = 2000, 1350
	vm0.MAC = net.HardwareAddr{2, 0, 0, 0, 0, 5}
	l.mustApply(secure("brA", Port{Name: "brA", Type: TypeInternal, MTU: 3000}, vm0, v2, v1))
	check(3000, 2000, 1400, 1350)
	if mac := l.ns.MAC("vm0"); !bytes.Equal(mac, vm0.MAC) {
		t.Errorf("vm0 has the address %v", mac)
	}
	vm0.MTU, vm0.MAC = 0, net.HardwareAddr{2, 0, 0, 0, 0, 6}
	l.mustApply(secure("brA", vm0, v2, v1))
	check(1350, 1350, 1400, 1350)
	if mac := l.ns.MAC("vm0"); !bytes.Equal(mac, vm0.MAC) {
		t.Errorf("vm0 has the address %v", mac)
	}
	vm0.MTU = 1260 // one that asks for its own counts, too
	l.mustApply(secure("brA", vm0, v2, v1))
	check(1260, 1260, 1400, 1350)
	vm0.MTU = 0
	l.mustApply(secure("brA", vm0, v2, v1))
	check(1350, 1350, 1400, 1350)
	// Somebody changes a device by hand.
	heard := func(dev string) {
		l.ns.Do(func() { l.s.linkEvent(ports.Event{Name: dev, Ifindex: l.ns.Link(dev).Attrs().Index}) })
	}
	l.ns.Run("ip", "link", "set", "v2", "mtu", "1250")
	heard("v2")
	check(1250, 1250, 1400, 1250)
	l.ns.Run("ip", "link", "set", "vm0", "mtu", "1200")
	heard("vm0")
	check(1250, 1200, 1400, 1250)
	l.ns.Run("ip", "link", "set", "vm0", "mtu", "2000")
	heard("vm0")
	check(1250, 1250, 1400, 1250)
	if now := []int{l.ns.Link("brA").Attrs().Index, l.ns.Link("vm0").Attrs().Index}; !slices.Equal(now, indices) {
		t.Error("internal ports were made anew")
	}
	// An MTU that cannot be is an error, and the port goes on.
	vm0.MTU = 70000
	refusedBy(t, l.apply(secure("brA", vm0, v2, v1)), "port vm0: setting the MTU 70000")
	l.mustApply(secure("brA", v1))
}
