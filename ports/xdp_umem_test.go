package ports

import (
	"slices"
	"strings"
	"testing"
)

// A umem's slots go to sides and back, and none is ever in two places.
func TestUmemSides(t *testing.T) {
	umems.Lock()
	u, err := newUmem(64)
	if err != nil {
		t.Fatal(err)
	}
	umems.list = slices.DeleteFunc(umems.list, func(x *umem) bool { return x == u }) // for this test alone
	umems.Unlock()
	a, b, ok := u.sides(20)
	if !ok {
		t.Fatal("64 slots are not enough for two sides of 20")
	}
	if _, _, ok := u.sides(20); ok {
		t.Error("104 slots out of 64")
	}
	c, d, ok := u.sides(12)
	if !ok {
		t.Fatal("24 slots are not enough for two sides of 12")
	}
	seen := map[uint32]int{}
	for _, side := range []umemSide{a, b, c, d} {
		for _, s := range side.owned() {
			seen[s]++
			if !u.has(s) || u.at(u.offset(s)) != s || u.at(u.offset(s)+umemSlot-1) != s || len(u.bytes(s)) != umemSlot {
				t.Errorf("slot %d: offset %d, found as %d, %d bytes", s, u.offset(s), u.at(u.offset(s)), len(u.bytes(s)))
			}
			u.bytes(s)[0] = 1
		}
	}
	for s, n := range seen {
		if n != 1 {
			t.Errorf("slot %d has %d owners", s, n)
		}
	}
	if len(seen) != 64 || u.has(0) || u.has(u.first-1) || u.has(u.first+64) {
		t.Errorf("%d slots", len(seen))
	}
	if err := b.release(); err != nil {
		t.Fatal(err)
	}
	e, f, ok := u.sides(10)
	if !ok {
		t.Fatal("20 free slots are not enough for two sides of 10")
	}
	for _, side := range []umemSide{a, c, d, e, f} {
		if err := side.release(); err != nil {
			t.Fatal(err)
		}
	}
	if len(u.free) != 64 || slices.Contains(u.used[1:], true) {
		t.Errorf("%d free slots, sides %v", len(u.free), u.used)
	}
	if u.mem[0] != 0 {
		t.Error("an unused umem keeps its pages")
	}
	if err := (umemSide{}).release(); err != nil {
		t.Error(err)
	}
}

func TestUmemIsFull(t *testing.T) {
	a, b, err := newUmemSides(umemMinSlots)
	if err != nil {
		t.Fatal(err)
	}
	c, d, err := newUmemSides(umemMinSlots)
	if err != nil {
		t.Fatal(err)
	}
	if a.u != b.u || c.u != d.u || a.u == c.u {
		t.Error("two full umems were expected")
	}
	for _, s := range a.owned() {
		if c.u.has(s) {
			t.Fatalf("slot %d is in two umems", s)
		}
	}
	for _, s := range []umemSide{a, b, c, d} {
		if err := s.release(); err != nil {
			t.Error(err)
		}
	}
}

func TestIOChoice(t *testing.T) {
	all := xdpBasic | xdpRedirect | xdpZeroCopy
	for name, tc := range map[string]struct {
		f    ioFacts
		want string
		xdp  bool
		why  string
	}{
		"card":              {ioFacts{kind: "device", features: all, mtu: 1500, qdisc: "mq"}, IOAuto, true, "native XDP"},
		"largest MTU":       {ioFacts{kind: "device", features: all, mtu: maxXDPMTU}, IOAuto, true, "native XDP"},
		"jumbo":             {ioFacts{kind: "device", features: all, mtu: 9000}, IOAuto, false, "MTU 9000"},
		"jumbo, asked":      {ioFacts{kind: "device", features: all, mtu: maxXDPMTU + 1}, IOAFXDP, false, "MTU 1775"},
		"veth":              {ioFacts{kind: "veth", features: all, mtu: 1500}, IOAuto, false, "kind veth"},
		"veth, asked":       {ioFacts{kind: "veth", features: all, mtu: 1500}, IOAFXDP, true, "as configured"},
		"TAP":               {ioFacts{kind: "tuntap", features: all, mtu: 1500}, IOAuto, false, "kind tuntap"},
		"bond":              {ioFacts{kind: "bond", features: all, mtu: 1500}, IOAuto, false, "kind bond"},
		"VLAN":              {ioFacts{kind: "vlan", mtu: 1500}, IOAuto, false, "kind vlan"},
		"bridge":            {ioFacts{kind: "bridge", mtu: 1500}, IOAuto, false, "kind bridge"},
		"old kernel":        {ioFacts{kind: "device", unknown: errGone, mtu: 1500}, IOAuto, false, errGone.Error()},
		"no XDP":            {ioFacts{kind: "device", mtu: 1500}, IOAuto, false, "no native XDP"},
		"no redirection":    {ioFacts{kind: "device", features: xdpBasic, mtu: 1500}, IOAuto, false, "no native XDP"},
		"shaped":            {ioFacts{kind: "device", features: all, mtu: 1500, qdisc: "tbf"}, IOAuto, false, "discipline tbf"},
		"card, not wanted":  {ioFacts{kind: "device", features: all, mtu: 1500}, IOAFPacket, false, "as configured"},
		"no XDP, but asked": {ioFacts{kind: "device", mtu: 1500}, IOAFXDP, true, "as configured"},
	} {
		if xdp, why := tc.f.choose(tc.want); xdp != tc.xdp || !strings.Contains(why, tc.why) {
			t.Errorf("%s: AF_XDP %v, %q; want %v, %q", name, xdp, why, tc.xdp, tc.why)
		}
	}
}

func TestXDPAttempts(t *testing.T) {
	modes := func(f ioFacts, m XDPMode) (list []XDPMode) {
		for _, a := range f.attempts(m) {
			list = append(list, a.mode)
		}
		return list
	}
	native := xdpBasic | xdpRedirect
	for _, tc := range []struct {
		f    ioFacts
		mode XDPMode
		want []XDPMode
	}{
		{ioFacts{features: native | xdpZeroCopy}, XDPBestEffort, []XDPMode{XDPZeroCopy, XDPNative, XDPGeneric}},
		{ioFacts{features: native}, XDPBestEffort, []XDPMode{XDPNative, XDPGeneric}},
		{ioFacts{}, XDPBestEffort, []XDPMode{XDPGeneric}},
		{ioFacts{unknown: errGone}, XDPBestEffort, []XDPMode{XDPZeroCopy, XDPNative, XDPGeneric}},
		{ioFacts{}, XDPZeroCopy, []XDPMode{XDPZeroCopy}},
		{ioFacts{}, XDPNative, []XDPMode{XDPNative}},
		{ioFacts{features: native}, XDPGeneric, []XDPMode{XDPGeneric}},
	} {
		if got := modes(tc.f, tc.mode); !slices.Equal(got, tc.want) {
			t.Errorf("%s with %+v: %v, want %v", tc.mode, tc.f, got, tc.want)
		}
	}
}

func TestParseIO(t *testing.T) {
	for in, want := range map[string]string{"": IOAuto, "auto": IOAuto, "afpacket": IOAFPacket, "afxdp": IOAFXDP} {
		if got, err := ParseIO(in); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"AFXDP", "dpdk", "plain"} {
		if _, err := ParseIO(in); err == nil {
			t.Errorf("%q is a way to move frames", in)
		}
	}
	for in, want := range map[string]XDPMode{"": XDPBestEffort, "native": XDPNative, "generic": XDPGeneric, "native-with-zerocopy": XDPZeroCopy, "best-effort": XDPBestEffort} {
		if got, err := ParseXDPMode(in); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	if _, err := ParseXDPMode("skb"); err == nil {
		t.Error(`"skb" is a mode`)
	}
}
