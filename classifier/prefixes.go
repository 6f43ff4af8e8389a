package classifier

import (
	"math/bits"
	"sync/atomic"
)

// prefixNode is a node of a prefix tree: the first length bits of a key, and what
// lies below by the next bit. All that readers see is atomic, as nodes are used again.
type prefixNode struct {
	key  atomic.Uint64    // the first 64 bits
	kids [2]atomic.Uint32 // numbers of nodes; 0: none
	info atomic.Uint32    // length, and isPrefix
	n    uint32           // times this prefix was added; writer's
}

// isPrefix in a node's info says that it is a prefix that was added, not only the
// place where others part.
const isPrefix = 1 << 8

// treeNodes is the number of nodes that a tree grows to, of prefixes of more than 16 bits: 3 MB. Beyond,
// what a tree can tell is not worth what it costs for each rule: up to 50 bytes, and cache
// misses.
const treeNodes = 1 << 17

// pageNodes is the number of nodes in a page.
const pageNodes = 64

// prefixPage holds nodes, and the other 64 bits of their keys where keys have as many.
type prefixPage struct {
	nodes [pageNodes]prefixNode
	low   []atomic.Uint64
}

// prefixTree is a multiset of prefixes of keys of up to 128 bits, with one writer and any number
// of lock-free readers (doc.go). The first two bytes of a key are looked up in pages of 256
// ([frontPage]); for each value of both that longer prefixes begin with there is a
// path-compressed binary trie (PATRICIA). Its nodes are numbered, not pointed to: 24 bytes each (32
// where keys are longer than 64 bits), two at most for each distinct prefix, and nothing for the
// garbage collector to follow.
type prefixTree struct {
	top   atomic.Pointer[frontTop] // nil: no prefix was ever added
	pages atomic.Pointer[[]*prefixPage]
	reuse atomic.Uint64          // counts nodes that became others
	rest  atomic.Pointer[runSet] // lengths of prefixes that were turned away: any key may have them
	wide  bool                   // keys of more than 64 bits
	most  int                    // nodes, as far as prefixes are turned away instead

	// The writer's:
	made uint32   // nodes ever made; they are numbered from 1
	free []uint32 // those not in use
	idle int      // first byte of the one page of the second byte that may be empty; -1: none is
}

// frontBits is how many bits of a key are looked up in pages.
const frontBits = 16

// longKey is a key, its first bit the highest of hi.
type longKey struct{ hi, lo uint64 }

func (k longKey) bit(i int) int {
	if i < 64 {
		return int(k.hi >> (63 - i) & 1)
	}
	return int(k.lo >> (127 - i) & 1)
}

// common is the number of leading bits that k and o share.
func (k longKey) common(o longKey) int {
	if x := k.hi ^ o.hi; x != 0 {
		return bits.LeadingZeros64(x)
	}
	return 64 + bits.LeadingZeros64(k.lo^o.lo)
}

// cut is k with all bits after the first n cleared.
func (k longKey) cut(n int) longKey {
	if n <= 64 {
		return longKey{k.hi & ^(^uint64(0) >> n), 0}
	}
	return longKey{k.hi, k.lo & ^(^uint64(0) >> (n - 64))}
}

// lengths is a set of prefix lengths from 1 to 128.
type lengths [2]uint64

func (l *lengths) add(n int) { l[(n-1)>>6] |= 1 << ((n - 1) & 63) }

// nodeIn is node i of pages that were there when its number was read, or later.
func nodeIn(pages []*prefixPage, i uint32) *prefixNode {
	return &pages[(i-1)/pageNodes].nodes[(i-1)%pageNodes]
}

func (t *prefixTree) node(i uint32) *prefixNode { return nodeIn(*t.pages.Load(), i) }

// lowOf is where the other 64 bits of the key of node i stand.
func (t *prefixTree) lowOf(i uint32) *atomic.Uint64 {
	return &(*t.pages.Load())[(i-1)/pageNodes].low[(i-1)%pageNodes]
}

func (t *prefixTree) keyOf(i uint32, n *prefixNode) longKey {
	k := longKey{n.key.Load(), 0}
	if t.wide {
		k.lo = t.lowOf(i).Load()
	}
	return k
}

// walk finds the lengths of all prefixes of k in the tree, and how many leading bits
// of k say so: all keys that share them have these prefixes and no others. Lengths that were
// turned away count as found.
// sure is false if the writer changed the tree in a way that leaves no answer.
func (t *prefixTree) walk(k longKey) (found lengths, used int, sure bool) {
	sure = true
	if top := t.top.Load(); top != nil {
		before := t.reuse.Load()
		x := top.slots[k.hi>>56].Load()
		found[0], used = uint64(x&slotLens), slotUsedBits(x)
		if x&slotBelow != 0 {
			// A page that was dropped meanwhile had nothing left that a reader may see.
			if p := top.below[k.hi>>56].Load(); p != nil {
				second := k.hi >> 48 & 0xff
				x = p.slots[second].Load()
				found[0] |= uint64(x&slotLens) << 8
				used = 8 + slotUsedBits(x)
				switch {
				case x&slotBelow == 0:
				case x&slotOnly != 0:
					c, n := onlyCommon(x, uint16(k.hi>>32)), onlyLength(x)
					if c >= n {
						c = n - 1
						found.add(frontBits + n)
					}
					used = frontBits + c + 1
				default:
					if i := p.child[second].Load(); i != 0 {
						used, sure = t.walkBelow(i, k, &found)
						sure = sure && t.reuse.Load() == before
					}
				}
			}
		}
	}
	if rest := t.rest.Load(); rest != nil {
		rest.addTo(&found)
	}
	return found, used, sure
}

// walkBelow is walk from node i on.
func (t *prefixTree) walkBelow(i uint32, k longKey, found *lengths) (used int, sure bool) {
	pages := t.pages.Load()
	if pages == nil {
		return 0, false
	}
	last := frontBits - 1 // where others part there may be a node of 16 bits
	for i != 0 {
		if int(i-1)/pageNodes >= len(*pages) {
			return 0, false // it was made later
		}
		n := nodeIn(*pages, i)
		info := n.info.Load()
		length := int(info & 0xff)
		if length <= last {
			return 0, false // it became another while we went there
		}
		last = length
		// The common bits, most often all.
		c := bits.LeadingZeros64(k.hi ^ n.key.Load())
		if c == 64 && t.wide {
			c += bits.LeadingZeros64(k.lo ^ (*pages)[(i-1)/pageNodes].low[(i-1)%pageNodes].Load())
		}
		if c < length {
			return c + 1, true
		}
		used = length
		if info&isPrefix != 0 {
			found.add(length)
		}
		var next [2]uint32
		next[0], next[1] = n.kids[0].Load(), n.kids[1].Load()
		if next[0]|next[1] == 0 {
			break
		}
		used = length + 1
		i = next[k.bit(length)&1]
	}
	return used, true
}

// offer adds the first length bits of k, and says whether they were turned away, because
// the tree is full.
func (t *prefixTree) offer(k longKey, length int) (away bool) {
	if length <= frontBits || t.nodes() < t.most {
		t.add(k, length)
		return false
	}
	rest := t.rest.Load()
	if rest == nil {
		rest = new(runSet)
		t.rest.Store(rest)
	}
	rest.add(length, 1)
	return true
}

// takeBack takes back one offer.
func (t *prefixTree) takeBack(k longKey, length int, away bool) {
	if away {
		t.rest.Load().remove(length)
	} else {
		t.remove(k, length)
	}
}

// alloc makes a node of the first length bits of k.
func (t *prefixTree) alloc(k longKey, length int) (uint32, *prefixNode) {
	var i uint32
	if last := len(t.free) - 1; last >= 0 {
		i, t.free = t.free[last], t.free[:last]
		t.reuse.Add(1) // before anything of it changes
	} else {
		i = t.made + 1
		t.made++
		t.reserve(i)
	}
	n := t.node(i)
	k = k.cut(length)
	n.key.Store(k.hi)
	if t.wide {
		t.lowOf(i).Store(k.lo)
	}
	n.kids[0].Store(0)
	n.kids[1].Store(0)
	n.info.Store(uint32(length))
	n.n = 0
	return i, n
}

// reserve makes sure that node i has memory.
func (t *prefixTree) reserve(i uint32) {
	var pages []*prefixPage
	if p := t.pages.Load(); p != nil {
		pages = *p
	}
	if int(i) <= len(pages)*pageNodes {
		return
	}
	p := new(prefixPage)
	if t.wide {
		p.low = make([]atomic.Uint64, pageNodes)
	}
	// append writes beyond what readers of the old header can see, or copies.
	pages = append(pages, p)
	t.pages.Store(&pages)
}

// add adds the first length bits of k, at least one.
func (t *prefixTree) add(k longKey, length int) {
	top := t.top.Load()
	if top == nil {
		top = new(frontTop)
		t.top.Store(top)
		t.idle = -1
	}
	first, second := k.hi>>56, k.hi>>48&0xff
	if length <= 8 {
		top.add(heapNode(first, length))
		return
	}
	p := top.below[first].Load()
	if p == nil {
		p = new(frontPage)
		top.below[first].Store(p)
	} else if int(first) == t.idle {
		t.idle = -1
	}
	if length <= frontBits {
		p.add(heapNode(second, length-8))
	} else {
		var root atomic.Uint32
		root.Store(p.child[second].Load())
		t.insert(&root, k, length)
		p.setChild(second, root.Load(), t.tell(root.Load()))
	}
	if top.child[first].Load() == 0 {
		top.setChild(first, 1, slotBelow)
	}
}

// remove takes back one add.
func (t *prefixTree) remove(k longKey, length int) {
	top := t.top.Load()
	first, second := k.hi>>56, k.hi>>48&0xff
	if length <= 8 {
		top.remove(heapNode(first, length))
		return
	}
	p := top.below[first].Load()
	if length <= frontBits {
		p.remove(heapNode(second, length-8))
	} else {
		var root atomic.Uint32
		root.Store(p.child[second].Load())
		t.delete(&root, k, length)
		p.setChild(second, root.Load(), t.tell(root.Load()))
		t.giveBack()
	}
	if p.empty() {
		top.setChild(first, 0, 0)
		// One empty page is kept, for a prefix that comes and goes.
		if t.idle >= 0 {
			top.below[t.idle].Store(nil)
		}
		t.idle = int(first)
	}
}

// tell is what a slot tells of the trie below node i, 0 for none.
func (t *prefixTree) tell(i uint32) uint32 {
	if i == 0 {
		return 0
	}
	n := t.node(i)
	length := n.info.Load() & 0xff
	if n.n == 0 || length > 2*frontBits || length <= frontBits || n.kids[0].Load()|n.kids[1].Load() != 0 {
		return slotBelow
	}
	return slotBelow | slotOnly | uint32(n.key.Load()>>32&0xffff)<<slotOnlyKey | (length-frontBits-1)<<slotOnlyLen
}

// giveBack lets go of the memory of nodes when none is in use.
func (t *prefixTree) giveBack() {
	if t.nodes() > 0 || t.made <= pageNodes {
		return
	}
	t.reuse.Add(1)
	t.pages.Store(nil)
	t.made, t.free = 0, nil
}

// insert adds a prefix to the trie below root.
func (t *prefixTree) insert(root *atomic.Uint32, k longKey, length int) {
	for link := root; ; {
		i := link.Load()
		if i == 0 {
			i, n := t.alloc(k, length)
			n.n = 1
			n.info.Store(uint32(length) | isPrefix)
			link.Store(i)
			return
		}
		n := t.node(i)
		old := t.keyOf(i, n)
		have := int(n.info.Load() & 0xff)
		c := min(k.common(old), length, have)
		switch {
		case c == have && c == length:
			if n.n++; n.n == 1 {
				n.info.Store(uint32(length) | isPrefix)
			}
			return
		case c == have:
			link = &n.kids[k.bit(have)]
			continue
		}
		// i goes below a new node, which is the prefix, or where it and i part.
		j, m := t.alloc(k, c)
		m.kids[old.bit(c)].Store(i)
		if c == length {
			m.n = 1
			m.info.Store(uint32(c) | isPrefix)
		} else {
			leaf, l := t.alloc(k, length)
			l.n = 1
			l.info.Store(uint32(length) | isPrefix)
			m.kids[k.bit(c)].Store(leaf)
		}
		link.Store(j)
		return
	}
}

// delete takes back one insert.
func (t *prefixTree) delete(root *atomic.Uint32, k longKey, length int) {
	var above *atomic.Uint32 // the link to the node's parent
	link := root
	var parent uint32
	for {
		i := link.Load()
		if i == 0 {
			panic("classifier: removing a prefix that is not there")
		}
		n := t.node(i)
		have := int(n.info.Load() & 0xff)
		if have < length {
			above, parent = link, i
			link = &n.kids[k.bit(have)]
			continue
		}
		if n.n--; n.n > 0 {
			return
		}
		n.info.Store(uint32(have))
		a, b := n.kids[0].Load(), n.kids[1].Load()
		switch {
		case a != 0 && b != 0: // others part here
		case a|b != 0:
			link.Store(a | b)
			t.free = append(t.free, i)
		default:
			link.Store(0)
			t.free = append(t.free, i)
			if above == nil {
				break
			}
			p := t.node(parent)
			if only := p.kids[0].Load() | p.kids[1].Load(); p.n == 0 {
				above.Store(only)
				t.free = append(t.free, parent)
			}
		}
		return
	}
}

// nodes is the number of nodes in use.
func (t *prefixTree) nodes() int { return int(t.made) - len(t.free) }
