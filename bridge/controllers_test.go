package bridge

import (
	"bytes"
	"fmt"
	"net"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ofconn"
	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

// controllerRig is a switch that controllers connect to, as they do when it has
// dialled them: no tools, and asynchronous messages from the start.
type controllerRig struct {
	*refusalRig
	target string
}

func newControllerRig(t *testing.T) *controllerRig {
	t.Helper()
	r := &controllerRig{refusalRig: newRefusalRig(t), target: socketDir(t) + "/controllers"}
	err := r.sw.bridges["br0"].conn.SetListeners([]ofconn.Listener{{Target: "punix:" + r.sw.MgmtPath("br0"), Management: true}, {Target: "punix:" + r.target}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// controller connects one that has said its hello.
func (r *controllerRig) controller(hello []byte) *refusalConn {
	r.t.Helper()
	nc, err := net.Dial("unix", r.target)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { nc.Close() })
	c := &refusalConn{r: r.refusalRig, nc: nc}
	c.write(hello)
	if h, _ := c.read(); h.Type != ofp.TypeHello || h.Version != ofp.Version {
		r.t.Fatalf("%v in place of the switch's hello", h)
	}
	return c
}

// exchange is one request of a controller's conversation, sent with the ones
// after it as long as these have join set, and what answers it.
type exchange struct {
	xid  uint32
	msg  ofp.Message
	want ofp.Type // 0: nothing
}

const silent = ofp.Type(0) // TypeHello, which nothing is answered by

func mp(kind uint16, body ofp.MultipartBody) *ofp.MultipartRequest {
	return &ofp.MultipartRequest{Kind: kind, Body: body}
}

// hold sends a request and takes its answer, all parts of it. What the switch
// says unasked meanwhile is passed over.
func (c *refusalConn) hold(e exchange) []ofp.MultipartBody {
	c.r.t.Helper()
	c.write(ofp.Encode(e.xid, e.msg))
	var all []ofp.MultipartBody
	for e.want != silent {
		h, b := c.read()
		if h.XID == 0 && h.Type == ofp.TypeFlowRemoved {
			continue
		}
		if h.XID != e.xid || h.Type != e.want {
			c.r.t.Fatalf("%T with xid %#x is answered by %s", e.msg, e.xid, text.FormatBytes(b, text.Options{}))
		}
		m, err := ofp.Decode(h, b[ofp.HeaderLen:])
		if err != nil {
			c.r.t.Fatal(err)
		}
		reply, ok := m.(*ofp.MultipartReply)
		if !ok {
			return nil
		}
		all = append(all, reply.Entries...)
		if reply.Flags&ofp.MultipartMore == 0 {
			break
		}
	}
	return all
}

func mustFlow(t *testing.T, s string) *ofp.FlowMod {
	t.Helper()
	m, err := text.ParseFlow(s, text.ParseOptions{AnyCommand: true})
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return m
}

// Conversations with a switch that has groups, meters and table features, as the
// controllers' source has them.
func controllerConversations(t *testing.T) map[string]struct {
	hello []byte
	steps []exchange
} {
	hello := func(version uint8, versions uint32) []byte {
		b := ofp.Encode(0xffffffff, &ofp.Hello{Versions: []uint32{versions}})
		b[0] = version
		return b
	}
	allFlows := func() ofp.Message {
		return mp(ofp.MultipartFlow, &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny})
	}
	allPorts := func() ofp.Message { return mp(ofp.MultipartPortStats, &ofp.PortStatsRequest{Port: ofp.PortAny}) }
	group := func() ofp.Message { return mp(ofp.MultipartGroup, &ofp.GroupStatsRequest{GroupID: ofp.GroupAll}) }
	meter := func(kind uint16) ofp.Message { return mp(kind, &ofp.MeterRequest{MeterID: ofp.MeterAll}) }
	role := func(r ofp.Role, g uint64) ofp.Message { return &ofp.RoleRequest{Role: r, GenerationID: g} }
	const multi = ofp.TypeMultipartReply
	odlMiss := mustFlow(t, "add priority=0,cookie=10,send_flow_rem,actions=CONTROLLER:65535")
	odlMiss.CookieMask = 10
	strict := mustFlow(t, "delete_strict table=255,priority=0,out_port=CONTROLLER")
	forward := mustFlow(t, "add priority=1,idle_timeout=5,in_port=1,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,ip,nw_src=10.0.0.1,nw_dst=10.0.0.2,actions=output:2")
	forward.OutPort = 2 // on an ADD, which must not look at it
	clear := []exchange{{10, mustFlow(t, "delete table=255"), silent}}
	for i, typ := range []ofp.GroupType{ofp.GroupTypeAll, ofp.GroupTypeFastFailover, ofp.GroupTypeIndirect, ofp.GroupTypeSelect} {
		clear = append(clear, exchange{11 + uint32(i), &ofp.GroupMod{Command: ofp.GroupDelete, GroupType: typ, GroupID: ofp.GroupAll}, silent})
	}
	onos := []exchange{
		{0xfffffffe, &ofp.FeaturesRequest{}, ofp.TypeFeaturesReply},
		{0xfffffffd, mp(ofp.MultipartPortDesc, nil), multi},
		{0xfffffffc, &ofp.SetConfig{MissSendLen: 0xffff}, silent},
		{0xfffffffb, &ofp.BarrierRequest{}, ofp.TypeBarrierReply},
		{0xfffffffa, &ofp.GetConfigRequest{}, ofp.TypeGetConfigReply},
		{0xfffffff9, mp(ofp.MultipartMeterFeatures, nil), multi},
		{0xfffffff8, mp(ofp.MultipartDesc, nil), multi},
		{0xfffffff7, mp(ofp.MultipartPortDesc, nil), multi},
		{0xfffffff6, role(ofp.RoleMaster, 0), ofp.TypeRoleReply},
	}
	for _, m := range []string{"dl_type=0x88cc", "dl_type=0x8942", "arp"} {
		onos = append(onos, exchange{7, onosOrder(mustFlow(t, "add priority=40000,cookie=0x1000012345678,send_flow_rem,"+m+",actions=CONTROLLER:65535,clear_actions")), silent})
	}
	onos = append(onos, exchange{7, &ofp.BarrierRequest{}, ofp.TypeBarrierReply},
		exchange{8, allFlows(), multi}, exchange{9, mp(ofp.MultipartTable, nil), multi}, exchange{10, allPorts(), multi},
		exchange{11, group(), multi}, exchange{12, mp(ofp.MultipartGroupDesc, nil), multi}, exchange{0, meter(ofp.MultipartMeter), multi},
		exchange{13, role(ofp.RoleMaster, 0), ofp.TypeRoleReply})
	return map[string]struct {
		hello []byte
		steps []exchange
	}{
		"ONOS": {hello(4, 0x72), onos},
		"OpenDaylight": {hello(4, 1<<1|1<<4), []exchange{
			{2, &ofp.FeaturesRequest{}, ofp.TypeFeaturesReply},
			{0, &ofp.BarrierRequest{}, ofp.TypeBarrierReply},
			{1, mp(ofp.MultipartDesc, nil), multi},
			{2, mp(ofp.MultipartMeterFeatures, nil), multi}, {3, mp(ofp.MultipartGroupFeatures, nil), multi},
			{4, mp(ofp.MultipartTableFeatures, nil), multi}, {5, mp(ofp.MultipartPortDesc, nil), multi},
			{6, role(ofp.RoleNoChange, 0), ofp.TypeRoleReply}, {7, role(ofp.RoleMaster, 0), ofp.TypeRoleReply},
			{8, odlMiss, silent}, {9, &ofp.BarrierRequest{}, ofp.TypeBarrierReply},
			{10, mp(ofp.MultipartGroupDesc, nil), multi}, {11, group(), multi},
			{12, meter(ofp.MultipartMeterConfig), multi}, {13, meter(ofp.MultipartMeter), multi},
			{14, allFlows(), multi}, {15, mp(ofp.MultipartTable, nil), multi}, {16, allPorts(), multi},
			{17, mp(ofp.MultipartQueue, &ofp.QueueStatsRequest{Port: ofp.PortAny, QueueID: ofp.QueueAll}), multi},
			{0, &ofp.EchoRequest{}, ofp.TypeEchoReply},
		}},
		"Floodlight": {hello(6, 0x7e), append(append([]exchange{
			{2, &ofp.FeaturesRequest{}, ofp.TypeFeaturesReply},
			{3, mp(ofp.MultipartPortDesc, nil), multi},
			{4, &ofp.SetConfig{MissSendLen: 0xffff}, silent}, {5, &ofp.BarrierRequest{}, ofp.TypeBarrierReply}, {6, &ofp.GetConfigRequest{}, ofp.TypeGetConfigReply},
			{7, mp(ofp.MultipartDesc, nil), multi}, {8, mp(ofp.MultipartTableFeatures, nil), multi},
			{9, role(ofp.RoleMaster, 0), ofp.TypeRoleReply},
		}, clear...), []exchange{
			{20, &ofp.BarrierRequest{}, ofp.TypeBarrierReply}, {21, &ofp.BarrierRequest{}, ofp.TypeBarrierReply},
			{22, strict, silent}, {23, mustFlow(t, "add priority=0,actions=CONTROLLER:65535"), silent}, {24, forward, silent},
			{25, &ofp.BarrierRequest{}, ofp.TypeBarrierReply}, {26, &ofp.EchoRequest{}, ofp.TypeEchoReply}, {27, allFlows(), multi},
		}...)},
	}
}

// TestRealControllers holds each conversation with a whole switch; and again
// for each step, where the controller hangs up, or where what it sends is lost, or
// where it reports an error in place of it. No answer is ever an error, and the
// other controller's flow stays.
func TestRealControllers(t *testing.T) {
	for name, c := range controllerConversations(t) {
		t.Run(name, func(t *testing.T) {
			r := newControllerRig(t)
			bystander := mustFlow(t, "add table=3,priority=7,cookie=0xb,actions=output:2")
			for k := range len(c.steps) {
				r.observe.must(bystander)
				gone := r.controller(c.hello)
				for _, s := range c.steps[:k] {
					gone.hold(s)
				}
				_ = gone.nc.Close()

				for _, report := range []bool{false, true} {
					p := r.controller(c.hello)
					for i, s := range c.steps {
						switch {
						case i != k:
							p.hold(s)
						case report:
							p.write(ofp.Encode(s.xid, &ofp.ErrorMsg{ErrType: ofp.ErrBadRequest, Code: 1, Data: make([]byte, 64)}))
						}
					}
					_ = p.nc.Close()
				}
				stays := false
				for _, e := range r.observe.hold(exchange{1, mp(ofp.MultipartFlow, &ofp.FlowStatsRequest{Table: 3, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}), ofp.TypeMultipartReply}) {
					stays = stays || e.(*ofp.FlowStats).Cookie == bystander.Cookie
				}
				if name != "Floodlight" && !stays { // which deletes all flows
					t.Fatal("the other controller's flow is gone")
				}
			}
		})
	}
}

// onosOrder puts the instructions in the order of ONOS, which is not that of
// their execution.
func onosOrder(m *ofp.FlowMod) *ofp.FlowMod {
	n := 0
	m.Instructions.Order = [6]uint8{}
	for _, i := range []uint8{ofp.InstrClearActions, ofp.InstrApplyActions, ofp.InstrWriteActions, ofp.InstrGotoTable, ofp.InstrWriteMetadata, ofp.InstrMeter} {
		if m.Instructions.Has.Contains(int(i)) {
			m.Instructions.Order[n] = i
			n++
		}
	}
	return m
}

// onosFlows are flow-mods as ONOS sends them: every match field, with and without
// mask, and every action and instruction.
func onosFlows(t *testing.T) []*ofp.FlowMod {
	t.Helper()
	var list []*ofp.FlowMod
	add := func(priority int, match, actions string) {
		m := mustFlow(t, fmt.Sprintf("add priority=%d,cookie=%#x,send_flow_rem,%s,actions=%s", priority, 0x1000000000000+len(list), match, actions))
		list = append(list, onosOrder(m))
	}
	for _, m := range []string{
		"in_port=1", "in_port=1,in_phy_port=1", "metadata=5", "metadata=0x10/0xf0", "tun_id=7", "tun_id=0x100/0xf00",
		"dl_dst=02:00:00:00:00:02", "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00", "dl_src=02:00:00:00:00:01", "dl_src=02:00:00:00:00:00/ff:00:00:00:00:00",
		"dl_type=0x88cc", "vlan_tci=0", "vlan_vid=0x1000/0x1000", "vlan_vid=0x1064", "vlan_vid=0x1004/0x1004", "vlan_vid=0x1064,dl_vlan_pcp=5",
		"ip,ip_dscp=46", "ip,nw_ecn=1", "ip,nw_proto=89", "ip,nw_src=10.0.0.1", "ip,nw_src=10.0.0.0/8", "ip,nw_dst=10.0.0.2", "ip,nw_dst=0.0.0.2/0.0.0.255",
		"tcp,tp_src=1", "tcp,tp_dst=2", "udp,tp_src=3", "udp,tp_dst=4", "sctp,tp_src=5", "sctp,tp_dst=6", "icmp,icmp_type=8", "icmp,icmp_code=1",
		"arp,arp_op=1", "arp,arp_spa=10.0.0.1", "arp,arp_spa=10.0.0.0/24", "arp,arp_tpa=10.0.0.2", "arp,arp_tpa=10.0.0.0/24",
		"arp,arp_sha=02:00:00:00:00:01", "arp,arp_sha=02:00:00:00:00:00/ff:00:00:00:00:00", "arp,arp_tha=02:00:00:00:00:02", "arp,arp_tha=02:00:00:00:00:00/ff:00:00:00:00:00",
		"ipv6,ipv6_src=fd00::1", "ipv6,ipv6_src=fd00::/16", "ipv6,ipv6_dst=fd00::2", "ipv6,ipv6_dst=::2/::ffff", "ipv6,ipv6_label=0x12345", "ipv6,ipv6_label=0x10000/0xf0000",
		"icmp6,icmp_type=128", "icmp6,icmp_code=2", "icmp6,icmp_type=135,nd_target=fd00::2", "icmp6,icmp_type=135,nd_sll=02:00:00:00:00:01", "icmp6,icmp_type=136,nd_tll=02:00:00:00:00:02",
		"mpls,mpls_label=16", "mpls,mpls_tc=5", "mplsm,mpls_bos=1", "dl_type=0x88e7,pbb_isid=0x123456", "dl_type=0x88e7,pbb_isid=0x120000/0xff0000",
		"ipv6,ipv6_exthdr=0x48", "ipv6,ipv6_exthdr=0x10/0x10",
		"in_port=1,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,vlan_vid=0x1064,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=1,tp_dst=2",
	} {
		add(10, m, "output:2")
	}
	for i, a := range []struct{ match, actions string }{
		{"in_port=1", "drop"}, {"in_port=1", "IN_PORT"}, {"in_port=1", "ALL"}, {"in_port=1", "FLOOD"}, {"in_port=1", "NORMAL"}, {"in_port=1", "LOCAL"},
		{"in_port=1", "CONTROLLER:65535"}, {"in_port=1", "output:1,output:2,output:3"}, {"in_port=1", "set_queue:1,output:2"}, {"in_port=1", "group:1"},
		{"in_port=1", "meter:1,output:2,clear_actions,write_actions(set_field:02:00:00:00:00:09->eth_dst,output:3),write_metadata:0x5/0xff,goto_table:1"},
		{"in_port=1", "write_actions(group:1)"}, {"in_port=1", "goto_table:7"}, {"in_port=1", "meter:1"},
		{"ip", "push_vlan:0x8100,set_field:4196->vlan_vid,output:2"}, {"ip", "push_vlan:0x88a8,output:2"}, {"vlan_vid=0x1064", "pop_vlan,output:2"},
		{"ip", "push_mpls:0x8847,set_field:77->mpls_label,output:2"}, {"mpls", "pop_mpls:0x0800,output:2"}, {"mpls", "dec_mpls_ttl,output:2"}, {"mpls", "set_mpls_ttl:9,output:2"},
		{"mpls", "copy_ttl_in,output:2"}, {"mpls", "copy_ttl_out,output:2"}, {"ip", "push_pbb:0x88e7,set_field:0x123456->pbb_isid,output:2"}, {"dl_type=0x88e7", "pop_pbb,output:2"},
		{"ip", "dec_ttl,output:2"}, {"ipv6", "set_nw_ttl:9,output:2"},
		{"in_port=1", "set_field:02:00:00:00:00:09->eth_dst,set_field:02:00:00:00:00:08->eth_src,output:2"}, {"in_port=1", "set_field:0x9->tun_id,output:2"},
		{"vlan_vid=0x1064", "set_field:4200->vlan_vid,set_field:3->vlan_pcp,output:2"}, {"ip", "set_field:46->ip_dscp,set_field:1->nw_ecn,output:2"},
		{"ip", "set_field:10.0.0.9->ip_src,set_field:10.0.0.8->ip_dst,output:2"}, {"tcp", "set_field:9->tcp_src,set_field:8->tcp_dst,output:2"},
		{"udp", "set_field:9->udp_src,set_field:8->udp_dst,output:2"}, {"sctp", "set_field:9->sctp_src,set_field:8->sctp_dst,output:2"},
		{"icmp", "set_field:0->icmp_type,set_field:3->icmp_code,output:2"}, {"arp", "set_field:2->arp_op,set_field:10.0.0.9->arp_spa,set_field:10.0.0.8->arp_tpa,output:2"},
		{"arp", "set_field:02:00:00:00:00:09->arp_sha,set_field:02:00:00:00:00:08->arp_tha,output:2"},
		{"ipv6", "set_field:fd00::9->ipv6_src,set_field:fd00::8->ipv6_dst,set_field:0x54321->ipv6_label,output:2"}, {"icmp6", "set_field:129->icmpv6_type,set_field:0->icmpv6_code,output:2"},
		{"icmp6,icmp_type=135", "set_field:fd00::9->nd_target,set_field:02:00:00:00:00:09->nd_sll,output:2"}, {"icmp6,icmp_type=136", "set_field:02:00:00:00:00:09->nd_tll,output:2"},
		{"mpls", "set_field:18->mpls_label,set_field:2->mpls_tc,output:2"},
	} {
		add(100+i, a.match, a.actions)
	}
	return list
}

// canonical is an entry as ONOS compares it: all that the flow-mod said.
func canonical(m *ofp.FlowMod) []byte { return ofp.Encode(0, m) }

// readBack is the flow-mod that would make a reported entry.
func readBack(s *ofp.FlowStats) *ofp.FlowMod {
	return &ofp.FlowMod{
		Command: ofp.FlowAdd, Table: s.Table, Priority: s.Priority, IdleTimeout: s.IdleTimeout, HardTimeout: s.HardTimeout, Flags: s.Flags,
		Cookie: s.Cookie, Match: s.Match, Instructions: s.Instructions, BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny,
	}
}

// TestONOSReconciliation: ONOS deletes what it does not know and adds again what
// differs, so flows, groups and meters must come back as they were sent; and to
// its other instance, which takes over when this one is gone, while frames go on.
func TestONOSReconciliation(t *testing.T) {
	r := newControllerRig(t)
	onos := controllerConversations(t)["ONOS"]
	first, second := r.controller(onos.hello), r.controller(onos.hello)
	for _, s := range onos.steps {
		first.hold(s)
	}
	for _, s := range onos.steps[:8] {
		second.hold(s)
	}
	second.hold(exchange{1, &ofp.RoleRequest{Role: ofp.RoleEqual}, ofp.TypeRoleReply})
	first.must(mustFlow(t, "delete table=255"))

	var groups []*ofp.GroupMod
	for _, s := range []string{
		"group_id=1,type=all,bucket=actions=output:2,bucket=actions=push_vlan:0x8100,set_field:4196->vlan_vid,output:3",
		"group_id=2,type=indirect,bucket=actions=dec_ttl,set_field:02:00:00:00:00:09->eth_dst,output:2",
		"group_id=3,type=select,bucket=weight:3,actions=output:2,bucket=weight:7,actions=output:3",
		"group_id=4,type=ff,bucket=watch_port:2,actions=output:2,bucket=watch_group:1,actions=group:1",
		"group_id=5,type=all",
	} {
		g, err := text.ParseGroup(s, text.GroupOptions{})
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		groups = append(groups, g)
	}
	meters := []*ofp.MeterMod{
		{MeterID: 1, Flags: ofp.MeterFlagKBPS | ofp.MeterFlagBurst, Bands: []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: 1000, BurstSize: 50}}},
		{MeterID: 2, Flags: ofp.MeterFlagPKTPS, Bands: []ofp.MeterBand{{Type: ofp.MeterBandDSCPRemark, Rate: 1000, PrecLevel: 1}, {Type: ofp.MeterBandDrop, Rate: 2000}}},
	}
	for _, m := range meters {
		first.hold(exchange{m.MeterID, m, silent}) // its xid is the meter's id
	}
	for i, g := range groups {
		first.hold(exchange{100 + uint32(i), g, silent})
	}
	flows := onosFlows(t)
	for _, f := range flows {
		first.hold(exchange{500, f, silent})
	}
	first.hold(exchange{500, &ofp.BarrierRequest{}, ofp.TypeBarrierReply}) // no error came before it

	// reconcile is a round of polls of the master's.
	reconcile := func(c *refusalConn) {
		t.Helper()
		have := map[string]bool{}
		for _, e := range c.hold(exchange{600, mp(ofp.MultipartFlow, &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}), ofp.TypeMultipartReply}) {
			have[string(canonical(readBack(e.(*ofp.FlowStats))))] = true
		}
		if len(have) != len(flows) {
			t.Errorf("%d flow entries are reported, %d were sent", len(have), len(flows))
		}
		for _, f := range flows {
			if !have[string(canonical(f))] {
				t.Errorf("would be deleted and added again: %s", text.FormatBytes(canonical(f), text.Options{}))
			}
		}
		stats := c.hold(exchange{700, mp(ofp.MultipartGroup, &ofp.GroupStatsRequest{GroupID: ofp.GroupAll}), ofp.TypeMultipartReply})
		descs := c.hold(exchange{701, mp(ofp.MultipartGroupDesc, nil), ofp.TypeMultipartReply})
		if len(stats) != len(groups) || len(descs) != len(groups) {
			t.Fatalf("%d and %d groups are reported, %d were sent", len(stats), len(descs), len(groups))
		}
		for i, e := range descs {
			want := (&ofp.GroupDesc{GroupType: groups[i].GroupType, GroupID: groups[i].GroupID, Buckets: groups[i].Buckets}).Append(nil)
			if got := e.(*ofp.GroupDesc).Append(nil); !bytes.Equal(got, want) {
				t.Errorf("group %d is reported as %x, sent as %x", groups[i].GroupID, got, want)
			}
		}
		configs := c.hold(exchange{0, mp(ofp.MultipartMeterConfig, &ofp.MeterRequest{MeterID: ofp.MeterAll}), ofp.TypeMultipartReply})
		if len(configs) != len(meters) {
			t.Fatalf("%d meters are reported, %d were sent", len(configs), len(meters))
		}
		for i, e := range configs {
			want := (&ofp.MeterConfig{Flags: meters[i].Flags, MeterID: meters[i].MeterID, Bands: meters[i].Bands}).Append(nil)
			if got := e.(*ofp.MeterConfig).Append(nil); !bytes.Equal(got, want) {
				t.Errorf("meter %d is reported as %x, sent as %x", meters[i].MeterID, got, want)
			}
		}
	}
	reconcile(first)

	// The first instance dies; the second becomes master, with the same
	// generation id as ever. The switch forwards all the while.
	traffic := mustFlow(t, "add priority=60000,cookie=0x77,send_flow_rem,in_port=1,dl_type=0x9999,actions=output:2")
	flows = append(flows, traffic)
	first.must(traffic)
	frame := append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x99, 0x99}, make([]byte, 46)...)
	forwards := func(n uint64) {
		t.Helper()
		r.devices[0].InjectBytes(frame)
		testutil.Eventually(t, "the frame goes out", func() error {
			if got := r.devices[1].Stats().TxPackets; got != n {
				return fmt.Errorf("%d frames, want %d", got, n)
			}
			return nil
		})
	}
	forwards(1)
	_ = first.nc.Close()
	forwards(2)
	second.hold(exchange{2, &ofp.RoleRequest{Role: ofp.RoleMaster}, ofp.TypeRoleReply})
	forwards(3)
	reconcile(second)

	// An unknown flow is deleted strictly, which is told (SEND_FLOW_REM).
	gone := *traffic
	gone.Command = ofp.FlowDeleteStrict
	second.hold(exchange{3, &gone, silent})
	for told := false; !told; {
		h, b := second.read()
		if h.Type != ofp.TypeFlowRemoved {
			t.Fatalf("a deletion is answered by %s", text.FormatBytes(b, text.Options{}))
		}
		m, err := ofp.Decode(h, b[ofp.HeaderLen:])
		if err != nil {
			t.Fatal(err)
		}
		told = m.(*ofp.FlowRemoved).Cookie == traffic.Cookie // others are the first instance's
	}
	flows = flows[:len(flows)-1]
	reconcile(second)
}
