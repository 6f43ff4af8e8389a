package flowtable

import "sync/atomic"

// index finds things by a 32-bit number. One writer; any number of lock-free
// readers. The zero index is empty.
//
// It is a hash table of chains whose cells never change: to take one out is to
// copy those before it. It doubles when it is full, into a new table that
// is published at once; readers of the old one miss what came later, which they
// are too early to see anyhow.
type index[T any] struct {
	table atomic.Pointer[[]atomic.Pointer[cell[T]]]
	n     int // the writer's
}

type cell[T any] struct {
	id    uint32
	value *T
	next  *cell[T]
}

// minIndex is the number of chains of the smallest table, a power of two.
const minIndex = 16

func place(id uint32, chains int) int {
	return int(uint64(id*0x9e3779b1) * uint64(chains) >> 32)
}

// get is the thing with this number, nil if there is none.
func (x *index[T]) get(id uint32) *T {
	t := x.table.Load()
	if t == nil {
		return nil
	}
	for c := (*t)[place(id, len(*t))].Load(); c != nil; c = c.next {
		if c.id == id {
			return c.value
		}
	}
	return nil
}

// each calls fn for everything, in no order, until it returns false.
func (x *index[T]) each(fn func(id uint32, value *T) bool) {
	t := x.table.Load()
	if t == nil {
		return
	}
	for i := range *t {
		for c := (*t)[i].Load(); c != nil; c = c.next {
			if !fn(c.id, c.value) {
				return
			}
		}
	}
}

// put adds a thing whose number is not in use.
func (x *index[T]) put(id uint32, value *T) {
	t := x.table.Load()
	if t == nil || x.n >= len(*t) {
		t = x.resize(max(minIndex, 2*x.n))
	}
	push(*t, id, value)
	x.n++
}

func push[T any](t []atomic.Pointer[cell[T]], id uint32, value *T) {
	head := &t[place(id, len(t))]
	head.Store(&cell[T]{id, value, head.Load()})
}

// drop takes the thing with this number out.
func (x *index[T]) drop(id uint32) {
	t := x.table.Load()
	head := &(*t)[place(id, len(*t))]
	head.Store(without(head.Load(), id))
	x.n--
	if len(*t) > minIndex && x.n < len(*t)/8 {
		x.resize(max(minIndex, len(*t)/4)) // memory back after a mass deletion
	}
}

func without[T any](c *cell[T], id uint32) *cell[T] {
	if c.id == id {
		return c.next
	}
	return &cell[T]{c.id, c.value, without(c.next, id)}
}

func (x *index[T]) resize(chains int) *[]atomic.Pointer[cell[T]] {
	fresh := make([]atomic.Pointer[cell[T]], chains)
	x.each(func(id uint32, value *T) bool {
		push(fresh, id, value)
		return true
	})
	x.table.Store(&fresh)
	return &fresh
}
