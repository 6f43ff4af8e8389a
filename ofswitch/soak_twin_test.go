package ofswitch

import (
	"errors"
	"fmt"
	"time"

	"ofswitch/ofconn"
	"ofswitch/ofp"
)

// soakContest runs one round of a contest, switch against twin, on the soak's
// datapath, whose threads and caches it shares with all else that goes on. Changes
// come by an OpenFlow connection to each bridge; another one listens.
func (s *soak) contest(lane int, seed uint64, steps int, stop func() bool) (err error) {
	c := contestOn(s.d, fmt.Sprintf("t%d", lane), seed, newTally())
	peers := map[*Bridge]*soakPeer{}
	var ends []func() error
	defer func() {
		for i := len(ends) - 1; i >= 0; i-- {
			err = errors.Join(err, ends[i]())
		}
	}()
	c.over = stop
	ears := map[string]*soakEars{}
	c.tell = func(b *Bridge) changer { return peers[b] }
	c.settle = func() {
		for _, m := range c.mems {
			for m.Pending() > 0 {
				time.Sleep(20 * time.Microsecond)
			}
		}
		s.d.Sync()
		c.drain()
	}
	c.drain = func() { s.awaitPacketIns(c) }
	err = c.build(func(name string) Controllers {
		ears[name] = &soakEars{rec: c.rec}
		return ears[name]
	})
	ends = append(ends, c.remove)
	if err != nil {
		return err
	}
	listeners := map[string]*soakListener{}
	managers := map[string]*ofconn.Manager{}
	for name, b := range c.real {
		m, path := s.channel(b, ears[name])
		managers[name] = m
		ends = append(ends, m.Close)
		if err := m.SetListeners([]ofconn.Listener{{Target: "punix:" + path, Management: true}}); err != nil {
			return err
		}
		if peers[b], err = soakDial(path, false, nil); err != nil {
			return err
		}
		ends = append(ends, peers[b].nc.Close)
		if listeners[name], err = soakListen(path, nil, soakAsync); err != nil {
			return err
		}
		ends = append(ends, listeners[name].stop)
	}
	err = c.run(steps)
	for _, p := range peers {
		err = errors.Join(err, p.err)
	}
	if err != nil {
		return fmt.Errorf("switch and twin differ; TWIN_SEED=%#x: %w", seed, err)
	}
	// Of what controllers were told each heard all, but for what its connection says
	// that it has dropped.
	for name, l := range listeners {
		drops := managers[name].PacketInDrops()
		if err := eventually(func() error {
			got, dropped, want := l.pins.Load(), drops.Port.Load()+drops.Total.Load()+drops.Closed.Load(), ears[name].pins.Load()
			if got+dropped != want {
				return fmt.Errorf("TWIN_SEED=%#x: a controller of bridge %s heard %d packet-ins, %d were dropped, of %d", seed, name, got, dropped, want)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	s.took(c.tally)
	s.packetIns.Add(ears[c.names[0]].pins.Load() + ears[c.names[1]].pins.Load())
	return nil
}

// awaitPacketIns waits for as many as the twin has made. In loops, where the number is
// not defined, it does not wait long.
func (s *soak) awaitPacketIns(c *contest) {
	if c.twin.wild {
		return
	}
	patience := soakPatience
	if c.twin.loop {
		patience = time.Second
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Microsecond) {
		c.rec.mu.Lock()
		n := len(c.rec.ins)
		c.rec.mu.Unlock()
		if n >= len(c.twin.ins) {
			return
		}
	}
}

// channel makes the OpenFlow channel of a bridge, and a path for its socket.
func (s *soak) channel(b *Bridge, e *soakEars) (*ofconn.Manager, string) {
	m := ofconn.NewManager(b, ofconn.Options{Logger: s.log, FailMode: ofconn.FailSecure})
	e.m.Store(m)
	return m, s.dir + "/" + b.Name()
}

var _ ofconn.Switch = (*Bridge)(nil)

// allFlows asks about each entry of a bridge.
func allFlows(kind uint16) *ofp.MultipartRequest {
	return &ofp.MultipartRequest{Kind: kind, Body: &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}}
}
