package kernelpath

import (
	"runtime"
	"time"
)

// A frame is between the look and where it goes for microseconds, if the machine under
// the kernel does not stop it; patience is how long wait waits for one, and does not again
// for the same: its end may never be seen, when isolation is taken off meanwhile.
const patience = 20 * time.Millisecond

// waitLocked returns when no frame is on its way that has looked before the call.
func (t *Table) waitLocked() {
	var busy [cpuEntries]uint64
	left := 0
	for i := range t.m.cpus {
		if e := t.m.cpus[i].epoch.Load(); e&1 != 0 && e != t.stuck[i] {
			busy[i] = e
			left++
		}
	}
	var deadline time.Time
	for tries := 0; left > 0; tries++ {
		left = 0
		for i := range busy {
			if busy[i] != 0 && t.m.cpus[i].epoch.Load() != busy[i] {
				busy[i] = 0
			}
			if busy[i] != 0 {
				left++
			}
		}
		switch {
		case left == 0:
		case tries < 100:
			runtime.Gosched()
		case deadline.IsZero():
			deadline = time.Now().Add(patience)
		case time.Now().After(deadline):
			for i := range busy {
				if busy[i] != 0 {
					t.stuck[i] = busy[i]
				}
			}
			return
		default:
			time.Sleep(20 * time.Microsecond)
		}
	}
}
