package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ofswitch/classifier"
	"ofswitch/internal/testutil"
)

// Every line gives figures for each of its contenders, and its goals are judged.
func TestIntegrationLines(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.NeedProgram(t, "ethtool", "ethtool")
	testutil.NeedProgram(t, "ovs-vswitchd", "openvswitch-switch")
	testutil.NeedProgram(t, "ovs-ofctl", "openvswitch-common")
	testutil.NeedProgram(t, "iperf3", "iperf3")
	testutil.NeedProgram(t, "ping", "iputils-ping")
	o := &options{bin: filepath.Dir(testutil.Binary(t, "./cmd/ofswitchd")), rounds: 1, length: 50 * time.Millisecond, small: true, ruleSets: "../testdata/classbench"}
	var lines []line
	for _, l := range allLines(o) {
		// The Go benchmarks run by themselves; of the TCP lines, which take whole
		// seconds, one stands for all.
		if (!l.bare || l.name == "gap") && (!strings.HasPrefix(l.name, "tcp") || l.name == "tcp-host-host") {
			lines = append(lines, l)
		}
	}
	results, err := runLines(t.Context(), o, lines)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != len(lines) {
		t.Fatalf("%d results of %d lines", len(results), len(lines))
	}
	for i, r := range results {
		for _, s := range r.Series {
			if s.Missing != "" || len(s.Values) != 1 || s.Values[0] <= 0 && r.Line != "idle" && r.Line != "memory" {
				t.Errorf("%s, %s: %v %s", r.Line, s.Name, s.Values, s.Missing)
			}
			// Neither order nor checksums depend on what else this machine has to do.
			for _, w := range s.Wrong {
				if !strings.Contains(w, lostFrames) {
					t.Errorf("%s, %s: %s", r.Line, s.Name, w)
				}
			}
		}
		if len(r.Goals) == 0 && lines[i].name != "generator" && !lines[i].free {
			t.Errorf("%s has no goal", r.Line)
		}
		for _, v := range r.Goals {
			if v.State == "not measured" || math.IsNaN(v.Value) || math.IsInf(v.Value, 0) {
				t.Errorf("%s: goal %+v", r.Line, v)
			}
		}
	}
}

// A switch that ends at once is said so, with what it said, and the others go on.
func TestIntegrationSwitchThatEnds(t *testing.T) {
	testutil.NeedRoot(t)
	o := &options{bin: filepath.Dir(testutil.Binary(t, "./cmd/ofswitchd")), rounds: 2, length: time.Millisecond}
	measure := func(*setup, time.Duration) (measured, error) { return measured{value: 1}, nil }
	results, err := runLines(t.Context(), o, []line{{name: "x", measure: measure, contenders: []contender{
		{name: ours, start: startOurs("secure", ",nonsense=1")}, {name: bridge, start: startBridge},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	if s := results[0].of(ours); !strings.Contains(s.Missing, "ofswitchd has ended") || !strings.Contains(s.Missing, "nonsense") {
		t.Errorf("%+v", s)
	}
	if s := results[0].of(bridge); len(s.Values) != 2 {
		t.Errorf("%+v", s)
	}
}

// What fails is told at the end, and does not keep the rest from being measured.
func TestRunLinesGoesOn(t *testing.T) {
	broken := errors.New("broken")
	n := 0
	failing := func(name string, err error) line {
		return line{name: name, bare: true, contenders: []contender{{name: ours}}, measure: func(*setup, time.Duration) (measured, error) {
			n++
			return measured{value: float64(n)}, err
		}}
	}
	results, err := runLines(t.Context(), &options{}, []line{failing("a", broken), failing("b", errMissing{"no peer"}), failing("c", nil)})
	if !errors.Is(err, broken) || len(results) != 3 {
		t.Fatalf("%v, %d results", err, len(results))
	}
	if results[0].Series[0].Missing != "broken" || results[1].Series[0].Missing != "no peer" || !slices.Equal(results[2].Series[0].Values, []float64{3, 4, 5, 6, 7}) {
		t.Errorf("%+v", results)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := runLines(ctx, &options{}, []line{failing("a", nil)}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestStatistics(t *testing.T) {
	for _, c := range []struct {
		v              []float64
		median, spread float64
	}{
		{nil, 0, 0},
		{[]float64{3}, 3, 0},
		{[]float64{9, 1, 5}, 5, 1.6},
		{[]float64{4, 1, 3, 2}, 2.5, 1.2},
		{[]float64{0, 0}, 0, 0},
	} {
		if m, s := median(c.v), spread(c.v); m != c.median || s != c.spread {
			t.Errorf("%v: median %v, spread %v", c.v, m, s)
		}
	}
	if ratio(3, 2) != 1.5 || ratio(3, 0) != 0 {
		t.Error("ratio")
	}
	if g := geometricMean([]float64{2, 8}); math.Abs(g-4) > 1e-9 {
		t.Errorf("geometric mean %v", g)
	}
	for v, want := range map[float64]string{0: "0", 1234.5: "1234", 99.94: "99.9", 2.345: "2.35", 0.5: "0.50", 0.0123: "0.012", -5: "-5.00"} {
		if got := figure(v); got != want {
			t.Errorf("%v prints as %s, want %s", v, got, want)
		}
	}
}

func TestChoose(t *testing.T) {
	all := []line{{name: "tcp-a"}, {name: "tcp-b"}, {name: "tcp6-a"}, {name: "rare", named: true}}
	for _, c := range []struct{ names, want string }{
		{"", "tcp-a tcp-b tcp6-a"},
		{"tcp", "tcp-a tcp-b"},
		{"tcp-b tcp", "tcp-b tcp-a"},
		{"rare tcp6", "rare tcp6-a"},
		{"tc", "no line \"tc\"; there are tcp-a, tcp-b, tcp6-a, rare"},
	} {
		got, err := choose(all, strings.Fields(c.names))
		var names []string
		for _, l := range got {
			names = append(names, l.name)
		}
		text := strings.Join(names, " ")
		if err != nil {
			text = err.Error()
		}
		if text != c.want {
			t.Errorf("%q: %q, want %q", c.names, text, c.want)
		}
	}
}

// Lines have names of their own and contenders, and goals are of lines and
// contenders that exist.
func TestLinesAndGoalsFit(t *testing.T) {
	seen := make(map[string]line)
	for _, l := range allLines(&options{base: "/x"}) {
		if _, ok := seen[l.name]; ok || l.about == "" || l.unit == "" || len(l.contenders) == 0 || l.measure == nil {
			t.Errorf("line %q is doubled or incomplete", l.name)
		}
		seen[l.name] = l
	}
	for _, g := range goals {
		l, ok := seen[g.line]
		if !ok {
			t.Errorf("a goal of line %q, which is not there", g.line)
		}
		for _, name := range []string{g.of, g.against, g.stretchAgainst} {
			if name != "" && !slices.ContainsFunc(l.contenders, func(c contender) bool { return c.name == name }) {
				t.Errorf("a goal of line %s with %q, which is not measured there", g.line, name)
			}
		}
		delete(seen, "generator")
		if g.goal == 0 && g.stretch == 0 {
			t.Errorf("line %s: %q has a goal without bounds", g.line, g.what)
		}
	}
	for name, l := range seen {
		if name != "classbench" && !l.free && !slices.ContainsFunc(goals, func(g goal) bool { return g.line == name }) {
			t.Errorf("line %s has no goal", name)
		}
	}
}

func TestJudge(t *testing.T) {
	r := func(less bool, mine, theirs, third float64, wrong ...string) *outcome {
		return &outcome{Line: "x", Less: less, Series: []series{
			{Name: ours, Values: []float64{mine}, More: map[string][]float64{"m": {mine * 10}}, Wrong: wrong},
			{Name: ovs, Values: []float64{theirs}, More: map[string][]float64{"m": {theirs}}},
			{Name: bridge, Values: []float64{third}},
			{Name: oursXDP, Missing: "cannot be had"},
		}}
	}
	for _, c := range []struct {
		name  string
		r     *outcome
		g     goal
		state string
		value float64
	}{
		{"missed", r(false, 2, 1, 9), goal{of: ours, against: ovs, goal: 2.2, stretch: 3}, "missed", 2},
		{"met", r(false, 2.2, 1, 9), goal{of: ours, against: ovs, goal: 2.2, stretch: 3}, "met", 2.2},
		{"stretch", r(false, 3, 1, 9), goal{of: ours, against: ovs, goal: 2.2, stretch: 3}, "stretch", 3},
		{"wrong, however fast", r(false, 3, 1, 9, "1 reordered"), goal{of: ours, against: ovs, goal: 2.2, stretch: 3}, "wrong", 3},
		{"lost in all rounds", r(false, 3, 1, 9, "1 "+lostFrames), goal{of: ours, against: ovs, goal: 2.2}, "wrong", 3},
		{"less, missed", r(true, 5, 5, 9), goal{of: ours, against: ovs, goal: 0.6}, "missed", 1},
		{"less, met", r(true, 3, 5, 9), goal{of: ours, against: ovs, goal: 0.6}, "met", 0.6},
		{"the value itself", r(true, 3, 5, 9), goal{of: ours, goal: 3}, "met", 3},
		{"only a stretch, missed", r(false, 3, 5, 9), goal{of: ours, stretch: 4}, "missed", 3},
		{"stretch against another", r(false, 9, 5, 9), goal{of: ours, against: ovs, goal: 1.5, stretch: 0.95, stretchAgainst: bridge}, "stretch", 1.8},
		{"stretch against another missed", r(false, 8, 5, 9), goal{of: ours, against: ovs, goal: 1.5, stretch: 0.95, stretchAgainst: bridge}, "met", 1.6},
		{"a further figure", r(true, 1, 5, 9), goal{of: ours, against: ovs, what: "m", goal: 2}, "met", 2},
		{"a further figure, less", r(false, 1, 5, 9), goal{of: ours, against: ovs, what: "m", less: true, goal: 1}, "missed", 2},
		{"a reference", r(true, 30, 5, 9), goal{of: ours, reference: 20, referenceName: "R", goal: 2, stretch: 1}, "met", 1.5},
		{"a difference", r(true, 7, 5, 9), goal{of: ours, against: ovs, minus: true, goal: 2}, "met", 2},
		{"not there", r(false, 1, 5, 9), goal{of: oursXDP, against: ovs, goal: 1}, "not measured", 0},
		{"the other not there", r(false, 1, 5, 9), goal{of: ours, against: oursXDP, goal: 1}, "not measured", 0},
		{"no such figure", r(false, 1, 5, 9), goal{of: ours, what: "z", goal: 1}, "not measured", 0},
	} {
		c.g.line = "x"
		v := judge(c.r, []goal{c.g})
		if len(v) != 1 || v[0].State != c.state || v[0].Value != c.value {
			t.Errorf("%s: %+v, want %s of %v", c.name, v, c.state, c.value)
		}
	}
	// Lost in the lesser part of the rounds: told, but a machine may stand still once.
	s := series{Values: []float64{1, 1, 1}, Wrong: []string{"round 1: 9 " + lostFrames}}
	if s.isWrong() {
		t.Error("one round of three is the machine's")
	}
}

func example() *report {
	r := &report{Date: "d", Command: "c", Machine: machine{Processors: 2, Peer: "3.1.0"}, Results: []outcome{{
		Line: "frames-1", About: "about <it> & more", Unit: "k/s",
		Series: []series{
			{Name: ours, Values: []float64{30, 10, 20}, More: map[string][]float64{"CPU, %": {90}}, Wrong: []string{"round 1: 3 reordered"}, Notes: []string{"round 2: slow"}},
			{Name: ovs, Values: []float64{5, 6, 4}},
			{Name: oursXDP, Missing: "no | kernel\nfor it"},
		},
	}}}
	r.Results[0].Goals = judge(&r.Results[0], goals)
	return r
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	if err := printTable(&b, example().Results); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(b.String()), " ")
	for _, want := range []string{
		"frames-1 ofswitch 20.0 k/s (10.0..30.0) 100 %",
		"Open vSwitch 5.00 k/s (4.00..6.00) 40 % 4.00",
		"frames-1, ofswitch: WRONG in 1 of 3 rounds: round 1: 3 reordered", "frames-1, ofswitch, 1 of 3 rounds: round 2: slow", "CPU, % 90.0",
		"frames-1, ofswitch afxdp: NOT MEASURED: no | kernel",
		"frames-1 ofswitch to Open vSwitch 4.00 >= 2.20 >= 3.00 wrong",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// Charts are well-formed, and as wide as the greatest value.
func TestChart(t *testing.T) {
	r := example()
	r.Results = append(r.Results, outcome{Line: "none", Series: []series{{Name: ours, Missing: "x"}}}, outcome{Line: "zero", Less: true, Series: []series{{Name: ours, Values: []float64{0}}}})
	dir := filepath.Join(t.TempDir(), "charts")
	if err := r.charts(dir); err != nil {
		t.Fatal(err)
	}
	for _, o := range r.Results {
		b, err := os.ReadFile(filepath.Join(dir, o.Line+".svg"))
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, o.Line, b)
	}
	text := r.Results[0].chart()
	// Axis to 30 in steps of 5 over 410 pixels: 20 is 273.3 wide; its whisker from
	// 10 to 30 ends where the axis ends.
	for _, want := range []string{`width="273.3"`, "M326.7 63H600.0M", "about &lt;it&gt; &amp; more", "20.0 (wrong)", ">30.0<"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, oursXDP) {
		t.Error("a bar for what was not measured")
	}
	for most, want := range map[float64]float64{0: 1, 1: 0.2, 30: 5, 99: 10, 450: 50, 1.9: 0.2} {
		if got := tickStep(most); math.Abs(got-want) > 1e-9 {
			t.Errorf("steps of %v up to %v, want %v", got, most, want)
		}
	}
}

// wellFormed holds that b is XML, without what is no number.
func wellFormed(t *testing.T, name string, b []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(b)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, b)
		}
	}
	if bytes.Contains(b, []byte("NaN")) || bytes.Contains(b, []byte("Inf")) {
		t.Errorf("%s:\n%s", name, b)
	}
}

// Results in a document are replaced, what is around them stays; they come from a
// report as it was written.
func TestMarkdown(t *testing.T) {
	dir := t.TempDir()
	doc, data := filepath.Join(dir, "doc.md"), filepath.Join(dir, "r.json")
	if err := example().write(data); err != nil {
		t.Fatal(err)
	}
	r, err := readReport(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(doc, []byte("before\n"+beginMark+"\nold\n"+endMark+"\nafter\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.markdown(doc); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if !strings.HasPrefix(text, "before\n") || !strings.HasSuffix(text, "\nafter\n") || strings.Contains(text, "old") || strings.Count(text, "ofswitch to Open vSwitch") != 1 {
		t.Errorf("document:\n%s", text)
	}
	for _, want := range []string{"| frames-1 | ofswitch | 20.0 | k/s | 10.0..30.0 | 3 | CPU, % 90.0; **wrong** |", "no / kernel for it", "wrong: 1"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if err := os.WriteFile(doc, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.markdown(doc); err == nil || !strings.Contains(err.Error(), beginMark) {
		t.Errorf("without marks: %v", err)
	}
	if _, err := readReport(doc); err == nil {
		t.Error("a document is no report")
	}
}

// A later run replaces its lines, and only these.
func TestRenewed(t *testing.T) {
	old := &report{Command: "bench", Date: "yesterday", Results: []outcome{{Line: "a", Unit: "old"}, {Line: "b", Unit: "old"}}}
	if got := old.renewed(&report{}); got != old {
		t.Errorf("renewed by nothing: %+v", got)
	}
	got := old.renewed(&report{Command: "bench a", Results: []outcome{{Line: "a", Unit: "new"}, {Line: "c", Unit: "new"}}})
	text := ""
	for _, o := range got.Results {
		text += o.Line + " " + o.Unit + ", "
	}
	if text != "b old, a new, c new, " || !strings.Contains(got.Command, "yesterday") {
		t.Errorf("%q, %s", text, got.Command)
	}
}

// Curves are drawn over all rounds, and stand in a document as charts and tables, apart from
// the other results.
func TestCurves(t *testing.T) {
	r := example()
	s := series{Name: ours}
	s.add(measured{value: 40, curve: []point{{100, 1}, {10_000, 40}}}, 0)
	s.add(measured{value: 60, curve: []point{{100, 3}, {10_000, 60}}}, 1)
	other := series{Name: ovs, Curves: [][]point{{{1000, 500}}}}
	r.Results = append(r.Results, outcome{Line: "curve-x", About: "about <it>", Unit: "ns", Less: true, Axis: "rules", Series: []series{s, other, {Name: bridge, Missing: "none"}}})
	dir := t.TempDir()
	doc := filepath.Join(dir, "doc.md")
	if err := os.WriteFile(doc, []byte(beginMark+endMark+"between"+beginCurves+"old"+endCurves), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, curveDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := r.markdown(doc); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	results, curves, ok := strings.Cut(string(b), "between")
	if !ok || strings.Contains(results, "curve-x") || !strings.Contains(results, "frames-1") || strings.Contains(curves, "frames-1") || strings.Contains(curves, "old") {
		t.Errorf("%s", b)
	}
	for _, want := range []string{"About <it>, ns:", "![curve-x](curves/curve-x.svg)", "| rules | 100 | 1000 | 10000 |", "| ofswitch | 2.00 |  | 50.0 |", "| Open vSwitch |  | 500 |  |"} {
		if !strings.Contains(curves, want) {
			t.Errorf("no %q in\n%s", want, curves)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, curveDir, "frames-1.svg")); err == nil {
		t.Error("a chart of what is no curve stands beside the document")
	}
	chart, err := os.ReadFile(filepath.Join(dir, curveDir, "curve-x.svg"))
	if err != nil {
		t.Fatal(err)
	}
	wellFormed(t, "curve-x", chart)
	// Axes of two and three decades: 70 and 520 are 100 and 10,000, 316 and 52 are 1 and 1000.
	for _, want := range []string{"M70.0 289.5L520.0 166.5", `cx="295.0" cy="78.5"`, "ofswitch 50.0", "about &lt;it&gt;; ns, less is better"} {
		if !strings.Contains(string(chart), want) {
			t.Errorf("no %s in\n%s", want, chart)
		}
	}
	// Of a report without curves those that stand there stay.
	if err := example().markdown(doc); err != nil {
		t.Fatal(err)
	}
	if b, err = os.ReadFile(doc); err != nil || !strings.Contains(string(b), "curve-x") {
		t.Errorf("%v\n%s", err, b)
	}
	if low, high := decades(nil); low != 0 || high != 1 {
		t.Errorf("decades of nothing: %v, %v", low, high)
	}
}

// Rules of the curves are as many as they say, of as many masks, and most keys hit one.
func TestRandomRules(t *testing.T) {
	for _, x := range [][2]int{{100, 1}, {100, 50}, {3000, 1000}} {
		c, keys := randomRules(classifier.Merged, x[0], x[1])
		hits := 0
		for i := range keys {
			if c.Lookup(&keys[i], 1, nil) != nil {
				hits++
			}
		}
		if c.Masks() != x[1] || c.Len() < x[0]*9/10 || hits*10 < len(keys)*6 {
			t.Errorf("%d rules of %d masks: %d of %d, %d of %d keys hit", x[0], x[1], c.Len(), c.Masks(), hits, len(keys))
		}
	}
}

func TestParseBenchmarks(t *testing.T) {
	const text = `goos: linux
BenchmarkHit/1-flows         	    7226	   1878078 frames/s	       532.5 ns/frame	       0 B/op
BenchmarkLookup/rules=1000/masks=1/plain         	  949381	       391.3 ns/op
BenchmarkBroken/x --- FAIL
PASS
`
	if got := parseBenchmarks(text, "ns/frame"); len(got) != 1 || got["BenchmarkHit/1-flows"] != 532.5 {
		t.Errorf("%v", got)
	}
	if got := parseBenchmarks(text, "ns/op"); len(got) != 1 || got["BenchmarkLookup/rules=1000/masks=1/plain"] != 391.3 {
		t.Errorf("%v", got)
	}
}
