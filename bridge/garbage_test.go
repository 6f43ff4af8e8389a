package bridge

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"ofswitch/internal/garbage"
	"ofswitch/internal/testutil"
	"ofswitch/ofconn"
	"ofswitch/ofp"
)

// Bounds on live heap, tests' own part included.
const (
	heapSlack    = 48 << 20  // what any attack but the next two may hold
	heapStorm    = 96 << 20  // frames by the hundred thousand that are all new to the caches
	heapThousand = 192 << 20 // a thousand connections
)

// While hostile peers do their worst to the OpenFlow channel, from listeners
// and as controllers that we dial, no frame is lost, reordered or changed, others are
// served, memory stays bounded, and afterwards everything is as it was.
func TestGarbageCostsItsConnectionAtMost(t *testing.T) {
	for workers := 1; workers <= 2; workers++ {
		t.Run(fmt.Sprintf("%d-workers", workers), func(t *testing.T) { testGarbage(t, workers) })
	}
}

func testGarbage(t *testing.T, workers int) {
	seeds, err := garbage.Seeds("../testdata/ofp")
	if err != nil {
		t.Fatal(err)
	}
	if workers > 1 || raceEnabled {
		// One worker sees them all, where that does not take minutes.
		for i := range len(seeds) / 4 {
			seeds[i] = seeds[4*i]
		}
		seeds = seeds[:len(seeds)/4]
	}
	warmUp(t)
	first := takeVitals(t)
	r := newRig(t, workers)

	// One well-behaved peer is a controller that the switch dials, one comes
	// by the listener. They work in tables that no frame visits.
	good := listen(t, r.path("good"))
	r.must(r.conn.SetControllers([]ofconn.Controller{{Target: "unix:" + r.path("good")}}))
	nc, err := good.Accept()
	r.must(err)
	clients := []*client{startClient(nc, 200)}
	nc, err = net.Dial("unix", r.path("mgmt"))
	r.must(err)
	clients = append(clients, startClient(nc, 201))
	defer func() {
		for _, c := range clients {
			c.stop()
		}
	}()

	for _, s := range r.streams {
		s.start()
	}
	// progress returns when every stream has passed frames more frames and every
	// client has been answered rounds more times.
	progress := func(what string, frames, rounds uint64) {
		t.Helper()
		for _, s := range r.streams {
			goal := s.passed.Load() + frames
			testutil.Eventually(t, what, func() error {
				if err := s.err1(); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if n := s.passed.Load(); n < goal {
					return fmt.Errorf("%d frames of %d have passed", n, goal)
				}
				return nil
			})
		}
		for i, c := range clients {
			goal := c.rounds.Load() + rounds
			testutil.Eventually(t, what, func() error {
				if err := c.failed(); err != nil {
					t.Fatalf("%s: well-behaved peer %d: %v", what, i, err)
				}
				if n := c.rounds.Load(); n < goal {
					return fmt.Errorf("well-behaved peer %d was answered %d times of %d", i, n, goal)
				}
				return nil
			})
		}
	}
	progress("before the attack", 20_000, 20)
	before, _ := flowsWithoutClients(r)
	quiet := takeVitals(t)
	// settled waits until the peers' connections are gone from the switch.
	settled := func(what string) {
		t.Helper()
		testutil.Eventually(t, what, func() error {
			if n := runtime.NumGoroutine(); n > quiet.goroutines {
				return fmt.Errorf("%d goroutines, %d before", n, quiet.goroutines)
			}
			return nil
		})
	}

	dial := func() (net.Conn, error) { return net.Dial("unix", r.path("mgmt")) }
	for i, kind := range garbage.Kinds() {
		r.attack(t, kind.Name, func() *garbage.Peers {
			peers := garbage.New(dial, seeds, uint64(i))
			if err := kind.Send(peers); err != nil {
				t.Errorf("%s: %v", kind.Name, err)
			}
			return peers
		}, progress, func(peers *garbage.Peers) {
			during := takeVitals(t)
			limit := quiet.heap + heapSlack
			if peers.Conns() >= garbage.Thousand {
				limit = quiet.heap + heapThousand
			}
			if during.heap > limit {
				t.Errorf("%s: %v, want %d MiB at most", kind.Name, during, limit>>20)
			}
			if n := peers.Sated(); n != 0 {
				t.Errorf("%s: the switch took all that %d peers sent who never read", kind.Name, n)
			}
			t.Logf("%-36s %9d bytes, then %v", kind.Name, peers.Bytes(), during)
		})
		settled("after " + kind.Name)
	}

	t.Run("packet-in storm", func(t *testing.T) { r.testStorm(t, dial, seeds, progress) })
	settled("after the storm")
	t.Run("dialled", func(t *testing.T) { r.testDialled(t, seeds, progress) })
	settled("after the dialled controllers")
	t.Run("all at once", func(t *testing.T) {
		var wg sync.WaitGroup
		var all []*garbage.Peers
		for i, kind := range garbage.Kinds() {
			peers := garbage.New(dial, seeds[:30], uint64(i))
			all = append(all, peers)
			// A full listener closes connections at once, which may be an error of dialling's.
			wg.Go(func() { _ = kind.Send(peers) })
		}
		progress("all at once", 50_000, 20)
		wg.Wait()
		progress("all at once, at the end", 10_000, 10)
		for _, p := range all {
			p.Close()
		}
	})
	settled("after the attack")

	for _, c := range clients {
		c.stop()
	}
	var worst []string
	for _, s := range r.streams {
		if err := s.halt(); err != nil {
			t.Error(err)
		}
		worst = append(worst, s.worst.String())
		if in, out := s.in.Stats(), s.sink.Stats(); in.RxDropped+out.RxDropped != 0 {
			t.Errorf("rings dropped %d frames on their way in, %d on their way out", in.RxDropped, out.RxDropped)
		}
	}
	after, counts := flowsWithoutClients(r)
	sameFlows(t, before, after)
	for _, s := range r.streams {
		if n := counts[s.cookie]; n != s.sent {
			t.Errorf("the entry of %s counted %d frames of %d", s.in.Name(), n, s.sent)
		}
		t.Logf("%s: %d frames, none lost", s.in.Name(), s.sent)
	}
	t.Logf("answered rounds: %d and %d; worst gaps between batches %v", clients[0].rounds.Load(), clients[1].rounds.Load(), worst)
	end := takeVitals(t)
	if end.heap > quiet.heap+heapSlack/2 {
		t.Errorf("in the end %v, before the attack %v", end, quiet)
	}
	t.Logf("before %v; after %v", quiet, end)
	good.Close()
	r.close()
	testutil.Eventually(t, "all is closed", func() error {
		if last := takeVitals(t); last.goroutines > first.goroutines || last.descriptors > first.descriptors {
			return fmt.Errorf("at the start %v; in the end %v", first, last)
		}
		return nil
	})
}

// flowsWithoutClients is the flow table without the entries that the
// well-behaved peers come and go with.
func flowsWithoutClients(r *rig) ([]ofp.FlowStats, map[uint64]uint64) {
	list, counts := r.flows()
	return slices.DeleteFunc(list, func(s ofp.FlowStats) bool { return s.Cookie == 1<<40 }), counts
}

// warmUp makes the descriptors that the runtime keeps.
func warmUp(t *testing.T) {
	t.Helper()
	l := listen(t, socketDir(t)+"/warm")
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	l.Close()
}

func listen(t *testing.T, path string) net.Listener {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// testStorm sends frames that miss every entry by thousands to peers who asked
// for packet-ins and do not read them.
func (r *rig) testStorm(t *testing.T, dial func() (net.Conn, error), seeds [][]byte, progress func(string, uint64, uint64)) {
	var stop atomic.Bool
	var sent, refused uint64
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1500)
		for n := uint64(0); !stop.Load(); n++ {
			f := numbered(b, n)
			f[4], f[5] = byte(n>>8), byte(n) // every frame a key of its own: a miss of the cache, too
			if r.storm.InjectBytes(f) == 1 {
				sent++
				continue
			}
			refused++
			runtime.Gosched() // the ring is full
		}
	}()
	defer func() {
		stop.Store(true)
		<-done
		t.Logf("%d frames stormed in, %d found no room", sent, refused)
	}()
	r.attack(t, "packet-in storm", func() *garbage.Peers {
		peers := garbage.New(dial, seeds, 1)
		for _, k := range garbage.Kinds() {
			if k.Name == "packet-ins never read" {
				r.must(k.Send(peers))
			}
		}
		testutil.Eventually(t, "packet-ins pile up", func() error {
			if n := overrun(r.conn); n < peers.Conns() {
				return fmt.Errorf("%d peers are overrun", n)
			}
			return nil
		})
		return peers
	}, progress, func(peers *garbage.Peers) {
		during := takeVitals(t)
		if during.heap > heapStorm {
			t.Errorf("packet-in storm: %v, want %d MiB at most", during, heapStorm>>20)
		}
		t.Logf("%d peers overrun: %v", overrun(r.conn), during)
	})
}

// attack sets peers on the switch, waits for frames and answers to others while
// they are there, and then has a look. The switch may close peers who have not
// read for long, and what it stood still for until then must not count as
// progress: the peers are set on it again until frames have passed and others were
// answered while all of them were there.
func (r *rig) attack(t *testing.T, what string, start func() *garbage.Peers, progress func(string, uint64, uint64), look func(*garbage.Peers)) {
	t.Helper()
	const tries = 3
	for try := 1; ; try++ {
		peers := start()
		progress(what, 10_000, 10)
		n, want := passive(r.conn)-1, peers.Conns() // one is well-behaved
		if n < want && want < garbage.Thousand && try < tries {
			t.Logf("%s: only %d of %d peers were still there when the frames had passed", what, n, want)
			peers.Close()
			continue
		}
		if n < want && want < garbage.Thousand {
			t.Errorf("%s: the switch closed peers before frames had passed and others were answered, %d times", what, tries)
		}
		look(peers)
		peers.Close()
		return
	}
}

// passive is the number of connections that listeners took.
func passive(m *ofconn.Manager) (n int) {
	for _, c := range m.Status() {
		if c.Passive {
			n++
		}
	}
	return n
}

// overrun is the number of connections to which packet-ins were not sent since
// too many wait.
func overrun(m *ofconn.Manager) (n int) {
	for _, c := range m.Status() {
		if c.Passive && c.PacketIns.DroppedPort+c.PacketIns.DroppedTotal > 0 {
			n++
		}
	}
	return n
}

// testDialled has the switch connect to hostile controllers.
func (r *rig) testDialled(t *testing.T, seeds [][]byte, progress func(string, uint64, uint64)) {
	config := []ofconn.Controller{{Target: "unix:" + r.path("good")}}
	var all []*garbage.Peers
	var served atomic.Int64
	for i := range 3 {
		l := &countingListener{listen(t, r.path(fmt.Sprint("bad", i))), &served}
		p := garbage.New(nil, seeds, uint64(100+i))
		p.Serve(l)
		all = append(all, p)
		defer func() {
			l.Close()
			p.Close()
		}()
		config = append(config, ofconn.Controller{Target: "unix:" + l.Addr().String(), MaxBackoff: 1})
	}
	// One accepts and says nothing.
	silent := listen(t, r.path("silent"))
	config = append(config, ofconn.Controller{Target: "unix:" + r.path("silent")})
	// And one is not there.
	config = append(config, ofconn.Controller{Target: "unix:" + r.path("nobody"), MaxBackoff: 1})
	r.must(r.conn.SetControllers(config))
	progress("with hostile controllers", 10_000, 10)
	testutil.Eventually(t, "hostile controllers are dialled again and again", func() error {
		if n := served.Load(); n < 200 {
			return fmt.Errorf("%d times", n)
		}
		return nil
	})
	progress("with hostile controllers, later", 10_000, 10)
	var bytes int64
	for _, p := range all {
		bytes += p.Bytes()
	}
	t.Logf("dialled %d times, %d bytes", served.Load(), bytes)
	r.must(r.conn.SetControllers(config[:1]))
	silent.Close()
}

// countingListener counts connections.
type countingListener struct {
	net.Listener
	n *atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.n.Add(1)
	} else if !errors.Is(err, net.ErrClosed) {
		panic(err)
	}
	return c, err
}
