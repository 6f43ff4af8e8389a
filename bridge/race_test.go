//go:build race

package bridge

// raceEnabled: the race detector makes everything some ten times slower.
const raceEnabled = true
