package kernelpath

import (
	"slices"
	"time"

	"github.com/cilium/ebpf"
)

// Attaching a program to a TAP takes the kernel some 10 ms, with its lock on the
// configuration of devices held: too long for each of a thousand bridges. So it comes at once for the
// first TAPs (maxAtOnce), when no ports have been opened for a while (calm) for more of them (maxAhead), and for
// others with their first flow. Frames that the host has sent before were not counted: which
// are still on their way is known once none has come for a moment (Settle, Resync), and no
// flow becomes active before that. Where a sender floods the TAP from the beginning there may be no such moment
// for seconds.
const (
	maxAtOnce = 4
	calm      = 300 * time.Millisecond
	maxAhead  = 64
	// lookEvery and looks say how often, and how many times, the owner is asked to
	// look whether such a moment has come, beside the times when it looks by itself.
	lookEvery = 10 * time.Millisecond
	looks     = 500
	// moment is how long no frame must have come where it is known that none waits in between:
	// the kernel then sends them on without interruption.
	moment = time.Millisecond
)

// unknown is portEntry.dropped until then: so much that no count of frames ever meets it.
const unknown = 1 << 62

// OpenTap makes a port of a TAP. Errors wrap ErrUnavailable.
func (t *Table) OpenTap(d Device) (*Port, error) {
	return t.openPort(d, func(p *Port) error {
		p.redirect, p.mark = redirectIngress, 0
		p.known.Store(false)
		p.entry.dropped.Store(unknown)
		p.entry.epochs.Store(1)
		return nil
	})
}

// Ahead makes the TAP ready for flows if it is one of the first: at once, or when no more ports are being
// opened. unused says that no frame can have been sent through it so far; it is asked when
// frames are counted.
func (p *Port) Ahead(unused func() bool) {
	if p.isAtOnce() {
		if p.begin() == nil && unused() { // an error comes again, and is told, with the first flow
			p.entry.dropped.Store(0)
			p.known.Store(true)
		}
		return
	}
	t := p.t
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ahead+len(t.early) >= maxAhead {
		return
	}
	if t.early = append(t.early, p); len(t.early) == 1 {
		time.AfterFunc(calm, t.readyNext)
	}
}

// isAtOnce says whether the TAP is one of the first, and counts it then.
func (p *Port) isAtOnce() bool {
	p.t.mu.Lock()
	defer p.t.mu.Unlock()
	if p.t.ahead >= maxAtOnce {
		return false
	}
	p.t.ahead++
	p.ahead = true
	return true
}

// readyNext makes the TAP ready whose turn it is, and comes back for the others.
func (t *Table) readyNext() {
	t.mu.Lock()
	t.early = slices.DeleteFunc(t.early, func(p *Port) bool { return p.closed })
	if len(t.early) == 0 {
		t.mu.Unlock()
		return
	}
	if wait := calm - time.Since(t.opened); wait > 0 {
		t.mu.Unlock()
		time.AfterFunc(wait, t.readyNext)
		return
	}
	p := t.early[0]
	t.mu.Unlock()
	_ = p.begin() // it is tried again, and told, with the first flow
	t.mu.Lock()
	defer t.mu.Unlock()
	if !p.closed {
		t.ahead++
		p.ahead = true
	}
	if t.early = t.early[1:]; len(t.early) > 0 {
		time.AfterFunc(0, t.readyNext)
	}
}

// beginTap is begin for a TAP.
func (p *Port) beginTap() error {
	if err := p.attachLocked(progTap, ebpf.AttachTCXEgress); err != nil {
		return err
	}
	p.quiet.begin()
	p.lookAgain(looks)
	return nil
}

// lookAgain has the owner look, and comes back, until all is known.
func (p *Port) lookAgain(times int) {
	if times == 0 || p.known.Load() {
		return
	}
	time.AfterFunc(lookEvery, func() {
		p.t.mu.Lock()
		closed := p.closed
		p.t.mu.Unlock()
		if !closed && !p.known.Load() {
			p.look()
			p.lookAgain(times - 1)
		}
	})
}

// Settle finds out which frames of a TAP are on their way to the switch: none, if none has
// come for a moment, and empty says that none waits before the switch, nor in the device's
// queueing discipline, nor is held by the switch. It takes a moment, and does nothing where that is known.
func (p *Port) Settle(empty func() bool) {
	e, q := p.entry, &p.quiet
	q.Lock()
	counting := q.counting
	q.Unlock()
	if !counting || p.known.Load() {
		return
	}
	passed, done, dropped := e.passed.Load(), e.done.Load(), e.dropped.Load()
	time.Sleep(moment)
	if empty() && e.passed.Load() == passed && e.done.Load() == done && e.dropped.CompareAndSwap(dropped, passed-done) {
		p.known.Store(true)
	}
}
