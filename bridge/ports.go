package bridge

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"time"

	"ofswitch/ofp"
	"ofswitch/ofswitch"
	"ofswitch/ports"
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
	qos        *ofswitch.QoS     // that the open port has
	qosErr     error             // why it has not the one in conf
	policing   ofswitch.Policing // that the open port has
	policeErr  error             // why it has not the one in conf
	open       bool
	waiting    bool             // the device is not there yet
	away       bool             // the open device is in another network namespace
	err        error            // why it is not open
	optionsErr error            // why it has not the options asked for
	macSet     net.HardwareAddr // what the device has been given; nil: nothing
	mtuSet     int              // likewise; 0: nothing
	noErr      error            // why it has not the number asked for
	macErr     error            // why its device has not the address wanted
	mtuErr     error            // why its device has not the MTU wanted

	affinityErr error // why the receive queues are not where conf wants them
}

func (p *livePort) status() PortStatus {
	st := PortStatus{Bridge: p.bridge.conf.Name, Name: p.conf.Name, OFPort: p.no, Open: p.open, Waiting: p.waiting}
	if err := cmp.Or(p.err, p.optionsErr, p.noErr, p.macErr, p.mtuErr); err != nil {
		st.Error = err.Error()
	}
	st.Isolation = p.isolation()
	st.IO = p.ioChoice()
	return st
}

// isolation is PortStatus.Isolation.
func (p *livePort) isolation() string {
	if sys, ok := p.port.(interface{ Isolation() string }); ok {
		return cmp.Or(sys.Isolation(), "none")
	}
	return ""
}

// plan compares the ports with those that are wanted, LOCAL and list, and gives
// them their numbers. LOCAL comes first and stays.
func (lb *liveBridge) plan(local Port, list []Port) *plan {
	pl := &plan{lb: lb, numbers: map[*livePort]ofp.PortNo{}}
	refused := lb.numbers.assign(list)
	old := make(map[string]*livePort, len(lb.ports))
	for _, p := range lb.ports {
		old[p.conf.Name] = p
	}
	next := make([]*livePort, 0, len(list)+1)
	add := func(conf Port, no ofp.PortNo) {
		p := old[conf.Name]
		if p != nil {
			p.refuseOptions(&conf)
		}
		if p != nil && p.same(&conf) {
			delete(old, conf.Name)
			p.conf = conf
		} else {
			p = &livePort{bridge: lb, conf: conf, no: no}
		}
		p.noErr = refused[conf.Name]
		switch {
		case p.no == no:
		case p.open:
			pl.renumbered = append(pl.renumbered, p)
			pl.numbers[p] = no
		default:
			p.no = no
		}
		next = append(next, p)
	}
	add(local, ofp.PortLocal)
	for _, conf := range list {
		add(conf, lb.numbers.byName[conf.Name])
	}
	for _, p := range lb.ports {
		if old[p.conf.Name] == p {
			pl.gone = append(pl.gone, p)
		}
	}
	lb.ports = next
	return pl
}

// close takes ports out whose number changes; what goes is closed already.
func (pl *plan) close() {
	for _, p := range pl.renumbered {
		p.detach()
	}
}

// open gives each port that is not open yet its try, LOCAL last, since its address
// is chosen by the others, and makes the open ones what they are to be.
func (pl *plan) open() {
	lb := pl.lb
	for _, p := range pl.renumbered {
		p.no = pl.numbers[p]
	}
	lb.applyL2()
	for _, p := range lb.ports[1:] {
		p.openOrAdjust()
	}
	lb.settle()
	lb.ports[0].openOrAdjust()
	lb.settle()
}

func (p *livePort) openOrAdjust() {
	if !p.open && p.no != 0 {
		p.tryOpen()
	}
	p.applyQoS()
	p.applyPolicing()
	p.applyRxAffinity()
}

// same says whether p need not be opened anew to become what conf asks for.
func (p *livePort) same(conf *Port) bool {
	return p.conf.Type == conf.Type && maps.Equal(p.conf.Options, conf.Options)
}

// errors are what is wrong with the port, apart from what it waits for.
func (p *livePort) errors() (errs []error) {
	if p.err != nil && !p.waiting {
		errs = append(errs, p.err)
	}
	for _, err := range []error{p.optionsErr, p.noErr, p.qosErr, p.policeErr, p.affinityErr, p.macErr, p.mtuErr} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
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
	port, err := p.port, error(nil) // open still, when its number changes
	again := port != nil
	if again {
		p.device = port.Status()
	} else {
		port, err = p.openDevice()
	}
	if err == nil {
		if err = p.bridge.of.AddPort(p.no, port); err != nil {
			err = errors.Join(err, port.Close())
			p.port = nil
		}
	}
	log := p.log()
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
	if !again {
		opened := ports.WhenOpened(port)
		p.forgetSettings(opened.Status)
		p.ifindex, p.linkResets = p.device.Ifindex, 0
		if opened.Driver != (ports.Driver{}) {
			p.driven, p.driverOf = opened.Driver, p.ifindex
		}
	}
	p.applyQoS()
	p.applyPolicing()
	p.applyRxAffinity()
	if how := p.isolation(); how != "" {
		log = log.With("isolation", how)
	}
	if io := p.ioChoice(); io.IO != "" {
		log = log.With("io", io.IO, "why", io.Why)
		if io.Mode != "" {
			log = log.With("xdp-mode", string(io.Mode))
		}
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
					lb.settle()
					s.changedLocked()
				}
			}
		}
	}
	s.retryLaterLocked()
}

func (p *livePort) openDevice() (ports.Port, error) {
	log := p.bridge.sw.log
	o, err := p.conf.deviceOptions()
	if err != nil {
		return nil, err
	}
	switch p.conf.Type {
	case TypeInternal:
		return ports.OpenInternal(p.conf.Name, ports.TapOptions{NoCoalesce: !o.coalesce, MAC: p.wantedMAC(), MTU: p.conf.MTU, IO: o.io, Queues: o.queues, KernelPath: p.bridge.sw.kernel, Logger: log})
	case TypeTap:
		return ports.OpenTap(p.conf.Name, ports.TapOptions{NoCoalesce: !o.coalesce, IO: o.io, Queues: o.queues, Logger: log})
	}
	return ports.OpenSystem(p.conf.Name, ports.SystemOptions{
		IO: o.io, XDPMode: o.xdpMode,
		Queues: o.queues, RxDesc: o.rxDesc, TxDesc: o.txDesc, NoRing: !o.ring, NoCoalesce: !o.coalesce,
		// A port whose device is down is of no use to anybody who names it: the
		// usual reason is that nobody thought of it.
		Up: true, Changed: p.bridge.sw.opts.OnChange,

		QdiscBypass: o.bypass, Isolation: o.isolation,
		KernelPath: p.bridge.sw.kernel,
		Bridge:     p.bridge.conf.Name, Logger: log,
	})
}

// coalesces reads whether frames of a TCP connection are put together. By default they are where this host's stack
// receives them; what leaves by a system port others see as it came.
func (p *Port) coalesces() (bool, error) {
	if p.Type == TypeSystem {
		return onOff(p.Name, "coalesce", p.Options["coalesce"])
	}
	return p.onByDefault("coalesce")
}

// onByDefault reads a switch-like option that is on where it is not given.
func (p *Port) onByDefault(name string) (bool, error) {
	if p.Options[name] == "" {
		return true, nil
	}
	return onOff(p.Name, name, p.Options[name])
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
	p.takeOut()
	p.shut()
}

// closeAll is close for many ports.
func closeAll(list []*livePort) {
	for _, p := range list {
		p.takeOut()
	}
	ports.Together(len(list), func(i int) { list[i].shut() })
}

// shut closes the device of a port that is in no bridge.
func (p *livePort) shut() {
	if p.port == nil {
		return
	}
	if err := p.port.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		p.log().Error("port not closed cleanly", "err", err)
	}
	p.forgetSettings(ports.Status{})
	p.port, p.ifindex, p.away = nil, 0, false
}

// detach takes the port out of the bridge, that it come back under another number.
// A TAP that the switch has made stays open: closed, it would be destroyed, with its
// addresses.
func (p *livePort) detach() {
	if p.conf.Type == TypeInternal {
		p.takeOut()
		return
	}
	p.close()
}

// takeOut takes the port out of the bridge, if it is in.
func (p *livePort) takeOut() {
	if !p.open {
		return
	}
	if err := p.bridge.of.RemovePort(p.no); err != nil {
		p.log().Error("port not removed", "err", err)
	}
	p.open, p.qos, p.policing = false, nil, ofswitch.Policing{}
}

func (p *livePort) log() *slog.Logger {
	return p.bridge.sw.log.With("bridge", p.bridge.conf.Name, "port", p.conf.Name)
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
