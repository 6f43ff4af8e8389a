package bridge

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"ofswitch/ofconn"
	"ofswitch/ofp"
	"ofswitch/ofswitch"
)

// liveBridge is a bridge that exists, with what it was last told to be.
type liveBridge struct {
	sw   *Switch
	conf Bridge
	mac  [6]byte // of the bridge, and of LOCAL if that has none of its own
	// fallback is the address where the configuration and the ports give none.
	fallback   [6]byte
	datapathID uint64
	of         *ofswitch.Bridge
	conn       *ofconn.Manager
	// snoop shows what conn and the controllers say to each other.
	snoop *ofconn.Snoop

	numbers *numbers
	ports   []*livePort  // LOCAL first, then in the order given
	l2Errs  []error      // what of NORMAL and mirrors cannot be
	refused []PortStatus // of the configuration: they can never be
	inBand  bool         // there are hidden entries for controllers
	limited bool         // some flow table has a configuration
	alone   bool         // standalone without controllers, at the last Apply
	led     bool         // had controllers to dial, at the last Apply
	mode    ofconn.FailMode
	ruled   bool // led and mode are of an Apply
	// channel is what applyChannel last made true, nil while it is not all true.
	channel *channel
}

// Apply makes the configuration true, by difference to what is. The error
// joins one line per thing that could not be had; all else has been done. A
// port that waits for its device is no error. The Switch keeps what c refers to,
// which nobody may change any more.
func (s *Switch) Apply(c Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errors.New("the switch is closed")
	}
	s.vlanLimit = c.VLANLimit
	s.dp.SetKernelPath(!c.NoKernelPath && !s.opts.NoKernelPath)
	var errs []error
	if err := s.applyThreads(&c); err != nil {
		errs = append(errs, err)
	}
	if err := s.applyTLSLocked(&c); err != nil {
		errs = append(errs, err)
	}
	plans, gone, err := s.planLocked(&c)
	errs = append(errs, err...)
	// All that goes, goes before anything comes: a device, a name or a number may
	// pass from one port to another, whichever bridges these are in.
	for _, p := range plans {
		gone = append(gone, p.gone...)
	}
	closeAll(gone)
	for _, p := range plans {
		p.close()
	}
	s.byName = map[string]*livePort{}
	for _, pl := range plans {
		for _, p := range pl.lb.ports {
			if p.conf.Type != TypePatch {
				s.byName[p.conf.Name] = p
			}
		}
	}
	refused := openAll(plans)
	s.connectPatchesLocked()
	s.retryLaterLocked()
	for _, name := range sortedKeys(s.bridges) {
		lb := s.bridges[name]
		for _, p := range lb.ports {
			errs = append(errs, p.errors()...)
		}
		errs = append(errs, lb.l2Errs...)
		if now, done := refused[lb]; done {
			errs = append(errs, now...)
		} else {
			errs = append(errs, lb.applyControl()...)
		}
	}
	return errors.Join(errs...)
}

// openAll opens the ports of all bridges. Bridges that have theirs may be controlled while
// those of others are opened: of two that wait for the kernel each waits for another
// lock. refused is what of that cannot be had, by bridge; those that are missing are to be
// controlled when all patch ports are connected.
func openAll(plans []*plan) (refused map[*liveBridge][]error) {
	refused = make(map[*liveBridge][]error, len(plans))
	complete := make(chan *liveBridge, len(plans))
	var control sync.WaitGroup
	if len(plans) > 1 {
		control.Go(func() {
			for lb := range complete {
				refused[lb] = lb.applyControl()
			}
		})
	}
	for _, p := range plans {
		p.open()
		if len(plans) > 1 && p.lb.standsAlone() {
			complete <- p.lb
		}
	}
	close(complete)
	control.Wait()
	return refused
}

// standsAlone says whether the bridge needs no other to be complete, and whether any
// thread may control it: sockets of the network belong to the namespace of the thread that
// makes them, which is to be that of Apply.
func (lb *liveBridge) standsAlone() bool {
	patched := slices.ContainsFunc(lb.ports, func(p *livePort) bool { return p.conf.Type == TypePatch })
	return !patched && len(lb.conf.Listeners) == 0
}

// applyControl sets what concerns the bridge's flow tables and controllers.
func (lb *liveBridge) applyControl() []error {
	lb.applyFlowTables()
	return lb.applyChannel()
}

// plan is what is to become of one bridge.
type plan struct {
	lb   *liveBridge
	gone []*livePort // to be closed
	// renumbered are open ports that get another number. The devices of some stay
	// open meanwhile.
	renumbered []*livePort
	numbers    map[*livePort]ofp.PortNo
}

// planLocked looks what each bridge is to be, makes those that are new, without
// ports, and takes down those that are not wanted any more, whose ports are gone.
func (s *Switch) planLocked(c *Config) (plans []*plan, gone []*livePort, errs []error) {
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
			gone = append(gone, s.removeBridgeLocked(name)...)
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
		lb := s.bridges[b.Name]
		if lb == nil {
			var err error
			if lb, err = s.addBridgeLocked(b); err != nil {
				errs = append(errs, fmt.Errorf("bridge %s: %w", b.Name, err))
				continue
			}
			s.bridges[b.Name] = lb
		}
		lb.conf = *b
		errs = append(errs, b.checkOther()...)
		local, list, refused := lb.sortPorts(owner)
		errs = append(errs, refused...)
		plans = append(plans, lb.plan(local, list))
	}
	return plans, gone, errs
}

// sortPorts takes the ports out of the configuration: LOCAL, the others that can
// be, and what is wrong with the rest. owner are the names that have been taken.
func (lb *liveBridge) sortPorts(owner map[string]string) (local Port, list []Port, errs []error) {
	b := &lb.conf
	local = Port{Name: b.Name, Type: TypeInternal}
	lb.refused = nil
	list = make([]Port, 0, len(b.Ports))
	for i := range b.Ports {
		p := &b.Ports[i]
		err := p.Check()
		if err == nil && p.Name == b.Name && p.Type == TypeInternal {
			// The bridge's own port, described: it keeps its number LOCAL.
			local = *p
			local.Request = 0
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
		list = append(list, *p)
	}
	return local, list, errs
}

// addBridgeLocked makes an empty bridge with its LOCAL port and its
// controllers' side, which starts without any.
func (s *Switch) addBridgeLocked(b *Bridge) (*liveBridge, error) {
	lb := &liveBridge{sw: s, numbers: newNumbers(), fallback: fallbackMAC()}
	events := &events{}
	of, err := s.dp.AddBridge(b.Name, ofswitch.BridgeOptions{Controllers: events})
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
		FlowHash:   flowHash,

		OnMissPacketIn: of.SetMissPacketIn,
		OnStatus:       s.opts.OnChange,
		TLS:            s.tls,
	})
	events.set(lb.conn)
	s.log.Info("bridge added", "bridge", b.Name)
	return lb, nil
}

// removeBridgeLocked takes a bridge down: first the controllers, so that they
// see no half of it, then ports, then the bridge. The devices of the ports are left
// for closeAll.
func (s *Switch) removeBridgeLocked(name string) []*livePort {
	lb := s.bridges[name]
	if err := lb.conn.Close(); err != nil {
		s.log.Error("controllers not closed cleanly", "bridge", name, "err", err)
	}
	if err := lb.snoop.Close(); err != nil {
		s.log.Error("snoop socket not closed cleanly", "bridge", name, "err", err)
	}
	for _, p := range slices.Backward(lb.ports) {
		p.takeOut()
	}
	if err := s.dp.RemoveBridge(name); err != nil {
		s.log.Error("bridge not removed", "bridge", name, "err", err)
	}
	delete(s.bridges, name)
	return lb.ports
}

// channel is what of a Bridge concerns its controllers.
type channel struct {
	FailMode    FailMode
	Protocols   []string
	Controllers []Controller
	Listeners   []Listener

	auxConnections, packetBuffers int
	description, serial           string
}

// empty removes all entries, groups and meters.
func (lb *liveBridge) empty() []error {
	return []error{
		lb.of.FlowMod(&ofp.FlowMod{
			Command: ofp.FlowDelete, Table: ofp.TableAll, BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny,
		}),
		lb.of.GroupMod(&ofp.GroupMod{Command: ofp.GroupDelete, GroupID: ofp.GroupAll}),
		lb.of.MeterMod(&ofp.MeterMod{Command: ofp.MeterDelete, MeterID: ofp.MeterAll}),
	}
}

// applyChannel sets fail mode, controllers and listeners.
func (lb *liveBridge) applyChannel() []error {
	b := &lb.conf
	want := &channel{
		FailMode: b.FailMode, Protocols: b.Protocols, Controllers: b.Controllers, Listeners: b.Listeners,
		auxConnections: b.otherNumber(KeyAuxConnections), packetBuffers: b.otherNumber(KeyPacketBuffers),
	}
	want.description, _ = b.other(KeyDescription)
	want.serial, _ = b.other(KeySerialNumber)
	if reflect.DeepEqual(lb.channel, want) {
		return nil
	}
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
	lb.of.SetPacketBuffers(want.packetBuffers)
	lb.conn.SetFailMode(mode)
	// The first controller begins with empty tables, the last leaves none of its
	// entries, and a fail mode that is changed without controllers empties them too, as
	// with Open vSwitch (ovs-vswitchd.conf.db(5), fail_mode).
	led := len(b.Controllers) > 0
	if lb.ruled && (led != lb.led || !led && mode != lb.mode) {
		for _, err := range lb.empty() {
			fail(err)
		}
		lb.alone = false
	}
	lb.ruled, lb.led, lb.mode = true, led, mode
	// Only when the bridge comes to be alone: an entry that somebody deleted
	// since stays deleted.
	alone := mode == ofconn.FailStandalone && !led
	if alone && !lb.alone {
		lb.of.SetFallbackNormal()
	}
	lb.alone = alone
	lb.of.SetDesc(want.description, want.serial)
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
			AuxConnections: want.auxConnections,
			PacketInRate:   int(c.RateLimit), PacketInBurst: c.burst(),
		})
	}
	fail(lb.conn.SetControllers(controllers))
	lb.channel = nil
	if len(errs) == 0 {
		lb.channel = want
	}
	return errs
}
