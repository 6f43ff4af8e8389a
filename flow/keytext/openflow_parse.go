package keytext

import (
	"fmt"
	"strconv"
	"strings"

	"ofswitch/flow"
)

// ParseOpenFlow reads a flow in the syntax of matches: every field exact, those that only the switch knows
// (nw_ttl, nw_frag, tcp_flags, the second VLAN tag, further labels) as bits of
// their words.
func ParseOpenFlow(s string, resolve func(string) (uint32, bool)) (flow.Match, error) {
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
			err = fmt.Errorf("bad value for %s (%s): want a number of %d bits", key, Shorten(val), width)
			return
		}
		m.Value[word] |= v << shift
		m.Mask[word] |= (1<<width - 1) << shift
	}
	switch key {
	case "nw_ttl", "ip_ttl":
		set(flow.WIP, flow.TTLShift, 8)
	case "nw_frag", "ip_frag":
		bits, ok := fragBits[val]
		if !ok {
			return true, fmt.Errorf("bad value for %s (%s): want no, first or later", key, Shorten(val))
		}
		m.Value[flow.WIP] |= bits
		m.Mask[flow.WIP] |= flow.FragAny | flow.FragLater
	case "tcp_flags":
		var v uint64
		if v, err = parseTCPFlags(val); err == nil {
			m.Value[flow.WL4] |= v << flow.TCPFlagsShift
			m.Mask[flow.WL4] |= 0xfff << flow.TCPFlagsShift
		}
	case "mpls_ttl":
		set(flow.WMPLS, flow.MPLSTTLShift, 8)
	case "mpls_lse1":
		set(flow.WMPLS, 0, 32)
	case "mpls_lse2":
		set(flow.WMPLS2, 32, 32)
	case "vlan_tci1":
		set(flow.WVLAN, 0, 16)
	case "dl_vlan1":
		set(flow.WVLAN, 0, 12)
		m.Value[flow.WVLAN] |= flow.VIDPresent
	case "dl_vlan_pcp1":
		set(flow.WVLAN, 13, 3)
		m.Value[flow.WVLAN] |= flow.VIDPresent
	case "nd_sll", "nd_tll":
		// Frames have them in both kinds of message, whatever matches may ask for.
		f := flow.ByName(key)
		v, mask, bad := flow.ParseValue(f, val)
		if bad != nil || mask != f.Full() {
			return true, fmt.Errorf("bad value for %s (%s): want an address", key, Shorten(val))
		}
		f.Set(&m.Value, v)
		f.Set((*flow.Wide)(&m.Mask), mask)
	case "recirc_id", "skb_priority", "pkt_mark", "ct_state", "ct_zone", "ct_mark", "ct_label", "dp_hash":
		if v, bad := strconv.ParseUint(val, 0, 64); bad != nil || v != 0 {
			err = fmt.Errorf("bad value for %s (%s): a frame that comes in has 0", key, Shorten(val))
		}
	default:
		return false, nil
	}
	return true, err
}
