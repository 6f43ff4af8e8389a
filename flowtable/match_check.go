package flowtable

import (
	"sync/atomic"

	"ofswitch/flow"
)

// Most matches ask for the same fields as the one before them, by the same Ethernet type and protocol: whether they are
// as they should be need not be found out again.

// goodMatch are the fields of a match that was found to be as it should be.
type goodMatch struct {
	mask  flow.Mask
	kinds [numKinds]uint64
}

// lastGood are the last ones, by kinds.
var lastGood [16]atomic.Pointer[goodMatch]

// kindBits are the bits on whose values depends which fields a match may ask for, those of the fields of neighbour
// discovery apart.
var kindBits = [...]struct {
	word uint8
	bits uint64
}{
	fieldBits(flow.EthType, flow.EthType.Field().Full()),
	fieldBits(flow.IPProto, flow.IPProto.Field().Full()),
	fieldBits(flow.VLANVID, flow.Value{Lo: flow.VIDPresent}),
}

const numKinds = 3

func fieldBits(id flow.ID, of flow.Value) (b struct {
	word uint8
	bits uint64
}) {
	var m flow.Mask
	f := id.Field()
	f.Set((*flow.Wide)(&m), of)
	b.word = uint8(f.Word)
	b.bits = m[b.word]
	return b
}

func kindsOf(m *flow.Match) (kinds [numKinds]uint64) {
	for i, k := range kindBits {
		kinds[i] = m.Value[k.word] & k.bits
	}
	return kinds
}

func goodOf(kinds *[numKinds]uint64) *atomic.Pointer[goodMatch] {
	h := uint64(0)
	for _, k := range kinds {
		h = (h ^ k) * 0x9e3779b97f4a7c15
	}
	return &lastGood[h>>60]
}

// knownGood says that m is as it should be, if that is known.
func knownGood(m *flow.Match) bool {
	kinds := kindsOf(m)
	g := goodOf(&kinds).Load()
	if g == nil || g.mask != m.Mask || g.kinds != kinds {
		return false
	}
	for i := range m.Mask {
		if m.Value[i]&^m.Mask[i] != 0 {
			return false
		}
	}
	return true
}

// noteGood notes that m is as it should be.
func noteGood(m *flow.Match) {
	if m.Mask[flow.WNDTarget]|m.Mask[flow.WNDTargetLo]|m.Mask[flow.WNDSll]|m.Mask[flow.WNDTll] == 0 {
		kinds := kindsOf(m)
		goodOf(&kinds).Store(&goodMatch{m.Mask, kinds})
	}
}
