package ofswitch

import (
	"runtime"
	"time"
)

// When the kernel is to send no more of a flow, its next frame comes to the switch, while what the kernel has sent
// may still wait in the queue of a processor: the switch, on another, would overtake it. So the ports where
// such flows come from are not read from before that until those queues have been gone through.

// leave has fn take the flows from the kernel, if there are any.
func (k *kernelFlows) leave(flows []*kernelFlow, fn func()) {
	if len(flows) == 0 {
		return
	}
	for _, f := range flows {
		f.prog.in.leaving.Add(1)
	}
	fn()
	k.table.Drain()
	for _, f := range flows {
		f.prog.in.leaving.Add(-1)
	}
}

// awaitLeft waits until the port's frames may be forwarded. A worker looks before it reads, and calls this for what it has read
// nevertheless: a flow may have begun to leave in between, and frames of it be among them.
func (p *port) awaitLeft() {
	for i := 0; p.leaving.Load() != 0; i++ {
		if i < 100 {
			runtime.Gosched()
		} else {
			time.Sleep(20 * time.Microsecond)
		}
	}
}
