package bridge

import (
	"maps"
	"strings"
	"testing"
)

func TestParseRxAffinity(t *testing.T) {
	for _, c := range []struct {
		text string
		want map[int]int
		err  string
	}{
		{"", nil, ""},
		{" , ", nil, ""},
		{"0:3", map[int]int{0: 3}, ""},
		{"0:3,1:7", map[int]int{0: 3, 1: 7}, ""},
		{"4095:1023, 0:0", map[int]int{4095: 1023, 0: 0}, ""},
		{"0", nil, `"0" is no queue with its processor: want QUEUE:PROCESSOR`},
		{":", nil, "want QUEUE:PROCESSOR"},
		{"0:3:4", nil, "want QUEUE:PROCESSOR"},
		{"-1:3", nil, "want QUEUE:PROCESSOR"},
		{"0:+3", nil, "want QUEUE:PROCESSOR"},
		{"4096:0", nil, "queues below 4096"},
		{"0:1024", nil, "processors below 1024"},
		{"0:99999999999999999999", nil, "want QUEUE:PROCESSOR"},
		{"0:1,0:2", nil, "queue 0 is named twice"},
	} {
		got, err := ParseRxAffinity(c.text)
		if !maps.Equal(got, c.want) || c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%q: %v, %v; want %v, %q", c.text, got, err, c.want, c.err)
		}
	}
}

// TestIntegrationRxAffinity: queues go to the thread of their processor and back while the
// port stays open, and pmd-rxq-show says who polls nothing else.
func TestIntegrationRxAffinity(t *testing.T) {
	l := newLab(t)
	cpu := l.s.dp.Processors()[0]
	queues := map[string]string{"n_rxq": "2"}
	apply := func(affinity map[int]int, shared bool) (isolated int, first []string) {
		t.Helper()
		br := secure("br0", Port{Name: "v1"}, Port{Name: "t0", Type: TypeInternal, Options: queues, RxAffinity: affinity})
		if err := l.s.Apply(Config{Bridges: []Bridge{br}, Threads: Threads{Workers: 2, CPUs: []int{cpu}, Shared: shared}}); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for i, s := range l.s.dp.Threads(0) {
			pmdQueues(&b, &s)
			for _, q := range s.Queues {
				if i == 0 {
					first = append(first, q.Port)
				}
			}
		}
		return strings.Count(b.String(), "isolated : true"), first
	}
	if n, _ := apply(nil, false); n != 0 {
		t.Errorf("%d threads isolated without an affinity", n)
	}
	port := l.s.bridges["br0"].ports[1].port
	if n, first := apply(map[int]int{0: cpu, 1: cpu}, false); n != 1 || strings.Join(first, " ") != "t0 t0" {
		t.Errorf("with both queues on one thread: %d threads isolated, queues %v of the first", n, first)
	}
	if n, _ := apply(map[int]int{0: cpu}, true); n != 0 {
		t.Errorf("%d threads isolated that poll others, too", n)
	}
	if n, _ := apply(nil, false); n != 0 {
		t.Errorf("%d threads isolated after the affinity is gone", n)
	}
	if l.s.bridges["br0"].ports[1].port != port {
		t.Error("the port was opened anew")
	}
}
