package text

import (
	"fmt"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// ParseOptions say how text is to be read.
type ParseOptions struct {
	// Command is the flow-mod's command, ofp.FlowAdd... It decides which
	// keywords are allowed: a delete has no actions, only deletes have out_port.
	Command uint8
	// AnyCommand lets the text begin with "add", "modify", "modify_strict",
	// "delete" or "delete_strict", which overrides Command.
	AnyCommand bool
	// Ports finds ports by name. Nil: only numbers and reserved names are read.
	Ports Resolver
	// Tables finds flow tables by name. Nil: only numbers are read.
	Tables TableResolver
}

var commandWords = []struct {
	word    string
	command uint8
}{
	{"add", ofp.FlowAdd},
	{"modify", ofp.FlowModify},
	{"modify_strict", ofp.FlowModifyStrict},
	{"delete", ofp.FlowDelete},
	{"delete_strict", ofp.FlowDeleteStrict},
}

// keywords is a set of what a flow may hold besides its match, the table and
// the cookie.
type keywords uint8

const (
	keyActions keywords = 1 << iota
	keyPriority
	keyTimeouts
	keyFlags
	keyOut
)

func commandKeywords(command uint8) keywords {
	switch command {
	case ofp.FlowDelete:
		return keyOut
	case ofp.FlowDeleteStrict:
		return keyOut | keyPriority
	}
	return keyActions | keyPriority | keyTimeouts | keyFlags
}

var flagWords = []struct {
	word string
	flag ofp.FlowFlags
}{
	{"send_flow_rem", ofp.FlowSendFlowRem},
	{"check_overlap", ofp.FlowCheckOverlap},
	{"reset_counts", ofp.FlowResetCounts},
	{"no_packet_counts", ofp.FlowNoPktCounts},
	{"no_byte_counts", ofp.FlowNoBytCounts},
}

// statistics are printed by dump-flows and say nothing about the flow itself.
var statistics = map[string]bool{
	"duration": true, "n_packets": true, "n_bytes": true, "idle_age": true, "hard_age": true,
}

// ParseFlow reads one flow as add-flow, mod-flows and del-flows take it. The
// error is a *flow.ParseError.
//
// Without a table, adds and modifies go to table 0 and deletes to all. In
// OpenFlow 1.3 a modify cannot change a cookie: a cookie without a mask is read
// and has no effect there, as with ovs-ofctl.
func ParseFlow(s string, o ParseOptions) (*ofp.FlowMod, error) {
	command := o.Command
	if o.AnyCommand {
		trimmed := strings.TrimLeft(s, blank)
		for _, c := range commandWords {
			if rest, ok := strings.CutPrefix(trimmed, c.word); ok && (rest == "" || strings.IndexByte(" \t", rest[0]) >= 0) {
				command, s = c.command, rest
				break
			}
		}
	}
	del := command == ofp.FlowDelete || command == ofp.FlowDeleteStrict
	fm := &ofp.FlowMod{
		Command:  command,
		Priority: defaultPriority,
		BufferID: ofp.NoBuffer,
		OutPort:  ofp.PortAny,
		OutGroup: ofp.GroupAny,
	}
	if del {
		fm.Table = ofp.TableAll
	}
	p := flowParser{fm: fm, allowed: commandKeywords(command), ports: o.Ports, tables: o.Tables}
	if err := p.parse(s); err != nil {
		return nil, err
	}
	if command == ofp.FlowAdd && fm.Table == ofp.TableAll {
		return nil, &flow.ParseError{Field: "table", Value: "255", Want: "0 to 254: a flow is added to one table"}
	}
	if p.cookieSet && del {
		return nil, &flow.ParseError{Field: "cookie", Value: fmt.Sprintf("%#x", p.cookie), Want: fmt.Sprintf("a value and a mask, such as %#x/-1, to select flows by cookie", p.cookie)}
	}
	if command == ofp.FlowAdd {
		fm.Cookie = p.cookie
	}
	return fm, nil
}

// ParseFlowFilter reads a filter as dump-flows and dump-aggregate take it: a
// match, table, cookie=value/mask, out_port and out_group. The empty string
// selects all flows.
func ParseFlowFilter(s string, o ParseOptions) (*ofp.FlowStatsRequest, error) {
	fm := &ofp.FlowMod{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	p := flowParser{fm: fm, allowed: keyOut, ports: o.Ports, tables: o.Tables}
	if err := p.parse(s); err != nil {
		return nil, err
	}
	if p.cookieSet {
		return nil, &flow.ParseError{Field: "cookie", Value: fmt.Sprintf("%#x", p.cookie), Want: fmt.Sprintf("a value and a mask, such as %#x/-1, to select flows by cookie", p.cookie)}
	}
	return &ofp.FlowStatsRequest{
		Table: fm.Table, OutPort: fm.OutPort, OutGroup: fm.OutGroup,
		Cookie: fm.Cookie, CookieMask: fm.CookieMask, Match: fm.Match,
	}, nil
}

// flowParser gathers one flow.
type flowParser struct {
	fm        *ofp.FlowMod
	allowed   keywords
	ports     Resolver
	tables    TableResolver
	match     []string // what is left for flow.ParseMatch
	cookie    uint64   // from cookie= without a mask
	cookieSet bool
}

func (p *flowParser) parse(s string) error {
	actions, haveActions := "", false
	for {
		if rest, ok := actionsText(s); ok {
			if p.allowed&keyActions == 0 {
				return &flow.ParseError{Field: "actions", Value: rest, Want: "no actions: this command takes a match only"}
			}
			actions, haveActions = rest, true
			break
		}
		kv, rest, ok, err := nextPair(s)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if err := p.keyword(kv); err != nil {
			return err
		}
		s = rest
	}
	m, err := flow.ParseMatchPorts(strings.Join(p.match, ","), p.ports)
	if err != nil {
		return err
	}
	p.fm.Match = m
	if p.allowed&keyActions == 0 {
		return nil
	}
	if !haveActions {
		return &flow.ParseError{Field: "actions", Want: "actions=..., which is missing; write actions=drop for none"}
	}
	ap := actionParser{table: p.fm.Table, ports: p.ports, tables: p.tables, state: m, check: true}
	p.fm.Instructions, err = ap.instructions(actions)
	return err
}

// actionsText is what follows "actions=", which ends a flow.
func actionsText(s string) (string, bool) {
	s = strings.TrimLeft(s, blank)
	if rest, ok := strings.CutPrefix(s, "actions="); ok {
		return rest, true
	}
	return strings.CutPrefix(s, "action=")
}

// keyword takes one pair that is not the actions.
func (p *flowParser) keyword(kv pair) (err error) {
	fm := p.fm
	for _, f := range flagWords {
		if kv.key == f.word && p.allowed&keyFlags != 0 {
			if kv.sep != 0 {
				return &flow.ParseError{Field: kv.key, Value: kv.value, Want: "no value"}
			}
			fm.Flags |= f.flag
			return nil
		}
	}
	var n uint64
	switch key, v := kv.key, kv.value; {
	case key == "table":
		fm.Table, err = tableValue(key, v, 255, p.tables)
	case key == "cookie":
		return p.cookieKey(v)
	case key == "priority" && p.allowed&keyPriority != 0:
		n, err = field(key, v, 0, 65535)
		fm.Priority = uint16(n)
	case key == "idle_timeout" && p.allowed&keyTimeouts != 0:
		n, err = field(key, v, 0, 65535)
		fm.IdleTimeout = uint16(n)
	case key == "hard_timeout" && p.allowed&keyTimeouts != 0:
		n, err = field(key, v, 0, 65535)
		fm.HardTimeout = uint16(n)
	case key == "out_port" && p.allowed&keyOut != 0:
		fm.OutPort, err = portValue(key, v, p.ports)
	case key == "out_group" && p.allowed&keyOut != 0:
		if strings.EqualFold(v, "any") {
			fm.OutGroup = ofp.GroupAny
			break
		}
		n, err = field(key, v, 0, 0xffffffff)
		fm.OutGroup = uint32(n)
	case statistics[key] && kv.sep == '=':
	case notHere[key]:
		return &flow.ParseError{Field: key, Value: v, Want: "another keyword: it has no meaning in this command"}
	default:
		p.match = append(p.match, kv.text())
	}
	return err
}

// notHere are keywords of some command that keyword did not take for this one.
var notHere = map[string]bool{
	"priority": true, "idle_timeout": true, "hard_timeout": true, "out_port": true, "out_group": true,
	"send_flow_rem": true, "check_overlap": true, "reset_counts": true, "no_packet_counts": true, "no_byte_counts": true,
}

func (p *flowParser) cookieKey(value string) error {
	v, mask, has, err := masked("cookie", value)
	if err != nil {
		return err
	}
	if !has {
		p.cookie, p.cookieSet = v, true
		return nil
	}
	if p.allowed&keyActions != 0 && p.fm.Command == ofp.FlowAdd {
		return &flow.ParseError{Field: "cookie", Value: value, Want: "a number without a mask: the cookie of the flow to add"}
	}
	p.fm.Cookie, p.fm.CookieMask = v&mask, mask
	return nil
}
