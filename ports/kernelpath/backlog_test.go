package kernelpath

import (
	"errors"
	"maps"
	"os"
	"testing"

	"ofswitch/internal/testutil"
)

func TestParseBacklogs(t *testing.T) {
	const line0 = "d6a9796e 0031d17d 00000778 00000000 00000000 00000000 00000000 00000000 00000000 00095f66 00000000 00000003 00000000 00000003 00000000\n"
	const line3 = "54f14981 003036be 0000004f 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000100 00000003\n"
	for _, c := range []struct {
		name, text string
		want       map[uint64]backlog
	}{
		{"two processors, one with a longer line", line0 + line3, map[uint64]backlog{0: {0xd6a9796e, 3}, 3: {0x54f14981, 256}}},
		{"none", "", map[uint64]backlog{}},
		{"short", line0[:13*9-10] + "\n", nil},
		{"no number", "x" + line0[1:], nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseBacklogs(c.text)
			if (err != nil) != (c.want == nil) || err == nil && !maps.Equal(got, c.want) {
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

// What waited in a backlog is waited for, what comes later is not.
func TestDrain(t *testing.T) {
	failed := errors.New("failed")
	type all = map[uint64]backlog
	for _, c := range []struct {
		name  string
		reads []all // the last one again and again
		want  int   // reads
	}{
		{"nothing waits", []all{{0: {5, 0}, 1: {7, 0}}}, 1},
		{"gone", []all{{0: {5, 2}}, {0: {6, 1}}, {0: {7, 0}}}, 3},
		{"gone, and others come", []all{{0: {5, 2}}, {0: {6, 9}}, {0: {7, 9}}, {0: {8, 9}}}, 4},
		{"the count begins anew", []all{{0: {0xffffffff, 1}}, {0: {0, 9}}, {0: {1, 9}}}, 3},
		{"one after the other", []all{{0: {5, 1}, 1: {5, 1}}, {0: {6, 0}, 1: {5, 1}}, {0: {9, 9}, 1: {6, 0}}}, 3},
		{"a processor goes", []all{{0: {5, 2}}, {}}, 2},
		{"failed", []all{{0: {5, 2}}, nil}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := 0
			err := drain(func() (map[uint64]backlog, error) {
				at := c.reads[min(n, len(c.reads)-1)]
				n++
				if at == nil {
					return nil, failed
				}
				return maps.Clone(at), nil
			}, testutil.Patience)
			if n != c.want || errors.Is(err, failed) != (c.reads[len(c.reads)-1] == nil) {
				t.Errorf("read %d times, want %d; %v", n, c.want, err)
			}
		})
	}
}

// One that never gets anywhere is not waited for for ever.
func TestDrainStuck(t *testing.T) {
	if err := drain(func() (map[uint64]backlog, error) { return map[uint64]backlog{0: {5, 2}}, nil }, backlogPatience); err != nil {
		t.Error(err)
	}
}

// The kernel's file is read whole, whatever room there is at first.
func TestReadBacklogs(t *testing.T) {
	var b backlogs
	b.open()
	b.buf = make([]byte, 1)
	all, err := b.read()
	if err != nil || len(all) == 0 {
		t.Errorf("%v, %v", all, err)
	}
	if err := b.close(); err != nil {
		t.Error(err)
	}
	if _, err := b.read(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after close: %v", err)
	}
	b.drain() // takes longer
	if err := b.close(); err != nil {
		t.Error(err)
	}
}
