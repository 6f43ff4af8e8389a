package classifier

import (
	"math/bits"
	"sync/atomic"

	"ofswitch/flow"
)

// typeTables says which tables have rules of which Ethernet type: the first thing in which frames of different
// protocols differ. It has one writer and any number of lock-free readers.
type typeTables struct {
	typed sharedSet                      // tables of which all rules ask for a type
	pages [256]atomic.Pointer[typesPage] // by the upper byte of the type; nil: no rule has such
}

// typesPage is for each lower byte the set of tables that have rules of this type, as far as their numbers are below
// 64; of the others one set for the page is enough.
type typesPage struct {
	first [256]atomic.Uint64
	rest  atomic.Uint64
	used  int // the writer's: types of tables
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

// put says whether a table has rules of a type; that it still has others of the page's, if this one goes.
func (t *typeTables) put(table int32, kind uint16, in, others bool) {
	p := t.pages[kind>>8].Load()
	if p == nil {
		p = new(typesPage)
		t.pages[kind>>8].Store(p)
	}
	set, bit := &p.rest, uint64(1)<<(table&63)
	if table < 64 {
		set = &p.first[kind&0xff]
	}
	switch {
	case in:
		set.Or(bit)
		p.used++
		return
	case table < 64 || !others:
		set.And(^bit)
	}
	if p.used--; p.used == 0 {
		t.pages[kind>>8].Store(nil)
	}
}

// lack are the tables of which all rules ask for a type, and none for this one.
func (t *typeTables) lack(kind uint16) tableSet {
	dead := t.typed.load()
	if dead[0]|dead[1] == 0 {
		return dead
	}
	if p := t.pages[kind>>8].Load(); p != nil {
		dead[0] &^= p.first[kind&0xff].Load()
		if dead[1] != 0 {
			dead[1] &^= p.rest.Load()
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

// inPage says whether there are rules of a type with this upper byte.
func (k *kinds) inPage(upper uint16) bool {
	if k.n > 0 && k.kind>>8 == upper {
		return true
	}
	for kind := range k.rest {
		if kind>>8 == upper {
			return true
		}
	}
	return false
}

// noteType counts r, a rule of t.
func (c *Classifier[T]) noteType(t *table[T], r *Rule[T]) {
	if !t.typed {
		return
	}
	if kind := typeOf(r.word(flow.WEthDst)); t.kinds.note(kind) {
		c.types.put(t.id, kind, true, true)
	}
}

// forgetType takes it back.
func (c *Classifier[T]) forgetType(t *table[T], r *Rule[T]) {
	if !t.typed {
		return
	}
	if kind := typeOf(r.word(flow.WEthDst)); t.kinds.forget(kind) {
		c.types.put(t.id, kind, false, t.id >= 64 && t.kinds.inPage(kind>>8))
	}
}
