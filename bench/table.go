package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// figure prints a value with three digits that matter.
func figure(v float64) string {
	switch a := math.Abs(v); {
	case a == 0:
		return "0"
	case a >= 100:
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 0.095:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.2g", v)
}

// printTable writes all lines: a row a contender, with the ratio of its median to
// that of the first, and the goals below.
func printTable(w io.Writer, results []outcome) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "line\tcontender\tmedian\tunit\t(least..most)\tspread\tfirst to it")
	for _, r := range results {
		name := r.Line
		first := 0.0
		for i, s := range r.Series {
			if s.Missing != "" {
				fmt.Fprintf(t, "%s\t%s\t-\t\t\t\t\n", name, s.Name)
			} else if len(s.Values) > 0 {
				m := median(s.Values)
				if i == 0 {
					first = m
				}
				to := ""
				if i > 0 && first != 0 && m != 0 {
					to = figure(first / m)
				}
				fmt.Fprintf(t, "%s\t%s\t%s\t%s\t(%s..%s)\t%.0f %%\t%s\n", name, s.Name, figure(m), r.Unit,
					figure(slices.Min(s.Values)), figure(slices.Max(s.Values)), 100*spread(s.Values), to)
			}
			name = ""
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, r := range results {
		for _, s := range r.Series {
			if more := moreText(s); more != "" {
				fmt.Fprintf(w, "%s, %s: %s\n", r.Line, s.Name, more)
			}
			if s.Missing != "" {
				fmt.Fprintf(w, "%s, %s: NOT MEASURED: %s\n", r.Line, s.Name, s.Missing)
			}
			if n := len(s.Notes); n > 0 {
				fmt.Fprintf(w, "%s, %s, %d of %d rounds: %s\n", r.Line, s.Name, n, len(s.Values), s.Notes[0])
			}
			if n := len(s.Wrong); n > 0 {
				fmt.Fprintf(w, "%s, %s: WRONG in %d of %d rounds: %s\n", r.Line, s.Name, n, len(s.Values), strings.Join(s.Wrong, "; "))
			}
		}
	}
	return printGoals(w, results)
}

// moreText is the medians of the further figures.
func moreText(s series) string {
	var out []string
	for _, k := range slices.Sorted(maps.Keys(s.More)) {
		out = append(out, k+" "+figure(median(s.More[k])))
	}
	return strings.Join(out, ", ")
}

// printGoals writes each goal and whether it is met.
func printGoals(w io.Writer, results []outcome) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	n := 0
	for _, r := range results {
		for _, v := range r.Goals {
			if n++; n == 1 {
				fmt.Fprintln(t, "\ngoal\tof\tvalue\tgoal\tstretch\t")
			}
			fmt.Fprintln(t, strings.Join(goalCells(r, v), "\t"))
		}
	}
	return t.Flush()
}

// goalCells are a verdict's row.
func goalCells(r outcome, v verdict) []string {
	sign := ">= "
	if v.Less {
		sign = "<= "
	}
	bound := func(x float64) string {
		if x == 0 {
			return ""
		}
		return sign + figure(x)
	}
	value := ""
	if v.State != "not measured" {
		value = figure(v.Value)
		if v.StretchValue != 0 {
			value += " (" + figure(v.StretchValue) + ")"
		}
	}
	return []string{r.Line, v.Text, value, bound(v.Goal), bound(v.Stretch), v.State}
}
