package bridge

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ofswitch"
)

func TestParseCPUMask(t *testing.T) {
	for _, c := range []struct {
		mask string
		want []int // nil: refused
	}{
		{"1", []int{0}}, {"0x6", []int{1, 2}}, {"0XA", []int{1, 3}}, {"80000000000000000", []int{67}},
		{"", nil}, {"0x", nil}, {"0", nil}, {"g", nil}, {"-1", nil}, {"+1", nil}, {"1_1", nil}, {"0x0x1", nil},
		{strings.Repeat("f", 256), slices.Collect(func(yield func(int) bool) {
			for i := 0; i < 1024 && yield(i); i++ {
			}
		})},
		{strings.Repeat("f", 257), nil},
	} {
		got, err := ParseCPUMask(c.mask)
		if !slices.Equal(got, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("%.40q: %v, %v", c.mask, got, err)
		}
	}
}

// TestThreads: the configuration's threads come before those of the options.
func TestThreads(t *testing.T) {
	s := newSwitch(t)
	s.opts.Threads.Workers = 2
	may := s.dp.Processors()
	for i, c := range []struct {
		want    Threads
		workers int
		bound   bool
		err     string
	}{
		{Threads{}, 2, false, ""},
		{Threads{Workers: 3}, 3, false, ""},
		{Threads{CPUs: may}, len(may), true, ""},
		{Threads{CPUs: []int{1023, may[0]}}, 1, true, ""},
		{Threads{CPUs: []int{1023}}, 1, true, "none of the processors 1023 is there for this process"},
		{Threads{Workers: 65}, 1, true, "65 forwarding threads cannot be: want 1 to 64"},
		{Threads{Workers: math.MinInt}, 1, true, "want 1 to 64"},
		{Threads{Workers: 2, CPUs: may[:1], BusyPoll: true}, 2, true, ""},
		{Threads{Workers: 1}, 1, false, ""},
	} {
		err := s.Apply(Config{Threads: c.want})
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%d: %v", i, err)
		}
		if got := s.dp.Threads(1); len(got) != c.workers {
			t.Errorf("%d: %d threads, want %d", i, len(got), c.workers)
		}
		// A thread is bound as soon as it has begun.
		testutil.Wait(t, fmt.Sprintf("%d: threads that are bound: %v", i, c.bound), func() bool {
			return !slices.ContainsFunc(s.dp.Threads(1), func(th ofswitch.ThreadStats) bool { return th.TID == 0 || th.Bound != c.bound })
		})
		for _, th := range s.dp.Threads(1) {
			if c.bound && c.err == "" && len(c.want.CPUs) == len(may) && th.Processor != may[th.Index] {
				t.Errorf("%d: thread %d is on processor %d, want %d", i, th.Index, th.Processor, may[th.Index])
			}
		}
	}
}

// TestThreadCommands: the commands about threads answer in Open vSwitch's form.
func TestThreadCommands(t *testing.T) {
	c := commandRig(t)
	for _, k := range []struct {
		command string
		args    []string
		want    []string // lines, or their beginnings; one alone that is an error begins with "!"
	}{
		{"dpif-netdev/pmd-stats-show", nil, []string{"pmd thread numa_id ", "  packets received: ", "  packet recirculations: ", "  avg. datapath passes per packet: ",
			"  phwol hits: 0", "  mfex opt hits: 0", "  simple match hits: 0", "  emc hits: ", "  smc hits: 0", "  megaflow hits: ", "  avg. subtable lookups per megaflow hit: ",
			"  miss with success upcall: ", "  miss with failed upcall: ", "  avg. packets per output batch: ", "  idle cycles: ", "  processing cycles: "}},
		{"dpif-netdev/pmd-rxq-show", []string{"-secs", "5"}, []string{"Displaying last 5 seconds pmd usage %", "pmd thread numa_id ", "  isolated : false"}},
		{"dpif-netdev/pmd-rxq-show", []string{"-secs", "1000", "netdev@ovs-netdev"}, []string{"Displaying last 60 seconds pmd usage %"}},
		{"dpif-netdev/pmd-perf-show", []string{"-nh", "-it", "3", "-ms", "3"}, []string{"Time: ", "Measurement duration: ", "", "pmd thread numa_id ", "", "  Iterations:  ", "  - Used TSC cycles:"}},
		{"dpif-netdev/pmd-stats-clear", nil, nil},
		{"dpif-netdev/pmd-stats-show", []string{"-pmd", "1022"}, nil},
		{"dpif-netdev/pmd-rxq-rebalance", nil, []string{"pmd rxq rebalance requested."}},
		{"worker/show", nil, []string{"worker 0: thread ", "  time: ", "  received: frames:", "  lookups: microflow hits:", "  sent: frames:", "  sleeps:"}},
		{"dpif-netdev/pmd-stats-show", []string{"other"}, []string{"!please specify an existing datapath"}},
		{"dpif-netdev/pmd-rxq-rebalance", []string{"other"}, []string{"!please specify an existing datapath"}},
		{"dpif-netdev/pmd-rxq-show", []string{"-secs"}, []string{"!-secs: a number is wanted"}},
		{"dpif-netdev/pmd-rxq-show", []string{"-pmd", "x"}, []string{"!-pmd \"x\": want a number"}},
	} {
		what := fmt.Sprint(k.command, k.args)
		text, err := c.Call(k.command, k.args...)
		if len(k.want) == 1 && strings.HasPrefix(k.want[0], "!") {
			if err == nil || !strings.Contains(err.Error(), k.want[0][1:]) {
				t.Errorf("%s: %v", what, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if k.want == nil && text != "" || len(lines) < len(k.want) {
			t.Errorf("%s: %q", what, text)
			continue
		}
		for i, want := range k.want {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%s: line %q, want %q", what, lines[i], want)
			}
		}
	}
}
