package configuration

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ofswitch/internal/testutil"
)

// program runs while others do what it tells of.
type program struct {
	cmd     *exec.Cmd
	out     testutil.Output
	errs    testutil.Output
	pidFile string        // of a detached ovsdb-client
	seen    int           // bytes of out that were looked at
	done    chan struct{} // closed when it has ended
}

// begin starts a program, which is ended when the test ends.
func (s *system) begin(st step) (*program, error) {
	p := &program{cmd: s.command(s.commandLine(st)), pidFile: s.at("ovsdb-client.pid"), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.errs
	if err := s.ns.Namespace.Start(p.cmd); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // its status says it
		close(p.done)
	}()
	s.t.Cleanup(p.end)
	return p, nil
}

// end ends a program, if it has not ended, and a detached one.
func (p *program) end() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	if text, err := os.ReadFile(p.pidFile); err == nil {
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			_ = syscall.Kill(pid, syscall.SIGTERM) // the same
		}
	}
	<-p.done
}

// read waits for n more lines, and then for something that the program's own log
// has, unless it is nil.
func (p *program) read(n int, logged *regexp.Regexp) (string, error) {
	for patience := time.After(limit); ; {
		text := p.out.String()[p.seen:]
		if enough := cutLines(text, n); enough >= 0 && (logged == nil || logged.MatchString(p.errs.String())) {
			p.seen += enough
			return text[:enough], nil
		}
		select {
		case <-patience:
			return "", fmt.Errorf("%s printed %q and %q, which is not all of %d lines", p.cmd, text, p.errs.String(), n)
		case <-time.After(time.Millisecond):
		}
	}
}

// cutLines is how long the first n lines are; less than 0 if there are not so
// many.
func cutLines(text string, n int) int {
	length := 0
	for range n {
		i := strings.IndexByte(text[length:], '\n')
		if i < 0 {
			return -1
		}
		length += i + 1
	}
	return length
}

// event is a step that is run to its end, or begins a program, or nothing; and
// then what is awaited of a program.
type event struct {
	step
	begin bool
	end   bool           // the program is ended
	who   string         // which program; empty: the only one
	lines int            // how many it prints
	log   *regexp.Regexp // what its log has, if not nil
	ends  bool           // it ends by itself
}

// play runs a scene and returns what every event gave.
func (s *system) play(scene []event) (answers []answer, err error) {
	programs := make(map[string]*program)
	orders := make(map[string]func(string) string)
	for _, e := range scene {
		var a answer
		if e.end {
			programs[e.who].end()
		}
		switch {
		case e.begin:
			if programs[e.who], err = s.begin(e.step); err != nil {
				return answers, err
			}
			if orders[e.who] = e.order; e.order == nil {
				orders[e.who] = lines(0)
			}
		case e.line != "":
			if a, err = s.run(e.step); err != nil {
				return answers, err
			}
		}
		if p := programs[e.who]; p != nil {
			if e.ends {
				select {
				case <-p.done:
				case <-time.After(limit):
					return answers, fmt.Errorf("%s goes on", p.cmd)
				}
			}
			text, err := p.read(e.lines, e.log)
			if err != nil {
				return answers, fmt.Errorf("after %s: %w", e.line, err)
			}
			a.out += orders[e.who](s.normal(text))
		}
		answers = append(answers, a)
	}
	// What was more than was awaited.
	for _, who := range slices.Sorted(maps.Keys(programs)) {
		p := programs[who]
		p.end()
		answers = append(answers, answer{p.cmd.ProcessState.ExitCode(), s.normal(p.out.String()[p.seen:]), s.normal(p.errs.String())})
	}
	return answers, nil
}
