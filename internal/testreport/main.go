// Command testreport runs `go test` and prints a short report: a line a
// package, the whole output of what failed, and, loudly, which tests were
// skipped and why. Exit status 1 when a test failed, when one was skipped
// without a reason, or, with CI set in the environment, when one was skipped at
// all. Where the race detector
// cannot be had, a run with -race is skipped as a whole.
//
//	testreport -- go test ./...
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// event is a line of `go test -json` (go doc test2json).
type event struct {
	Action  string
	Package string
	Test    string
	Elapsed float64
	Output  string
}

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) < 2 || args[1] != "test" {
		fmt.Fprintln(os.Stderr, "usage: testreport -- go test [flags] [packages]")
		os.Exit(2)
	}
	if why := noRace(args); why != "" {
		fmt.Printf("\nSKIPPED, so not tested here:\n  all of %s: %s\n", strings.Join(args, " "), why)
		if os.Getenv("CI") != "" {
			os.Exit(1)
		}
		return
	}
	args = append([]string{args[0], "test", "-json"}, args[2:]...)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "testreport: %s: %v\n", strings.Join(args, " "), err)
		os.Exit(2)
	}
	r := newReport(os.Stdout)
	r.read(out)
	runErr := cmd.Wait()
	if !r.finish(os.Getenv("CI") != "") || runErr != nil {
		os.Exit(1)
	}
}

// noRace says why these arguments ask for the race detector in vain, if they do.
func noRace(args []string) string {
	if !slices.Contains(args, "-race") {
		return ""
	}
	out, err := exec.Command(args[0], "env", "CGO_ENABLED").Output()
	if err == nil && strings.TrimSpace(string(out)) == "0" {
		return "the race detector needs a C compiler: apt-get install gcc libc6-dev"
	}
	return ""
}

// report gathers what the tests say.
type report struct {
	w                       io.Writer
	output                  map[string][]string // by package and test, until it ends
	passed, failed, skipped int
	skips                   []string // "package test: reason"
	unexplained             int      // skips without a reason
	packagesFailed          int
}

func newReport(w io.Writer) *report {
	return &report{w: w, output: map[string][]string{}}
}

func (r *report) read(in io.Reader) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Fprintln(r.w, lines.Text()) // a build error of an older go
			continue
		}
		r.event(&e)
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintf(r.w, "testreport: %v\n", err)
		r.packagesFailed++
	}
}

func (r *report) event(e *event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		r.output[key] = append(r.output[key], e.Output)
		return
	case "build-output":
		fmt.Fprint(r.w, e.Output)
		return
	case "pass", "fail", "skip":
	default:
		return
	}
	out := strings.Join(r.output[key], "")
	delete(r.output, key)
	if e.Test == "" {
		r.packageEnd(e, out)
		return
	}
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		fmt.Fprintf(r.w, "FAIL %s %s\n%s", e.Package, e.Test, out)
	case "skip":
		r.skipped++
		why := reason(out)
		if why == "" {
			r.unexplained++
			why = "no reason given"
		}
		r.skips = append(r.skips, fmt.Sprintf("%s %s: %s", e.Package, e.Test, why))
	}
}

func (r *report) packageEnd(e *event, out string) {
	switch e.Action {
	case "fail":
		r.packagesFailed++
		fmt.Fprintf(r.w, "FAIL %s (%.1fs)\n%s", e.Package, e.Elapsed, out)
	case "pass":
		fmt.Fprintf(r.w, "ok   %s (%.1fs)\n", e.Package, e.Elapsed)
	}
}

// reason is the text that a test gave to Skip; empty: none.
func reason(out string) string {
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if _, text, ok := strings.Cut(line, ".go:"); ok {
			if _, text, ok = strings.Cut(text, ": "); ok {
				return text
			}
		}
	}
	return ""
}

// finish prints the summary and says whether the run counts as passed.
func (r *report) finish(ci bool) bool {
	if len(r.skips) > 0 {
		fmt.Fprintf(r.w, "\nSKIPPED, so not tested here:\n")
		for _, s := range r.skips {
			fmt.Fprintf(r.w, "  %s\n", s)
		}
	}
	ok := r.failed == 0 && r.packagesFailed == 0
	if r.unexplained > 0 {
		fmt.Fprintf(r.w, "%d skipped tests give no reason: say in t.Skip what is missing, and what to do\n", r.unexplained)
		ok = false
	}
	if ci && r.skipped > 0 {
		fmt.Fprintf(r.w, "CI is set: %d skipped tests count as failed\n", r.skipped)
		ok = false
	}
	fmt.Fprintf(r.w, "\n%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
	return ok
}
