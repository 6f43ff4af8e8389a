package ofswitch

import (
	"fmt"

	"ofswitch/flow"
	"ofswitch/flow/keytext"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// traceFrame makes the frame that q asks about.
func (b *Bridge) traceFrame(q *TraceQuery) (*tracedFrame, error) {
	conf := b.conf.Load()
	m, err := keytext.ParseOpenFlow(q.Flow, func(name string) (uint32, bool) {
		for _, p := range conf.list {
			if p.name == name {
				return uint32(p.no), true
			}
		}
		return 0, false
	})
	if err != nil {
		return nil, refuseTrace("Bad openflow flow syntax: %s: %.500s", keytext.Shorten(q.Flow), err)
	}
	f := &tracedFrame{inPort: ofp.PortAny}
	if v, _, given := m.Get(flow.InPort); given {
		f.inPort = ofp.PortNo(v.Lo)
		f.in = conf.ports[f.inPort]
	}
	return f, f.make(q, &m)
}

// make composes the frame of m, or takes q's.
func (f *tracedFrame) make(q *TraceQuery, m *flow.Match) error {
	f.tunnel = m.Value[flow.WTunnel]
	if q.Packet != nil {
		if len(q.Packet) < packet.EthernetLen {
			return refuseTrace("Packet data too short for Ethernet: %d bytes, an Ethernet header has %d", len(q.Packet), packet.EthernetLen)
		}
		if len(q.Packet) > packet.MaxFrame {
			return refuseTrace("Packet data too long: %d bytes, a frame has %d at most", len(q.Packet), packet.MaxFrame)
		}
		f.data = q.Packet
		return nil
	}
	f.data = flow.Compose(&m.Value)
	var k flow.Key
	flow.Extract(packet.FromBytes(f.data), 0, &k)
	return impossible(m, &k)
}

// impossible says what of m the frame that was made for it, with key k, has not.
func impossible(m *flow.Match, k *flow.Key) (err error) {
	var w flow.Wide
	w.SetKey(k)
	for _, word := range []int{flow.WInPort, flow.WRecirc, flow.WTunnel} {
		w[word] = m.Value[word]
	}
	if m.Matches(&w) {
		return nil
	}
	m.Fields(func(f *flow.Field, v, mask flow.Value) bool {
		if got := f.Get(&w); (got.Lo^v.Lo)&mask.Lo != 0 || (got.Hi^v.Hi)&mask.Hi != 0 {
			err = fmt.Errorf("there is no frame with %s=%s and the other fields: the switch would see %s", f.Text, flow.FormatValue(f, v, f.Full()), flow.FormatValue(f, got, f.Full()))
		}
		return err == nil
	})
	if err == nil {
		err = fmt.Errorf("there is no frame with all of these fields")
	}
	return err
}

// refuseTrace is an error in the words of Open vSwitch, which begin as they like.
func refuseTrace(format string, args ...any) error { return &traceFault{fmt.Sprintf(format, args...)} }

// traceFault is why nothing was traced.
type traceFault struct{ text string }

func (e *traceFault) Error() string { return e.text }
