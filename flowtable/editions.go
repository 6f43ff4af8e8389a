package flowtable

import (
	"cmp"
	"slices"
	"sync/atomic"

	"ofswitch/classifier"
)

// registry is a table of groups or meters: things with a number that are
// replaced as wholes. Each is there in editions, one for each change, and a
// reader at version v finds the edition of v. One writer; any number of
// lock-free readers. The zero registry is empty.
type registry[T any] struct {
	slots  index[slot[T]]
	newest atomic.Uint64 // version of the last change of any of them
}

// slot is what goes by one number.
type slot[T any] struct {
	id     uint32
	last   atomic.Pointer[edition[T]] // the newest; older ones behind it
	flows  map[*Entry]struct{}        // that use it, at the newest version. The writer's
	groups int                        // other groups that send to it, likewise
	guards int                        // other groups that watch it, likewise
	refs   atomic.Int64               // flows and groups that use it
}

// edition is visible at versions from added on, before gone.
type edition[T any] struct {
	slot  *slot[T]
	value *T
	added classifier.Version
	gone  atomic.Uint64
	older atomic.Pointer[edition[T]]
}

// never is the version at which nothing is gone.
const never = ^uint64(0)

func (e *edition[T]) visibleAt(v classifier.Version) bool {
	return e.added <= v && uint64(v) < e.gone.Load()
}

// at is the thing as of version v, nil if there is none such.
func (r *registry[T]) at(id uint32, v classifier.Version) *T {
	s := r.slots.get(id)
	if s == nil {
		return nil
	}
	return s.at(v)
}

func (s *slot[T]) at(v classifier.Version) *T {
	for e := s.last.Load(); e != nil; e = e.older.Load() {
		if e.visibleAt(v) {
			return e.value
		}
	}
	return nil
}

// current is the slot of what is there now, whether published or not; nil if
// nothing is.
func (r *registry[T]) current(id uint32) *slot[T] {
	if s := r.slots.get(id); s != nil && s.now() != nil {
		return s
	}
	return nil
}

// now is the edition that no change has ended yet.
func (s *slot[T]) now() *edition[T] {
	if e := s.last.Load(); e != nil && e.gone.Load() == never {
		return e
	}
	return nil
}

// changed says whether what a reader at version from found by this number is not
// what one at version to finds, or may not be: nobody remembers what was there.
func (r *registry[T]) changed(from, to classifier.Version, id uint32) bool {
	if r.newest.Load() <= uint64(from) {
		return false
	}
	s := r.slots.get(id)
	if s == nil {
		return true
	}
	for e := s.last.Load(); e != nil; e = e.older.Load() {
		if e.visibleAt(from) {
			return !e.visibleAt(to)
		}
	}
	return true
}

// all are the things there are at version v, by number.
func (r *registry[T]) all(v classifier.Version) []*T {
	var found []*edition[T]
	r.slots.each(func(_ uint32, s *slot[T]) bool {
		for e := s.last.Load(); e != nil; e = e.older.Load() {
			if e.visibleAt(v) {
				found = append(found, e)
				break
			}
		}
		return true
	})
	slices.SortFunc(found, func(a, b *edition[T]) int { return cmp.Compare(a.slot.id, b.slot.id) })
	values := make([]*T, len(found))
	for i, e := range found {
		values[i] = e.value
	}
	return values
}

// put makes value what is there from version v on, and ends what was.
func (r *registry[T]) put(id uint32, value *T, v classifier.Version) *edition[T] {
	s := r.slots.get(id)
	if s == nil {
		s = &slot[T]{id: id}
		r.slots.put(id, s)
	}
	r.end(s, v)
	e := &edition[T]{slot: s, value: value, added: v}
	e.gone.Store(never)
	e.older.Store(s.last.Load())
	s.last.Store(e)
	return e
}

// end makes what is there visible no more from version v on.
func (r *registry[T]) end(s *slot[T], v classifier.Version) {
	if e := s.now(); e != nil {
		e.gone.Store(uint64(v))
	}
	r.newest.Store(uint64(v))
}

// unlink takes an edition that has ended out of memory.
func (r *registry[T]) unlink(e *edition[T]) {
	s := e.slot
	if s.last.Load() == e {
		s.last.Store(e.older.Load())
	} else {
		before := s.last.Load()
		for before.older.Load() != e {
			before = before.older.Load()
		}
		before.older.Store(e.older.Load())
	}
	if s.last.Load() == nil {
		r.slots.drop(s.id)
	}
}

// use notes that e uses s, and disuse that it does so no more.
func (s *slot[T]) use(e *Entry) {
	if s.flows == nil {
		s.flows = map[*Entry]struct{}{}
	}
	s.flows[e] = struct{}{}
	s.count()
}

func (s *slot[T]) disuse(e *Entry) {
	delete(s.flows, e)
	if len(s.flows) == 0 {
		s.flows = nil // a map does not shrink
	}
	s.count()
}

// count publishes the number of users.
func (s *slot[T]) count() { s.refs.Store(int64(len(s.flows) + s.groups)) }
