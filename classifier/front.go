package classifier

import (
	"math/bits"
	"sync/atomic"
)

// frontPage says, for each value of one byte of a key, what prefixes that end within this
// byte it has, how many bits of it say so, and what lies below: what eight steps down a
// binary tree would find is found by one look.
//
// The writer sees the byte as a complete binary tree, a heap: node 1 is the beginning of the byte, the
// kids of node h are 2h and 2h+1, nodes 256 to 511 are its values.
type frontPage struct {
	// slots are, for each value: bit n-1 for a prefix of n bits of it (8 bits), and how many bits of the byte were
	// looked at (4 bits, at 8); or slotBelow, if something lies below: then all 8 were.
	slots [256]atomic.Uint32
	child [256]atomic.Uint32 // what lies below; 0: nothing

	// The writer's:
	exists [8]uint64    // bit h: there is a prefix at or below node h
	count  *[512]uint32 // times the prefix of a node was added; nil: never
}

const (
	slotLens  = 0xff
	slotUsed  = 8 // shift
	slotBelow = 1 << 31

	// slotOnly, with slotBelow, says that one prefix is all that lies below, of at most 16 bits more: those (at 8), and
	// how many, less one (4 bits, at 24). What most keys lead to is so found without a look at another cache line.
	slotOnly    = 1 << 30
	slotOnlyKey = 8  // shift
	slotOnlyLen = 24 // shift
)

// frontTop is the page of the first byte, and those of the second by the first.
type frontTop struct {
	frontPage
	below [256]atomic.Pointer[frontPage]
}

func slotUsedBits(x uint32) int {
	if x&slotBelow != 0 {
		return 8
	}
	return int(x >> slotUsed & 15)
}

// onlyLength is how long the prefix is that a slot with slotOnly tells of, behind its page's bits.
func onlyLength(x uint32) int { return int(x>>slotOnlyLen&15) + 1 }

// onlyCommon is how many of its bits, and of those behind, are those of key.
func onlyCommon(x uint32, key uint16) int {
	return bits.LeadingZeros16(uint16(x>>slotOnlyKey) ^ key)
}

// heapNode is that of the first n bits of b, from 1 to 8.
func heapNode(b uint64, n int) int { return 1<<n | int(b)>>(8-n) }

func (p *frontPage) has(h int) bool { return p.exists[h>>6]>>(h&63)&1 != 0 }

// empty says whether there is no prefix in the page or below.
func (p *frontPage) empty() bool { return !p.has(2) && !p.has(3) }

// added says whether the prefix of a node is there.
func (p *frontPage) added(h int) bool { return p.count != nil && p.count[h] > 0 }

// leaf says whether nothing is below a node.
func (p *frontPage) leaf(h int) bool {
	if h >= 256 {
		return p.child[h-256].Load() == 0
	}
	return !p.has(2*h) && !p.has(2*h+1)
}

// add adds the prefix of a node.
func (p *frontPage) add(h int) {
	if p.count == nil {
		p.count = new([512]uint32)
	}
	if p.count[h]++; p.count[h] == 1 {
		p.mark(h)
	}
}

// remove takes back one add.
func (p *frontPage) remove(h int) {
	if !p.added(h) {
		panic("classifier: removing a prefix that is not there")
	}
	if p.count[h]--; p.count[h] == 0 {
		p.unmark(h)
	}
}

// setChild sets what lies below the value b, 0 for nothing, and what its slot tells of it: slotBelow, and maybe of the
// only prefix.
func (p *frontPage) setChild(b uint64, child, tell uint32) {
	slot := &p.slots[b]
	was := p.child[b].Load() != 0
	p.child[b].Store(child)
	if child != 0 {
		slot.Store(slot.Load()&slotLens | tell)
		if !was {
			p.mark(256 + int(b))
		}
	} else if was {
		slot.Store(slot.Load()&slotLens | 8<<slotUsed)
		p.unmark(256 + int(b))
	}
}

// mark notes that there is a prefix at h.
func (p *frontPage) mark(h int) {
	for ; h > 1 && !p.has(h); h /= 2 {
		p.exists[h>>6] |= 1 << (h & 63)
	}
	p.repaint(h)
}

// unmark notes that there is none at h any more.
func (p *frontPage) unmark(h int) {
	for ; h > 1 && !p.added(h) && p.leaf(h); h /= 2 {
		p.exists[h>>6] &^= 1 << (h & 63)
	}
	p.repaint(h)
}

// repaint makes the slots at and below h what they should be.
func (p *frontPage) repaint(h int) {
	lens := uint32(0)
	depth := bits.Len(uint(h)) - 1
	for d := 1; d <= depth; d++ {
		if p.added(h >> (depth - d)) {
			lens |= 1 << (d - 1)
		}
	}
	p.paint(h, depth, lens)
}

func (p *frontPage) paint(h, depth int, lens uint32) {
	if p.leaf(h) || depth == 8 {
		p.fill(h, depth, lens|uint32(depth)<<slotUsed)
		return
	}
	for kid := 2 * h; kid <= 2*h+1; kid++ {
		switch {
		case !p.has(kid):
			p.fill(kid, depth+1, lens|uint32(depth+1)<<slotUsed)
		case p.added(kid):
			p.paint(kid, depth+1, lens|1<<depth)
		default:
			p.paint(kid, depth+1, lens)
		}
	}
}

// fill gives all slots below h the same lengths, and the same number of bits, where nothing lies below them.
func (p *frontPage) fill(h, depth int, low uint32) {
	first := h<<(8-depth) - 256
	for i := range 1 << (8 - depth) {
		slot := &p.slots[first+i]
		old, now := slot.Load(), low
		if old&slotBelow != 0 {
			now = old&^slotLens | low&slotLens
		}
		if now != old {
			slot.Store(now)
		}
	}
}
