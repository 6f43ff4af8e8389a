package flow

import (
	"math/rand/v2"
	"testing"

	"ofswitch/packet"
)

// twin is extraction written once more, slowly: every header is a list of
// fields taken off the front, and every field goes through the field table.
type twin struct {
	b      []byte // what is left
	at     int    // its offset in the frame
	w      Wide
	layers packet.Layers
}

// take removes n bytes; nil when there are fewer, and nothing is removed.
func (t *twin) take(n int) []byte {
	if n > len(t.b) {
		return nil
	}
	h := t.b[:n]
	t.b, t.at = t.b[n:], t.at+n
	return h
}

func num(b []byte) (v uint64) {
	for _, c := range b {
		v = v*256 + uint64(c)
	}
	return v
}

func (t *twin) set(id ID, v uint64) { id.Field().Set(&t.w, Value{Lo: v}) }
func (t *twin) set128(id ID, b []byte) {
	id.Field().Set(&t.w, Value{num(b[:8]), num(b[8:16])})
}

func extractTwin(frame []byte, inPort uint32) (Wide, packet.Layers) {
	t := twin{b: frame, layers: packet.Layers{L2End: -1, MPLS: -1, L3: -1, L4: -1}}
	t.set(InPort, uint64(inPort))
	t.set(InPhyPort, uint64(inPort))
	if len(frame) >= 14 {
		t.ethernet()
	}
	return t.w, t.layers
}

func (t *twin) ethernet() {
	t.set(EthDst, num(t.take(6)))
	t.set(EthSrc, num(t.take(6)))
	tags := []uint64{}
	for len(tags) < 2 && len(t.b) >= 6 && (num(t.b[:2]) == 0x8100 || num(t.b[:2]) == 0x88a8) {
		tags = append(tags, num(t.take(4)))
	}
	for len(t.b) >= 6 && t.at < 1<<14 && (num(t.b[:2]) == 0x8100 || num(t.b[:2]) == 0x88a8) {
		t.take(4)
		t.w[WEthSrc] |= MoreTags
	}
	for i, tag := range tags {
		tpid, tci := tag>>16, tag&0xefff|0x1000
		t.w[WVLAN] |= (tpid<<16 | tci) << (32 * (1 - i))
	}
	t.layers.L2End = int16(t.at)
	etype := num(t.take(2))
	if etype < 0x600 {
		etype = 0x5ff
		if len(t.b) >= 8 && num(t.b[:3]) == 0xaaaa03 && num(t.b[3:6]) == 0 && num(t.b[6:8]) >= 0x600 {
			etype = num(t.take(8)[6:])
		}
	}
	t.set(EthType, etype)
	switch etype {
	case 0x0800:
		t.ipv4()
	case 0x86dd:
		t.ipv6()
	case 0x0806, 0x8035:
		at := t.at
		a := t.take(28)
		if a == nil || num(a[0:2]) != 1 || num(a[2:4]) != 0x0800 || a[4] != 6 || a[5] != 4 {
			return
		}
		t.layers.L3 = int16(at)
		t.set(ARPOp, num(a[6:8]))
		t.set(ARPSha, num(a[8:14]))
		t.set(ARPSpa, num(a[14:18]))
		t.set(ARPTha, num(a[18:24]))
		t.set(ARPTpa, num(a[24:28]))
	case 0x8847, 0x8848:
		if len(t.b) >= 4 {
			t.layers.MPLS = int16(t.at)
		}
		for i := range 3 {
			e := t.take(4)
			if e == nil {
				return
			}
			t.w[[]int{WMPLS, WMPLS, WMPLS2}[i]] |= num(e) << []int{32, 0, 32}[i]
			if e[2]&1 != 0 {
				return
			}
		}
	case 0x88e7:
		at := t.at
		if h := t.take(4); h != nil {
			t.layers.MPLS = int16(at)
			t.set(PBBISID, num(h[1:]))
			t.w[WMPLS2] |= uint64(h[0])
		}
	}
}

func (t *twin) ipv4() {
	at := t.at
	if len(t.b) < 20 {
		return
	}
	hlen, total := int(t.b[0]%16)*4, int(num(t.b[2:4]))
	if hlen < 20 || hlen > total || total > len(t.b) {
		return
	}
	t.b = t.b[:total]
	h := t.take(hlen)
	t.layers.L3 = int16(at)
	t.set(IPDSCP, uint64(h[1]>>2))
	t.set(IPECN, uint64(h[1]&3))
	t.set(IPProto, uint64(h[9]))
	t.set(IPv4Src, num(h[12:16]))
	t.set(IPv4Dst, num(h[16:20]))
	t.w[WIP] |= uint64(h[8]) << 8
	more, offset := h[6]&0x20 != 0, num(h[6:8])%8192
	if more || offset > 0 {
		t.w[WIP] |= FragAny
	}
	if offset > 0 {
		t.w[WIP] |= FragLater
		return
	}
	t.l4(h[9], false)
}

func (t *twin) ipv6() {
	at := t.at
	if len(t.b) < 40 || len(t.b) < 40+int(num(t.b[4:6])) {
		return
	}
	h := t.take(40)
	t.b = t.b[:num(h[4:6])]
	t.layers.L3 = int16(at)
	t.set(IPDSCP, num(h[:2])>>6&63)
	t.set(IPECN, num(h[:2])>>4&3)
	t.set(IPv6Flabel, num(h[:4])%(1<<20))
	t.set128(IPv6Src, h[8:24])
	t.set128(IPv6Dst, h[24:40])
	t.w[WIP] |= uint64(h[7]) << 8

	// First find the headers, then judge their order.
	var chain []uint8
	next, whole, later := h[6], true, false
walk:
	for {
		switch next {
		case 50, 59:
			chain = append(chain, next)
			break walk
		case 0, 43, 44, 51, 60:
			if len(t.b) < 8 {
				whole = false
				break walk
			}
			size := 8
			switch next {
			case 0, 43, 60:
				size += int(t.b[1]) * 8
			case 51:
				size += int(t.b[1]) * 4
			}
			if t.at+size > 32767 {
				whole = false
				break walk
			}
			x := t.take(size)
			if x == nil {
				whole = false
				break walk
			}
			chain = append(chain, next)
			if next == 44 && num(x[2:4]) != 0 {
				t.w[WIP] |= FragAny
				if num(x[2:4])/8 != 0 {
					t.w[WIP] |= FragLater
					later = true
					break walk
				}
			}
			next = x[0]
		default:
			break walk
		}
	}
	t.set(IPv6Exthdr, judge(chain))
	if whole {
		t.set(IPProto, uint64(next))
		if !later {
			t.l4(next, true)
		}
	}
}

// judge makes the IPV6_EXTHDR bits of a chain: its order is right when it can
// be found, from left to right, in the preferred order.
func judge(chain []uint8) (bits uint64) {
	preferred := []uint8{0, 60, 43, 44, 51, 50, 60, 59}
	flag := map[uint8]uint64{59: 1, 50: 2, 51: 4, 60: 8, 44: 16, 43: 32, 0: 64}
	count := map[uint8]int{}
	last := -1
	for _, h := range chain {
		count[h]++
		bits |= flag[h]
		allowed := 1
		from := max(last, 0)
		if h == 60 {
			allowed, from = 2, last+1
		}
		if count[h] > allowed {
			bits |= 128
		}
		found := h == 60 && last == 6 // once more the last
		for i := from; i < len(preferred) && !found; i++ {
			if preferred[i] == h {
				last, found = i, true
			}
		}
		if !found {
			bits |= 256
		}
	}
	return bits
}

func (t *twin) l4(proto uint8, v6 bool) {
	at := t.at
	switch {
	case proto == 6 && len(t.b) >= 20:
		if n := int(t.b[12]>>4) * 4; n < 20 || n > len(t.b) {
			return
		}
		t.set(TCPSrc, num(t.b[:2]))
		t.set(TCPDst, num(t.b[2:4]))
		t.w[WL4] |= num(t.b[12:14]) % 4096 << 16
	case proto == 17 && len(t.b) >= 8:
		t.set(UDPSrc, num(t.b[:2]))
		t.set(UDPDst, num(t.b[2:4]))
	case proto == 132 && len(t.b) >= 12:
		t.set(SCTPSrc, num(t.b[:2]))
		t.set(SCTPDst, num(t.b[2:4]))
	case proto == 1 && !v6 && len(t.b) >= 8:
		t.set(ICMPv4Type, uint64(t.b[0]))
		t.set(ICMPv4Code, uint64(t.b[1]))
	case proto == 58 && v6 && len(t.b) >= 8:
		h := t.take(8)
		t.set(ICMPv6Type, uint64(h[0]))
		t.set(ICMPv6Code, uint64(h[1]))
		if h[1] == 0 && (h[0] == 135 || h[0] == 136) {
			t.neighbour()
		}
	default:
		return
	}
	t.layers.L4 = int16(at)
}

func (t *twin) neighbour() {
	target := t.take(16)
	if target == nil {
		return
	}
	var sll, tll uint64
	for len(t.b) >= 8 {
		o := t.take(int(t.b[1]) * 8)
		if len(o) == 0 {
			break
		}
		if len(o) != 8 {
			continue
		}
		p := map[byte]*uint64{1: &sll, 2: &tll}[o[0]]
		if p == nil {
			continue
		}
		if *p != 0 {
			return
		}
		*p = num(o[2:])
	}
	t.set128(IPv6NDTarget, target)
	t.set(IPv6NDSll, sll)
	t.set(IPv6NDTll, tll)
}

// checkExtract holds Extract against its twin and its own promises.
func checkExtract(t *testing.T, frame []byte) {
	t.Helper()
	f := packet.FromBytes(frame)
	k := Key{Bits: ^uint32(0)}
	for i := range k.W {
		k.W[i] = ^uint64(0) // what was there must not shine through
	}
	Extract(f, 0x12345678, &k)
	want, layers := extractTwin(frame, 0x12345678)
	var got Wide
	got.SetKey(&k)
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("frame %x: word %d is %#x, the twin says %#x", frame, i, got[i], want[i])
		}
	}
	if f.Layers != layers {
		t.Errorf("frame %x: layers %+v, the twin says %+v", frame, f.Layers, layers)
	}
	for i, v := range k.W {
		if v != 0 && k.Bits>>i&1 == 0 {
			t.Errorf("frame %x: word %d is %#x but not marked as in use", frame, i, v)
		}
	}
}

func TestExtractAgainstTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, c := range allFrames {
		checkExtract(t, c.data)
		for n := range c.data { // every way to cut it
			checkExtract(t, c.data[:n])
		}
		for range 2000 { // one byte wrong
			b := append([]byte(nil), c.data...)
			b[12+r.IntN(len(b)-12)] = byte(r.Uint32())
			checkExtract(t, b)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	for range 100000 {
		if checkExtract(t, randomFrame(r)); t.Failed() {
			t.FailNow()
		}
	}
}

func FuzzExtract(f *testing.F) {
	for _, c := range allFrames {
		f.Add(c.data)
	}
	r := rand.New(rand.NewPCG(9, 10))
	for range 200 {
		f.Add(randomFrame(r))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) <= packet.MaxFrame {
			checkExtract(t, b)
		}
	})
}
