package ofswitch

import (
	"slices"
	"sync/atomic"

	"ofswitch/ports/kernelpath"
)

// kernelFlow is a program as the kernel carries it out: a copy of what the worker's has, which may be
// forgotten meanwhile. It belongs to the worker until it is offered, then to kernelFlows.
type kernelFlow struct {
	// prog has no cell: what the kernel has sent goes straight to what is folded, which belongs to
	// who holds Datapath.foldMu; version and macGen to who holds kernelFlows.mu. Its credits have
	// the ports, too.
	prog    *program
	outs    []*port // none: dropped
	matches []kernelMatch

	// Made under kernelFlows.mu when it is added.
	slots    []kernelSlot // one for each of matches
	inPath   *kernelpath.Port
	outPaths []*kernelpath.Port // of outs
	added    int64

	ticket uint64 // of its removal; under kernelFlows.mu

	// Of the collector.
	counted uint64 // packets, in its last round
	seen    int64  // when a round last found some

	over  atomic.Bool  // it is neither in the kernel nor on its way there
	after atomic.Int64 // then: when the program may be offered again
}

// kernelNever is the flow of programs that the kernel cannot carry out.
var kernelNever kernelFlow

// newKernelFlow is how the kernel does what p does, as of the worker's version, at which p is fresh. Nil:
// it cannot.
func newKernelFlow(w *worker, p *program) *kernelFlow {
	f := &kernelFlow{}
	if p.in == nil || p.in.dev == nil || len(p.ops) > kernelpath.MaxOutputs {
		return nil
	}
	for i := range p.ops {
		o := &p.ops[i]
		if o.kind != opOutput || o.tx.queue != nil {
			return nil
		}
		f.outs = append(f.outs, o.port)
	}
	if f.matches = kernelMatches(&p.key, &p.mask); len(f.matches) == 0 {
		return nil
	}
	f.prog = &program{
		in: p.in, version: w.version, macGen: w.macGen, deps: p.deps, effects: p.effects,
		ops: p.ops, mask: p.mask, key: p.key, hash: p.hash,
		credits: append(slices.Clone(p.credits), credit{c: &p.in.rxCount}),
	}
	for _, out := range f.outs {
		f.prog.credits = append(f.prog.credits, credit{c: &out.txCount})
	}
	return f
}

// end notes that the flow is not in the kernel; its program may be offered again after a time.
func (f *kernelFlow) end(after int64) {
	f.after.Store(after)
	f.over.Store(true)
}

// suits says whether the ports are such that the kernel may forward between them: what a port is asked for
// itself is left out.
func (f *kernelFlow) suits() bool {
	in := f.prog.in
	if !in.kernelSuits() || in.policing.Load() != nil {
		return false
	}
	return !slices.ContainsFunc(f.outs, func(out *port) bool {
		mtu := out.mtu.Load()
		return !out.kernelSuits() || out.qos.Load() != nil || mtu == 0 || mtu < in.mtu.Load()
	})
}

// kernelSuits is suits for what holds in both directions.
func (p *port) kernelSuits() bool {
	st := p.status.Load()
	return p.dev != nil && !p.gone.Load() && st.AdminUp && st.LinkUp
}

// kernelPath is how the kernel knows the port; nil: not at all, or it may not use it now. The port
// may ask the system, so no lock is held that frames wait for.
func (p *port) kernelPath() (path *kernelpath.Port, why string) {
	dev, ok := p.dev.(kernelDevice)
	if !ok {
		return nil, "plain"
	}
	return dev.KernelPath()
}

// fold moves what is new in the kernel's counts to what the program credits, and keeps MAC entries young.
// It gives how many frames are new. offset is from the table's clock to the datapath's, which says now. The caller holds
// foldMu; f is or was in the table.
func (f *kernelFlow) fold(now, offset int64) (n uint64) {
	p := f.prog
	var packets, bytes uint64
	used := int64(0)
	for _, s := range f.slots {
		n, b, u := s.Count()
		packets, bytes, used = packets+n, bytes+b, max(used, u)
	}
	n, b := packets-p.foldedCount, bytes-p.foldedBytes
	if n == 0 && b == 0 {
		return 0
	}
	// The kernel's clock is read coarsely, and may be behind; a frame that comes between the reading of
	// counts and time makes this later. So an entry's idle timeout does not end early.
	p.foldedCount, p.foldedBytes, p.foldedUsed = packets, bytes, max(p.foldedUsed, min(used+kernelTick+offset, now))
	for i := range p.credits {
		p.credits[i].add(n, b, p.foldedUsed)
	}
	p.refresh()
	return n
}

// active says whether the kernel sends frames of the flow.
func (f *kernelFlow) active() bool { return slices.ContainsFunc(f.slots, kernelSlot.Active) }
