package bridge

import (
	"testing"

	"ofswitch/ofp"
	"ofswitch/ports"
)

// State tells of devices and their links, and OnChange that it has changed.
func TestIntegrationState(t *testing.T) {
	l := newLab(t)
	told := 0
	l.s.opts.OnChange = func() { told++ }
	l.mustApply(secure("brA", Port{Name: "v1"}, patch("pA", "pB"), Port{Name: "nodev"}), secure("brB", patch("pB", "pA")))
	port := func(name string, stats bool) PortState {
		t.Helper()
		var st State
		l.ns.Do(func() { st = l.s.State(stats) })
		for _, b := range st.Bridges {
			for _, p := range b.Ports {
				if p.Name == name {
					return p
				}
			}
		}
		t.Fatalf("no port %s", name)
		return PortState{}
	}
	v1 := port("v1", false)
	if v1.Driver.Name != "veth" || !v1.Device.AdminUp || !v1.Device.LinkUp || v1.Device.MTU != 1500 || v1.LinkResets != 0 || v1.Stats != nil {
		t.Errorf("v1: %+v", v1)
	}
	if v1 = port("v1", true); v1.Stats == nil || v1.Stats.Port != 1 {
		t.Errorf("v1 with statistics: %+v", v1.Stats)
	}
	if p := port("pA", true); p.Device.LinkUp != true || p.Device.Ifindex != 0 || p.Stats == nil || p.Stats.Collisions != ports.Uncounted || p.Driver != (ports.Driver{}) {
		t.Errorf("pA: %+v", p)
	}
	if p := port("nodev", true); !p.Waiting || p.Stats != nil || p.Device.Ifindex != 0 {
		t.Errorf("nodev: %+v", p)
	}
	if c := l.s.Counters("brA", 1); c == nil || c.Port != 1 {
		t.Errorf("counters: %+v", c)
	}
	if l.s.Counters("brA", 77) != nil || l.s.Counters("nobody", 1) != nil {
		t.Error("counters of nobody")
	}
	if told != 0 {
		t.Errorf("Apply tells %d times that something has changed by itself", told)
	}
	for i, link := range []func(string){l.ns.Down, l.ns.Up} {
		link("w1")
		l.ns.Do(func() { l.s.linkEvent(ports.Event{Name: "v1", Ifindex: l.ns.Link("v1").Attrs().Index}) })
		up := i == 1
		if p := port("v1", false); p.Device.LinkUp != up || p.LinkResets != i+1 || told != i+1 {
			t.Errorf("link up %v: %+v, told %d times", up, p, told)
		}
	}
	for _, b := range l.s.State(false).Bridges {
		if b.DatapathID == 0 || len(b.MAC) != 6 || len(b.Listeners) != 1 || b.Ports[0].OFPort != ofp.PortLocal {
			t.Errorf("%+v", b)
		}
	}
}
