package ofswitch

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"ofswitch/classifier"
	"ofswitch/ports"
	"ofswitch/ports/kernelpath"
)

// kernelFlows are the flows that the kernel forwards by itself. A flow is found by no frame from the
// moment when a change that may concern it is published, or that a MAC table has changed; Sync
// returns after the last that has found it before.
type kernelFlows struct {
	d     *Datapath
	table kernelTable // nil: there is none
	// always: Options.kernelAlways.
	always bool

	wanted atomic.Bool // by the configuration
	on     atomic.Bool // wanted, and there is a table

	wake    chan struct{} // holds one token: some are offered
	offerMu sync.Mutex    // a leaf lock, which guards offered
	offered []*kernelFlow

	// mu is taken below the writer lock and foldMu, with port locks below. It guards what follows.
	mu sync.Mutex
	// some is set before the version is loaded as of which the first flow is added: who publishes
	// a version looks at it afterwards.
	some    atomic.Bool
	live    []*kernelFlow
	byMatch map[kernelID]*kernelFlow
	dead    []*kernelFlow // removed, and waiting for their last count
	// crowded are the ports for flows of which there was no room, nil for all: those that have few frames
	// are to go.
	crowded map[*port]bool
	hulls   hulls
	version classifier.Version // no change up to it concerns one of live

	forwarded uint64 // frames of all flows, as far as folded; under foldMu

	removed atomic.Uint64 // how often some were removed; changes under mu
	waitMu  sync.Mutex
	waited  atomic.Uint64 // as many of these are no longer in use; changes under waitMu
}

// kernelID is what no two flows have alike.
type kernelID struct {
	in *port
	x  kernelMatch
}

func (k *kernelFlows) init(d *Datapath, t kernelTable) {
	k.d, k.table = d, t
	k.wake = make(chan struct{}, 1)
	k.byMatch, k.crowded = map[kernelID]*kernelFlow{}, map[*port]bool{}
	k.wanted.Store(true)
	k.on.Store(t != nil)
}

// set turns the kernel's part on or off. When it is off no frame is forwarded by the kernel any more.
func (k *kernelFlows) set(on bool) {
	k.wanted.Store(on)
	k.on.Store(on && k.table != nil)
	if !on {
		k.clear()
	}
}

// clear takes out all flows.
func (k *kernelFlows) clear() {
	k.remove(0, func(*kernelFlow) bool { return true })
	k.settle()
}

// remove takes out those of which gone says so; their programs may be offered again after a time.
func (k *kernelFlows) remove(after int64, gone func(*kernelFlow) bool) {
	if !k.some.Load() {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.removeLocked(after, gone)
}

func (k *kernelFlows) removeLocked(after int64, gone func(*kernelFlow) bool) {
	var list []*kernelFlow
	k.live = slices.DeleteFunc(k.live, func(f *kernelFlow) bool {
		if !gone(f) {
			return false
		}
		list = append(list, f)
		return true
	})
	if len(list) == 0 {
		return
	}
	k.leave(list, func() {
		for _, f := range list {
			k.table.Remove(f.slots...)
		}
	})
	for _, f := range list {
		for _, x := range f.matches {
			delete(k.byMatch, kernelID{f.prog.in, x})
		}
	}
	// Only now: who waits for this number waits for what was removed before.
	ticket := k.removed.Add(1)
	for _, f := range list {
		f.ticket = ticket
		f.end(after)
	}
	k.dead = append(k.dead, list...)
	k.hulls.reset()
	for _, f := range k.live {
		k.hulls.add(f.prog)
	}
	k.some.Store(len(k.live) > 0)
}

// revise takes out those which changes up to the newest version may concern. It is called with the writer
// lock held, after that version was published.
func (k *kernelFlows) revise() {
	if !k.some.Load() {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	from, v := k.version, k.d.Version()
	k.version = v
	if k.d.structure.Load() <= uint64(from) && !k.hulls.touched(from, v) {
		return
	}
	gen := k.d.macGen.Load()
	k.removeLocked(0, func(f *kernelFlow) bool {
		f.prog.version = max(f.prog.version, from)
		return !f.suits() || !f.prog.fresh(v, gen)
	})
}

// reviseMACs takes out those which know something of a MAC table that is no longer so.
func (k *kernelFlows) reviseMACs() {
	k.remove(0, func(f *kernelFlow) bool {
		for i := range f.prog.deps.macs {
			if !f.prog.deps.macs[i].holds() {
				return true
			}
		}
		return false
	})
}

// revisePorts takes out those whose ports are no longer as they were: what no version tells of.
func (k *kernelFlows) revisePorts() {
	if !k.some.Load() {
		return
	}
	paths := k.paths()
	k.remove(0, func(f *kernelFlow) bool { return !f.suits() || !f.finds(paths) })
}

// paths asks the ports of the flows how the kernel knows them now.
func (k *kernelFlows) paths() map[*port]*kernelpath.Port { return pathsOf(k.all()) }

func (f *kernelFlow) paths() map[*port]*kernelpath.Port { return pathsOf([]*kernelFlow{f}) }

func pathsOf(flows []*kernelFlow) map[*port]*kernelpath.Port {
	paths := map[*port]*kernelpath.Port{}
	for _, f := range flows {
		for _, p := range append([]*port{f.prog.in}, f.outs...) {
			if _, asked := paths[p]; !asked {
				paths[p], _ = p.kernelPath()
			}
		}
	}
	return paths
}

// finds says whether the kernel knows the flow's ports as it did when it was added. One that was not
// asked for has just been added.
func (f *kernelFlow) finds(paths map[*port]*kernelpath.Port) bool {
	if p, asked := paths[f.prog.in]; asked && p != f.inPath {
		return false
	}
	for i, out := range f.outs {
		if p, asked := paths[out]; asked && p != f.outPaths[i] {
			return false
		}
	}
	return true
}

// settle returns when no frame is in the kernel that has found a flow which was removed before, and the
// counts of those are final.
func (k *kernelFlows) settle() {
	if k.waited.Load() >= k.removed.Load() {
		return
	}
	k.waitMu.Lock()
	defer k.waitMu.Unlock()
	if n := k.removed.Load(); k.waited.Load() < n {
		k.table.Wait()
		k.waited.Store(n)
	}
}

// prepare asks the flow's ports whether the kernel may forward, and makes it ready for that. If not, it
// gives how long to wait before they are asked again, in ns.
func (k *kernelFlows) prepare(f *kernelFlow) (again int64, ok bool) {
	if !f.suits() {
		return kernelAgain, false
	}
	path := func(p *port) *kernelpath.Port {
		k, why := p.kernelPath()
		if k == nil {
			again = kernelAgain
			if why == ports.KernelPathSoon {
				again = 0
			}
		}
		return k
	}
	if f.inPath = path(f.prog.in); f.inPath == nil {
		return again, false
	}
	f.outPaths = f.outPaths[:0]
	for _, out := range f.outs {
		k := path(out)
		if k == nil {
			return again, false
		}
		f.outPaths = append(f.outPaths, k)
	}
	if err := k.table.Prepare(f.inPath); err != nil {
		k.d.log.Debug("the kernel cannot forward by itself", "port", f.prog.in.name, "err", err)
		return kernelAgain, false
	}
	return 0, true
}

// install puts an offered flow into the kernel, if it is still as it was.
func (k *kernelFlows) install(f *kernelFlow) {
	if k.add(f) && !f.finds(f.paths()) { // a port has changed meanwhile, and found no flow yet
		k.remove(0, func(g *kernelFlow) bool { return g == f })
	}
}

// add is install, but for what the ports say.
func (k *kernelFlows) add(f *kernelFlow) bool {
	now := k.d.clock()
	if again, ok := k.prepare(f); !ok {
		f.end(now + again)
		return false
	}
	f.added, f.seen = now, now
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.live) >= maxKernelFlows {
		k.crowded[nil] = true
	}
	if !k.on.Load() || k.crowded[nil] {
		f.end(now + kernelAgain)
		return false
	}
	for _, x := range f.matches {
		if k.byMatch[kernelID{f.prog.in, x}] != nil { // of another worker's program
			f.end(now + kernelAgain)
			return false
		}
	}
	// Announced first: who publishes a version that is not loaded here finds some set, and
	// waits for mu.
	k.some.Store(true)
	defer func() { k.some.Store(len(k.live) > 0) }()
	v := k.d.Version()
	if !f.prog.fresh(v, k.d.macGen.Load()) || !f.suits() {
		f.end(0)
		return false
	}
	for i := range f.matches {
		s, err := k.table.Add(f.inPath, f.outPaths, &f.matches[i])
		if err != nil {
			k.d.log.Debug("the kernel does not take a flow", "port", f.prog.in.name, "err", err)
			switch {
			case errors.Is(err, kernelpath.ErrFull):
				k.crowded[nil] = true
			case errors.Is(err, kernelpath.ErrMasks):
				k.crowded[f.prog.in] = true
			}
			break
		}
		f.slots = append(f.slots, s)
	}
	if len(f.slots) == 0 {
		f.end(now + kernelAgain)
		return false
	}
	f.matches = f.matches[:len(f.slots)]
	if len(k.live) == 0 {
		k.version = v
	}
	k.live = append(k.live, f)
	for _, x := range f.matches {
		k.byMatch[kernelID{f.prog.in, x}] = f
	}
	k.hulls.add(f.prog)
	return true
}

// all are the flows that may have something to be counted.
func (k *kernelFlows) all() []*kernelFlow {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append(slices.Clone(k.live), k.dead...)
}

// fold brings all counters up to date, and forgets flows that have had their last count. The caller
// holds foldMu. Exact after settle.
func (k *kernelFlows) fold() {
	if k.table == nil {
		return
	}
	final := k.waited.Load()
	list := k.all()
	if len(list) == 0 {
		return
	}
	now := k.d.clock()
	offset := now - k.table.Now()
	for _, f := range list {
		k.forwarded += f.fold(now, offset)
	}
	k.mu.Lock()
	k.dead = slices.DeleteFunc(k.dead, func(f *kernelFlow) bool { return f.ticket <= final })
	k.mu.Unlock()
}

// tend is the collector's: it takes out flows that have become idle, do not become active, or whose ports
// are no longer what they were. The counters are folded.
func (k *kernelFlows) tend(now int64) {
	if !k.some.Load() {
		return
	}
	paths := k.paths()
	k.d.foldMu.Lock()
	defer k.d.foldMu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	var stuck []*kernelFlow
	k.removeLocked(0, func(f *kernelFlow) bool {
		n := f.prog.foldedCount - f.counted
		f.counted = f.prog.foldedCount
		if n > 0 || !f.active() {
			f.seen = now
		}
		switch {
		case now-f.added > kernelPatience && !f.active():
			stuck = append(stuck, f)
			return true
		case n < hotFrames && (k.crowded[nil] || k.crowded[f.prog.in]), now-f.seen > int64(pruneAfter):
			return true
		}
		return !f.suits() || !f.finds(paths)
	})
	clear(k.crowded)
	for _, f := range stuck {
		f.end(now + kernelPause)
	}
}
