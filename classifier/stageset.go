package classifier

import (
	"math/bits"
	"sync/atomic"
)

// stageSet is a multiset of hashes, with one writer and any number of lock-free
// readers: what the rules of a table look like up to some stage. It is an
// open-addressing table of half a word for each distinct hash, and a count beside it, which readers need not
// see. A table that is too small or too large is copied to another, a few
// cells with each change, so that no change does more than a little work.
type stageSet struct {
	cells atomic.Pointer[stageCells]

	// The writer's:
	used int // cells that are not zero
	live int // hashes
	next *stageSet
	at   int // cells before here have been copied to next
}

// stageCells are the tags of hashes, with stageLive, and how often each is there. A tag that is not live
// any more stays, so that the search for others goes on behind it.
type stageCells struct {
	tags   []atomic.Uint32 // 0: not used
	counts []uint32        // the writer's
}

const (
	stageLive  = 1
	stageLeast = 8 // cells in the smallest set
	stageStep  = 8 // cells copied with each change
)

func newStageSet(cells int) *stageSet {
	s := new(stageSet)
	n := max(cells, stageLeast)
	s.cells.Store(&stageCells{make([]atomic.Uint32, n), make([]uint32, n)})
	return s
}

// stageTag is what a cell holds of h. It is never zero, nor is stageLive in it.
func stageTag(h uint64) uint32 { return uint32(h>>32)&^stageLive | 2 }

// stagePlace is where in n cells the search for a tag begins.
func stagePlace(tag uint32, n int) int {
	return int(tag >> (33 - uint(bits.Len(uint(n)))) & uint32(n-1))
}

// has says whether h is in the set.
func (s *stageSet) has(h uint64) bool {
	tags := s.cells.Load().tags
	tag := stageTag(h)
	for i := stagePlace(tag, len(tags)); ; i++ {
		c := tags[i&(len(tags)-1)].Load()
		if c&^stageLive == tag || c == 0 {
			return c&stageLive != 0
		}
	}
}

// find is the cell of a tag, or the one that it would get.
func (c *stageCells) find(tag uint32) int {
	dead := -1
	for i := stagePlace(tag, len(c.tags)); ; i++ {
		i &= len(c.tags) - 1
		switch x := c.tags[i].Load(); {
		case x&^stageLive == tag:
			return i
		case x == 0 && dead >= 0:
			return dead
		case x == 0:
			return i
		case x&stageLive == 0 && dead < 0:
			dead = i
		}
	}
}

// put adds n, which may be negative, to the count of a tag, and returns its cell.
func (s *stageSet) put(tag, n uint32) int {
	c := s.cells.Load()
	i := c.find(tag)
	if c.tags[i].Load() == 0 {
		s.used++
	}
	old := c.counts[i]
	c.counts[i] += n
	switch {
	case old == 0:
		s.live++
		c.tags[i].Store(tag | stageLive)
	case c.counts[i] == 0:
		s.live--
		c.tags[i].Store(tag)
	}
	return i
}

func (s *stageSet) add(h uint64) { s.change(h, 1) }

func (s *stageSet) remove(h uint64) { s.change(h, ^uint32(0)) }

func (s *stageSet) change(h uint64, n uint32) {
	tag := stageTag(h)
	i := s.put(tag, n)
	c := s.cells.Load()
	size := len(c.tags)
	if s.next == nil {
		if s.used*2 <= size && (s.live*8 > size || size == stageLeast) {
			return
		}
		s.next, s.at = newStageSet(1<<bits.Len(uint(s.live*2+size/4))), 0
	} else if i < s.at {
		s.next.put(tag, n)
	}
	for end := min(s.at+stageStep, size); s.at < end; s.at++ {
		if n := c.counts[s.at]; n > 0 {
			s.next.put(c.tags[s.at].Load()&^stageLive, n)
		}
	}
	if s.at == size {
		next := s.next
		s.next = nil
		s.used, s.live = next.used, next.live
		s.cells.Store(next.cells.Load())
	}
}
