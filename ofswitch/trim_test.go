package ofswitch

import "testing"

// When memory is given back: where there is much to gain, by whom nothing is done
// meanwhile, once.
func TestTrim(t *testing.T) {
	const mb = 1 << 20
	type look struct{ used, live, idle, unlinked uint64 }
	for _, c := range []struct {
		name  string
		looks []look // the first is how it was
		trims bool   // at the last one
	}{
		{"nothing has happened", []look{{200 * mb, 190 * mb, 0, 0}, {200 * mb, 190 * mb, 0, 0}}, false},
		{"garbage, at rest", []look{{400 * mb, 200 * mb, 0, 0}, {400 * mb, 200 * mb, 0, 0}}, true},
		{"garbage, at work", []look{{400 * mb, 200 * mb, 0, 0}, {410 * mb, 200 * mb, 0, 0}}, false},
		{"little garbage", []look{{30 * mb, 1 * mb, 0, 0}, {30 * mb, 1 * mb, 0, 0}}, false},
		{"little beside what is in use", []look{{400 * mb, 350 * mb, 0, 0}, {400 * mb, 350 * mb, 0, 0}}, false},
		{"a million deleted, nothing allocated", []look{{300 * mb, 299 * mb, 0, 0}, {300 * mb, 299 * mb, 0, 1e6}, {300 * mb, 299 * mb, 0, 1e6}}, true},
		{"being deleted", []look{{300 * mb, 299 * mb, 0, 0}, {300 * mb, 299 * mb, 0, 5e5}, {300 * mb, 299 * mb, 0, 1e6}}, false},
		{"deleted and collected, not given back", []look{{30 * mb, 299 * mb, 270 * mb, 1e6}, {30 * mb, 29 * mb, 270 * mb, 1e6}}, true},
		{"deleted, collected, given back", []look{{300 * mb, 299 * mb, 0, 1e6}, {30 * mb, 29 * mb, 0, 1e6}, {30 * mb, 29 * mb, 0, 1e6}}, false},
	} {
		trimmed := 0
		tr := trimmer{free: func() { trimmed++ }}
		for i, l := range c.looks {
			if i == 0 {
				tr.used, tr.live, tr.unlinked = l.used, l.live, l.unlinked
				continue
			}
			trimmed = 0
			tr.look(l.used, l.live, l.idle, l.unlinked)
		}
		if want := map[bool]int{true: 1}[c.trims]; trimmed != want {
			t.Errorf("%s: %d times, want %d", c.name, trimmed, want)
		}
	}
	if used, live, _ := heapNow(); used == 0 || live > 1<<40 {
		t.Errorf("the runtime says %d bytes in objects, %d alive", used, live)
	}
}
