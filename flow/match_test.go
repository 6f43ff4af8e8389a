package flow

import (
	"math/rand/v2"
	"slices"
	"testing"

	"ofswitch/packet"
)

func mustParse(t *testing.T, s string) Match {
	t.Helper()
	m, err := ParseMatch(s)
	if err != nil {
		t.Fatalf("ParseMatch(%q): %v", s, err)
	}
	return m
}

func TestMatchSetGet(t *testing.T) {
	var m Match
	if !m.IsCatchAll() {
		t.Error("the zero match is not the match of all frames")
	}
	m.SetMasked(IPv4Src, Value{Lo: 0x0a0b0c0d}, Value{Lo: 0xffff0000})
	if v, mask, ok := m.Get(IPv4Src); !ok || v.Lo != 0x0a0b0000 || mask.Lo != 0xffff0000 {
		t.Errorf("Get = %x/%x %v", v, mask, ok)
	}
	m.Set(IPv4Src, Value{Lo: 1})
	if v, mask, _ := m.Get(IPv4Src); v.Lo != 1 || mask.Lo != 0xffffffff {
		t.Errorf("Set left something of the earlier value: %x/%x", v, mask)
	}
	m.SetMasked(IPv4Src, Value{Lo: 1}, Value{})
	if !m.IsCatchAll() {
		t.Error("a zero mask did not remove the field")
	}
}

// The fields that share a place are told apart by the protocol.
func TestMatchSharedBits(t *testing.T) {
	for _, c := range []struct {
		text string
		want []ID
	}{
		{"tcp,tp_src=1,tp_dst=2", []ID{EthType, IPProto, TCPSrc, TCPDst}},
		{"udp6,tp_src=1,tp_dst=2", []ID{EthType, IPProto, UDPSrc, UDPDst}},
		{"sctp,tp_dst=2", []ID{EthType, IPProto, SCTPDst}},
		{"icmp,icmp_type=1,icmp_code=2", []ID{EthType, IPProto, ICMPv4Type, ICMPv4Code}},
		{"icmp6,icmp_type=1,icmp_code=2", []ID{EthType, IPProto, ICMPv6Type, ICMPv6Code}},
		{"icmp6,icmp_type=136,nd_target=::1,nd_tll=02:00:00:00:00:01", []ID{EthType, IPProto, ICMPv6Type, IPv6NDTarget, IPv6NDTll}},
		{"in_port=1,metadata=2,dl_vlan=3,dl_vlan_pcp=4", []ID{InPort, Metadata, VLANVID, VLANPCP}},
	} {
		m := mustParse(t, c.text)
		var got []ID
		m.Fields(func(f *Field, v, mask Value) bool {
			if !m.PrereqsMet(f.ID) {
				t.Errorf("%s: prerequisites of %s are not met", c.text, f.Name)
			}
			got = append(got, f.ID)
			return true
		})
		if len(got) != len(c.want) {
			t.Errorf("%s: fields %v, want %v", c.text, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s: fields %v, want %v", c.text, got, c.want)
			}
		}
		n := 0
		m.Fields(func(*Field, Value, Value) bool { n++; return false })
		if n != 1 {
			t.Errorf("%s: Fields went on after false", c.text)
		}
	}
}

func TestPrereqsMet(t *testing.T) {
	type fields map[ID]uint64
	for _, c := range []struct {
		have fields
		id   ID
		want bool
	}{
		{fields{}, InPhyPort, false},
		{fields{InPort: 1}, InPhyPort, true},
		{fields{}, VLANPCP, false},
		{fields{VLANVID: 0}, VLANPCP, false},
		{fields{VLANVID: 5}, VLANPCP, false},
		{fields{VLANVID: 0x1005}, VLANPCP, true},
		{fields{EthType: 0x0806}, IPv4Src, false},
		{fields{EthType: 0x0800}, IPv4Src, true},
		{fields{EthType: 0x0800}, IPv6Src, false},
		{fields{EthType: 0x86dd}, IPDSCP, true},
		{fields{EthType: 0x0806}, IPDSCP, false},
		{fields{EthType: 0x0800}, TCPSrc, false},
		{fields{IPProto: 6}, TCPSrc, false},
		{fields{EthType: 0x0800, IPProto: 6}, TCPSrc, true},
		{fields{EthType: 0x86dd, IPProto: 6}, TCPDst, true},
		{fields{EthType: 0x86dd, IPProto: 6}, UDPDst, false},
		{fields{EthType: 0x0806, IPProto: 6}, TCPSrc, false},
		{fields{EthType: 0x0800, IPProto: 132}, SCTPSrc, true},
		{fields{EthType: 0x0800, IPProto: 1}, ICMPv4Type, true},
		{fields{EthType: 0x86dd, IPProto: 1}, ICMPv4Type, false},
		{fields{EthType: 0x0800, IPProto: 58}, ICMPv6Type, false},
		{fields{EthType: 0x86dd, IPProto: 58}, ICMPv6Type, true},
		{fields{EthType: 0x86dd, IPProto: 58}, IPv6NDTarget, false},
		{fields{EthType: 0x86dd, IPProto: 58, ICMPv6Type: 135}, IPv6NDTarget, true},
		{fields{EthType: 0x86dd, IPProto: 58, ICMPv6Type: 136}, IPv6NDTarget, true},
		{fields{EthType: 0x86dd, IPProto: 58, ICMPv6Type: 136, ICMPv6Code: 1}, IPv6NDTarget, true},
		{fields{EthType: 0x86dd, IPProto: 58, ICMPv6Type: 135, ICMPv6Code: 255}, IPv6NDSll, true},
		{fields{EthType: 0x86dd, IPProto: 58, ICMPv6Type: 136, ICMPv6Code: 255}, IPv6NDTll, true},
		{fields{EthType: 0x86dd, IPProto: 58, ICMPv6Type: 134}, IPv6NDTarget, false},
		{fields{EthType: 0x86dd, IPProto: 58, ICMPv6Type: 135}, IPv6NDSll, true},
		{fields{EthType: 0x86dd, IPProto: 58, ICMPv6Type: 136}, IPv6NDSll, false},
		{fields{EthType: 0x86dd, IPProto: 58, ICMPv6Type: 136}, IPv6NDTll, true},
		{fields{EthType: 0x86dd, IPProto: 58, ICMPv6Type: 135}, IPv6NDTll, false},
		{fields{EthType: 0x8848}, MPLSLabel, true},
		{fields{EthType: 0x0800}, MPLSLabel, false},
		{fields{EthType: 0x88e7}, PBBISID, true},
		{fields{EthType: 0x8847}, PBBISID, false},
		{fields{EthType: 0x8035}, ARPOp, true},
		{fields{EthType: 0x0800}, ARPOp, false},
		{fields{}, Metadata, true},
	} {
		var m Match
		for id := ID(0); id < NumFields; id++ {
			if v, ok := c.have[id]; ok {
				m.Set(id, Value{Lo: v})
			}
		}
		if got := m.PrereqsMet(c.id); got != c.want {
			t.Errorf("%v: PrereqsMet(%s) = %v", c.have, c.id, got)
		}
	}
}

// Covers and Overlaps agree with what they mean: with the frames matched.
func TestMatchRelations(t *testing.T) {
	for _, c := range []struct {
		a, b             string
		covers, overlaps bool
	}{
		{"", "tcp", true, true},
		{"tcp", "", false, true},
		{"ip,nw_src=10.0.0.0/8", "ip,nw_src=10.1.0.0/16", true, true},
		{"ip,nw_src=10.1.0.0/16", "ip,nw_src=10.0.0.0/8", false, true},
		{"ip,nw_src=10.0.0.0/8", "ip,nw_src=11.0.0.0/8", false, false},
		{"ip,nw_src=10.0.0.0/8", "tcp,nw_dst=11.0.0.0/8", false, true},
		{"tcp", "udp", false, false},
		{"in_port=1", "in_port=1", true, true},
	} {
		a, b := mustParse(t, c.a), mustParse(t, c.b)
		if got := a.Covers(&b); got != c.covers {
			t.Errorf("%q covers %q: %v", c.a, c.b, got)
		}
		if got := a.Overlaps(&b); got != c.overlaps {
			t.Errorf("%q overlaps %q: %v", c.a, c.b, got)
		}
	}
	r := rand.New(rand.NewPCG(11, 12))
	for range 20000 {
		a, b := randomMatch(r, false), randomMatch(r, false)
		w := b.Value // a frame that b matches
		for i := range w {
			w[i] |= r.Uint64() &^ b.Mask[i]
		}
		if !b.Matches(&w) {
			t.Fatalf("%s does not match a frame made for it", b)
		}
		if a.Covers(&b) && !a.Matches(&w) {
			t.Fatalf("%s covers %s, but not one of its frames", a, b)
		}
		if a.Matches(&w) && !a.Overlaps(&b) {
			t.Fatalf("a frame is in both %s and %s, which do not overlap", a, b)
		}
	}
}

// TestFieldsAreThoseOfGet: Fields, which looks at prerequisites once for all, gives what
// Get gives.
func TestFieldsAreThoseOfGet(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %#x", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	protos := []uint64{packet.ProtoTCP, packet.ProtoUDP, packet.ProtoSCTP, packet.ProtoICMP, packet.ProtoICMPv6, 0, 200}
	types := []uint64{packet.TypeIPv4, packet.TypeIPv6, packet.TypeARP, 0}
	shown := 0
	for range 20000 {
		var m Match
		for id := range ID(NumFields) {
			if r.IntN(4) == 0 {
				f := id.Field()
				full := f.Full()
				mask := full
				if r.IntN(4) == 0 {
					mask = Value{full.Hi & r.Uint64(), full.Lo & r.Uint64()}
				}
				m.SetMasked(id, Value{r.Uint64(), r.Uint64()}, mask)
			}
		}
		if r.IntN(4) > 0 {
			m.Set(EthType, Value{Lo: types[r.IntN(len(types))]})
		}
		if r.IntN(4) > 0 {
			m.Set(IPProto, Value{Lo: protos[r.IntN(len(protos))]})
		}
		type field struct {
			id      ID
			v, mask Value
		}
		var got, want []field
		m.Fields(func(f *Field, v, mask Value) bool {
			got = append(got, field{f.ID, v, mask})
			return true
		})
		for id := range ID(NumFields) {
			if v, mask, ok := m.Get(id); ok {
				want = append(want, field{id, v, mask})
				if id.Field().Word == WL4 {
					shown++
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("Fields of %+v gives %v, Get gives %v", m, got, want)
		}
	}
	if shown == 0 {
		t.Error("no match had a field whose place is shared")
	}
}

func TestAppendValue(t *testing.T) {
	v := Value{0x0102030405060708, 0x090a0b0c0d0e0f10}
	whole := v.Append(nil, 16)
	for n := 1; n <= 16; n++ {
		if got := v.Append([]byte{0xff}, n)[1:]; !slices.Equal(got, whole[16-n:]) {
			t.Errorf("%d bytes: %x, want %x", n, got, whole[16-n:])
		}
	}
	if whole[0] != 1 || whole[15] != 0x10 {
		t.Errorf("16 bytes: %x", whole)
	}
}
