package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// line is one row of the comparison: something measured on several switches, or
// in several settings of ours.
type line struct {
	name, unit, about string
	less              bool // less is better
	contenders        []contender
	hosts             int           // 0: 2
	rounds            int           // 0: the default
	length            time.Duration // of one measurement
	beside            time.Duration // what it takes besides, for the estimate
	before            func(s *setup) error
	measure           func(s *setup, length time.Duration) (measured, error)
	bare              bool   // without namespaces, too
	named             bool   // measured only where it is named
	free              bool   // no goal is set
	axis              string // what the curves of its contenders go over; empty: there are none
}

func (l *line) hostCount() int {
	if l.hosts == 0 {
		return 2
	}
	return l.hosts
}

// measured is one value of a line, with what belongs to it.
type measured struct {
	value float64
	more  map[string]float64
	curve []point
	note  string   // what the reader should know; empty: nothing
	wrong []string // what was wrong with what came out
}

// blame marks figures wrong that should be 0.
func (m *measured) blame(figures ...string) {
	for _, what := range figures {
		if n := m.more[what]; n > 0 {
			m.wrong = append(m.wrong, fmt.Sprintf("%.0f %s", n, what))
		}
	}
}

// estimate is about how long the line takes.
func (l *line) estimate(o *options) time.Duration {
	length := l.length
	if o.length != 0 {
		length = o.length
	}
	return time.Duration(l.roundCount(o)*len(l.contenders)) * (length*3/2 + l.beside + second)
}

// perCPU is a further figure of forwarding lines.
const perCPU = "kframes per CPU-second"

// second is the usual length of a measurement.
const second = time.Second

// allLines are all of them, in the order in which they are measured.
func allLines(o *options) []line {
	return slices.Concat(forwardLines(o), tcpLines(o), pingLines(o), steadyLines(o), controlLines(o), gapLines(), microLines(), curveLines(o), ruleSetLines(o))
}

// choose picks the lines named: exactly, or by the beginning of their names up
// to a hyphen. Without names, all but those that run only if named.
func choose(lines []line, names []string) ([]line, error) {
	var out []line
	taken := make(map[string]bool)
	if len(names) == 0 {
		for _, l := range lines {
			if !l.named {
				out = append(out, l)
			}
		}
		return out, nil
	}
	for _, n := range names {
		found := false
		for _, l := range lines {
			if l.name == n || strings.HasPrefix(l.name, n+"-") {
				found = true
				if !taken[l.name] {
					taken[l.name] = true
					out = append(out, l)
				}
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
