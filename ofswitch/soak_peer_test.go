package ofswitch

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"ofswitch/ofconn"
	"ofswitch/ofp"
)

// soakEars joins a bridge to its OpenFlow channel, and counts what it says.
type soakEars struct {
	rec     *recorder // nil: the frames of packet-ins are not kept
	m       atomic.Pointer[ofconn.Manager]
	pins    atomic.Uint64
	removed atomic.Uint64
}

func (e *soakEars) PacketIns(list []PacketIn) {
	e.pins.Add(uint64(len(list)))
	if m := e.m.Load(); m != nil {
		m.PacketIns(list)
	}
	if e.rec != nil {
		e.rec.PacketIns(list)
	}
}

func (e *soakEars) FlowRemoved(msg *ofp.FlowRemoved) {
	e.removed.Add(1)
	if m := e.m.Load(); m != nil {
		m.FlowRemoved(msg)
	}
}

func (e *soakEars) PortStatus(msg *ofp.PortStatus) {
	if m := e.m.Load(); m != nil {
		m.PortStatus(msg)
	}
}

func (e *soakEars) FlowsChanged(version uint64, list []FlowChange) {
	if m := e.m.Load(); m != nil {
		m.FlowsChanged(version, list)
	}
}

// soakPeer is a controller, of which one goroutine at a time asks.
type soakPeer struct {
	nc    net.Conn
	r     *bufio.Reader
	w     []byte
	xid   uint32
	heard func(ofp.Header, ofp.Message) // what answers nothing; nil: nobody listens
	mu    sync.Mutex                    // of changing, where contests share it
	err   error                         // of changing: the connection's, which ends a contest
}

// soakPatience is how long a peer waits for what must come.
const soakPatience = 2 * time.Minute

// soakDial connects to a bridge's channel. With listen it gets packet-ins and what
// else comes unasked.
func soakDial(path string, listen bool, heard func(ofp.Header, ofp.Message)) (*soakPeer, error) {
	nc, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	return soakShake(nc, listen, heard)
}

func soakShake(nc net.Conn, listen bool, heard func(ofp.Header, ofp.Message)) (*soakPeer, error) {
	p := &soakPeer{nc: nc, r: bufio.NewReaderSize(nc, 1<<16), xid: 1, heard: heard}
	hello := ofp.Encode(1, &ofp.Hello{Versions: []uint32{1 << ofp.Version}})
	if listen {
		hello = ofp.AppendMessage(hello, 2, &ofp.SetConfig{MissSendLen: 128})
	}
	p.xid = 2
	if _, err := nc.Write(hello); err != nil {
		return nil, errors.Join(err, nc.Close())
	}
	if _, _, err := p.ask(); err != nil {
		return nil, errors.Join(err, nc.Close())
	}
	return p, nil
}

// next reads a message, and answers echoes.
func (p *soakPeer) next() (ofp.Header, ofp.Message, error) {
	for {
		h, b, err := ofp.ReadMessage(p.r, nil)
		if err != nil {
			return h, nil, err
		}
		m, err := ofp.Decode(h, b[ofp.HeaderLen:])
		if err != nil {
			return h, nil, fmt.Errorf("the switch sent %v, which is wrong: %w", h, err)
		}
		if e, ok := m.(*ofp.EchoRequest); ok {
			if _, err := p.nc.Write(ofp.Encode(h.XID, &ofp.EchoReply{Data: e.Data})); err != nil {
				return h, nil, err
			}
			continue
		}
		return h, m, nil
	}
}

// ask sends messages and a barrier, and gives the answers, and of the errors among
// them the first.
func (p *soakPeer) ask(list ...ofp.Message) (replies []ofp.Message, refused *ofp.ErrorMsg, err error) {
	p.w = p.w[:0]
	first := p.xid + 1
	for _, m := range list {
		p.xid++
		p.w = ofp.AppendMessage(p.w, p.xid, m)
	}
	p.xid++
	p.w = ofp.AppendMessage(p.w, p.xid, &ofp.BarrierRequest{})
	if err := p.nc.SetDeadline(time.Now().Add(soakPatience)); err != nil {
		return nil, nil, err
	}
	if _, err := p.nc.Write(p.w); err != nil {
		return nil, nil, err
	}
	for {
		h, m, err := p.next()
		if err != nil {
			return replies, refused, fmt.Errorf("%w (asked for %T, the last of %d)", err, last(list), len(list))
		}
		switch e, isError := m.(*ofp.ErrorMsg); {
		case h.Type == ofp.TypeBarrierReply && h.XID == p.xid:
			return replies, refused, nil
		case h.XID < first || h.XID > p.xid || m.Type() == ofp.TypePacketIn || m.Type() == ofp.TypeFlowRemoved:
			if p.heard != nil {
				p.heard(h, m)
			}
		case isError && refused == nil:
			refused = e
		case !isError:
			replies = append(replies, m)
		}
	}
}

func last(list []ofp.Message) (m ofp.Message) {
	if len(list) > 0 {
		m = list[len(list)-1]
	}
	return m
}

// do is ask for messages that change something. The errors of the switch are its
// own, those of the connection end the soak.
func (p *soakPeer) do(m ofp.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, refused, err := p.ask(m)
	if err != nil {
		p.err = errors.Join(p.err, err)
		return err
	}
	if refused != nil {
		return refused
	}
	return nil
}

func (p *soakPeer) FlowMod(m *ofp.FlowMod) error     { return p.do(m) }
func (p *soakPeer) GroupMod(m *ofp.GroupMod) error   { return p.do(m) }
func (p *soakPeer) MeterMod(m *ofp.MeterMod) error   { return p.do(m) }
func (p *soakPeer) PortMod(m *ofp.PortMod) error     { return p.do(m) }
func (p *soakPeer) PacketOut(m *ofp.PacketOut) error { return p.do(m) }

// soakListener is a peer with a goroutine of its own, which hears and asks nothing
// more.
type soakListener struct {
	*soakPeer
	pins, removed atomic.Uint64
	other         func(ofp.Header, ofp.Message)
	done          chan error
}

func soakListen(path string, other func(ofp.Header, ofp.Message), ask ...ofp.Message) (*soakListener, error) {
	l := &soakListener{other: other, done: make(chan error, 1)}
	var err error
	if l.soakPeer, err = soakDial(path, true, l.hear); err != nil {
		return nil, err
	}
	replies, refused, err := l.ask(ask...)
	if err == nil && refused != nil {
		err = refused
	}
	if err == nil {
		err = l.nc.SetDeadline(time.Time{})
	}
	if err != nil {
		return nil, errors.Join(err, l.nc.Close())
	}
	for _, m := range replies {
		l.hear(ofp.Header{XID: 1}, m)
	}
	go func() {
		for {
			h, m, err := l.next()
			if err != nil {
				l.done <- err
				return
			}
			l.hear(h, m)
		}
	}()
	return l, nil
}

func (l *soakListener) hear(h ofp.Header, m ofp.Message) {
	switch m.Type() {
	case ofp.TypePacketIn:
		l.pins.Add(1)
	case ofp.TypeFlowRemoved:
		l.removed.Add(1)
	}
	if l.other != nil {
		l.other(h, m)
	}
}

// stop ends the listener; that it ended before is an error.
func (l *soakListener) stop() error {
	select {
	case err := <-l.done:
		return errors.Join(fmt.Errorf("a controller that listens lost its connection: %w", err), l.nc.Close())
	default:
	}
	err := l.nc.Close()
	<-l.done
	return err
}
