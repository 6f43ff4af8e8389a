package ofswitch

import "ofswitch/flow"

// region is what a table was looked up with: the bits that are the same for all frames that
// the program is for. So a change of the table concerns the program only if it concerns a
// frame of the region.
type region struct {
	known  flow.Match // made when the program is finished
	source int        // in translator.sources until then; then -1
}

// regionSource is what a region is made of: the words that were looked up, and how they
// came from the key; see frameState.
type regionSource struct {
	wide     flow.Wide
	fixed    flow.Mask
	lanes    [4]int8
	ttlMoved bool
}

// region is that of the frame as it is now. Lookups of the same words share it.
func (t *translator) region() *region {
	if t.shared == nil {
		t.shared = &region{source: len(t.sources)}
		t.sources = append(t.sources, regionSource{t.wide, t.fixed, t.lanes, t.ttlMoved})
	}
	return t.shared
}

// close finds out which bits are known, now that the mask is finished. A word that the key
// has not in use is zero in the keys of all frames that the program is for.
func (t *translator) close(r *region) {
	if r.source < 0 {
		return // by an earlier lookup of the same words
	}
	src := &t.sources[r.source]
	r.source = -1
	m, use := &r.known.Mask, t.prog.key.Bits
	for i := range m {
		m[i] = ^uint64(0) // what actions and instructions alone write, and the ingress port
		if i < flow.KeyWords && use&(1<<i) != 0 && i != flow.WInPort {
			m[i] = t.mask[i]
		}
	}
	if use&(1<<flow.WVLAN) != 0 {
		m[flow.WVLAN] = 0
		for l, from := range src.lanes {
			if from != laneFixed {
				m[flow.WVLAN] |= t.mask[flow.WVLAN] >> (48 - 16*int(from)) & 0xffff << (48 - 16*l)
			}
		}
	}
	if src.ttlMoved && m[flow.WIP]>>flow.TTLShift&0xff != 0xff {
		m[flow.WIP] &^= 0xff << flow.TTLShift
	}
	for i := range m {
		m[i] |= src.fixed[i]
		r.known.Value[i] = src.wide[i] & m[i]
	}
}
