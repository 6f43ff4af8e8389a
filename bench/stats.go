package main

import (
	"math"
	"slices"
)

// median is the middle of the values, between the two middle ones of an even
// number; 0 of none.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// spread is how far the values lie apart: from least to most, as a part of the
// median. 0 of none, and where the median is 0.
func spread(v []float64) float64 {
	m := median(v)
	if m == 0 {
		return 0
	}
	return (slices.Max(v) - slices.Min(v)) / math.Abs(m)
}

// ratio is a/b, 0 where there is none to divide by.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
