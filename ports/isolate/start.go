package isolate

import (
	"cmp"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// refusal is how long Start leaves the kernel to refuse. What it does not refuse at once
// is in force: what lasts is that it waits until no frame on its way can have seen the
// hook as it was, some 10 ms for each hook.
const refusal = 200 * time.Microsecond

// proven says that TCX has isolated a device in this process: the kernel has it, and
// the process may use it.
var proven atomic.Bool

// turn is held while devices are isolated one after the other: none waits for the
// kernel's lock behind another of ours.
var turn sync.Mutex

// begun is an isolation that is left to a goroutine.
type begun struct {
	busy atomic.Bool   // the kernel is at it
	done chan struct{} // closed when made is there
	made *Isolation    // nil: there is none
	told chan struct{} // closed when nothing more is told of it

	// Of one that has a guard until then (see guarded).
	since   time.Time
	ifindex int
	guard   *Isolation
	other   func(*Isolation, error)
}

// end waits until what is begun is done, and ends it.
func (b *begun) end() error {
	<-b.told
	if b.made == nil {
		return nil
	}
	return b.made.Close()
}

// Start isolates the device with this index and name in the network namespace of the
// calling thread. A forced mode that cannot be had, and Auto where nothing can, is an
// error that wraps ErrUnavailable.
//
// As soon as TCX is known to work it does not wait until the kernel is done with it:
// opening many ports would take most of its time for that. Where
// nftables can isolate the device too, it does so at once, and TCX, which costs a frame
// less, takes over when no more ports are being opened. Should
// it come to anything else than TCX after all, other is called, from another goroutine,
// before Wait returns: with what keeps the host's stack out instead,
// or with the reason why nothing does. Close waits until that has returned. A mode
// that was asked for is waited for, as it must not fail.
//
// silenced is called once, unless Start fails, and perhaps from another goroutine and after
// Start has returned: when the host can no longer send through the device, or when
// nothing keeps it from that.
func Start(ifindex int, ifname string, mode Mode, silenced func(), other func(*Isolation, error)) (*Isolation, error) {
	silenced = sync.OnceFunc(silenced)
	if mode = cmp.Or(mode, Auto); mode != Auto || !proven.Load() || !atHome() {
		i, err := attach(ifindex, ifname, mode, silenced)
		if err != nil {
			return nil, err
		}
		silenced()
		if i.Method() == string(TCX) {
			proven.Store(true)
		}
		return i, nil
	}
	if i := guarded(ifindex, ifname, other); i != nil {
		silenced()
		return i, nil
	}
	b := &begun{done: make(chan struct{}), told: make(chan struct{})}
	b.busy.Store(true)
	var err error
	var left atomic.Int32 // who has gone on: the goroutine, or Start
	const ended, started = 1, 2
	running := make(chan struct{})
	turn.Lock()
	spawn(func() {
		defer turn.Unlock()
		defer close(b.told)
		close(running)
		b.made, err = attach(ifindex, ifname, mode, silenced)
		close(b.done)
		silenced()
		if left.CompareAndSwap(0, ended) {
			return
		}
		switch {
		case err == nil && b.made.Method() != string(TCX):
			other(b.made, nil)
		case err != nil && !errors.Is(err, unix.ENODEV): // a device that is gone needs none
			other(nil, err)
		}
	})
	<-running
	wait := unix.NsecToTimespec(int64(refusal))
	_ = unix.Nanosleep(&wait, nil) // a timer of the runtime is late by milliseconds here; a signal ends it early
	if !left.CompareAndSwap(0, started) {
		<-b.told
		return b.made, err
	}
	return &Isolation{method: string(TCX), begun: b, close: b.end}, nil
}

// spawn starts a goroutine, which has a thread in the namespace of the process; atHome
// says whether this thread is there, too; tcx isolates. A test plays others.
var (
	spawn = func(fn func()) {
		go fn()
	}
	atHome = inHomeNamespace
	tcx    = attachTCX
)

func inHomeNamespace() bool {
	var here, home unix.Stat_t
	err := errors.Join(unix.Stat("/proc/thread-self/ns/net", &here), unix.Stat("/proc/self/ns/net", &home))
	return err == nil && here.Dev == home.Dev && here.Ino == home.Ino
}
