package ofswitch

import (
	"golang.org/x/sys/unix"

	"ofswitch/ports/kernelpath"
)

// kernelTable is where flows stand that the kernel forwards by itself.
type kernelTable interface {
	// Prepare makes the kernel ready for flows from in, which takes it some 10 ms; then Add takes
	// none.
	Prepare(in *kernelpath.Port) error
	// Add has the kernel send frames of in that x takes out of each of outs, or drop them where there is none.
	Add(in *kernelpath.Port, outs []*kernelpath.Port, x *kernelMatch) (kernelSlot, error)
	// Remove has frames no longer find them. Those that have are still sent, until Wait.
	Remove(slots ...kernelSlot)
	// Hold has frames received as ever until Release, as if the flows had just been added. When it returns the
	// kernel sends none of them.
	Hold(slots ...kernelSlot)
	Release(slots ...kernelSlot)
	// Drain returns when what was sent by slots that were removed or held before is past what the switch could overtake.
	Drain()
	// Wait returns when nobody uses what was removed before, and their counts are final.
	Wait()
	// Now is the clock of kernelSlot.Count, in ns.
	Now() int64
}

// kernelSlot is one flow in a kernelTable.
type kernelSlot interface {
	// Count is what was sent, and when the last of it was; 0: nothing was.
	Count() (packets, bytes uint64, used int64)
	// Active says that the kernel sends the frames: before, they are received as ever.
	Active() bool
}

// kernelDevice is a port by which the kernel may forward; nil: not now, and why, in a word.
type kernelDevice interface {
	KernelPath() (p *kernelpath.Port, why string)
}

// realKernel is the kernel's table.
type realKernel struct{ *kernelpath.Table }

func (t realKernel) Add(in *kernelpath.Port, outs []*kernelpath.Port, x *kernelMatch) (kernelSlot, error) {
	f, err := t.Table.Add(in, outs, &x.key, &x.mask)
	if err != nil {
		return nil, err // not a nil *Flow in an interface
	}
	return f, nil
}

func (t realKernel) Remove(slots ...kernelSlot)  { t.Table.Remove(realFlows(slots)...) }
func (t realKernel) Hold(slots ...kernelSlot)    { t.Table.Hold(realFlows(slots)...) }
func (t realKernel) Release(slots ...kernelSlot) { t.Table.Release(realFlows(slots)...) }

func realFlows(slots []kernelSlot) []*kernelpath.Flow {
	flows := make([]*kernelpath.Flow, len(slots))
	for i, s := range slots {
		flows[i] = s.(*kernelpath.Flow) // as Add gave it
	}
	return flows
}

// Now is CLOCK_MONOTONIC, which the kernel counts by.
func (t realKernel) Now() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // there is that clock
	return ts.Nano()
}
