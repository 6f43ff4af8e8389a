package bridge

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"ofswitch/ports"
)

// asked is a port that says whether the switch can be asked while the kernel is.
type asked struct {
	ports.Port
	s    *Switch
	free []bool
}

func (p *asked) Status() ports.Status {
	free := p.s.mu.TryLock()
	if free {
		p.s.mu.Unlock()
	}
	p.free = append(p.free, free)
	return p.Port.Status()
}

// The kernel is asked for the state of a device that has changed while nobody waits for it,
// and the port may be another one afterwards.
func TestIntegrationLinkEventUnlocked(t *testing.T) {
	l := newLab(t)
	l.mustApply(secure("brA", Port{Name: "v1"}))
	p := l.s.byName["v1"]
	dev := &asked{Port: p.port, s: l.s}
	p.port = dev
	l.ns.Down("w1")
	index := l.ns.Link("v1").Attrs().Index
	l.ns.Do(func() { l.s.linkEvent(ports.Event{Name: "v1", Ifindex: index}) })
	if len(dev.free) != 1 || !dev.free[0] {
		t.Errorf("asked with the switch free: %v, want once, yes", dev.free)
	}
	if p.device.LinkUp || p.linkResets != 1 {
		t.Errorf("link up %v, %d resets", p.device.LinkUp, p.linkResets)
	}
}

// What is still told of the device that an internal port had before it was opened anew is
// not taken for another device of its name, which there may be, too.
func TestIntegrationLinkEventOfFormerDevice(t *testing.T) {
	l := newLab(t)
	var log bytes.Buffer
	l.s.log = slog.New(slog.NewTextHandler(&log, nil))
	config := secure("brA", Port{Name: "vm0", Type: TypeInternal})
	l.mustApply(config)
	former := l.ns.Link("vm0").Attrs().Index
	event := func(index int) { l.ns.Do(func() { l.s.linkEvent(ports.Event{Name: "vm0", Ifindex: index}) }) }
	const line = "another device has the name"

	config.Ports[0].Options = map[string]string{"n_rxq": "2"}
	l.mustApply(config)
	if l.ns.Link("vm0").Attrs().Index == former {
		t.Fatal("the port was not opened anew")
	}
	event(former)
	if strings.Contains(log.String(), line) {
		t.Errorf("of the port's former device:\n%s", &log)
	}
	l.want("brA/brA@LOCAL", "brA/vm0@1")

	l.ns.Run("ip", "link", "set", "vm0", "name", "other0")
	l.ns.AddVeth("vm0", "x0", l.ns)
	event(l.ns.Link("vm0").Attrs().Index)
	if n := strings.Count(log.String(), line); n != 1 {
		t.Errorf("%d lines of another device of the name:\n%s", n, &log)
	}
	l.ns.DelLink("vm0")
	l.want("brA/brA@LOCAL", "brA/vm0@1")
}
