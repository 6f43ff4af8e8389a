package ofswitch

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"ofswitch/flow"
	"ofswitch/flow/keytext"
	"ofswitch/ofp"
	"ofswitch/ofp/text"
	"ofswitch/packet"
)

// traceFlows are those of the bridge that traces are told of.
const traceFlows = `
table=0,priority=100,in_port=1,tcp,tp_dst=80,cookie=0x123,actions=set_field:10.0.0.9->ip_dst,goto_table:1
table=0,priority=90,icmp,actions=dec_ttl,output:2,group:1
table=0,priority=80,arp,actions=NORMAL
table=0,priority=70,udp,tp_dst=1,actions=group:2
table=0,priority=70,udp,tp_dst=2,actions=group:3
table=0,priority=70,udp,tp_dst=3,actions=group:4
table=0,priority=70,udp,tp_dst=4,actions=meter:1,output:2
table=0,priority=70,udp,tp_dst=5,actions=write_actions(output:2,set_field:5->ip_dscp),goto_table:1
table=0,priority=70,udp,tp_dst=6,actions=push_vlan:0x8100,set_field:4106->vlan_vid,output:1,pop_vlan,output:4
table=0,priority=70,udp,tp_dst=7,actions=CONTROLLER:65535
table=0,priority=70,udp,tp_dst=8,actions=output:77
table=0,priority=70,udp,tp_dst=9,actions=output:1
table=0,priority=70,udp,tp_dst=12,actions=IN_PORT
table=0,priority=70,udp,tp_dst=14,actions=clear_actions,write_metadata:0x12/0xff,goto_table:2
table=0,priority=70,udp,tp_dst=16,actions=push_mpls:0x8847,set_field:44->mpls_label,output:2
table=0,priority=70,udp,tp_dst=18,actions=drop
table=0,priority=70,udp,tp_dst=20,actions=output:4,output:2
table=0,priority=70,udp,tp_dst=22,actions=push_vlan:0x8100,set_field:4106->vlan_vid,output:2
table=0,priority=70,udp,tp_dst=23,actions=write_actions(group:1),goto_table:3
table=0,priority=70,ipv6,actions=dec_ttl,set_field:::5->ipv6_src,output:2
table=1,priority=10,tcp,actions=output:2
table=1,priority=0,actions=write_metadata:0x1234,goto_table:2
table=3,priority=70,udp,actions=CONTROLLER:20
table=2,priority=5,metadata=0x12,actions=drop
`

var traceGroups = []string{
	"group_id=1,type=all,bucket=output:1,bucket=set_field:02:00:00:00:00:09->eth_dst,output:2",
	"group_id=2,type=select,bucket=weight:10,output:3,bucket=weight:0,output:2",
	"group_id=3,type=ff,bucket=watch_port:1,output:1,bucket=watch_port:2,output:2",
	"group_id=4,type=indirect,bucket=output:2",
}

func traceLab(t testing.TB) *lab {
	l := newLab(t, 3)
	other, err := l.d.AddBridge("br1", BridgeOptions{DatapathID: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		b    *Bridge
		no   ofp.PortNo
		name string
	}{{l.b, 4, "pa"}, {other, 1, "pb"}} {
		if err := p.b.AddPatch(p.no, p.name); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.b.ConnectPatch(4, other, 1); err != nil {
		t.Fatal(err)
	}
	l.addPort(other, 2)
	other.SetFallbackNormal()
	for _, s := range traceGroups {
		m, err := text.ParseGroup(s, text.GroupOptions{Command: ofp.GroupAdd})
		if err == nil {
			err = l.b.GroupMod(m)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	m, err := text.ParseMeter("meter=1,kbps,band=type=drop,rate=1000", ofp.MeterAdd)
	if err == nil {
		err = l.b.MeterMod(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	for s := range strings.Lines(strings.TrimSpace(traceFlows)) {
		m, err := text.ParseFlow(s, text.ParseOptions{Command: ofp.FlowAdd})
		if err != nil {
			t.Fatal(err)
		}
		l.add(m)
	}
	return l
}

// TestTraceText holds the text of traces. testdata/traces.txt has a flow behind "### ",
// and its trace below. Where no recirculation, no metadata and no megaflow is
// concerned the lines are those that Open vSwitch 3.1 prints for the same flows.
func TestTraceText(t *testing.T) {
	l := traceLab(t)
	data, err := os.ReadFile("testdata/traces.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := strings.Split(string(data), "### ")[1:]
	if len(cases) < 20 {
		t.Fatalf("%d traces in the file, want 20 at least", len(cases))
	}
	for _, c := range cases {
		f, want, _ := strings.Cut(c, "\n")
		tr, err := l.b.Trace(TraceQuery{Flow: f})
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		if got := tr.String(); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", f, got, want)
		}
	}
}

// TestTraceNames holds that ports are called by their names where that is asked for.
func TestTraceNames(t *testing.T) {
	l := traceLab(t)
	tr, err := l.b.Trace(TraceQuery{Flow: "in_port=pa,udp,tp_dst=3", Names: true})
	if err != nil {
		t.Fatal(err)
	}
	name := l.ports[1].Name()
	for _, want := range []string{"udp,in_port=pa,", "output:" + name + "\n", "Datapath actions: " + name + "\n"} {
		if !strings.Contains(tr.String(), want) {
			t.Errorf("%q is not in\n%s", want, tr)
		}
	}
}

// TestTraceGenerate holds that only a trace that generates a frame learns and tells
// controllers, and what it says of it.
func TestTraceGenerate(t *testing.T) {
	l := traceLab(t)
	q := TraceQuery{Flow: "in_port=1,arp,dl_src=02:00:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff"}
	for _, generate := range []bool{false, true} {
		q.Generate = generate
		tr, err := l.b.Trace(q)
		if err != nil {
			t.Fatal(err)
		}
		says := "learned that 02:00:00:00:00:01 is on port " + l.ports[0].Name() + " in VLAN 0"
		if strings.Contains(tr.String(), says) != generate || len(l.b.MACs()) > 0 != generate {
			t.Errorf("generate %v: MAC table %v after\n%s", generate, l.b.MACs(), tr)
		}
		if _, err := l.b.Trace(TraceQuery{Flow: "in_port=1,udp,tp_dst=7", Generate: generate}); err != nil {
			t.Fatal(err)
		}
		l.d.upcalls.drain()
		if ins := l.rec.takeIns(); len(ins) > 0 != generate {
			t.Errorf("generate %v: %d packet-ins", generate, len(ins))
		}
	}
}

// TestTracePacketOut holds what a packet-out's trace says.
func TestTracePacketOut(t *testing.T) {
	l := traceLab(t)
	list, err := text.ParseActions("set_field:1->udp_src,output:3,TABLE", nil)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := l.b.Trace(TraceQuery{Flow: "in_port=CONTROLLER,udp,tp_dst=3", PacketOut: true, Actions: list})
	if err != nil {
		t.Fatal(err)
	}
	want := `bridge("br0")
-------------
    set_field:1->udp_src
    output:3
    TABLE
 0. udp,tp_dst=3, priority 70
    group:4
    bucket 0
            output:2
`
	if !strings.Contains(tr.String(), want) || len(tr.Outputs) != 2 || tr.Outputs[0].Port != 3 || tr.Outputs[1].Port != 2 {
		t.Errorf("outputs %+v, trace\n%s\nwant in it\n%s", tr.Outputs, tr, want)
	}
}

// TestTraceRefusals holds that what cannot be traced is refused with a reason.
func TestTraceRefusals(t *testing.T) {
	l := traceLab(t)
	for _, c := range []struct{ flow, want string }{
		{"garbage", "unknown"},
		{"in_port=1,nw_dst=1.2.3.4", "depends on"},
		{"in_port=1,ip,nw_dst=1.2.3.0/24", "wildcards not allowed here"},
		{"in_port=1,ip,nw_ttl=256", "8 bits"},
		{"in_port=1,ip,nw_ttl=1,nw_ttl=1", "multiple times"},
		{"in_port=1,metadata=5", "no frame comes in with it"},
		{"in_port=1,recirc_id=3", "has 0"},
		{"in_port=1,dl_type=0x0000", "no frame"},
		{"in_port=1,ip,nw_frag=maybe", "no, first or later"},
		{"in_port=1,tcp,tcp_flags=+fun", "fin, syn"},
		{"in_port=1,ipv6,ipv6_exthdr=auth", "no frame"},
		{"in_port=nosuch", "in_port"},
		{"actions=drop", "unknown"},
		{strings.Repeat("x", 1<<16), "65536 bytes"},
		{"in_port=1,\x00", "unknown"},
	} {
		_, err := l.b.Trace(TraceQuery{Flow: c.flow})
		if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 2000 {
			t.Errorf("%.100q: error %.300v, want %q", c.flow, err, c.want)
		}
	}
	for _, c := range []struct{ flow, want string }{
		{"in_port(1)", ""},
		{"in_port(99),eth()", "no OpenFlow port"},
		{"eth()", "in_port() is missing"},
		{"in_port(1", "not closed"},
		{"in_port(1),x", "NAME(...)"},
		{"in_port(1),ct_state(new)", "has 0"},
		{"in_port(1),encap(encap(encap(encap(encap(encap())))))", "too deep"},
		{"in_port(1),ipv4(src=1.2.3.4/8)", "wildcards"},
		{"in_port(1),ipv4(what=1)", "not known"},
		{"in_port(1),nsh()", "not known"},
		{"in_port(1),ipv4(src=1.1.1.1)", "no frame"},
		{"in_port(1),vlan(vid=1),vlan(vid=2),vlan(vid=3)", "more tags"},
		{strings.Repeat("encap(", 1<<16), "not closed"},
	} {
		_, err := l.d.TraceDatapath(TraceQuery{Flow: c.flow})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%.100q: error %.300v, want %q", c.flow, err, c.want)
		}
	}
	for _, data := range [][]byte{{}, make([]byte, 13), make([]byte, packet.MaxFrame+1)} {
		if _, err := l.b.Trace(TraceQuery{Flow: "in_port=1", Packet: data}); err == nil {
			t.Errorf("a frame of %d bytes was traced", len(data))
		}
	}
}

// TestKeyTextReadsBack holds that what dpctl/dump-flows prints of a frame's key can be
// traced, and makes a frame with that key.
func TestKeyTextReadsBack(t *testing.T) {
	g := &gen{Rand: newRand(rand.Uint64())}
	same := 0
	for range 3000 {
		f := packet.FromBytes(g.frame())
		var k, again flow.Key
		flow.Extract(f, 7, &k)
		m, in, err := keytext.ParseDatapath(keytext.Datapath(&k, &everything, "7"))
		if err != nil || in != "7" {
			t.Fatalf("%s: in_port %q, error %v", keytext.Datapath(&k, &everything, "7"), in, err)
		}
		flow.Extract(packet.FromBytes(flow.Compose(&m.Value)), 7, &again)
		if keytext.Datapath(&again, &everything, "7") == keytext.Datapath(&k, &everything, "7") {
			same++
		}
	}
	if same < 1500 {
		t.Errorf("%d of 3000 frames could be made from their keys", same)
	}
}

// TestFlowTextReadsBack is the same for the line "Flow:" of a trace.
func TestFlowTextReadsBack(t *testing.T) {
	l := traceLab(t)
	g := &gen{Rand: newRand(rand.Uint64())}
	same := 0
	line := func(tr *Trace) string {
		s, _, _ := strings.Cut(tr.String(), "\n")
		return strings.TrimPrefix(s, "Flow: ")
	}
	for range 1000 {
		tr, err := l.b.Trace(TraceQuery{Flow: "in_port=2", Packet: g.frame()})
		if err != nil {
			t.Fatal(err)
		}
		again, err := l.b.Trace(TraceQuery{Flow: line(tr)})
		if err != nil {
			if strings.Contains(err.Error(), "there is no frame") {
				continue // no frame is made with extension headers, for one
			}
			t.Fatalf("%s: %v", line(tr), err)
		}
		if line(again) == line(tr) {
			same++
		}
	}
	if same < 500 {
		t.Errorf("%d of 1000 flows could be traced again", same)
	}
}

// FuzzTrace holds that no text makes a trace panic or the switch change.
func FuzzTrace(f *testing.F) {
	for _, s := range []string{
		"in_port=1,tcp,tp_dst=80,nw_dst=10.0.0.2", "icmp,in_port=1,nw_ttl=64", "in_port=1,arp,dl_dst=ff:ff:ff:ff:ff:ff",
		"in_port=LOCAL,udp6,ipv6_src=::1,nw_frag=first", "in_port=1,dl_vlan=5,dl_vlan_pcp=2,vlan_tci1=0x1006,ip", "in_port=1,mpls,mpls_label=3,mpls_ttl=5,mpls_lse1=7",
		"in_port=1,icmp6,icmp_type=135,nd_target=::1,nd_sll=02:00:00:00:00:01", "in_port=1,udp,tp_dst=4", "in_port=1,udp,tp_dst=16", "in_port=1,tun_id=5,tcp,tcp_flags=syn|ack",
		"in_port(1),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),eth_type(0x0800),ipv4(src=1.1.1.1,dst=2.2.2.2,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=9)",
		"in_port(1),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),eth_type(0x8100),vlan(vid=99,pcp=0),encap(eth_type(0x0806),arp(sip=1.2.3.4,tip=2.2.3.4,op=1,sha=00:0f:02:03:04:05,tha=00:0f:02:03:04:06))",
	} {
		f.Add(s, []byte(nil))
	}
	f.Add("in_port=1", udp(1, 2, 3, 4))
	l := traceLab(f)
	f.Fuzz(func(t *testing.T, s string, data []byte) {
		q := TraceQuery{Flow: s, Names: len(s)%2 == 0}
		if len(data) > 0 {
			q.Packet = data
		}
		if tr, err := l.b.Trace(q); err == nil {
			_ = tr.String()
		}
		if tr, err := l.d.TraceDatapath(q); err == nil {
			_ = tr.String()
		}
		if n := len(l.b.MACs()); n > 0 {
			t.Errorf("%d addresses were learnt", n)
		}
	})
}
