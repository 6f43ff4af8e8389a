package bridge

import (
	"testing"

	"ofswitch/ports"
)

// TestLinkEventKnown: an event that tells nothing of the open device is no news, but that somebody
// watches the frames of a TAP is.
func TestLinkEventKnown(t *testing.T) {
	st := ports.Status{Ifindex: 7, AdminUp: true, LinkUp: true, MTU: 1500}
	other := st
	other.MTU = 1400
	for _, c := range []struct {
		name string
		typ  string
		ev   ports.Event
		want bool
	}{
		{"the same", TypeInternal, ports.Event{Name: "v0", Ifindex: 7, Status: st}, true},
		{"another MTU", TypeInternal, ports.Event{Name: "v0", Ifindex: 7, Status: other}, false},
		{"gone", TypeInternal, ports.Event{Name: "v0", Ifindex: 7, Status: st, Gone: true}, false},
		{"watched TAP", TypeInternal, ports.Event{Name: "v0", Ifindex: 7, Status: st, Aside: true}, false},
		{"promiscuous by our own socket", TypeSystem, ports.Event{Name: "v0", Ifindex: 7, Status: st, Aside: true}, true},
	} {
		p := &livePort{open: true, ifindex: 7, device: st}
		p.conf.Name, p.conf.Type = "v0", c.typ
		if got := p.knows(c.ev); got != c.want {
			t.Errorf("%s: known %v, want %v", c.name, got, c.want)
		}
	}
}
