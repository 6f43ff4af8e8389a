package classifier

import (
	"math/bits"
	"sync/atomic"
)

// stageSet is a multiset of hashes, with one writer and any number of lock-free
// readers: what the rules of a table look like up to some stage. It is an
// open-addressing table of one word for each distinct hash, 40 bits of it and a
// count. A table that is too small or too large is copied to another, a few
// words with each change, so that no change does more than a little work.
type stageSet struct {
	cells atomic.Pointer[[]atomic.Uint64]

	// The writer's:
	used int // cells that are not zero
	live int // hashes
	next *stageSet
	at   int // cells before here have been copied to next
}

const (
	stageCount = 1<<24 - 1 // the count in a cell; one that got there stays
	stageCells = 8         // in the smallest set
	stageStep  = 8         // cells copied with each change
)

func newStageSet(cells int) *stageSet {
	s := new(stageSet)
	c := make([]atomic.Uint64, max(cells, stageCells))
	s.cells.Store(&c)
	return s
}

// stageTag is what a cell holds of h. It is never zero.
func stageTag(h uint64) uint64 { return (h>>24 | 1) << 24 }

// stagePlace is where in n cells the search for a tag begins.
func stagePlace(tag uint64, n int) int {
	return int(tag >> (65 - uint(bits.Len(uint(n)))) & uint64(n-1))
}

// has says whether h is in the set.
func (s *stageSet) has(h uint64) bool {
	cells := *s.cells.Load()
	tag := stageTag(h)
	for i := stagePlace(tag, len(cells)); ; i++ {
		c := cells[i&(len(cells)-1)].Load()
		if c == 0 {
			return false
		}
		if c&^stageCount == tag {
			return c&stageCount != 0
		}
	}
}

// find is the cell of a tag, or the one that it would get.
func (s *stageSet) find(tag uint64) int {
	cells := *s.cells.Load()
	dead := -1
	for i := stagePlace(tag, len(cells)); ; i++ {
		i &= len(cells) - 1
		switch c := cells[i].Load(); {
		case c&^stageCount == tag:
			return i
		case c == 0 && dead >= 0:
			return dead
		case c == 0:
			return i
		case c&stageCount == 0 && dead < 0:
			dead = i
		}
	}
}

// put adds n, which may be negative, to the count of a tag, and returns its cell.
func (s *stageSet) put(tag, n uint64) int {
	i := s.find(tag)
	cell := &(*s.cells.Load())[i]
	c := cell.Load()
	if c == 0 {
		s.used++
	}
	if c&^stageCount != tag {
		c = tag
	}
	old := c & stageCount
	if old == stageCount {
		return i
	}
	count := min(old+n, stageCount)
	if old == 0 {
		s.live++
	}
	if count == 0 {
		s.live--
	}
	cell.Store(tag | count)
	return i
}

func (s *stageSet) add(h uint64) { s.change(h, 1) }

func (s *stageSet) remove(h uint64) { s.change(h, ^uint64(0)) }

func (s *stageSet) change(h, n uint64) {
	tag := stageTag(h)
	i := s.put(tag, n)
	cells := *s.cells.Load()
	if s.next == nil {
		if s.used*2 <= len(cells) && (s.live*8 > len(cells) || len(cells) == stageCells) {
			return
		}
		s.next, s.at = newStageSet(1<<bits.Len(uint(s.live*2+len(cells)/4))), 0
	} else if i < s.at {
		s.next.put(tag, n)
	}
	for end := min(s.at+stageStep, len(cells)); s.at < end; s.at++ {
		if c := cells[s.at].Load(); c&stageCount != 0 {
			s.next.put(c&^stageCount, c&stageCount)
		}
	}
	if s.at == len(cells) {
		next := s.next
		s.next = nil
		s.used, s.live = next.used, next.live
		s.cells.Store(next.cells.Load())
	}
}
