//go:build race

package classifier

// raceEnabled: the race detector is on. Tests of one thread then do less: it finds
// nothing in them and makes them ten times slower.
const raceEnabled = true
