package main

import (
	"fmt"
	"strings"
)

// goal is what a line must reach.
type goal struct {
	line string
	// of and against are contenders; against empty: the value itself is bounded.
	of, against string
	// what: a further figure of the line instead of its value.
	what string
	// less is for a further figure of which less is better.
	less bool
	// reference is what the value is divided by, where the peer cannot be run here.
	reference     float64
	referenceName string
	// minus has the contenders' difference bounded, not their ratio.
	minus bool
	// goal and stretch bound the ratio or the value, from below, or from above
	// where less is better. 0: there is none.
	goal, stretch float64
	// stretchAgainst has the stretch measured against another contender.
	stretchAgainst string
}

const (
	ours        = "ofswitch"
	oursBypass  = "ofswitch qdisc-bypass"
	oursXDP     = "ofswitch afxdp"
	oursBase    = "ofswitch base"
	ovs         = "Open vSwitch"
	ovsUncached = "Open vSwitch without caches"
	bridge      = "Linux bridge"
)

// goals are all of them, in the order of the lines.
var goals = []goal{
	{line: "frames-1", of: ours, against: ovs, goal: 2.2, stretch: 3.0},
	{line: "frames-10k", of: ours, against: ovs, goal: 2.2},
	{line: "frames-1m", of: ours, against: ovs, goal: 2.2},
	{line: "frames-rules", of: ours, against: ovs, goal: 2.2},
	{line: "frames-tables", of: ours, against: ovs, goal: 2.2},
	{line: "frames-all", of: ours, against: ovs, goal: 2.2},
	{line: "frames-xdp", of: oursXDP, against: ovs, goal: 3.2},
	{line: "frames-xdp", of: oursXDP, against: ovs, what: perCPU, stretch: 1.5},
	{line: "tcp-host-host", of: ours, against: ovs, goal: 1.5, stretch: 0.95, stretchAgainst: bridge},
	{line: "tcp6-host-host", of: ours, against: ovs, goal: 1.5, stretch: 0.95, stretchAgainst: bridge},
	{line: "tcp-local-host", of: ours, against: ovs, goal: 1.0, stretch: 0.95, stretchAgainst: bridge},
	{line: "tcp6-local-host", of: ours, against: ovs, goal: 1.0, stretch: 0.95, stretchAgainst: bridge},
	{line: "tcp-host-local", of: ours, against: ovs, goal: 1.0, stretch: 0.95, stretchAgainst: bridge},
	{line: "tcp6-host-local", of: ours, against: ovs, goal: 1.0, stretch: 0.95, stretchAgainst: bridge},
	{line: "ping-host-host", of: ours, against: ovs, goal: 0.6, stretch: 0.4},
	{line: "ping-host-local", of: ours, against: ovs, goal: 0.6, stretch: 0.4},
	{line: "churn", of: churnSlow, against: quiet, goal: 0.95},
	{line: "churn", of: churnFast, against: quiet, stretch: 0.95},
	{line: "explosion", of: attacked, against: quiet, goal: 0.8, stretch: 0.95},
	{line: "idle", of: ours, goal: 0.5, stretch: 0.1},
	{line: "gap", of: collectorOn, against: collectorOff, minus: true, goal: 5},
	{line: "core-hit", of: ours, goal: 60, stretch: 40},
	{line: "core-megaflow", of: ours, goal: 250, stretch: 150},
	{line: "classifier", of: ours, goal: 4, stretch: 10},
	{line: "flow-mods", of: ours, against: ovs, goal: 2.0, stretch: 4.0},
	{line: "dump-flows", of: ours, against: ovs, goal: 1.0, stretch: 0.5},
	{line: "memory", of: ours, against: ovs, goal: 0.7, stretch: 0.5},
	{line: "packet-ins", of: ours, against: ovs, goal: 3.0, stretch: 5.0},
	{line: "reactive", of: ours, against: ovs, goal: 3.0, stretch: 5.0},
	{line: "reactive", of: ours, against: ovs, what: paceFigure, goal: 3.0, stretch: 5.0},
	{line: "reactive", of: ours, what: fallFigure, goal: 0.95, stretch: 1.0},
}

// tupleMerge is what TupleMerge's reference implementation (Daly et al., "TupleMerge:
// Fast Software Packet Processing for Online Packet Classification", IEEE/ACM ToN
// 2019) took for a lookup in these sets, in nanoseconds, where the goals were set.
var tupleMerge = []struct {
	set string
	ns  float64
}{
	{"acl1_1000", 101}, {"acl1_10000", 421}, {"acl1_100000", 297},
	{"fw1_1000", 141}, {"fw1_10000", 353}, {"fw1_100000", 439},
	{"ipc1_1000", 154}, {"ipc1_10000", 335}, {"ipc1_100000", 356},
}

// classbenchGoals are those of the sets that were measured.
func classbenchGoals(r *outcome) []goal {
	var out []goal
	s := r.of(ours)
	if r.Line != "classbench" || s == nil {
		return nil
	}
	for _, t := range tupleMerge {
		what := "ns " + t.set
		if len(s.More[what]) > 0 {
			out = append(out,
				goal{line: r.Line, of: ours, what: what, less: true, reference: t.ns, referenceName: "TupleMerge", goal: 2, stretch: 1},
				goal{line: r.Line, of: ours, against: plainSearch, what: what, less: true, goal: 1. / 3, stretch: 1. / 8})
		}
	}
	return out
}

// verdict is a goal and what was measured.
type verdict struct {
	Text    string  `json:"text"`
	Goal    float64 `json:"goal,omitempty"`
	Stretch float64 `json:"stretch,omitempty"`
	Value   float64 `json:"value"`
	Less    bool    `json:"less_is_better,omitempty"`
	// StretchValue is what the stretch bounds where that is another value.
	StretchValue float64 `json:"stretch_value,omitempty"`
	// State is "missed", "met", "stretch", "wrong", or "not measured".
	State string `json:"state"`
}

// judge compares a line with its goals.
func judge(r *outcome, goals []goal) []verdict {
	var out []verdict
	for _, g := range append(goals[:len(goals):len(goals)], classbenchGoals(r)...) {
		if g.line == r.Line {
			out = append(out, g.judge(r))
		}
	}
	return out
}

func (g goal) judge(r *outcome) verdict {
	v := verdict{Goal: g.goal, Stretch: g.stretch, State: "not measured", Less: g.less || r.Less && g.what == ""}
	what := ""
	if g.what != "" {
		what = g.what + " of "
	}
	v.Text = what + g.of
	if g.reference != 0 {
		v.Text += " to " + g.referenceName
	}
	switch {
	case g.minus:
		v.Text += " beyond " + g.against
	case g.against != "":
		v.Text += " to " + g.against
	}
	value, ok := g.value(r, g.against)
	if !ok {
		return v
	}
	v.Value = value
	stretchValue := value
	if g.stretchAgainst != "" {
		if stretchValue, ok = g.value(r, g.stretchAgainst); !ok {
			stretchValue = value
		} else {
			v.StretchValue = stretchValue
			v.Text += fmt.Sprintf(" (stretch: to %s)", g.stretchAgainst)
		}
	}
	reached := func(value, bound float64) bool {
		if v.Less {
			return value <= bound
		}
		return value >= bound
	}
	switch s := r.of(g.of); {
	case s.isWrong():
		v.State = "wrong"
	case g.stretch != 0 && reached(stretchValue, g.stretch) && (g.goal == 0 || reached(value, g.goal)):
		v.State = "stretch"
	case g.goal != 0 && reached(value, g.goal):
		v.State = "met"
	default:
		v.State = "missed"
	}
	return v
}

// isWrong says whether frames came out of order or with wrong checksums, or were
// lost below saturation in most rounds: in single ones a machine with other work
// may have stood still for longer than any buffer lasts.
func (s *series) isWrong() bool {
	lost := 0
	for _, w := range s.Wrong {
		if strings.Contains(w, lostFrames) {
			lost++
		}
	}
	return len(s.Wrong) > lost || 2*lost > len(s.Values)
}

// value is the ratio to a contender, or the value itself.
func (g goal) value(r *outcome, against string) (float64, bool) {
	figure := func(name string) (float64, bool) {
		s := r.of(name)
		if s == nil {
			return 0, false
		}
		v := s.Values
		if g.what != "" {
			v = s.More[g.what]
		}
		return median(v), len(v) > 0
	}
	mine, ok := figure(g.of)
	if g.reference != 0 {
		mine /= g.reference
	}
	if !ok || against == "" {
		return mine, ok
	}
	theirs, ok := figure(against)
	if g.minus {
		return mine - theirs, ok
	}
	return ratio(mine, theirs), ok && theirs != 0
}
