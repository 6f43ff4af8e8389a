package main

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// benchmarks is a line of Go benchmarks, without a switch.
type benchmarks struct {
	pkg    string         // relative to the source
	filter string         // for -test.bench
	metric string         // "ns/op", or one of the benchmark's own
	name   *regexp.Regexp // its first group names the figure of one benchmark
	of     string         // what comes before the name of the figure
	value  func(ns []float64) float64
	figure func(ns float64) float64
}

// Contenders of the lines about lookups.
const plainSearch = "plain tuple-space search"

func microLines() []line {
	same := func(ns float64) float64 { return ns }
	million := func(ns float64) float64 { return ratio(1e3, ns) }
	one := func(name, unit, about string, less bool, b benchmarks) line {
		return line{
			name: name, unit: unit, about: about, less: less, bare: true, length: second / 5,
			contenders: []contender{{name: ours}}, measure: b.measure,
		}
	}
	sets := func(how string) benchmarks {
		return benchmarks{
			pkg: "classifier", filter: "^BenchmarkClassBench$/set=.*/how=" + how + "$/lookup", metric: "ns/op",
			name: regexp.MustCompile(`/set=([^/]*)/`), of: "ns ", value: geometricMean, figure: same,
		}
	}
	classbench := one("classbench", "ns", "a lookup in ClassBench's rule sets, mean of the sets", true, sets("merged"))
	classbench.contenders = append(classbench.contenders, contender{name: plainSearch})
	classbench.measure = func(s *setup, length time.Duration) (measured, error) {
		if s.contender.name == plainSearch {
			return sets("plain").measure(s, length)
		}
		return sets("merged").measure(s, length)
	}
	return []line{
		one("core-hit", "ns", "a frame whose key is in the cache, without I/O", true, benchmarks{
			pkg: "ofswitch", filter: "^BenchmarkHit$/^(1|64)-flows$", metric: "ns/frame",
			name: regexp.MustCompile(`/([^/]*)$`), of: "ns of ", value: worst, figure: same,
		}),
		one("core-megaflow", "ns", "a frame whose key is only in the cache of wildcarded keys, 10 masks, without I/O", true, benchmarks{
			pkg: "ofswitch", filter: "^BenchmarkMegaflow$/^10-masks$", metric: "ns/frame",
			name: regexp.MustCompile(`/([^/]*)$`), of: "ns of ", value: worst, figure: same,
		}),
		one("classifier", "M lookups/s", "lookups with wildcards in 1,000 and 10,000 rules of 10 and 50 masks, the slowest of them", false, benchmarks{
			pkg: "classifier", filter: "^BenchmarkLookup$/rules=(1000|10000)$/masks=(10|50)$/wildcards", metric: "ns/op",
			name: regexp.MustCompile(`/(rules=.*)$`), of: "M/s of ", value: func(ns []float64) float64 { return million(worst(ns)) }, figure: million,
		}),
		classbench,
	}
}

func worst(v []float64) float64 {
	m := 0.0
	for _, x := range v {
		m = max(m, x)
	}
	return m
}

func geometricMean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(v)))
}

// measure runs the benchmarks.
func (b benchmarks) measure(s *setup, length time.Duration) (m measured, err error) {
	program, err := s.opt.testProgram(b.pkg)
	if err != nil {
		return m, err
	}
	cmd := exec.CommandContext(s.ctx, program, "-test.run", "^$", "-test.bench", b.filter, "-test.benchtime", length.String(), "-test.cpu", "1")
	cmd.Dir = filepath.Join(s.opt.source, b.pkg)
	if s.opt.ruleSets != filepath.Join(s.opt.source, defaultRuleSets) {
		cmd.Env = append(os.Environ(), "CLASSBENCH="+s.opt.ruleSets)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return m, fmt.Errorf("benchmarks of %s: %w: %.500s", b.pkg, err, out)
	}
	var all []float64
	m.more = make(map[string]float64)
	for name, ns := range parseBenchmarks(string(out), b.metric) {
		all = append(all, ns)
		figure := name
		if g := b.name.FindStringSubmatch(name); g != nil {
			figure = g[1]
		}
		m.more[b.of+figure] = b.figure(ns)
	}
	if len(all) == 0 {
		return m, errMissing{fmt.Sprintf("package %s has no benchmark %s that tells %s", b.pkg, b.filter, b.metric)}
	}
	m.value = b.value(all)
	return m, nil
}

// parseBenchmarks finds a metric of each benchmark in what a test program prints.
func parseBenchmarks(text, metric string) map[string]float64 {
	out := make(map[string]float64)
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		for i := 2; i+1 < len(f); i += 2 {
			if v, err := strconv.ParseFloat(f[i], 64); err == nil && f[i+1] == metric {
				out[f[0]] = v
			}
		}
	}
	return out
}

// testProgram builds the tests of a package, once.
func (o *options) testProgram(pkg string) (string, error) {
	if p, ok := o.programs[pkg]; ok {
		return p, nil
	}
	if _, err := exec.LookPath("go"); err != nil {
		return "", errMissing{"the Go benchmarks need the go command in the path"}
	}
	if _, err := os.Stat(filepath.Join(o.source, pkg)); err != nil {
		return "", errMissing{fmt.Sprintf("the Go benchmarks need the source: %v", err)}
	}
	if o.temp == "" {
		dir, err := os.MkdirTemp("", "ofswitch-bench-")
		if err != nil {
			return "", err
		}
		o.temp, o.programs = dir, make(map[string]string)
	}
	program := filepath.Join(o.temp, pkg+".test")
	cmd := exec.Command("go", "test", "-c", "-o", program, "./"+pkg)
	cmd.Dir = o.source
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the benchmarks of %s: %w: %s", pkg, err, out)
	}
	o.programs[pkg] = program
	return program, nil
}

// cleanUp removes what testProgram built.
func (o *options) cleanUp() error {
	if o.temp == "" {
		return nil
	}
	return os.RemoveAll(o.temp)
}
