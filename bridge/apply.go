package bridge

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"ofswitch/ofconn"
	"ofswitch/ofswitch"
)

// liveBridge is a bridge that exists, with what it was last told to be.
type liveBridge struct {
	sw   *Switch
	conf Bridge
	mac  [6]byte
	of   *ofswitch.Bridge
	conn *ofconn.Manager
	// snoop shows what conn and the controllers say to each other.
	snoop *ofconn.Snoop

	numbers *numbers
	ports   []*livePort  // LOCAL first, then in the order given
	refused []PortStatus // of the configuration: they can never be
	alone   bool         // standalone without controllers, at the last Apply
}

// Apply makes the configuration true, by difference to what is. The error
// joins one line per thing that could not be had; all else has been done. A
// port that waits for its device is no error.
func (s *Switch) Apply(c Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("the switch is closed")
	}
	var errs []error
	if err := s.applyTLSLocked(&c); err != nil {
		errs = append(errs, err)
	}
	wanted := map[string]*Bridge{}
	for i := range c.Bridges {
		b := &c.Bridges[i]
		if err := checkName("bridge", b.Name); err != nil {
			errs = append(errs, err)
			continue
		}
		if wanted[b.Name] != nil {
			errs = append(errs, fmt.Errorf("bridge %s is given twice; the second is left out", b.Name))
			continue
		}
		wanted[b.Name] = b
	}
	for _, name := range sortedKeys(s.bridges) {
		if wanted[name] == nil {
			s.removeBridgeLocked(name)
		}
	}
	// A device belongs to one port of one bridge: names are taken in order.
	owner := map[string]string{}
	for name := range wanted {
		owner[name] = name
	}
	for i := range c.Bridges {
		b := &c.Bridges[i]
		if wanted[b.Name] != b {
			continue
		}
		errs = append(errs, s.applyBridgeLocked(b, owner)...)
	}
	s.connectPatchesLocked()
	s.retryLaterLocked()
	for _, name := range sortedKeys(s.bridges) {
		lb := s.bridges[name]
		for _, p := range lb.ports {
			if p.err != nil && !p.waiting {
				errs = append(errs, p.err)
			}
			if p.qosErr != nil {
				errs = append(errs, p.qosErr)
			}
		}
		errs = append(errs, lb.applyChannel()...)
	}
	return errors.Join(errs...)
}

// applyBridgeLocked creates or changes one bridge and its ports.
func (s *Switch) applyBridgeLocked(b *Bridge, owner map[string]string) []error {
	var errs []error
	lb := s.bridges[b.Name]
	if lb == nil {
		var err error
		if lb, err = s.addBridgeLocked(b); err != nil {
			return []error{fmt.Errorf("bridge %s: %w", b.Name, err)}
		}
		s.bridges[b.Name] = lb
	}
	lb.conf = *b
	errs = append(errs, b.checkOther()...)

	local := Port{Name: b.Name, Type: TypeInternal, MAC: lb.mac[:]}
	var list []Port
	refused := map[string]error{}
	lb.refused = nil
	for i := range b.Ports {
		p := b.Ports[i]
		err := p.Check()
		if err == nil && p.Name == b.Name && p.Type == TypeInternal {
			// The bridge's own port, described: it keeps its number LOCAL.
			if p.MAC == nil {
				p.MAC = local.MAC
			}
			p.Request = 0
			local = p
			continue
		}
		if err == nil && owner[p.Name] != "" {
			err = fmt.Errorf("port %s is already in bridge %s; a device belongs to one bridge, once: leave one out", p.Name, owner[p.Name])
		}
		if err != nil {
			errs = append(errs, err)
			lb.refused = append(lb.refused, PortStatus{Bridge: b.Name, Name: p.Name, Error: err.Error()})
			continue
		}
		owner[p.Name] = b.Name
		list = append(list, p)
	}
	for name, err := range lb.numbers.assign(list) {
		refused[name] = err
	}
	lb.applyPorts(local, list, refused)
	return errs
}

// addBridgeLocked makes an empty bridge with its LOCAL port and its
// controllers' side, which starts without any.
func (s *Switch) addBridgeLocked(b *Bridge) (*liveBridge, error) {
	lb := &liveBridge{sw: s, numbers: newNumbers(), mac: chooseMAC(b)}
	dpid := b.DatapathID
	if dpid == 0 {
		dpid = binary.BigEndian.Uint64(append([]byte{0, 0}, lb.mac[:]...))
	}
	events := &events{}
	of, err := s.dp.AddBridge(b.Name, ofswitch.BridgeOptions{DatapathID: dpid, Controllers: events})
	if err != nil {
		return nil, err
	}
	lb.of = of
	log := s.log.With("bridge", b.Name)
	lb.snoop = ofconn.NewSnoop(log)
	lb.conn = ofconn.NewManager(of, ofconn.Options{
		Logger:     log,
		Snoop:      lb.snoop.Copy,
		OnFailOpen: of.SetFailOpen,

		OnMissPacketIn: of.SetMissPacketIn,
		OnStatus:       s.opts.OnChange,
		TLS:            s.tls,
	})
	events.set(lb.conn)
	s.log.Info("bridge added", "bridge", b.Name, "datapath_id", fmt.Sprintf("%016x", dpid))
	return lb, nil
}

// removeBridgeLocked takes a bridge down: first the controllers, so that they
// see no half of it, then ports, then the bridge.
func (s *Switch) removeBridgeLocked(name string) {
	lb := s.bridges[name]
	if err := lb.conn.Close(); err != nil {
		s.log.Error("controllers not closed cleanly", "bridge", name, "err", err)
	}
	if err := lb.snoop.Close(); err != nil {
		s.log.Error("snoop socket not closed cleanly", "bridge", name, "err", err)
	}
	for _, p := range slices.Backward(lb.ports) {
		p.close()
	}
	if err := s.dp.RemoveBridge(name); err != nil {
		s.log.Error("bridge not removed", "bridge", name, "err", err)
	}
	delete(s.bridges, name)
}

// applyChannel sets fail mode, controllers and listeners.
func (lb *liveBridge) applyChannel() []error {
	b := &lb.conf
	var errs []error
	fail := func(err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("bridge %s: %w", b.Name, err))
		}
	}
	mode := ofconn.FailStandalone
	if b.FailMode == Secure {
		mode = ofconn.FailSecure
	}
	lb.of.SetPacketBuffers(b.otherNumber(KeyPacketBuffers))
	lb.conn.SetFailMode(mode)
	// Only when the bridge comes to be alone: an entry that somebody deleted
	// since stays deleted.
	alone := mode == ofconn.FailStandalone && len(b.Controllers) == 0
	if alone && !lb.alone {
		lb.of.SetFallbackNormal()
	}
	lb.alone = alone
	versions, err := ofconn.ParseProtocols(b.Protocols)
	if err == nil {
		err = lb.conn.SetProtocols(versions)
	}
	fail(err)
	list := []ofconn.Listener{{Target: "punix:" + lb.sw.MgmtPath(b.Name), Management: true}}
	for _, l := range b.Listeners {
		list = append(list, ofconn.Listener{Target: l.Target, InactivityProbe: l.InactivityProbe, Management: true})
	}
	fail(lb.conn.SetListeners(list))
	fail(lb.snoop.Listen(lb.sw.SnoopPath(b.Name)))
	var controllers []ofconn.Controller
	for _, c := range b.Controllers {
		controllers = append(controllers, ofconn.Controller{
			Target: c.Target, MaxBackoff: c.MaxBackoff, InactivityProbe: c.InactivityProbe,
			AuxConnections: b.otherNumber(KeyAuxConnections),
		})
	}
	fail(lb.conn.SetControllers(controllers))
	return errs
}
