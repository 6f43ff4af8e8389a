package classifier

import (
	"math/bits"

	"ofswitch/flow"
)

// The stages of a lookup: what comes from the port and from earlier tables, layer 2,
// layer 3, layer 4. A word belongs to one stage.
const (
	stageMeta = iota
	stageL2
	stageL3
	stageL4
	numStages
)

// stageWords are the words in the order of their stages: the order in which shapes
// list and hash them.
var stageWords = [numStages][]uint8{
	stageMeta: {flow.WInPort, flow.WRecirc, flow.WTunnel, flow.WConn, flow.WMetadata},
	stageL2:   {flow.WEthDst, flow.WEthSrc, flow.WVLAN, flow.WMPLS, flow.WMPLS2},
	stageL3: {flow.WIPv4, flow.WIPv6Src, flow.WIPv6SrcLo, flow.WIPv6Dst, flow.WIPv6DstLo, flow.WIP,
		flow.WARP, flow.WARPSha, flow.WARPTha},
	stageL4: {flow.WL4, flow.WNDTarget, flow.WNDTargetLo, flow.WNDSll, flow.WNDTll},
}

// lane is a field that rules ask for by prefixes: there is a prefix tree for each.
type lane struct {
	word  uint8
	shift uint8  // left, to bring its first bit to the top
	bits  uint8  // 128: the next word too
	mask  uint64 // its bits in the word
}

const (
	laneIPv4Src = iota
	laneIPv4Dst
	laneIPv6Src
	laneIPv6Dst
	laneL4Src
	laneL4Dst
	numLanes
)

var lanes = [numLanes]lane{
	laneIPv4Src: {flow.WIPv4, 0, 32, 0xffffffff << 32},
	laneIPv4Dst: {flow.WIPv4, 32, 32, 0xffffffff},
	laneIPv6Src: {flow.WIPv6Src, 0, 128, ^uint64(0)},
	laneIPv6Dst: {flow.WIPv6Dst, 0, 128, ^uint64(0)},
	laneL4Src:   {flow.WL4, 0, 16, 0xffff << 48},
	laneL4Dst:   {flow.WL4, 16, 16, 0xffff << 32},
}

// get is the lane's part of w, from the top.
func (l *lane) get(w *flow.Wide) longKey {
	if l.bits == 128 {
		return longKey{w[l.word], w[l.word+1]}
	}
	return longKey{w[l.word] & l.mask << l.shift, 0}
}

// getPacked is get of words that s has packed.
func (l *lane) getPacked(s *shape, vals []uint64) (k longKey) {
	for i, v := range vals {
		switch s.idx[i] {
		case l.word:
			k.hi = v & l.mask << l.shift
		case l.word + 1:
			if l.bits == 128 {
				k.lo = v
			}
		}
	}
	return k
}

// prefix is the mask of the lane's first n bits: of its word, and of the next one.
func (l *lane) prefix(n int) (a, b uint64) {
	k := longKey{^uint64(0), ^uint64(0)}.cut(n)
	return k.hi >> l.shift & l.mask, k.lo
}

// cost is the number of bits that the first n of the lane would add to m.
func (l *lane) cost(m *flow.Mask, n int) int {
	if l.bits <= 32 {
		return bits.OnesCount64((^uint64(0) &^ (^uint64(0) >> (n & 63))) >> (l.shift & 63) & l.mask &^ m[l.word])
	}
	a, b := l.prefix(n)
	c := bits.OnesCount64(a &^ m[l.word])
	if l.bits == 128 {
		c += bits.OnesCount64(b &^ m[l.word+1])
	}
	return c
}

// addTo adds the first n bits of the lane to m.
func (l *lane) addTo(m *flow.Mask, n int) {
	a, b := l.prefix(n)
	m[l.word] |= a
	if l.bits == 128 {
		m[l.word+1] |= b
	}
}

// run is the number of bits that lead the lane in m.
func (l *lane) run(m *flow.Mask) uint8 {
	k := l.get((*flow.Wide)(m))
	if k.hi == ^uint64(0) {
		return uint8(64 + bits.LeadingZeros64(^k.lo))
	}
	return uint8(bits.LeadingZeros64(^k.hi))
}

// parts cuts each word into the masks of its fields, highest first; bits that no
// field names are one part.
var parts = func() (out [flow.Words][]uint64) {
	var named flow.Mask
	for id := range flow.ID(flow.NumFields) {
		var m flow.Mask
		id.Field().OrMask(&m)
		for i, b := range m {
			if b != 0 && named[i]&b != b {
				named[i] |= b
				out[i] = append(out[i], b)
			}
		}
	}
	for i := range out {
		if rest := ^named[i]; rest != 0 {
			out[i] = append(out[i], rest)
		}
	}
	return out
}()
