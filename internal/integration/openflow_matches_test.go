package integration

import (
	"fmt"
	"testing"
)

// TestIntegrationOpenFlowMatches: every field of OpenFlow 1.3.5 table 12, on
// frames from the wire: a match with the frame's value hits, one with another
// value or other masked bits does not.
func TestIntegrationOpenFlowMatches(t *testing.T) {
	l := newOFLab(t, 2)
	raw := func(b ...byte) []byte { return b }
	eth := func(typ uint16, body []byte, tags ...tag) []byte {
		return ethFrame{typ: typ, body: body, tags: tags}.bytes()
	}
	tagged := udp4.frame(tag{0x88a8, 0xa064}, tag{0x8100, 7})
	tos4 := udp4.with(func(p *ipPacket) { p.tos = 0xb9 }).frame() // DSCP 46, ECN 1
	tos6 := udp6.with(func(p *ipPacket) { p.tos, p.flabel = 0xb9, 0x54321 }).frame()
	request := eth(0x0806, arp(0x0102, 0x020000000001, "10.0.0.1", 0x020000000003, "10.0.0.2"))
	label := eth(0x8847, append(raw(0x12, 0x34, 0x5a, 64, 0, 0, 0x11, 9), udp4.bytes()...)) // label 0x12345, TC 5, not the bottom
	pbb := eth(0x88e7, append(raw(0, 0x12, 0x34, 0x56), make([]byte, 60)...))
	chain := func(first uint8, ext ...byte) []byte {
		return tcp6.with(func(p *ipPacket) { p.ext, p.extType = ext, first }).frame()
	}
	opts := func(next byte) []byte { return raw(next, 0, 1, 4, 0, 0, 0, 0) }
	join := func(parts ...[]byte) (b []byte) {
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	for _, tc := range []struct {
		frame   []byte
		hit     string
		another []string
	}{
		{udp4.frame(), "in_port=1", []string{"in_port=2", "in_port=CONTROLLER"}},
		{udp4.frame(), "in_port=1,in_phy_port=1", []string{"in_port=1,in_phy_port=2"}},
		{udp4.frame(), "metadata=0", []string{"metadata=1", "metadata=0x8000000000000000/0x8000000000000000"}},
		{udp4.frame(), "tun_id=0", []string{"tun_id=1"}},
		{udp4.frame(), "dl_dst=02:00:00:00:00:02", []string{"dl_dst=02:00:00:00:00:03"}},
		{udp4.frame(), "dl_dst=00:00:00:00:00:02/01:00:00:00:00:03", []string{"dl_dst=01:00:00:00:00:00/01:00:00:00:00:00"}},
		{udp4.frame(), "dl_src=02:00:00:00:00:00/ff:00:00:00:00:f0", []string{"dl_src=02:00:00:00:00:11"}},
		{udp4.frame(), "dl_type=0x800", []string{"dl_type=0x86dd"}},
		{tagged, "dl_type=0x800", []string{"dl_type=0x88a8", "dl_type=0x8100"}},
		{tagged, "vlan_vid=0x1064", []string{"vlan_vid=0x1007", "vlan_vid=0x1064/0x1fff,dl_vlan_pcp=4", "vlan_tci=0"}},
		{tagged, "vlan_vid=0x1000/0x1001,dl_vlan_pcp=5", []string{"vlan_vid=0x1001/0x1001"}},
		{tagged, "ip,nw_src=10.0.0.1", []string{"ip,nw_src=10.0.0.2"}},
		{udp4.frame(), "vlan_vid=0/0x1000", []string{"vlan_vid=0x1000/0x1000", "vlan_vid=0x1000"}},
		{udp4.frame(tag{0x8100, 0xe000}), "vlan_vid=0x1000,dl_vlan_pcp=7", []string{"vlan_tci=0"}},
		{tos4, "ip,ip_dscp=46", []string{"ip,ip_dscp=47", "ipv6,ip_dscp=46"}},
		{tos4, "ip,nw_ecn=1", []string{"ip,nw_ecn=0"}},
		{tos6, "ipv6,ip_dscp=46,nw_ecn=1", []string{"ipv6,ip_dscp=45", "ipv6,nw_ecn=3", "ip,ip_dscp=46"}},
		{tos6, "ipv6,ipv6_label=0x54321", []string{"ipv6,ipv6_label=0x54320"}},
		{tos6, "ipv6,ipv6_label=0x50000/0xf0000", []string{"ipv6,ipv6_label=0x40000/0xf0000"}},
		{udp4.frame(), "ip,nw_proto=17", []string{"ip,nw_proto=6", "ipv6,nw_proto=17"}},
		{chain(0, join(opts(60), opts(6))...), "ipv6,nw_proto=6", []string{"ipv6,nw_proto=0", "ipv6,nw_proto=60"}},
		{udp4.frame(), "ip,nw_src=10.0.0.0/8,nw_dst=10.0.0.2", []string{"ip,nw_src=11.0.0.0/8", "ip,nw_dst=10.0.0.1"}},
		{udp4.frame(), "ip,nw_dst=0.0.0.2/0.0.0.255", []string{"ip,nw_dst=0.0.0.3/0.0.0.255"}},
		{tcp4.frame(), "tcp,tp_src=1000,tp_dst=2000", []string{"tcp,tp_src=2000", "tcp,tp_dst=1000", "udp,tp_src=1000"}},
		{tcp6.frame(), "tcp6,tp_src=1000,tp_dst=2000", []string{"tcp6,tp_src=2000", "tcp,tp_src=1000"}},
		{udp4.frame(), "udp,tp_src=1000,tp_dst=2000", []string{"udp,tp_src=2000", "tcp,tp_src=1000"}},
		{udp6.frame(), "udp6,tp_src=1000,tp_dst=2000", []string{"udp6,tp_dst=2001"}},
		{sctp4.frame(), "sctp,tp_src=1000,tp_dst=2000", []string{"sctp,tp_src=2000", "udp,tp_src=1000"}},
		{sctp6.frame(), "sctp6,tp_src=1000,tp_dst=2000", []string{"sctp6,tp_src=2000"}},
		{icmp4.frame(), "icmp,icmp_type=8,icmp_code=0", []string{"icmp,icmp_type=0", "icmp,icmp_code=8"}},
		{icmp6.frame(), "icmp6,icmp_type=128,icmp_code=0", []string{"icmp6,icmp_type=129", "icmp6,icmp_code=1"}},
		{ns6.frame(), "icmp6,icmp_type=135,nd_target=fd00::2,nd_sll=02:00:00:00:00:01",
			[]string{"icmp6,icmp_type=135,nd_target=fd00::3", "icmp6,icmp_type=135,nd_sll=02:00:00:00:00:02", "icmp6,icmp_type=136,nd_target=fd00::2"}},
		{na6.frame(), "icmp6,icmp_type=136,nd_target=fd00::2,nd_tll=02:00:00:00:00:02", []string{"icmp6,icmp_type=136,nd_tll=02:00:00:00:00:01"}},
		{udp6.frame(), "ipv6,ipv6_src=fd00::/16,ipv6_dst=fd00::2", []string{"ipv6,ipv6_src=fe00::/16", "ipv6,ipv6_dst=fd00::1"}},
		{udp6.frame(), "ipv6,ipv6_dst=::2/::ffff", []string{"ipv6,ipv6_dst=::3/::ffff"}},
		{request, "arp,arp_op=0x102", []string{"arp,arp_op=2", "arp,arp_op=0x101"}},
		{request, "arp,arp_spa=10.0.0.1,arp_tpa=10.0.0.0/24", []string{"arp,arp_spa=10.0.0.2", "arp,arp_tpa=10.0.1.0/24"}},
		{request, "arp,arp_sha=02:00:00:00:00:01,arp_tha=02:00:00:00:00:03", []string{"arp,arp_sha=02:00:00:00:00:03", "arp,arp_tha=02:00:00:00:00:01"}},
		{label, "mpls,mpls_label=0x12345,mpls_tc=5,mpls_bos=0", []string{"mpls,mpls_label=1", "mpls,mpls_tc=0", "mpls,mpls_bos=1", "mplsm,mpls_label=0x12345", "ip"}},
		{pbb, "dl_type=0x88e7,pbb_isid=0x123456", []string{"dl_type=0x88e7,pbb_isid=0x123457"}},
		{pbb, "dl_type=0x88e7,pbb_isid=0x120000/0xff0000", []string{"dl_type=0x88e7,pbb_isid=0x130000/0xff0000"}},
		{tcp6.frame(), "ipv6,ipv6_exthdr=0", []string{"ipv6,ipv6_exthdr=1"}},
		{chain(0, join(opts(60), opts(6))...), "ipv6,ipv6_exthdr=0x48", []string{"ipv6,ipv6_exthdr=0", "ipv6,ipv6_exthdr=0x10/0x10"}},                                    // hop-by-hop, destination
		{chain(60, join(opts(0), opts(6))...), "ipv6,ipv6_exthdr=0x148", []string{"ipv6,ipv6_exthdr=0/0x100"}},                                                           // out of sequence
		{chain(44, 6, 0, 0, 1, 0, 0, 0, 7), "ipv6,ipv6_exthdr=0x10/0x10,nw_proto=6", []string{"ipv6,ipv6_exthdr=0/0x10"}},                                                // fragment
		{chain(43, join(raw(43), opts(0)[1:], raw(6), opts(0)[1:])...), "ipv6,ipv6_exthdr=0xa0", []string{"ipv6,ipv6_exthdr=0x20"}},                                      // routing twice
		{ipPacket{src: "fd00::1", dst: "fd00::2", ttl: 64, proto: 59}.frame(), "ipv6,ipv6_exthdr=1,nw_proto=59", []string{"ipv6,ipv6_exthdr=0"}},                         // no next header
		{ipPacket{src: "fd00::1", dst: "fd00::2", ttl: 64, proto: 50, l4: make([]byte, 32)}.frame(), "ipv6,ipv6_exthdr=2/2,nw_proto=50", []string{"ipv6,ipv6_exthdr=0"}}, // ESP
		{ethFrame{typ: 46, body: append(raw(0x42, 0x42, 3), make([]byte, 43)...)}.bytes(), "dl_type=0x5ff", []string{"dl_type=0x4242"}},                                  // LLC
		{ethFrame{typ: 46, body: append(raw(0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0xcc), make([]byte, 38)...)}.bytes(), "dl_type=0x88cc", []string{"dl_type=0x5ff"}},             // SNAP
		{ethFrame{typ: 46, body: append(raw(0xaa, 0xaa, 3, 0, 0, 12, 0x20, 0), make([]byte, 38)...)}.bytes(), "dl_type=0x5ff", []string{"dl_type=0x2000"}},               // SNAP of Cisco
	} {
		t.Run(tc.hit, func(t *testing.T) {
			l.use(t)
			flows := []string{"add priority=5," + tc.hit + ",actions=output:2", "add priority=0,actions=IN_PORT"}
			for _, a := range tc.another {
				flows = append(flows, "add priority=9,"+a+",actions=IN_PORT")
			}
			l.reset(flows...)
			out, _ := l.exchange(1, tc.frame)
			checkFrames(t, fmt.Sprintf("%s, not %q", tc.hit, tc.another), out, map[int][][]byte{2: {tc.frame}})
		})
	}
}
