package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"ofswitch/packet"
)

// TestMain lets the test's own program be the hostile peers, or a switch.
func TestMain(m *testing.M) {
	if play := map[string]func(string, string) error{peersCommand: playPeers, gapCommand: playGap}[os.Args[min(1, len(os.Args)-1)]]; play != nil && len(os.Args) == 4 {
		if err := play(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// The line garbage runs in every setting: frames pass, and none vanishes.
func TestGarbageSettings(t *testing.T) {
	for _, set := range settings {
		t.Run(set.name, func(t *testing.T) {
			v, err := measureGarbage(context.Background(), set, "../testdata", 200*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if len(v) != 6 || slices.Min(v) < 0 {
				t.Errorf("values %v", v)
			}
		})
	}
}

func TestTakesGarbage(t *testing.T) {
	for _, c := range []struct {
		names, others []string
		ours          bool
	}{
		{nil, nil, false},
		{[]string{"tcp6"}, []string{"tcp6"}, false},
		{[]string{"garbage"}, nil, true},
		{[]string{"tcp", "garbage-rate"}, []string{"tcp"}, true},
	} {
		if ours, others := takesGarbage(c.names); ours != c.ours || !slices.Equal(others, c.others) {
			t.Errorf("%v: %v, %v", c.names, ours, others)
		}
	}
}

// A paced source gives what is due, no more than its ring at once, and counts
// the rest as lost; what it gives or loses is never more than its rate.
func TestPacedSource(t *testing.T) {
	s, err := newSource()
	if err != nil {
		t.Fatal(err)
	}
	d := &sink{}
	t.Cleanup(func() { s.Close() })
	start := func(rate int64) {
		t.Helper()
		if err := s.start(rate); err != nil {
			t.Fatal(err)
		}
	}
	var b packet.Batch
	take := func() int {
		n, err := s.Rx(&b)
		if err != nil {
			t.Fatal(err)
		}
		frames := make([]*packet.Frame, n)
		for i := range frames {
			frames[i] = &b.Frames[i]
		}
		d.Tx(frames)
		return n
	}
	if n := take(); n != 0 {
		t.Errorf("a silent source gave %d frames", n)
	}
	start(0)
	for range 10 {
		if n := take(); n != packet.BatchSize {
			t.Errorf("as fast as it is read it gave %d frames", n)
		}
	}
	start(1000)
	take()                                   // the rate begins
	s.began = s.began.Add(-10 * time.Second) // as if nobody had read for so long
	given := 0
	for s.lost.Load() == 0 || given < pacedRing {
		n := take()
		if given += n; n < packet.BatchSize {
			break
		}
	}
	if lost := s.lost.Load(); given < pacedRing || lost+uint64(given) < 10_000 || lost < 10_000-pacedRing {
		t.Errorf("%d frames given, %d lost, of 10000 and a ring of %d", given, lost, pacedRing)
	}
	if d.lost.Load() != 0 {
		t.Errorf("the sink misses %d", d.lost.Load())
	}
	start(0)
	take()
	s.seq += 3
	take()
	if n := d.lost.Load(); n != 3 {
		t.Errorf("the sink misses %d of 3", n)
	}
}
