package classifier

import (
	"math/bits"
	"slices"

	"ofswitch/flow"
)

// Megaflow remembers a P for each of a bounded number of wildcarded keys: behind a
// [Microflow], in front of the tables. An entry is a key and a mask of the bits that
// the answer depends on; every key that is equal in these bits has the same
// answer. Which words a key has in use (Bits) belongs to every mask.
//
// It is a tuple-space search: a [Tuple] has the entries of one mask, hashed. Entries
// may overlap, since all that match a key lead to the right answer: the search
// ends at the first.
//
// Each ingress port has tuples of its own, in the order of recent hits, and at most so
// many: a peer whose frames make us build masks makes searches long for his own port
// alone. An entry for which there is no place in a new tuple goes into one of the port's
// that has all bits of its mask and more, if there is one: it then stands for
// fewer keys than it might.
//
// A full cache loses an entry of the port that inserts, one that was not used since it was last
// looked at (CLOCK), so that a flood of new entries drives itself out; or, where all that is
// looked at is in use, one of the port that has the most.
//
// It belongs to one thread.
type Megaflow[P any] struct {
	ports    []*megaPort[P] // by number; nil: no entries yet
	n        int
	max      int
	maxMasks int
	masks    int
	largest  *megaPort[P] // has the most entries, unless recount
	recount  bool
	used     func(*P) bool
}

// megaPort has the entries of one ingress port.
type megaPort[P any] struct {
	groups []megaGroup[P]
	tuples []*Tuple[P] // of all groups
	n      int
	hand   int // of CLOCK: tuple ...
	slot   int // ... and its slot
}

// megaGroup has the tuples for keys with the same words in use, in the order in which
// they are searched.
type megaGroup[P any] struct {
	bits    uint32
	lookups uint32 // since they were last put in order
	tuples  []*Tuple[P]
	first   bool   // First looks
	tried   uint32 // looks of First since first was last considered
	missed  uint32 // of them in vain
}

// Tuple has the entries of one mask of one ingress port.
type Tuple[P any] struct {
	words []tupleWord
	// An open hash table with linear probing: a tag of 0 is a free slot.
	tags []uint32
	keys []uint64 // len(words) for each slot, masked
	vals []*P

	shift uint // 64 - log2(len(tags))
	n     int
	hits  uint32 // falling by half from time to time
	bits  uint32
	port  *megaPort[P]
}

// tupleWord is a word of the mask that is not zero.
type tupleWord struct {
	mask uint64
	word uint8
}

const (
	// orderEvery is how many searches of a group go by before its tuples are put in the
	// order of their hits.
	orderEvery = 1024
	// firstWords is how many words a mask may have to be looked at before exact keys.
	firstWords = 3
	// minSlots is the size of a tuple's first hash table.
	minSlots = 8
	// clockSteps bounds how many entries CLOCK looks at for one that is not in use.
	clockSteps = 16
)

// NewMegaflow makes a cache of at most this many entries, and this many masks for
// each ingress port. used tells whether a value was used since it was last asked.
func NewMegaflow[P any](entries, masks int, used func(*P) bool) *Megaflow[P] {
	return &Megaflow[P]{max: max(entries, 1), maxMasks: max(masks, 1), used: used}
}

func megaPortOf(k *flow.Key) uint32 { return uint32(k.W[flow.WInPort]) }

// Lookup returns what an entry that matches k has, nil if there is none, and how many
// tuples were searched.
func (c *Megaflow[P]) Lookup(k *flow.Key) (p *P, probes int) {
	no := megaPortOf(k)
	if uint64(no) >= uint64(len(c.ports)) || c.ports[no] == nil {
		return nil, 0
	}
	g := c.ports[no].group(k.Bits)
	if g == nil {
		return nil, 0
	}
	if g.lookups++; g.lookups >= orderEvery {
		g.order()
	}
	for i, t := range g.tuples {
		if p := t.lookup(k); p != nil {
			t.hits++
			return p, i + 1
		}
	}
	return nil, len(g.tuples)
}

// First is Lookup for the case that one tuple, of few words, has nearly all that is asked for:
// then it is cheaper than to look for a whole key. It looks into that tuple alone, and gives
// nil without looking where the case is another, as far as recent searches tell.
func (c *Megaflow[P]) First(k *flow.Key) *P {
	no := megaPortOf(k)
	if uint64(no) >= uint64(len(c.ports)) || c.ports[no] == nil {
		return nil
	}
	g := c.ports[no].group(k.Bits)
	if g == nil || !g.first {
		return nil
	}
	t := g.tuples[0]
	p := t.lookup(k)
	if p == nil {
		g.missed++
	}
	if g.tried++; g.tried >= orderEvery {
		t.hits = min(t.hits+g.tried-g.missed, orderEvery)
		g.first = g.missed < orderEvery/4
		g.tried, g.missed = 0, 0
	}
	return p
}

func (p *megaPort[P]) group(bits uint32) *megaGroup[P] {
	for i := range p.groups {
		if p.groups[i].bits == bits {
			return &p.groups[i]
		}
	}
	return nil
}

// order puts the tuples with the most recent hits in front.
func (g *megaGroup[P]) order() {
	g.lookups = 0
	slices.SortStableFunc(g.tuples, func(a, b *Tuple[P]) int { return int(int64(b.hits) - int64(a.hits)) })
	g.first = len(g.tuples[0].words) <= firstWords && g.tuples[0].hits > orderEvery/4*3
	for _, t := range g.tuples {
		t.hits /= 2
	}
}

// hash is that of the masked words of k.
func (t *Tuple[P]) hash(k *flow.Key) uint64 {
	h := hashSeed
	for i := range t.words {
		w := &t.words[i]
		h = mix(h, k.W[w.word]&w.mask)
	}
	return h
}

// tag is what a slot keeps of a hash; its place comes from the upper bits.
func tag(h uint64) uint32 { return max(uint32(h), 1) }

func (t *Tuple[P]) lookup(k *flow.Key) *P {
	h := t.hash(k)
	tag := tag(h)
	for i := h >> t.shift; ; i++ {
		i &= uint64(len(t.tags) - 1)
		switch t.tags[i] {
		case 0:
			return nil
		case tag:
			if t.equal(int(i), k) {
				return t.vals[i]
			}
		}
	}
}

// equal says whether the entry in a slot matches k.
func (t *Tuple[P]) equal(slot int, k *flow.Key) bool {
	n := len(t.words)
	vals := t.keys[slot*n : slot*n+n]
	for i, v := range vals {
		if w := &t.words[i]; k.W[w.word]&w.mask != v {
			return false
		}
	}
	return true
}

// Insert remembers p for all keys that are equal to k in the bits of m. It returns the
// tuple in which it stands, for [Megaflow.Delete]; nil, if the port has as many masks
// as it may and none that will do: p is not remembered then. evicted is what lost its
// place for it, nil if nothing did.
func (c *Megaflow[P]) Insert(k *flow.Key, m *flow.Mask, p *P) (t *Tuple[P], evicted *P) {
	no := megaPortOf(k)
	for uint64(no) >= uint64(len(c.ports)) {
		c.ports = append(c.ports, nil)
	}
	port := c.ports[no]
	if port == nil {
		port = &megaPort[P]{}
		c.ports[no] = port
	}
	words := wordsOf(m, k.Bits)
	t = port.tuple(k.Bits, words, len(port.tuples) >= c.maxMasks)
	if t == nil {
		if len(port.tuples) >= c.maxMasks {
			return nil, nil
		}
		t = port.add(k.Bits, words)
		c.masks++
	}
	h := t.hash(k)
	if slot := t.find(h, k); slot >= 0 {
		evicted, t.vals[slot] = t.vals[slot], p
		return t, evicted
	}
	t.put(h, k, p)
	port.n++
	c.n++
	if c.largest == nil || port.n > c.largest.n {
		c.largest = port
	}
	if c.n > c.max {
		evicted = c.evict(port, p)
	}
	return t, evicted
}

// wordsOf are the words of a mask that are in use, but the ingress port's, by whose
// number the tuple is found.
func wordsOf(m *flow.Mask, use uint32) (words []tupleWord) {
	for use &^= 1 << flow.WInPort; use != 0; use &= use - 1 {
		i := bits.TrailingZeros32(use) & 31
		if m[i] != 0 {
			words = append(words, tupleWord{m[i], uint8(i)})
		}
	}
	return words
}

// tuple finds the tuple of a mask; if full, one of a mask that has all its bits and the
// fewest others.
func (p *megaPort[P]) tuple(bits uint32, words []tupleWord, full bool) (best *Tuple[P]) {
	g := p.group(bits)
	if g == nil {
		return nil
	}
	for _, t := range g.tuples {
		if slices.Equal(t.words, words) {
			return t
		}
		if full && t.covers(words) && (best == nil || t.width() < best.width()) {
			best = t
		}
	}
	return best
}

// covers says whether the tuple's mask has all bits of words.
func (t *Tuple[P]) covers(words []tupleWord) bool {
	i := 0
	for _, w := range words {
		for i < len(t.words) && t.words[i].word < w.word {
			i++
		}
		if i == len(t.words) || t.words[i].word != w.word || w.mask&^t.words[i].mask != 0 {
			return false
		}
	}
	return true
}

// width is the number of bits in the mask.
func (t *Tuple[P]) width() (n int) {
	for _, w := range t.words {
		n += bits.OnesCount64(w.mask)
	}
	return n
}

// Mask is the mask by which the tuple's entries are found: that with which they were
// inserted, or one with more bits. The ingress port is not in it, nor are words that the
// keys have not in use.
func (t *Tuple[P]) Mask() (m flow.Mask) {
	for _, w := range t.words {
		m[w.word] = w.mask
	}
	return m
}

func (p *megaPort[P]) add(bits uint32, words []tupleWord) *Tuple[P] {
	t := &Tuple[P]{words: words, bits: bits, port: p}
	t.resize(minSlots)
	g := p.group(bits)
	if g == nil {
		p.groups = append(p.groups, megaGroup[P]{bits: bits, first: len(words) <= firstWords})
		g = &p.groups[len(p.groups)-1]
	}
	g.tuples = append(g.tuples, t)
	p.tuples = append(p.tuples, t)
	return t
}

// drop takes an empty tuple out.
func (p *megaPort[P]) drop(t *Tuple[P]) {
	g := p.group(t.bits)
	g.tuples = slices.DeleteFunc(g.tuples, func(o *Tuple[P]) bool { return o == t })
	if len(g.tuples) == 0 {
		p.groups = slices.DeleteFunc(p.groups, func(o megaGroup[P]) bool { return o.bits == t.bits })
	}
	p.tuples = slices.DeleteFunc(p.tuples, func(o *Tuple[P]) bool { return o == t })
	p.hand, p.slot = 0, 0
}

// find is the slot of the entry that matches k; -1: there is none.
func (t *Tuple[P]) find(h uint64, k *flow.Key) int {
	for i := h >> t.shift; ; i++ {
		i &= uint64(len(t.tags) - 1)
		if t.tags[i] == 0 {
			return -1
		}
		if t.tags[i] == tag(h) && t.equal(int(i), k) {
			return int(i)
		}
	}
}

// put adds an entry that is not there.
func (t *Tuple[P]) put(h uint64, k *flow.Key, p *P) {
	if t.n*2 >= len(t.tags) {
		t.resize(2 * len(t.tags))
	}
	slot := t.freeSlot(h)
	t.tags[slot], t.vals[slot] = tag(h), p
	for i, w := range t.words {
		t.keys[slot*len(t.words)+i] = k.W[w.word] & w.mask
	}
	t.n++
}

func (t *Tuple[P]) freeSlot(h uint64) int {
	i := h >> t.shift
	for ; t.tags[i&uint64(len(t.tags)-1)] != 0; i++ {
	}
	return int(i & uint64(len(t.tags)-1))
}

// resize moves the entries to a table of this many slots, a power of two.
func (t *Tuple[P]) resize(slots int) {
	tags, keys, vals := t.tags, t.keys, t.vals
	n := len(t.words)
	t.tags, t.keys, t.vals = make([]uint32, slots), make([]uint64, slots*n), make([]*P, slots)
	t.shift = uint(64 - bits.TrailingZeros(uint(slots)))
	for i, tg := range tags {
		if tg == 0 {
			continue
		}
		slot := t.freeSlot(hashWords(keys[i*n : i*n+n]))
		t.tags[slot], t.vals[slot] = tg, vals[i]
		copy(t.keys[slot*n:], keys[i*n:i*n+n])
	}
}

// hashWords is [Tuple.hash] of words that are masked already.
func hashWords(vals []uint64) uint64 {
	h := hashSeed
	for _, v := range vals {
		h = mix(h, v)
	}
	return h
}

// take empties a slot. What stands behind it moves up, so that no search ends
// before it.
func (t *Tuple[P]) take(slot int) (p *P) {
	p = t.vals[slot]
	n, last := len(t.words), len(t.tags)-1
	for next := slot; ; {
		next = (next + 1) & last
		if t.tags[next] == 0 {
			break
		}
		home := int(hashWords(t.keys[next*n:next*n+n])>>t.shift) & last
		// It may move to slot unless its home lies behind that.
		if (next-home)&last >= (next-slot)&last {
			t.tags[slot], t.vals[slot] = t.tags[next], t.vals[next]
			copy(t.keys[slot*n:slot*n+n], t.keys[next*n:next*n+n])
			slot = next
		}
	}
	t.tags[slot], t.vals[slot] = 0, nil
	t.n--
	if len(t.tags) > minSlots && t.n*8 < len(t.tags) {
		t.resize(len(t.tags) / 2)
	}
	return p
}

// Delete forgets p, which was inserted into t with k, and says whether it was there
// still.
func (c *Megaflow[P]) Delete(k *flow.Key, t *Tuple[P], p *P) bool {
	slot := t.find(t.hash(k), k)
	if slot < 0 || t.vals[slot] != p {
		return false
	}
	c.remove(t, slot)
	c.recount = c.recount || t.port == c.largest
	return true
}

func (c *Megaflow[P]) remove(t *Tuple[P], slot int) (p *P) {
	p = t.take(slot)
	t.port.n--
	c.n--
	if t.n == 0 {
		t.port.drop(t)
		c.masks--
	}
	return p
}

// evict makes room for fresh, which port has inserted.
func (c *Megaflow[P]) evict(port *megaPort[P], fresh *P) *P {
	t, slot, idle := port.clock(c.used, fresh)
	if !idle {
		if c.recount {
			c.recount = false
			for _, p := range c.ports {
				if p != nil && p.n > c.largest.n {
					c.largest = p
				}
			}
		}
		if c.largest != port {
			t, slot, _ = c.largest.clock(c.used, fresh)
		}
		for _, p := range c.ports { // fresh is all that these have
			if t == nil && p != nil {
				t, slot, _ = p.clock(c.used, fresh)
			}
		}
	}
	return c.remove(t, slot)
}

// clock finds an entry other than fresh that was not used since the hand passed it;
// if there is none among those that it looks at, any. nil: the port has no other.
func (p *megaPort[P]) clock(used func(*P) bool, fresh *P) (t *Tuple[P], slot int, idle bool) {
	if p.n == 0 {
		return nil, 0, false
	}
	for looked, passes := 0, 0; looked < clockSteps && passes <= len(p.tuples); {
		if p.hand >= len(p.tuples) {
			p.hand = 0
		}
		at := p.tuples[p.hand]
		if p.slot >= len(at.tags) {
			p.hand, p.slot = p.hand+1, 0
			passes++
			continue
		}
		s := p.slot
		p.slot++
		if at.tags[s] == 0 || at.vals[s] == fresh {
			continue
		}
		t, slot = at, s
		if looked++; !used(at.vals[s]) {
			return t, slot, true
		}
	}
	return t, slot, false
}

// Len is the number of entries.
func (c *Megaflow[P]) Len() int { return c.n }

// Cap is the most entries that there may be.
func (c *Megaflow[P]) Cap() int { return c.max }

// Masks is the number of tuples, of all ports.
func (c *Megaflow[P]) Masks() int { return c.masks }

// MasksOf is the number of tuples of one port.
func (c *Megaflow[P]) MasksOf(port uint32) int {
	if uint64(port) >= uint64(len(c.ports)) || c.ports[port] == nil {
		return 0
	}
	return len(c.ports[port].tuples)
}

// Each calls fn for every value until it returns false. fn must not change the cache.
func (c *Megaflow[P]) Each(fn func(*P) bool) {
	for _, p := range c.ports {
		if p == nil {
			continue
		}
		for _, t := range p.tuples {
			for _, v := range t.vals {
				if v != nil && !fn(v) {
					return
				}
			}
		}
	}
}

// Clear forgets everything.
func (c *Megaflow[P]) Clear() {
	clear(c.ports)
	c.n, c.masks, c.largest, c.recount = 0, 0, nil, false
}
