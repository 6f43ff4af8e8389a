package process

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// DefaultHeapFloor is what the switch takes, in bytes.
const DefaultHeapFloor = 64 << 20

// HeapFloor makes the collector of garbage wait until at least bytes have been
// allocated since it ran last, however little is alive. By Go's default a
// process with 4 MiB alive collects every 4 MiB: a controller that sends
// garbage as fast as it can makes that a hundred times a second, and each
// stops the forwarding threads for a moment.
//
// It costs up to bytes of memory. With more than bytes alive it changes nothing,
// nor where the environment has GOGC, nor if called a second time. A memory limit (GOMEMLIMIT) holds as
// ever: the runtime collects earlier to keep it.
func HeapFloor(bytes uint64) {
	if os.Getenv("GOGC") != "" {
		return
	}
	floor.Do(func() {
		f := &heapFloor{bytes: bytes, percent: 100}
		f.adjust()
		f.arm()
	})
}

var floor sync.Once

type heapFloor struct {
	bytes   uint64
	percent int
}

// sentinel is an object whose finalizer runs after each collection. It has a
// pointer, so that it shares no block with others, which might stay alive.
type sentinel struct{ f *heapFloor }

func (f *heapFloor) arm() {
	runtime.SetFinalizer(&sentinel{f}, func(s *sentinel) {
		s.f.adjust()
		s.f.arm()
	})
}

func (f *heapFloor) adjust() {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	percent := percentFor(f.bytes, sample[0].Value.Uint64())
	// Each change stops the world: only those count that matter.
	if d := percent - f.percent; d > f.percent/4 || -d > f.percent/4 {
		f.percent = percent
		debug.SetGCPercent(percent)
	}
}

// minHeap is what the runtime takes for alive at least.
const minHeap = 4 << 20

// percentFor is GOGC so that bytes are allocated between two collections with
// live bytes alive, and never less than Go's default.
func percentFor(bytes, live uint64) int {
	p := bytes * 100 / max(live, minHeap)
	return int(min(max(p, 100), math.MaxInt32))
}
