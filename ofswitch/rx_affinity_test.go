package ofswitch

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"ofswitch/ofp"
	"ofswitch/ports"
)

// pairOfQueues is a port that has the queue of another one, too.
type pairOfQueues struct {
	*ports.Mem
	other *ports.Mem
}

func (p pairOfQueues) RxQueues() []ports.RxQueue {
	return append(p.Mem.RxQueues(), p.other.RxQueues()...)
}

// queuesOf lists "port/queue" by thread.
func queuesOf(d *Datapath) [][]string {
	threads := d.Threads(0)
	list := make([][]string, len(threads))
	for i, t := range threads {
		for _, q := range t.Queues {
			list[i] = append(list[i], fmt.Sprintf("%s/%d", q.Port, q.ID))
		}
	}
	return list
}

// TestRxAffinity: queues are with the thread of the processor that is named, whatever
// comes first: the thread, the port, or the name; others are with other threads.
func TestRxAffinity(t *testing.T) {
	var log bytes.Buffer
	l := newLab(t, 0, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	l.d.mayUse = []int{2, 4, 6} // no threads run that would be bound to them
	two := func(no ofp.PortNo) {
		other := ports.NewMem("other")
		m := pairOfQueues{ports.NewMem(fmt.Sprintf("p%d", no)), other}
		t.Cleanup(func() {
			if err := errors.Join(m.Close(), other.Close()); err != nil {
				t.Error(err)
			}
		})
		if err := l.b.AddPort(no, m); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := l.b.RemovePort(no); err != nil {
				t.Error(err)
			}
		})
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, isolated []bool, want ...[]string) {
		t.Helper()
		got := queuesOf(l.d)
		for i, q := range want {
			if !slices.Equal(got[i], q) {
				t.Errorf("%s: queues %v, want %v", what, got, want)
				break
			}
		}
		for i, s := range l.d.Threads(0) {
			if s.Isolated != isolated[i] {
				t.Errorf("%s: thread %d isolated: %v, want %v", what, i, s.Isolated, isolated[i])
			}
		}
	}
	two(1)
	must(l.b.SetRxAffinity(1, map[int]int{0: 6, 1: 4}))
	check("one thread, bound to none", []bool{false}, []string{"p1/0", "p1/1"})
	if text := log.String(); !strings.Contains(text, "port p1, queue 0: no forwarding thread is bound to processor 6") {
		t.Errorf("the log says %q", text)
	}
	must(l.d.SetWorkers(3))
	must(l.d.BindWorkers([]int{2, 4, 6}))
	check("three threads", []bool{false, true, true}, nil, []string{"p1/1"}, []string{"p1/0"})
	two(2)
	check("a port more", []bool{false, true, true}, []string{"p2/0", "p2/1"}, []string{"p1/1"}, []string{"p1/0"})
	must(l.d.BindWorkers([]int{6, 4, 2}))
	check("other processors", []bool{true, true, false}, []string{"p1/0"}, []string{"p1/1"}, []string{"p2/0", "p2/1"})
	must(l.b.SetRxAffinity(1, map[int]int{0: 6, 1: 6}))
	got := queuesOf(l.d)
	if !slices.Equal(got[0], []string{"p1/0", "p1/1"}) || len(got[1]) != 1 || len(got[2]) != 1 {
		t.Errorf("both on one: %v", got)
	}
	must(l.d.SetRxIsolation(false))
	must(l.b.SetRxAffinity(1, map[int]int{0: 6}))
	for i, s := range l.d.Threads(0) {
		if s.Isolated || len(s.Queues) == 0 {
			t.Errorf("without isolation thread %d has %v, isolated %v", i, s.Queues, s.Isolated)
		}
	}
	if got := queuesOf(l.d); !slices.Contains(got[0], "p1/0") {
		t.Errorf("without isolation: %v", got)
	}
	must(l.d.SetRxIsolation(true))
	must(l.d.SetWorkers(1))
	check("one is left", []bool{false}, []string{"p1/0", "p1/1", "p2/0", "p2/1"})
	must(l.d.SetWorkers(2))
	check("two", []bool{true, false}, []string{"p1/0"}, []string{"p1/1", "p2/0", "p2/1"})
	log.Reset()
	must(l.b.SetRxAffinity(1, map[int]int{0: 6, 5: 4, 1: 99}))
	for _, want := range []string{"port p1 has no receive queue 5, but 2 of them", "queue 1: no forwarding thread is bound to processor 99"} {
		if text := log.String(); !strings.Contains(text, want) {
			t.Errorf("the log says %q, not %q", text, want)
		}
	}
	must(l.b.SetRxAffinity(1, nil))
	if n := l.d.affinity.pins; n != 0 {
		t.Errorf("%d ports have queues with a processor, after the last has none", n)
	}
	for i, s := range l.d.Threads(0) {
		if s.Isolated || len(s.Queues) != 2 {
			t.Errorf("at last thread %d has %v, isolated %v", i, s.Queues, s.Isolated)
		}
	}
	if err := l.b.SetRxAffinity(9, map[int]int{0: 1}); err == nil || !strings.Contains(err.Error(), "no port 9") {
		t.Errorf("a port that is not there: %v", err)
	}
	must(l.b.AddPatch(3, "patch"))
	if err := l.b.SetRxAffinity(3, map[int]int{0: 1}); err == nil || !strings.Contains(err.Error(), "patch") {
		t.Errorf("a patch port: %v", err)
	}
	must(l.b.SetRxAffinity(3, nil))
}
