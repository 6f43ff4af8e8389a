package l2

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestBond tells the story of a bond: links that come and go, and what is said of its
// members then.
func TestBond(t *testing.T) {
	up := map[uint32]bool{1: true, 2: true, 3: true}
	link := func(no uint32) bool { return up[no] }
	three := []BondMember{{No: 1, Name: "a"}, {No: 2, Name: "b"}, {No: 3, Name: "c"}}
	var b Bond
	const ms = int64(time.Millisecond)
	c := BondConfig{UpDelay: 30 * time.Millisecond, DownDelay: 20 * time.Millisecond}
	steps := []struct {
		what string
		at   int64 // ms
		do   func()
		want string // active, then enabled; next in ms
	}{
		{"all are up: at once, whatever the delay", 0, func() { b.Set(c, three, link) }, "a: a b c, 0"},
		{"the active one goes: not yet", 10, func() { up[1] = false }, "a: a b c, 30"},
		{"it is back in time", 20, func() { up[1] = true }, "a: a b c, 0"},
		{"it goes again", 40, func() { up[1] = false }, "a: a b c, 60"},
		{"and stays away", 60, func() {}, "b: b c, 0"},
		{"it comes back: not yet", 70, func() { up[1] = true }, "b: b c, 100"},
		{"in time: the active one stays", 100, func() { b.Set(c, three, link) }, "b: a b c, 0"},
		{"a primary one takes over", 110, func() { c.Primary = "c"; b.Set(c, three, link) }, "c: a b c, 0"},
		{"all go", 120, func() { clear(up) }, "c: a b c, 140"},
		{"all are away", 140, func() {}, ": , 0"},
		{"the first that comes need not wait", 150, func() { up[2] = true }, "b: b, 0"},
		{"the primary one comes", 160, func() { up[3] = true }, "b: b, 190"},
		{"and takes over in time", 190, func() {}, "c: b c, 0"},
		{"a member is taken out", 200, func() { b.Set(c, three[:2], link) }, "b: b, 0"},
	}
	for _, s := range steps {
		s.do()
		next := b.Run(s.at*ms, link)
		var on []string
		for _, m := range b.Members() {
			if m.Enabled {
				on = append(on, m.Name)
			}
		}
		active := ""
		if a := b.Active(); a != nil {
			active = a.Name
		}
		if got := fmt.Sprintf("%s: %s, %d", active, strings.Join(on, " "), next/ms); got != s.want {
			t.Errorf("at %d ms, %s: %q, want %q", s.at, s.what, got, s.want)
		}
	}
}

func TestBondAdmit(t *testing.T) {
	tests := []struct {
		c                 BondConfig
		active, multicast bool
		want              Admission
	}{
		{BondConfig{}, true, true, Accepted},
		{BondConfig{}, true, false, Accepted},
		{BondConfig{}, false, false, Refused},
		{BondConfig{Mode: BalanceSLB}, false, false, IfNotElse},
		{BondConfig{Mode: BalanceSLB}, false, true, Refused},
		{BondConfig{Mode: BalanceSLB}, true, true, IfNotElse},
		{BondConfig{Mode: BalanceTCP}, true, false, Refused},
		{BondConfig{LACP: true}, true, false, Refused},
		{BondConfig{Mode: BalanceTCP, LACP: true, FallbackAB: true}, true, false, Accepted},
		{BondConfig{Mode: BalanceTCP, LACP: true, FallbackAB: true}, false, false, Refused},
	}
	for _, tt := range tests {
		if got := tt.c.Admit(tt.active, tt.multicast); got != tt.want {
			t.Errorf("%+v: %v, want %v", tt, got, tt.want)
		}
	}
}

// TestChooseSLB: senders are spread, and each stays where it is.
func TestChooseSLB(t *testing.T) {
	var n [3]int
	for i := range MAC(3000) {
		at := ChooseSLB(5, 0x020000000000|i, 3)
		if at != ChooseSLB(5, 0x020000000000|i, 3) {
			t.Fatal("chosen by chance")
		}
		n[at]++
	}
	for i, k := range n {
		if k < 800 || k > 1200 {
			t.Errorf("%d of 3000 senders at member %d", k, i)
		}
	}
}
