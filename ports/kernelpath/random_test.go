package kernelpath

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/flow"
	"ofswitch/packet"
)

// modelFlow is what a flow is to do, by flow.Extract.
type modelFlow struct {
	*Flow
	in             *Port
	key, mask      Key
	packets, bytes uint64
}

// modelKey is the key of a frame, by what flow.Extract sees of it; ok: it has a class. The
// tag beside it, if any, has been put back.
func modelKey(f *packet.Frame, beside bool, gso uint16) (k Key, ok bool) {
	var x flow.Key
	flow.Extract(f, 1, &x)
	b := f.Bytes()
	word := func(i, shift int) uint64 { return x.W[i] >> shift }
	etype := uint16(x.W[flow.WEthDst])
	var c Class
	vlan := x.W[flow.WVLAN]
	if tpid := vlan >> 48; x.Bits&(1<<flow.WVLAN) != 0 {
		if tpid != packet.TypeVLAN || uint32(vlan) != 0 || !beside {
			return k, false
		}
		c = ClassTagged
	}
	if x.W[flow.WEthSrc]&flow.MoreTags != 0 || f.Layers.L2End != packet.EthernetLen-2 && c == 0 || f.Layers.L2End != packet.EthernetLen+2 && c != 0 {
		return k, false
	}
	// 802.3 has an EtherType that no frame carries.
	if binary.BigEndian.Uint16(b[f.Layers.L2End:]) != etype || etype < packet.TypeMin {
		return k, false
	}
	whole := x.Bits&(1<<flow.WL4) != 0 && word(flow.WIP, 0)&0xff == 0 && word(flow.WIP, 32)&0x1ff == 0
	proto := uint8(word(flow.WIP, 24))
	l4 := int(f.Layers.L4 - f.Layers.L3)
	src, dst := uint16(word(flow.WL4, 48)), uint16(word(flow.WL4, 32))
	switch etype {
	case packet.TypeIPv4:
		if !whole || l4 != packet.IPv4MinLen || b[f.Layers.L3]>>4 != 4 {
			return k, false
		}
		switch proto {
		case packet.ProtoTCP:
			c |= ClassTCPv4
		case packet.ProtoUDP:
			c |= ClassUDPv4
		case packet.ProtoICMP:
			c |= ClassICMPv4
		default:
			return k, false
		}
		k.SetIPv4(uint32(word(flow.WIPv4, 32)), uint32(word(flow.WIPv4, 0)))
	case packet.TypeIPv6:
		if !whole || l4 != packet.IPv6Len || b[f.Layers.L3]>>4 != 6 {
			return k, false
		}
		switch proto {
		case packet.ProtoTCP:
			c |= ClassTCPv6
		case packet.ProtoUDP:
			c |= ClassUDPv6
		case packet.ProtoICMPv6:
			if src == packet.ICMPv6NeighborSolicit || src == packet.ICMPv6NeighborAdvert {
				return k, false
			}
			c |= ClassICMPv6
		default:
			return k, false
		}
		k.SetIPv6([2]uint64{x.W[flow.WIPv6Src], x.W[flow.WIPv6SrcLo]}, [2]uint64{x.W[flow.WIPv6Dst], x.W[flow.WIPv6DstLo]})
	case packet.TypeARP, packet.TypeRARP, packet.TypeMPLS, packet.TypeMPLSMC, packet.TypePBB, packet.TypeVLAN, packet.TypeQinQ:
		return k, false
	default:
		c |= ClassL2
	}
	if gso != 0 {
		switch c &^ ClassTagged {
		case ClassTCPv4:
			f.Offload.GSOType = packet.GSOTCPv4
		case ClassTCPv6:
			f.Offload.GSOType = packet.GSOTCPv6
		case ClassUDPv4, ClassUDPv6:
			f.Offload.GSOType = packet.GSOUDPL4
		default:
			return k, false
		}
		f.Offload.GSOSize = gso
		data := b[f.Layers.L4:ipEnd(b, int(f.Layers.L3))]
		head := packet.UDPLen
		if proto == packet.ProtoTCP {
			head = int(data[12]>>4) * 4
		}
		if len(data)-head > 2048*int(gso) {
			return k, false // too many segments: the switch takes the frame for one, and drops it
		}
	}
	k.SetClass(c)
	k.SetEthType(etype)
	k.SetVLAN(uint16(vlan >> 32))
	k.SetEthDst(x.W[flow.WEthDst] >> 16)
	k.SetEthSrc(x.W[flow.WEthSrc] >> 16)
	if c&^ClassTagged != ClassL2 {
		k.SetTOS(uint8(word(flow.WIP, 16)))
		k.SetTransport(src, dst)
	}
	return k, true
}

// ipEnd is where the IP packet at l3 ends: padding follows.
func ipEnd(b []byte, l3 int) int {
	if b[l3]>>4 == 4 {
		return l3 + int(binary.BigEndian.Uint16(b[l3+2:]))
	}
	return l3 + packet.IPv6Len + int(binary.BigEndian.Uint16(b[l3+4:]))
}

func (m *modelFlow) takes(k *Key) bool {
	if k.Class() != m.key.Class() {
		return false
	}
	for i := range k {
		if (k[i]^m.key[i])&m.mask[i] != 0 {
			return false
		}
	}
	return true
}

// gen makes frames of few values, so that flows are hit, mostly well-formed.
type gen struct{ *rand.Rand }

func (g gen) mac() []byte { return []byte{2, 0, 0, 0, 0, byte(g.IntN(3))} }

func (g gen) l4(proto uint8, v6 bool) []byte {
	var b []byte
	switch proto {
	case packet.ProtoTCP:
		b = make([]byte, 20+4*g.IntN(3))
		b[12] = byte(len(b) / 4 << 4)
	case packet.ProtoUDP:
		b = make([]byte, 8)
	default:
		b = make([]byte, 8+g.IntN(40))
	}
	if proto == packet.ProtoICMPv6 && v6 {
		b[0] = byte(128 + g.IntN(9))
		b[1] = byte(g.IntN(2))
	} else {
		b[1], b[3] = byte(g.IntN(3)), byte(g.IntN(3))
		b[0] = byte(g.IntN(2))
	}
	if g.IntN(20) == 0 {
		b = append(b, make([]byte, 2000+g.IntN(100))...)
	}
	return append(b, make([]byte, g.IntN(3)*g.IntN(400))...)
}

func (g gen) frame() (f TestFrame) {
	b := append(g.mac(), g.mac()...)
	if g.IntN(3) == 0 {
		f.TPID, f.TCI = packet.TypeVLAN, uint16(g.IntN(2)<<12|g.IntN(2)<<15|g.IntN(3))
		if g.IntN(8) == 0 {
			f.TPID = packet.TypeQinQ
		}
	}
	if g.IntN(16) == 0 {
		b = binary.BigEndian.AppendUint16(b, packet.TypeVLAN)
		b = append(b, 0, byte(g.IntN(3)))
	}
	protos := []uint8{packet.ProtoTCP, packet.ProtoTCP, packet.ProtoUDP, packet.ProtoUDP, packet.ProtoICMP, packet.ProtoICMPv6, packet.ProtoSCTP, packet.ProtoHopByHop, packet.ProtoFragment}
	proto := protos[g.IntN(len(protos))]
	switch g.IntN(5) {
	case 0, 1:
		l4 := g.l4(proto, false)
		h := make([]byte, 20)
		if g.IntN(12) == 0 {
			h = make([]byte, 20+4*g.IntN(4))
		}
		h[0], h[1], h[8], h[9] = 0x40|byte(len(h)/4), byte(g.IntN(3)), 64, proto
		binary.BigEndian.PutUint16(h[2:], uint16(len(h)+len(l4)))
		if g.IntN(10) == 0 {
			binary.BigEndian.PutUint16(h[6:], uint16(g.Uint32())&[]uint16{0x4000, 0x2000, 0x1fff, 0x8000}[g.IntN(4)])
		}
		h[12], h[15], h[16], h[19] = 10, byte(g.IntN(3)), 10, byte(g.IntN(3))
		b = append(append(append(b, 8, 0), h...), l4...)
	case 2, 3:
		l4 := g.l4(proto, true)
		h := make([]byte, 40)
		h[0], h[1], h[3], h[6], h[7] = 0x60, byte(g.IntN(3))<<4, byte(g.IntN(2)), proto, 64
		binary.BigEndian.PutUint16(h[4:], uint16(len(l4)))
		h[8], h[15], h[23], h[24], h[31], h[39] = 0xfd, byte(g.IntN(2)), byte(g.IntN(2)), 0xfd, byte(g.IntN(2)), byte(g.IntN(2))
		b = append(append(append(b, 0x86, 0xdd), h...), l4...)
	default:
		types := []uint16{packet.TypeARP, packet.TypeRARP, packet.TypeMPLS, packet.TypeMPLSMC, packet.TypePBB, packet.TypeQinQ, 0x88b5, 0x88b6, 0x88cc, 0x9100, 0x5ff, 0x600, 100}
		b = binary.BigEndian.AppendUint16(b, types[g.IntN(len(types))])
		b = append(b, make([]byte, g.IntN(100))...)
	}
	switch g.IntN(12) {
	case 0: // cut
		b = b[:14+g.IntN(len(b)-13)]
	case 1: // padded
		b = append(b, make([]byte, g.IntN(50))...)
	case 2: // spoilt
		b[12+g.IntN(len(b)-12)] ^= 1 << g.IntN(8)
	}
	if g.IntN(4) == 0 {
		f.GSOSize = []uint16{1, 8, 100, 1448}[g.IntN(4)]
	}
	f.Bytes = b
	return f
}

// whole is the frame as the switch would have got it.
func (f *TestFrame) whole() *packet.Frame {
	b := f.Bytes
	if f.TPID != 0 {
		b = append([]byte(nil), f.Bytes[:12]...)
		b = binary.BigEndian.AppendUint16(b, f.TPID)
		b = binary.BigEndian.AppendUint16(b, f.TCI)
		b = append(b, f.Bytes[12:]...)
	}
	return packet.FromBytes(b)
}

func (g gen) mask() (m Key) {
	all := func() uint64 { return -uint64(g.IntN(2)) }
	m.SetEthType(uint16(all()))
	m.SetVLAN(uint16(all()))
	m.SetEthDst(all())
	m.SetEthSrc(all())
	m.SetTOS(uint8(all()))
	m.SetTransport(uint16(all()), uint16(all()))
	m.SetIPv6([2]uint64{all(), all()}, [2]uint64{all(), all()})
	for range g.IntN(4) { // some bits less
		m[g.IntN(len(m))] &= g.Uint64()
	}
	m.SetClass(Class(g.Uint32())) // Add completes it
	m[3] &^= 1<<32 - 1            // not a field
	m[2] &^= 0xff
	return m
}

// Random frames meet random flows: the programs decide and count as flow.Extract and
// packet.Frame.Segments have it. Flows come and go meanwhile.
func TestIntegrationRandomFrames(t *testing.T) {
	table, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	}()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	g := gen{rand.New(rand.NewPCG(seed, 1))}
	var ports [3]*Port
	for i := range ports {
		if ports[i], err = table.TestPort(1 + 1023*i); err != nil { // neighbours, and none of each other's
			t.Fatal(err)
		}
	}
	flows := map[*Flow]*modelFlow{}
	frames, hits, keyed := 0, 0, 0
	for range 60 {
		var masks [][]Key
		for range ports {
			masks = append(masks, []Key{g.mask(), g.mask(), g.mask(), {}})
		}
		for range 40 {
			i := g.IntN(len(ports))
			f := g.frame()
			k, ok := modelKey(f.whole(), f.TPID != 0, f.GSOSize)
			if !ok {
				continue
			}
			mask := masks[i][g.IntN(MaxMasks)]
			m := &modelFlow{in: ports[i], key: k, mask: mask}
			outs := make([]*Port, g.IntN(MaxOutputs+1))
			for o := range outs {
				outs[o] = ports[g.IntN(len(ports))]
			}
			m.Flow, err = table.Add(ports[i], outs, &k, &mask)
			if err == nil {
				flows[m.Flow] = m
			}
		}
		for range 3000 {
			p := ports[g.IntN(len(ports))]
			f := g.frame()
			whole := f.whole()
			k, ok := modelKey(whole, f.TPID != 0, f.GSOSize)
			want := 0
			for _, m := range flows {
				if ok && m.in == p && m.takes(&k) {
					want++
				}
			}
			got, err := table.Test(p, &f)
			if errors.Is(err, unix.EINVAL) && len(f.Bytes) < packet.EthernetLen+packet.IPv6Len {
				continue // the kernel runs no program over an IP frame without the whole of its header
			}
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			frames++
			if ok {
				keyed++
			}
			if got == nil {
				p.Done(1)
				if want != 0 {
					t.Fatalf("seed %d: % x, tag %04x %04x, gso %d: no flow took it, %d of the model's would", seed, f.Bytes, f.TPID, f.TCI, f.GSOSize, want)
				}
				continue
			}
			hits++
			m := flows[got]
			if m == nil || !ok || m.in != p || !m.takes(&k) {
				t.Fatalf("seed %d: % x, tag %04x %04x, gso %d: the wrong flow took it: %+v; the frame's key: %x, has one: %v", seed, f.Bytes, f.TPID, f.TCI, f.GSOSize, m, k, ok)
			}
			n, wire := whole.Segments()
			m.packets += n
			m.bytes += wire
			if f.GSOSize != 0 && !whole.Offload.IsGSO() {
				t.Fatalf("seed %d: a GSO frame of this class: % x", seed, f.Bytes)
			}
		}
		for x, m := range flows {
			packets, bytes, used := x.Count()
			if packets != m.packets || bytes != m.bytes || (used != 0) != (packets != 0) {
				t.Fatalf("seed %d: flow %+v: %d packets %d bytes, used %d; want %d and %d", seed, m, packets, bytes, used, m.packets, m.bytes)
			}
			if g.IntN(3) != 0 {
				table.Remove(x)
				delete(flows, x)
				if g.IntN(2) == 0 {
					table.Wait()
				}
				if p, b, _ := x.Count(); p != m.packets || b != m.bytes {
					t.Fatalf("seed %d: after Remove %d packets %d bytes, before %d, %d", seed, p, b, m.packets, m.bytes)
				}
			}
		}
	}
	t.Logf("%d frames, %d with a key, %d hits", frames, keyed, hits)
	if hits < frames/50 {
		t.Errorf("%d hits of %d frames: the test tests nothing", hits, frames)
	}
}
