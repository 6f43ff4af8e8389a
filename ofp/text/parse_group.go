package text

import (
	"fmt"
	"slices"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// GroupOptions say how the text of a group is to be read.
type GroupOptions struct {
	// Command is the group-mod's command, ofp.GroupAdd... A deletion has neither
	// type nor buckets.
	Command uint16
	// AnyCommand lets the text begin with "add", "modify" or "delete", which
	// overrides Command.
	AnyCommand bool
	// Ports finds ports by name. Nil: only numbers and reserved names are read.
	Ports Resolver
}

var groupCommandWords = []struct {
	word    string
	command uint16
}{
	{"add", ofp.GroupAdd},
	{"modify", ofp.GroupModify},
	{"delete", ofp.GroupDelete},
}

// laterGroupCommands are commands of ovs-ofctl that OpenFlow 1.3 has not.
var laterGroupCommands = []string{"add_or_mod", "insert_bucket", "remove_bucket"}

// groupTypes are the words for the types of groups.
var groupTypes = map[string]ofp.GroupType{
	"all": ofp.GroupTypeAll, "select": ofp.GroupTypeSelect, "indirect": ofp.GroupTypeIndirect,
	"ff": ofp.GroupTypeFastFailover, "fast_failover": ofp.GroupTypeFastFailover,
}

// ParseGroup reads one group as add-group, mod-group and del-groups take it:
//
//	group_id=1,type=select,bucket=weight:2,actions=output:1,bucket=actions=output:2
//
// A deletion without any text is that of all groups. The error is a
// *flow.ParseError.
func ParseGroup(s string, o GroupOptions) (*ofp.GroupMod, error) {
	command := o.Command
	if o.AnyCommand {
		trimmed := strings.TrimLeft(s, blank)
		word := trimmed[:len(trimmed)-len(strings.TrimLeft(trimmed, "abcdefghijklmnopqrstuvwxyz_"))]
		rest := trimmed[len(word):]
		if rest == "" || strings.IndexByte(blank, rest[0]) >= 0 {
			if slices.Contains(laterGroupCommands, word) {
				return nil, &flow.ParseError{Field: "command", Value: word, Want: "add, modify or delete: OpenFlow 1.3 has no others"}
			}
			for _, c := range groupCommandWords {
				if word == c.word {
					command, s = c.command, rest
				}
			}
		}
	}
	p := groupParser{gm: &ofp.GroupMod{Command: command, GroupID: ofp.GroupAny}, ports: o.Ports}
	if command == ofp.GroupDelete && strings.Trim(s, blank) == "" {
		p.gm.GroupID = ofp.GroupAll
		return p.gm, nil
	}
	head, buckets := cutBuckets(s)
	if err := p.head(head); err != nil {
		return nil, err
	}
	for _, b := range buckets {
		if err := p.bucket(b); err != nil {
			return nil, err
		}
	}
	return p.gm, p.check()
}

// cutBuckets cuts a group's text at each "bucket=".
func cutBuckets(s string) (head string, buckets []string) {
	parts := strings.Split(s, "bucket=")
	return parts[0], parts[1:]
}

// groupParser gathers one group.
type groupParser struct {
	gm      *ofp.GroupMod
	ports   Resolver
	hasType bool
}

// head reads what stands before the first bucket.
func (p *groupParser) head(s string) error {
	for {
		kv, rest, ok, err := nextPair(s)
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		s = rest
		if err := p.keyword(kv); err != nil {
			return err
		}
	}
}

func (p *groupParser) keyword(kv pair) error {
	del := p.gm.Command == ofp.GroupDelete
	switch kv.key {
	case "group_id":
		if del && strings.EqualFold(kv.value, "all") {
			p.gm.GroupID = ofp.GroupAll
			return nil
		}
		n, ok := number(kv.value, 32)
		switch {
		case ok && n <= uint64(ofp.GroupMax) || ok && del && n == uint64(ofp.GroupAll):
			p.gm.GroupID = uint32(n)
		case del:
			return &flow.ParseError{Field: kv.key, Value: kv.value, Want: fmt.Sprintf("a number from 0 to %d, or all", ofp.GroupMax)}
		default:
			return &flow.ParseError{Field: kv.key, Value: kv.value, Want: fmt.Sprintf("a number from 0 to %d", ofp.GroupMax)}
		}
	case "type":
		t, ok := groupTypes[kv.value]
		switch {
		case del:
			return &flow.ParseError{Field: kv.key, Value: kv.value, Want: "group_id only: groups are deleted by their number"}
		case !ok:
			return &flow.ParseError{Field: kv.key, Value: kv.value, Want: "all, select, indirect or ff (fast_failover)"}
		}
		p.gm.GroupType, p.hasType = t, true
	case "command_bucket_id", "selection_method", "selection_method_param", "fields":
		return &flow.ParseError{Field: kv.key, Value: kv.value, Want: "group_id, type and bucket only: it is an extension to OpenFlow 1.5"}
	default:
		return &flow.ParseError{Field: kv.key, Value: kv.value, Want: "group_id=..., type=... or bucket=... in its place"}
	}
	return nil
}

// bucket reads what follows one "bucket=". What is no keyword of buckets is an
// action.
func (p *groupParser) bucket(s string) error {
	if p.gm.Command == ofp.GroupDelete {
		return &flow.ParseError{Field: "bucket", Value: strings.TrimRight(s, blank), Want: "group_id only: groups are deleted by their number"}
	}
	k := ofp.Bucket{Weight: defaultWeight(p.gm.GroupType), WatchPort: ofp.PortAny, WatchGroup: ofp.GroupAny}
	var actions []string
	for text := s; ; {
		kv, rest, ok, err := nextPair(text)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		text = rest
		switch kv.key {
		case "weight":
			n, err := field("bucket weight", kv.value, 0, 0xffff)
			if err != nil {
				return err
			}
			k.Weight = uint16(n)
		case "watch_port":
			if k.WatchPort, err = portValue(kv.key, kv.value, p.ports); err != nil {
				return err
			}
			if k.WatchPort > ofp.PortMax && k.WatchPort != ofp.PortLocal && k.WatchPort != ofp.PortAny {
				return &flow.ParseError{Field: kv.key, Value: kv.value, Want: "a port that can go down, or ANY"}
			}
		case "watch_group":
			n, err := field(kv.key, kv.value, 0, uint64(ofp.GroupMax))
			if err != nil {
				return err
			}
			k.WatchGroup = uint32(n)
		case "bucket_id":
			return &flow.ParseError{Field: kv.key, Value: kv.value, Want: "no bucket_id: buckets have numbers from OpenFlow 1.5 on"}
		case "action", "actions":
			actions = append(actions, kv.value)
		default:
			actions = append(actions, kv.text())
		}
	}
	if actions == nil {
		return &flow.ParseError{Field: "bucket", Value: strings.TrimRight(s, blank), Want: "actions=... in it; actions=drop for none"}
	}
	var err error
	if k.Actions, err = ParseActions(strings.Join(actions, ","), p.ports); err != nil {
		return err
	}
	p.gm.Buckets = append(p.gm.Buckets, k)
	return nil
}

// check refuses what no switch takes.
func (p *groupParser) check() error {
	gm := p.gm
	switch {
	case gm.GroupID == ofp.GroupAny:
		return &flow.ParseError{Field: "group_id", Want: "group_id=NUMBER, which is missing"}
	case gm.Command == ofp.GroupDelete:
		return nil
	case !p.hasType:
		return &flow.ParseError{Field: "type", Want: "type=all, select, indirect or ff, which is missing"}
	case gm.GroupType == ofp.GroupTypeIndirect && len(gm.Buckets) > 1:
		return &flow.ParseError{Field: "bucket", Value: fmt.Sprintf("%d buckets", len(gm.Buckets)), Want: "one bucket in a group of type indirect"}
	}
	for _, k := range gm.Buckets {
		switch {
		case gm.GroupType != ofp.GroupTypeSelect && k.Weight != 0:
			return &flow.ParseError{Field: "bucket weight", Value: fmt.Sprint(k.Weight), Want: "weights in groups of type select only"}
		case gm.GroupType == ofp.GroupTypeFastFailover && k.WatchPort == ofp.PortAny && k.WatchGroup == ofp.GroupAny:
			return &flow.ParseError{Field: "bucket", Want: "watch_port or watch_group in each bucket of a group of type ff"}
		}
	}
	return nil
}

// ParseGroupID reads a group's number, or "all", as dump-groups and
// dump-group-stats take it.
func ParseGroupID(s string) (uint32, error) {
	value := strings.TrimPrefix(s, "group_id=")
	switch {
	case strings.EqualFold(value, "all"):
		return ofp.GroupAll, nil
	case strings.EqualFold(value, "any"):
		return ofp.GroupAny, nil
	}
	n, ok := number(value, 32)
	if !ok {
		return 0, &flow.ParseError{Field: "group_id", Value: value, Want: fmt.Sprintf("a number from 0 to %d, or all", ofp.GroupMax)}
	}
	return uint32(n), nil
}
