package ofswitch

import (
	"encoding/hex"
	"net/netip"
	"testing"

	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// Without any flow entry, the connection of a controller passes, with the ARP and
// DHCP that it takes, and nothing else; nobody sees the entries.
func TestInBand(t *testing.T) {
	l := newLab(t, 1)
	local := l.addPort(l.b, ofp.PortLocal)
	mac := [6]byte{2, 0, 0, 0, 0, 1}
	remote := netip.MustParseAddrPort("10.0.0.9:6653")
	l.b.SetInBand(InBand{MAC: mac, Remotes: []netip.AddrPort{remote, netip.MustParseAddrPort("127.0.0.1:6653"), netip.MustParseAddrPort("[fd00::1]:6653")}})
	hidden := func() (n int) {
		l.b.tables.EachHidden(l.d.Version(), func(*flowtable.Entry) bool { n++; return true })
		return n
	}
	if n := hidden(); n != 8 {
		t.Errorf("%d hidden entries", n)
	}
	ours, other, all := "020000000001", "020000000009", "ffffffffffff"
	arp := func(dst, src, op, spa, tpa string) string {
		return dst + src + "0806" + "0001080006040001"[:14] + op + src + spa + "000000000000" + tpa
	}
	ip := func(proto, src, dst, l4 string) string {
		return "0800" + "4500003000000000" + "40" + proto + "0000" + src + dst + l4 + "0000000000000000000000000000000000000000"
	}
	tcp := func(sport, dport string) string { return sport + dport + "00000000000000005002000000000000" }
	udp := func(sport, dport string) string { return sport + dport + "001c0000" }
	const r, a, b = "0a000009", "0a000001", "0a000002"
	for _, c := range []struct {
		name      string
		fromLocal bool
		frame     string
		passes    bool
	}{
		{"ARP request of ours", true, arp(all, ours, "01", a, r), true},
		{"ARP request of another at LOCAL", true, arp(all, other, "01", a, b), false},
		{"ARP reply to us", false, arp(ours, other, "02", r, a), true},
		{"ARP request for somebody", false, arp(all, other, "01", b, a), false},
		{"ARP request of the controller", false, arp(all, other, "01", r, b), true},
		{"ARP reply to the controller", true, arp(other, ours, "02", b, r), true},
		{"DHCP request of ours", true, all + ours + ip("11", "00000000", "ffffffff", udp("0044", "0043")), true},
		{"DHCP request of another", false, all + ours + ip("11", "00000000", "ffffffff", udp("0044", "0043")), false},
		{"DHCP reply to us", false, ours + other + ip("11", b, a, udp("0043", "0044")), true},
		{"TCP to the controller", true, other + ours + ip("06", a, r, tcp("8000", "19fd")), true},
		{"TCP of the controller", false, ours + other + ip("06", r, a, tcp("19fd", "8000")), true},
		{"TCP to another port of its", true, other + ours + ip("06", a, r, tcp("8000", "0050")), false},
		{"TCP to somebody else", true, other + ours + ip("06", a, b, tcp("8000", "19fd")), false},
		{"UDP to the controller", true, other + ours + ip("11", a, r, udp("8000", "19fd")), false},
	} {
		in, out := l.ports[0], local
		if c.fromLocal {
			in, out = local, l.ports[0]
		}
		in.InjectBytes(unhex(t, c.frame))
		for l.d.Poll() > 0 {
		}
		if n := len(out.Sent()); (n == 1) != c.passes {
			t.Errorf("%s: %d frames passed", c.name, n)
		}
	}
	// Nobody sees the entries, and a message that deletes all leaves them.
	s, err := l.b.AggregateStats(&ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny})
	if err != nil || s.FlowCount != 0 {
		t.Errorf("%d entries, %v", s.FlowCount, err)
	}
	l.add(&ofp.FlowMod{Command: ofp.FlowDelete, Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny})
	if n := hidden(); n != 8 {
		t.Errorf("%d hidden entries after all were deleted", n)
	}
	// The same again changes nothing, another controller what is its own.
	v := l.d.Version()
	l.b.SetInBand(InBand{MAC: mac, Remotes: []netip.AddrPort{remote}})
	if l.d.Version() != v {
		t.Error("the same again published a version")
	}
	l.b.SetInBand(InBand{MAC: mac, Remotes: []netip.AddrPort{remote, netip.MustParseAddrPort("10.0.0.9:6654")}, Queue: 3, HasQueue: true})
	if n := hidden(); n != 10 {
		t.Errorf("%d hidden entries for two controllers at one address", n)
	}
	l.b.SetInBand(InBand{MAC: mac})
	if n := hidden(); n != 0 {
		t.Errorf("%d hidden entries without controllers", n)
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
