package integration

import (
	"bytes"
	"fmt"
	"testing"

	"ofswitch/ofp"
)

// TestIntegrationOpenFlowActions sends frames through flow entries, over veth,
// and compares what comes out, byte for byte, with frames built as the
// specification says (OpenFlow 1.3.5 §5.10 to §5.12).
func TestIntegrationOpenFlowActions(t *testing.T) {
	l := newOFLab(t, 3)
	raw := func(b ...byte) []byte { return b }
	vid := func(v ...uint16) (tags []tag) {
		for _, v := range v {
			tags = append(tags, tag{0x8100, v})
		}
		return tags
	}
	u := udp4.frame()
	arpReq := ethFrame{typ: 0x0806, body: arp(1, 0x020000000001, "10.0.0.1", 0, "10.0.0.2")}
	arpWith := func(body []byte) []byte { f := arpReq; f.body = body; return f.bytes() }
	llc := ethFrame{typ: 46, body: append(raw(0x42, 0x42, 3), make([]byte, 43)...)}.bytes()
	snapBody := func(src uint16) []byte {
		ip := udp4.with(func(p *ipPacket) { p.l4 = udp(src, 2000) }).bytes()
		return append(raw(0xaa, 0xaa, 3, 0, 0, 0, 8, 0), ip...)
	}
	snap := func(src uint16) []byte {
		return ethFrame{typ: uint16(len(snapBody(src))), body: snapBody(src)}.bytes()
	}
	ttl := func(p ipPacket, n uint8) ipPacket { p.ttl = n; return p }
	routing := append(raw(17, 2, 0, 1, 0, 0, 0, 0), raw(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9)...)
	routed := tcp6.with(func(p *ipPacket) { // segments left: the checksum covers fd00::9
		p.ext, p.extType, p.pseudo = append(raw(6), routing[1:]...), 43, "fd00::9"
	})
	hop := tcp6.with(func(p *ipPacket) { // hop-by-hop and destination options
		p.ext, p.extType = raw(60, 0, 1, 4, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0), 0
	})
	// A first fragment: its checksum is over bytes that are not all here.
	first4 := udp4.with(func(p *ipPacket) { p.frag = 0x2000 })
	mend9 := func(p ipPacket) ipPacket { p.src, p.ttl = "9.9.9.9", p.ttl-1; return p }
	mend := func(p ipPacket, change func(*ipPacket)) []byte { return p.with(change).frame() }
	later := func(src string) []byte { // a later fragment has no transport header, only bytes
		return ipPacket{src: src, dst: "10.0.0.2", ttl: 64, proto: 17, frag: 10, l4: payload}.frame()
	}
	later6 := func(src string) []byte {
		return ipPacket{src: src, dst: "fd00::2", ttl: 64, proto: 6, ext: raw(6, 0, 0, 8<<3, 0, 0, 0, 7), extType: 44, l4: payload}.frame()
	}
	frag6 := tcp6.with(func(p *ipPacket) { p.ext, p.extType = raw(6, 0, 0, 1, 0, 0, 0, 7), 44 })

	type in struct {
		reason uint8
		table  ofp.TableID
		cookie uint64
		data   []byte
	}
	const none = ^uint64(0)
	for _, tc := range []struct {
		name  string
		flows []string
		frame []byte
		out   map[int][][]byte
		ins   []in
	}{
		// Tables and misses.
		{name: "no table-miss entry", frame: u},
		{"table-miss", []string{"add cookie=7,priority=0,actions=CONTROLLER:65535"}, u, nil, []in{{0, 0, 7, u}}},
		{"match all above 0 is no miss", []string{"add cookie=7,priority=1,actions=CONTROLLER:65535"}, u, nil, []in{{1, 0, 7, u}}},
		{"priority 0 with a match is no miss", []string{"add cookie=7,priority=0,ip,actions=CONTROLLER:65535"}, u, nil, []in{{1, 0, 7, u}}},
		{"table-miss through the action set", []string{"add cookie=7,priority=0,actions=write_actions(CONTROLLER:65535)"}, u, nil, []in{{0, 0, none, u}}},
		{"table-miss of a later table", []string{"add cookie=6,ip,actions=goto_table:253", "add table=253,cookie=7,priority=0,actions=CONTROLLER:65535"},
			u, nil, []in{{0, 253, 7, u}}},
		{"a miss entry whose goto leads to an entry", []string{"add cookie=6,priority=0,actions=goto_table:5", "add table=5,cookie=7,ip,actions=CONTROLLER:65535"},
			u, nil, []in{{1, 5, 7, u}}},
		{"no miss entry in a later table drops the action set", []string{"add ip,actions=write_actions(output:2),goto_table:1"}, u, nil, nil},
		{"drop by an empty entry", []string{"add ip,actions=drop", "add priority=0,actions=output:2"}, u, nil, nil},
		{"highest priority", []string{"add priority=5,ip,actions=output:2", "add priority=6,udp,actions=output:3"}, u, map[int][][]byte{3: {u}}, nil},
		{"max_len without buffers", []string{"add cookie=9,ip,actions=CONTROLLER:30"}, u, nil, []in{{1, 0, 9, u}}},

		// Ports.
		{"to the ingress port", []string{"add ip,actions=output:1,output:2"}, u, map[int][][]byte{2: {u}}, nil},
		{"IN_PORT", []string{"add ip,actions=IN_PORT"}, u, map[int][][]byte{1: {u}}, nil},
		{"ALL", []string{"add ip,actions=ALL"}, u, map[int][][]byte{2: {u}, 3: {u}}, nil},
		{"FLOOD", []string{"add ip,actions=FLOOD"}, u, map[int][][]byte{2: {u}, 3: {u}}, nil},
		{"NORMAL", []string{"add ip,actions=NORMAL"}, u, map[int][][]byte{2: {u}, 3: {u}}, nil},
		{"no such port", []string{"add ip,actions=output:77,output:2"}, u, map[int][][]byte{2: {u}}, nil},
		{"twice", []string{"add ip,actions=output:2,output:2"}, u, map[int][][]byte{2: {u, u}}, nil},

		// Lists and sets.
		{"each output as the frame stands then", []string{"add udp,actions=output:2,set_field:9->udp_src,output:3,dec_ttl,output:2,IN_PORT"}, u,
			map[int][][]byte{
				2: {u, mend(ttl(udp4, 63), func(p *ipPacket) { p.l4 = udp(9, 2000) })},
				3: {mend(udp4, func(p *ipPacket) { p.l4 = udp(9, 2000) })},
				1: {mend(ttl(udp4, 63), func(p *ipPacket) { p.l4 = udp(9, 2000) })},
			}, nil},
		{"set in its order, list before it", []string{"add udp,actions=push_vlan:0x8100,output:3,write_actions(output:2,set_field:0x1005->vlan_vid,dec_ttl,push_vlan:0x88a8,pop_vlan)"}, u,
			map[int][][]byte{3: {udp4.frame(tag{0x8100, 0})}, 2: {ttl(udp4, 63).frame(tag{0x88a8, 5})}}, nil},
		{"later write wins, per field", []string{
			"add udp,actions=write_actions(set_field:1->udp_src,set_field:2->udp_dst,output:3),goto_table:1",
			"add table=1,udp,actions=write_actions(set_field:7->udp_src,output:2)"}, u,
			map[int][][]byte{2: {mend(udp4, func(p *ipPacket) { p.l4 = udp(7, 2) })}}, nil},
		{"clear, then write", []string{"add udp,actions=write_actions(set_field:1->udp_src,output:3),goto_table:1",
			"add table=1,udp,actions=clear_actions,write_actions(output:2)"}, u, map[int][][]byte{2: {u}}, nil},
		{"clear leaves nothing", []string{"add udp,actions=write_actions(output:3),goto_table:1", "add table=1,udp,actions=clear_actions"}, u, nil, nil},
		{"set without output", []string{"add udp,actions=write_actions(dec_ttl)"}, u, nil, nil},
		{"metadata", []string{
			"add udp,actions=write_metadata:0xff00/0xff00,goto_table:1",
			"add table=1,metadata=0xff00,actions=write_metadata:0x1200/0x0f0f,goto_table:2",
			"add table=2,metadata=0xf200,actions=write_metadata:0x1/0x1,goto_table:3",
			"add table=3,metadata=0xf201,actions=output:2"}, u, map[int][][]byte{2: {u}}, nil},
		{"new headers match in later tables", []string{
			"add udp,actions=set_field:5.5.5.5->ip_src,push_vlan:0x8100,set_field:0x1007->vlan_vid,goto_table:1",
			"add table=1,dl_vlan=7,ip,nw_src=5.5.5.5,actions=pop_vlan,goto_table:2",
			"add table=2,vlan_tci=0,actions=output:2"}, u,
			map[int][][]byte{2: {mend(udp4, func(p *ipPacket) { p.src = "5.5.5.5" })}}, nil},

		// TTL.
		{"decrement to 0", []string{"add cookie=4,ip,actions=output:3,dec_ttl,output:2"}, ttl(udp4, 1).frame(), map[int][][]byte{3: {ttl(udp4, 1).frame()}}, nil},
		{"decrement 0", []string{"add ip,actions=dec_ttl,output:2"}, ttl(udp4, 0).frame(), nil, nil},
		{"decrement 2", []string{"add ip,actions=dec_ttl,output:2"}, ttl(udp4, 2).frame(), map[int][][]byte{2: {ttl(udp4, 1).frame()}}, nil},
		{"decrement IPv6", []string{"add ipv6,actions=dec_ttl,output:2"}, tcp6.frame(), map[int][][]byte{2: {ttl(tcp6, 63).frame()}}, nil},
		{"set TTL", []string{"add ip,actions=mod_nw_ttl:9,output:2"}, u, map[int][][]byte{2: {ttl(udp4, 9).frame()}}, nil},
		{"set hop limit", []string{"add ipv6,actions=mod_nw_ttl:9,output:2"}, udp6.frame(), map[int][][]byte{2: {ttl(udp6, 9).frame()}}, nil},

		// VLAN.
		{"push on untagged", []string{"add actions=push_vlan:0x88a8,output:2"}, u, map[int][][]byte{2: {udp4.frame(tag{0x88a8, 0})}}, nil},
		{"push copies VID and PCP", []string{"add actions=push_vlan:0x88a8,output:2"}, udp4.frame(vid(0xa064)...), map[int][][]byte{2: {udp4.frame(tag{0x88a8, 0xa064}, tag{0x8100, 0xa064})}}, nil},
		{"push a third tag, then match it", []string{"add actions=push_vlan:0x8100,set_field:0x1003->vlan_vid,goto_table:1", "add table=1,dl_vlan=3,actions=output:2"},
			udp4.frame(vid(1, 2)...), map[int][][]byte{2: {udp4.frame(vid(3, 1, 2)...)}}, nil},
		{"fields behind three tags that were pushed", []string{"add udp,dl_vlan=1,actions=push_vlan:0x8100,dec_ttl,set_field:9.9.9.9->ip_src,goto_table:1", "add table=1,udp,tp_dst=2000,actions=output:2"},
			udp4.frame(vid(1, 2)...), map[int][][]byte{2: {mend9(udp4).frame(vid(1, 1, 2)...)}}, nil},
		{"fields behind three tags that came, in the set", []string{"add udp,dl_vlan=1,actions=write_actions(dec_ttl,set_field:9.9.9.9->ip_src,output:2)"},
			udp4.frame(vid(1, 1, 2)...), map[int][][]byte{2: {mend9(udp4).frame(vid(1, 1, 2)...)}}, nil},
		{"pop three tags, then match what is behind", []string{"add dl_vlan=1,actions=pop_vlan,goto_table:1", "add table=1,dl_vlan=2,actions=pop_vlan,goto_table:2",
			"add table=2,dl_vlan=3,actions=pop_vlan,goto_table:3", "add table=3,udp,tp_dst=2000,vlan_tci=0,actions=output:2"},
			udp4.frame(vid(1, 2, 3)...), map[int][][]byte{2: {u}}, nil},
		{"set VID and PCP of the outer tag alone", []string{"add dl_vlan=1,actions=set_field:0x1fff->vlan_vid,set_field:5->vlan_pcp,output:2"}, udp4.frame(vid(1, 2)...),
			map[int][][]byte{2: {udp4.frame(vid(0xafff, 2)...)}}, nil},
		{"any tag", []string{"add vlan_vid=0x1000/0x1000,actions=output:2", "add vlan_tci=0,actions=output:3"}, udp4.frame(vid(0)...), map[int][][]byte{2: {udp4.frame(vid(0)...)}}, nil},
		{"no tag", []string{"add vlan_vid=0x1000/0x1000,actions=output:2", "add vlan_tci=0,actions=output:3"}, u, map[int][][]byte{3: {u}}, nil},
		{"set VID from the set on an untagged frame", []string{"add actions=write_actions(set_field:0x1005->vlan_vid,output:2)"}, u, map[int][][]byte{2: {u}}, nil},
		{"type behind the tags", []string{"add dl_type=0x800,actions=output:2"}, udp4.frame(vid(1, 2)...), map[int][][]byte{2: {udp4.frame(vid(1, 2)...)}}, nil},

		// 802.3.
		{"LLC", []string{"add dl_type=0x5ff,actions=set_field:02:00:00:00:00:09->eth_src,output:2"}, llc, map[int][][]byte{2: {append(append(bytes.Clone(llc[:6]), 2, 0, 0, 0, 0, 9), llc[12:]...)}}, nil},
		{"SNAP", []string{"add udp,tp_src=1000,actions=set_field:9->udp_src,output:2"}, snap(1000), map[int][][]byte{2: {snap(9)}}, nil},

		// Fragments.
		{"first fragment", []string{"add udp,tp_dst=2000,actions=set_field:9.9.9.9->ip_src,set_field:9->udp_src,output:2"}, first4.frame(),
			map[int][][]byte{2: {mend(first4, func(p *ipPacket) { p.src, p.l4 = "9.9.9.9", udp(9, 2000) })}}, nil},
		{"later fragment has ports 0", []string{"add udp,tp_dst=2000,actions=output:3", "add udp,tp_src=0,tp_dst=0,actions=set_field:9.9.9.9->ip_src,set_field:9->udp_src,output:2"},
			later("10.0.0.1"), map[int][][]byte{2: {later("9.9.9.9")}}, nil},
		{"later fragment of IPv6", []string{"add tcp6,tp_dst=2000,actions=output:3", "add ipv6,actions=set_field:fd00::5->ipv6_src,output:2"},
			later6("fd00::1"), map[int][][]byte{2: {later6("fd00::5")}}, nil},
		{"first fragment of IPv6", []string{"add tcp6,tp_dst=2000,actions=set_field:fd00::5->ipv6_src,set_field:9->tcp_dst,output:2"}, frag6.frame(),
			map[int][][]byte{2: {mend(frag6, func(p *ipPacket) { p.src, p.l4 = "fd00::5", tcp(1000, 9) })}}, nil},

		// Extension headers.
		{"options before TCP", []string{"add tcp6,tp_src=1000,actions=set_field:fd00::5->ipv6_dst,set_field:9->tcp_src,output:2"}, hop.frame(),
			map[int][][]byte{2: {mend(hop, func(p *ipPacket) { p.dst, p.l4 = "fd00::5", tcp(9, 2000) })}}, nil},
		{"routing header", []string{"add tcp6,actions=set_field:fd00::5->ipv6_dst,set_field:fd00::6->ipv6_src,output:2"}, routed.frame(),
			map[int][][]byte{2: {mend(routed, func(p *ipPacket) { p.dst, p.src = "fd00::5", "fd00::6" })}}, nil},

		// UDP without checksum.
		{"no checksum stays none", []string{"add udp,actions=set_field:9.9.9.9->ip_src,set_field:9->udp_src,output:2"}, mend(udp4, func(p *ipPacket) { p.noCsum = true }),
			map[int][][]byte{2: {mend(udp4, func(p *ipPacket) { p.noCsum, p.src, p.l4 = true, "9.9.9.9", udp(9, 2000) })}}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l.use(t)
			l.reset(tc.flows...)
			for _, pass := range []string{"first", "cached"} {
				out, ins := l.exchange(1, tc.frame)
				checkFrames(t, pass, out, tc.out)
				if len(ins) != len(tc.ins) {
					t.Errorf("%s: %d packet-ins, want %d: %+v", pass, len(ins), len(tc.ins), ins)
					continue
				}
				for i, w := range tc.ins {
					p := ins[i]
					if p.Reason != w.reason || p.Table != w.table || p.Cookie != w.cookie || !bytes.Equal(p.Data, w.data) ||
						p.BufferID != ofp.NoBuffer || int(p.TotalLen) != len(w.data) {
						t.Errorf("%s: packet-in %+v, want %+v", pass, p, w)
					}
				}
			}
		})
	}

	// Set-field of every field that can be set, with the checksums behind it.
	for _, tc := range []struct {
		match, set string
		frame      []byte
		want       []byte
	}{
		{"", "02:aa:00:00:00:01->eth_dst", u, ethFrame{dst: 0x02aa00000001, typ: 0x800, body: udp4.bytes()}.bytes()},
		{"", "02:aa:00:00:00:01->eth_src", u, ethFrame{src: 0x02aa00000001, typ: 0x800, body: udp4.bytes()}.bytes()},
		{"", "0x88b6->eth_type", u, ethFrame{typ: 0x88b6, body: udp4.bytes()}.bytes()},
		{"ip,", "63->ip_dscp", mend(udp4, func(p *ipPacket) { p.tos = 2 }), mend(udp4, func(p *ipPacket) { p.tos = 0xfe })},
		{"ip,", "1->nw_ecn", mend(udp4, func(p *ipPacket) { p.tos = 0xfe }), mend(udp4, func(p *ipPacket) { p.tos = 0xfd })},
		{"ipv6,", "63->ip_dscp", mend(udp6, func(p *ipPacket) { p.tos, p.flabel = 2, 0x54321 }), mend(udp6, func(p *ipPacket) { p.tos, p.flabel = 0xfe, 0x54321 })},
		{"ipv6,", "1->nw_ecn", mend(udp6, func(p *ipPacket) { p.tos = 0xfe }), mend(udp6, func(p *ipPacket) { p.tos = 0xfd })},
		{"ipv6,", "0xfffff->ipv6_label", mend(udp6, func(p *ipPacket) { p.tos = 0xff }), mend(udp6, func(p *ipPacket) { p.tos, p.flabel = 0xff, 0xfffff })},
		{"udp,", "192.0.2.9->ip_src", u, mend(udp4, func(p *ipPacket) { p.src = "192.0.2.9" })},
		{"udp,", "192.0.2.9->ip_dst", u, mend(udp4, func(p *ipPacket) { p.dst = "192.0.2.9" })},
		{"tcp,", "192.0.2.9->ip_src", tcp4.frame(), mend(tcp4, func(p *ipPacket) { p.src = "192.0.2.9" })},
		{"tcp,", "192.0.2.9->ip_dst", tcp4.frame(vid(5)...), tcp4.with(func(p *ipPacket) { p.dst = "192.0.2.9" }).frame(vid(5)...)},
		{"icmp,", "192.0.2.9->ip_dst", icmp4.frame(), mend(icmp4, func(p *ipPacket) { p.dst = "192.0.2.9" })},
		{"sctp,", "192.0.2.9->ip_dst", sctp4.frame(), mend(sctp4, func(p *ipPacket) { p.dst = "192.0.2.9" })},
		{"tcp6,", "2001:db8::9->ipv6_src", tcp6.frame(), mend(tcp6, func(p *ipPacket) { p.src = "2001:db8::9" })},
		{"udp6,", "2001:db8::9->ipv6_dst", udp6.frame(), mend(udp6, func(p *ipPacket) { p.dst = "2001:db8::9" })},
		{"icmp6,", "2001:db8::9->ipv6_dst", icmp6.frame(), mend(icmp6, func(p *ipPacket) { p.dst = "2001:db8::9" })},
		{"sctp6,", "2001:db8::9->ipv6_dst", sctp6.frame(), mend(sctp6, func(p *ipPacket) { p.dst = "2001:db8::9" })},
		{"tcp,", "65535->tcp_src", tcp4.frame(), mend(tcp4, func(p *ipPacket) { p.l4 = tcp(65535, 2000) })},
		{"tcp,", "0->tcp_dst", tcp4.frame(), mend(tcp4, func(p *ipPacket) { p.l4 = tcp(1000, 0) })},
		{"tcp6,", "7->tcp_src", tcp6.frame(), mend(tcp6, func(p *ipPacket) { p.l4 = tcp(7, 2000) })},
		{"udp,", "7->udp_src", u, mend(udp4, func(p *ipPacket) { p.l4 = udp(7, 2000) })},
		{"udp6,", "7->udp_dst", udp6.frame(), mend(udp6, func(p *ipPacket) { p.l4 = udp(1000, 7) })},
		{"sctp,", "7->sctp_src", sctp4.frame(), mend(sctp4, func(p *ipPacket) { p.l4 = sctp(7, 2000) })},
		{"sctp6,", "7->sctp_dst", sctp6.frame(), mend(sctp6, func(p *ipPacket) { p.l4 = sctp(1000, 7) })},
		{"icmp,", "13->icmp_type", icmp4.frame(), mend(icmp4, func(p *ipPacket) { p.l4 = icmp(13, 0) })},
		{"icmp,", "255->icmp_code", icmp4.frame(), mend(icmp4, func(p *ipPacket) { p.l4 = icmp(8, 255) })},
		{"icmp6,", "129->icmpv6_type", icmp6.frame(), mend(icmp6, func(p *ipPacket) { p.l4 = icmp(129, 0) })},
		{"icmp6,", "9->icmpv6_code", icmp6.frame(), mend(icmp6, func(p *ipPacket) { p.l4 = icmp(128, 9) })},
		{"icmp6,icmp_type=135,", "fd00::77->nd_target", ns6.frame(), mend(ns6, func(p *ipPacket) { p.l4 = nd(135, "fd00::77", 1, 0x020000000001) })},
		{"icmp6,icmp_type=135,", "02:aa:00:00:00:01->nd_sll", ns6.frame(), mend(ns6, func(p *ipPacket) { p.l4 = nd(135, "fd00::2", 1, 0x02aa00000001) })},
		{"icmp6,icmp_type=136,", "02:aa:00:00:00:01->nd_tll", na6.frame(), mend(na6, func(p *ipPacket) { p.l4 = nd(136, "fd00::2", 2, 0x02aa00000001) })},
		{"arp,", "0x1234->arp_op", arpReq.bytes(), arpWith(arp(0x1234, 0x020000000001, "10.0.0.1", 0, "10.0.0.2"))},
		{"arp,", "9.9.9.9->arp_spa", arpReq.bytes(), arpWith(arp(1, 0x020000000001, "9.9.9.9", 0, "10.0.0.2"))},
		{"arp,", "9.9.9.9->arp_tpa", arpReq.bytes(), arpWith(arp(1, 0x020000000001, "10.0.0.1", 0, "9.9.9.9"))},
		{"arp,", "02:aa:00:00:00:01->arp_sha", arpReq.bytes(), arpWith(arp(1, 0x02aa00000001, "10.0.0.1", 0, "10.0.0.2"))},
		{"arp,", "02:aa:00:00:00:01->arp_tha", arpReq.bytes(), arpWith(arp(1, 0x020000000001, "10.0.0.1", 0x02aa00000001, "10.0.0.2"))},
	} {
		t.Run(fmt.Sprintf("set-field %s%s", tc.match, tc.set), func(t *testing.T) {
			l.use(t)
			l.reset("add " + tc.match + "actions=output:3,set_field:" + tc.set + ",output:2")
			out, _ := l.exchange(1, tc.frame)
			checkFrames(t, "list", out, map[int][][]byte{3: {tc.frame}, 2: {tc.want}})
			l.reset("add " + tc.match + "actions=write_actions(output:2,set_field:" + tc.set + ")")
			out, _ = l.exchange(1, tc.frame)
			checkFrames(t, "set", out, map[int][][]byte{2: {tc.want}})
		})
	}
}

func checkFrames(t *testing.T, what string, got, want map[int][][]byte) {
	t.Helper()
	for p := 1; p <= 4; p++ {
		if g, w := fmt.Sprintf("%x", got[p]), fmt.Sprintf("%x", want[p]); g != w {
			t.Errorf("%s: port %d sent\n%s, want\n%s", what, p, g, w)
		}
	}
}
