package flow

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// ParseMatch(m.String()) == m, for every match that is valid.
func TestTextRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for range 50000 {
		names := map[string]uint32{}
		m := randomMatch(r, false)
		s := m.String()
		got, err := ParseMatch(s)
		if err != nil {
			t.Fatalf("ParseMatch(%q): %v", s, err)
		}
		if got != m {
			t.Fatalf("%q reads back as %q", s, got)
		}
		// The same with port names, good and bad ones.
		s = m.Format(func(port uint32) string {
			n := []string{"", "eth0", "s1-eth1", "a,b =\"\\", "LOCAL", "42", "é\x01"}[port%7]
			if old, taken := names[n]; n == "" || taken && old != port {
				return ""
			}
			names[n] = port
			return n
		})
		got, err = ParseMatchPorts(s, func(name string) (uint32, bool) { p, ok := names[name]; return p, ok })
		if err != nil || got != m {
			t.Fatalf("%q reads back as %q, %v", s, got, err)
		}
	}
}

func TestParseMatch(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{" , ,", ""},
		{"tcp,in_port=1,nw_src=10.0.0.0/8,tp_dst=80", "="},
		{"tp_dst=80,nw_src=10.1.2.3/8,tcp in_port=1", "tcp,in_port=1,nw_src=10.0.0.0/8,tp_dst=80"},
		{"eth_type=0x0800,ip_proto=6,tcp_src=0x50", "tcp,tp_src=80"},
		{"dl_type=0x800,nw_proto=17,udp_dst=53/0xfff1", "udp,tp_dst=0x31/0xfff1"},
		{"ip,nw_proto=6,tcp", "tcp"},
		{"tcp,nw_proto=6,dl_type=0x800", "tcp"},
		{"eth", ""},
		{"ip4,ip", "ip"},
		{"ip6,nw_proto=132,sctp_dst=5", "sctp6,tp_dst=5"},
		{"ip,nw_proto=58", "="},
		{"ipv6,nw_proto=1", "="},
		{"icmp,icmpv4_type=8,icmp_code=0", "icmp,icmp_type=8,icmp_code=0"},
		{"icmp6,icmpv6_type=135,nd_target=fe80::1,nd_sll=2:0:0:0:0:1", "icmp6,icmp_type=135,nd_target=fe80::1,nd_sll=02:00:00:00:00:01"},
		{"icmp6,icmp_type=135,icmp_code=1,nd_target=::1", "="},
		{"icmp6,icmp_type=136,ipv6_nd_tll=02:00:00:00:00:01/ff:00:00:00:00:00", "icmp6,icmp_type=136,nd_tll=02:00:00:00:00:00/ff:00:00:00:00:00"},
		{"arp,arp_op=513,arp_spa=10.0.0.1,arp_tha=02:00:00:00:00:01", "arp,arp_spa=10.0.0.1,arp_op=513,arp_tha=02:00:00:00:00:01"},
		{"arp,nw_src=10.0.0.1,nw_dst=10.0.0.0/24,nw_proto=2", "arp,arp_spa=10.0.0.1,arp_tpa=10.0.0.0/24,arp_op=2"},
		{"rarp", "="},
		{"dl_type=0x88cc", "="},
		{"dl_type=0x05ff", "="},
		{"dl_type=0x88e7,pbb_isid=0x10/0xff", "="},
		{"mpls,mpls_label=16,mpls_tc=3,mpls_bos=1", "="},
		{"mplsm,mpls_label=0x10", "mplsm,mpls_label=16"},
		{"dl_vlan=5,dl_vlan_pcp=3", "="},
		{"dl_vlan_pcp=3,dl_vlan=5", "dl_vlan=5,dl_vlan_pcp=3"},
		{"vlan_pcp=3", "dl_vlan_pcp=3"},
		{"vlan_vid=0x1000/0x1000,vlan_pcp=3", "dl_vlan_pcp=3"},
		{"vlan_vid=0x1005", "dl_vlan=5"},
		{"vlan_vid=0x1000/0x1000", "vlan_tci=0x1000/0x1000"},
		{"vlan_vid=0", "vlan_tci=0x0000/0x1fff"},
		{"dl_vlan=0xffff", "vlan_tci=0x0000/0x1fff"},
		{"vlan_tci=0", "vlan_tci=0x0000/0x1fff"},
		{"dl_vlan=0", "="},
		{"vlan_tci=0x1005", "dl_vlan=5,dl_vlan_pcp=0"},
		{"vlan_tci=0xf003/0xf00f", "="},
		{"vlan_vid=0x1005/0x1003", "vlan_tci=0x1001/0x1003"},
		{"ip,nw_tos=255", "ip,nw_tos=252"},
		{"ip,ip_dscp=46,ip_ecn=1", "ip,nw_tos=184,nw_ecn=1"},
		{"metadata=0", "="},
		{"metadata=10", "metadata=0xa"},
		{"tun_id=5/0xf", "tun_id=0x5/0xf"},
		{"tunnel_id=0x0/0xf", "tun_id=0/0xf"},
		{"in_port=LOCAL", "="},
		{"in_port=local", "in_port=LOCAL"},
		{"in_port=0xfffffffe", "in_port=LOCAL"},
		{"in_port=4294967294", "in_port=LOCAL"},
		{"in_port=65534", "in_port=LOCAL"},
		{"in_port=0xfffe", "="},
		{"in_port=70000", "="},
		{"in_port=NONE", "in_port=ANY"},
		{"in_port=3,in_phy_port=5", "="},
		{"ip,nw_src=*", "ip"},
		{"ip,nw_src=1.2.3.4/0", "ip"},
		{"ip,nw_src=1.2.3.4/255.0.255.0", "ip,nw_src=1.0.3.0/255.0.255.0"},
		{"ip,nw_src=1.2.3.4/255.255.0.0", "ip,nw_src=1.2.0.0/16"},
		{"ip,nw_src=1.2.3.4/32", "ip,nw_src=1.2.3.4"},
		{"ipv6,ipv6_src=2001:db8::1/32,ipv6_dst=::1.2.3.4", "ipv6,ipv6_src=2001:db8::/32,ipv6_dst=::1.2.3.4"},
		{"ipv6,ipv6_src=::5/::f", "="},
		{"ipv6,ipv6_label=0x5,ipv6_exthdr=hop|frag", "ipv6,ipv6_label=0x00005,ipv6_exthdr=frag|hop"},
		{"ipv6,ipv6_label=0x5/0xff", "ipv6,ipv6_label=0x00005/0x000ff"},
		{"ipv6,ipv6_exthdr=0", "="},
		{"ipv6,ipv6_exthdr=+hop-unseq", "="},
		{"ipv6,ipv6_exthdr=0x40/0x41", "ipv6,ipv6_exthdr=-nonext+hop"},
		{"dl_dst=01:00:00:00:00:00/01:00:00:00:00:00", "="},
		{"dl_src=02:00:00:00:00:01/ff:ff:ff:ff:ff:ff", "dl_src=02:00:00:00:00:01"},
	} {
		want := c.want
		if want == "=" {
			want = c.in
		}
		m, err := ParseMatch(c.in)
		if err != nil {
			t.Errorf("ParseMatch(%q): %v", c.in, err)
			continue
		}
		if got := m.String(); got != want {
			t.Errorf("ParseMatch(%q) is %q, want %q", c.in, got, want)
		}
		if again := mustParse(t, m.String()); again != m {
			t.Errorf("%q changes when it is read again", m)
		}
	}
}

func TestParseMatchErrors(t *testing.T) {
	for _, c := range []struct{ in, field, says string }{
		{"nosuch=1", "nosuch", "unknown"},
		{"nosuch", "nosuch", "unknown"},
		{"tcp,nw_ttl=5", "nw_ttl", "extension"},
		{"reg0=1", "reg0", "extension"},
		{"ct_state=+trk", "ct_state", "extension"},
		{"IP", "IP", "unknown"},
		{"OXM_OF_IN_PORT=1", "OXM_OF_IN_PORT", "unknown"},
		{"=1", "=1", "field name"},
		{"in_port", "in_port", "value"},
		{"dl_vlan", "dl_vlan", "value"},
		{"in_port=x", "in_port", "name of a port"},
		{"in_port=4294967296", "in_port", "port"},
		{"in_port=-1", "in_port", "port"},
		{"in_port=1/1", "in_port", "port"},
		{"in_port=\"x", "in_port", "port"},
		{"dl_src=1:2:3", "dl_src", "Ethernet address"},
		{"dl_src=1:2:3:4:5:100", "dl_src", "Ethernet address"},
		{"dl_src=02:00:00:00:00:01/24", "dl_src", "mask"},
		{"ip,nw_src=1.2.3", "nw_src", "IPv4 address"},
		{"ip,nw_src=1.2.3.4/33", "nw_src", "mask"},
		{"ip,nw_src=1.2.3.4/", "nw_src", "mask"},
		{"ip,nw_src=::1", "nw_src", "IPv4 address"},
		{"ipv6,ipv6_src=1.2.3.4", "ipv6_src", "IPv6 address"},
		{"ipv6,ipv6_src=fe80::1%eth0", "ipv6_src", "IPv6 address"},
		{"ipv6,ipv6_src=::1/129", "ipv6_src", "mask"},
		{"ipv6,ipv6_label=0x100000", "ipv6_label", "0xfffff"},
		{"ipv6,ipv6_exthdr=hop|nope", "ipv6_exthdr", "header names"},
		{"ipv6,ipv6_exthdr=+hop+hop", "ipv6_exthdr", "header names"},
		{"ipv6,ipv6_exthdr=", "ipv6_exthdr", "header names"},
		{"dl_type=0x10000", "dl_type", "0xffff"},
		{"dl_type=0800", "dl_type", "number"},
		{"dl_type=0x800/0xff00", "dl_type", "without mask"},
		{"ip,nw_proto=6/0xf", "nw_proto", "without mask"},
		{"ip,nw_proto=tcp", "nw_proto", "number"},
		{"ip,nw_tos=256", "nw_tos", "0 to 255"},
		{"ip,ip_dscp=64", "ip_dscp", "0x3f"},
		{"ip,nw_ecn=4", "nw_ecn", "0x3"},
		{"mpls,mpls_bos=2", "mpls_bos", "0x1"},
		{"dl_vlan=4096", "dl_vlan", "4095"},
		{"vlan_tci=0x2000/0x6000", "vlan_tci", "priority"},
		{"vlan_tci=0x2000/0xe000", "vlan_tci", "tag"},
		{"vlan_tci=x", "vlan_tci", "16 bits"},
		{"tcp,tp_src=65536", "tp_src", "0xffff"},
		{"tcp,tp_src=5/0x10000", "tp_src", "mask"},
		// twice
		{"in_port=1,in_port=1", "in_port", "once"},
		{"tcp,tp_src=1,tp_src=1", "tp_src", "once"},
		{"ip,nw_src=1.1.1.1,ip_src=1.1.1.1", "nw_src", "ip_src"},
		{"dl_vlan=1,vlan_vid=0x1001", "vlan_vid", "dl_vlan"},
		{"vlan_tci=0x1005,dl_vlan_pcp=1", "dl_vlan_pcp", "vlan_tci"},
		{"tcp,tp_src=1,tcp_src=1", "tp_src", "tcp_src"},
		{"ip,nw_tos=4,ip_dscp=1", "ip_dscp", "nw_tos"},
		{"tcp,udp", "udp", "tcp"},
		{"ip,ipv6", "ipv6", "ip"},
		{"tcp,nw_proto=17", "nw_proto", "tcp"},
		{"tcp,dl_type=0x86dd", "dl_type", "tcp"},
		// prerequisites
		{"in_phy_port=1", "in_phy_port", "in_port"},
		{"nw_src=10.0.0.1", "nw_src", "ip"},
		{"tp_dst=80", "tp_dst", "tcp, udp or sctp"},
		{"ip,tp_dst=80", "tp_dst", "tcp, udp or sctp"},
		{"udp,tcp_dst=80", "tcp_dst", "tcp or tcp6"},
		{"tcp,udp_dst=80", "udp_dst", "udp or udp6"},
		{"ip,icmp_type=1", "icmp_type", "icmp or icmp6"},
		{"icmp,icmpv6_type=1", "icmpv6_type", "icmp6"},
		{"ip,arp_spa=1.1.1.1", "arp_spa", "arp"},
		{"arp,ip_src=1.1.1.1", "ip_src", "ip"},
		{"ip,ipv6_src=::1", "ipv6_src", "ipv6"},
		{"mpls_label=3", "mpls_label", "mpls"},
		{"pbb_isid=3", "pbb_isid", "0x88e7"},
		{"vlan_vid=0,vlan_pcp=1", "vlan_pcp", "dl_vlan"},
		{"nw_tos=4", "nw_tos", "ip or ipv6"},
		{"icmp6,nd_target=::1", "nd_target", "icmp_type=135"},
		{"icmp6,icmp_type=135,nd_tll=02:00:00:00:00:01", "nd_tll", "icmp_type=136"},
	} {
		m, err := ParseMatch(c.in)
		var pe *ParseError
		if !errors.As(err, &pe) {
			t.Errorf("ParseMatch(%q) = %q, %v; want a ParseError", c.in, m, err)
			continue
		}
		if pe.Field != c.field || !strings.Contains(pe.Want, c.says) || !strings.Contains(err.Error(), pe.Field) || !strings.Contains(err.Error(), pe.Value) {
			t.Errorf("ParseMatch(%q): %v; want it to name %s and to say %q", c.in, err, c.field, c.says)
		}
		if !m.IsCatchAll() {
			t.Errorf("ParseMatch(%q) gives a match with the error", c.in)
		}
	}
}

// A value of any field that is written can be read again.
func TestValueRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	for id := ID(0); id < NumFields; id++ {
		f := id.Field()
		for i := range 500 {
			full := f.Full()
			v, mask := Value{r.Uint64() & full.Hi, r.Uint64() & full.Lo}, full
			if i%5 == 0 {
				v = Value{Lo: uint64(i/5) & full.Lo}
			}
			if f.OVSMask && i%2 == 0 {
				mask = Value{r.Uint64() & full.Hi, r.Uint64()&full.Lo | 1}
				v = Value{v.Hi & mask.Hi, v.Lo & mask.Lo}
			}
			s := FormatValue(f, v, mask)
			gotV, gotMask, err := ParseValue(f, s)
			if err != nil || gotV != v || gotMask != mask {
				t.Fatalf("%s: %x/%x is written %q and read %x/%x, %v", id, v, mask, s, gotV, gotMask, err)
			}
		}
	}
}

// The form of set_field, as Open vSwitch 3.1 prints it.
func TestFormatValue(t *testing.T) {
	for _, c := range []struct {
		id   ID
		in   string
		want string
	}{
		{Metadata, "0", "0"}, {Metadata, "5", "0x5"},
		{VLANVID, "0x1005", "4101"}, {VLANPCP, "3", "3"},
		{IPv6Flabel, "0x12345", "0x12345"}, {IPv6Flabel, "0", "0"},
		{IPv4Src, "1.2.3.4", "1.2.3.4"}, {EthSrc, "2:0:0:0:0:1", "02:00:00:00:00:01"},
		{IPDSCP, "10", "10"}, {IPECN, "3", "3"}, {IPv6Src, "::1.2.3.4", "::1.2.3.4"},
		{IPv6Src, "::ffff:1.2.3.4", "::ffff:1.2.3.4"}, {IPv6Src, "0:0:1:0:0:0:0:1", "0:0:1::1"},
		{TunnelID, "16", "0x10"}, {InPort, "LOCAL", "LOCAL"}, {MPLSLabel, "100", "100"}, {TCPSrc, "0x50", "80"},
	} {
		f := c.id.Field()
		v, mask, err := ParseValue(f, c.in)
		if err != nil {
			t.Errorf("ParseValue(%s, %q): %v", c.id, c.in, err)
		} else if got := FormatValue(f, v, mask); got != c.want {
			t.Errorf("%s: %q is written %q, want %q", c.id, c.in, got, c.want)
		}
	}
}

func TestFormatNames(t *testing.T) {
	names := func(port uint32) string {
		return map[uint32]string{1: "eth0", 2: "s1-eth1", 3: "local", 4: "7up"}[port]
	}
	for in, want := range map[string]string{
		"in_port=1":     "in_port=eth0",
		"in_port=2":     `in_port="s1-eth1"`,
		"in_port=3":     `in_port="local"`,
		"in_port=4":     `in_port="7up"`,
		"in_port=5":     "in_port=5",
		"in_port=LOCAL": "in_port=LOCAL",
	} {
		m := mustParse(t, in)
		if got := m.Format(names); got != want {
			t.Errorf("%s is written %s, want %s", in, got, want)
		}
	}
}

func FuzzParseMatch(f *testing.F) {
	r := rand.New(rand.NewPCG(41, 42))
	for range 100 {
		f.Add(randomMatch(r, false).String())
	}
	for _, s := range []string{"tcp udp", "vlan_tci=0x1005", "in_port=\"a,b\"", "ip,nw_src=1.2.3.4/255.0.255.0", "ipv6,ipv6_exthdr=+hop-frag", "eth,dl_vlan=0xffff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMatch(s)
		if err != nil {
			var pe *ParseError
			if !errors.As(err, &pe) || pe.Want == "" {
				t.Fatalf("%q: the error is %#v", s, err)
			}
			return
		}
		m.Fields(func(fd *Field, v, mask Value) bool {
			if !m.PrereqsMet(fd.ID) || v.Hi&^mask.Hi != 0 || v.Lo&^mask.Lo != 0 {
				t.Fatalf("%q gives an invalid match: %s", s, fd.Name)
			}
			return true
		})
		again, err := ParseMatch(m.String())
		if err != nil || again != m {
			t.Fatalf("%q is %q, which reads as %q, %v", s, m, again, err)
		}
	})
}
