package classifier

import (
	"math/bits"
	"math/rand/v2"

	"ofswitch/flow"
)

// generator makes random matches from small pools of values, so that rules
// overlap, cover and equal each other often.
type generator struct {
	*rand.Rand
	fields [flow.NumFields]int // matches made that hold the field
	rules  int                 // matches made, catch-alls apart
}

func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 1))}
}

// value is one of a few values of the field's width.
func (g *generator) value(f *flow.Field) flow.Value {
	n := uint64(g.IntN(4))
	full := f.Full()
	v := flow.Value{Lo: (n*0x0101010101010101 ^ n<<40) & full.Lo}
	if f.Bits == 128 {
		v.Hi = 0x20010db8_00000000 | n>>1
	}
	return v
}

// mask is an exact mask, a prefix, or any bits.
func (g *generator) mask(f *flow.Field) flow.Value {
	full := f.Full()
	if !f.Maskable || g.IntN(2) == 0 {
		return full
	}
	m := full
	switch g.IntN(3) {
	case 0, 1: // a prefix
		cut := g.IntN(f.Bits)
		if f.Bits == 128 && cut >= 64 {
			m.Lo, m.Hi = 0, full.Hi<<(cut-64)
		} else {
			m.Lo = full.Lo << cut & full.Lo
		}
	default:
		m.Lo &= 0x0f0f_ff00_f0f0_00ff << g.IntN(8)
	}
	if m == (flow.Value{}) {
		return full
	}
	return m
}

// prepare sets what field id demands of the match.
func (g *generator) prepare(m *flow.Match, id flow.ID) {
	set := func(id flow.ID, v uint64) { m.Set(id, flow.Value{Lo: v}) }
	pick := func(v ...uint64) uint64 { return v[g.IntN(len(v))] }
	ip6 := func(proto uint64) { set(flow.EthType, 0x86dd); set(flow.IPProto, proto) }
	switch id.Field().Prereq {
	case flow.PrereqInPort:
		m.Set(flow.InPort, g.value(flow.InPort.Field()))
	case flow.PrereqVLAN:
		set(flow.VLANVID, flow.VIDPresent|uint64(g.IntN(3)))
	case flow.PrereqIP:
		set(flow.EthType, pick(0x0800, 0x86dd))
	case flow.PrereqIPv4:
		set(flow.EthType, 0x0800)
	case flow.PrereqIPv6:
		set(flow.EthType, 0x86dd)
	case flow.PrereqARP:
		set(flow.EthType, 0x0806)
	case flow.PrereqMPLS:
		set(flow.EthType, pick(0x8847, 0x8848))
	case flow.PrereqPBB:
		set(flow.EthType, 0x88e7)
	case flow.PrereqTCP, flow.PrereqUDP, flow.PrereqSCTP:
		set(flow.EthType, pick(0x0800, 0x86dd))
		set(flow.IPProto, map[flow.Prereq]uint64{flow.PrereqTCP: 6, flow.PrereqUDP: 17, flow.PrereqSCTP: 132}[id.Field().Prereq])
	case flow.PrereqICMPv4:
		set(flow.EthType, 0x0800)
		set(flow.IPProto, 1)
	case flow.PrereqICMPv6:
		ip6(58)
	case flow.PrereqND:
		ip6(58)
		set(flow.ICMPv6Type, pick(135, 136))
	case flow.PrereqNDSolicit:
		ip6(58)
		set(flow.ICMPv6Type, 135)
	case flow.PrereqNDAdvert:
		ip6(58)
		set(flow.ICMPv6Type, 136)
	}
}

// match makes a match around one field chosen evenly out of all 40, with its
// prerequisites and up to three more fields that are possible beside it.
func (g *generator) match() flow.Match {
	var m flow.Match
	if g.IntN(100) == 0 {
		return m
	}
	id := flow.ID(g.IntN(flow.NumFields))
	g.prepare(&m, id)
	if _, _, ok := m.Get(id); !ok {
		m.SetMasked(id, g.value(id.Field()), g.mask(id.Field()))
	}
	for range g.IntN(4) {
		id := flow.ID(g.IntN(flow.NumFields))
		if _, _, ok := m.Get(id); !ok && m.PrereqsMet(id) {
			m.SetMasked(id, g.value(id.Field()), g.mask(id.Field()))
		}
	}
	g.rules++
	m.Fields(func(f *flow.Field, _, _ flow.Value) bool {
		g.fields[f.ID]++
		return true
	})
	return m
}

// key is a frame that a matches, and b as far as a does not care; the rest is
// random.
func (g *generator) key(a, b *flow.Match) flow.Wide {
	var w flow.Wide
	for i := range w {
		w[i] = g.Uint64()
		w[i] = w[i]&^b.Mask[i] | b.Value[i]
		w[i] = w[i]&^a.Mask[i] | a.Value[i]
	}
	return w
}

// flip changes bits of w outside wc.
func (g *generator) flip(w flow.Wide, wc *flow.Mask) flow.Wide {
	for i := range w {
		switch g.IntN(3) {
		case 0:
			w[i] ^= g.Uint64() &^ wc[i]
		case 1:
			w[i] ^= 1 << g.IntN(64) &^ wc[i]
		}
	}
	return w
}

// bytesSource gives the bytes of data as random numbers, then those of next.
type bytesSource struct {
	data []byte
	next *rand.Rand
}

func (s *bytesSource) Uint64() (x uint64) {
	if len(s.data) == 0 {
		return s.next.Uint64()
	}
	// One byte a number, in all places: small choices take their upper or their
	// lower bits.
	x = uint64(s.data[0]) * 0x0101010101010101
	s.data = s.data[1:]
	return x
}

func newBytesRand(data []byte, next *rand.Rand) *rand.Rand {
	return rand.New(&bytesSource{data, next})
}

// ones is the number of bits in m.
func ones(m *flow.Mask) (n int) {
	for _, b := range m {
		n += bits.OnesCount64(b)
	}
	return n
}
