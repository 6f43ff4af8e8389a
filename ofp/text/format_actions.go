package text

import (
	"fmt"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// FormatActions prints an action list; the empty one is "drop".
func FormatActions(actions []ofp.Action, o Options) string {
	if len(actions) == 0 {
		return "drop"
	}
	var b strings.Builder
	for i, a := range actions {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(FormatAction(a, o))
	}
	return b.String()
}

// FormatAction prints one action.
func FormatAction(a ofp.Action, o Options) string {
	switch a := a.(type) {
	case ofp.Output:
		return formatOutput(a, o)
	case ofp.CopyTTLOut:
		return "copy_ttl_out"
	case ofp.CopyTTLIn:
		return "copy_ttl_in"
	case ofp.SetMPLSTTL:
		return fmt.Sprintf("set_mpls_ttl(%d)", a.TTL)
	case ofp.DecMPLSTTL:
		return "dec_mpls_ttl"
	case ofp.PushVLAN:
		return fmt.Sprintf("push_vlan:0x%04x", a.EtherType)
	case ofp.PopVLAN:
		return "pop_vlan"
	case ofp.PushMPLS:
		return fmt.Sprintf("push_mpls:0x%04x", a.EtherType)
	case ofp.PopMPLS:
		return fmt.Sprintf("pop_mpls:0x%04x", a.EtherType)
	case ofp.SetQueue:
		return fmt.Sprintf("set_queue:%d", a.QueueID)
	case ofp.PopQueue:
		return "pop_queue"
	case ofp.Group:
		return fmt.Sprintf("group:%d", a.GroupID)
	case ofp.SetNwTTL:
		return fmt.Sprintf("mod_nw_ttl:%d", a.TTL)
	case ofp.DecNwTTL:
		return "dec_ttl"
	case ofp.SetField:
		f := a.Field.Field()
		return "set_field:" + flow.FormatValue(f, a.Value, f.Full()) + "->" + f.SetText
	case ofp.PushPBB:
		return fmt.Sprintf("push_pbb:0x%04x", a.EtherType)
	case ofp.PopPBB:
		return "pop_pbb"
	}
	return fmt.Sprintf("unknown_action:%d", a.ActionType())
}

func formatOutput(a ofp.Output, o Options) string {
	port := FormatPortNo(a.Port, o.Names)
	switch {
	case a.Port == ofp.PortController:
		return fmt.Sprintf("CONTROLLER:%d", a.MaxLen)
	case a.Port > ofp.PortMax && a.Port != ofp.PortAny:
		return port
	}
	return "output:" + port
}

// FormatInstructions prints instructions in the order of their execution; none
// at all is "drop".
func FormatInstructions(in *ofp.Instructions, o Options) string {
	var parts []string
	for _, i := range instructionOrder {
		if !in.Has.Contains(int(i.typ)) {
			continue
		}
		switch i.typ {
		case ofp.InstrMeter:
			parts = append(parts, "meter:"+formatMeter(in.Meter))
		case ofp.InstrApplyActions:
			if len(in.Apply) > 0 {
				parts = append(parts, FormatActions(in.Apply, o))
			}
		case ofp.InstrClearActions:
			parts = append(parts, i.name)
		case ofp.InstrWriteActions:
			parts = append(parts, "write_actions("+FormatActions(in.Write, o)+")")
		case ofp.InstrWriteMetadata:
			s := "write_metadata:" + altHex(in.Metadata)
			if in.MetadataMask != ^uint64(0) {
				s += "/" + altHex(in.MetadataMask)
			}
			parts = append(parts, s)
		case ofp.InstrGotoTable:
			parts = append(parts, "goto_table:"+o.tableText(in.Goto))
		}
	}
	if len(parts) == 0 {
		return "drop"
	}
	return strings.Join(parts, ",")
}

// altHex is C's %#x: zero has no prefix.
func altHex(n uint64) string {
	if n == 0 {
		return "0"
	}
	return fmt.Sprintf("%#x", n)
}

func formatMeter(id uint32) string {
	for _, v := range virtualMeters {
		if v.id == id {
			return v.name
		}
	}
	return fmt.Sprint(id)
}
