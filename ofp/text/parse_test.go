package text

import (
	"errors"
	"strings"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// testPorts is a switch with the ports p1 (1), p2 (2) and "eth 0" (3).
var testPorts = NewPorts([]ofp.PortDesc{
	{Port: 1, Name: "p1"}, {Port: 2, Name: "p2"}, {Port: 3, Name: "eth 0"}, {Port: ofp.PortLocal, Name: "br0"},
})

// printedFlows are flows as they are written, and as they are printed. The
// right-hand sides are what Open vSwitch 3.1 stores and ovs-ofctl -O OpenFlow13
// --no-stats dump-flows prints.
var printedFlows = []struct{ in, want string }{
	{"actions=drop", " actions=drop"},
	{"actions=", " actions=drop"},
	{"priority=5,in_port=1,actions=2", " priority=5,in_port=1 actions=output:2"},
	{"in_port=LOCAL,actions=output:2,3,LOCAL,IN_PORT,NORMAL,FLOOD,ALL", " in_port=LOCAL actions=output:2,output:3,LOCAL,IN_PORT,NORMAL,FLOOD,ALL"},
	{"actions=CONTROLLER", " actions=CONTROLLER:65535"},
	{"actions=controller", " actions=CONTROLLER:65535"},
	{"actions=output:CONTROLLER", " actions=CONTROLLER:65535"},
	{"actions=CONTROLLER:100", " actions=CONTROLLER:100"},
	{"actions=controller(max_len=77)", " actions=CONTROLLER:77"},
	{"actions=in_port,output(1),output=3,local", " actions=IN_PORT,output:1,output:3,LOCAL"},
	{"actions=push_vlan:0x8100,set_field:4097->vlan_vid,output:2", " actions=push_vlan:0x8100,set_field:4097->vlan_vid,output:2"},
	{"actions=push_vlan:33024", " actions=push_vlan:0x8100"},
	{"actions=mod_vlan_vid:5,output:2", " actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:2"},
	{"vlan_vid=0x1000/0x1000,actions=mod_vlan_vid:5,output:2", " vlan_tci=0x1000/0x1000 actions=set_field:4101->vlan_vid,output:2"},
	{"dl_vlan=7,actions=mod_vlan_vid:5,output:2", " dl_vlan=7 actions=set_field:4101->vlan_vid,output:2"},
	{"dl_vlan=7,actions=mod_vlan_pcp:5,output:2", " dl_vlan=7 actions=set_field:5->vlan_pcp,output:2"},
	{"actions=mod_vlan_pcp:5,mod_vlan_vid:3", " actions=push_vlan:0x8100,set_field:5->vlan_pcp,set_field:4099->vlan_vid"},
	{"vlan_tci=0,actions=mod_vlan_vid:3,mod_vlan_pcp:4", " vlan_tci=0x0000/0x1fff actions=push_vlan:0x8100,set_field:4099->vlan_vid,set_field:4->vlan_pcp"},
	{"dl_vlan=7,actions=pop_vlan,mod_vlan_vid:3", " dl_vlan=7 actions=pop_vlan,push_vlan:0x8100,set_field:4099->vlan_vid"},
	{"dl_vlan_pcp=3,vlan_vid=0x1000/0x1000,actions=mod_vlan_vid:3", " dl_vlan_pcp=3 actions=set_field:4099->vlan_vid"},
	{"dl_vlan=7,actions=strip_vlan,1", " dl_vlan=7 actions=pop_vlan,output:1"},
	{"actions=mod_dl_src:00:11:22:33:44:55,mod_dl_dst:00:11:22:33:44:56", " actions=set_field:00:11:22:33:44:55->eth_src,set_field:00:11:22:33:44:56->eth_dst"},
	{"ip,actions=mod_nw_src:1.2.3.4,mod_nw_dst:4.3.2.1,mod_nw_tos:96,mod_nw_ecn:2,mod_nw_ttl:9,1", " ip actions=set_field:1.2.3.4->ip_src,set_field:4.3.2.1->ip_dst,set_field:24->ip_dscp,set_field:2->nw_ecn,mod_nw_ttl:9,output:1"},
	{"tcp,actions=mod_tp_src:5,mod_tp_dst:6,1", " tcp actions=set_field:5->tcp_src,set_field:6->tcp_dst,output:1"},
	{"udp,actions=mod_tp_src:5,mod_tp_dst:6,1", " udp actions=set_field:5->udp_src,set_field:6->udp_dst,output:1"},
	{"sctp,actions=mod_tp_src:5,mod_tp_dst:6,1", " sctp actions=set_field:5->sctp_src,set_field:6->sctp_dst,output:1"},
	{"tcp6,actions=mod_tp_src:5,mod_tp_dst:6,1", " tcp6 actions=set_field:5->tcp_src,set_field:6->tcp_dst,output:1"},
	{"ip,actions=set_field:10.0.0.1->nw_dst,set_field:3->ip_dscp,set_field:1->ip_ecn", " ip actions=set_field:10.0.0.1->ip_dst,set_field:3->ip_dscp,set_field:1->nw_ecn"},
	{"ip,actions=dec_ttl,set_nw_ttl:9,dec_ttl()", " ip actions=dec_ttl,mod_nw_ttl:9,dec_ttl"},
	{"ip,actions=push_mpls:0x8847,set_field:33->mpls_label,set_field:1->mpls_tc,set_mpls_ttl:8,set_mpls_ttl(9),dec_mpls_ttl,1", " ip actions=push_mpls:0x8847,set_field:33->mpls_label,set_field:1->mpls_tc,set_mpls_ttl(8),set_mpls_ttl(9),dec_mpls_ttl,output:1"},
	{"mpls,actions=set_mpls_label:4,set_mpls_tc:3,pop_mpls:0x0800,dec_ttl,mod_nw_src:1.2.3.4", " mpls actions=set_field:4->mpls_label,set_field:3->mpls_tc,pop_mpls:0x0800,dec_ttl,set_field:1.2.3.4->ip_src"},
	{"actions=set_queue:5,1", " actions=set_queue:5,output:1"},
	{"actions=enqueue:2:5,enqueue(LOCAL,6),set_queue:1,pop_queue", " actions=set_queue:5,output:2,pop_queue,set_queue:6,LOCAL,pop_queue,set_queue:1,pop_queue"},
	{"actions=set_tunnel:5,set_field:6->tunnel_id", " actions=set_field:0x5->tun_id,set_field:0x6->tun_id"},
	{"ipv6,actions=set_field:fe80::1->ipv6_src", " ipv6 actions=set_field:fe80::1->ipv6_src"},
	{"arp,actions=set_field:2->arp_op,set_field:1.2.3.4->arp_spa,set_field:00:00:00:00:00:01->arp_sha", " arp actions=set_field:2->arp_op,set_field:1.2.3.4->arp_spa,set_field:00:00:00:00:00:01->arp_sha"},
	{"icmp6,actions=set_field:5->icmpv6_type,set_field:6->icmpv6_code", " icmp6 actions=set_field:5->icmpv6_type,set_field:6->icmpv6_code"},
	{"actions=write_metadata:0x12", " actions=write_metadata:0x12"},
	{"actions=write_metadata:0x12/0xff,goto_table:3", " actions=write_metadata:0x12/0xff,goto_table:3"},
	{"actions=write_metadata:5/0xffffffffffffffff", " actions=write_metadata:0x5"},
	{"actions=write_metadata:0", " actions=write_metadata:0"},
	{"actions=write_actions(set_field:00:11:22:33:44:55->eth_src,output:1),goto_table:3", " actions=write_actions(set_field:00:11:22:33:44:55->eth_src,output:1),goto_table:3"},
	{"ip,actions=write_actions(set_field:1.2.3.4->ip_src)", " ip actions=write_actions(set_field:1.2.3.4->ip_src)"},
	{"actions=write_actions(mod_vlan_vid:3,2)", " actions=write_actions(push_vlan:0x8100,set_field:4099->vlan_vid,output:2)"},
	{"actions=clear_actions,write_actions(drop)", " actions=clear_actions"},
	{"actions=write_actions()", " actions=drop"},
	{"actions=output:1,clear_actions,write_actions(output:2),write_metadata:1,goto_table:3", " actions=output:1,clear_actions,write_actions(output:2),write_metadata:0x1,goto_table:3"},
	{"actions=1 2 3", " actions=output:1,output:2,output:3"},
	{"table=3 priority=7 cookie=0x5 idle_timeout=6 hard_timeout=7 send_flow_rem check_overlap reset_counts no_packet_counts no_byte_counts actions=output:1, output:2",
		" cookie=0x5, table=3, idle_timeout=6, hard_timeout=7, send_flow_rem check_overlap reset_counts no_packet_counts no_byte_counts priority=7 actions=output:1,output:2"},
	{" cookie=0x0, duration=1.5s, table=0, n_packets=4, n_bytes=4, idle_age=5, hard_age=6, actions=1", " actions=output:1"},
}

// ownFlows are the same for what ovs-ofctl has not, or needs more for.
var ownFlows = []struct{ in, want string }{
	{"in_port=p1,actions=p2", " in_port=1 actions=output:2"},
	{`in_port="eth 0",actions="eth 0",output:"p1"`, " in_port=3 actions=output:3,output:1"},
	{"actions=group:7", " actions=group:7"},
	{"actions=meter:1,2", " actions=meter:1,output:2"},
	{"actions=apply_actions(output:1),goto_table:3", " actions=output:1,goto_table:3"},
	{"udp,actions=set_field:5->tp_src", " udp actions=set_field:5->udp_src"},
	{"actions=write_actions(set_field:1.2.3.4->ip_src)", " actions=write_actions(set_field:1.2.3.4->ip_src)"},
	{"ip,actions=set_field:12->nw_tos,set_field:3->nw_ttl", " ip actions=set_field:3->ip_dscp,mod_nw_ttl:3"},
	{"actions=copy_ttl_out,copy_ttl_in,push_pbb:0x88e7,set_field:0x5->pbb_isid,pop_pbb", " actions=copy_ttl_out,copy_ttl_in,push_pbb:0x88e7,set_field:0x5->pbb_isid,pop_pbb"},
	{"dl_type=0x1234,actions=output:0xfffe,output:70000", " dl_type=0x1234 actions=output:0xfffe,output:70000"},
}

func TestParseFlowPrinted(t *testing.T) {
	for _, c := range append(printedFlows[:len(printedFlows):len(printedFlows)], ownFlows...) {
		fm, err := ParseFlow(c.in, ParseOptions{Ports: testPorts.Number})
		if err != nil {
			t.Errorf("ParseFlow(%q): %v", c.in, err)
			continue
		}
		if got := FormatFlowStats(flowStats(fm), Options{}); got != c.want {
			t.Errorf("ParseFlow(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

// flowStats is the flow that a flow-mod adds.
func flowStats(fm *ofp.FlowMod) *ofp.FlowStats {
	return &ofp.FlowStats{
		Table: fm.Table, Priority: fm.Priority, IdleTimeout: fm.IdleTimeout, HardTimeout: fm.HardTimeout,
		Flags: fm.Flags, Cookie: fm.Cookie, Match: fm.Match, Instructions: fm.Instructions,
	}
}

func TestParseFlowErrors(t *testing.T) {
	for _, c := range []struct {
		in, field, want string // the error's field, and a part of the error
	}{
		{"foo=1,actions=1", "foo", ""},
		{"in_port=99999999999,actions=1", "in_port", "99999999999"},
		{"in_port=p9,actions=1", "in_port", "p9"},
		{"nw_dst=1.2.3.4,actions=1", "nw_dst", "ip"},
		{"priority=70000,actions=1", "priority", "0 to 65535"},
		{"table=256,actions=1", "table", "0 to 255"},
		{"table=255,actions=1", "table", "0 to 254"},
		{"idle_timeout=x,actions=1", "idle_timeout", "0 to 65535"},
		{"cookie=1/2,actions=1", "cookie", "without a mask"},
		{"cookie=xyz,actions=1", "cookie", "64 bits"},
		{"send_flow_rem=1,actions=2", "send_flow_rem", "no value"},
		{"out_port=5,actions=1", "out_port", ""},
		{"priority=3", "actions", "missing"},
		{"actions=output:foo", "output", "foo"},
		{"actions=foo", "actions", "foo"},
		{"actions=output", "output", ""},
		{"actions=output:ANY", "output", ""},
		{"actions=output:4294967280", "output", ""},
		{"actions=output(port=1,max_len=100)", "output", "extension"},
		{"actions=resubmit(,1)", "actions", "goto_table"},
		{"actions=enqueue:1", "enqueue", "enqueue:2:1"},
		{"actions=enqueue:NORMAL:1", "enqueue", "enqueue:2:1"},
		{"actions=write_actions(enqueue:1:5)", "write_actions", "pop_queue"},
		{"actions=drop,1", "drop", "alone"},
		{"actions=1,drop", "drop", "alone"},
		{"actions=drop,goto_table:1", "drop", "alone"},
		{"actions=controller(foo=1)", "controller", "max_len"},
		{"actions=controller(reason=no_match)", "controller reason", "action"},
		{"actions=CONTROLLER:70000", "controller", "65535"},
		{"ip,actions=set_field:1.2.3->ip_dst", "ip_dst", "IPv4"},
		{"ip,actions=set_field:1.2.3.4", "set_field", "VALUE->FIELD"},
		{"ip,actions=set_field:1.2.3.4/8->ip_dst", "set_field", "mask"},
		{"actions=set_field:1->foo", "set_field", "foo"},
		{"actions=set_field:1->in_port", "set_field", "in_port"},
		{"actions=set_field:1->metadata", "set_field", "write_metadata"},
		{"dl_vlan=7,actions=set_field:5->vlan_vid", "vlan_vid", "4101"},
		{"ip,actions=set_field:64->ip_dscp", "ip_dscp", ""},
		{"actions=set_field:1.2.3.4->ip_dst", "set_field:1.2.3.4->ip_dst", "a match that asks for ip"},
		{"actions=mod_tp_src:5", "mod_tp_src:5", "tcp, udp or sctp"},
		{"icmp6,actions=set_field:5->icmp_type", "set_field:5->icmp_type", "a match that asks for icmp"},
		{"actions=mod_nw_tos:4", "mod_nw_tos:4", "ip or ipv6"},
		{"ip,actions=mod_nw_tos:3", "mod_nw_tos", "multiple of 4"},
		{"ip,actions=mod_nw_ecn:4", "mod_nw_ecn", ""},
		{"ip,actions=dec_ttl(1,2)", "dec_ttl", "extension"},
		{"arp,actions=dec_ttl", "dec_ttl", "ip or ipv6"},
		{"ip,actions=push_mpls:0x8847,dec_ttl", "dec_ttl", "ip or ipv6"},
		{"tcp,actions=push_mpls:0x8847,pop_mpls:0x0800,mod_tp_src:1", "mod_tp_src:1", "tcp"},
		{"actions=set_mpls_ttl:3", "set_mpls_ttl:3", "mpls"},
		{"actions=pop_mpls:0x800", "pop_mpls:0x800", "mpls"},
		{"actions=strip_vlan,1", "strip_vlan", "VLAN tag"},
		{"dl_vlan=7,actions=pop_vlan,pop_vlan", "pop_vlan", "VLAN tag"},
		{"actions=set_field:3->vlan_pcp", "set_field:3->vlan_pcp", "VLAN tag"},
		{"actions=set_vlan_vid:3", "set_vlan_vid:3", "VLAN tag"},
		{"actions=push_vlan:0x1234", "push_vlan", "0x8100"},
		{"actions=push_vlan", "push_vlan", "0x8100"},
		{"actions=push_mpls:5", "push_mpls", "0x8847"},
		{"actions=mod_vlan_vid:5000", "mod_vlan_vid", "4095"},
		{"actions=mod_vlan_pcp:9", "mod_vlan_pcp", "7"},
		{"actions=mod_dl_src:1", "mod_dl_src", "Ethernet address"},
		{"actions=group:x", "group", "number"},
		{"actions=group:4294967295", "group", "4294967040"},
		{"actions=meter:0", "meter", "1 to"},
		{"actions=goto_table:x", "goto_table", "0 to 254"},
		{"table=3,actions=goto_table:3", "goto_table", "after the flow's own table 3"},
		{"actions=goto_table:3,output:1", "output:1", "before goto_table"},
		{"actions=write_metadata:1,output:1", "output:1", "before write_metadata"},
		{"actions=goto_table:1,goto_table:2", "goto_table", "once"},
		{"actions=clear_actions,clear_actions", "clear_actions", "once"},
		{"actions=write_actions(output:1),write_actions(output:2)", "write_actions", "once"},
		{"actions=write_actions(goto_table:3)", "write_actions", "instruction"},
		{"actions=write_metadata:x", "write_metadata", "64 bits"},
		{"actions=2,output:3(", "output", "parenthesis"},
		{"actions=write_actions(output:1", "write_actions", "parenthesis"},
		{`actions="p1`, "name", "double quote"},
		{"actions=set_queue:x", "set_queue", "number"},
	} {
		fm, err := ParseFlow(c.in, ParseOptions{Ports: testPorts.Number})
		if err == nil {
			t.Errorf("ParseFlow(%q) = %s, want an error", c.in, FormatFlow(fm, Options{}))
			continue
		}
		var pe *flow.ParseError
		if !errors.As(err, &pe) {
			t.Errorf("ParseFlow(%q): %T, want a *flow.ParseError", c.in, err)
			continue
		}
		if pe.Field != c.field || !strings.Contains(err.Error(), c.want) {
			t.Errorf("ParseFlow(%q): field %q, %q; want field %q, and %q in it", c.in, pe.Field, err, c.field, c.want)
		}
	}
}

func TestParseFlowCommands(t *testing.T) {
	for _, c := range []struct {
		in      string
		command uint8
		want    string // as FormatFlowMod prints it
	}{
		{"cookie=5,actions=1", ofp.FlowAdd, "ADD cookie:0x5 actions=output:1"},
		{"cookie=5,actions=1", ofp.FlowModify, "MOD actions=output:1"},
		{"cookie=5/7,actions=2", ofp.FlowModify, "MOD cookie:0x5/0x7 actions=output:2"},
		{"cookie=5/7,cookie=8,actions=1", ofp.FlowModifyStrict, "MOD_STRICT cookie:0x5/0x7 actions=output:1"},
		{"send_flow_rem,idle_timeout=6,actions=1", ofp.FlowModify, "MOD idle:6 send_flow_rem actions=output:1"},
		{"", ofp.FlowDelete, "DEL table:255 actions=drop"},
		{"table=3", ofp.FlowDelete, "DEL table:3 actions=drop"},
		{"in_port=1 cookie=5/-1", ofp.FlowDelete, "DEL table:255 in_port=1 cookie:0x5/0xffffffffffffffff actions=drop"},
		{"out_port=LOCAL,out_group=5", ofp.FlowDelete, "DEL table:255 out_port:LOCAL actions=drop"},
		{"priority=5", ofp.FlowDeleteStrict, "DEL_STRICT table:255 priority=5 actions=drop"},
		{"delete ip", ofp.FlowAdd, "DEL table:255 ip actions=drop"},
		{"delete_strict priority=3,ip", ofp.FlowAdd, "DEL_STRICT table:255 priority=3,ip actions=drop"},
		{"modify_strict\tactions=1", ofp.FlowAdd, "MOD_STRICT actions=output:1"},
		{"delete", ofp.FlowAdd, "DEL table:255 actions=drop"},
		{"add table=1,actions=1", ofp.FlowDelete, "ADD table:1 actions=output:1"},
	} {
		fm, err := ParseFlow(c.in, ParseOptions{Command: c.command, AnyCommand: true})
		if err != nil {
			t.Errorf("ParseFlow(%q, %d): %v", c.in, c.command, err)
			continue
		}
		if got := FormatFlowMod(fm, Options{}); got != c.want {
			t.Errorf("ParseFlow(%q, %d) = %q, want %q", c.in, c.command, got, c.want)
		}
		again, err := ParseFlow(FormatFlow(fm, Options{}), ParseOptions{Command: fm.Command})
		if err != nil || FormatFlowMod(again, Options{}) != c.want {
			t.Errorf("ParseFlow(FormatFlow(%q)) = %v, %v", c.in, again, err)
		}
	}
	for _, c := range []struct {
		in      string
		command uint8
	}{
		{"cookie=5", ofp.FlowDelete},
		{"priority=5", ofp.FlowDelete},
		{"actions=1", ofp.FlowDelete},
		{"send_flow_rem", ofp.FlowDelete},
		{"idle_timeout=5", ofp.FlowDelete},
		{"out_port=3,actions=1", ofp.FlowModify},
		{"in_port=1", ofp.FlowModify},
		{"add actions=1", ofp.FlowAdd}, // without AnyCommand
	} {
		if fm, err := ParseFlow(c.in, ParseOptions{Command: c.command}); err == nil {
			t.Errorf("ParseFlow(%q, %d) = %q, want an error", c.in, c.command, FormatFlowMod(fm, Options{}))
		}
	}
}

func TestParseFlowFilter(t *testing.T) {
	got, err := ParseFlowFilter("table=3,out_port=p2,out_group=7,cookie=5/0xff,tcp", ParseOptions{Ports: testPorts.Number})
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := flow.ParseMatch("tcp")
	if err != nil {
		t.Fatal(err)
	}
	want := ofp.FlowStatsRequest{Table: 3, OutPort: 2, OutGroup: 7, Cookie: 5, CookieMask: 0xff, Match: tcp}
	if *got != want {
		t.Errorf("got %+v, want %+v", *got, want)
	}
	if got, err = ParseFlowFilter("", ParseOptions{}); err != nil {
		t.Fatal(err)
	}
	if want := (ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}); *got != want {
		t.Errorf("empty filter: got %+v, want %+v", *got, want)
	}
	for _, s := range []string{"priority=10", "actions=1", "cookie=5", "foo=1", "send_flow_rem"} {
		if got, err := ParseFlowFilter(s, ParseOptions{}); err == nil {
			t.Errorf("ParseFlowFilter(%q) = %+v, want an error", s, got)
		}
	}
}

func TestParsePacketOut(t *testing.T) {
	const frame = "001122334455001122334466080045000014000040004001f97b0a0000010a000002"
	for _, c := range []struct{ in, want string }{
		{"packet=" + frame + " actions=2", " in_port=CONTROLLER actions=output:2 data_len=34"},
		{"in_port=1 packet=" + frame, " in_port=1 actions=drop data_len=34"},
		{"in_port=p2,packet=" + frame + ",actions=mod_vlan_vid:3,p1", " in_port=2 actions=push_vlan:0x8100,set_field:4099->vlan_vid,output:1 data_len=34"},
		{"packet=" + frame[:24] + "0800450000280000000040060000" + "0a0000010a000002" + strings.Repeat("0", 24) + "5000000000000000" + " actions=mod_tp_src:3,TABLE",
			" in_port=CONTROLLER actions=set_field:3->tcp_src,TABLE data_len=54"},
	} {
		po, err := ParsePacketOut(c.in, testPorts.Number)
		if err != nil {
			t.Errorf("ParsePacketOut(%q): %v", c.in, err)
			continue
		}
		got, _, _ := strings.Cut(formatPacketOut(po, Options{}), "\n")
		if got != c.want {
			t.Errorf("ParsePacketOut(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	for _, c := range []struct{ in, want string }{
		{"in_port=1,actions=2", "packet"},
		{"in_port=1 packet=0011zz actions=2", "hexadecimal"},
		{"in_port=1 packet=0011 actions=2", "at least 14 bytes"},
		{"in_port=foo packet=" + frame + " actions=2", "in_port"},
		{"in_port=1 packet=" + frame + " actions=goto_table:2", "instruction"},
		{"in_port=1 tun_id=5 packet=" + frame + " actions=2", "tun_id"},
	} {
		if _, err := ParsePacketOut(c.in, testPorts.Number); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("ParsePacketOut(%q): %v, want %q in the error", c.in, err, c.want)
		}
	}
}
