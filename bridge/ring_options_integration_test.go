package bridge

import (
	"strings"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ports"
)

// The options of packet rings reach the port, and memory/show tells what rings take.
func TestIntegrationRingOptions(t *testing.T) {
	// Rings that were made for ports to come, of tests before, are kept for a second.
	testutil.Wait(t, "the rings of nobody to go", func() bool { return ports.RingMemory() == 0 })
	l := newLab(t)
	with := func(pairs ...string) error {
		o := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			o[pairs[i]] = pairs[i+1]
		}
		return l.apply(secure("br0", Port{Name: "v1", Options: o}))
	}
	for _, bad := range [][2]string{{"n_rxq", "0"}, {"n_rxq_desc", "many"}, {"n_txq_desc", "16385"}, {"packet-ring", "perhaps"}, {"coalesce", "perhaps"}} {
		if err := with(bad[0], bad[1]); err == nil || !strings.Contains(err.Error(), "options:"+bad[0]+"="+bad[1]) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	size := func(pairs ...string) int {
		t.Helper()
		if err := with(pairs...); err != nil {
			t.Fatal(err)
		}
		return ports.RingMemory()
	}
	none := size("packet-ring", "off")
	small := size("n_rxq_desc", "64")
	twice := size("n_rxq_desc", "64", "n_rxq", "2")
	usual := size()
	if small <= none || twice-none != 2*(small-none) || usual <= small {
		t.Errorf("%d bytes of rings without, %d with 64 frames, %d with two of them, %d as a rule", none, small, twice, usual)
	}
	// The account is the process's, so any switch of it tells.
	if m, err := commandRig(t).Call("memory/show"); err != nil || !strings.Contains(m, "packet ring KiB:") {
		t.Errorf("%q %v", m, err)
	}
}

// How a TAP moves its frames, and why, is told where it is told of other devices.
func TestIntegrationTapIO(t *testing.T) {
	l := newLab(t)
	l.mustApply(secure("brA",
		Port{Name: "vm0", Type: TypeInternal, Options: map[string]string{"n_rxq": "2"}},
		Port{Name: "vm1", Type: TypeInternal, Options: map[string]string{"io": "plain"}},
	))
	want := map[string]string{
		"brA": "io=tap, with offloads, receive queues: 1",
		"vm0": "io=tap, with offloads, receive queues: 2",
		"vm1": "io=plain, as configured",
	}
	show := l.s.showBridges()
	for _, st := range l.s.Ports() {
		if got := strings.TrimPrefix(ioText(st.IO), ": "); got != want[st.Name] {
			t.Errorf("%s: %s, want %s", st.Name, got, want[st.Name])
		}
		if line := "(tap: " + want[st.Name] + ")"; !strings.Contains(show, line) {
			t.Errorf("no %s in\n%s", line, show)
		}
	}
}
