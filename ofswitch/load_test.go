package ofswitch

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ofswitch/ofp"
	"ofswitch/packet"
	"ofswitch/ports"
)

// machine is a datapath with threads, one bridge, and ports in memory.
type machine struct {
	t     *testing.T
	d     *Datapath
	b     *Bridge
	rec   *recorder
	ports []*ports.Mem
}

func newMachine(t *testing.T, workers, n int, o ports.MemOptions) *machine {
	t.Helper()
	d, err := NewDatapath(Options{Workers: workers, MicroflowEntries: 256})
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, d: d, rec: &recorder{}}
	if m.b, err = d.AddBridge("br0", BridgeOptions{Controllers: m.rec}); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		p := ports.NewMemWith(fmt.Sprint("p", i+1), o)
		if err := m.b.AddPort(ofp.PortNo(i+1), p); err != nil {
			t.Fatal(err)
		}
		m.ports = append(m.ports, p)
	}
	t.Cleanup(func() {
		if err := d.RemoveBridge("br0"); err != nil {
			t.Error(err)
		}
		d.Close()
		for _, p := range m.ports {
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return m
}

// feed puts frames into a port's ring, as there is room, until it has taken
// all or stop says so. It returns how many it took.
func feed(p *ports.Mem, frame func(i int) []byte, n int, stop *atomic.Bool) (taken int) {
	for taken < n && !stop.Load() {
		room := 512 - p.Pending()
		if room < 100 {
			runtime.Gosched()
			continue
		}
		for range min(64, n-taken) {
			if p.InjectBytes(frame(taken)) != 1 {
				break
			}
			taken++
		}
	}
	return taken
}

// settle waits until all injected frames have been received, and their batch
// is over.
func (m *machine) settle() {
	for _, p := range m.ports {
		for p.Pending() > 0 {
			runtime.Gosched()
		}
	}
	m.d.Sync()
}

// within fails the test if fn takes too long to be anything but stuck.
func within(t *testing.T, what string, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		fn()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		buf := make([]byte, 1<<20)
		t.Fatalf("%s: stuck\n%s", what, buf[:runtime.Stack(buf, true)])
	}
}

// TestCountersExact lets two workers forward while flows are added, modified
// and deleted and the caches overflow. Whatever happens, each frame is
// counted by exactly one of the entries that stood for its kind.
func TestCountersExact(t *testing.T) {
	m := newMachine(t, 2, 3, ports.MemOptions{Ring: 1024, Capture: -1})
	const kinds, frames = 8, 150_000
	n := frames
	if raceEnabled {
		n /= 10
	}
	mod := func(kind int, command uint8, out ofp.PortNo) *ofp.FlowMod {
		f := flowMod(t, 0, 100, fmt.Sprintf("udp,nw_dst=10.0.0.%d", kind+1), apply(output(out)))
		f.Command, f.Cookie, f.Flags = command, uint64(kind+1), ofp.FlowSendFlowRem
		return f
	}
	must := func(err error) {
		if err != nil {
			t.Error(err)
		}
	}
	for k := range kinds {
		must(m.b.FlowMod(mod(k, ofp.FlowAdd, 3)))
	}
	miss := flowMod(t, 0, 0, "", apply())
	miss.Cookie = 99
	must(m.b.FlowMod(miss))

	var stop atomic.Bool
	var wg sync.WaitGroup
	sent := [2]int{}
	for p := range 2 {
		wg.Go(func() {
			sent[p] = feed(m.ports[p], func(i int) []byte {
				return udp(9, byte(i%kinds+1), uint16(i*7), uint16(p))
			}, n, &stop)
		})
	}
	var churn sync.WaitGroup
	churn.Go(func() {
		for i := 0; !stop.Load(); i++ {
			switch k := i % kinds; i / kinds % 3 {
			case 0:
				must(m.b.FlowMod(mod(k, ofp.FlowModifyStrict, ofp.PortNo(1+i%3))))
			case 1:
				must(m.b.FlowMod(mod(k, ofp.FlowDeleteStrict, 0)))
			case 2:
				must(m.b.FlowMod(mod(k, ofp.FlowAdd, 3)))
			}
			if i%50 == 0 {
				m.d.Collect() // prunes, refreshes, folds
			}
		}
	})
	within(t, "feeding", wg.Wait)
	stop.Store(true)
	within(t, "churning", churn.Wait)
	m.settle()
	m.b.Barrier()

	// Per kind: what is in the tables now, and what flow-removed said.
	total := map[uint64]uint64{}
	for cookie, c := range counts(t, m.b) {
		total[cookie] += c[0]
		if c[1] != c[0]*64 {
			t.Errorf("entry %d counted %d bytes for %d frames of 64", cookie, c[1], c[0])
		}
	}
	for _, r := range m.rec.removed {
		total[r.Cookie] += r.PacketCount
	}
	sum := uint64(0)
	for _, c := range total {
		sum += c
	}
	if want := uint64(sent[0] + sent[1]); sum != want {
		t.Errorf("%d frames counted, %d sent (%v)", sum, want, total)
	}
	// What no kind's entry has counted, the table-miss entry has.
	for k := range kinds {
		perKind := uint64(0)
		for p := range 2 {
			perKind += uint64((sent[p] + kinds - 1 - k) / kinds)
		}
		if total[uint64(k+1)] > perKind {
			t.Errorf("kind %d counted %d frames, only %d were sent", k, total[uint64(k+1)], perKind)
		}
	}
	if len(m.rec.removed) == 0 {
		t.Error("nothing was ever removed: the test tests nothing")
	}
}

// TestBarrier: once a barrier has returned, no frame takes the old path: not
// those that come then, and not those of another port's load that were under
// way. 20,000 times (BARRIERS in the environment says otherwise) flow-mod, barrier,
// frame, by many controllers at once, each with an entry, an ingress port and two
// egress ports of its own.
func TestBarrier(t *testing.T) {
	const lanes = 20
	m := newMachine(t, 2, 1+3*lanes, ports.MemOptions{Ring: 256, Capture: -1})
	n := 4000
	if raceEnabled || testing.Short() {
		n = 2000
	}
	if e := os.Getenv("BARRIERS"); e != "" {
		more, err := strconv.Atoi(e)
		if err != nil || more < lanes {
			t.Fatalf("BARRIERS=%s: want a number from %d", e, lanes)
		}
		n = more
	}
	var load []*packet.Frame
	for l := range lanes {
		load = append(load, packet.FromBytes(udp(7, 8, 1, uint16(l))))
	}
	m.ports[0].Replay(false, load...)
	var wg sync.WaitGroup
	for l := range lanes {
		wg.Go(func() { m.barriers(1+3*l, uint16(l), n/lanes) })
	}
	within(t, "barriers", wg.Wait)
	m.ports[0].Replay(false)
	if s := m.ports[0].Stats(); s.RxPackets < uint64(n) {
		t.Errorf("the other port received %d frames: no load", s.RxPackets)
	}
}

// barriers sends the frames to a UDP port to one of two ports in turn, n times,
// with a barrier behind each change, and a frame from m.ports[in] behind that. The
// two are those behind in.
func (m *machine) barriers(in int, dst uint16, n int) {
	f := udp(1, 2, 3, dst)
	match := fmt.Sprintf("udp,udp_dst=%d", dst)
	for i := range n {
		now, old := m.ports[in+1+i%2], m.ports[in+2-i%2]
		if err := m.b.FlowMod(flowMod(m.t, 0, 100, match, apply(output(ofp.PortNo(in+2+i%2))))); err != nil {
			m.t.Error(err)
			return
		}
		m.b.Barrier()
		before, after := old.Stats().TxPackets, now.Stats().TxPackets
		if m.ports[in].InjectBytes(f) != 1 {
			m.t.Errorf("port %d took no frame", in+1)
			return
		}
		m.settleOne(in)
		if more := old.Stats().TxPackets - before; more != 0 {
			m.t.Errorf("round %d: %d frames took the old path", i, more)
			return
		}
		if now.Stats().TxPackets == after {
			m.t.Errorf("round %d: the frame did not take the new path", i)
			return
		}
	}
}

func (m *machine) settleOne(i int) {
	for m.ports[i].Pending() > 0 {
		m.d.Sync()
	}
	m.d.Sync()
}

// TestSyncIdle: Sync does not wait for workers that sleep, and idle workers
// do sleep.
func TestSyncIdle(t *testing.T) {
	m := newMachine(t, 2, 2, ports.MemOptions{})
	within(t, "falling asleep", func() {
		for _, w := range m.d.workers() {
			for !w.asleep.Load() {
				runtime.Gosched()
			}
		}
	})
	within(t, "Sync of sleeping workers", func() {
		for range 100_000 {
			m.d.Sync()
		}
	})
	for i, w := range m.d.workers() {
		if !w.asleep.Load() {
			t.Errorf("worker %d woke for Sync", i)
		}
	}
	// And they wake for frames.
	if err := m.b.FlowMod(flowMod(t, 0, 1, "", apply(output(2)))); err != nil {
		t.Fatal(err)
	}
	m.ports[0].InjectBytes(udp(1, 2, 3, 4))
	within(t, "forwarding after sleep", m.settle)
	if n := len(m.ports[1].Sent()); n != 1 {
		t.Errorf("%d frames sent, want 1", n)
	}
}

// TestPortsUnderLoad adds and removes ports while frames arrive: no worker may
// touch what is gone.
func TestPortsUnderLoad(t *testing.T) {
	m := newMachine(t, 2, 2, ports.MemOptions{Capture: -1})
	m.ports[0].Replay(false, packet.FromBytes(udp(1, 2, 3, 4)))
	if err := m.b.FlowMod(flowMod(t, 0, 1, "", apply(output(ofp.PortAll)))); err != nil {
		t.Fatal(err)
	}
	rounds := 300
	if raceEnabled {
		rounds = 40
	}
	within(t, "ports coming and going", func() {
		for i := range rounds {
			p := ports.NewMemWith(fmt.Sprint("x", i), ports.MemOptions{Capture: -1})
			p.Replay(false, packet.FromBytes(udp(2, 3, uint16(i), 4)))
			if err := m.b.AddPort(77, p); err != nil {
				t.Error(err)
				return
			}
			runtime.Gosched()
			if err := m.b.RemovePort(77); err != nil {
				t.Error(err)
				return
			}
			if err := p.Close(); err != nil { // a worker that still polls it would see that
				t.Error(err)
				return
			}
		}
	})
	m.ports[0].Replay(false)
	if n := m.d.Drops()["internal_error"]; n != 0 {
		t.Errorf("%d frames dropped by failures of the switch", n)
	}
}

// TestPortDownAndUp: a device in error is not polled, and is again when it is
// said to be up.
func TestPortDownAndUp(t *testing.T) {
	m := newMachine(t, 1, 2, ports.MemOptions{})
	if err := m.b.FlowMod(flowMod(t, 0, 1, "", apply(output(2)))); err != nil {
		t.Fatal(err)
	}
	w := m.d.workers()[0]
	within(t, "parking", func() {
		if err := m.ports[0].SetAdmin(false); err != nil {
			t.Error(err)
		}
		for !w.parked.Load() {
			runtime.Gosched()
		}
	})
	if err := m.ports[0].SetAdmin(true); err != nil {
		t.Fatal(err)
	}
	m.b.PortChanged(1, m.ports[0].Status())
	m.ports[0].InjectBytes(udp(1, 2, 3, 4))
	within(t, "forwarding again", m.settle)
	if n := len(m.ports[1].Sent()); n != 1 {
		t.Errorf("%d frames sent, want 1", n)
	}
	if n := m.d.Drops()["internal_error"]; n != 0 {
		t.Errorf("%d failures", n)
	}
}

// TestThreads runs all that goes on at once, for the race detector: frames,
// flow-mods, packet-outs, statistics, ports, MAC moves.
func TestThreads(t *testing.T) {
	m := newMachine(t, 2, 4, ports.MemOptions{Capture: -1})
	far, err := m.d.AddBridge("far", BridgeOptions{Controllers: m.rec})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.d.RemoveBridge("far"); err != nil {
			t.Error(err)
		}
	}()
	for _, err := range []error{m.b.AddPatch(10, "here"), far.AddPatch(10, "there"), m.b.ConnectPatch(10, far, 10)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	far.SetFallbackNormal()
	m.b.SetFallbackNormal()
	var stop atomic.Bool
	var wg sync.WaitGroup
	run := func(fn func(i int) error) {
		wg.Go(func() {
			for i := 0; !stop.Load(); i++ {
				if err := fn(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all := &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	run(func(i int) error {
		mod := flowMod(t, ofp.TableID(i%2), uint16(i%7), fmt.Sprintf("udp,nw_dst=10.0.0.%d", i%16),
			apply(set(11, uint64(i%3)), output(ofp.PortNo(1+i%4)), output(ofp.PortNormal), output(ofp.PortController)))
		mod.Flags, mod.Command = ofp.FlowSendFlowRem, uint8(i%11%5)
		if i%2 == 0 {
			mod.Instructions = then(mod.Instructions, 1)
		}
		return m.b.FlowMod(mod)
	})
	run(func(i int) error {
		return m.b.PacketOut(&ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: ofp.PortNo(1 + i%4), Data: udp(byte(i), 9, 1, 2),
			Actions: []ofp.Action{output(ofp.PortTable), output(ofp.PortNormal)}})
	})
	run(func(int) error { return m.b.FlowStats(all, func(*ofp.FlowStats) error { return nil }) })
	run(func(i int) error {
		m.d.Collect()
		m.b.SetFailOpen(i%2 == 0)
		m.b.FlushMACs()
		m.b.Barrier()
		return nil
	})
	run(func(i int) error {
		d := m.b.PortDescs()[i%3]
		return m.b.PortMod(&ofp.PortMod{Port: d.Port, HWAddr: d.HWAddr, Config: ofp.PortConfig(i % 2 * 4), Mask: ofp.PortConfigNoRecv})
	})
	n := 20_000
	if raceEnabled {
		n = 4_000
	}
	var feeders sync.WaitGroup
	for p := range 4 {
		feeders.Go(func() {
			feed(m.ports[p], func(i int) []byte { return udp(byte(i%5), byte(i%16), uint16(i%100), 9) }, n, &stop)
		})
	}
	within(t, "everything at once", feeders.Wait)
	stop.Store(true)
	within(t, "the end of everything", wg.Wait)
	if n := m.d.Drops()["internal_error"]; n != 0 {
		t.Errorf("%d frames dropped by failures of the switch", n)
	}
}
