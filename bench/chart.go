package main

import (
	"errors"
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Measures of a chart, in pixels.
const (
	chartWidth  = 720
	chartLabel  = 190 // room for the contenders' names
	chartRight  = 120 // and for the figures
	chartBar    = 22
	chartGap    = 10
	chartTop    = 52
	chartBottom = 30
)

// chartColours are of our switch, its variants, and the others.
var chartColours = map[string]string{ours: "#2a6fb0", oursBypass: "#5f9fd6", oursXDP: "#5f9fd6", oursBase: "#9cc3e6", ovs: "#d08a2c", bridge: "#8a8a8a", plainSearch: "#d08a2c", linearSearch: "#8a8a8a", ovsUncached: "#e3b676"}

const chartColour = "#5f9fd6"

// better says which values are better.
func (r *outcome) better() string {
	if r.Less {
		return "less is better"
	}
	return "more is better"
}

// head begins a chart of a height: background, name and what it is.
func (r *outcome) head(b *strings.Builder, height int) {
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", chartWidth, height, chartWidth, height)
	b.WriteString(`<rect width="100%" height="100%" fill="white"/>` + "\n")
	fmt.Fprintf(b, `<text x="10" y="20" font-size="14" font-weight="bold">%s</text>`+"\n", html.EscapeString(r.Line))
	fmt.Fprintf(b, `<text x="10" y="38" fill="#555">%s; %s, %s</text>`+"\n", html.EscapeString(r.About), html.EscapeString(r.Unit), r.better())
}

// colour is a contender's.
func colour(name string) string {
	if c := chartColours[name]; c != "" {
		return c
	}
	return chartColour
}

// chart draws the medians of a line as bars, each with a whisker from the least
// to the greatest value; of a line of curves, these.
func (r *outcome) chart() string {
	if r.Axis != "" {
		return r.curveChart()
	}
	var b strings.Builder
	drawn := make([]series, 0, len(r.Series))
	most := 0.0
	for _, s := range r.Series {
		if len(s.Values) > 0 {
			drawn = append(drawn, s)
			most = max(most, slices.Max(s.Values))
		}
	}
	step := tickStep(most)
	top := max(step, math.Ceil(most/step)*step)
	height := chartTop + len(drawn)*(chartBar+chartGap) + chartBottom
	x := func(v float64) float64 { return chartLabel + v/top*(chartWidth-chartLabel-chartRight) }
	r.head(&b, height)
	bottom := height - chartBottom + 4
	for i := 0; float64(i)*step <= top*1.0001; i++ {
		v := float64(i) * step
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/>`+"\n", x(v), chartTop-4, x(v), bottom)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#555">%s</text>`+"\n", x(v), bottom+15, figure(v))
	}
	for i, s := range drawn {
		y := chartTop + i*(chartBar+chartGap)
		m := median(s.Values)
		mid := y + chartBar/2
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", chartLabel-8, mid+4, html.EscapeString(s.Name))
		fmt.Fprintf(&b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", x(0), y, x(m)-x(0), chartBar, colour(s.Name))
		least, greatest := x(slices.Min(s.Values)), x(slices.Max(s.Values))
		fmt.Fprintf(&b, `<path d="M%.1f %dH%.1fM%.1f %dv10M%.1f %dv10" stroke="black" fill="none"/>`+"\n", least, mid, greatest, least, mid-5, greatest, mid-5)
		wrong := ""
		if s.isWrong() {
			wrong = " (wrong)"
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%d">%s%s</text>`+"\n", max(greatest, x(m))+8, mid+4, figure(m), wrong)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// tickStep is the distance between two marks of an axis up to a value: 1, 2 or 5
// times a power of ten, so that there are four to ten.
func tickStep(most float64) float64 {
	if most <= 0 {
		return 1
	}
	step := math.Pow(10, math.Floor(math.Log10(most)))
	switch n := most / step; {
	case n < 2:
		return step / 5
	case n < 5:
		return step / 2
	}
	return step
}

// charts writes a file for each line.
func (r *report) charts(dir string) error {
	errs := []error{os.MkdirAll(dir, 0o755)}
	for i := range r.Results {
		o := &r.Results[i]
		errs = append(errs, os.WriteFile(filepath.Join(dir, o.Line+".svg"), []byte(o.chart()), 0o644))
	}
	return errors.Join(errs...)
}
