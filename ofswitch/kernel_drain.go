package ofswitch

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/ports/kernelpath"
)

// A flow becomes active with a frame before which nothing of it waits for the switch. Where a sender
// always has a frame there, as a TCP connection that is as fast as the switch, that does not come by
// itself. But what most senders send is bounded by what they have yet to be told of: so for a few
// milliseconds the frames that come by the ports where the flow leaves are left waiting, the
// acknowledgements among them. The switch goes on with the flow's own frames until there are none, and the next is
// the kernel's. Nothing is lost or overtaken; senders that heed nobody go on as before.
const (
	// drainTime is how long frames may be left waiting: a host's largest window, 6 MB, is
	// through the switch by then.
	drainTime = 10 * time.Millisecond
	// drainMost is how many may: as many GSO packets have room at the socket.
	drainMost = 128
	// drainShare of the time at most is spent so.
	drainShare = 10
	// drainFirst is when it is tried first, and drainTimes how often: after drainFactor
	// times as long each.
	drainFirst  = 2 * time.Millisecond
	drainFactor = 4
	drainTimes  = 6
	drainLook   = 100 * time.Microsecond
	// vainFirst is how long a port is left alone after it was tried in vain, and drainFactor times as
	// long after each time that follows.
	vainFirst = 50 * time.Millisecond
)

// kernelHold keeps the frames of a port waiting.
type kernelHold struct {
	in, own *kernelpath.Port // the port to be read first, and the one that waits
	until   int64
}

// waits says that a queue's frames are to wait. The queue is the worker's.
func (w *worker) waits(q *rxq) bool {
	h := q.port.hold.Load()
	if q.port.leaving.Load() == 0 && (h == nil || h.in.Missing() == 0 || h.own.Missing() > drainMost || w.d.clock() > h.until) {
		return false
	}
	q.empty, q.falseWakes = 0, 0 // it has frames, and is left alone
	w.kept = true
	return true
}

// keptSpins is for how many rounds in a row a worker that has nothing but frames that are to wait looks again at once, some
// 50 us: mostly it is over by then. From there on it sleeps for keptNap in between (the kernel adds some 50 us): what it waits for may be the
// kernel's soft interrupts, whose thread has a lower priority than the worker and perhaps the same processor.
const (
	keptSpins = 32
	keptNap   = 20 * time.Microsecond
)

// leaveAlone is for after a round without a frame.
func (w *worker) leaveAlone() {
	if !w.kept {
		w.keptRounds = 0
		return
	}
	if w.keptRounds++; w.keptRounds > keptSpins {
		nap := unix.NsecToTimespec(int64(keptNap))
		_ = unix.Nanosleep(&nap, nil) // a signal ends it early
	}
}

// arming is a flow that is in the table and not active.
type arming struct {
	f     *kernelFlow
	due   time.Time
	after time.Duration
	times int
}

// drains are the flows for which the promoter may have to do something.
type drains struct {
	list []arming
	next time.Time           // not before
	vain map[*port]*vainTime // ports whose senders do not heed it
}

// vainTime is how long a port is left alone.
type vainTime struct {
	until  time.Time
	length time.Duration
}

func (d *drains) add(f *kernelFlow) {
	// Where a flow leaves by the port by which it came, what would wait is the flow itself.
	if !f.over.Load() && len(f.outs) > 0 && !slices.Contains(f.outs, f.prog.in) {
		d.list = append(d.list, arming{f: f, due: time.Now().Add(drainFirst), after: drainFirst})
	}
}

// run does what is due, and says when it is to be called again; 0: not at all.
func (d *drains) run(k *kernelFlows) (again time.Duration) {
	d.list = slices.DeleteFunc(d.list, func(a arming) bool { return a.f.over.Load() || a.times == drainTimes || a.f.active() })
	if len(d.list) == 0 {
		d.vain = nil
		return 0
	}
	var first time.Time
	for i := range d.list {
		a := &d.list[i]
		if a.due = later(a.due, d.next); d.vain[a.f.prog.in] != nil {
			a.due = later(a.due, d.vain[a.f.prog.in].until)
		}
		if now := time.Now(); !a.due.After(now) {
			if a.f.inPath.Missing() != 0 {
				d.try(k, a.f)
			}
			a.times++
			a.after *= drainFactor
			a.due = now.Add(a.after)
		}
		if first.IsZero() || a.due.Before(first) {
			first = a.due
		}
	}
	return max(time.Until(first), drainLook)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// try drains for the flow, and notes what that took and gave.
func (d *drains) try(k *kernelFlows, f *kernelFlow) {
	began := time.Now()
	done := k.drain(f)
	now := time.Now()
	d.next = now.Add(now.Sub(began) * (drainShare - 1))
	if in := f.prog.in; done {
		delete(d.vain, in)
	} else {
		if d.vain == nil {
			d.vain = map[*port]*vainTime{}
		}
		if d.vain[in] == nil {
			d.vain[in] = &vainTime{length: vainFirst}
		}
		v := d.vain[in]
		v.until, v.length = now.Add(v.length), v.length*drainFactor
	}
}

// drain has the switch read what waits by the flow's port, and nothing of the ports where it leaves,
// until the kernel has the flow, which it says, or time is up.
func (k *kernelFlows) drain(f *kernelFlow) bool {
	back := k.opposite(f)
	k.leave(back, func() { k.table.Hold(slotsOf(back)...) })
	until := k.d.clock() + int64(drainTime)
	for i, out := range f.outs {
		out.hold.Store(&kernelHold{in: f.inPath, own: f.outPaths[i], until: until})
	}
	for end := time.Now().Add(drainTime); !f.active() && !f.over.Load() && time.Now().Before(end); time.Sleep(drainLook) {
		f.inPath.Look()
	}
	for _, out := range f.outs {
		out.hold.Store(nil)
	}
	k.table.Release(slotsOf(back)...)
	return f.active()
}

// opposite are the flows in the other direction.
func (k *kernelFlows) opposite(f *kernelFlow) (list []*kernelFlow) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, g := range k.live {
		if slices.Contains(f.outs, g.prog.in) && slices.Contains(g.outs, f.prog.in) {
			list = append(list, g)
		}
	}
	return list
}

func slotsOf(flows []*kernelFlow) (list []kernelSlot) {
	for _, f := range flows {
		list = append(list, f.slots...)
	}
	return list
}
