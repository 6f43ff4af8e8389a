package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// defaultRounds is how often each contender is measured on a line.
const defaultRounds = 5

// runLines measures lines, each contender in turn in each round. What fails is
// kept in the results, and the rest goes on; the error is of the run as a whole.
func runLines(ctx context.Context, o *options, lines []line) ([]outcome, error) {
	var results []outcome
	var failed []error
	total := time.Duration(0)
	for i := range lines {
		total += lines[i].estimate(o)
	}
	fmt.Fprintf(os.Stderr, "%d lines, about %v\n", len(lines), total.Round(second))
	for i := range lines {
		l := &lines[i]
		began := time.Now()
		r := outcome{Line: l.name, About: l.about, Unit: l.unit, Less: l.less, Axis: l.axis, Series: make([]series, len(l.contenders))}
		rounds := l.roundCount(o)
		for j, c := range l.contenders {
			r.Series[j].Name = c.name
		}
		for round := range rounds {
			for j, c := range l.contenders {
				if ctx.Err() != nil {
					return results, ctx.Err()
				}
				s := &r.Series[j]
				if s.Missing != "" {
					continue
				}
				progress("[%d/%d] %s (about %v), round %d/%d, %s", i+1, len(lines), l.name, l.estimate(o).Round(second), round+1, rounds, c.name)
				m, err := once(ctx, o, l, c)
				var missing errMissing
				switch {
				case ctx.Err() != nil:
					return results, ctx.Err()
				case errors.As(err, &missing):
					s.Missing = err.Error()
				case err != nil:
					s.Missing = err.Error()
					failed = append(failed, fmt.Errorf("%s on %s: %w", l.name, c.name, err))
				default:
					s.add(m, round)
				}
			}
		}
		r.Goals = judge(&r, goals)
		r.Took = time.Since(began).Seconds()
		progress("")
		fmt.Fprintf(os.Stderr, "%s: %.0f s\n", l.name, r.Took)
		results = append(results, r)
	}
	return results, errors.Join(failed...)
}

func (l *line) roundCount(o *options) int {
	switch {
	case o.rounds != 0:
		return o.rounds
	case l.rounds != 0:
		return l.rounds
	}
	return defaultRounds
}

// add adds what one round gave.
func (s *series) add(m measured, round int) {
	s.Values = append(s.Values, m.value)
	for k, v := range m.more {
		if s.More == nil {
			s.More = make(map[string][]float64)
		}
		s.More[k] = append(s.More[k], v)
	}
	if m.curve != nil {
		s.Curves = append(s.Curves, m.curve)
	}
	if m.note != "" {
		s.Notes = append(s.Notes, fmt.Sprintf("round %d: %s", round+1, m.note))
	}
	for _, what := range m.wrong {
		s.Wrong = append(s.Wrong, fmt.Sprintf("round %d: %s", round+1, what))
	}
}

// progress overwrites the line on the terminal.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "\r\033[K"+format, args...)
}
