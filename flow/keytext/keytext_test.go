package keytext

import (
	"strings"
	"testing"

	"ofswitch/flow"
	"ofswitch/packet"
)

// all is the mask of every bit.
var all = func() (m flow.Mask) {
	for i := range m {
		m[i] = ^uint64(0)
	}
	return m
}()

func port(name string) (uint32, bool) { return 0, false }

// TestBothSyntaxes holds that the text of a frame in the one syntax is that of the same frame
// in the other, and that each reads back what it writes.
func TestBothSyntaxes(t *testing.T) {
	const eth = "in_port(1),packet_type(ns=0,id=0),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),"
	const dl = "in_port=1,vlan_tci=0x0000,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,"
	for _, c := range []struct{ openflow, datapath string }{
		{"tcp," + dl + "nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_tos=4,nw_ecn=1,nw_ttl=64,nw_frag=no,tp_src=1,tp_dst=80,tcp_flags=syn|ack",
			eth + "eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=6,tos=0x5,ttl=64,frag=no),tcp(src=1,dst=80),tcp_flags(syn|ack)"},
		{"udp," + dl + "nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_tos=0,nw_ecn=0,nw_ttl=1,nw_frag=later",
			eth + "eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17,tos=0,ttl=1,frag=later)"},
		{"icmp6," + dl + "ipv6_src=fe80::1,ipv6_dst=fe80::2,ipv6_label=0x00007,nw_tos=0,nw_ecn=0,nw_ttl=255,nw_frag=no,icmp_type=135,icmp_code=0,nd_target=fe80::2,nd_sll=02:00:00:00:00:01,nd_tll=00:00:00:00:00:00",
			eth + "eth_type(0x86dd),ipv6(src=fe80::1,dst=fe80::2,label=0x7,proto=58,tclass=0,hlimit=255,frag=no),icmpv6(type=135,code=0),nd(target=fe80::2,sll=02:00:00:00:00:01,tll=00:00:00:00:00:00)"},
		{"arp," + dl + "arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_op=1,arp_sha=02:00:00:00:00:01,arp_tha=00:00:00:00:00:00",
			eth + "eth_type(0x0806),arp(sip=10.0.0.1,tip=10.0.0.2,op=1,sha=02:00:00:00:00:01,tha=00:00:00:00:00:00)"},
		{"mpls," + dl + "mpls_label=3,mpls_tc=2,mpls_ttl=9,mpls_bos=1",
			eth + "eth_type(0x8847),mpls(label=3,tc=2,ttl=9,bos=1)"},
		{"in_port=1,dl_vlan=5,dl_vlan_pcp=3,vlan_tci1=0x0000,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,dl_type=0x88b5",
			eth + "eth_type(0x8100),vlan(vid=5,pcp=3),encap(eth_type(0x88b5))"},
	} {
		// The writer says of tags that there are none; no reader of fields knows these words.
		asked := strings.NewReplacer("vlan_tci=0x0000,", "", "vlan_tci1=0x0000,", "").Replace(c.openflow)
		m, err := ParseOpenFlow(asked, port)
		if err != nil {
			t.Errorf("%s: %v", asked, err)
			continue
		}
		written := func(m *flow.Match) (openflow, datapath string) {
			var k flow.Key
			flow.Extract(packet.FromBytes(flow.Compose(&m.Value)), 1, &k)
			var w flow.Wide
			w.SetKey(&k)
			return OpenFlow(nil, &w, &all, k.Bits, "1"), Datapath(&k, &all, "1")
		}
		openflow, datapath := written(&m)
		if openflow != c.openflow || datapath != "recirc_id(0),"+c.datapath {
			t.Errorf("%s\nis      %s\nand     %s\nwant in datapaths %s", c.openflow, openflow, datapath, c.datapath)
		}
		m, in, err := ParseDatapath(c.datapath)
		if err != nil || in != "1" {
			t.Errorf("%s: port %q, error %v", c.datapath, in, err)
			continue
		}
		if openflow, datapath = written(&m); openflow != c.openflow || datapath != "recirc_id(0),"+c.datapath {
			t.Errorf("%s\nis      %s\nand     %s\nwant as match %s", c.datapath, datapath, openflow, c.openflow)
		}
	}
}

// TestDatapathMasks holds that what the mask has no bits of is not written, and that what it has a
// part of has the mask behind it.
func TestDatapathMasks(t *testing.T) {
	m, err := ParseOpenFlow("tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,tp_src=1,tp_dst=80,tcp_flags=syn", port)
	if err != nil {
		t.Fatal(err)
	}
	var k flow.Key
	flow.Extract(packet.FromBytes(flow.Compose(&m.Value)), 1, &k)
	var dst flow.Wide
	flow.IPv4Dst.Field().Set(&dst, flow.Value{Lo: 0xffffff00})
	for _, c := range []struct {
		name string
		mask flow.Mask
		want string
	}{
		{"nothing", flow.Mask{}, "eth_type(0x0800)"},
		{"network", flow.Mask(dst), "eth_type(0x0800),ipv4(dst=10.0.0.0/255.255.255.0)"},
		{"port and a flag", flow.Mask{flow.WL4: 0xffff<<32 | 2<<flow.TCPFlagsShift}, "eth_type(0x0800),tcp(dst=80),tcp_flags(0x2/0x2)"},
		{"TTL", flow.Mask{flow.WIP: 0xff << flow.TTLShift}, "eth_type(0x0800),ipv4(ttl=64)"},
	} {
		const head = "recirc_id(0),in_port(p1),packet_type(ns=0,id=0),"
		if got := Datapath(&k, &c.mask, "p1"); got != head+c.want {
			t.Errorf("%s: %s, want %s", c.name, got, head+c.want)
		}
	}
}
