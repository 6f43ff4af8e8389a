package database

import (
	"fmt"
	"testing"

	"ofswitch/ovsdb"
)

// BenchmarkRound is what one port more costs in a bridge of 500, the switch itself
// apart.
func BenchmarkRound(b *testing.B) {
	var ops []ovsdb.Operation
	names := []string{"br0"}
	for i := range 500 {
		names = append(names, fmt.Sprintf("p%d", i))
	}
	for _, n := range names {
		ops = append(ops, portRow(n, nil), ifaceRow(n, nil))
	}
	g := newRig(b, append(ops, rootRow(nil, "br0"), bridgeRow("br0", nil, names...))...)
	g.round(true)
	for b.Loop() {
		g.edit()
		g.round(false)
	}
}
