package ofswitch

import (
	"fmt"

	"ofswitch/ofp"
	"ofswitch/packet"
)

// Policing bounds what is received from a port: what is beyond is dropped before
// anything else happens to it, and counted as RxDropped. The zero Policing: no
// bounds.
type Policing struct {
	Rate, Burst       uint64 // bits/s, bits as on the wire; 0: no bound
	Packets, PktBurst uint64 // packets/s, packets; 0: no bound
}

// policer is the state of the policing of one receive queue. Its worker owns it.
type policer struct {
	conf       *Policing
	bits, pkts tokens
}

// SetPolicing changes the bounds of a port. A port with several receive queues
// shares them out.
func (b *Bridge) SetPolicing(no ofp.PortNo, conf Policing) error {
	b.portMu.Lock()
	defer b.portMu.Unlock()
	p := b.conf.Load().ports[no]
	switch {
	case p == nil:
		return fmt.Errorf("bridge %s has no port %d", b.name, no)
	case conf == Policing{}:
		p.policing.Store(nil)
		return nil
	case p.dev == nil:
		return fmt.Errorf("port %s: a patch port receives nothing from outside; bound what the port receives by which the frames come in", p.name)
	}
	p.policing.Store(&conf)
	b.d.kernel.revisePorts()
	return nil
}

// admit takes the frames out that are beyond the bounds of q's port, and gives the
// others in their order. The clock is the batch's.
func (w *worker) admit(q *rxq, frames []*packet.Frame) []*packet.Frame {
	conf := q.port.policing.Load()
	if conf == nil {
		return frames
	}
	s := &q.police
	if s.conf != conf {
		s.conf = conf
		queues := uint64(max(len(q.port.dev.RxQueues()), 1))
		s.bits.set(w.now, conf.Rate/queues, depthOf(conf.Burst, conf.Rate))
		// A bucket of packets is one of bytes of which each is a packet.
		s.pkts.set(w.now, conf.Packets*8/queues, depthOf(conf.PktBurst, conf.Packets))
	}
	keep := frames[:0]
	dropped := uint64(0)
	for _, f := range frames {
		packets, bytes := f.Segments()
		if !s.bits.open(w.now) || !s.pkts.open(w.now) {
			dropped += packets
			continue
		}
		s.bits.charge(w.now, bytes)
		s.pkts.charge(w.now, packets)
		keep = append(keep, f)
	}
	if dropped > 0 {
		q.port.policed.Add(dropped)
		w.counts.policed(uint64(len(frames) - len(keep)))
	}
	return keep
}

// depthOf is how long a rate takes for a burst, in ns.
func depthOf(burst, rate uint64) int64 {
	if rate == 0 {
		return 0
	}
	return int64(min(float64(burst)/float64(rate)*1e9, 3600e9))
}
