package packet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// ttlCase is a frame with the headers that have a TTL.
type ttlCase struct {
	name   string
	b      []byte
	layers Layers
	ttls   []int // offsets of the TTLs, from the outside
	ends   []int // where the headers with these TTLs end
	v4     []int // offsets of all IPv4 headers
}

// ttlCases makes frames of every stack: tags, labels, IPv4 or IPv6, and another
// of these in it.
func ttlCases(t testing.TB) []ttlCase {
	var cases []ttlCase
	v4 := func(ttl uint8, p layers.IPProtocol) gopacket.SerializableLayer {
		return &layers.IPv4{Version: 4, TTL: ttl, Id: 7, Protocol: p, SrcIP: []byte{10, 0, 0, 1}, DstIP: []byte{10, 0, 0, 2},
			Options: []layers.IPv4Option{{OptionType: 7, OptionLength: 7, OptionData: make([]byte, 5)}}}
	}
	v6 := func(ttl uint8, p layers.IPProtocol) gopacket.SerializableLayer {
		return &layers.IPv6{Version: 6, HopLimit: ttl, NextHeader: p, SrcIP: make([]byte, 16), DstIP: make([]byte, 16)}
	}
	for tags := range 3 {
		for labels := range 4 {
			for _, ip := range []string{"", "4", "6", "44", "46", "64", "66", "4U", "6U", "6x4", "6x6"} {
				if labels == 0 && ip == "" {
					continue
				}
				c := ttlCase{name: fmt.Sprintf("%d tags, %d labels, IP %s", tags, labels, ip), layers: Layers{-1, -1, -1, -1}}
				b := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
				for i := range tags {
					b = append(b, 0x81, 0, 0, byte(i))
				}
				c.layers.L2End = int16(len(b))
				typ := uint16(TypeIPv4)
				if ip != "" && ip[0] == '6' {
					typ = TypeIPv6
				}
				if labels > 0 {
					typ = TypeMPLS
					c.layers.MPLS = int16(len(b) + 2)
				}
				b = binary.BigEndian.AppendUint16(b, typ)
				ttl := uint8(10)
				for i := range labels {
					c.ttls, c.ends = append(c.ttls, len(b)+3), append(c.ends, len(b)+4)
					b = append(b, label(uint32(100+i), 3, i == labels-1, ttl)...)
					ttl += 10
				}
				var ls []gopacket.SerializableLayer
				end := layers.IPProtocolUDP
				var ext []byte
				if len(ip) == 3 {
					end, ext = layers.IPProtocolIPv6Destination, make([]byte, 8)
					ext[0], ext[2], ext[3] = byte(layers.IPProtocolIPv4), 1, 4
					if ip[2] == '6' {
						ext[0] = byte(layers.IPProtocolIPv6)
					}
				} else if len(ip) == 2 {
					end = map[byte]layers.IPProtocol{'4': layers.IPProtocolIPv4, '6': layers.IPProtocolIPv6, 'U': layers.IPProtocolUDP}[ip[1]]
				}
				at := len(b)
				if labels == 0 {
					c.layers.L3 = int16(at)
				}
				for i := range len(ip) {
					switch p := end; ip[i] {
					case '4':
						if i > 0 {
							p = layers.IPProtocolUDP
						}
						ls = append(ls, v4(ttl, p))
						c.ttls, c.ends, c.v4 = append(c.ttls, at+8), append(c.ends, at+28), append(c.v4, at)
						at += 28
					case '6':
						if i > 0 {
							p = layers.IPProtocolUDP
						}
						ls = append(ls, v6(ttl, p))
						c.ttls, c.ends = append(c.ttls, at+7), append(c.ends, at+40)
						at += 40
					case 'x':
						ls = append(ls, gopacket.Payload(ext))
						at += len(ext)
					}
					ttl += 10
				}
				ls = append(ls, gopacket.Payload([]byte{0, 1, 0, 2, 0, 8, 0, 0}))
				c.b = append(b, serialize(t, true, ls...)...)
				cases = append(cases, c)
			}
		}
	}
	return cases
}

// sumV4 computes the header checksum of the IPv4 header at the given place.
func sumV4(b []byte, at int) {
	n := int(b[at]&15) * 4
	b[at+10], b[at+11] = 0, 0
	binary.BigEndian.PutUint16(b[at+10:], ^slowSum(b[at:at+n]))
}

func TestCopyTTL(t *testing.T) {
	applied := 0
	for _, c := range ttlCases(t) {
		for _, in := range []bool{false, true} {
			f := FromBytes(c.b)
			f.Layers = c.layers
			want := bytes.Clone(c.b)
			do := CopyTTLOut
			if len(c.ttls) > 1 {
				applied++
				if in {
					want[c.ttls[1]] = want[c.ttls[0]]
				} else {
					want[c.ttls[0]] = want[c.ttls[1]]
				}
			}
			if in {
				do = CopyTTLIn
			}
			for _, at := range c.v4 {
				sumV4(want, at)
			}
			if got := do(f); got != (len(c.ttls) > 1) {
				t.Errorf("%s, in: %v: %v", c.name, in, got)
			}
			if !bytes.Equal(f.Bytes(), want) || f.Layers != c.layers {
				t.Errorf("%s, in: %v:\n% x, want\n% x", c.name, in, f.Bytes(), want)
			}
		}
	}
	if applied < 100 {
		t.Errorf("only %d cases have two headers with a TTL", applied)
	}
}

// TestCopyTTLCut: a second header that is not whole is none.
func TestCopyTTLCut(t *testing.T) {
	for _, c := range ttlCases(t) {
		for n := range len(c.b) {
			f := FromBytes(c.b[:n])
			f.Layers = c.layers
			want := bytes.Clone(c.b[:n])
			whole := len(c.ttls) > 1 && n >= c.ends[1]
			if got := CopyTTLIn(f); got != whole {
				t.Errorf("%s cut to %d bytes: %v", c.name, n, got)
			} else if !got && !bytes.Equal(f.Bytes(), want) {
				t.Errorf("%s cut to %d bytes: refused, but now % x", c.name, n, f.Bytes())
			}
			if got := CopyTTLOut(f); got != whole {
				t.Errorf("%s cut to %d bytes: out %v", c.name, n, got)
			}
		}
	}
}

func TestCopyTTLRefuses(t *testing.T) {
	mpls := func(b ...byte) []byte {
		return append(append(make([]byte, 12), 0x88, 0x47, 0, 0, 1, 9), b...)
	}
	v4 := func(first byte, rest ...byte) []byte {
		h := make([]byte, 60)
		h[0] = first
		copy(h[1:], rest)
		return h
	}
	ip := func(b []byte) []byte { return append(append(make([]byte, 12), 8, 0), b...) }
	for _, tt := range []struct {
		name   string
		b      []byte
		layers Layers
	}{
		{"ARP below a label", mpls(0, 1, 8, 0, 6, 4, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21), Layers{12, 14, -1, -1}},
		{"impossible IPv4 header", mpls(v4(0x44)...), Layers{12, 14, -1, -1}},
		{"IPv4 options beyond the frame", mpls(v4(0x4f)[:59]...), Layers{12, 14, -1, -1}},
		{"nothing below", mpls(), Layers{12, 14, -1, -1}},
		{"later fragment", ip(append(v4(0x45, 0, 0, 80, 0, 0, 0, 1, 9, 4)[:20], v4(0x45)...)), Layers{12, -1, 14, -1}},
		{"later fragment of IPv6", append(append(make([]byte, 12), 0x86, 0xdd, 0x60, 0, 0, 0, 0, 68, 44, 9), append(make([]byte, 32),
			append([]byte{4, 0, 0, 8, 0, 0, 0, 1}, v4(0x45)...)...)...), Layers{12, -1, 14, -1}},
		{"IPv4 said, IPv6 there", ip(append(v4(0x45, 0, 0, 80, 0, 0, 0, 0, 9, 4)[:20], v4(0x60)...)), Layers{12, -1, 14, -1}},
		{"IPv6 said, IPv4 there", ip(append(v4(0x45, 0, 0, 80, 0, 0, 0, 0, 9, 41)[:20], v4(0x45)...)), Layers{12, -1, 14, -1}},
		{"impossible outer header", ip(append(v4(0x44, 0, 0, 80, 0, 0, 0, 0, 9, 4)[:20], v4(0x45)...)), Layers{12, -1, 14, -1}},
		{"ARP", append(append(make([]byte, 12), 8, 6, 0, 1, 8, 0, 6, 4), make([]byte, 22)...), Layers{12, -1, 14, -1}},
		{"not extracted", mpls(v4(0x45)...), Layers{-1, -1, -1, -1}},
		{"nothing", nil, Layers{12, 14, 14, 14}},
	} {
		f := FromBytes(tt.b)
		f.Layers = tt.layers
		if CopyTTLIn(f) || CopyTTLOut(f) || !bytes.Equal(f.Bytes(), tt.b) {
			t.Errorf("%s: taken; % x", tt.name, f.Bytes())
		}
	}
}

func TestDecTTL(t *testing.T) {
	r := rand.New(rand.NewPCG(121, 122))
	for _, v6 := range []bool{false, true} {
		s := build(t, r, kind{proto: layers.IPProtocolUDP, v6: v6, payload: 9})
		for _, tt := range []struct {
			ttl, want uint8
			live      bool
		}{{255, 254, true}, {64, 63, true}, {2, 1, true}, {1, 1, false}, {0, 0, false}} {
			f := s.frame()
			SetIPTTL(f, tt.ttl)
			if live, found := DecIPTTL(f); live != tt.live || !found {
				t.Errorf("IPv6 %v, TTL %d: %v %v", v6, tt.ttl, live, found)
			}
			if got, _ := IPTTL(f); got != tt.want {
				t.Errorf("IPv6 %v, TTL %d: now %d, want %d", v6, tt.ttl, got, tt.want)
			}
			checkSums(t, f.Bytes(), s.layers, s.finalIn(f.Bytes()))
			if live, found := DecMPLSTTL(f); live || found {
				t.Error("a label in an IP packet")
			}
			PushMPLS(f, TypeMPLS)
			before := bytes.Clone(f.Bytes())
			SetMPLSTTL(f, tt.ttl)
			if live, found := DecMPLSTTL(f); live != tt.live || !found {
				t.Errorf("label, TTL %d: %v %v", tt.ttl, live, found)
			}
			before[17] = tt.want
			if !bytes.Equal(f.Bytes(), before) {
				t.Errorf("label, TTL %d: % x, want % x", tt.ttl, f.Bytes(), before)
			}
			if live, found := DecIPTTL(f); live || found {
				t.Error("an IP packet below a label was found")
			}
		}
	}
}
