// Command bench compares ofswitchd with Open vSwitch's userspace datapath on
// this machine: each in turn in fresh network namespaces, A B A B, and prints
// medians, spread and ratios. It needs root, iperf3 and the openvswitch-switch
// package; bin/ofswitchd is what is measured. The line garbage, which needs none
// of these, compares the data path with itself under attack (garbage.go); the
// line meter, which needs root alone, compares what meters let pass with their
// rates (meter.go). The line database, which runs only if named, compares what
// configuration by ovs-vsctl takes (database.go).
//
//	bench [-rounds 5] [-seconds 3] [-json FILE] [LINE...]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
)

// line is one row of the comparison: something measured on both switches.
type line struct {
	name    string
	unit    string
	measure func(s *setup, seconds int) (float64, error)
}

var lines = []line{
	{"tcp-host-host", "Gbit/s", tcp(host(0), host(1), false)},
	{"tcp6-host-host", "Gbit/s", tcp(host(0), host(1), true)},
	{"tcp-local-host", "Gbit/s", tcp(local, host(0), false)},
	{"tcp6-local-host", "Gbit/s", tcp(local, host(0), true)},
	{"tcp-host-local", "Gbit/s", tcp(host(0), local, false)},
	{"tcp6-host-local", "Gbit/s", tcp(host(0), local, true)},
}

// result is the outcome of one line.
type result struct {
	Line   string    `json:"line"`
	Unit   string    `json:"unit"`
	Ours   []float64 `json:"ofswitch"`
	Theirs []float64 `json:"openvswitch"`
	Ratio  float64   `json:"ratio_of_medians"`
}

func main() {
	rounds := flag.Int("rounds", 5, "rounds of each switch a line")
	seconds := flag.Int("seconds", 3, "length of one measurement")
	jsonFile := flag.String("json", "", "write the results to `FILE`")
	bin := flag.String("bin", "bin", "`DIR` with ofswitchd")
	testdata := flag.String("testdata", "testdata", "`DIR` with example messages, for the line garbage")
	flag.Parse()
	if flag.Arg(0) == peersCommand && flag.NArg() == 3 {
		if err := playPeers(flag.Arg(1), flag.Arg(2)); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	ours, names := takesGarbage(flag.Args())
	meters, names := takesMeter(names)
	database, names := takesDatabase(names)
	var results []result
	var attacked []garbageResult
	var metered []meterResult
	var err error
	all := flag.NArg() == 0
	if all || len(names) > 0 {
		results, err = run(ctx, *bin, *rounds, *seconds, names)
	}
	if err == nil && (all || ours) {
		attacked, err = runGarbage(ctx, *testdata, *rounds, *seconds)
	}
	if err == nil && (all || meters) {
		metered, err = runMeter(ctx, *bin, *rounds, *seconds)
	}
	if err == nil && database {
		var more []result
		more, err = runDatabase(ctx, *bin, *rounds, *seconds)
		results = append(results, more...)
	}
	stop()
	if len(results) > 0 {
		print(results)
	}
	if len(attacked) > 0 {
		printGarbage(attacked)
	}
	if len(metered) > 0 {
		printMeter(metered)
	}
	if err == nil && *jsonFile != "" {
		all := make([]any, 0, len(results)+len(attacked)+len(metered))
		for _, r := range results {
			all = append(all, r)
		}
		for _, r := range attacked {
			all = append(all, r)
		}
		for _, r := range metered {
			all = append(all, r)
		}
		var b []byte
		if b, err = json.MarshalIndent(all, "", "  "); err == nil {
			err = os.WriteFile(*jsonFile, append(b, '\n'), 0o644)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures the lines chosen, all when none is named.
func run(ctx context.Context, bin string, rounds, seconds int, names []string) ([]result, error) {
	if os.Getuid() != 0 {
		return nil, errors.New("network namespaces need root")
	}
	ofswitchd, err := filepath.Abs(filepath.Join(bin, "ofswitchd"))
	if err != nil {
		return nil, err
	}
	chosen, err := choose(names)
	if err != nil {
		return nil, err
	}
	var results []result
	for i, l := range chosen {
		r := result{Line: l.name, Unit: l.unit}
		for round := range rounds {
			for _, sw := range []struct {
				name  string
				start starter
				into  *[]float64
			}{{"ofswitch", startOurs(ofswitchd), &r.Ours}, {"openvswitch", startOVS, &r.Theirs}} {
				if ctx.Err() != nil {
					return results, ctx.Err()
				}
				fmt.Fprintf(os.Stderr, "\r\033[K[%d/%d] %s, round %d/%d, %s", i+1, len(chosen), l.name, round+1, rounds, sw.name)
				v, err := once(sw.start, l, seconds)
				if err != nil {
					return results, fmt.Errorf("%s on %s: %w", l.name, sw.name, err)
				}
				*sw.into = append(*sw.into, v)
			}
		}
		r.Ratio = median(r.Ours) / median(r.Theirs)
		results = append(results, r)
	}
	fmt.Fprint(os.Stderr, "\r\033[K")
	return results, nil
}

func choose(names []string) ([]line, error) {
	if len(names) == 0 {
		return lines, nil
	}
	var out []line
	for _, n := range names {
		found := false
		for _, l := range lines {
			if l.name == n || strings.HasPrefix(l.name, n+"-") {
				out, found = append(out, l), true
			}
		}
		if !found {
			var known []string
			for _, l := range lines {
				known = append(known, l.name)
			}
			return nil, fmt.Errorf("no line %q; there are %s", n, strings.Join(known, ", "))
		}
	}
	return out, nil
}

func print(results []result) {
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "line\tunit\tofswitch\t(min..max)\tOpen vSwitch\t(min..max)\tratio")
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%s\t%.2f\t(%.2f..%.2f)\t%.2f\t(%.2f..%.2f)\t%.2f\n", r.Line, r.Unit,
			median(r.Ours), slices.Min(r.Ours), slices.Max(r.Ours),
			median(r.Theirs), slices.Min(r.Theirs), slices.Max(r.Theirs), r.Ratio)
	}
	w.Flush()
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
