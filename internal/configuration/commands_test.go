package configuration

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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

// settled compares what the databases hold until they differ no more than they
// did: the switches go on to write what links do.
func settled(a, b *system, before string) (differences string) {
	nudge := time.After(settling / 4)
	for patience := time.After(settling); ; {
		differences = contentsDiffer(a, b)
		if differences == "" || differences == before {
			return differences
		}
		select {
		case <-a.db.Changed():
		case <-b.db.Changed():
		case <-nudge:
			a.nudge()
			b.nudge()
		case <-patience:
			return differences
		}
	}
}

// nudge changes a little of every link. Open vSwitch looks at its ports again
// only when one of their links changes: a port whose state changed a moment
// before a reconfiguration cleared its column error may else never get it back.
func (s *system) nudge() {
	links, err := s.ns.Netlink.LinkList()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range links {
		err := s.ns.Netlink.LinkSetTxQLen(l, l.Attrs().TxQLen+1)
		if err != nil && !errors.Is(err, unix.ENODEV) {
			s.t.Fatalf("the queue of %s: %v", l.Attrs().Name, err)
		}
	}
}

// settling is how long databases may differ.
const settling = 20 * time.Second

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

// comparison is of systems with the one that they are to be like.
type comparison struct {
	t      *testing.T
	judge  *system
	judged []*system
	before map[*system]string // how the databases differed
	differ int                // how often something did
}

func newComparison(t *testing.T) *comparison {
	return &comparison{t: t, judge: theirs(t, "ovs-vsctl"), judged: []*system{ours(t, "ovs-vsctl"), ours(t, "ofctl")}, before: make(map[*system]string)}
}

// compare has all systems do the same at once, and then compares what they
// answered to each step, and their databases.
func (c *comparison) compare(do func(*system) ([]answer, error), list ...step) {
	all := append([]*system{c.judge}, c.judged...)
	answers := make([][]answer, len(all))
	errs := make([]error, len(all))
	var work sync.WaitGroup
	for i, s := range all {
		work.Go(func() { answers[i], errs[i] = do(s) })
	}
	work.Wait()
	for i, s := range c.judged {
		for n, theirs := range answers[0] {
			// Behind the last step is what was left over.
			st := step{line: "the end of " + list[0].line}
			if n < len(list) {
				st = list[n]
			}
			if n < len(answers[i+1]) && intended(s.program, st.line) == "" {
				if d := difference(c.judge, s, theirs, answers[i+1][n], st); d != "" {
					c.t.Errorf("%s: %s %s\n%s", s.program, st.tool, st.line, d)
					c.differ++
				}
			}
		}
		if d := settled(c.judge, s, c.before[s]); d != c.before[s] {
			c.t.Errorf("%s: %s %s\nafterwards the databases differ so (nothing: not any more):\n%s", s.program, list[0].tool, list[0].line, d)
			c.before[s] = d
			c.differ++
		}
	}
	for i, err := range errs {
		if err != nil {
			c.t.Errorf("%s, %s: %s %s: %v", all[i].name, all[i].program, list[0].tool, list[0].line, err)
			c.differ++
		}
	}
	if c.differ >= 40 {
		c.t.Fatal("and so on")
	}
}

// TestIntegrationCommands: every command of ovs-vsctl and call of ovsdb-client
// does the same to our database and switch as to Open vSwitch's own, and ofctl
// does what ovs-vsctl does.
func TestIntegrationCommands(t *testing.T) {
	c := newComparison(t)
	for _, st := range slices.Concat(steps, clientSteps) {
		c.compare(func(s *system) ([]answer, error) {
			a, err := s.run(st)
			return []answer{a}, err
		}, st)
	}
}

// TestIntegrationRunning: what runs and waits, while others change things, prints
// the same.
func TestIntegrationRunning(t *testing.T) {
	c := newComparison(t)
	for _, scene := range scenes {
		list := make([]step, len(scene))
		for i, e := range scene {
			list[i] = e.step
		}
		c.compare(func(s *system) ([]answer, error) { return s.play(scene) }, list...)
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
