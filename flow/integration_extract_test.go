package flow

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ofswitch/packet"
)

// asOvs writes a key as ovs-ofctl parse-pcap prints a frame's flow: all that
// Open vSwitch looked at, including what OpenFlow 1.3 does not name.
func asOvs(k *Key) string {
	var w Wide
	w.SetKey(k)
	get := func(id ID) Value { return id.Field().Get(&w) }
	etype, proto := get(EthType).Lo, get(IPProto).Lo
	v4, v6 := etype == packet.TypeIPv4, etype == packet.TypeIPv6
	frag := k.W[WIP] & 0xff
	ttl := k.W[WIP] >> 8 & 0xff

	// Matches do most of the printing; the rest is cut in where it belongs.
	var base, l2, l3, tail Match
	for _, m := range []*Match{&base, &l2, &l3, &tail} {
		m.Set(EthType, Value{Lo: etype})
		if v4 || v6 {
			m.Set(IPProto, Value{Lo: proto})
		}
	}
	base.Set(EthType, Value{Lo: etype})
	text := func(m *Match, ids ...ID) string {
		before := m.String()
		for _, id := range ids {
			m.Set(id, get(id))
		}
		s := m.String()
		if v4 || v6 { // the shorthand and nw_proto are in both
			s = strings.TrimPrefix(s, strings.Split(before, ",")[0])
		}
		return strings.Trim(s, ",")
	}
	first := strings.Split(base.String(), ",")[0]
	var out []string
	if !strings.HasPrefix(first, "dl_type") {
		out = append(out, first)
	}
	out = append(out, "in_port=ANY")
	for i, tci := range []uint64{k.W[WVLAN] >> 32 & 0xffff, k.W[WVLAN] & 0xffff} {
		n := [...]string{"", "1"}[i]
		if tci == 0 {
			out = append(out, "vlan_tci"+n+"=0x0000")
			break
		}
		out = append(out, fmt.Sprintf("dl_vlan%s=%d,dl_vlan_pcp%s=%d", n, tci&0xfff, n, tci>>13))
	}
	out = append(out, "dl_src="+FormatValue(EthSrc.Field(), get(EthSrc), EthSrc.Field().Full()),
		"dl_dst="+FormatValue(EthDst.Field(), get(EthDst), EthDst.Field().Full()))
	if strings.HasPrefix(first, "dl_type") {
		out = append(out, first)
	}
	switch {
	case v4:
		out = append(out, text(&l3, IPv4Src, IPv4Dst, IPDSCP, IPECN))
	case v6 && proto == 0:
		// A broken chain of extension headers: Open vSwitch forgets the rest
		// of the IPv6 header with it, we do not.
		ttl, frag = 0, 0
		for _, id := range []ID{IPv6Flabel, IPDSCP, IPECN} {
			id.Field().Set(&w, Value{})
		}
		fallthrough
	case v6:
		out = append(out, text(&l3, IPv6Src, IPv6Dst, IPv6Flabel, IPDSCP, IPECN))
	case etype == packet.TypeARP || etype == packet.TypeRARP:
		if op := get(ARPOp).Lo; op > 255 {
			ARPOp.Field().Set(&w, Value{})
		}
		s := text(&l3, ARPSpa, ARPTpa, ARPOp, ARPSha, ARPTha)
		out = append(out, s[strings.Index(s, ",")+1:])
	case etype == packet.TypeMPLS || etype == packet.TypeMPLSMC:
		lse := []uint64{k.W[WMPLS] >> 32, k.W[WMPLS] & 0xffffffff, k.W[WMPLS2] >> 32}
		out = append(out, fmt.Sprintf("mpls_label=%d,mpls_tc=%d,mpls_ttl=%d,mpls_bos=%d", lse[0]>>12, lse[0]>>9&7, lse[0]&255, lse[0]>>8&1))
		for i := 1; i < 3 && lse[i-1]&0x100 == 0; i++ {
			out = append(out, fmt.Sprintf("mpls_lse%d=%d", i, lse[i]))
		}
	}
	if v4 || v6 {
		out = append(out, fmt.Sprintf("nw_ttl=%d,nw_frag=%s", ttl, [...]string{"no", "first", "", "later"}[frag]))
	}
	if frag&FragLater == 0 && (v4 || v6) {
		switch {
		case proto == packet.ProtoTCP:
			out = append(out, text(&tail, TCPSrc, TCPDst), "tcp_flags="+tcpFlags(k.W[WL4]>>16&0xfff))
		case proto == packet.ProtoUDP:
			out = append(out, text(&tail, UDPSrc, UDPDst))
		case proto == packet.ProtoSCTP:
			out = append(out, text(&tail, SCTPSrc, SCTPDst))
		case proto == packet.ProtoICMP && v4:
			out = append(out, text(&tail, ICMPv4Type, ICMPv4Code))
		case proto == packet.ProtoICMPv6 && v6:
			ids := []ID{ICMPv6Type, ICMPv6Code}
			typ := get(ICMPv6Type).Lo
			nd := (typ == 135 || typ == 136) && get(ICMPv6Code).Lo == 0
			if nd {
				ids = append(ids, IPv6NDTarget)
			}
			out = append(out, text(&tail, ids...))
			if nd {
				out = append(out, "nd_sll="+FormatValue(IPv6NDSll.Field(), get(IPv6NDSll), IPv6NDSll.Field().Full()),
					"nd_tll="+FormatValue(IPv6NDTll.Field(), get(IPv6NDTll), IPv6NDTll.Field().Full()))
			}
		}
	}
	return strings.Join(out, ",")
}

func tcpFlags(v uint64) string {
	names := []string{"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns", "[200]", "[400]", "[800]"}
	var s []string
	for i, n := range names {
		if v>>i&1 != 0 {
			s = append(s, n)
		}
	}
	if s == nil {
		return "0"
	}
	return strings.Join(s, "|")
}

// We see in a frame what Open vSwitch's own flow_extract sees in it.
func TestIntegrationOvsOfctlExtract(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	frames := [][]byte{}
	for _, f := range allFrames {
		frames = append(frames, f.data)
	}
	for len(frames) < 20000 {
		f := randomFrame(r)
		var k Key
		Extract(packet.FromBytes(f), 1, &k)
		var w Wide
		w.SetKey(&k)
		etype, proto := EthType.Field().Get(&w).Lo, IPProto.Field().Get(&w).Lo
		if k.W[WEthSrc]&MoreTags != 0 {
			continue // Open vSwitch takes the TPID of a third tag for the Ethernet type
		}
		if etype == 0x894f || proto == 2 {
			continue // NSH and IGMP, of which OpenFlow 1.3 knows nothing
		}
		if etype == packet.TypeIPv6 && proto == packet.ProtoICMP || etype == packet.TypeIPv4 && proto == packet.ProtoICMPv6 {
			continue // ICMP in the wrong IP, which no field can match: only Open vSwitch parses it
		}
		frames = append(frames, f)
	}
	var pcap bytes.Buffer
	le := binary.LittleEndian
	pcap.Write(le.AppendUint32(nil, 0xa1b2c3d4))
	pcap.Write(le.AppendUint32(nil, 4<<16|2))
	pcap.Write(append(make([]byte, 8), 0xff, 0xff, 0, 0, 1, 0, 0, 0))
	for _, f := range frames {
		pcap.Write(make([]byte, 8))
		pcap.Write(le.AppendUint32(le.AppendUint32(nil, uint32(len(f))), uint32(len(f))))
		pcap.Write(f)
	}
	file := filepath.Join(t.TempDir(), "frames.pcap")
	if err := os.WriteFile(file, pcap.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(ovsOfctl(t, "parse-pcap", file)), "\n")
	if len(lines) != len(frames) {
		t.Fatalf("ovs-ofctl printed %d flows of %d", len(lines), len(frames))
	}
	bad := 0
	for i, f := range frames {
		var k Key
		Extract(packet.FromBytes(f), 1, &k)
		if got := asOvs(&k); got != lines[i] {
			if bad++; bad < 10 {
				t.Errorf("frame %d %x\nours %s\n ovs %s", i, f, got, lines[i])
			}
		}
	}
	if bad != 0 {
		t.Errorf("%d of %d frames differ", bad, len(frames))
	}
}
