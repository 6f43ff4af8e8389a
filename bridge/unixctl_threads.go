package bridge

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ofswitch/ofswitch"
	"ofswitch/unixctl"
)

// registerThreads adds the commands about forwarding threads: those that Open vSwitch has
// for its PMD threads, and worker/show. What Open vSwitch counts in cycles of a processor is
// in nanoseconds here.
func (s *Switch) registerThreads(srv *unixctl.Server) {
	const which = "[-pmd core] [dp]"
	srv.Register("dpif-netdev/pmd-stats-show", which, 0, 3, s.aboutThreads(func(q *threadQuery) string {
		return s.eachThread(q, pmdStats)
	}))
	srv.Register("dpif-netdev/pmd-stats-clear", which, 0, 3, s.aboutThreads(func(q *threadQuery) string {
		if q.all {
			s.dp.ClearThreads()
			return ""
		}
		for _, t := range s.threads(q) {
			s.dp.ClearThreads(t.Index)
		}
		return ""
	}))
	srv.Register("dpif-netdev/pmd-perf-show", "[-nh] [-it iter-history-len] [-ms ms-history-len] "+which, 0, 8, s.aboutThreads(s.perfOfThreads))
	srv.Register("dpif-netdev/pmd-rxq-show", "[-pmd core] [-secs secs] [dp]", 0, 5, s.aboutThreads(func(q *threadQuery) string {
		return fmt.Sprintf("Displaying last %d seconds pmd usage %%\n", q.seconds) + s.eachThread(q, pmdQueues)
	}))
	srv.Register("dpif-netdev/pmd-rxq-rebalance", "[dp]", 0, 1, func(args []string) (string, error) {
		if len(args) == 1 && !isDatapath(args[0]) {
			return "", errNoDatapath
		}
		if _, err := s.dp.Rebalance(); err != nil {
			return "", err
		}
		return "pmd rxq rebalance requested.\n", nil
	})
	srv.Register("worker/show", "", 0, 0, func([]string) (string, error) {
		return s.eachThread(&threadQuery{all: true, seconds: 10}, workerText), nil
	})
}

// errNoDatapath is Open vSwitch's answer to a name that no datapath has.
var errNoDatapath = errors.New("please specify an existing datapath")

// threadQuery is which threads a command is about, and over which time.
type threadQuery struct {
	all     bool
	core    int // without all
	seconds int
}

// aboutThreads is a command that may name a processor, a time, and the datapath.
func (s *Switch) aboutThreads(show func(*threadQuery) string) func([]string) (string, error) {
	return func(args []string) (string, error) {
		q := &threadQuery{all: true, seconds: 60}
		for len(args) > 0 {
			a := args[0]
			args = args[1:]
			if a == "-nh" {
				continue // histograms, which there are none of
			}
			if a != "-pmd" && a != "-secs" && a != "-it" && a != "-ms" {
				if !isDatapath(a) || len(args) > 0 {
					return "", errNoDatapath
				}
				continue
			}
			if len(args) == 0 {
				return "", fmt.Errorf("%s: a number is wanted behind it", a)
			}
			n, err := strconv.ParseUint(args[0], 10, 16)
			if err != nil {
				return "", fmt.Errorf("%s %.100q: want a number", a, args[0])
			}
			args = args[1:]
			switch a {
			case "-pmd":
				q.all, q.core = false, int(n)
			case "-secs":
				// What is remembered is a minute, in seconds.
				q.seconds = int(min(max(n, 1), 60))
			}
		}
		return show(q), nil
	}
}

// threads are those that q is about.
func (s *Switch) threads(q *threadQuery) (list []ofswitch.ThreadStats) {
	for _, t := range s.dp.Threads(q.seconds) {
		if q.all || t.Processor == q.core {
			list = append(list, t)
		}
	}
	return list
}

func (s *Switch) eachThread(q *threadQuery, text func(b *strings.Builder, t *ofswitch.ThreadStats)) string {
	var b strings.Builder
	for _, t := range s.threads(q) {
		text(&b, &t)
	}
	return b.String()
}

// threadName is the line that begins what is said of a thread.
func threadName(b *strings.Builder, t *ofswitch.ThreadStats) {
	fmt.Fprintf(b, "pmd thread numa_id %d core_id %d:\n", t.Node, t.Processor)
}

// ratio is a/b; 0 where there is no b.
func ratio[A, B uint64 | time.Duration](a A, b B) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func pmdStats(b *strings.Builder, t *ofswitch.ThreadStats) {
	threadName(b, t)
	passes := float64(0)
	if t.Frames > 0 {
		passes = float64(t.Frames+t.Recirculated) / float64(t.Frames)
	}
	fmt.Fprintf(b, `  packets received: %d
  packet recirculations: %d
  avg. datapath passes per packet: %.2f
  phwol hits: 0
  mfex opt hits: 0
  simple match hits: 0
  emc hits: %d
  smc hits: 0
  megaflow hits: %d
  avg. subtable lookups per megaflow hit: %.2f
  miss with success upcall: %d
  miss with failed upcall: %d
  avg. packets per output batch: %.2f
`, t.Frames, t.Recirculated, passes, t.MicroflowHits, t.MegaflowHits, ratio(t.Probes, t.MegaflowHits),
		t.Misses, t.Refused, ratio(t.Sent, t.Sends))
	total := t.For
	if total <= 0 {
		return
	}
	idle := max(total-t.Busy, 0)
	fmt.Fprintf(b, "  idle cycles: %d (%.2f%%)\n  processing cycles: %d (%.2f%%)\n",
		idle, ratio(idle, total)*100, t.Busy, ratio(t.Busy, total)*100)
	if t.Frames > 0 {
		fmt.Fprintf(b, "  avg cycles per packet: %.2f (%d/%d)\n  avg processing cycles per packet: %.2f (%d/%d)\n",
			ratio(total, t.Frames), total, t.Frames, ratio(t.Busy, t.Frames), t.Busy, t.Frames)
	}
}

func pmdQueues(b *strings.Builder, t *ofswitch.ThreadStats) {
	threadName(b, t)
	fmt.Fprintf(b, "  isolated : %t\n", t.Isolated)
	known := false
	for _, q := range t.Queues {
		usage := "NOT AVAIL"
		if q.Load >= 0 {
			usage, known = fmt.Sprintf("%2d %%", (q.Load+5)/10), true
		}
		fmt.Fprintf(b, "  port: %-16s  queue-id: %2d (enabled)   pmd usage: %s\n", q.Port, q.ID, usage)
	}
	// What a thread does beside its queues is next to nothing here: it sleeps.
	if known {
		b.WriteString("  overhead:  0 %\n")
	}
}

// perfOfThreads is pmd-perf-show: one measurement for all threads.
func (s *Switch) perfOfThreads(q *threadQuery) string {
	var b strings.Builder
	for i, t := range s.threads(q) {
		if i == 0 {
			fmt.Fprintf(&b, "Time: %s\nMeasurement duration: %.3f s\n", time.Now().Format("15:04:05.000"), t.For.Seconds())
		}
		b.WriteByte('\n')
		pmdPerf(&b, &t)
	}
	return b.String()
}

func pmdPerf(b *strings.Builder, t *ofswitch.ThreadStats) {
	threadName(b, t)
	rounds := t.Batches + t.IdleRounds
	used := t.Busy + t.Idle
	seconds := t.For.Seconds()
	kilo := func(n uint64) float64 {
		if seconds <= 0 {
			return 0
		}
		return float64(n) / seconds / 1000
	}
	fmt.Fprintf(b, "\n  Iterations:         %12d  (%.2f us/it)\n", rounds, ratio(used, rounds)/1e3)
	fmt.Fprintf(b, "  - Used TSC cycles:  %12d  (%5.1f %% of total cycles)\n", used, ratio(used, t.For)*100)
	fmt.Fprintf(b, "  - idle iterations:  %12d  (%5.1f %% of used cycles)\n", t.IdleRounds, ratio(t.Idle, used)*100)
	fmt.Fprintf(b, "  - busy iterations:  %12d  (%5.1f %% of used cycles)\n", t.Batches, ratio(t.Busy, used)*100)
	fmt.Fprintf(b, "  - sleep iterations: %12d  (%5.1f %% of iterations)\n", t.Sleeps, ratio(t.Sleeps, rounds)*100)
	fmt.Fprintf(b, "  Sleep time (us):    %12.0f  (%3.0f us/iteration avg.)\n", float64(t.Asleep.Microseconds()), ratio(t.Asleep, t.Sleeps)/1e3)
	fmt.Fprintf(b, "  Rx packets:         %12d  (%.0f Kpps, %.0f cycles/pkt)\n", t.Frames, kilo(t.Frames), ratio(t.Busy, t.Frames))
	lookups := t.Lookups()
	fmt.Fprintf(b, "  Datapath passes:    %12d  (%.2f passes/pkt)\n", lookups, ratio(lookups, t.Frames))
	for _, level := range []struct {
		name string
		hits uint64
	}{{"- PHWOL hits:", 0}, {"- MFEX Opt hits:", 0}, {"- Simple Match hits:", 0}, {"- EMC hits:", t.MicroflowHits}, {"- SMC hits:", 0}} {
		fmt.Fprintf(b, "  %-20s%12d  (%5.1f %%)\n", level.name, level.hits, ratio(level.hits, lookups)*100)
	}
	fmt.Fprintf(b, "  - Megaflow hits:    %12d  (%5.1f %%, %.2f subtbl lookups/hit)\n", t.MegaflowHits, ratio(t.MegaflowHits, lookups)*100, ratio(t.Probes, t.MegaflowHits))
	fmt.Fprintf(b, "  - Upcalls:          %12d  (%5.1f %%, %.1f us/upcall)\n", t.Misses, ratio(t.Misses, lookups)*100, ratio(t.MissTime, t.Misses)/1e3)
	fmt.Fprintf(b, "  - Lost upcalls:     %12d  (%5.1f %%)\n", t.Refused, ratio(t.Refused, lookups)*100)
	fmt.Fprintf(b, "  Tx packets:         %12d  (%.0f Kpps)\n", t.Sent, kilo(t.Sent))
	fmt.Fprintf(b, "  Tx batches:         %12d  (%.2f pkts/batch)\n", t.Sends, ratio(t.Sent, t.Sends))
}

// workerText is worker/show of one thread.
func workerText(b *strings.Builder, t *ofswitch.ThreadStats) {
	bound := "last ran on processor"
	if t.Bound {
		bound = "bound to processor"
	}
	share := func(d time.Duration) float64 { return ratio(d, t.For) * 100 }
	fmt.Fprintf(b, "worker %d: thread %d, %s %d\n", t.Index, t.TID, bound, t.Processor)
	fmt.Fprintf(b, "  time: %.3f s, on a processor %.2f %%, busy %.2f %%, awake without frames %.2f %%, asleep %.2f %%\n",
		t.For.Seconds(), share(t.CPU), share(t.Busy), share(t.Idle), share(t.Asleep))
	fmt.Fprintf(b, "  received: frames:%d batches:%d (%.2f frames each, largest %d, full %d), %.0f ns a frame, longest batch %.0f us\n",
		t.Frames, t.Batches, ratio(t.Frames, t.Batches), t.LargestBatch, t.FullBatches, ratio(t.Busy, t.Frames), float64(t.LongestBatch.Nanoseconds())/1e3)
	fmt.Fprintf(b, "  lookups: microflow hits:%d megaflow hits:%d (%.2f masks each) misses:%d refused:%d recirculated:%d policed:%d\n",
		t.MicroflowHits, t.MegaflowHits, ratio(t.Probes, t.MegaflowHits), t.Misses, t.Refused, t.Recirculated, t.Policed)
	fmt.Fprintf(b, "  sent: frames:%d batches:%d (%.2f frames each)\n", t.Sent, t.Sends, ratio(t.Sent, t.Sends))
	fmt.Fprintf(b, "  sleeps:%d rounds without frames:%d microflows:%d megaflows:%d (of %d masks)\n", t.Sleeps, t.IdleRounds, t.Microflows, t.Megaflows, t.Masks)
	for _, q := range t.Queues {
		load := "new"
		if q.Load >= 0 {
			load = fmt.Sprintf("%.1f %%", float64(q.Load)/10)
		}
		fmt.Fprintf(b, "  queue: bridge %s port %s queue %d: load %s, frames:%d batches:%d busy %.3f s\n", q.Bridge, q.Port, q.ID, load, q.Frames, q.Batches, q.Busy.Seconds())
	}
}
