package ofswitch

import (
	"fmt"
	"strconv"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// traceFrame makes the frame that q asks about.
func (b *Bridge) traceFrame(q *TraceQuery) (*tracedFrame, error) {
	conf := b.conf.Load()
	m, err := parseTraceFlow(q.Flow, func(name string) (uint32, bool) {
		for _, p := range conf.list {
			if p.name == name {
				return uint32(p.no), true
			}
		}
		return 0, false
	})
	if err != nil {
		return nil, refuseTrace("Bad openflow flow syntax: %s: %.500s", shorten(q.Flow), err)
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
	f.data = composeFrame(&m.Value)
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

// shorten keeps what is repeated in an error readable.
func shorten(s string) string {
	const most = 200
	if len(s) > most {
		return fmt.Sprintf("%q... (%d bytes)", s[:most], len(s))
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return strconv.Quote(s)
	}
	return s
}

// parseTraceFlow reads a flow: every field exact, those that only the switch knows
// (nw_ttl, nw_frag, tcp_flags, the second VLAN tag, further labels) as bits of
// their words.
func parseTraceFlow(s string, resolve func(string) (uint32, bool)) (flow.Match, error) {
	var standard []string
	var own flow.Match
	given := map[string]bool{}
	for tok := range flow.Tokens(s) {
		key, val, _ := strings.Cut(tok, "=")
		known, err := ownField(&own, key, val)
		switch {
		case err != nil:
			return own, err
		case !known:
			standard = append(standard, tok)
		case given[key]:
			return own, fmt.Errorf("field %s set multiple times", key)
		}
		given[key] = true
	}
	m, err := flow.ParseMatchPorts(strings.Join(standard, ","), resolve)
	if err != nil {
		return own, err
	}
	m.Fields(func(f *flow.Field, v, mask flow.Value) bool {
		switch {
		case f.ID == flow.Metadata, f.ID == flow.InPhyPort:
			err = fmt.Errorf("field %s: no frame comes in with it", f.Text)
		case mask != f.Full() && (f.ID != flow.VLANVID || mask.Lo != flow.VIDPresent):
			err = fmt.Errorf("field %s: wildcards not allowed here", f.Text)
		}
		return err == nil
	})
	for i := range m.Value {
		m.Value[i] |= own.Value[i]
		m.Mask[i] |= own.Mask[i]
	}
	return m, err
}

// ownField sets a field that OpenFlow 1.3 does not have, if key is one.
func ownField(m *flow.Match, key, val string) (known bool, err error) {
	set := func(word, shift, width int) {
		var v uint64
		if v, err = strconv.ParseUint(val, 0, width); err != nil {
			err = fmt.Errorf("bad value for %s (%s): want a number of %d bits", key, shorten(val), width)
			return
		}
		m.Value[word] |= v << shift
		m.Mask[word] |= (1<<width - 1) << shift
	}
	switch key {
	case "nw_ttl", "ip_ttl":
		set(flow.WIP, 8, 8)
	case "nw_frag", "ip_frag":
		bits, ok := fragBits[val]
		if !ok {
			return true, fmt.Errorf("bad value for %s (%s): want no, first or later", key, shorten(val))
		}
		m.Value[flow.WIP] |= bits
		m.Mask[flow.WIP] |= flow.FragAny | flow.FragLater
	case "tcp_flags":
		var v uint64
		if v, err = parseTCPFlags(val); err == nil {
			m.Value[flow.WL4] |= v << 16
			m.Mask[flow.WL4] |= 0xfff << 16
		}
	case "mpls_ttl":
		set(flow.WMPLS, mplsTTLShift, 8)
	case "mpls_lse1":
		set(flow.WMPLS, 0, 32)
	case "mpls_lse2":
		set(flow.WMPLS2, 32, 32)
	case "vlan_tci1":
		set(flow.WVLAN, 0, 16)
	case "dl_vlan1":
		set(flow.WVLAN, 0, 12)
		m.Value[flow.WVLAN] |= tagPresent2
	case "dl_vlan_pcp1":
		set(flow.WVLAN, 13, 3)
		m.Value[flow.WVLAN] |= tagPresent2
	case "nd_sll", "nd_tll":
		// Frames have them in both kinds of message, whatever matches may ask for.
		f := flow.ByName(key)
		v, mask, bad := flow.ParseValue(f, val)
		if bad != nil || mask != f.Full() {
			return true, fmt.Errorf("bad value for %s (%s): want an address", key, shorten(val))
		}
		f.Set(&m.Value, v)
		f.Set((*flow.Wide)(&m.Mask), mask)
	case "recirc_id", "skb_priority", "pkt_mark", "ct_state", "ct_zone", "ct_mark", "ct_label", "dp_hash":
		if v, bad := strconv.ParseUint(val, 0, 64); bad != nil || v != 0 {
			err = fmt.Errorf("bad value for %s (%s): a frame that comes in has 0", key, shorten(val))
		}
	default:
		return false, nil
	}
	return true, err
}

// fragBits are the words for fragments.
var fragBits = map[string]uint64{"no": 0, "first": flow.FragAny, "later": flow.FragAny | flow.FragLater}

// tcpFlagNames are the flags of TCP from the lowest bit.
var tcpFlagNames = []string{"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns"}

// parseTCPFlags reads a number, or names with "|" or "+" between them.
func parseTCPFlags(s string) (v uint64, err error) {
	if v, err = strconv.ParseUint(s, 0, 12); err == nil {
		return v, nil
	}
	for _, name := range strings.FieldsFunc(s, func(r rune) bool { return r == '|' || r == '+' }) {
		bit := uint64(0)
		for i, n := range tcpFlagNames {
			if n == name {
				bit = 1 << i
			}
		}
		if bit == 0 {
			return 0, fmt.Errorf("bad value for tcp_flags (%s): want a number, or %s with | between them", shorten(s), strings.Join(tcpFlagNames, ", "))
		}
		v |= bit
	}
	return v, nil
}

// formatTCPFlags is the reverse.
func formatTCPFlags(v uint64) string {
	if v == 0 {
		return "0"
	}
	var names []string
	for i, n := range tcpFlagNames {
		if v&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	if rest := v >> len(tcpFlagNames); rest != 0 {
		names = append(names, fmt.Sprintf("%#x", rest<<len(tcpFlagNames)))
	}
	return strings.Join(names, "|")
}
