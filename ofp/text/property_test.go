package text

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// propertyMatches are the kinds of match that random flows have.
var propertyMatches = strings.Split(`
in_port=1
in_port=LOCAL,dl_src=02:00:00:00:00:01,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00
dl_vlan=7
dl_vlan=7,dl_vlan_pcp=3
vlan_tci=0x1000/0x1000
vlan_tci=0x0000/0x1fff
dl_type=0x1234
metadata=0x5/0xff,tun_id=0x7
ip
ip,nw_src=10.0.0.0/8,nw_dst=1.2.3.4,nw_tos=184,nw_ecn=1
ip,nw_proto=99
tcp,tp_src=80,tp_dst=443
udp,dl_vlan=5,tp_dst=53
sctp,tp_src=1
icmp,icmp_type=8,icmp_code=0
arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.0/24,arp_sha=02:00:00:00:00:01
ipv6,ipv6_src=fe80::/10,ipv6_label=0x12345
tcp6,ipv6_dst=2001:db8::1,tp_dst=443
udp6
icmp6,icmp_type=135,nd_target=fe80::1,nd_sll=02:00:00:00:00:01
icmp6,icmp_type=136,nd_tll=02:00:00:00:00:01
mpls,mpls_label=33,mpls_tc=2,mpls_bos=1
dl_type=0x8848
dl_type=0x88e7,pbb_isid=0x5`, "\n")

// randomFlow makes a flow whose actions fit its match; those of the action set if
// fitSet.
func randomFlow(r *rand.Rand, fitSet bool) *ofp.FlowMod {
	fm := &ofp.FlowMod{
		Table: ofp.TableID(r.IntN(200)), Priority: uint16(r.IntN(65536)), Cookie: r.Uint64() >> r.IntN(64),
		BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny,
		Match: mustMatch(propertyMatches[r.IntN(len(propertyMatches))]),
	}
	if r.IntN(2) == 0 {
		fm.IdleTimeout, fm.HardTimeout, fm.Priority = uint16(r.IntN(65536)), uint16(r.IntN(65536)), 32768
		fm.Flags = ofp.FlowFlags(r.IntN(32))
	}
	in := &fm.Instructions
	for _, o := range instructionOrder {
		if r.IntN(3) != 0 {
			continue
		}
		switch o.typ {
		case ofp.InstrMeter:
			in.Meter = 1 + r.Uint32N(1<<32-1)
		case ofp.InstrApplyActions:
			in.Apply = randomActions(r, fm.Match, true)
		case ofp.InstrWriteActions:
			in.Write = randomActions(r, fm.Match, fitSet)
		case ofp.InstrWriteMetadata:
			in.Metadata, in.MetadataMask = r.Uint64(), ^uint64(0)
			if r.IntN(2) == 0 {
				in.MetadataMask = r.Uint64()
			}
		case ofp.InstrGotoTable:
			in.Goto = fm.Table + 1 + ofp.TableID(r.IntN(int(254-fm.Table)))
		}
		in.Order[count(in.Has)] = o.typ
		in.Has |= 1 << o.typ
	}
	return fm
}

func count(s ofp.InstrSet) (n int) {
	for ; s != 0; s &= s - 1 {
		n++
	}
	return n
}

// randomActions makes a list that is not empty. fit: what the match does not
// allow is left out, and what comes after something that changes the frame's
// kind is not tried.
func randomActions(r *rand.Rand, m flow.Match, fit bool) []ofp.Action {
	ok := func(id flow.ID) bool { return !fit || m.PrereqsMet(id) }
	ports := []ofp.PortNo{0, 1, 2, 9, 65279, 0xfffe, 70000, ofp.PortMax, ofp.PortInPort, ofp.PortTable, ofp.PortNormal,
		ofp.PortFlood, ofp.PortAll, ofp.PortLocal}
	out := []ofp.Action{ofp.Output{Port: ports[r.IntN(len(ports))]}}
	for range r.IntN(6) {
		var a ofp.Action
		switch r.IntN(16) {
		case 0:
			a = ofp.Output{Port: ofp.PortController, MaxLen: uint16(r.IntN(65536))}
		case 1:
			a = ofp.Group{GroupID: r.Uint32N(ofp.GroupMax + 1)}
		case 2:
			a = ofp.SetQueue{QueueID: r.Uint32()}
		case 3:
			a = ofp.CopyTTLOut{}
		case 4:
			a = ofp.CopyTTLIn{}
		case 5:
			if ok(flow.IPDSCP) {
				a = ofp.SetNwTTL{TTL: uint8(r.IntN(256))}
			}
		case 6:
			if ok(flow.IPDSCP) {
				a = ofp.DecNwTTL{}
			}
		case 7:
			if ok(flow.MPLSLabel) {
				a = ofp.SetMPLSTTL{TTL: uint8(r.IntN(256))}
			}
		case 8:
			if ok(flow.MPLSLabel) {
				a = ofp.DecMPLSTTL{}
			}
		case 9:
			return append(out, ofp.PushMPLS{EtherType: 0x8847 + uint16(r.IntN(2))}, ofp.SetField{Field: flow.MPLSLabel, Value: flow.Value{Lo: uint64(r.IntN(1 << 20))}})
		case 10:
			return append(out, ofp.PushVLAN{EtherType: 0x8100}, ofp.SetField{Field: flow.VLANPCP, Value: flow.Value{Lo: uint64(r.IntN(8))}}, ofp.PopVLAN{})
		case 11:
			return append(out, ofp.PushPBB{EtherType: 0x88e7}, ofp.PopPBB{})
		default:
			f := &flow.Table[r.IntN(flow.NumFields)]
			// A VLAN id can be set only where there is a tag, though it can be
			// matched without one.
			if !f.Writable || !ok(f.ID) || f.ID == flow.VLANVID && !ok(flow.VLANPCP) {
				break
			}
			full := f.Full()
			v := flow.Value{Hi: r.Uint64() & full.Hi, Lo: r.Uint64() & full.Lo}
			if f.ID == flow.VLANVID {
				v.Lo |= flow.VIDPresent
			}
			a = ofp.SetField{Field: f.ID, Value: v}
		}
		if a != nil {
			out = append(out, a)
		}
	}
	return out
}

// TestFlowRoundTrip: what is printed is read back as the same flow, byte by byte
// on the wire.
func TestFlowRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 20000 {
		fm := randomFlow(r, false)
		s := FormatFlowStats(flowStats(fm), Options{Stats: i%2 == 0})
		got, err := ParseFlow(s, ParseOptions{})
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if !reflect.DeepEqual(got, fm) {
			t.Fatalf("%s\n got %+v\nwant %+v", s, got, fm)
		}
		if string(ofp.Encode(1, got)) != string(ofp.Encode(1, fm)) {
			t.Fatalf("%s: other bytes", s)
		}
		if got, err = ParseFlow(FormatFlow(fm, Options{}), ParseOptions{}); err != nil || !reflect.DeepEqual(got, fm) {
			t.Fatalf("FormatFlow: %s: %v, %v", FormatFlow(fm, Options{}), got, err)
		}
	}
}

// FuzzParseFlow: no text makes the parser panic, and what it takes is printed in
// a form that means the same.
func FuzzParseFlow(f *testing.F) {
	for _, c := range printedFlows {
		f.Add(c.in)
	}
	for _, c := range ownFlows {
		f.Add(c.in)
	}
	f.Add(`delete_strict table=255,out_port="p1",out_group=any,cookie=1/-1`)
	f.Add(`modify actions=write_actions("eth 0",set_field:1->vlan_vid`)
	f.Fuzz(func(t *testing.T, s string) {
		o := ParseOptions{AnyCommand: true, Ports: testPorts.Number}
		fm, err := ParseFlow(s, o)
		if err != nil {
			return
		}
		if err := ofp.Check(fm); err != nil {
			return // longer than a message can be
		}
		text := FormatFlow(fm, Options{Names: testPorts.Name})
		again, err := ParseFlow(text, ParseOptions{Command: fm.Command, Ports: testPorts.Number})
		if err != nil {
			t.Fatalf("%q is printed as %q: %v", s, text, err)
		}
		if string(ofp.Encode(1, again)) != string(ofp.Encode(1, fm)) {
			t.Fatalf("%q is printed as %q, which is another flow", s, text)
		}
	})
}

// FuzzFormatBytes: no message makes the printer panic, and it always prints
// whole lines.
func FuzzFormatBytes(f *testing.F) {
	for _, c := range printedMessages {
		f.Add(ofp.Encode(5, c.m))
	}
	for _, c := range newerMessages {
		f.Add(ofp.Encode(5, c.m))
	}
	for _, b := range frames {
		f.Add(ofp.Encode(5, &ofp.PacketOut{BufferID: ofp.NoBuffer, Data: b}))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		if s := FormatBytes(msg, Options{Verbosity: 3}); !strings.HasSuffix(s, "\n") {
			t.Fatalf("%x is printed as %q", msg, s)
		}
	})
}
