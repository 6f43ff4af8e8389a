package ofconn

import (
	"sync"

	"ofswitch/ofp"
)

// Flow-mods that one read has brought one after the other are decoded and handed to the switch together: it carries
// them out under one lock, waits for memory once for many, and has the workers look once whom they concern.
//
// A controller that answers packet-ins sends flow-mods and packet-outs in turns. Packet-outs between flow-mods are
// carried out behind all of them, where nobody can tell: what comes behind the first is entries that are added, without
// buffers, and none of the packet-outs goes through the flow tables. Errors are in the order of the messages.

// flowModsMost is how many are handed over at once: others who change the tables wait for them.
const flowModsMost = 32

// flowMods are such messages. Those that stand in it may be overwritten when the switch has carried them out.
type flowMods struct {
	mods    [flowModsMost]ofp.FlowMod
	list    [flowModsMost]*ofp.FlowMod // to mods
	errs    [flowModsMost]error
	headers [flowModsMost]ofp.Header
	msgs    [flowModsMost][]byte
	outs    []heldPacketOut
}

// heldPacketOut is a packet-out that stood behind so many of the flow-mods.
type heldPacketOut struct {
	h     ofp.Header
	msg   []byte
	m     *ofp.PacketOut
	after int
}

var flowModsPool = sync.Pool{New: func() any {
	f := new(flowMods)
	for i := range f.mods {
		f.list[i] = &f.mods[i]
	}
	return f
}}

// dispatchFlowMods carries out a flow-mod and those that have come behind it. What is no flow-mod, or cannot be decoded, is
// left to be read.
func (c *conn) dispatchFlowMods(h ofp.Header, msg []byte) error {
	f := flowModsPool.Get().(*flowMods)
	defer flowModsPool.Put(f)
	if err := decodeFlowMod(h, msg, &f.mods[0]); err != nil {
		return c.undecodable(h, msg, err)
	}
	f.headers[0], f.msgs[0] = h, msg
	n := 1
	f.outs = f.outs[:0]
	for n < flowModsMost && len(f.outs) < maxUnsent {
		h, msg, ok := c.in.peek()
		if !ok || h.Version != c.version {
			break
		}
		if h.Type == ofp.TypePacketOut {
			m := c.maySend(h, msg)
			if m == nil {
				break
			}
			c.in.take(msg)
			c.snoop(false, msg)
			f.outs = append(f.outs, heldPacketOut{h, msg, m, n})
			continue
		}
		if h.Type != ofp.TypeFlowMod {
			break
		}
		if c.unsent+len(f.outs) > 0 && !ofp.FlowModAdds(msg[ofp.HeaderLen:]) {
			break // packet-outs go before it
		}
		if decodeFlowMod(h, msg, &f.mods[n]) != nil || len(f.outs) > 0 && f.mods[n].BufferID != ofp.NoBuffer {
			break
		}
		c.in.take(msg)
		c.snoop(false, msg)
		f.headers[n], f.msgs[n] = h, msg
		n++
	}
	if n == 1 && len(f.outs) == 0 {
		return c.handleFlowMod(h, msg, f.list[0])
	}
	for i := range n {
		c.monitors.doing(f.list[i], f.headers[i].XID)
	}
	c.m.sw.FlowMods(f.list[:n], f.errs[:n])
	c.monitors.done()
	defer clear(f.msgs[:n]) // the connection's memory
	defer clear(f.outs)
	outs := f.outs
	for i := range n {
		err := f.errs[i]
		f.errs[i] = nil
		if err = c.result(f.headers[i], f.msgs[i], err); err != nil {
			return err
		}
		for ; len(outs) > 0 && outs[0].after == i+1; outs = outs[1:] {
			if err := c.carryOut(outs[0].h, outs[0].msg, outs[0].m, len(outs) > 1); err != nil {
				return err
			}
		}
	}
	return nil
}

// maySend is the packet-out msg, if it may be carried out behind flow-mods that come after it; else nil.
func (c *conn) maySend(h ofp.Header, msg []byte) *ofp.PacketOut {
	m, err := decode(h, msg)
	if err != nil {
		return nil
	}
	p := m.(*ofp.PacketOut)
	for _, a := range p.Actions {
		if a, ok := a.(ofp.Output); ok && a.Port == ofp.PortTable {
			return nil
		}
	}
	return p
}

// decodeFlowMod is decode of a flow-mod into m.
func decodeFlowMod(h ofp.Header, msg []byte, m *ofp.FlowMod) error {
	_, err := guarded(h, func() (*ofp.FlowMod, error) { return m, ofp.DecodeFlowMod(h, msg[ofp.HeaderLen:], m) })
	return err
}

// peek is the next message, if all of it has been read.
func (in *reader) peek() (h ofp.Header, msg []byte, ok bool) {
	b := in.buf[in.r:in.w]
	if len(b) < ofp.HeaderLen {
		return h, nil, false
	}
	h, err := ofp.ParseHeader(b)
	if err != nil || len(b) < int(h.Length) {
		return h, nil, false
	}
	return h, b[:h.Length], true
}

// take goes over a message that peek gave.
func (in *reader) take(msg []byte) { in.r += len(msg) }
