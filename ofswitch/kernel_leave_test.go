package ofswitch

import (
	"runtime"
	"testing"

	"ofswitch/ofp"
	"ofswitch/packet"
	"ofswitch/ports"
)

// TestKernelLeave: while flows leave the kernel, for good or for a while, nothing is read of the port where they come from until
// what the kernel has sent is past what the switch could overtake.
func TestKernelLeave(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(l *kernelLab)
	}{
		{"the entry modified", func(l *kernelLab) {
			m := flowMod(t, 0, 10, "in_port=1", apply(output(3)))
			m.Command = ofp.FlowModifyStrict
			l.add(m)
		}},
		{"turned off", func(l *kernelLab) { l.d.kernel.set(false) }},
		{"held", func(l *kernelLab) {
			for _, f := range l.d.kernel.live {
				if f.prog.in.no == 2 {
					l.d.kernel.drain(f)
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newKernelLab(t, 3)
			l.add(flowMod(t, 0, 10, "in_port=1", apply(output(2))))
			l.add(flowMod(t, 0, 10, "in_port=2", apply(output(1))))
			for no := 1; no <= 2; no++ {
				if !l.taken(no, udp(1, 2, 3, 4)) {
					t.Fatalf("the kernel does not take the flow of port %d", no)
				}
			}
			drained := 0
			l.k.onDrain = func() {
				drained++
				if l.paths[0].InjectBytes(udp(1, 2, 3, 4)); l.d.Poll() != 0 {
					t.Error("a frame was forwarded while the flow left")
				}
			}
			c.do(l)
			if drained != 1 {
				t.Errorf("waited %d times, want once", drained)
			}
			if n := l.d.Poll(); n != 1 {
				t.Errorf("%d frames were forwarded afterwards, want 1", n)
			}
		})
	}
}

// leavingRx has a flow begin to leave just before it receives.
type leavingRx struct {
	ports.RxQueue
	before func()
}

func (q leavingRx) Rx(b *packet.Batch) (int, error) {
	q.before()
	return q.RxQueue.Rx(b)
}

// TestKernelLeaveAtRx: what a worker has received of a port is not sent while a flow from there leaves that began to do so after the
// worker last looked.
func TestKernelLeaveAtRx(t *testing.T) {
	l := newKernelLab(t, 2)
	l.add(flowMod(t, 0, 10, "", apply(output(2))))
	p := l.b.conf.Load().ports[1]
	l.d.Poll()
	var q *rxq
	for _, r := range l.d.workers()[0].active {
		if r.port == p {
			q = r
		}
	}
	if q == nil {
		t.Fatal("the worker does not poll the port")
	}
	over := make(chan bool, 1)
	q.q = leavingRx{q.q, func() {
		p.leaving.Add(1)
		go func() {
			for range 1000 {
				runtime.Gosched()
			}
			over <- len(l.paths[1].Sent()) == 0
			p.leaving.Add(-1)
		}()
	}}
	l.paths[0].InjectBytes(udp(1, 2, 3, 4))
	l.d.Poll()
	if p.leaving.Load() != 0 || !<-over {
		t.Error("the frame was sent while the flow left")
	}
	if n := len(l.paths[1].Sent()); n != 1 {
		t.Errorf("%d frames were sent, want 1", n)
	}
}

// TestLeftAlone: rounds in which all that there is is left alone are counted, for the worker to sleep in between; one
// that forwards begins anew.
func TestLeftAlone(t *testing.T) {
	l := newLab(t, 2)
	l.add(flowMod(t, 0, 1, "in_port=1", apply(output(2))))
	w, in := l.d.workers()[0], l.b.conf.Load().ports[1]
	in.leaving.Add(1)
	if l.ports[0].InjectBytes(udp(1, 2, 3, 4)) != 1 {
		t.Fatal("the port takes no frame")
	}
	for i := range keptSpins + 2 {
		n := l.d.Poll()
		w.leaveAlone()
		if n != 0 || w.keptRounds != i+1 {
			t.Fatalf("%d frames in round %d, %d in a row", n, i+1, w.keptRounds)
		}
	}
	in.leaving.Add(-1)
	n := l.d.Poll()
	w.leaveAlone()
	if n != 1 || w.keptRounds != 0 || len(l.sent(2)) != 1 {
		t.Errorf("%d frames when they are read again, and %d rounds in a row", n, w.keptRounds)
	}
}
