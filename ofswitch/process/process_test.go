package process

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
)

func TestPercentFor(t *testing.T) {
	for _, c := range []struct {
		bytes, live uint64
		want        int
	}{
		{128 << 20, 0, 3200}, // the runtime counts 4 MiB
		{128 << 20, 4 << 20, 3200},
		{128 << 20, 64 << 20, 200},
		{128 << 20, 128 << 20, 100},
		{128 << 20, 4 << 30, 100},
	} {
		if got := percentFor(c.bytes, c.live); got != c.want {
			t.Errorf("floor %d, alive %d: GOGC %d, want %d", c.bytes, c.live, got, c.want)
		}
	}
}

// The collector is held off while little is alive, and back at its default when
// much is.
func TestHeapFloor(t *testing.T) {
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	if v, ok := os.LookupEnv("GOGC"); ok {
		os.Unsetenv("GOGC")
		defer os.Setenv("GOGC", v)
	}
	floor = sync.Once{} // as in a process that has not called it
	runtime.GC()        // what was alive at the last collection counts
	HeapFloor(64 << 20)
	percent := func() uint64 {
		sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	if p := percent(); p < 300 {
		t.Errorf("GOGC is %d with little alive", p)
	}
	alive := make([]byte, 256<<20)
	// The finalizer runs some time after the collection that found its object.
	for i := 0; percent() != 100; i++ {
		if i == 1000 {
			t.Fatalf("GOGC is %d with 256 MiB alive", percent())
		}
		runtime.GC()
		runtime.Gosched()
	}
	runtime.KeepAlive(alive)
}

func TestIntegrationRaiseThread(t *testing.T) {
	testutil.NeedRoot(t) // CAP_SYS_NICE
	type result struct {
		nice int
		err  error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with its priority
		err := RaiseThread()
		is, _ := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid())
		done <- result{20 - is, err}
	}()
	r := <-done
	switch {
	case r.err != nil:
		t.Error(r.err)
	case r.nice > NiceForwarding:
		t.Errorf("nice is %d, want at most %d", r.nice, NiceForwarding)
	}
}
