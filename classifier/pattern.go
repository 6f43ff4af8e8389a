package classifier

import "ofswitch/flow"

// Overlaps says whether some frame of m is matched by the pattern.
func (p *Pattern) Overlaps(m *flow.Match) bool {
	if p.shape == nil {
		return true
	}
	for i, v := range p.vals {
		if i >= len(p.shape.idx) {
			break
		}
		idx := p.shape.idx[i]
		if (v^m.Value[idx])&p.shape.mask[i]&m.Mask[idx] != 0 {
			return false
		}
	}
	return true
}

// Common narrows m, a set of frames in which all patterns seen so far lie, so that it
// holds this pattern as well: the bits stay which both ask for, with the same value.
func (p *Pattern) Common(m *flow.Match) {
	asked := uint64(0) // words that the pattern has
	for i, v := range p.vals {
		idx, mask := p.shape.idx[i], p.shape.mask[i]
		m.Mask[idx] &= mask &^ (m.Value[idx] ^ v)
		m.Value[idx] &= m.Mask[idx]
		asked |= 1 << idx
	}
	for i := range m.Mask {
		if asked>>i&1 == 0 {
			m.Mask[i], m.Value[i] = 0, 0
		}
	}
}

// Match is the pattern, unpacked.
func (p *Pattern) Match() (m flow.Match) {
	if p.shape != nil {
		p.shape.unpack(p.vals, &m)
	}
	return m
}
