package ofswitch

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// A sleep that follows short ones ends as any other does, and takes what woke it.
func TestShortSleepTakesWakeUp(t *testing.T) {
	l := newLab(t, 0, func(*Options) {})
	w := watchingWorker(t, l.d)
	var err error
	if w.evfd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	if err := w.watch(w.evfd); err != nil {
		t.Fatal(err)
	}
	w.set = w.rx.Load()
	for i := range 2 * dozeAfter {
		w.wake()
		w.last = w.d.clock()
		w.sleep()
		var b [8]byte
		if _, err := unix.Read(w.evfd, b[:]); !errors.Is(err, unix.EAGAIN) {
			t.Fatalf("sleep %d has left what woke it: %v", i, err)
		}
	}
}
