package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The results in a Markdown file stand between these; the rest is written by
// hand.
const (
	beginMark = "<!-- results: written by bench -markdown -->"
	endMark   = "<!-- end of results -->"
	// The curves' own.
	beginCurves = "<!-- curves: written by bench -markdown -->"
	endCurves   = "<!-- end of curves -->"
	// curveDir has the charts of curves, beside the document.
	curveDir = "curves"
)

// markdown replaces the results in a file, and its curves where there are any, whose
// charts it writes beside it.
func (r *report) markdown(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text := string(b)
	curves := r.curvesText()
	if lines := r.part(false); len(lines.Results) > 0 {
		text, err = replaceBetween(text, beginMark, endMark, lines.markdownText())
	}
	if err == nil && curves != "" {
		text, err = replaceBetween(text, beginCurves, endCurves, curves)
		err = errors.Join(err, r.part(true).charts(filepath.Join(filepath.Dir(file), curveDir)))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, []byte(text), 0o644)
}

// part is the report of the curves alone, or of all else.
func (r *report) part(curves bool) *report {
	p := *r
	p.Results = slices.DeleteFunc(slices.Clone(r.Results), func(o outcome) bool { return (o.Axis != "") != curves })
	return &p
}

func replaceBetween(text, begin, end, results string) (string, error) {
	before, rest, ok := strings.Cut(text, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", errors.New("no lines " + begin + " and " + end + ", between which results could stand")
	}
	return before + begin + "\n" + results + end + after, nil
}

// markdownText is the machine, the goals, and all figures.
func (r *report) markdownText() string {
	var b strings.Builder
	m := r.Machine
	fmt.Fprintf(&b, "\n%s, revision %s, %s, `%s`: %d processors (%s), Linux %s, Open vSwitch %s. Values are medians of rounds turn by turn.\n\n",
		r.Date, m.Revision, m.Go, r.Command, m.Processors, m.Model, m.Kernel, m.Peer)
	counts := make(map[string]int)
	b.WriteString("| goal | of | value | goal | stretch | |\n|---|---|---|---|---|---|\n")
	for _, o := range r.Results {
		for _, v := range o.Goals {
			counts[v.State]++
			cells := goalCells(o, v)
			cells[len(cells)-1] = "**" + v.State + "**"
			if v.State == "missed" || v.State == "wrong" {
				cells[len(cells)-1] = v.State
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		}
	}
	fmt.Fprintf(&b, "\nStretch goals reached: %d; goals met: %d; missed: %d; wrong: %d; not measured: %d.\n\n", counts["stretch"], counts["met"], counts["missed"], counts["wrong"], counts["not measured"])
	b.WriteString("| line | contender | median | unit | least..most | rounds | further |\n|---|---|---|---|---|---|---|\n")
	for _, o := range r.Results {
		for i, s := range o.Series {
			name := o.Line
			if i > 0 {
				name = ""
			}
			if len(s.Values) == 0 {
				fmt.Fprintf(&b, "| %s | %s | - | %s | | 0 | %s |\n", name, s.Name, o.Unit, oneLine(s.Missing))
				continue
			}
			further := moreText(s)
			if s.isWrong() {
				further = strings.TrimPrefix(further+"; **wrong**", "; ")
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s..%s | %d | %s |\n", name, s.Name, figure(median(s.Values)), o.Unit,
				figure(slices.Min(s.Values)), figure(slices.Max(s.Values)), len(s.Values), further)
		}
	}
	b.WriteString("\n| line | what |\n|---|---|\n")
	for _, o := range r.Results {
		fmt.Fprintf(&b, "| %s | %s |\n", o.Line, o.About)
	}
	b.WriteString("\n")
	return b.String()
}

// curvesText is the curves, whose charts are beside the document in a directory.
func (r *report) curvesText() string {
	m := r.Machine
	text := ""
	for i := range r.Results {
		if r.Results[i].Axis != "" {
			text += r.Results[i].curveTable(curveDir)
		}
	}
	if text == "" {
		return ""
	}
	return fmt.Sprintf("\n%s, revision %s, `%s`, %d processors (%s). Medians of rounds turn by turn.\n\n", r.Date, m.Revision, r.Command, m.Processors, m.Model) + text
}

// oneLine is a text for a cell of a table.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return strings.ReplaceAll(text[:min(len(text), 200)], "|", "/")
}
