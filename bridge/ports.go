package bridge

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"ofswitch/ofp"
	"ofswitch/ofswitch"
	"ofswitch/ports"
	"ofswitch/ports/isolate"
)

// livePort is a desired port, open or not.
type livePort struct {
	bridge  *liveBridge
	conf    Port
	no      ofp.PortNo   // 0: refused
	port    ports.Port   // nil while not open, and for patch ports
	ifindex int          // of the open device
	device  ports.Status // of the open device, as it was last heard of
	// linkResets is how often the link has come or gone since the device was opened.
	linkResets int
	driven     ports.Driver // of the device with ifindex driverOf
	driverOf   int
	qos        *ofswitch.QoS // that the open port has
	qosErr     error         // why it has not the one in conf
	open       bool
	waiting    bool  // the device is not there yet
	err        error // why it is not open
}

func (p *livePort) status() PortStatus {
	st := PortStatus{Bridge: p.bridge.conf.Name, Name: p.conf.Name, OFPort: p.no, Open: p.open, Waiting: p.waiting}
	if p.err != nil {
		st.Error = p.err.Error()
	}
	st.Isolation = p.isolation()
	return st
}

// isolation is PortStatus.Isolation.
func (p *livePort) isolation() string {
	if sys, ok := p.port.(interface{ Isolation() string }); ok {
		return cmp.Or(sys.Isolation(), "none")
	}
	return ""
}

// applyPorts closes ports that are no longer wanted or changed, and opens the
// others. LOCAL comes first and stays.
func (lb *liveBridge) applyPorts(local Port, list []Port, refused map[string]error) {
	wanted := append([]Port{local}, list...)
	old := map[string]*livePort{}
	for _, p := range lb.ports {
		old[p.conf.Name] = p
	}
	var next []*livePort
	for i, conf := range wanted {
		no := lb.numbers.byName[conf.Name]
		if i == 0 {
			no = ofp.PortLocal
		}
		p := old[conf.Name]
		if p != nil && p.same(&conf, no) {
			p.conf = conf
			delete(old, conf.Name)
		} else {
			p = &livePort{bridge: lb, conf: conf, no: no, err: refused[conf.Name]}
		}
		next = append(next, p)
	}
	// Close before opening: a number or a device may pass from one to another.
	for _, p := range old {
		p.close()
	}
	lb.ports = next
	for _, p := range next {
		if !p.open && refused[p.conf.Name] == nil {
			p.tryOpen()
		}
		p.applyQoS()
	}
}

// same says whether p is already what conf and no ask for.
func (p *livePort) same(conf *Port, no ofp.PortNo) bool {
	if p.no != no || p.conf.Type != conf.Type || p.conf.MTU != conf.MTU ||
		p.conf.MAC.String() != conf.MAC.String() || len(p.conf.Options) != len(conf.Options) {
		return false
	}
	for k, v := range conf.Options {
		if p.conf.Options[k] != v {
			return false
		}
	}
	return true
}

// tryOpen opens the device and adds it to the bridge. What stands in the way
// is in p.err; that the device is not there yet is logged, once.
func (p *livePort) tryOpen() {
	before := p.err
	p.waiting = false
	if p.conf.Type == TypePatch {
		p.err = p.bridge.of.AddPatch(p.no, p.conf.Name)
		p.open = p.err == nil
		return
	}
	port, err := p.openDevice()
	if err == nil {
		if err = p.bridge.of.AddPort(p.no, port); err != nil {
			err = errors.Join(err, port.Close())
		}
	}
	log := p.bridge.sw.log.With("bridge", p.bridge.conf.Name, "port", p.conf.Name)
	if err != nil {
		p.waiting = errors.Is(err, ports.ErrNotExist)
		if p.waiting {
			err = fmt.Errorf("port %s: no such device yet; its number %d is kept, and it is opened when the device appears", p.conf.Name, p.no)
		}
		p.err = err
		if p.waiting && (before == nil || before.Error() != err.Error()) {
			log.Warn("waiting for the device", "ofport", p.no.String())
		}
		return
	}
	p.port, p.open, p.err = port, true, nil
	p.device, p.linkResets = port.Status(), 0
	p.ifindex = p.device.Ifindex
	p.applyQoS()
	if how := p.isolation(); how != "" {
		log = log.With("isolation", how)
	}
	log.Info("port added", "ofport", p.no.String(), "type", port.Type())
}

// reopen is tryOpen when nobody asked for it: what is new in the way is logged.
func (p *livePort) reopen() {
	before := p.err
	p.tryOpen()
	if p.err == nil || p.waiting || before != nil && before.Error() == p.err.Error() || p.mayComeFree() && errors.Is(before, errors.Unwrap(p.err)) {
		return
	}
	p.bridge.sw.log.Error("port not opened", "bridge", p.bridge.conf.Name, "port", p.conf.Name, "err", p.err)
}

// mayComeFree says that the port was refused for the default route, which the
// user may move to the bridge, or because another switch has its device.
func (p *livePort) mayComeFree() bool {
	return !p.open && (errors.Is(p.err, ports.ErrDefaultRoute) || errors.Is(p.err, ports.ErrBusy))
}

// retryInterval is how long a port waits, at most, after its device has come
// free. Routes are not watched: a router has too many.
const retryInterval = time.Second

// retryLaterLocked has the ports whose device may come free tried again, if
// there are any.
func (s *Switch) retryLaterLocked() {
	if s.retry != nil {
		s.retry.Stop()
		s.retry = nil
	}
	for _, lb := range s.bridges {
		if slices.ContainsFunc(lb.ports, (*livePort).mayComeFree) {
			s.retry = time.AfterFunc(retryInterval, s.retryPorts)
			return
		}
	}
}

func (s *Switch) retryPorts() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	for _, lb := range s.bridges {
		for _, p := range lb.ports {
			if p.mayComeFree() {
				p.reopen()
				if p.open {
					s.changedLocked()
				}
			}
		}
	}
	s.retryLaterLocked()
}

func (p *livePort) openDevice() (ports.Port, error) {
	log := p.bridge.sw.log
	switch p.conf.Type {
	case TypeInternal:
		return ports.OpenInternal(p.conf.Name, ports.TapOptions{MAC: p.conf.MAC, MTU: p.conf.MTU, IO: p.conf.Options["io"], Logger: log})
	case TypeTap:
		return ports.OpenTap(p.conf.Name, ports.TapOptions{IO: p.conf.Options["io"], Logger: log})
	}
	bypass, err := onOff(p.conf.Name, "qdisc-bypass", p.conf.Options["qdisc-bypass"])
	if err != nil {
		return nil, err
	}
	switch io := p.conf.Options["io"]; io {
	case "", "auto", "afpacket":
	default:
		return nil, fmt.Errorf("port %s: options:io=%s is not known; use auto or afpacket", p.conf.Name, io)
	}
	port, err := ports.OpenSystem(p.conf.Name, ports.SystemOptions{
		QdiscBypass: bypass, Isolation: isolate.Mode(p.conf.Options["stack-isolation"]),
		Bridge: p.bridge.conf.Name, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	// A port whose device is down is of no use to anybody who names it: the
	// usual reason is that nobody thought of it.
	if !port.Status().AdminUp {
		if err := port.SetAdmin(true); err != nil {
			return nil, errors.Join(fmt.Errorf("port %s is down and cannot be brought up: %w", p.conf.Name, err), port.Close())
		}
		log.Info("device brought up", "port", p.conf.Name)
	}
	return port, nil
}

// onOff reads a switch-like option; "" is off.
func onOff(port, name, value string) (bool, error) {
	switch value {
	case "on", "true":
		return true, nil
	case "", "off", "false":
		return false, nil
	}
	return false, fmt.Errorf("port %s: options:%s=%s is not understood; use on or off", port, name, value)
}

// close takes the port out of the bridge, then closes the device; nothing is
// left that a worker may touch, since RemovePort has waited for them.
func (p *livePort) close() {
	if !p.open {
		return
	}
	log := p.bridge.sw.log.With("bridge", p.bridge.conf.Name, "port", p.conf.Name)
	if err := p.bridge.of.RemovePort(p.no); err != nil {
		log.Error("port not removed", "err", err)
	}
	if p.port != nil {
		if err := p.port.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			log.Error("port not closed cleanly", "err", err)
		}
	}
	p.port, p.open, p.ifindex, p.qos = nil, false, 0, nil
}

// connectPatchesLocked joins the ends of patch pairs that name each other.
func (s *Switch) connectPatchesLocked() {
	byName := map[string]*livePort{}
	for _, lb := range s.bridges {
		for _, p := range lb.ports {
			if p.conf.Type == TypePatch && p.open {
				byName[p.conf.Name] = p
			}
		}
	}
	for name, p := range byName {
		peer := byName[p.conf.Options["peer"]]
		if peer == nil || peer.conf.Options["peer"] != name {
			p.bridge.of.DisconnectPatch(p.no)
			p.err = fmt.Errorf("port %s: its peer %s is no patch port with peer %s; frames to it are dropped until it is", name, p.conf.Options["peer"], name)
			continue
		}
		p.err = p.bridge.of.ConnectPatch(p.no, peer.bridge.of, peer.no)
	}
}

// linkEvent is called by the watcher for every device that appears, changes or
// goes.
func (s *Switch) linkEvent(ev ports.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	for _, lb := range s.bridges {
		for _, p := range lb.ports {
			if p.conf.Name == ev.Name && p.conf.Type != TypePatch {
				p.linkEvent(ev)
				s.changedLocked()
			}
		}
	}
}

func (p *livePort) linkEvent(ev ports.Event) {
	log := p.bridge.sw.log.With("bridge", p.bridge.conf.Name, "port", p.conf.Name)
	if p.open && (ev.Gone && (ev.Ifindex == 0 || ev.Ifindex == p.ifindex) || !ev.Gone && ev.Ifindex != p.ifindex) {
		log.Warn("the device is gone", "ofport", p.no.String())
		p.close()
		if p.conf.Type == TypeInternal {
			p.tryOpen() // nobody else would make it again
			return
		}
		p.waiting = true
		p.err = fmt.Errorf("port %s: the device is gone; its number %d is kept, and it is opened when the device comes back", p.conf.Name, p.no)
	}
	switch {
	case ev.Gone:
	case p.open:
		p.heard()
	case p.waiting:
		p.reopen()
	}
}
