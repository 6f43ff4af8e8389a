package ofswitch

import (
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
	"ofswitch/ports"
)

// TestThreadStats: what threads have done is counted exactly, also across a change of their
// number, and anew after ClearThreads.
func TestThreadStats(t *testing.T) {
	l := newLab(t, 3)
	l.add(flowMod(t, 0, 1, "in_port=1", apply(output(2))))
	// What is behind a meter is looked up once more.
	l.meterMod(&ofp.MeterMod{MeterID: 1, Flags: ofp.MeterFlagPKTPS, Bands: []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: 1e6}}})
	l.add(flowMod(t, 0, 1, "in_port=2", then(ofp.Instructions{Has: 1 << ofp.InstrMeter, Meter: 1}, 1)))
	l.add(flowMod(t, 1, 1, "", apply(output(3))))
	batch := [][]byte{udp(1, 2, 3, 4), udp(1, 2, 3, 4), udp(1, 2, 3, 5)}
	l.send(1, batch...)
	l.send(2, batch...)
	s := l.d.Threads(1)[0]
	if s.Frames != 6 || s.Batches != 2 || s.LargestBatch != 3 || s.Sent != 6 || s.Sends != 2 || s.Recirculated != 3 {
		t.Errorf("%+v", s)
	}
	if s.Misses == 0 || s.MicroflowHits+s.MegaflowHits+s.Misses != s.Lookups() || s.Lookups() != 9 {
		t.Errorf("%d microflow hits, %d megaflow hits, %d misses of %d lookups", s.MicroflowHits, s.MegaflowHits, s.Misses, s.Lookups())
	}
	if len(s.Queues) != 3 || s.Queues[0].Port != l.ports[0].Name() || s.Queues[0].Frames != 3 || s.Queues[1].Frames != 3 || s.Queues[2].Frames != 0 || s.Queues[0].Load != -1 {
		t.Errorf("%+v", s.Queues)
	}
	// How full the caches are is told of each.
	w := l.d.workers()[0]
	if s.Microflows != w.cache.Len() || s.Megaflows != len(megaflows(w)) || s.Masks != w.mega.Masks() || s.Microflows == 0 || s.Megaflows < 3 || s.Masks == 0 {
		t.Errorf("%d microflows, %d megaflows of %d masks", s.Microflows, s.Megaflows, s.Masks)
	}
	l.d.ClearThreads(1) // there is none
	if s = l.d.Threads(1)[0]; s.Frames != 6 {
		t.Errorf("%d frames after another thread began to count anew", s.Frames)
	}
	l.now.Add(1e9)
	l.d.ClearThreads(0)
	if s = l.d.Threads(1)[0]; s.Frames != 0 || s.Misses != 0 || s.Lookups() != 0 || s.For != 0 || s.Sent != 0 {
		t.Errorf("after ClearThreads: %+v", s)
	}
	l.now.Add(5e8)
	l.send(1, batch...)
	if s = l.d.Threads(1)[0]; s.Frames != 3 || s.MicroflowHits+s.MegaflowHits != 3 || s.For != 500*time.Millisecond {
		t.Errorf("three frames later: %+v", s)
	}
	if err := l.d.SetWorkers(3); err != nil {
		t.Fatal(err)
	}
	l.send(1, batch...)
	l.send(2, batch...)
	frames, queues := uint64(0), map[string]uint64{}
	for _, s := range l.d.Threads(1) {
		frames += s.Frames
		for _, q := range s.Queues {
			queues[q.Port] += q.Frames
		}
	}
	if frames != 9 || queues[l.ports[0].Name()] != 9 || queues[l.ports[1].Name()] != 6 {
		t.Errorf("%d frames of all threads, %v of queues", frames, queues)
	}
	if n := l.d.Lookups().Packets; n != 9+3+3+6 {
		t.Errorf("%d lookups in all", n)
	}
}

// TestHitsOfStaleFlows: a frame whose cached flow has become stale, before or while its batch is
// executed, is one lookup: a hit when the flow is as it was, else a miss.
func TestHitsOfStaleFlows(t *testing.T) {
	l := newLab(t, 3)
	l.add(flowMod(t, 0, 1, "", apply(output(ofp.PortNormal))))
	learn := func(port int, host byte) { l.send(port, udp(host, 9, 1, 1)) }
	learn(2, 2)
	l.send(1, udp(1, 2, 3, 4), udp(1, 2, 3, 4), udp(1, 2, 3, 4))
	lookups := uint64(4)
	for i := range byte(20) {
		learn(3, 10+i) // the MAC table changes, so flows are looked at again
		// Of these the fourth is learnt within the batch.
		l.send(1, udp(1, 2, 3, 4), udp(1, 2, 3, 4), udp(1, 2, 3, 4), udp(40+i, 2, 3, 4), udp(1, 2, 3, 4), udp(1, 2, 3, 4))
		lookups += 7
		s := l.d.Threads(1)[0]
		if s.Lookups() != lookups || s.Misses != l.d.workers()[0].counts.Misses {
			t.Fatalf("%d lookups and %d misses of %d frames", s.Lookups(), s.Misses, lookups)
		}
		if s.MegaflowHits+s.Misses > lookups || s.Probes < s.MegaflowHits {
			t.Fatalf("%d megaflow hits by %d probes, %d misses of %d lookups", s.MegaflowHits, s.Probes, s.Misses, lookups)
		}
	}
}

// TestBindWorkers: threads run where they are bound to, and nowhere beyond what the process
// was given.
func TestBindWorkers(t *testing.T) {
	m := newMachine(t, 3, 1, ports.MemOptions{})
	may := m.d.Processors()
	affinity := func(w *worker) []int {
		testutil.Wait(t, "the thread's begin", func() bool { return w.thread.id.Load() != 0 })
		var set unix.CPUSet
		if err := unix.SchedGetaffinity(int(w.thread.id.Load()), &set); err != nil {
			t.Fatal(err)
		}
		return cpusOf(&set)
	}
	for _, cpus := range [][]int{nil, may, may[:1], {may[0], 1023}, nil} {
		if err := m.d.BindWorkers(cpus); err != nil {
			t.Fatal(err)
		}
		usable := slices.DeleteFunc(slices.Clone(cpus), func(c int) bool { return c == 1023 })
		for i, w := range m.d.workers() {
			want := may
			if cpus != nil {
				want = []int{usable[i%len(usable)]}
			}
			testutil.Wait(t, "the thread is where it is bound to", func() bool { return slices.Equal(affinity(w), want) })
		}
	}
	if err := m.d.BindWorkers([]int{1023}); err == nil {
		t.Error("threads on a processor that is not there")
	}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(os.Getpid(), &set); err != nil || !slices.Equal(cpusOf(&set), may) {
		t.Errorf("the process may use %v, before %v: %v", cpusOf(&set), may, err)
	}
}

// TestBusyPoll: threads that poll without end forward, do not sleep, and do again when they
// may.
func TestBusyPoll(t *testing.T) {
	m := newMachine(t, 1, 2, ports.MemOptions{})
	if err := m.b.FlowMod(flowMod(t, 0, 1, "", apply(output(2)))); err != nil {
		t.Fatal(err)
	}
	w := m.d.workers()[0]
	testutil.Wait(t, "sleep", w.asleep.Load)
	m.d.SetBusyPoll(true)
	testutil.Wait(t, "waking", func() bool { return !w.asleep.Load() })
	m.ports[0].InjectBytes(udp(1, 2, 3, 4))
	within(t, "forwarding", m.settle)
	rounds := w.counts.read().IdleRounds
	testutil.Wait(t, "empty rounds", func() bool { return w.counts.read().IdleRounds > rounds+1000 })
	if w.asleep.Load() {
		t.Error("the thread sleeps")
	}
	m.d.SetBusyPoll(false)
	testutil.Wait(t, "sleep again", w.asleep.Load)
	m.ports[0].InjectBytes(udp(1, 2, 3, 4))
	within(t, "forwarding", m.settle)
	testutil.Wait(t, "the frames", func() bool { return m.ports[1].Stats().TxPackets == 2 })
}

// TestMissTime: translations are timed, and nothing else is in that time.
func TestMissTime(t *testing.T) {
	l := newLab(t, 2)
	l.add(flowMod(t, 0, 1, "in_port=1", apply(output(2))))
	l.d.clock = func() int64 { return l.now.Add(1000) }
	for range 3 {
		l.send(1, udp(1, 2, 3, 4))
	}
	if s := l.d.Threads(1)[0]; s.Misses != 1 || s.MissTime != 1000 {
		t.Errorf("%d misses in %v", s.Misses, s.MissTime)
	}
	l.d.ClearThreads()
	if s := l.d.Threads(1)[0]; s.MissTime != 0 {
		t.Errorf("%v after ClearThreads", s.MissTime)
	}
}
