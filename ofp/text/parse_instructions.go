package text

import (
	"fmt"
	"slices"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// defaultPriority is OFP_DEFAULT_PRIORITY: what a flow without one gets, and
// what is not printed.
const defaultPriority = 0x8000

// ParseInstructions reads what stands behind "actions=" in a flow. Actions
// outside write_actions(...) make up apply-actions. No consistency with a match
// is asked for.
func ParseInstructions(s string, ports Resolver) (ofp.Instructions, error) {
	p := actionParser{table: 0, ports: ports}
	return p.instructions(s)
}

// ParseActions reads an action list: no instructions. "drop" is the empty list.
func ParseActions(s string, ports Resolver) ([]ofp.Action, error) {
	p := actionParser{ports: ports}
	return p.list("actions", s)
}

// instructionOrder is the order in which instructions are executed (OpenFlow
// 1.3.5 §5.9), written and sent.
var instructionOrder = []struct {
	name string
	typ  uint8
}{
	{"meter", ofp.InstrMeter},
	{"apply_actions", ofp.InstrApplyActions},
	{"clear_actions", ofp.InstrClearActions},
	{"write_actions", ofp.InstrWriteActions},
	{"write_metadata", ofp.InstrWriteMetadata},
	{"goto_table", ofp.InstrGotoTable},
}

func instructionRank(typ uint8) int {
	for i, in := range instructionOrder {
		if in.typ == typ {
			return i
		}
	}
	return -1
}

func instructionType(name string) (uint8, bool) {
	for _, in := range instructionOrder {
		if strings.EqualFold(in.name, name) {
			return in.typ, true
		}
	}
	return 0, false
}

// virtualMeters are the meter numbers with names (OpenFlow 1.3.5 §7.3.4.4).
var virtualMeters = []struct {
	name string
	id   uint32
}{{"slowpath", 0xfffffffd}, {"controller", 0xfffffffe}, {"all", 0xffffffff}}

// instructions reads a list of instructions and actions.
func (p *actionParser) instructions(s string) (ofp.Instructions, error) {
	var in ofp.Instructions
	rank, drop, empty := -1, false, true
	last := ""
	for {
		kv, rest, ok, err := nextPair(s)
		if err != nil {
			return in, err
		}
		if !ok {
			break
		}
		s = rest
		if !kv.quoted && strings.EqualFold(kv.key, "drop") && kv.sep == 0 {
			if drop || !empty {
				return in, dropAlone()
			}
			drop, empty = true, false
			continue
		}
		if drop {
			return in, dropAlone()
		}
		empty = false
		typ, isInstruction := instructionType(kv.key)
		if kv.quoted || !isInstruction {
			typ = ofp.InstrApplyActions
		}
		r := instructionRank(typ)
		repeated := r == rank && (isInstruction || last != "")
		if r < rank {
			return in, &flow.ParseError{Field: kv.text(), Want: fmt.Sprintf("it before %s", instructionOrder[rank].name)}
		}
		if repeated {
			return in, &flow.ParseError{Field: instructionOrder[r].name, Want: "may stand only once"}
		}
		if isInstruction {
			last = kv.key
			err = p.instruction(&in, typ, kv)
		} else {
			last = ""
			var acts []ofp.Action
			if acts, err = p.action(kv); err == nil {
				in.Apply = append(in.Apply, acts...)
			}
		}
		if err != nil {
			return in, err
		}
		rank = r
	}
	if len(in.Apply) > 0 {
		in.Has |= 1 << ofp.InstrApplyActions
	}
	n := 0
	for _, o := range instructionOrder {
		if in.Has.Contains(int(o.typ)) {
			in.Order[n] = o.typ
			n++
		}
	}
	return in, nil
}

func dropAlone() error {
	return &flow.ParseError{Field: "drop", Want: "it alone, without other actions or instructions"}
}

// instruction takes one instruction that is written as such.
func (p *actionParser) instruction(in *ofp.Instructions, typ uint8, kv pair) (err error) {
	switch typ {
	case ofp.InstrMeter:
		for _, v := range virtualMeters {
			if strings.EqualFold(v.name, kv.value) {
				in.Meter, in.Has = v.id, in.Has|1<<typ
				return nil
			}
		}
		n, err := field("meter", kv.value, 1, 0xffffffff)
		if err != nil {
			return err
		}
		in.Meter = uint32(n)
	case ofp.InstrApplyActions:
		in.Apply, err = p.list(kv.key, kv.value)
		if err != nil || len(in.Apply) == 0 {
			return err
		}
	case ofp.InstrClearActions:
		if kv.value != "" {
			return &flow.ParseError{Field: kv.key, Value: kv.value, Want: "no value"}
		}
	case ofp.InstrWriteActions:
		// An action set is carried out later, on a frame that this flow's match
		// says nothing about: no check against it.
		q := *p
		q.check = false
		in.Write, err = q.list(kv.key, kv.value)
		if err != nil || len(in.Write) == 0 {
			return err
		}
		if slices.ContainsFunc(in.Write, func(a ofp.Action) bool { _, is := a.(ofp.PopQueue); return is }) {
			return &flow.ParseError{Field: kv.key, Value: kv.value, Want: "neither pop_queue nor enqueue: an action set has no order"}
		}
	case ofp.InstrWriteMetadata:
		if in.Metadata, in.MetadataMask, _, err = masked(kv.key, kv.value); err != nil {
			return err
		}
	case ofp.InstrGotoTable:
		to, err := tableValue(kv.key, kv.value, 254, p.tables)
		if err != nil {
			return err
		}
		if p.check && to <= p.table {
			return &flow.ParseError{Field: kv.key, Value: kv.value, Want: fmt.Sprintf("a table after the flow's own table %d", p.table)}
		}
		in.Goto = to
	}
	in.Has |= 1 << typ
	return nil
}

// list reads a list that may hold actions only.
func (p *actionParser) list(of, s string) ([]ofp.Action, error) {
	var out []ofp.Action
	drop, empty := false, true
	for {
		kv, rest, ok, err := nextPair(s)
		if err != nil {
			return nil, err
		}
		if !ok {
			return out, nil
		}
		s = rest
		if !kv.quoted && strings.EqualFold(kv.key, "drop") && kv.sep == 0 {
			if drop || !empty {
				return nil, dropAlone()
			}
			drop, empty = true, false
			continue
		}
		if drop {
			return nil, dropAlone()
		}
		empty = false
		if _, is := instructionType(kv.key); is && !kv.quoted {
			return nil, &flow.ParseError{Field: of, Value: kv.text(), Want: "actions only: " + kv.key + " is an instruction"}
		}
		acts, err := p.action(kv)
		if err != nil {
			return nil, err
		}
		out = append(out, acts...)
	}
}
