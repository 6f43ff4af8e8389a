package ofswitch

import (
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
	"ofswitch/ports"
)

// downQueue is the receive queue of a device that is down until up is set,
// and that has frames whenever its descriptor is readable.
type downQueue struct {
	fd int
	up bool
}

func (q *downQueue) FD() int               { return q.fd }
func (q *downQueue) Release(*packet.Batch) {}
func (q *downQueue) Rx(*packet.Batch) (int, error) {
	if !q.up {
		return 0, unix.ENETDOWN
	}
	return 0, nil
}

// watchingWorker is a worker whose part the test plays, with an epoll set.
func watchingWorker(t *testing.T, d *Datapath) *worker {
	t.Helper()
	w := &worker{d: d, epfd: -1, evfd: -1, timerfd: -1}
	var err error
	if w.epfd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.closeFDs(); err != nil {
			t.Error(err)
		}
	})
	w.rx.Store(newRxSet(nil))
	return w
}

// eventfd is a descriptor that is readable if n is not 0.
func eventfd(t *testing.T, n uint) int {
	t.Helper()
	fd, err := unix.Eventfd(n, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// A queue that could not be read is watched again when its turn comes back,
// whatever brings it back: the collector's next round, or another port that is
// added in the meantime.
func TestParkedQueueWakesAgain(t *testing.T) {
	d := newLab(t, 0, func(*Options) {}).d
	for name, revive := range map[string]func(w *worker, set *rxSet){
		"collector":  func(w *worker, _ *rxSet) { w.unparkAll() },
		"port added": func(w *worker, set *rxSet) { w.rx.Store(newRxSet(set.list)) },
	} {
		t.Run(name, func(t *testing.T) {
			w := watchingWorker(t, d)
			fd := eventfd(t, 0)
			dev := &downQueue{fd: fd}
			q := &rxq{q: dev, port: &port{name: "down"}}
			if err := w.watch(fd); err != nil {
				t.Fatal(err)
			}
			set := newRxSet([]*rxq{q})
			w.rx.Store(set)
			w.round()
			if !q.parked || q.active {
				t.Fatalf("a queue that cannot be read: parked %v, active %v", q.parked, q.active)
			}
			dev.up = true
			revive(w, set)
			for range idlePolls + 1 {
				w.round()
			}
			if q.active {
				t.Fatal("a queue without frames is still polled")
			}
			if _, err := unix.Write(fd, []byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
				t.Fatal(err)
			}
			w.epoll(0)
			if !q.active {
				t.Error("a frame arrives, and the queue is not woken")
			}
		})
	}
}

// A queue that is gone is not watched again: its descriptor may be closed, or
// another device's that is not ready for it. Mail comes to the worker before it
// has seen the change.
func TestRemovedQueueIsLeftAlone(t *testing.T) {
	d := newLab(t, 0, func(*Options) {}).d
	fd := eventfd(t, 0)
	for name, meet := range map[string]func(w *worker, q *rxq){
		"parked, and mail": func(w *worker, q *rxq) { w.unparkAll() },
		"false wakes": func(w *worker, q *rxq) {
			q.parked, q.falseWakes = false, maxFalseWakes
			w.activate(q)
			q.empty = idlePolls
			w.retire()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := watchingWorker(t, d)
			q := &rxq{q: &downQueue{fd: fd}, port: &port{name: "gone"}}
			if err := w.watch(fd); err != nil {
				t.Fatal(err)
			}
			w.rx.Store(newRxSet([]*rxq{q}))
			w.round()
			if !q.parked {
				t.Fatal("a queue that cannot be read is not parked")
			}
			// The port is removed, and its descriptor's number has a new owner,
			// watched or not yet.
			w.rx.Store(newRxSet(nil))
			for _, watched := range []bool{false, true} {
				if watched {
					if err := w.watch(fd); err != nil {
						t.Fatal("the removed queue's descriptor is watched again: ", err)
					}
				}
				meet(w, q)
			}
			if err := w.watch(fd); err == nil {
				t.Error("the new owner's descriptor is no longer watched")
			}
		})
	}
}

// tellingQueue says when its descriptor is asked for.
type tellingQueue struct {
	downQueue
	asked func()
}

func (q *tellingQueue) FD() int {
	if q.asked != nil {
		q.asked()
	}
	return q.fd
}

// twoQueues is a port with two receive queues.
type twoQueues struct {
	ports.Port
	first, second tellingQueue
}

func (p *twoQueues) RxQueues() []ports.RxQueue { return []ports.RxQueue{&p.first, &p.second} }

// A queue whose turn to be read comes back while its port is removed is watched no more
// once the port is gone: the device may be another port's next.
func TestParkedQueueRevivedDuringRemoval(t *testing.T) {
	l := newLab(t, 0, func(*Options) {})
	w := watchingWorker(t, l.d)
	before := l.d.team.Load()
	l.d.team.Store(&team{running: []*worker{w}, all: []*worker{w}})
	t.Cleanup(func() { l.d.team.Store(before) })
	dev := ports.NewMem("two")
	t.Cleanup(func() { dev.Close() })
	p := &twoQueues{Port: dev}
	for _, q := range []*tellingQueue{&p.first, &p.second} {
		q.fd = eventfd(t, 0)
	}
	for range 2 {
		if err := l.b.AddPort(1, p); err != nil {
			t.Fatal(err)
		}
		w.round() // both are parked
		if !w.parked.Load() {
			t.Fatal("no queue is parked")
		}
		p.second.asked = func() {
			p.second.asked = nil // when the first has been dealt with
			w.unparkAll()
		}
		if err := l.b.RemovePort(1); err != nil {
			t.Error(err)
		}
		p.second.asked = nil
	}
}
