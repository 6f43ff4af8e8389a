package main

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// Measures of a chart of curves, in pixels.
const (
	curveLeft   = 70
	curveRight  = 200 // room for the contenders' names
	curveTop    = 52
	curveHeight = 360
	curveBottom = 44
)

// curve is the medians of a contender's points over the rounds, in their order.
func (s *series) curve() (out []point) {
	at := make(map[float64][]float64)
	for _, round := range s.Curves {
		for _, p := range round {
			if _, ok := at[p.X]; !ok {
				out = append(out, point{X: p.X})
			}
			at[p.X] = append(at[p.X], p.Y)
		}
	}
	for i := range out {
		out[i].Y = median(at[out[i].X])
	}
	slices.SortFunc(out, func(a, b point) int { return cmp.Compare(a.X, b.X) })
	return out
}

// decades are the powers of ten below and above all that is positive.
func decades(v []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, x := range v {
		if x > 0 {
			low, high = min(low, math.Floor(math.Log10(x))), max(high, math.Ceil(math.Log10(x)))
		}
	}
	if low > high {
		return 0, 1
	}
	return low, max(high, low+1)
}

// curveChart draws curves, both axes logarithmic.
func (r *outcome) curveChart() string {
	var b strings.Builder
	var xs, ys []float64
	for i := range r.Series {
		for _, p := range r.Series[i].curve() {
			xs, ys = append(xs, p.X), append(ys, p.Y)
		}
	}
	x0, x1 := decades(xs)
	y0, y1 := decades(ys)
	bottom := float64(curveHeight - curveBottom)
	x := func(v float64) float64 {
		return curveLeft + (math.Log10(v)-x0)/(x1-x0)*(chartWidth-curveLeft-curveRight)
	}
	y := func(v float64) float64 { return bottom - (math.Log10(v)-y0)/(y1-y0)*(bottom-curveTop) }
	r.head(&b, curveHeight)
	for e := x0; e <= x1; e++ {
		at := x(math.Pow(10, e))
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="middle" fill="#555">%s</text>`+"\n", at, curveTop, at, bottom, at, bottom+15, figure(math.Pow(10, e)))
	}
	for e := y0; e <= y1; e++ {
		at := y(math.Pow(10, e))
		fmt.Fprintf(&b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end" fill="#555">%s</text>`+"\n", curveLeft, at, chartWidth-curveRight, at, curveLeft-6, at+4, figure(math.Pow(10, e)))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end" fill="#555">%s</text>`+"\n", chartWidth-curveRight, bottom+32, html.EscapeString(r.Axis))
	for i := range r.Series {
		s := &r.Series[i]
		curve := slices.DeleteFunc(s.curve(), func(p point) bool { return p.X <= 0 || p.Y <= 0 })
		if len(curve) == 0 {
			continue
		}
		colour := colour(s.Name)
		var path strings.Builder
		for j, p := range curve {
			fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(j, 1)], x(p.X), y(p.Y))
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x(p.X), y(p.Y), colour)
		}
		end := curve[len(curve)-1]
		fmt.Fprintf(&b, `<path d="%s" stroke="%s" stroke-width="2" fill="none"/>`+"\n", path.String(), colour)
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" fill="%s">%s %s</text>`+"\n", x(end.X)+8, y(end.Y)+4, colour, html.EscapeString(s.Name), figure(end.Y))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// curveTable is the curves of a line as a table in Markdown, and their chart.
func (r *outcome) curveTable(charts string) string {
	var b strings.Builder
	var xs []float64
	curves := make([][]point, len(r.Series))
	for i := range r.Series {
		curves[i] = r.Series[i].curve()
		for _, p := range curves[i] {
			if !slices.Contains(xs, p.X) {
				xs = append(xs, p.X)
			}
		}
	}
	slices.Sort(xs)
	fmt.Fprintf(&b, "%s, %s:\n\n![%s](%s/%s.svg)\n\n| %s |", strings.ToUpper(r.About[:1])+r.About[1:], r.Unit, r.Line, charts, r.Line, r.Axis)
	for _, x := range xs {
		fmt.Fprintf(&b, " %.0f |", x)
	}
	b.WriteString("\n|" + strings.Repeat("---|", 1+len(xs)) + "\n")
	for i := range r.Series {
		fmt.Fprintf(&b, "| %s |", r.Series[i].Name)
		for _, x := range xs {
			cell := ""
			for _, p := range curves[i] {
				if p.X == x {
					cell = figure(p.Y)
				}
			}
			fmt.Fprintf(&b, " %s |", cell)
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	return b.String()
}
