package ofswitch

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ofswitch/internal/garbage"
	"ofswitch/ports"
)

// soak is a switch at which everything goes on at once, for as long as one likes: a
// datapath with threads, of which several come and go; contests (twin_compare_test.go),
// each of two bridges against their twin; and a bridge that frames stream through
// while controllers of all sorts do what they can.
//
// Time is cut into intervals. At the end of each all stands still: then counters must add
// up, there must be no more goroutines and descriptors than after the first, and no more
// memory than the bounds below say.
type soak struct {
	d     *Datapath
	log   *slog.Logger
	dir   string
	seeds [][]byte

	mu         sync.Mutex
	sum        tally // of contests; what they count by kind is left out
	contests   int
	generation atomic.Uint64

	changes, bundles, requests, guests, packetIns atomic.Uint64
}

// Bounds of the heap in use after a collection, at the end of each interval: until caches,
// logs and pools are full, which is a quarter of the time but soakWarm at least, soakHeap;
// then what was the most until then and a share and some more: programs in caches hold on to
// ports that are gone, with their frame memory, until they are driven out, so it depends on how
// much was done last. What is lost for each of some hundred changes a second soon is more.
const (
	soakWarm      = 30 * time.Second
	soakHeap      = 64 << 20
	soakHeapShare = 0.25
	soakHeapExtra = 16 << 20
)

// TestSoak has everything go on at once. SOAK_LENGTH is for how long (make soak
// LENGTH=1h), SOAK_SEED repeats what was random, as far as threads let it, and SOAK_HEAP is
// the file for a profile of a heap that has grown too much.
func TestSoak(t *testing.T) {
	length, interval := 6*time.Second, 3*time.Second
	if s := os.Getenv("SOAK_LENGTH"); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatalf("SOAK_LENGTH: %v", err)
		}
		interval = min(max(length/60, interval), time.Minute)
	}
	seed := rand.Uint64()
	if s := os.Getenv("SOAK_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 0, 64); err != nil {
			t.Fatalf("SOAK_SEED: %v", err)
		}
	}
	dir, err := os.MkdirTemp("", "ofs") // sockets have short paths
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	before := standing(t)
	if err := runSoak(t, dir, seed, length, interval); err != nil {
		t.Fatalf("SOAK_SEED=%#x: %v", seed, err)
	}
	// What the Go runtime itself opens stays open: the poller of the network.
	if err := left(t, before, 4); err != nil {
		t.Fatalf("SOAK_SEED=%#x: after the end: %v", seed, err)
	}
}

// means is what a process has.
type means struct {
	goroutines, files int
	heap              uint64
}

func standing(t *testing.T) means {
	t.Helper()
	// The second has what finalizers held.
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return means{runtime.NumGoroutine(), len(files), m.HeapAlloc}
}

// left waits until goroutines and descriptors are as many as they were.
func left(t *testing.T, before means, spare int) error {
	t.Helper()
	return eventually(func() error {
		now := standing(t)
		if now.goroutines > before.goroutines || now.files > before.files+spare {
			buf := make([]byte, 1<<18)
			return fmt.Errorf("%d goroutines, %d descriptors; there were %d, %d\n%s", now.goroutines, now.files, before.goroutines, before.files, buf[:runtime.Stack(buf, true)])
		}
		return nil
	})
}

// heapProfile writes what holds the heap, if a file is named.
func heapProfile(file string) error {
	if file == "" {
		return nil
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(pprof.WriteHeapProfile(f), f.Close())
}

// eventually waits until fn has no error.
func eventually(fn func() error) error {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if err := fn(); err == nil || time.Now().After(end) {
			return err
		}
	}
}

func runSoak(t *testing.T, dir string, seed uint64, length, interval time.Duration) (err error) {
	s := &soak{dir: dir, log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	if s.seeds, err = garbage.Seeds("../testdata/ofp"); err != nil {
		return err
	}
	if s.d, err = NewDatapath(Options{Workers: 2, MicroflowEntries: 512, MegaflowEntries: 512, Logger: s.log}); err != nil {
		return err
	}
	defer s.d.Close()
	st, err := newSoakStream(s)
	if err != nil {
		return err
	}
	asker, err := soakDial(st.path, false, nil)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, asker.nc.Close(), st.listener.stop(), st.m.Close(), s.d.RemoveBridge("stream"))
		for _, m := range slices.DeleteFunc(st.mems[:], func(m *ports.Mem) bool { return m == nil }) {
			err = errors.Join(err, m.Close())
		}
	}()
	var first, now means
	var most uint64
	began := time.Now()
	// On a machine with much else to do what is to happen may take longer.
	for i := uint64(0); time.Since(began) < length || s.covered(st) != nil && time.Since(began) < length+soakPatience; i++ {
		if err := s.interval(st, seed+i<<32, interval); err != nil {
			return fmt.Errorf("interval %d, after %v: %w", i, time.Since(began).Round(time.Second), err)
		}
		for _, m := range st.mems[1:] {
			for m.Pending() > 0 {
				time.Sleep(time.Millisecond)
			}
		}
		s.d.Sync()
		if err := eventually(func() error { return st.check(s, asker) }); err != nil {
			return fmt.Errorf("after interval %d, %v: %w", i, time.Since(began).Round(time.Second), err)
		}
		if i == 0 {
			// Collectors, tickers and pools have had their first round.
			first = standing(t)
			if err := left(t, first, 0); err != nil {
				return err
			}
		}
		if err := left(t, first, 0); err != nil {
			return fmt.Errorf("after interval %d: %w", i, err)
		}
		now = standing(t)
		bound := uint64(soakHeap)
		if time.Since(began) < max(length/4, soakWarm) {
			most = max(most, now.heap)
		} else {
			bound = most + uint64(soakHeapShare*float64(most)) + soakHeapExtra
		}
		if now.heap > bound {
			if err := heapProfile(os.Getenv("SOAK_HEAP")); err != nil {
				return err
			}
			return fmt.Errorf("after interval %d, %v: the heap has %d bytes and may have %d; it had %d at most in the first quarter", i, time.Since(began).Round(time.Second), now.heap, bound, most)
		}
		fmt.Printf("soak %v: %d frames, %d changes, %d bundles, %d statistics, %d guests, %d packet-ins; %d contests (%d given up) of %d frames; heap %.1f MB\n", time.Since(began).Round(time.Second),
			st.sent[1].Load()+st.sent[2].Load(), s.changes.Load(), s.bundles.Load(), s.requests.Load(), s.guests.Load(), st.ears.pins.Load()+s.packetIns.Load(),
			s.contests, s.wild(), s.sum.frames, float64(now.heap)/1e6)
	}
	return s.covered(st)
}

// covered says whether all that a soak is about has happened at all.
func (s *soak) covered(st *soakStream) error {
	for what, n := range map[string]uint64{
		"frames": st.sent[1].Load(), "changes": s.changes.Load(), "bundles": s.bundles.Load(), "statistics requests": s.requests.Load(),
		"guests": s.guests.Load(), "packet-ins": st.ears.pins.Load(), "packet-ins of contests": s.packetIns.Load(), "removed flows": st.ears.removed.Load(),
		"frames of contests": uint64(s.sum.frames),
	} {
		if n == 0 {
			return fmt.Errorf("there were no %s: this soak tests less than it says", what)
		}
	}
	return nil
}

// interval has all go on for so long.
func (s *soak) interval(st *soakStream, seed uint64, length time.Duration) error {
	var over atomic.Bool
	var errs []error
	var mu sync.Mutex
	var wg sync.WaitGroup
	run := func(what string, fn func(stop func() bool) error) {
		wg.Go(func() {
			if err := fn(over.Load); err != nil {
				over.Store(true)
				mu.Lock()
				errs = append(errs, fmt.Errorf("%s: %w", what, err))
				mu.Unlock()
			}
		})
	}
	for lane := range 3 {
		run(fmt.Sprint("contest ", lane), func(stop func() bool) error {
			for i := uint64(0); !stop(); i++ {
				if err := s.contest(lane, seed+uint64(lane)<<24+i, 100, stop); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for no := 1; no <= 2; no++ {
		run("traffic", func(stop func() bool) error { st.feed(no, seed, stop); return nil })
	}
	for i := range uint64(2) {
		run("changes", func(stop func() bool) error { return st.churn(s, seed+i, stop) })
		run("statistics", func(stop func() bool) error { return st.statistics(s, seed+i, stop) })
	}
	run("a port", st.passing)
	run("threads", func(stop func() bool) error { return s.teams(seed, stop) })
	run("guests", func(stop func() bool) error { return st.guests(s, seed, stop) })
	run("controllers", func(stop func() bool) error { return st.hosts(s, seed, stop) })
	for end := time.Now().Add(length); time.Now().Before(end) && !over.Load(); {
		time.Sleep(20 * time.Millisecond)
	}
	over.Store(true)
	wg.Wait()
	return errors.Join(errs...)
}

// took adds up what a contest has covered.
func (s *soak) took(t *tally) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.contests++
	s.sum.wild += t.wild
	s.sum.frames += t.frames
	s.sum.rules += t.rules
}

// wild is how many contests were given up.
func (s *soak) wild() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sum.wild
}
