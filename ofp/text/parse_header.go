package text

import (
	"fmt"
	"slices"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// value reads the whole value of a field; key is the name that it was given.
func value(f *flow.Field, key, s string) (flow.Value, error) {
	v, mask, err := flow.ParseValue(f, s)
	if pe, ok := err.(*flow.ParseError); ok {
		return v, &flow.ParseError{Field: key, Value: s, Want: pe.Want}
	}
	if err != nil {
		return v, err
	}
	if mask != f.Full() {
		return v, &flow.ParseError{Field: key, Value: s, Want: "a value without a mask: OpenFlow 1.3 sets whole fields"}
	}
	if f.ID == flow.VLANVID && v.Lo&flow.VIDPresent == 0 {
		return v, &flow.ParseError{Field: key, Value: s, Want: fmt.Sprintf("a VLAN id plus 4096 (OFPVID_PRESENT): %d", v.Lo|flow.VIDPresent)}
	}
	return v, nil
}

// set gives the action that sets a field, if the frame is known to have it.
func (p *actionParser) set(kv pair, id flow.ID, v flow.Value) ([]ofp.Action, error) {
	if err := p.needs(kv, id.Field().Prereq); err != nil {
		return nil, err
	}
	return one(ofp.SetField{Field: id, Value: v})
}

// parseMod makes the parser of mod_X:VALUE, which is set_field:VALUE->X.
func parseMod(id flow.ID) func(*actionParser, pair) ([]ofp.Action, error) {
	return func(p *actionParser, kv pair) ([]ofp.Action, error) {
		v, err := value(id.Field(), kv.key, kv.value)
		if err != nil {
			return nil, err
		}
		return p.set(kv, id, v)
	}
}

// parseModPort makes the parser of mod_tp_src and mod_tp_dst, which set the
// port of the protocol that the match asks for.
func parseModPort(ids ...flow.ID) func(*actionParser, pair) ([]ofp.Action, error) {
	return func(p *actionParser, kv pair) ([]ofp.Action, error) {
		v, err := value(ids[0].Field(), kv.key, kv.value)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if p.met(id.Field().Prereq) {
				return p.set(kv, id, v)
			}
		}
		return nil, &flow.ParseError{Field: kv.text(), Want: "a match that asks for tcp, udp or sctp"}
	}
}

func parseModTOS(p *actionParser, kv pair) ([]ofp.Action, error) {
	n, ok := number(kv.value, 8)
	if !ok || n&3 != 0 {
		return nil, &flow.ParseError{Field: kv.key, Value: kv.value, Want: "a multiple of 4 from 0 to 252: the DSCP in the upper six bits"}
	}
	return p.set(kv, flow.IPDSCP, flow.Value{Lo: n >> 2})
}

// vlanField sets a field of the VLAN tag; push makes one first where none is known of.
func (p *actionParser) vlanField(kv pair, id flow.ID, v uint64, push bool) ([]ofp.Action, error) {
	var out []ofp.Action
	if !p.tagged() && push {
		out = append(out, ofp.PushVLAN{EtherType: packet.TypeVLAN})
		p.tags++
	}
	if err := p.needs(kv, flow.PrereqVLAN); err != nil {
		return nil, err
	}
	return append(out, ofp.SetField{Field: id, Value: flow.Value{Lo: v}}), nil
}

func parseModVLANVID(p *actionParser, kv pair) ([]ofp.Action, error) {
	n, err := field(kv.key, kv.value, 0, 4095)
	if err != nil {
		return nil, err
	}
	return p.vlanField(kv, flow.VLANVID, n|flow.VIDPresent, true)
}

func parseSetVLANVID(p *actionParser, kv pair) ([]ofp.Action, error) {
	n, err := field(kv.key, kv.value, 0, 4095)
	if err != nil {
		return nil, err
	}
	return p.vlanField(kv, flow.VLANVID, n|flow.VIDPresent, false)
}

func parseModVLANPCP(p *actionParser, kv pair) ([]ofp.Action, error) {
	n, err := field(kv.key, kv.value, 0, 7)
	if err != nil {
		return nil, err
	}
	return p.vlanField(kv, flow.VLANPCP, n, true)
}

func parseSetVLANPCP(p *actionParser, kv pair) ([]ofp.Action, error) {
	n, err := field(kv.key, kv.value, 0, 7)
	if err != nil {
		return nil, err
	}
	return p.vlanField(kv, flow.VLANPCP, n, false)
}

// pushType reads the Ethernet type of what an action of type t pushes.
func pushType(kv pair, t ofp.ActionType) (uint16, error) {
	et, err := etherType(kv.key, kv.value)
	if want := ofp.PushTypes(t); err != nil || !slices.Contains(want, et) {
		return 0, &flow.ParseError{Field: kv.key, Value: kv.value, Want: want.String()}
	}
	return et, nil
}

func parsePushVLAN(p *actionParser, kv pair) ([]ofp.Action, error) {
	et, err := pushType(kv, ofp.ActionPushVLAN)
	if err != nil {
		return nil, err
	}
	p.tags++
	return one(ofp.PushVLAN{EtherType: et})
}

func parsePopVLAN(p *actionParser, kv pair) ([]ofp.Action, error) {
	if kv.value != "" {
		return nil, &flow.ParseError{Field: kv.key, Value: kv.value, Want: "no value"}
	}
	if err := p.needs(kv, flow.PrereqVLAN); err != nil {
		return nil, err
	}
	if p.tags > 0 {
		p.tags--
	} else {
		p.state.SetMasked(flow.VLANVID, flow.Value{}, flow.Value{})
	}
	return one(ofp.PopVLAN{})
}

// retype makes a push or pop known to the state: the frame's EtherType is et
// from now on, and its IP protocol is not known any more.
func (p *actionParser) retype(et uint16) {
	p.state.Set(flow.EthType, flow.Value{Lo: uint64(et)})
	p.state.SetMasked(flow.IPProto, flow.Value{}, flow.Value{})
}

func parsePushMPLS(p *actionParser, kv pair) ([]ofp.Action, error) {
	et, err := pushType(kv, ofp.ActionPushMPLS)
	if err != nil {
		return nil, err
	}
	p.retype(et)
	return one(ofp.PushMPLS{EtherType: et})
}

func parsePopMPLS(p *actionParser, kv pair) ([]ofp.Action, error) {
	et, err := etherType(kv.key, kv.value)
	if err != nil {
		return nil, err
	}
	if err := p.needs(kv, flow.PrereqMPLS); err != nil {
		return nil, err
	}
	p.retype(et)
	return one(ofp.PopMPLS{EtherType: et})
}

func parsePushPBB(p *actionParser, kv pair) ([]ofp.Action, error) {
	et, err := pushType(kv, ofp.ActionPushPBB)
	if err != nil {
		return nil, err
	}
	p.retype(et)
	return one(ofp.PushPBB{EtherType: et})
}

func parsePopPBB(p *actionParser, kv pair) ([]ofp.Action, error) {
	if kv.value != "" {
		return nil, &flow.ParseError{Field: kv.key, Value: kv.value, Want: "no value"}
	}
	if err := p.needs(kv, flow.PrereqPBB); err != nil {
		return nil, err
	}
	p.state.SetMasked(flow.EthType, flow.Value{}, flow.Value{})
	return one(ofp.PopPBB{})
}

// parseSetField reads set_field:VALUE->FIELD. The fields that OpenFlow 1.3 sets
// by actions of their own, the TTLs, are translated.
func parseSetField(p *actionParser, kv pair) ([]ofp.Action, error) {
	i := strings.LastIndex(kv.value, "->")
	if i < 0 {
		return nil, &flow.ParseError{Field: kv.key, Value: kv.value, Want: "VALUE->FIELD"}
	}
	text, name := strings.TrimSpace(kv.value[:i]), strings.TrimSpace(kv.value[i+2:])
	name = strings.TrimSuffix(name, "[]")
	if strings.Contains(text, "/") {
		return nil, &flow.ParseError{Field: kv.key, Value: kv.value, Want: "a value without a mask: OpenFlow 1.3 sets whole fields"}
	}
	switch lower := strings.ToLower(name); lower {
	case "nw_ttl", "ip_ttl":
		return parseSetNwTTL(p, pair{key: name, sep: '=', value: text})
	case "mpls_ttl":
		return parseSetMPLSTTL(p, pair{key: name, sep: '=', value: text})
	case "nw_tos", "ip_tos":
		return parseModTOS(p, pair{key: name, sep: '=', value: text})
	case "dl_vlan":
		return parseSetVLANVID(p, pair{key: name, sep: '=', value: text})
	case "dl_vlan_pcp":
		name = "vlan_pcp"
	case "tp_src", "tp_dst":
		name = p.ofProtocol(lower)
	case "tunnel_id":
		name = "tun_id"
	}
	f := flow.ByName(name)
	if f == nil {
		return nil, &flow.ParseError{Field: kv.key, Value: kv.value, Want: fmt.Sprintf("a field of OpenFlow 1.3 behind the arrow; %q is none", name)}
	}
	if !f.Writable {
		want := fmt.Sprintf("a field that can be set; %s cannot", name)
		if f.ID == flow.Metadata {
			want += ": write_metadata does it"
		}
		return nil, &flow.ParseError{Field: kv.key, Value: kv.value, Want: want}
	}
	v, err := value(f, name, text)
	if err != nil {
		return nil, err
	}
	if f.ID == flow.VLANVID {
		return p.vlanField(kv, f.ID, v.Lo, false)
	}
	return p.set(kv, f.ID, v)
}

// ofProtocol resolves tp_src and tp_dst by the protocol that the match asks for.
func (p *actionParser) ofProtocol(name string) string {
	kinds := []string{"tcp", "udp", "sctp"}
	for i, need := range []flow.Prereq{flow.PrereqTCP, flow.PrereqUDP, flow.PrereqSCTP} {
		if p.met(need) {
			return strings.Replace(name, "tp", kinds[i], 1)
		}
	}
	return strings.Replace(name, "tp", "tcp", 1)
}
