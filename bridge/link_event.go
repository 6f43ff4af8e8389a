package bridge

import (
	"fmt"
	"reflect"

	"ofswitch/ports"
)

// linkEvent is called by the watcher for every device that appears, changes or
// goes.
func (s *Switch) linkEvent(ev ports.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var asked ports.Port
	var now ports.Status
	for !s.closed {
		p := s.portOf(ev)
		switch {
		case p == nil || p.knows(ev):
			return
		case p.changes(ev) && asked != p.port:
			// The kernel may let us wait, with others for whom nobody is to wait.
			asked = p.port
			s.mu.Unlock()
			now = asked.Status()
			s.mu.Lock()
			continue
		}
		p.linkEvent(ev, now)
		p.bridge.settle()
		s.changedLocked()
		return
	}
}

// knows says that an event is no news: it came of opening the port. Notifications have
// neither speed nor mode, which change with the link only. Who watches a TAP, or what queues its frames, matters
// to what the kernel forwards by itself.
func (p *livePort) knows(ev ports.Event) bool {
	now := ev.Status
	now.SpeedMbps, now.Duplex = p.device.SpeedMbps, p.device.Duplex
	return p.open && !p.away && !ev.Gone && !(ev.Aside && p.conf.Type == TypeInternal) && ev.Ifindex == p.ifindex && ev.Name == p.conf.Name && reflect.DeepEqual(now, p.device)
}

// portOf is the port whose device an event is about: by its name, or by its index,
// as a TAP that somebody has renamed is still ours; nil: nobody's.
func (s *Switch) portOf(ev ports.Event) *livePort {
	if p := s.byName[ev.Name]; p != nil {
		return p
	}
	for _, p := range s.byName {
		if p.open && p.conf.Type == TypeInternal && !p.away && p.ifindex == ev.Ifindex {
			return p
		}
	}
	return nil
}

// other says that the open device is no longer there, or another one is in its place.
func (p *livePort) other(ev ports.Event) bool {
	return ev.Gone && (ev.Ifindex == 0 || ev.Ifindex == p.ifindex) || !ev.Gone && ev.Ifindex != p.ifindex
}

// changes says whether an event is of the open device as such: it is asked how it is now.
func (p *livePort) changes(ev ports.Event) bool {
	return p.open && !p.away && !ev.Gone && !p.other(ev)
}

// linkEvent deals with an event; now is the state of the device, if changes.
func (p *livePort) linkEvent(ev ports.Event, now ports.Status) {
	if p.changes(ev) {
		p.heardOf(now)
		return
	}
	if p.open && (p.other(ev) || p.away) && !p.followed(ev) {
		p.lost()
	}
	if p.waiting && !ev.Gone {
		p.reopen()
	}
}

// lost is called when the open device turns out to be gone.
func (p *livePort) lost() {
	p.log().Warn("the device is gone", "ofport", p.no.String())
	p.close()
	if p.conf.Type == TypeInternal {
		p.tryOpen() // nobody else would make it again
		return
	}
	p.waiting = true
	p.err = fmt.Errorf("port %s: the device is gone; its number %d is kept, and it is opened when the device comes back", p.conf.Name, p.no)
}

// lostDevices looks after devices that are away, as the data path says that one of a
// port is gone: nobody else tells of what happens to them.
func (s *Switch) lostDevices() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	for _, p := range s.byName {
		tap, ok := p.port.(*ports.Tap)
		if !ok || !p.open || !p.away || tap.Relocate() {
			continue
		}
		p.lost()
		p.bridge.settle()
		s.changedLocked()
	}
}

// followed says whether the device that is no longer what it was is still there: a
// TAP that has been renamed or moved to another network namespace, where it goes on
// as before, or has come back from there.
func (p *livePort) followed(ev ports.Event) bool {
	tap, ok := p.port.(*ports.Tap)
	if !ok || !tap.Relocate() {
		return false
	}
	switch away := tap.Away(); {
	case away && !p.away:
		p.log().Info("the device has been moved to another network namespace; the port goes on there", "ofport", p.no.String())
	case !away && p.away:
		p.log().Info("the device is back", "ofport", p.no.String())
	case !away && !ev.Gone && ev.Name == p.conf.Name && tap.Renamed(): // if not, it was the port's former device
		p.log().Warn("another device has the name of the port's, which has been renamed", "ofport", p.no.String())
	}
	p.away = tap.Away()
	p.heard()
	if !p.away {
		p.ifindex = p.device.Ifindex
	}
	return true
}
