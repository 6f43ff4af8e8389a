package classifier

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"ofswitch/flow"
	"ofswitch/internal/classbench"
)

// ruleSets are the ClassBench sets of the repository, and those in the directory that
// the environment names.
func ruleSets(tb testing.TB) (paths []string) {
	tb.Helper()
	for _, dir := range []string{"../testdata/classbench", os.Getenv("CLASSBENCH")} {
		if dir == "" {
			continue
		}
		more, err := filepath.Glob(filepath.Join(dir, "*.rules*"))
		if err != nil || len(more) == 0 {
			tb.Fatalf("no rule sets in %s: %v", dir, err)
		}
		for _, p := range more {
			if len(paths) == 0 || !strings.Contains(strings.Join(paths, " "), filepath.Base(p)) {
				paths = append(paths, p)
			}
		}
	}
	return paths
}

// ruleSet reads one set as OpenFlow rules: matches, and the number of the line of each.
func ruleSet(tb testing.TB, path string) (matches []flow.Match, lines []int) {
	tb.Helper()
	rules, err := classbench.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	for i := range rules {
		for _, m := range rules[i].Matches() {
			matches, lines = append(matches, m), append(lines, i)
		}
	}
	return matches, lines
}

// fill makes a classifier of a set, the first line of the highest priority.
func fill(how Structure, matches []flow.Match, lines []int) *Classifier[int] {
	c := New[int](how)
	last := lines[len(lines)-1]
	for i := range matches {
		c.Insert(NewRule(&matches[i], int32(last-lines[i]+1), lines[i]), 1)
	}
	return c
}

// structures by name, for benchmarks: the linear one for small sets only.
var structures = []struct {
	name string
	how  Structure
	most int
}{{"merged", Merged, 1 << 30}, {"staged", Staged, 1 << 30}, {"plain", Plain, 1 << 30}, {"linear", Linear, 20000}}

// BenchmarkClassBench is the time of a lookup over a trace with some locality, without
// and with a record, and the price of a rule.
func BenchmarkClassBench(b *testing.B) {
	for _, path := range ruleSets(b) {
		name, _, _ := strings.Cut(filepath.Base(path), ".")
		matches, lines := ruleSet(b, path)
		keys := classbench.Trace(matches, 1<<14, 0.1, 1)
		for _, s := range structures {
			if len(matches) > s.most {
				continue
			}
			c := fill(s.how, matches, lines)
			b.Run(fmt.Sprintf("set=%s/how=%s/lookup", name, s.name), func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					c.Lookup(&keys[i&(1<<14-1)], 1, nil)
				}
				b.ReportMetric(float64(c.Probes()), "tables")
			})
			b.Run(fmt.Sprintf("set=%s/how=%s/record", name, s.name), func(b *testing.B) {
				bits := 0
				for i := 0; b.Loop(); i++ {
					var wc flow.Mask
					c.Lookup(&keys[i&(1<<14-1)], 1, &wc)
					if i < 1<<10 {
						bits += ones(&wc)
					}
				}
				b.ReportMetric(float64(bits)/float64(min(b.N, 1<<10)), "bits")
			})
		}
	}
}

// BenchmarkClassBenchBuild is the price of a rule: nanoseconds to insert, bytes to keep.
func BenchmarkClassBenchBuild(b *testing.B) {
	for _, path := range ruleSets(b) {
		name, _, _ := strings.Cut(filepath.Base(path), ".")
		matches, lines := ruleSet(b, path)
		for _, s := range structures[:3] {
			b.Run(fmt.Sprintf("set=%s/how=%s", name, s.name), func(b *testing.B) {
				var c *Classifier[int]
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				for b.Loop() {
					c = fill(s.how, matches, lines)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(matches)), "ns/rule")
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(len(matches)), "bytes/rule")
				runtime.KeepAlive(c)
			})
		}
	}
}

// On real rule sets merged tables are few, no more rules share a hash than should where
// their masks tell them apart, and the answers are those of the twins.
func TestClassBench(t *testing.T) {
	for _, name := range []string{"acl1_1000", "fw1_1000", "ipc1_1000"} {
		matches, lines := ruleSet(t, "../testdata/classbench/"+name+".rules.gz")
		c, plain := fill(Merged, matches, lines), fill(Plain, matches, lines)
		check(t, c)
		if c.Probes()*5 > c.Masks() || plain.Probes() != c.Masks() {
			t.Errorf("%s: %d tables for %d masks, want a fifth; %d without merging", name, c.Probes(), c.Masks(), plain.Probes())
		}
		for _, m := range c.merged {
			m.pages.each(func(p *place) bool {
				for b := blocksOf[int](p); b != nil; b = b.next.Load() {
					r := b.entries[0].rule
					if h := m.shape.hashStages(r.shape, r.vals()); m.shape.full != r.shape.full && m.sharing(h[stageL4], chainCount+1) > chainCount {
						t.Errorf("%s: more than %d rules share a hash in a table of %d bits", name, chainCount, m.shape.bits())
						return false
					}
				}
				return true
			})
		}
		seed := rand.Uint64()
		for i, w := range classbench.Trace(matches, 3000, 0.1, seed) {
			var wc flow.Mask
			got, want := c.Lookup(&w, 1, &wc), plain.Lookup(&w, 1, nil)
			if got == nil || want == nil || got.Priority() != want.Priority() || !got.Matches(&w) {
				t.Fatalf("%s, seed %d, frame %d: %v found, want %v", name, seed, i, got, want)
			}
			if again := plain.Lookup(masked(&w, &wc), 1, nil); again == nil || again.Priority() != got.Priority() {
				t.Fatalf("%s, seed %d, frame %d: bits outside the record change the answer", name, seed, i)
			}
		}
	}
}

// masked is w without the bits that are not in m.
func masked(w *flow.Wide, m *flow.Mask) *flow.Wide {
	out := *w
	for i := range out {
		out[i] &= m[i]
	}
	return &out
}
