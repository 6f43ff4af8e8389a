package ofswitch

import (
	"ofswitch/flow"
)

// A worker has two caches, without locks: the microflow cache of exact keys (cache), and
// behind it the megaflow cache (mega), whose entries are for all keys that are equal in
// the bits that translation looked at. Both lead to the same programs. A program
// stands in the megaflow cache, with any number of microflow entries that lead to it; or, where its
// port has as many masks as it may, in the microflow cache alone, with one.
//
// A program that leaves has the stamp 0, which no worker has, so that what is left of it in the
// microflow cache is no hit; those entries are swept out by and by.

// find gives the fresh program of a key from the caches. p is what the microflow cache has
// for it, or nil. Without a fresh one it gives nil, and the one that a change may
// concern, if there is such, for program to look at.
func (w *worker) find(k *flow.Key, hash uint32, p *program) (fresh, stale *program) {
	if p != nil && p.cached.Load() {
		if w.freshen(p) {
			return p, nil
		}
		return nil, p
	}
	p, probes := w.mega.Lookup(k)
	if p == nil {
		return nil, nil
	}
	if !w.freshen(p) {
		return nil, p
	}
	w.counts.megaHit(1, probes)
	w.remember(k, hash, p)
	return p, nil
}

// freshen says whether p is fresh, and stamps it if no change since it was stamped
// concerns it.
func (w *worker) freshen(p *program) bool {
	if p.stamp != w.stamp {
		if !p.fresh(w.version, w.macGen) && (w.plant == nil || !w.plant.staleIsFresh) {
			return false
		}
		p.stamp = w.stamp
	}
	return true
}

// lookup is find from the start. The control executor has no caches.
func (w *worker) lookup(k *flow.Key, hash uint32) (fresh, stale *program) {
	if w.cache == nil {
		return nil, nil
	}
	return w.find(k, hash, w.cache.Lookup(k, hash))
}

// lookAgain is lookup for a frame that was looked up before and may have become stale since.
// What that has counted (seen) is taken back: a frame counts once.
func (w *worker) lookAgain(k *flow.Key, seen megaLook) (fresh, stale *program, now megaLook) {
	w.counts.takeBack(seen)
	was := w.counts.looks()
	fresh, stale = w.lookup(k, k.Hash())
	now = w.counts.looks()
	return fresh, stale, megaLook{now.MegaflowHits - was.MegaflowHits, now.Probes - was.Probes}
}

// program translates k, for which find has found nothing but stale. With fz,
// translation goes on from there.
func (w *worker) program(k *flow.Key, hash uint32, stale *program, in *port, fz *frozen) *program {
	began := w.d.clock()
	p := w.tr.translate(k, in, fz)
	w.counts.missed(w.d.clock() - began)
	if w.cache == nil {
		w.programs.push(p)
		return p
	}
	p.hash = hash
	p.stamp = w.stamp
	// Translation may have learnt a MAC address, which makes other programs
	// stale at once, and someone else may have changed a MAC table that p
	// was made from.
	if gen := w.d.macGen.Load(); gen != w.macGen {
		w.macGen = gen
		w.stamp++
		p.stamp = 0
		if p.fresh(w.version, gen) {
			p.stamp = w.stamp
		}
	}
	w.hulls.add(p)
	if stale != nil {
		if stale.adopt(p) {
			return stale
		}
		w.leave(stale)
	}
	p.cached.Store(true)
	w.keep(k, p)
	w.programs.push(p)
	return p
}

// keep puts a new program into the caches.
func (w *worker) keep(k *flow.Key, p *program) {
	p.clock = 1 // the frame that it was made for is no use of the entry
	t, evicted := w.mega.Insert(k, &p.mask, p)
	if evicted != nil {
		w.uncached(evicted)
	}
	p.tuple = t
	if t != nil {
		m := t.Mask()
		p.mask.Or(&m) // it may be found by more bits than it hangs on
		w.remember(k, p.hash, p)
		return
	}
	p.mask = everything
	w.displaced(w.cache.Insert(k, p.hash, p))
}

// remember has the microflow cache lead from a key to p, which the megaflow cache has. If that
// would drive another key out, only a key that comes a second time within a while
// does: a million flows in turns would only drive out each other.
func (w *worker) remember(k *flow.Key, hash uint32, p *program) {
	if !w.cache.HasRoom(hash) {
		if s := &w.once[hash%onceSize]; *s != hash {
			*s = hash
			return
		}
	}
	w.displaced(w.cache.Insert(k, hash, p))
}

// displaced takes note that a microflow entry that led to p (nil: none) is no more.
func (w *worker) displaced(p *program) {
	if p != nil && p.tuple == nil && p.cached.Load() {
		w.uncached(p)
	}
}

// used says whether p was used since the megaflow cache last asked.
func (p *program) used() bool {
	n, _, _ := p.cell.load()
	used := n > p.clock
	p.clock = n
	return used
}

// leave takes p out of the caches, if it still is in them.
func (w *worker) leave(p *program) {
	if !p.cached.Load() {
		return
	}
	if p.tuple != nil {
		w.mega.Delete(&p.key, p.tuple, p)
	} else if w.cache.Lookup(&p.key, p.hash) == p {
		w.cache.Delete(&p.key, p.hash)
	}
	w.uncached(p)
}

// uncached notes that p has left the caches, but for microflow entries that are no hits any
// more, and wakes the collector when it has many such to bury.
func (w *worker) uncached(p *program) {
	p.cached.Store(false)
	p.stamp = 0
	if p.tuple != nil {
		p.tuple = nil
		w.sweeper.due = true
		w.sweeper.untidy.Store(true)
	}
	if w.unburied++; w.unburied < buryAfter {
		return
	}
	w.unburied = 0
	select {
	case w.d.buryWake <- struct{}{}:
	default:
	}
}

// forget takes programs out of the worker's caches, if they still are in them.
func (w *worker) forget(list []*program) {
	for _, p := range list {
		w.leave(p)
	}
}

// forgetAll empties the worker's caches.
func (w *worker) forgetAll() {
	gone := func(p *program) bool {
		if p.cached.Load() {
			w.uncached(p)
		}
		return true
	}
	w.mega.Each(gone)
	w.cache.Each(func(_ *flow.Key, p *program) bool { return gone(p) })
	w.mega.Clear()
	w.cache.Clear()
	w.sweeper.reset()
	w.hulls.reset()
}
