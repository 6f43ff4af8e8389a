package packet_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"ofswitch/flow"
	"ofswitch/packet"
)

// The frames of the Ryu switch tests (OpenFlow 1.3, category action): from
// 12:11:11:11:11:11 to 22:22:22:22:22:22, IP with DSCP 8, 192.168.10.10 to
// 192.168.20.20 or 10::10 to 20::20, TCP 11111 to 2222 with four bytes of
// options and 31 bytes of data, or an ARP request.

var ryuAddrs = []byte{0x22, 0x22, 0x22, 0x22, 0x22, 0x22, 0x12, 0x11, 0x11, 0x11, 0x11, 0x11}

type payload struct {
	typ uint16
	b   []byte
}

func ryuIP(t testing.TB, v6 bool, ttl uint8) payload {
	data := make(gopacket.Payload, 31)
	for i := range data {
		data[i] = byte(i + 1)
	}
	tcp := &layers.TCP{SrcPort: 11111, DstPort: 2222, Options: make([]layers.TCPOption, 4)}
	p := payload{typ: packet.TypeIPv4}
	var ls []gopacket.SerializableLayer
	if v6 {
		p.typ = packet.TypeIPv6
		ip := &layers.IPv6{Version: 6, TrafficClass: 32, FlowLabel: 100, HopLimit: ttl, NextHeader: layers.IPProtocolTCP,
			SrcIP: make([]byte, 16), DstIP: make([]byte, 16)}
		ip.SrcIP[1], ip.SrcIP[15], ip.DstIP[1], ip.DstIP[15] = 0x10, 0x10, 0x20, 0x20
		tcp.SetNetworkLayerForChecksum(ip)
		ls = append(ls, ip)
	} else {
		ip := &layers.IPv4{Version: 4, TOS: 32, TTL: ttl, Protocol: layers.IPProtocolTCP,
			SrcIP: []byte{192, 168, 10, 10}, DstIP: []byte{192, 168, 20, 20}}
		tcp.SetNetworkLayerForChecksum(ip)
		ls = append(ls, ip)
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, append(ls, tcp, data)...); err != nil {
		t.Fatal(err)
	}
	p.b = bytes.Clone(buf.Bytes())
	return p
}

func ryuARP() payload {
	b := []byte{0, 1, 8, 0, 6, 4, 0, 1}
	b = append(append(b, ryuAddrs[6:]...), 192, 168, 10, 10)
	return payload{packet.TypeARP, append(append(b, ryuAddrs[:6]...), 192, 168, 20, 20)}
}

// ether is a frame with these words between the addresses and the payload: TPID
// and TCI, EtherType and label stack entries, as they stand in the frame.
func ether(p payload, words ...[]byte) []byte {
	return bytes.Join([][]byte{ryuAddrs, bytes.Join(words, nil), p.b}, nil)
}

func (p payload) etherType() []byte { return binary.BigEndian.AppendUint16(nil, p.typ) }

func TestRyuActions(t *testing.T) {
	ip4, ip6, arp := ryuIP(t, false, 64), ryuIP(t, true, 64), ryuARP()
	mpls := []byte{0x88, 0x47}
	lse := func(ttl byte) []byte { return []byte{0x00, 0x06, 0x47, ttl} } // label 100, TC 3, bottom of stack
	newLSE := func(ttl byte) []byte { return []byte{0, 0, 1, ttl} }
	vlan := []byte{0x81, 0x00, 0x60, 100} // VLAN 100, PCP 3
	itag := []byte{0x88, 0xe7, 0, 0, 0, 0}

	pushVLAN := func(f *packet.Frame) bool {
		return packet.PushVLAN(f, packet.TypeQinQ, packet.VLAN(f.Bytes()[12:]).TCI())
	}
	pushMPLS := func(f *packet.Frame) bool { return packet.PushMPLS(f, packet.TypeMPLS) }
	popMPLS := func(p payload) func(f *packet.Frame) bool {
		return func(f *packet.Frame) bool { return packet.PopMPLS(f, p.typ) }
	}
	decMPLS := func(f *packet.Frame) bool { live, found := packet.DecMPLSTTL(f); return live && found }
	setMPLS := func(f *packet.Frame) bool { return packet.SetMPLSTTL(f, 64) }
	twice := func(do func(f *packet.Frame) bool) func(f *packet.Frame) bool {
		return func(f *packet.Frame) bool {
			first := do(f)
			return first && do(f)
		}
	}
	type test struct {
		name     string
		in, want []byte
		do       func(f *packet.Frame) bool
	}
	tests := []test{
		{"12_COPY_TTL_IN/ipv4", ether(ryuIP(t, false, 32), mpls, lse(64)), ether(ip4, mpls, lse(64)), packet.CopyTTLIn},
		{"12_COPY_TTL_IN/ipv6", ether(ryuIP(t, true, 32), mpls, lse(64)), ether(ip6, mpls, lse(64)), packet.CopyTTLIn},
		{"11_COPY_TTL_OUT/ipv4", ether(ip4, mpls, lse(32)), ether(ip4, mpls, lse(64)), packet.CopyTTLOut},
		{"11_COPY_TTL_OUT/ipv6", ether(ip6, mpls, lse(32)), ether(ip6, mpls, lse(64)), packet.CopyTTLOut},
	}
	for _, v := range []struct {
		name string
		p    payload
		ttl  byte // of the first label
	}{{"ipv4", ip4, 64}, {"ipv6", ip6, 64}, {"arp", arp, 0}} {
		plain := ether(v.p, v.p.etherType())
		tests = append(tests,
			test{"15_SET_MPLS_TTL/" + v.name, ether(v.p, mpls, lse(32)), ether(v.p, mpls, lse(64)), setMPLS},
			test{"16_DEC_MPLS_TTL/" + v.name, ether(v.p, mpls, lse(64)), ether(v.p, mpls, lse(63)), decMPLS},
			test{"17_PUSH_VLAN_multiple/" + v.name, ether(v.p, vlan, v.p.etherType()),
				ether(v.p, []byte{0x88, 0xa8}, vlan[2:], vlan, v.p.etherType()), pushVLAN},
			test{"18_POP_VLAN/" + v.name, ether(v.p, vlan, v.p.etherType()), plain, packet.PopVLAN},
			test{"19_PUSH_MPLS/" + v.name, plain, ether(v.p, mpls, newLSE(v.ttl)), pushMPLS},
			test{"19_PUSH_MPLS_multiple/" + v.name, ether(v.p, mpls, lse(64)),
				ether(v.p, mpls, []byte{0x00, 0x06, 0x46, 64}, lse(64)), pushMPLS},
			test{"20_POP_MPLS/" + v.name, ether(v.p, mpls, lse(64)), plain, popMPLS(v.p)},
			test{"26_PUSH_PBB/" + v.name, plain, ether(payload{b: plain}, itag), packet.PushPBB},
			test{"26_PUSH_PBB_multiple/" + v.name, plain,
				ether(payload{b: ether(payload{b: plain}, itag)}, itag), twice(packet.PushPBB)},
			test{"27_POP_PBB/" + v.name, ether(payload{b: plain}, itag[:2], []byte{0x60, 0, 0, 100}), plain, packet.PopPBB},
		)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := packet.FromBytes(tt.in)
			var k flow.Key
			flow.Extract(f, 1, &k)
			if !tt.do(f) {
				t.Fatal("not applicable")
			}
			if !bytes.Equal(f.Bytes(), tt.want) {
				t.Errorf("\n% x, want\n% x", f.Bytes(), tt.want)
			}
		})
	}
}

// TestLayersAgreeWithExtraction: after a push, or a pop of a tag, the
// layers are those that extraction finds, so that nothing needs to be extracted
// again; after a pop of a label or an I-tag none is another.
func TestLayersAgreeWithExtraction(t *testing.T) {
	r := rand.New(rand.NewPCG(131, 132))
	starts := [][]byte{}
	for _, p := range []payload{ryuIP(t, false, 64), ryuIP(t, true, 64), ryuARP(), {typ: 0x1234, b: []byte{1, 2, 3}}} {
		starts = append(starts, ether(p, p.etherType()))
	}
	for range 3000 {
		f := packet.FromBytes(starts[r.IntN(len(starts))])
		var k flow.Key
		flow.Extract(f, 1, &k)
		for range 6 {
			var done bool
			name, tags := "", tagsOf(f.Bytes())
			switch r.IntN(6) {
			case 0:
				if tags < 2 {
					name, done = "push_vlan", packet.PushVLAN(f, packet.TypeVLAN, uint16(r.IntN(4096)))
				}
			case 1:
				name, done = "push_mpls", packet.PushMPLS(f, packet.TypeMPLS)
			case 2:
				name, done = "push_pbb", packet.PushPBB(f)
			case 3:
				if tags <= 2 { // a third one is beyond what extraction parses
					name, done = "pop_vlan", packet.PopVLAN(f)
				}
			case 4:
				name, done = "pop_mpls", packet.PopMPLS(f, []uint16{packet.TypeMPLS, packet.TypeIPv4, packet.TypeVLAN, packet.TypePBB}[r.IntN(4)])
			case 5:
				name, done = "pop_pbb", packet.PopPBB(f)
			}
			if !done {
				continue
			}
			got := f.Layers
			flow.Extract(f, 1, &k)
			if name != "pop_mpls" && name != "pop_pbb" {
				if got != f.Layers {
					t.Fatalf("%s: layers %+v, extraction says %+v of % x", name, got, f.Layers, f.Bytes())
				}
				continue
			}
			for _, l := range [][2]int16{{got.MPLS, f.Layers.MPLS}, {got.L3, f.Layers.L3}, {got.L4, f.Layers.L4}} {
				if l[0] != -1 && l[0] != l[1] && f.Layers.L2End == got.L2End {
					t.Fatalf("%s: layers %+v, extraction says %+v of % x", name, got, f.Layers, f.Bytes())
				}
			}
		}
	}
}

func tagsOf(b []byte) (n int) {
	for at := 12; at+4 < len(b) && packet.IsVLAN(binary.BigEndian.Uint16(b[at:])); at += 4 {
		n++
	}
	return n
}
