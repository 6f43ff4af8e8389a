package text

import (
	"fmt"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// actionParser reads actions one after the other.
type actionParser struct {
	table  ofp.TableID // of the flow
	ports  Resolver
	tables TableResolver
	// state is what is known of the frame before the next action: the match,
	// changed by the actions read so far.
	state flow.Match
	tags  int  // VLAN tags pushed and not popped
	check bool // refuse actions that state does not allow
}

// actionDef reads the value of one action. Its text is in kv.
type actionDef struct {
	parse func(p *actionParser, kv pair) ([]ofp.Action, error)
}

// actionsByName is filled by init: the functions call back into the table.
var actionsByName map[string]actionDef

func init() {
	actionsByName = map[string]actionDef{
		"output":         {parseOutput},
		"controller":     {parseController},
		"group":          {parseGroup},
		"push_vlan":      {parsePushVLAN},
		"pop_vlan":       {parsePopVLAN},
		"strip_vlan":     {parsePopVLAN},
		"mod_vlan_vid":   {parseModVLANVID},
		"set_vlan_vid":   {parseSetVLANVID},
		"mod_vlan_pcp":   {parseModVLANPCP},
		"set_vlan_pcp":   {parseSetVLANPCP},
		"mod_dl_src":     {parseMod(flow.EthSrc)},
		"mod_dl_dst":     {parseMod(flow.EthDst)},
		"mod_nw_src":     {parseMod(flow.IPv4Src)},
		"mod_nw_dst":     {parseMod(flow.IPv4Dst)},
		"mod_nw_tos":     {parseModTOS},
		"mod_nw_ecn":     {parseMod(flow.IPECN)},
		"mod_nw_ttl":     {parseSetNwTTL},
		"set_nw_ttl":     {parseSetNwTTL},
		"mod_tp_src":     {parseModPort(flow.TCPSrc, flow.UDPSrc, flow.SCTPSrc)},
		"mod_tp_dst":     {parseModPort(flow.TCPDst, flow.UDPDst, flow.SCTPDst)},
		"set_mpls_label": {parseMod(flow.MPLSLabel)},
		"set_mpls_tc":    {parseMod(flow.MPLSTC)},
		"set_tunnel":     {parseMod(flow.TunnelID)},
		"set_tunnel64":   {parseMod(flow.TunnelID)},
		"set_field":      {parseSetField},
		"dec_ttl":        {parseDecTTL},
		"push_mpls":      {parsePushMPLS},
		"pop_mpls":       {parsePopMPLS},
		"set_mpls_ttl":   {parseSetMPLSTTL},
		"dec_mpls_ttl":   {parseDecMPLSTTL},
		"copy_ttl_out":   {parseBare(ofp.CopyTTLOut{})},
		"copy_ttl_in":    {parseBare(ofp.CopyTTLIn{})},
		"push_pbb":       {parsePushPBB},
		"pop_pbb":        {parsePopPBB},
		"set_queue":      {parseSetQueue},
		"pop_queue":      {parseBare(ofp.PopQueue{})},
		"enqueue":        {parseEnqueue},
	}
	for _, name := range strings.Fields(niciraActions) {
		actionsByName[name] = actionDef{parseNicira}
	}
}

// niciraActions are actions of ovs-ofctl that OpenFlow 1.3 has not.
const niciraActions = `bundle bundle_load check_pkt_larger clone conjunction ct ct_clear decap dec_nsh_ttl
	delete_field encap exit fin_timeout learn load mod_nw_tos_shifted move multipath note output_reg pop
	push resubmit sample`

func parseNicira(p *actionParser, kv pair) ([]ofp.Action, error) {
	want := "an action of OpenFlow 1.3: this one is an Open vSwitch extension"
	switch kv.key {
	case "resubmit":
		want = "goto_table: resubmit is an Open vSwitch extension"
	case "load":
		want = "set_field: load is an Open vSwitch extension"
	}
	return nil, &flow.ParseError{Field: "actions", Value: kv.text(), Want: want}
}

// action reads one action; for some of them, the several that they mean.
func (p *actionParser) action(kv pair) ([]ofp.Action, error) {
	if !kv.quoted {
		kv.key = strings.ToLower(kv.key)
		if def, ok := actionsByName[kv.key]; ok {
			return def.parse(p, kv)
		}
	}
	if kv.sep == 0 {
		if port, err := ParsePort(kv.key, p.ports); err == nil {
			return p.output(kv.key, port, defaultMaxLen(port))
		}
	}
	want := "the name of an action, or a port's number"
	if p.ports != nil {
		want = "the name of an action, or a port's number or name"
	}
	return nil, &flow.ParseError{Field: "actions", Value: kv.text(), Want: want}
}

// one is a list of one action.
func one(a ofp.Action) ([]ofp.Action, error) { return []ofp.Action{a}, nil }

// defaultMaxLen is what ovs-ofctl sends when no max_len is written.
func defaultMaxLen(port ofp.PortNo) uint16 {
	if port == ofp.PortController {
		return ofp.ControllerNoBuffer
	}
	return 0
}

func (p *actionParser) output(as string, port ofp.PortNo, maxLen uint16) ([]ofp.Action, error) {
	if port == ofp.PortAny || port > ofp.PortMax && port < ofp.PortInPort {
		return nil, &flow.ParseError{Field: "output", Value: as, Want: "a port that frames can be sent to"}
	}
	return one(ofp.Output{Port: port, MaxLen: maxLen})
}

func parseOutput(p *actionParser, kv pair) ([]ofp.Action, error) {
	if strings.Contains(kv.value, "=") {
		return nil, &flow.ParseError{Field: "output", Value: kv.value, Want: "a port: output with max_len is an Open vSwitch extension, except controller(max_len=...)"}
	}
	port, err := portValue("output", kv.value, p.ports)
	if err != nil {
		return nil, err
	}
	return p.output(kv.value, port, defaultMaxLen(port))
}

func parseController(p *actionParser, kv pair) ([]ofp.Action, error) {
	maxLen := uint64(ofp.ControllerNoBuffer)
	if _, ok := number(kv.value, 64); ok {
		n, err := field("controller", kv.value, 0, 65535)
		if err != nil {
			return nil, err
		}
		return one(ofp.Output{Port: ofp.PortController, MaxLen: uint16(n)})
	}
	for s := kv.value; ; {
		arg, rest, ok, err := nextPair(s)
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		s = rest
		switch arg.key {
		case "max_len":
			if maxLen, err = field("controller max_len", arg.value, 0, 65535); err != nil {
				return nil, err
			}
		case "reason":
			if arg.value != "action" {
				return nil, &flow.ParseError{Field: "controller reason", Value: arg.value, Want: "action: other reasons are an Open vSwitch extension"}
			}
		case "id":
			if arg.value != "0" {
				return nil, &flow.ParseError{Field: "controller id", Value: arg.value, Want: "0: other controller ids are an Open vSwitch extension"}
			}
		default:
			return nil, &flow.ParseError{Field: "controller", Value: arg.text(), Want: "max_len=BYTES"}
		}
	}
	return one(ofp.Output{Port: ofp.PortController, MaxLen: uint16(maxLen)})
}

func parseGroup(p *actionParser, kv pair) ([]ofp.Action, error) {
	n, err := field("group", kv.value, 0, uint64(ofp.GroupMax))
	if err != nil {
		return nil, err
	}
	return one(ofp.Group{GroupID: uint32(n)})
}

func parseSetQueue(p *actionParser, kv pair) ([]ofp.Action, error) {
	n, err := field(kv.key, kv.value, 0, 0xffffffff)
	if err != nil {
		return nil, err
	}
	return one(ofp.SetQueue{QueueID: uint32(n)})
}

// parseEnqueue reads enqueue:PORT:QUEUE and enqueue(PORT,QUEUE), which ovs-ofctl
// sends over OpenFlow 1.3 as three actions.
func parseEnqueue(p *actionParser, kv pair) ([]ofp.Action, error) {
	want := &flow.ParseError{Field: kv.key, Value: kv.value, Want: "a port and the number of one of its queues, as in enqueue:2:1"}
	part := strings.FieldsFunc(kv.value, func(r rune) bool { return r == ':' || r == ',' || r == ' ' })
	if len(part) != 2 {
		return nil, want
	}
	port, err := portValue(kv.key, part[0], p.ports)
	if err != nil {
		return nil, err
	}
	if port > ofp.PortMax && port != ofp.PortInPort && port != ofp.PortLocal {
		return nil, want
	}
	queue, err := field(kv.key, part[1], 0, 0xffffffff)
	if err != nil {
		return nil, err
	}
	return ofp.Enqueue{Port: port, QueueID: uint32(queue)}.Standard(), nil
}

// parseBare makes the parser of an action without a value.
func parseBare(a ofp.Action) func(*actionParser, pair) ([]ofp.Action, error) {
	return func(p *actionParser, kv pair) ([]ofp.Action, error) {
		if kv.value != "" {
			return nil, &flow.ParseError{Field: kv.key, Value: kv.value, Want: "no value"}
		}
		return one(a)
	}
}

func parseDecTTL(p *actionParser, kv pair) ([]ofp.Action, error) {
	if kv.value != "" {
		return nil, &flow.ParseError{Field: kv.key, Value: kv.value, Want: "no value: controller ids are an Open vSwitch extension"}
	}
	if err := p.needs(kv, flow.PrereqIP); err != nil {
		return nil, err
	}
	return one(ofp.DecNwTTL{})
}

func parseSetNwTTL(p *actionParser, kv pair) ([]ofp.Action, error) {
	n, err := field(kv.key, kv.value, 0, 255)
	if err != nil {
		return nil, err
	}
	if err := p.needs(kv, flow.PrereqIP); err != nil {
		return nil, err
	}
	return one(ofp.SetNwTTL{TTL: uint8(n)})
}

func parseSetMPLSTTL(p *actionParser, kv pair) ([]ofp.Action, error) {
	n, err := field(kv.key, kv.value, 0, 255)
	if err != nil {
		return nil, err
	}
	if err := p.needs(kv, flow.PrereqMPLS); err != nil {
		return nil, err
	}
	return one(ofp.SetMPLSTTL{TTL: uint8(n)})
}

func parseDecMPLSTTL(p *actionParser, kv pair) ([]ofp.Action, error) {
	if kv.value != "" {
		return nil, &flow.ParseError{Field: kv.key, Value: kv.value, Want: "no value"}
	}
	if err := p.needs(kv, flow.PrereqMPLS); err != nil {
		return nil, err
	}
	return one(ofp.DecMPLSTTL{})
}

// pushes are the actions that bring a header which a match may not ask for.
var pushes = map[flow.Prereq]string{flow.PrereqVLAN: "push_vlan", flow.PrereqMPLS: "push_mpls", flow.PrereqPBB: "push_pbb"}

// needs refuses an action where the frame is not known to be of a kind.
func (p *actionParser) needs(kv pair, need flow.Prereq) error {
	if !p.check || p.met(need) {
		return nil
	}
	want := fmt.Sprintf("a match that asks for %v", need)
	if push := pushes[need]; push != "" {
		want += ", or " + push + " before it"
	}
	return &flow.ParseError{Field: kv.text(), Want: want}
}

func (p *actionParser) met(need flow.Prereq) bool {
	switch need {
	case flow.PrereqNone:
		return true
	case flow.PrereqVLAN:
		return p.tagged()
	}
	for id := flow.ID(0); id < flow.NumFields; id++ {
		if id.Field().Prereq == need {
			return p.state.PrereqsMet(id)
		}
	}
	return true
}

// tagged says whether the frame is known to have a VLAN tag.
func (p *actionParser) tagged() bool { return p.tags > 0 || p.state.PrereqsMet(flow.VLANPCP) }
