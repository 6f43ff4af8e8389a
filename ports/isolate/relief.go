package isolate

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// settle is how long no isolation must have been started before TCX takes over from
// nftables: while ports are being opened, each would wait behind another for the
// kernel's lock on the configuration of devices. A variable for tests.
var settle = 250 * time.Millisecond

// patience is how many times settle an isolation waits at most, however many more are
// started: two minutes, as those who open hundreds of ports one by one are not to wait for
// the kernel's grace periods in the midst of it.
const patience = 480

// unguarded says that nftables has failed to isolate: it is not tried again for what
// lasts a moment.
var unguarded atomic.Bool

// relief has the isolations by nftables for which TCX is to come.
var relief struct {
	sync.Mutex
	waiting []*begun  // those whose turn has not come, the oldest first
	last    time.Time // when one came to wait
	active  bool      // a timer runs, or a goroutine that relieves
}

// guarded isolates a device by nftables, which takes the kernel less than a
// millisecond, and leaves it to TCX to take over. nil: nftables cannot do it. A device that
// is renamed before that is open to the host until then: nftables goes by names.
func guarded(ifindex int, ifname string, other func(*Isolation, error)) *Isolation {
	if unguarded.Load() || checkName(ifindex, ifname) != nil {
		return nil
	}
	guard, err := attachNFT(ifindex, ifname, true)
	if err != nil {
		unguarded.Store(true)
		return nil
	}
	b := &begun{done: make(chan struct{}), told: make(chan struct{}), since: time.Now(), ifindex: ifindex, guard: guard, other: other}
	r := &relief
	r.Lock()
	defer r.Unlock()
	r.waiting, r.last = append(r.waiting, b), b.since
	if !r.active {
		r.active = true
		time.AfterFunc(settle, relieveNext)
	}
	return &Isolation{method: string(TCX), begun: b, close: func() error {
		if b.forgo() {
			b.made = guard
			close(b.done)
			close(b.told)
		}
		return b.end()
	}}
}

// forgo takes b out of those that wait; false: its turn has come.
func (b *begun) forgo() bool {
	r := &relief
	r.Lock()
	defer r.Unlock()
	i := slices.Index(r.waiting, b)
	if i < 0 {
		return false
	}
	r.waiting = slices.Delete(r.waiting, i, i+1)
	return true
}

// relieveNext has TCX take over from the oldest that waits, if it is time, and comes
// back for the others.
func relieveNext() {
	r := &relief
	r.Lock()
	defer r.Unlock()
	if r.active = len(r.waiting) > 0; !r.active {
		return
	}
	if early := min(settle-time.Since(r.last), patience*settle-time.Since(r.waiting[0].since)); early > 0 {
		time.AfterFunc(early, relieveNext)
		return
	}
	b := r.waiting[0]
	r.waiting = r.waiting[1:]
	b.busy.Store(true)
	spawn(func() {
		b.relieve()
		relieveNext()
	})
}

// relieve puts TCX in the place of nftables, or leaves it at that and tells.
func (b *begun) relieve() {
	defer close(b.told)
	made, err := tcx(b.ifindex, func() {})
	if err == nil {
		left := b.guard.Close()
		b.made = &Isolation{method: made.method, close: func() error { return errors.Join(left, made.Close()) }}
		close(b.done)
		return
	}
	b.made = b.guard
	close(b.done)
	if !errors.Is(err, unix.ENODEV) { // a device that is gone needs none
		b.other(b.guard, nil)
	}
}
