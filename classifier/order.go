package classifier

import "slices"

// chunkMax is the number of tables in a chunk of the order: 1 KiB to copy for
// a change, and lookups seldom leave the first chunk.
const chunkMax = 64

// ref is a table, the highest priority of its rules, and of the table what a lookup asks for first.
type ref[T any] struct {
	max   int32
	id    int32
	table *table[T]
	mask  uint64
	word  uint8
}

// order lists the tables in falling order of max. Immutable: changes make a
// new one that shares all chunks but those touched.
type order[T any] struct {
	chunks [][]ref[T] // none empty
}

// with is o with e in its place: after those of equal max.
func (o *order[T]) with(e ref[T]) *order[T] {
	if len(o.chunks) == 0 {
		return &order[T]{[][]ref[T]{{e}}}
	}
	// The last chunk that begins at or above e.
	c := 0
	lo, hi := 0, len(o.chunks)
	for lo < hi {
		mid := (lo + hi) / 2
		if o.chunks[mid][0].max >= e.max {
			c, lo = mid, mid+1
		} else {
			hi = mid
		}
	}
	old := o.chunks[c]
	at, _ := slices.BinarySearchFunc(old, e.max, func(x ref[T], max int32) int {
		if x.max >= max {
			return -1
		}
		return 1
	})
	fresh := make([]ref[T], 0, len(old)+1)
	fresh = append(append(append(fresh, old[:at]...), e), old[at:]...)
	if len(fresh) <= chunkMax {
		chunks := slices.Clone(o.chunks)
		chunks[c] = fresh
		return &order[T]{chunks}
	}
	half := len(fresh) / 2
	chunks := make([][]ref[T], 0, len(o.chunks)+1)
	chunks = append(chunks, o.chunks[:c]...)
	chunks = append(chunks, slices.Clone(fresh[:half]), slices.Clone(fresh[half:]))
	return &order[T]{append(chunks, o.chunks[c+1:]...)}
}

// without is o without t, which stands in it with max.
func (o *order[T]) without(t *table[T], max int32) *order[T] {
	// The first chunk that ends at or below max.
	lo, hi := 0, len(o.chunks)
	for lo < hi {
		mid := (lo + hi) / 2
		if c := o.chunks[mid]; c[len(c)-1].max > max {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for c := lo; c < len(o.chunks); c++ {
		at := slices.IndexFunc(o.chunks[c], func(e ref[T]) bool { return e.table == t })
		if at < 0 {
			continue
		}
		fresh := make([]ref[T], 0, len(o.chunks[c]))
		fresh = append(append(fresh, o.chunks[c][:at]...), o.chunks[c][at+1:]...)
		chunks := make([][]ref[T], 0, len(o.chunks))
		chunks = append(chunks, o.chunks[:c]...)
		switch {
		case len(fresh) == 0:
		case c > 0 && len(fresh)+len(chunks[c-1]) <= chunkMax/2:
			// Join small neighbours, or many deletes would leave a chunk for each table.
			chunks[c-1] = slices.Concat(chunks[c-1], fresh)
		default:
			chunks = append(chunks, fresh)
		}
		return &order[T]{append(chunks, o.chunks[c+1:]...)}
	}
	panic("classifier: table is not in the order")
}
