package ofswitch

import (
	"errors"
	"fmt"
	"sync/atomic"

	"ofswitch/classifier"
	"ofswitch/flowtable"
	"ofswitch/ofp"
	"ofswitch/ports"
)

// port is a port of a bridge: a device, or one end of a patch.
type port struct {
	no     ofp.PortNo // in its bridge
	num    uint32     // in the datapath: what keys hold
	name   string
	bridge *Bridge
	dev    ports.Port // nil: a patch port
	added  int64      // ns

	config atomic.Uint32 // ofp.PortConfig
	mtu    atomic.Int32  // bytes; 0: unknown
	status atomic.Pointer[ports.Status]
	gone   atomic.Bool          // removed
	peer   atomic.Pointer[port] // of a patch port; nil: not connected

	tx []*txBatch // by worker.index; nil: there was no such worker yet

	qos        atomic.Pointer[portQoS] // nil: no queues
	queueDrops atomic.Uint64           // frames for which a queue had no room

	affinity atomic.Pointer[map[int]int] // processors by receive queue; see SetRxAffinity

	policing atomic.Pointer[Policing] // nil: no bounds
	policed  atomic.Uint64            // frames beyond them

	hold    atomic.Pointer[kernelHold] // nil: its frames need not wait
	leaving atomic.Int32               // flows that leave the kernel: as long as there are any, its frames wait, too

	upcalls upcallQueue

	own *l2Port // what NORMAL takes it for, if it is in no bond
	l2  atomic.Pointer[l2Port]

	// Frames through a patch port, counted as credits. Of a device: those that the kernel has forwarded.
	rxCount, txCount flowtable.Counters
}

func (p *port) configBits() ofp.PortConfig { return ofp.PortConfig(p.config.Load()) }

// portNoFlood is a bit of a port's configuration that OpenFlow 1.0 has and 1.3 not:
// floods leave the port out.
const portNoFlood ofp.PortConfig = 1 << 31

// floods says whether floods go through the port.
func (p *port) floods() bool { return p.forwards() && p.configBits()&portNoFlood == 0 }

// forwards says whether frames may leave through the port.
func (p *port) forwards() bool {
	return p.configBits()&(ofp.PortConfigDown|ofp.PortConfigNoFwd) == 0
}

// AddPort puts a device into the bridge under an OpenFlow number (1 to
// ofp.PortMax, or ofp.PortLocal). Errors: the number or name is in use, the
// device cannot be opened for sending. From here on the bridge uses the device
// until RemovePort; closing it is the caller's.
func (b *Bridge) AddPort(no ofp.PortNo, dev ports.Port) error {
	b.portMu.Lock()
	defer b.portMu.Unlock()
	p := &port{no: no, name: dev.Name(), bridge: b, dev: dev}
	st := ports.WhenOpened(dev).Status
	p.setStatus(&st)
	if !st.AdminUp {
		p.config.Store(uint32(ofp.PortConfigDown))
	}
	if err := b.checkPort(p); err != nil {
		return err
	}
	d := b.d
	d.teamMu.RLock()
	defer d.teamMu.RUnlock()
	if err := d.equipAll(p); err != nil {
		return err
	}
	b.addPort(p)
	if err := d.addRxQueues(p); err != nil {
		return errors.Join(err, b.removePort(p))
	}
	b.tellPort(ofp.PortAdd, p)
	return nil
}

// AddPatch puts one end of a patch into the bridge. Frames sent to it are
// dropped until ConnectPatch.
func (b *Bridge) AddPatch(no ofp.PortNo, name string) error {
	b.portMu.Lock()
	defer b.portMu.Unlock()
	p := &port{no: no, name: name, bridge: b}
	p.setStatus(&ports.Status{AdminUp: true, LinkUp: true})
	if err := b.checkPort(p); err != nil {
		return err
	}
	b.addPort(p)
	b.tellPort(ofp.PortAdd, p)
	return nil
}

// ConnectPatch joins two patch ports: what is sent to one comes in at the
// other. A patch port that was connected elsewhere leaves that peer.
func (b *Bridge) ConnectPatch(no ofp.PortNo, peer *Bridge, peerNo ofp.PortNo) error {
	p, q := b.conf.Load().ports[no], peer.conf.Load().ports[peerNo]
	switch {
	case p == nil || p.dev != nil:
		return fmt.Errorf("bridge %s: port %d is no patch port", b.name, no)
	case q == nil || q.dev != nil:
		return fmt.Errorf("bridge %s: port %d is no patch port", peer.name, peerNo)
	case p == q:
		return fmt.Errorf("port %s cannot be its own peer", p.name)
	}
	_ = b.d.update(func(classifier.Version) error {
		if p.peer.Load() == q && q.peer.Load() == p {
			return errNothing
		}
		p.disconnectLocked()
		q.disconnectLocked()
		p.peer.Store(q)
		q.peer.Store(p)
		p.touchLocked()
		q.touchLocked()
		return nil
	})
	return nil
}

// DisconnectPatch undoes ConnectPatch. A port that is not there or not
// connected is left as it is.
func (b *Bridge) DisconnectPatch(no ofp.PortNo) {
	p := b.conf.Load().ports[no]
	if p == nil || p.dev != nil || p.peer.Load() == nil {
		return
	}
	_ = b.d.update(func(classifier.Version) error { // fn does not fail
		p.disconnectLocked()
		return nil
	})
}

// disconnectLocked parts p from its peer.
func (p *port) disconnectLocked() {
	if q := p.peer.Swap(nil); q != nil {
		q.peer.Store(nil)
		q.touchLocked()
		p.touchLocked()
	}
}

// touchLocked makes programs that pass p's bridge stale.
func (p *port) touchLocked() { p.bridge.conf.Store(p.bridge.conf.Load().clone()) }

// checkPort says why p cannot be added; the caller holds portMu.
func (b *Bridge) checkPort(p *port) error {
	if p.no == 0 || p.no > ofp.PortMax && p.no != ofp.PortLocal {
		return fmt.Errorf("port %s: %d is no port number; use 1 to %d", p.name, p.no, ofp.PortMax)
	}
	for _, q := range b.conf.Load().list {
		if q.no == p.no {
			return fmt.Errorf("port %s: number %d is that of port %s", p.name, p.no, q.name)
		}
		if q.name == p.name {
			return fmt.Errorf("port %s is in bridge %s already", p.name, b.name)
		}
	}
	return nil
}

// addPort makes p part of the bridge for frames that are sent to it.
func (b *Bridge) addPort(p *port) {
	var moved []ofp.PortNo
	_ = b.d.update(func(classifier.Version) error { // fn does not fail
		p.added = b.d.clock()
		b.d.allocNumLocked(p)
		p.own = newL2Port()
		p.l2.Store(p.own)
		b.conf.Store(b.conf.Load().withPort(p))
		moved, _ = b.joinLocked()
		return nil
	})
	b.forget(moved)
}

// RemovePort takes a port out of the bridge. When it returns no thread uses the
// device any more.
func (b *Bridge) RemovePort(no ofp.PortNo) error {
	b.portMu.Lock()
	defer b.portMu.Unlock()
	p := b.conf.Load().ports[no]
	if p == nil {
		return fmt.Errorf("bridge %s has no port %d", b.name, no)
	}
	b.d.teamMu.RLock()
	err := b.removePort(p)
	b.d.teamMu.RUnlock()
	b.tellPort(ofp.PortDelete, p)
	return err
}

// removePort takes p out; the caller holds portMu and, for reading, teamMu.
func (b *Bridge) removePort(p *port) error {
	d := b.d
	queues := d.removeRxQueues(p)
	if qos := p.qos.Load(); qos != nil {
		d.disown(qos.shaper)
	}
	var moved []ofp.PortNo
	_ = d.update(func(classifier.Version) error { // fn does not fail
		p.gone.Store(true)
		p.disconnectLocked()
		b.conf.Store(b.conf.Load().withoutPort(p))
		moved, _ = b.joinLocked()
		return nil
	})
	b.forget(moved)
	d.Sync()
	err := unwatchAll(queues)
	// After Sync, so that no frame of the port is learnt any more.
	b.fdb.FlushPort(uint32(p.no))
	d.macsChanged()
	d.freeNum(p)
	return err
}

// PortChanged tells the bridge of a device's new state: link, administrative
// state, speed, MTU.
func (b *Bridge) PortChanged(no ofp.PortNo, st ports.Status) {
	b.portMu.Lock()
	defer b.portMu.Unlock()
	p := b.conf.Load().ports[no]
	if p == nil {
		return
	}
	before := p.desc()
	var moved []ofp.PortNo
	_ = b.d.update(func(classifier.Version) error { // fn does not fail
		p.setStatus(&st)
		if (p.desc().State^before.State)&ofp.PortStateLive == 0 {
			return errNothing
		}
		b.lives.Add(1) // groups choose buckets by what lives
		moved, _ = b.joinLocked()
		return nil
	})
	b.forget(moved)
	config := p.configBits() &^ ofp.PortConfigDown
	if !st.AdminUp {
		config |= ofp.PortConfigDown
	}
	if config != p.configBits() {
		b.setConfig(p, config)
	}
	p.speedChanged()
	b.d.kernel.revisePorts()
	if p.desc() != before {
		b.tellPort(ofp.PortModify, p)
	}
	b.d.unpark()
}

// unpark has workers look again at queues that could not be read.
func (d *Datapath) unpark() {
	for _, w := range d.workers() {
		if w.parked.Load() {
			w.post(w.unparkAll)
		}
	}
}

func (p *port) setStatus(st *ports.Status) {
	p.status.Store(st)
	p.mtu.Store(int32(min(st.MTU, 1<<30)))
}

// setConfig changes a port's configuration bits for all frames at once.
func (b *Bridge) setConfig(p *port, config ofp.PortConfig) {
	_ = b.d.update(func(classifier.Version) error { // fn does not fail
		p.config.Store(uint32(config))
		p.touchLocked()
		return nil
	})
}

func (b *Bridge) tellPort(reason uint8, p *port) {
	if c := b.opts.Controllers; c != nil {
		c.PortStatus(&ofp.PortStatus{Reason: reason, Desc: p.desc()})
	}
}

// Port features, OFPPF_* (OpenFlow 1.3.5 §7.2.1), by speed in Mbit/s.
var featureBits = map[uint64][2]uint32{ // half duplex, full duplex
	10:      {1 << 0, 1 << 1},
	100:     {1 << 2, 1 << 3},
	1000:    {1 << 4, 1 << 5},
	10000:   {1 << 6, 1 << 6},
	40000:   {1 << 7, 1 << 7},
	100000:  {1 << 8, 1 << 8},
	1000000: {1 << 9, 1 << 9},
}

const featureOther = 1 << 10 // OFPPF_OTHER: a rate that is not in the list

// desc describes the port as controllers see it.
func (p *port) desc() ofp.PortDesc {
	st := p.status.Load()
	d := ofp.PortDesc{Port: p.no, Name: p.name, Config: p.configBits() &^ portNoFlood, NoFlood: p.configBits()&portNoFlood != 0}
	copy(d.HWAddr[:], st.MAC)
	if len(d.Name) > 15 {
		d.Name = d.Name[:15]
	}
	if !st.LinkUp {
		d.State |= ofp.PortStateLinkDown
	} else if d.Config&ofp.PortConfigDown == 0 {
		d.State |= ofp.PortStateLive
	}
	if st.SpeedMbps != 0 {
		bits, known := featureBits[st.SpeedMbps]
		switch {
		case !known:
			d.Curr = featureOther
		case st.Duplex == "half":
			d.Curr = bits[0]
		default:
			d.Curr = bits[1]
		}
		d.CurrSpeed = uint32(min(st.SpeedMbps*1000, 1<<32-1))
		d.MaxSpeed = d.CurrSpeed
	}
	return d
}
