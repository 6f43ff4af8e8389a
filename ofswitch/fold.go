package ofswitch

import "sync/atomic"

// programList holds every program that a worker ever made and the collector
// has not buried yet. The worker pushes without a lock; whoever holds
// Datapath.foldMu walks it, and takes out elements other than the first.
type programList struct{ head atomic.Pointer[program] }

func (l *programList) push(p *program) {
	p.next = l.head.Load()
	l.head.Store(p)
}

// take empties the list of the control executor, whose pusher is the caller.
func (l *programList) take() *program {
	p := l.head.Load()
	l.head.Store(nil)
	return p
}

// foldInto is fold for a program of w, whose packets it counts.
func (p *program) foldInto(w *worker) {
	before := p.foldedCount
	p.fold()
	w.folded += p.foldedCount - before
}

// fold moves what is new in the program's cell to what it credits. The caller
// holds foldMu.
func (p *program) fold() {
	packets, bytes, used := p.cell.load()
	n, b := packets-p.foldedCount, bytes-p.foldedBytes
	if n == 0 {
		return
	}
	p.foldedCount, p.foldedBytes, p.foldedUsed = packets, bytes, used
	for i := range p.credits {
		p.credits[i].add(n, b, used)
	}
}

// refresh carries out the program's effects, if it was used since the last
// time. The caller holds foldMu and has folded.
func (p *program) refresh() {
	if p.foldedUsed == p.refreshed {
		return
	}
	p.refreshed = p.foldedUsed
	for _, e := range p.effects {
		e.Refresh(p.foldedUsed)
	}
}

// fold brings all counters up to date with the cells. Exact after Sync.
func (d *Datapath) fold() {
	d.foldMu.Lock()
	defer d.foldMu.Unlock()
	for _, w := range d.everyWorker() {
		for p := w.programs.head.Load(); p != nil; p = p.next {
			p.foldInto(w)
		}
	}
	d.kernel.fold()
}

// foldExact is Sync and fold: what anybody counts who asks for statistics.
func (d *Datapath) foldExact() {
	d.Sync()
	d.fold()
}

// still calls fn, which is short, while no table changes and nothing is folded. Who changes
// tables does not wait for a fold that is under way.
func (d *Datapath) still(fn func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for !d.foldMu.TryLock() {
		d.mu.Unlock()
		d.awaitFold()
		d.mu.Lock()
	}
	defer d.foldMu.Unlock()
	fn()
}

// awaitFold returns when the fold that is under way has ended.
func (d *Datapath) awaitFold() {
	d.foldMu.Lock()
	defer d.foldMu.Unlock()
}

// tend folds, carries out effects, buries programs that left their cache
// and sends those to be forgotten that were not used for long. The caller has
// called Sync.
func (d *Datapath) tend(now int64) {
	d.foldMu.Lock()
	defer d.foldMu.Unlock()
	d.kernel.fold()
	for _, w := range d.everyWorker() {
		var idle []*program
		var prev *program
		for p := w.programs.head.Load(); p != nil; p = p.next {
			p.foldInto(w)
			p.refresh()
			if !p.cached.Load() {
				// Its last batch may not have ended when it was found so for
				// the first time; now it has.
				if p.uncachedSeen && prev != nil {
					prev.next = p.next
					continue
				}
				p.uncachedSeen = true
			} else if now-p.foldedUsed > int64(pruneAfter) {
				idle = append(idle, p)
			}
			prev = p
		}
		if len(idle) > 0 || w.sweeper.untidy.Load() {
			w.post(func() {
				w.forget(idle)
				w.tidy()
			})
		}
	}
}

// bury frees the programs that have left their caches by now. It takes two
// rounds, as tend lets each live through one Sync after it was found so.
func (d *Datapath) bury() {
	for range 2 {
		d.Sync()
		d.tend(d.clock())
	}
}
