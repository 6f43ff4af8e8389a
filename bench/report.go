package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// series is what one contender showed on one line.
type series struct {
	Name   string    `json:"name"`
	Values []float64 `json:"values"` // one a round
	// More are further figures, one a round each, by name with unit.
	More map[string][]float64 `json:"more,omitempty"`
	// Curves are one a round, if the outcome has an axis.
	Curves [][]point `json:"curves,omitempty"`
	// Wrong says what was wrong with what came out, however fast: frames lost
	// below saturation, out of order, with wrong checksums.
	Wrong []string `json:"wrong,omitempty"`
	// Notes are what the reader should know of single rounds.
	Notes []string `json:"notes,omitempty"`
	// Missing says why the contender could not be measured.
	Missing string `json:"missing,omitempty"`
}

// outcome is the outcome of one line.
type outcome struct {
	Line  string `json:"line"`
	About string `json:"about,omitempty"`
	Unit  string `json:"unit"`
	Less  bool   `json:"less_is_better"`
	// Axis is what curves go over; empty: there are none.
	Axis   string    `json:"axis,omitempty"`
	Series []series  `json:"series"`
	Goals  []verdict `json:"goals,omitempty"`
	Took   float64   `json:"took_seconds"`
}

// series of a contender, nil if it has none.
func (r *outcome) of(name string) *series {
	for i := range r.Series {
		if r.Series[i].Name == name {
			return &r.Series[i]
		}
	}
	return nil
}

// report is all of a run.
type report struct {
	Date    string    `json:"date"`
	Command string    `json:"command"`
	Machine machine   `json:"machine"`
	Results []outcome `json:"results"`
}

// machine is where it ran.
type machine struct {
	Processors int    `json:"processors"`
	Model      string `json:"model"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	Revision   string `json:"revision"`
	Peer       string `json:"openvswitch"`
}

// thisMachine reads what it can: what is not known is empty. The revision is that of
// the switch in a directory.
func thisMachine(bin string) machine {
	m := machine{Processors: runtime.NumCPU(), Go: runtime.Version(), Peer: peerVersion()}
	if out, err := exec.Command(filepath.Join(bin, "ofswitchd"), "--version").Output(); err == nil {
		if words := strings.Fields(string(out)); len(words) > 0 {
			m.Revision = words[len(words)-1]
		}
	}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		m.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.Model = strings.TrimSpace(value)
				break
			}
		}
	}
	return m
}

// write writes the report as JSON.
func (r *report) write(file string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

// readReport reads what write wrote.
func readReport(file string) (*report, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := &report{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s is no report of this program: %w", file, err)
	}
	return r, nil
}

// renewed has the results of a later run in place of those of the same lines. Of a
// run that measured nothing it takes nothing.
func (r *report) renewed(later *report) *report {
	if len(later.Results) == 0 {
		return r
	}
	later.Command += "; the rest: " + r.Command + ", " + r.Date + ", revision " + r.Machine.Revision
	fresh := later.Results
	later.Results = nil
	for _, old := range r.Results {
		if !slices.ContainsFunc(fresh, func(o outcome) bool { return o.Line == old.Line }) {
			later.Results = append(later.Results, old)
		}
	}
	later.Results = append(later.Results, fresh...)
	return later
}

func today() string { return time.Now().UTC().Format("2006-01-02 15:04 MST") }
