package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ofswitch/bench/traffic"
	"ofswitch/flow"
	"ofswitch/internal/classbench"
)

// defaultRuleSets are those of the repository, in its directory.
const defaultRuleSets = "testdata/classbench"

// ruleSetLines are of frames through ClassBench's rule sets, each frame a new flow: what
// counts is how long a switch takes for a frame whose flow it has not seen.
func ruleSetLines(o *options) []line {
	cs := controlContenders(o)
	uncached := contender{name: ovsUncached, start: func(s *setup) error {
		if err := s.startOVS("secure", false); err != nil {
			return err
		}
		if err := s.ovsTool("ovs-vsctl", "--timeout=20", "--db=unix:"+filepath.Join(s.dir, "db.sock"), "set", "Open_vSwitch", ".",
			"other_config:emc-insert-inv-prob=0", "other_config:smc-enable=false"); err != nil {
			return err
		}
		return s.ovsTool("ovs-appctl", "-t", filepath.Join(s.dir, "vs.ctl"), "upcall/disable-megaflows")
	}}
	return []line{{
		name: "classbench-frames", unit: "kframes/s", about: "frames that hit the rules of ClassBench's sets, each of a new flow, mean of the sets",
		contenders: append(cs, uncached), length: second, rounds: 3, beside: 20 * second, named: true, free: true, measure: measureRuleSets,
	}}
}

func measureRuleSets(s *setup, length time.Duration) (m measured, err error) {
	sets, err := filepath.Glob(filepath.Join(s.opt.ruleSets, "*.rules.gz"))
	if err != nil || len(sets) == 0 {
		return m, errMissing{fmt.Sprintf("no ClassBench sets (*.rules.gz) in %s: name their directory by -rules", s.opt.ruleSets)}
	}
	if s.opt.small {
		sets = sets[:1]
	}
	h1, h2 := s.lab.Hosts[0], s.lab.Hosts[1]
	sink, err := traffic.NewSink(h2.Namespace, "eth0", traffic.Load{})
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, sink.Close()) }()
	m.more = make(map[string]float64)
	var all []float64
	for _, set := range sets {
		name := strings.TrimSuffix(filepath.Base(set), ".rules.gz")
		rules, err := classbench.Open(set)
		if err != nil {
			return m, err
		}
		text, matches := ruleSetFlows(rules)
		file := filepath.Join(s.dir, "rules")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return m, err
		}
		// Open vSwitch takes masked ports in OpenFlow 1.3, too; the standard has them in none.
		if _, err := s.ofctlAt("OpenFlow10", "del-flows"); err != nil {
			return m, err
		}
		began := time.Now()
		if _, err := s.ofctlAt("OpenFlow10", "add-flows", file); err != nil {
			return m, fmt.Errorf("%s: %w", name, err)
		}
		m.more["seconds to add "+name] = time.Since(began).Seconds()
		gen, err := traffic.NewTrace(h1.Namespace, "eth0", s.opt.cpu, func(n int, seed uint64) []flow.Wide {
			return classbench.Trace(matches, n, s.opt.locality, seed)
		})
		if err != nil {
			return m, err
		}
		rate, err := s.newFlows(gen, sink, length)
		if err := errors.Join(err, gen.Close()); err != nil {
			return m, fmt.Errorf("%s: %w", name, err)
		}
		m.more["kframes/s "+name] = rate / 1e3
		all = append(all, rate/1e3)
	}
	m.value = geometricMean(all)
	return m, nil
}

// newFlows is how many frames a second of a trace pass.
func (s *setup) newFlows(gen *traffic.Trace, sink *traffic.Sink, length time.Duration) (perSecond float64, err error) {
	ended := make(chan error, 1)
	go func() { ended <- gen.Flood() }()
	defer func() {
		gen.Stop()
		err = errors.Join(err, <-ended)
	}()
	before, err := sink.Counts()
	if err != nil {
		return 0, err
	}
	// What comes is none of a Generator's numbered frames, but there is nothing else.
	passed := func() (uint64, error) {
		c, err := sink.Counts()
		return c.Foreign - before.Foreign, err
	}
	err = s.retry(func() error {
		n, err := passed()
		if err == nil && n < 100 {
			err = fmt.Errorf("only %d frames come out of the switch", n)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	first, err := passed()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	select {
	case <-time.After(length):
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
	var last uint64
	err = s.retry(func() (err error) {
		if last, err = passed(); err == nil && last == first {
			err = errors.New("no frame comes out of the switch any more")
		}
		return err
	})
	return float64(last-first) / time.Since(began).Seconds(), err
}

// ruleSetFlows is a set as ovs-ofctl reads it, the first rule of the highest priority; all
// send out of port 2.
func ruleSetFlows(rules []classbench.Rule) (text string, matches []flow.Match) {
	var b strings.Builder
	// A priority has 16 bits: of more rules neighbours share one.
	const most = 65000
	per := max(1, (len(rules)+most-1)/most)
	for i := range rules {
		for _, match := range rules[i].Matches() {
			matches = append(matches, match)
			fmt.Fprintf(&b, "priority=%d,%s,actions=output:2\n", most-i/per, match.String())
		}
	}
	return b.String(), matches
}
