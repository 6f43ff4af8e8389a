package ofswitch

import (
	"ofswitch/flow"
)

// region is what a table was looked up with: the words that the frame had by then,
// and which of their bits are the same for all frames that the program is for. So a change
// of the table concerns the program only if it concerns a frame of the region.
type region struct {
	wide  flow.Wide
	known flow.Match // made of wide when the program is finished

	// How the words came from the key; see frameState.
	fixed    flow.Mask
	lanes    [4]int8
	ttlMoved bool
}

// region is that of the frame as it is now. Lookups of the same words share it.
func (t *translator) region() *region {
	if t.shared == nil {
		t.shared = &region{wide: t.wide, fixed: t.fixed, lanes: t.lanes, ttlMoved: t.ttlMoved}
	}
	return t.shared
}

// close finds out which bits are known, with the finished mask of a program for keys
// that have the words of bits in use. A word that is not in use is zero in all of
// them.
func (r *region) close(mask *flow.Mask, bits uint32) {
	m := &r.known.Mask
	if *m != (flow.Mask{}) {
		return // by an earlier lookup of the same words
	}
	for i := range m {
		m[i] = ^uint64(0) // what actions and instructions alone write, and the ingress port
		if i < flow.KeyWords && bits&(1<<i) != 0 && i != flow.WInPort {
			m[i] = mask[i]
		}
	}
	if bits&(1<<flow.WVLAN) != 0 {
		m[flow.WVLAN] = 0
		for l, from := range r.lanes {
			if from != laneFixed {
				m[flow.WVLAN] |= mask[flow.WVLAN] >> (48 - 16*int(from)) & 0xffff << (48 - 16*l)
			}
		}
	}
	if r.ttlMoved && m[flow.WIP]>>ttlShift&0xff != 0xff {
		m[flow.WIP] &^= 0xff << ttlShift
	}
	for i := range m {
		m[i] |= r.fixed[i]
		r.known.Value[i] = r.wide[i] & m[i]
	}
}
