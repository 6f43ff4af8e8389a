package ofswitch

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"ofswitch/l2"
	"ofswitch/ofp"
)

// newNormalLab has n ports, and an entry that sends all to NORMAL.
func newNormalLab(t *testing.T, n int, change ...func(*Options)) *lab {
	l := newLab(t, n, change...)
	l.b.SetFallbackNormal()
	return l
}

func (l *lab) name(no int) string { return l.ports[no-1].Name() }

// link takes a port's carrier, or gives it back.
func (l *lab) link(no int, up bool) {
	st := l.ports[no-1].Status()
	st.LinkUp = up
	l.ports[no-1].SetStatus(st)
	l.b.PortChanged(ofp.PortNo(no), st)
}

// came lists the ports, from 1 on, by which a frame has left since the last call.
func (l *lab) came() string {
	var list []string
	for no := range l.ports {
		if n := len(l.sent(no + 1)); n > 0 {
			list = append(list, fmt.Sprintf("%d:%d", no+1, n))
		}
	}
	return strings.Join(list, " ")
}

// TestL2Staleness: a change of how one port forwards costs only the flows that go by
// it a new translation.
func TestL2Staleness(t *testing.T) {
	l := newNormalLab(t, 6)
	w := l.d.workers()[0]
	// Stations 1 to 4 at the ports 1 to 4; 5 and 6 will be a bond.
	for no := 1; no <= 4; no++ {
		l.send(no, udp(byte(no), 9, 1, 1))
	}
	one, three := udp(1, 2, 3, 4), udp(3, 4, 3, 4)
	flood := udp(1, 8, 3, 4)
	at := map[*byte]int{&one[0]: 1, &three[0]: 3, &flood[0]: 1}
	all := [][]byte{one, three, flood}
	run := func() {
		for _, f := range all {
			l.send(at[&f[0]], f)
		}
	}
	run()
	c := L2{Ports: map[ofp.PortNo]L2Port{}}
	misses := func(what string, want uint64, change func()) {
		t.Helper()
		change()
		before := w.counts.Misses
		run()
		if got := w.counts.Misses - before; got != want {
			t.Errorf("%s: %d translations, want %d", what, got, want)
		}
		run()
		if got := w.counts.Misses - before; got != want {
			t.Errorf("%s: %d translations in the end, want %d", what, got, want)
		}
	}
	apply := func() { l.b.SetL2(c) }
	misses("no change", 0, apply)
	misses("a port that only the flood goes by", 1, func() {
		c.Ports[6] = L2Port{VLAN: l2.VLAN{Mode: l2.Access, Tag: 7}}
		apply()
	})
	misses("a mirror of what comes from station 3", 2, func() { // and the flood, which goes by port 3
		c.Mirrors = []L2Mirror{{Name: "m", Src: []string{l.name(3)}, Output: l.name(6)}}
		apply()
	})
	misses("the same mirror of fewer bytes", 2, func() {
		c.Mirrors = []L2Mirror{{Name: "m", Src: []string{l.name(3)}, Output: l.name(6), SnapLen: 20}}
		apply()
	})
	misses("the mirror goes", 2, func() { c.Mirrors = nil; apply() })
	c.Ports[6] = L2Port{}
	c.Bonds = []L2Bond{{Name: "bond0", Members: []ofp.PortNo{5, 6}}}
	apply()
	run()
	misses("a member that is not active loses its link", 1, func() { l.link(6, false) })
	misses("it comes back", 1, func() { l.link(6, true) })
	misses("the active member loses its link", 1, func() { l.link(5, false) })
	misses("the port of station 2", 2, func() { // its address is learnt anew: flooded
		c.Ports[2] = L2Port{Protected: true}
		apply()
	})
}

// TestBondFailover: frames leave by the active member, and come in by it alone.
func TestBondFailover(t *testing.T) {
	l := newNormalLab(t, 4)
	l.b.SetL2(L2{Bonds: []L2Bond{{Name: "bond0", Members: []ofp.PortNo{2, 3}, Config: l2.BondConfig{DownDelay: 50}}}})
	steps := []struct {
		what string
		do   func()
		in   int
		want string
	}{
		{"a flood", func() {}, 1, "2:1 4:1"},
		{"by the active member", func() {}, 2, "1:1 4:1"},
		{"by the other", func() {}, 3, ""},
		{"the active one is away, not long enough", func() { l.link(2, false) }, 1, "4:1"},
		{"long enough", func() { l.now.Add(50); l.d.Collect() }, 1, "3:1 4:1"},
		{"by the member that is active now", func() {}, 3, "1:1 4:1"},
		{"the other is back", func() { l.link(2, true) }, 1, "3:1 4:1"},
		{"no link", func() { l.link(2, false); l.link(3, false); l.now.Add(50); l.d.Collect() }, 1, "4:1"},
		{"one comes", func() { l.link(2, true) }, 1, "2:1 4:1"},
		{"its port is taken out: one is no bond", func() {
			if err := l.b.RemovePort(2); err != nil {
				t.Fatal(err)
			}
			l.link(3, true)
		}, 1, "3:1 4:1"},
	}
	for _, s := range steps {
		s.do()
		f := udp(byte(10+s.in), 99, 1, 1)
		copy(f, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
		l.send(s.in, f)
		if got := l.came(); got != s.want {
			t.Errorf("%s: left by %q, want %q", s.what, got, s.want)
		}
	}
	if list := l.b.Bonds(); len(list) != 1 || list[0].Name != "bond0" || len(list[0].Members) != 0 {
		t.Errorf("bonds: %+v", list)
	}
	// One that wants LACP has no member that passes anything, and says so.
	for _, c := range []struct {
		config l2.BondConfig
		want   bool
	}{{l2.BondConfig{LACP: true}, false}, {l2.BondConfig{Mode: l2.BalanceTCP}, false}, {l2.BondConfig{LACP: true, FallbackAB: true}, true}} {
		l.b.SetL2(L2{Bonds: []L2Bond{{Name: "bond0", Members: []ofp.PortNo{1, 4}, Config: c.config}}})
		list := l.b.Bonds()
		if len(list) != 1 || len(list[0].Members) != 2 || list[0].Active != "" != c.want || list[0].Members[0].Enabled != c.want || list[0].Members[1].Enabled != c.want {
			t.Errorf("%+v: bonds %+v", c.config, list)
		}
	}
	// Stations are known by the bond, whichever member they came by.
	l.b.SetL2(L2{})
	if list := l.b.Bonds(); len(list) != 0 {
		t.Errorf("bonds that are gone: %+v", list)
	}
}

// TestMirrorCounts: one copy of a frame however many reasons, counted once, and the
// counters live as long as the mirror.
func TestMirrorCounts(t *testing.T) {
	l := newNormalLab(t, 5)
	c := L2{Mirrors: []L2Mirror{
		{Name: "all", All: true, Output: l.name(5)},
		{Name: "again", Src: []string{l.name(1)}, Output: l.name(5)},
		{Name: "dst", Dst: []string{l.name(2), l.name(3)}, Output: l.name(4), SnapLen: 20},
		{Name: "nowhere", All: true, Output: "none"},
	}}
	l.b.SetL2(c)
	f := udp(1, 2, 3, 4)
	l.send(1, f, f, f)
	if got, want := l.came(), "2:3 3:3 4:3 5:3"; got != want {
		t.Errorf("left by %q, want %q", got, want)
	}
	l.send(1, f)
	for no, want := range map[int]int{4: 20, 5: len(f)} {
		if sent := l.sent(no); len(sent) != 1 || !bytes.Equal(sent[0], f[:want]) {
			t.Errorf("port %d: %x, want %d bytes of %x", no, sent, want, f)
		}
	}
	want := "[{again 0 0} {all 4 256} {dst 4 256}]"
	if got := fmt.Sprint(l.b.Mirrors()); got != want {
		t.Errorf("mirrors: %s, want %s", got, want)
	}
	// The output takes nothing in.
	l.came()
	l.send(5, f)
	if got := l.came(); got != "" {
		t.Errorf("the output of a mirror took a frame, which left by %q", got)
	}
	if n := l.d.Drops()["mirror_output"]; n != 1 {
		t.Errorf("%d frames dropped at the output of a mirror, want 1", n)
	}
	// Without its port a mirror rests.
	if err := l.b.RemovePort(4); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(l.b.Mirrors()), "[{again 0 0} {all 4 256}]"; got != want {
		t.Errorf("mirrors: %s, want %s", got, want)
	}
	c.Mirrors = c.Mirrors[:1]
	l.b.SetL2(c)
	if got, want := fmt.Sprint(l.b.Mirrors()), "[{all 4 256}]"; got != want {
		t.Errorf("mirrors: %s, want %s", got, want)
	}
}

// TestRingOfBridges: a broadcast in a ring of patches ends, and the log says so, once in
// a while.
func TestRingOfBridges(t *testing.T) {
	var log bytes.Buffer
	l := newNormalLab(t, 1, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	other, err := l.d.AddBridge("br1", BridgeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	other.SetFallbackNormal()
	t.Cleanup(func() {
		if err := l.d.RemoveBridge("br1"); err != nil {
			t.Error(err)
		}
	})
	for no := ofp.PortNo(10); no < 12; no++ {
		for _, b := range []*Bridge{l.b, other} {
			if err := b.AddPatch(no, fmt.Sprint(b.name, "x", no)); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.b.ConnectPatch(no, other, no); err != nil {
			t.Fatal(err)
		}
	}
	f := udp(1, 2, 3, 4)
	copy(f, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	for range 3 {
		l.send(1, f)
		l.b.FlushMACs()
		other.FlushMACs()
	}
	if n := strings.Count(log.String(), "ring of bridges"); n != 1 {
		t.Errorf("told %d times, want once:\n%s", n, log.String())
	}
	if n := len(l.sent(1)); n > 3*maxDepth {
		t.Errorf("%d copies of 3 frames came back", n)
	}
	l.now.Add(int64(20 * time.Second))
	l.send(1, f)
	if n := strings.Count(log.String(), "ring of bridges"); n != 2 {
		t.Errorf("told %d times in the end, want twice:\n%s", n, log.String())
	}
}
