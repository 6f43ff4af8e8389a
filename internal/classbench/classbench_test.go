package classbench

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"ofswitch/flow"
)

func TestParse(t *testing.T) {
	const good = "@10.1.2.3/8\t0.0.0.0/0\t0 : 65535\t1024 : 65535\t0x06/0xFF\t0x1000/0x1000\n\n" +
		"@1.2.3.4/32\t5.6.7.8/31\t7 : 7\t0 : 65535\t0x00/0x00\t0x0000/0x0000\n"
	rules, err := Parse(strings.NewReader(good))
	want := []Rule{
		{10 << 24, 0, 8, 0, Range{0, 65535}, Range{1024, 65535}, 6, false},
		{0x01020304, 0x05060708, 32, 31, Range{7, 7}, Range{0, 65535}, 0, true},
	}
	if err != nil || len(rules) != 2 || rules[0] != want[0] || rules[1] != want[1] {
		t.Fatalf("%+v, %v, want %+v", rules, err, want)
	}
	for _, bad := range []string{
		"@1.2.3.4/32", "@1.2.3/8\t0.0.0.0/0\t0 : 1\t0 : 1\t0x06/0xFF", "@1.2.3.4/33\t0.0.0.0/0\t0 : 1\t0 : 1\t0x06/0xFF",
		"@1.2.3.4/8\t0.0.0.256/0\t0 : 1\t0 : 1\t0x06/0xFF", "@1.2.3.4/8\t0.0.0.0/0\t2 : 1\t0 : 1\t0x06/0xFF",
		"@1.2.3.4/8\t0.0.0.0/0\t0 : 1\t0 : 65536\t0x06/0xFF", "@1.2.3.4/8\t0.0.0.0/0\t0 : 1\t0 : 1\t0x06/0x0F",
	} {
		if _, err := Parse(strings.NewReader("\n" + bad)); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: %v, want an error that names line 2", bad, err)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none.gz")); err == nil {
		t.Error("a file that is not there was read")
	}
}

// The prefixes of a range hold its ports, each once, and no other.
func TestPrefixes(t *testing.T) {
	for _, r := range []Range{{0, 65535}, {0, 0}, {65535, 65535}, {1, 65534}, {1024, 65535}, {1, 6}, {7, 9}} {
		seen := make([]int, 65536)
		for _, p := range r.prefixes() {
			for port := range seen {
				if uint16(port)&p.mask == p.value {
					seen[port]++
				}
			}
		}
		for port, n := range seen {
			if in := port >= int(r.Lo) && port <= int(r.Hi); in && n != 1 || !in && n != 0 {
				t.Fatalf("%v: port %d is in %d prefixes", r, port, n)
			}
		}
	}
	if n := len((Range{1, 65534}).prefixes()); n != 30 {
		t.Errorf("the worst range takes %d prefixes, want 30", n)
	}
}

// The sets of the repository are read, expanded, and hit by their traces.
func TestSets(t *testing.T) {
	for _, name := range []string{"acl1", "fw1", "ipc1"} {
		rules, err := Open("../../testdata/classbench/" + name + "_1000.rules.gz")
		if err != nil || len(rules) < 800 {
			t.Fatalf("%s: %d rules, %v", name, len(rules), err)
		}
		var all []flow.Match
		masks := map[flow.Mask]bool{}
		for i := range rules {
			for _, m := range rules[i].Matches() {
				masks[m.Mask] = true
				all = append(all, m)
			}
		}
		t.Logf("%s: %d rules, %d matches, %d masks", name, len(rules), len(all), len(masks))
		seed := rand.Uint64()
		keys := Trace(all, 500, 0.5, seed)
		again := Trace(all, 500, 0.5, seed)
		for i := range keys {
			hit := false
			for j := range all {
				hit = hit || all[j].Matches(&keys[i])
			}
			if !hit || keys[i] != again[i] {
				t.Fatalf("seed %d: key %d hits: %v; the same in a second trace: %v", seed, i, hit, keys[i] == again[i])
			}
		}
	}
}

func TestBurst(t *testing.T) {
	for _, tc := range []struct {
		u, scale float64
		want     int
	}{{0, 0, 1}, {0.999, 0, 1}, {0, 1, 1}, {0.5, 1, 2}, {0.95, 1, 20}, {0.5, 0.1, 1}} {
		if got := burst(tc.u, tc.scale); got != tc.want && got != tc.want+1 {
			t.Errorf("burst(%v, %v) is %d, want %d", tc.u, tc.scale, got, tc.want)
		}
	}
}
