package configuration

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
)

// step is a command line of ovs-vsctl, or of another tool, and what may be in
// another order in its output.
type step struct {
	line  string
	order func(string) string // nil: nothing
	tool  string              // empty: ovs-vsctl, or ofctl in its place
}

// words splits a line at spaces outside of single quotes.
func words(line string) []string {
	var list []string
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		var w strings.Builder
		quoted := false
		i := 0
		for ; i < len(line) && (quoted || line[i] != ' '); i++ {
			if line[i] == '\'' {
				quoted = !quoted
			} else {
				w.WriteByte(line[i])
			}
		}
		list, line = append(list, w.String()), line[i:]
	}
	return list
}

// difference compares what two systems said to one step.
func difference(a, b *system, x, y answer, s step) string {
	order := s.order
	if order == nil {
		order = func(text string) string { return text }
	}
	x.out, y.out = order(x.out), order(y.out)
	for _, s := range []*system{a, b} { // getopt names the program as it was called
		x.err = strings.ReplaceAll(x.err, s.path+":", a.program+":")
		y.err = strings.ReplaceAll(y.err, s.path+":", a.program+":")
	}
	y.err = strings.ReplaceAll(y.err, b.program+":", a.program+":")
	x.err, y.err = allowed(x.err), allowed(y.err)
	if x != y {
		return "  " + a.name + ": " + x.String() + "  " + b.name + ": " + y.String()
	}
	return ""
}

// contentsDiffer compares what the databases hold now.
func contentsDiffer(a, b *system) string {
	var text strings.Builder
	p, q := a.contents(), b.contents()
	for _, l := range p {
		if !slices.Contains(q, l) {
			text.WriteString("  only " + a.name + ": " + l + "\n")
		}
	}
	for _, l := range q {
		if !slices.Contains(p, l) {
			text.WriteString("  only " + b.name + ": " + l + "\n")
		}
	}
	return text.String()
}

// TestIntegrationCommands: every command of ovs-vsctl and call of ovsdb-client
// does the same to our database and switch as to Open vSwitch's own, and ofctl
// does what ovs-vsctl does.
func TestIntegrationCommands(t *testing.T) {
	judge := theirs(t, "ovs-vsctl")
	judged := []*system{ours(t, "ovs-vsctl"), ours(t, "ofctl")}
	all := append([]*system{judge}, judged...)
	differ := 0
	before := make(map[*system]string) // how the databases differed
	for _, st := range slices.Concat(steps, clientSteps) {
		answers := make([]answer, len(all))
		errs := make([]error, len(all))
		var work sync.WaitGroup
		for i, s := range all {
			path, args := s.path, words("--timeout=10 "+st.line)
			if st.tool != "" {
				path, args = st.tool, words(st.line)
			}
			work.Go(func() { answers[i], errs[i] = s.run(path, args...) })
		}
		work.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatalf("%s: %v", st.line, err)
		}
		for i, s := range judged {
			if intended(s.program, st.line) == "" {
				if d := difference(judge, s, answers[0], answers[i+1], st); d != "" {
					t.Errorf("%s: %s %s\n%s", s.program, st.tool, st.line, d)
					differ++
				}
			}
			if d := contentsDiffer(judge, s); d != before[s] {
				t.Errorf("%s: %s %s\nafterwards the databases differ so (nothing: not any more):\n%s", s.program, st.tool, st.line, d)
				before[s] = d
				differ++
			}
		}
		if differ >= 40 {
			t.Fatal("and so on")
		}
	}
}

// TestStepsComplete: every command and each of its options is in a step.
func TestStepsComplete(t *testing.T) {
	var all []string
	for _, st := range steps {
		all = append(all, words(st.line)...)
	}
	for _, name := range forms {
		for _, w := range strings.Fields(name) {
			if !slices.ContainsFunc(all, func(s string) bool { return s == w || strings.HasPrefix(s, w+"=") }) {
				t.Errorf("no step has %s", w)
			}
		}
	}
}
