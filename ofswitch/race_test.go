//go:build race

package ofswitch

const raceEnabled = true
