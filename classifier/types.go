package classifier

import (
	"math/bits"
	"sync/atomic"

	"ofswitch/flow"
)

// typeTables says which tables have rules of which Ethernet type: the first thing in which frames of different
// protocols differ. It has one writer and any number of lock-free readers. Types of the same tables share a set of tables,
// so that even thousands of types take a few cache lines only.
type typeTables struct {
	typed sharedSet                      // tables of which all rules ask for a type
	pages [256]atomic.Pointer[typesPage] // by the upper byte of the type; nil: no rule has such
	sets  *typeSets                      // of all pages; the writer's
}

// typeSets are sets of tables by number.
type typeSets struct {
	set   [typesAny]sharedSet // number 0 is empty
	reuse atomic.Uint64       // counts sets that became others

	// The writer's:
	uses [typesAny]uint32   // types that have the set
	by   map[tableSet]uint8 // numbers of the sets that types have
}

// typesPage is for each lower byte the number of the set of tables that have rules of this type, eight to a word.
type typesPage struct {
	number [32]atomic.Uint64
	sets   *typeSets
	used   int // the writer's: types of tables
}

// typesAny stands for the set of a type for which there was no number: any table may have rules of it.
const typesAny = 255

func (p *typesPage) get(low uint16) uint8 { return uint8(p.number[low>>3&31].Load() >> (low & 7 * 8)) }

func (p *typesPage) set(low uint16, n uint8) {
	word, at := &p.number[low>>3&31], low&7*8
	word.Store(word.Load()&^(0xff<<at) | uint64(n)<<at)
}

// typeMask is the Ethernet type, in its word.
var typeMask = func() uint64 {
	var m flow.Mask
	flow.EthType.Field().OrMask(&m)
	return m[flow.WEthDst]
}()

var typeShift = bits.TrailingZeros64(typeMask)

// typeOf is the Ethernet type in a word.
func typeOf(w uint64) uint16 { return uint16(w & typeMask >> typeShift) }

// typed says whether all bits of the Ethernet type are in s.
func (s *shape) typed() bool {
	for i := range s.ends[stageL2] {
		if s.idx[i] == flow.WEthDst {
			return s.mask[i]&typeMask == typeMask
		}
	}
	return false
}

// put says whether a table has rules of a type.
func (t *typeTables) put(table int32, kind uint16, in bool) {
	p := t.pages[kind>>8].Load()
	if p == nil {
		if t.sets == nil {
			t.sets = &typeSets{by: make(map[tableSet]uint8)}
		}
		p = &typesPage{sets: t.sets}
		t.pages[kind>>8].Store(p)
	}
	if old := p.get(kind & 0xff); old != typesAny {
		set := t.sets.set[old].load()
		set[table>>6] ^= 1 << (table & 63)
		p.set(kind&0xff, t.sets.number(set))
		t.sets.release(old)
	}
	if in {
		p.used++
	} else if p.used--; p.used == 0 {
		t.pages[kind>>8].Store(nil)
	}
}

// number is that of a set, for one more type.
func (t *typeSets) number(set tableSet) uint8 {
	if set == (tableSet{}) {
		return 0
	}
	n, known := t.by[set]
	for i := 1; !known && i < typesAny; i++ {
		if t.uses[i] == 0 {
			t.reuse.Add(1) // before the set changes
			t.set[i].store(set)
			n, known = uint8(i), true
			t.by[set] = n
		}
	}
	if !known {
		return typesAny
	}
	t.uses[n]++
	return n
}

// release takes back one number. Its set stays until the number is given again.
func (t *typeSets) release(n uint8) {
	if n == 0 {
		return
	}
	if t.uses[n]--; t.uses[n] == 0 {
		delete(t.by, t.set[n].load())
	}
}

// lack are the tables of which all rules ask for a type, and none for this one.
func (t *typeTables) lack(kind uint16) tableSet {
	dead := t.typed.load()
	if dead[0]|dead[1] == 0 {
		return dead
	}
	if p := t.pages[kind>>8].Load(); p != nil {
		before := p.sets.reuse.Load()
		switch n := p.get(kind & 0xff); n {
		case 0:
		case typesAny:
			return tableSet{}
		default:
			has := p.sets.set[n].load()
			if p.sets.reuse.Load() != before {
				return tableSet{}
			}
			dead[0] &^= has[0]
			dead[1] &^= has[1]
		}
	}
	return dead
}

// kinds counts the rules of a table by Ethernet type; the writer's. Most tables have rules of one.
type kinds struct {
	kind uint16
	n    uint32            // those of kind
	rest map[uint16]uint32 // of all others
}

// note counts one more, and says whether it is the first of its type.
func (k *kinds) note(kind uint16) (first bool) {
	switch {
	case k.n > 0 && k.kind == kind:
		k.n++
		return false
	case k.n == 0 && k.rest[kind] == 0:
		k.kind, k.n = kind, 1
		return true
	case k.rest == nil:
		k.rest = make(map[uint16]uint32)
	}
	n := k.rest[kind] + 1
	k.rest[kind] = n
	return n == 1
}

// forget takes back one note, and says whether it was the last of its type.
func (k *kinds) forget(kind uint16) (last bool) {
	if k.n > 0 && k.kind == kind {
		k.n--
		return k.n == 0
	}
	n := k.rest[kind] - 1
	if n == 0 {
		delete(k.rest, kind)
		return true
	}
	k.rest[kind] = n
	return false
}

// noteType counts r, a rule of t.
func (c *Classifier[T]) noteType(t *table[T], r *Rule[T]) {
	if !t.typed {
		return
	}
	if kind := typeOf(r.word(flow.WEthDst)); t.kinds.note(kind) {
		c.types.put(t.id, kind, true)
	}
}

// forgetType takes it back.
func (c *Classifier[T]) forgetType(t *table[T], r *Rule[T]) {
	if !t.typed {
		return
	}
	if kind := typeOf(r.word(flow.WEthDst)); t.kinds.forget(kind) {
		c.types.put(t.id, kind, false)
	}
}
