package ofconn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ofswitch/ofp"
	"ofswitch/stream"
)

// network is what dialers reach in tests: at each dial, answer is called with
// the target's address.
type network struct {
	answer func(e endpoint, n int) (net.Conn, error)
	dials  log[time.Time]
}

// log is written by one goroutine and read by another.
type log[T any] struct {
	mu   sync.Mutex
	list []T
}

func (l *log[T]) add(v T) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, v)
	return len(l.list)
}

func (l *log[T]) all() []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.list)
}

func (n *network) dial(_ context.Context, e endpoint) (net.Conn, error) {
	return n.answer(e, n.dials.add(time.Now()))
}

var errRefused = errors.New("connection refused")

const target = "tcp:192.0.2.1:6653"

func TestBackoff(t *testing.T) {
	tests := []struct {
		max  time.Duration
		want []float64 // seconds between attempts
	}{
		{0, []float64{1, 2, 4, 8, 8, 8}},
		{3 * time.Second, []float64{1, 2, 3, 3}},
		{100 * time.Millisecond, []float64{0.1, 0.1, 0.1}},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			n := &network{answer: func(endpoint, int) (net.Conn, error) { return nil, errRefused }}
			m := newManager(t, &fakeSwitch{}, Options{dial: n.dial})
			if err := m.SetControllers([]Controller{{Target: target, MaxBackoff: tt.max}}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(60 * time.Second)
			synctest.Wait()
			dials := n.dials.all()
			for i, want := range tt.want {
				if got := dials[i+1].Sub(dials[i]).Seconds(); math.Abs(got-want) > 0.06*want {
					t.Errorf("max %v: attempt %d after %.3f s, want %v", tt.max, i+1, got, want)
				}
			}
			s := m.Status()[0]
			if s.State != StateBackoff || s.LastError != errRefused.Error() || s.Attempts != len(dials) {
				t.Errorf("status %+v", s)
			}
		})
	}
}

// TestReconnect: a controller that worked for a while is back after a second;
// one that drops us at once is tried ever more slowly.
func TestReconnect(t *testing.T) {
	tests := []struct {
		name string
		up   time.Duration
		want []float64 // seconds between the end of a connection and the next dial
	}{
		{"works for an hour", time.Hour, []float64{1, 1, 1, 1}},
		{"drops us at once", 0, []float64{1, 2, 4, 8, 8}},
		{"drops us after 3 s", 3 * time.Second, []float64{1, 1, 1, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ends log[time.Time]
				n := &network{}
				n.answer = func(endpoint, int) (net.Conn, error) {
					ours, theirs := net.Pipe()
					go func() {
						p := newPeer(t, theirs)
						p.shake()
						p.alive()
						time.Sleep(tt.up)
						ends.add(time.Now())
						_ = theirs.Close()
					}()
					return ours, nil
				}
				m := newManager(t, &fakeSwitch{}, Options{dial: n.dial})
				if err := m.SetControllers([]Controller{{Target: target, InactivityProbe: -1}}); err != nil {
					t.Fatal(err)
				}
				for len(n.dials.all()) <= len(tt.want) {
					time.Sleep(time.Second)
					synctest.Wait()
				}
				if err := m.Close(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(tt.up) // the last peer's time
				dials, ended := n.dials.all(), ends.all()
				for i, want := range tt.want {
					if got := dials[i+1].Sub(ended[i]).Seconds(); math.Abs(got-want) > 0.06*want {
						t.Errorf("attempt %d after %.3f s, want %v", i+1, got, want)
					}
				}
			})
		})
	}
}

func TestInactivityProbe(t *testing.T) {
	const probe = 5 * time.Second
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, &fakeSwitch{}, Options{})
		p := connected(t, m, connOptions{probe: probe})
		p.alive()
		for range 3 {
			start := time.Now()
			if e := p.want(probeXID, ofp.TypeEchoRequest).(*ofp.EchoRequest); len(e.Data) != 0 {
				t.Error("the probe has data")
			}
			if got := time.Since(start); got != probe {
				t.Errorf("probe after %v of silence, want %v", got, probe)
			}
			p.send(probeXID, &ofp.EchoReply{})
		}
		// Any message is a sign of life.
		time.Sleep(probe - time.Second)
		p.alive()
		start := time.Now()
		p.want(probeXID, ofp.TypeEchoRequest)
		if got := time.Since(start); got != probe {
			t.Errorf("probe after %v of silence, want %v", got, probe)
		}
		// Half a message too, though it is slow.
		echo := ofp.Encode(9, &ofp.EchoRequest{})
		for i := range echo {
			time.Sleep(probe - time.Second)
			p.raw(echo[i : i+1])
		}
		p.want(9, ofp.TypeEchoReply)
		start = time.Now()
		p.want(probeXID, ofp.TypeEchoRequest)
		p.wantClosed(errInactive)
		if got := time.Since(start); got != 2*probe {
			t.Errorf("closed after %v of silence, want %v", got, 2*probe)
		}
	})
}

func TestNoProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := connected(t, newManager(t, &fakeSwitch{}, Options{}), connOptions{})
		time.Sleep(24 * time.Hour)
		p.alive()
	})
}

// TestBusyIsNotSilence: the time that the switch takes for a message is not the
// peer's silence.
func TestBusyIsNotSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sw := &fakeSwitch{hook: func(method string) {
			if method == "Barrier" {
				time.Sleep(time.Minute)
			}
		}}
		p := connected(t, newManager(t, sw, Options{}), connOptions{probe: time.Second})
		p.send(1, &ofp.BarrierRequest{})
		p.want(1, ofp.TypeBarrierReply)
		p.alive()
	})
}

// TestControllersByDifference: who stays keeps the connection.
func TestControllersByDifference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		all := make(map[string][]*peer)
		n := &network{answer: func(e endpoint, _ int) (net.Conn, error) {
			ours, theirs := net.Pipe()
			p := newPeer(t, theirs)
			mu.Lock()
			defer mu.Unlock()
			all[e.Address] = append(all[e.Address], p)
			return ours, nil
		}}
		var told log[int]
		m := newManager(t, &fakeSwitch{}, Options{dial: n.dial, OnConnected: func(n int) { told.add(n) }})
		set := func(targets ...string) {
			t.Helper()
			var list []Controller
			for _, target := range targets {
				list = append(list, Controller{Target: target, InactivityProbe: -1})
			}
			if err := m.SetControllers(list); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		count := func(address string) int {
			mu.Lock()
			defer mu.Unlock()
			return len(all[address])
		}
		first := func(address string) *peer {
			mu.Lock()
			defer mu.Unlock()
			return all[address][0]
		}
		const a, b, c = "192.0.2.1:1", "192.0.2.2:2", "/run/c"
		set("tcp:"+a, "tcp:"+b)
		first(a).shake()
		first(b).shake()
		synctest.Wait()
		if m.Connected() != 2 {
			t.Errorf("%d connected, want 2", m.Connected())
		}
		set("unix:"+c, "tcp:"+b)
		first(a).wantClosed(nil)
		first(c).shake()
		first(b).alive()
		if count(b) != 1 || m.Connected() != 2 {
			t.Errorf("%d connections to the controller that stays, %d connected", count(b), m.Connected())
		}
		// Other settings take effect on the same connection.
		if err := m.SetControllers([]Controller{{Target: "tcp:" + b, InactivityProbe: time.Second, PacketInRate: 1, PacketInBurst: 1}}); err != nil {
			t.Fatal(err)
		}
		first(c).wantClosed(nil)
		first(b).alive()
		first(b).want(probeXID, ofp.TypeEchoRequest)
		first(b).send(probeXID, &ofp.EchoReply{})
		for range 3 {
			m.PacketIns([]PacketIn{{Msg: ofp.PacketIn{}, InPort: 1}})
		}
		start := time.Now()
		for got := 0; got < 3; {
			h, _ := first(b).recv()
			if h.Type == ofp.TypePacketIn {
				got++
			} else {
				first(b).send(h.XID, &ofp.EchoReply{})
			}
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("3 packet-ins at 1/s took %v, want 2s", took)
		}
		synctest.Wait() // the last write is accounted for
		if s := m.Status(); len(s) != 1 || s[0].State != StateActive || s[0].PacketIns.Sent != 3 || s[0].Role != ofp.RoleEqual {
			t.Errorf("status %+v", s)
		}
		set()
		first(b).wantClosed(nil)
		if len(m.Status()) != 0 || m.Connected() != 0 || len(m.established()) != 0 {
			t.Errorf("left: %+v", m.Status())
		}
		counts := told.all()
		for i := 1; i < len(counts); i++ {
			if counts[i] == counts[i-1] {
				t.Errorf("OnConnected was told %v", counts)
			}
		}
		if len(counts) == 0 || counts[len(counts)-1] != 0 || slices.Max(counts) != 2 {
			t.Errorf("OnConnected was told %v", counts)
		}
	})
}

func TestSetControllersErrors(t *testing.T) {
	n := &network{answer: func(endpoint, int) (net.Conn, error) { return nil, errRefused }}
	m := newManager(t, &fakeSwitch{}, Options{dial: n.dial})
	err := m.SetControllers([]Controller{{Target: "ssl::6653"}, {Target: target}, {Target: target}, {Target: "udp:x"}})
	if err == nil || !strings.Contains(err.Error(), "the host is missing") || !strings.Contains(err.Error(), "given twice") || !strings.Contains(err.Error(), "udp:x") {
		t.Errorf("error %v", err)
	}
	if s := m.Status(); len(s) != 1 || s[0].Target != target {
		t.Errorf("the good one is not set: %+v", s)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := m.SetControllers(nil); err != ErrClosed {
		t.Errorf("after Close: %v", err)
	}
	if err := m.SetListeners(nil); err != ErrClosed {
		t.Errorf("after Close: %v", err)
	}
}

func TestTargets(t *testing.T) {
	active := []struct{ in, network, address string }{
		{"tcp:192.0.2.1:6633", "tcp", "192.0.2.1:6633"},
		{"tcp:192.0.2.1", "tcp", "192.0.2.1:6653"},
		{"tcp:controller.example:1", "tcp", "controller.example:1"},
		{"tcp:[2001:db8::1]:6633", "tcp", "[2001:db8::1]:6633"},
		{"tcp:[2001:db8::1]", "tcp", "[2001:db8::1]:6653"},
		{"unix:/run/x.sock", "unix", "/run/x.sock"},
		{"tcp:", "", ""}, {"tcp::6653", "", ""}, {"tcp:h:0", "", ""}, {"tcp:h:65536", "", ""}, {"tcp:h:x", "", ""}, {"tcp:2001:db8::1", "", ""},
		{"tcp:[::1", "", ""}, {"tcp:[::1]6653", "", ""}, {"unix:", "", ""}, {"ptcp:1", "", ""}, {"punix:/x", "", ""}, {"pssl:1", "", ""},
		{"ssl:192.0.2.1", "tcp", "192.0.2.1:6653"}, {"ssl:[2001:db8::1]", "tcp", "[2001:db8::1]:6653"}, {"ssl:[2001:db8::1]:1", "tcp", "[2001:db8::1]:1"}, {"ssl:", "", ""}, {"ssl:::1", "", ""}, {"h:1", "", ""}, {"", "", ""},
		{"unix:" + string(make([]byte, 108)), "", ""},
	}
	passive := []struct{ in, network, address string }{
		{"ptcp:", "tcp", ":6653"}, {"ptcp", "tcp", ":6653"}, {"ptcp:6633", "tcp", ":6633"}, {"ptcp:6633:127.0.0.1", "tcp", "127.0.0.1:6633"}, {"ptcp:0:[::1]", "tcp", "[::1]:0"},
		{"ptcp:1:::1", "tcp", "[::1]:1"}, {"ptcp::127.0.0.1", "tcp", "127.0.0.1:6653"}, {"punix:/run/x", "unix", "/run/x"},
		{"ptcp:x", "", ""}, {"ptcp:70000", "", ""}, {"punix:", "", ""}, {"tcp:h:1", "", ""}, {"unix:/x", "", ""}, {"ssl:h", "", ""}, {"x", "", ""},
		{"pssl:", "tcp", ":6653"}, {"pssl:1:127.0.0.1", "tcp", "127.0.0.1:1"}, {"pssl::[::1]", "tcp", "[::1]:6653"}, {"pssl:x", "", ""},
	}
	for _, tt := range active {
		if e, err := parseActive(tt.in); (err != nil) != (tt.network == "") || err == nil && e != (endpoint{Network: tt.network, Address: tt.address, TLS: stream.UsesTLS(tt.in)}) {
			t.Errorf("%q: %+v, %v", tt.in, e, err)
		}
	}
	for _, tt := range passive {
		if e, err := parsePassive(tt.in); (err != nil) != (tt.network == "") || err == nil && e != (endpoint{Network: tt.network, Address: tt.address, TLS: stream.UsesTLS(tt.in)}) {
			t.Errorf("%q: %+v, %v", tt.in, e, err)
		}
	}
}

func TestFailMode(t *testing.T) {
	const probe = 5 * time.Second
	const never = 1000 * time.Hour
	type event struct {
		at time.Duration
		on bool
	}
	// A controller that is there from up to down, and again from up2 on.
	run := func(t *testing.T, mode FailMode, up, down, up2 time.Duration, probes ...time.Duration) (events []event) {
		start := time.Now()
		n := &network{}
		n.answer = func(endpoint, int) (net.Conn, error) {
			now := time.Since(start)
			if now < up || now >= down && now < up2 {
				return nil, errRefused
			}
			ours, theirs := net.Pipe()
			go func() {
				p := newPeer(t, theirs)
				p.shake()
				if now < down && down < never {
					time.Sleep(down - now)
					_ = theirs.Close()
				}
			}()
			return ours, nil
		}
		m := newManager(t, &fakeSwitch{}, Options{dial: n.dial, FailMode: mode, OnFailOpen: func(on bool) {
			events = append(events, event{time.Since(start), on})
		}})
		list := []Controller{{Target: target, MaxBackoff: 100 * time.Millisecond, InactivityProbe: -1}}
		for i, p := range probes {
			list = append(list, Controller{Target: fmt.Sprintf("unix:/%d", i), MaxBackoff: time.Hour, InactivityProbe: p})
		}
		dial := m.o.dial
		m.o.dial = func(ctx context.Context, e endpoint) (net.Conn, error) {
			if e.Network == "unix" {
				return nil, errRefused // these only count for the largest probe
			}
			return dial(ctx, e)
		}
		if err := m.SetControllers(list); err != nil {
			t.Fatal(err)
		}
		time.Sleep(up2 + 10*time.Second)
		synctest.Wait()
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		return events
	}
	near := func(e event, at time.Duration, on bool) bool {
		return e.on == on && e.at >= at && e.at <= at+200*time.Millisecond
	}
	synctest.Test(t, func(t *testing.T) {
		ev := run(t, FailStandalone, 0, time.Minute, 2*time.Minute)
		if len(ev) != 2 || !near(ev[0], time.Minute+3*probe, true) || !near(ev[1], 2*time.Minute, false) {
			t.Errorf("lost and back: %v", ev)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		ev := run(t, FailStandalone, 30*time.Second, never, 40*time.Second, 7*time.Second, time.Second)
		if len(ev) != 2 || !near(ev[0], 21*time.Second, true) || !near(ev[1], 30*time.Second, false) {
			t.Errorf("late at first, largest probe 7 s: %v", ev)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if ev := run(t, FailStandalone, 0, time.Minute, time.Minute+14*time.Second); len(ev) != 0 {
			t.Errorf("back in time: %v", ev)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if ev := run(t, FailSecure, 0, time.Minute, 2*time.Minute); len(ev) != 0 {
			t.Errorf("secure: %v", ev)
		}
	})
}

func TestFailModeWithoutControllers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events log[bool]
		n := &network{answer: func(endpoint, int) (net.Conn, error) { return nil, errRefused }}
		m := newManager(t, &fakeSwitch{}, Options{dial: n.dial, OnFailOpen: func(on bool) { events.add(on) }})
		step := func(d time.Duration, want ...bool) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := events.all(); !slices.Equal(got, want) {
				t.Errorf("told %v, want %v", got, want)
			}
		}
		step(time.Hour) // none configured: the bridge sees to it
		if err := m.SetControllers([]Controller{{Target: target}}); err != nil {
			t.Fatal(err)
		}
		step(14 * time.Second) // counted from now, not from the start
		step(2*time.Second, true)
		m.SetFailMode(FailSecure)
		step(0, true, false)
		m.SetFailMode(FailStandalone)
		step(0, true, false, true)
		// A tool that connects is no controller.
		p := connected(t, m, connOptions{management: true})
		p.alive()
		step(time.Minute, true, false, true)
		if !m.FailOpen() {
			t.Error("FailOpen says no")
		}
		if err := m.SetControllers(nil); err != nil {
			t.Fatal(err)
		}
		step(0, true, false, true, false)
	})
}
