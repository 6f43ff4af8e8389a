package flowtable

import (
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

const ok ofp.Code = 0xffffffff // code(nil)

func set(id flow.ID, v uint64) ofp.SetField {
	return ofp.SetField{Field: id, Value: flow.Value{Lo: v}}
}

// everything are the limits of a switch that can do all of OpenFlow 1.3, with
// group 7 and meter 7.
func everything() Limits {
	l := DefaultLimits()
	l.Actions = Actions(setOrder[:]...)
	l.GroupExists = func(id uint32) bool { return id == 7 }
	l.MeterExists = l.GroupExists
	return l
}

func TestValidateActionLists(t *testing.T) {
	list := func(a ...ofp.Action) []ofp.Action { return a }
	for _, tc := range []struct {
		match   string
		actions []ofp.Action
		want    ofp.Code // in an apply-actions
	}{
		// Output (OpenFlow 1.3.5 §7.2.1, §7.2.5).
		{"", list(ofp.Output{Port: 1}), ok},
		{"", list(ofp.Output{Port: 4000000}), ok}, // none there yet
		{"", list(ofp.Output{Port: ofp.PortMax}), ok},
		{"", list(ofp.Output{Port: 0}), ofp.BadActionBadOutPort},
		{"", list(ofp.Output{Port: ofp.PortMax + 1}), ofp.BadActionBadOutPort},
		{"", list(ofp.Output{Port: ofp.PortInPort - 1}), ofp.BadActionBadOutPort},
		{"", list(ofp.Output{Port: ofp.PortInPort}), ok},
		{"", list(ofp.Output{Port: ofp.PortTable}), ofp.BadActionBadOutPort},
		{"", list(ofp.Output{Port: ofp.PortNormal}), ok},
		{"", list(ofp.Output{Port: ofp.PortFlood}), ok},
		{"", list(ofp.Output{Port: ofp.PortAll}), ok},
		{"", list(ofp.Output{Port: ofp.PortController, MaxLen: 0xffff}), ok},
		{"", list(ofp.Output{Port: ofp.PortController, MaxLen: 0xfff0}), ok},
		{"", list(ofp.Output{Port: ofp.PortLocal}), ok},
		{"", list(ofp.Output{Port: ofp.PortAny}), ofp.BadActionBadOutPort},
		{"", list(ofp.Output{Port: 1}, ofp.Output{Port: 0}), ofp.BadActionBadOutPort},

		// Groups.
		{"", list(ofp.Group{GroupID: 7}), ok},
		{"", list(ofp.Group{GroupID: 8}), ofp.BadActionBadOutGroup},
		{"", list(ofp.Group{GroupID: ofp.GroupAll}), ofp.BadActionBadOutGroup},

		// Tags.
		{"", list(ofp.PushVLAN{EtherType: 0x8100}), ok},
		{"", list(ofp.PushVLAN{EtherType: 0x88a8}), ok},
		{"", list(ofp.PushVLAN{EtherType: 0x9100}), ofp.BadActionBadArgument},
		{"", list(ofp.PushMPLS{EtherType: 0x0800}), ofp.BadActionBadArgument},
		{"", list(ofp.PushMPLS{EtherType: 0x8848}), ok},
		{"", list(ofp.PushPBB{EtherType: 0x88a8}), ofp.BadActionBadArgument},
		{"", list(ofp.PushPBB{EtherType: 0x88e7}), ok},
		{"", list(ofp.PopVLAN{}), ofp.BadActionMatchInconsistent},
		{"vlan_tci=0", list(ofp.PopVLAN{}), ofp.BadActionMatchInconsistent},
		{"dl_vlan=5", list(ofp.PopVLAN{}), ok},
		{"vlan_vid=0x1000/0x1000", list(ofp.PopVLAN{}), ok},
		{"dl_vlan=5", list(ofp.PopVLAN{}, ofp.PopVLAN{}), ofp.BadActionMatchInconsistent},
		{"", list(ofp.PushVLAN{EtherType: 0x8100}, ofp.PopVLAN{}), ok},
		{"", list(ofp.PopMPLS{EtherType: 0x0800}), ofp.BadActionMatchInconsistent},
		{"mpls", list(ofp.PopMPLS{EtherType: 0x0800}), ok},
		{"mpls", list(ofp.PopMPLS{EtherType: 0x0800}, ofp.PopMPLS{EtherType: 0x0800}), ofp.BadActionMatchInconsistent},
		{"mpls", list(ofp.PopMPLS{EtherType: 0x8847}, ofp.PopMPLS{EtherType: 0x0800}), ok},
		{"", list(ofp.PopPBB{}), ofp.BadActionMatchInconsistent},
		{"dl_type=0x88e7", list(ofp.PopPBB{}), ok},
		{"", list(ofp.PushPBB{EtherType: 0x88e7}, set(flow.PBBISID, 1), ofp.PopPBB{}), ok},
		{"dl_vlan=5", list(ofp.PushPBB{EtherType: 0x88e7}, set(flow.VLANVID, 0x1006)), ofp.BadActionMatchInconsistent},
		{"dl_vlan=5", list(ofp.PushPBB{EtherType: 0x88e7}, ofp.PopVLAN{}), ofp.BadActionMatchInconsistent},
		{"dl_vlan=5", list(ofp.PushPBB{EtherType: 0x88e7}, ofp.PushVLAN{EtherType: 0x88a8}, set(flow.VLANVID, 0x1006), ofp.PopVLAN{}), ok},
		{"", list(ofp.SetMPLSTTL{TTL: 1}), ofp.BadActionMatchInconsistent},
		{"mplsm", list(ofp.SetMPLSTTL{TTL: 1}, ofp.DecMPLSTTL{}, ofp.CopyTTLIn{}, ofp.CopyTTLOut{}), ok},
		{"ip", list(ofp.PushMPLS{EtherType: 0x8847}, ofp.CopyTTLOut{}), ok},
		{"ip", list(ofp.CopyTTLIn{}), ok}, // IP in IP
		{"ipv6,nw_proto=4", list(ofp.CopyTTLOut{}), ok},
		{"ip,nw_proto=41", list(ofp.CopyTTLOut{}), ok},
		{"udp", list(ofp.CopyTTLIn{}), ofp.BadActionMatchInconsistent},
		{"arp", list(ofp.CopyTTLIn{}), ofp.BadActionMatchInconsistent},
		{"", list(ofp.CopyTTLOut{}), ofp.BadActionMatchInconsistent},
		{"ip", list(ofp.DecMPLSTTL{}), ofp.BadActionMatchInconsistent},

		// TTL.
		{"", list(ofp.DecNwTTL{}), ofp.BadActionMatchInconsistent},
		{"arp", list(ofp.SetNwTTL{TTL: 9}), ofp.BadActionMatchInconsistent},
		{"ip", list(ofp.DecNwTTL{}), ok},
		{"ipv6", list(ofp.SetNwTTL{TTL: 9}), ok},
		{"ip", list(ofp.PushMPLS{EtherType: 0x8847}, ofp.DecNwTTL{}), ofp.BadActionMatchInconsistent},
		{"mpls", list(ofp.PopMPLS{EtherType: 0x86dd}, ofp.DecNwTTL{}), ok},

		// Set-field: which, values, prerequisites.
		{"in_port=1", list(set(flow.InPort, 2)), ofp.BadActionBadSetArgument},
		{"in_port=1", list(set(flow.InPhyPort, 2)), ofp.BadActionBadSetArgument},
		{"", list(set(flow.Metadata, 2)), ofp.BadActionBadSetArgument},
		{"ipv6", list(set(flow.IPv6Exthdr, 2)), ofp.BadActionBadSetArgument},
		{"", list(set(flow.NumFields, 2)), ofp.BadActionBadSetType},
		{"", list(set(flow.EthDst, 1<<48-1)), ok},
		{"", list(set(flow.EthSrc, 1<<48)), ofp.BadActionBadSetArgument},
		{"", list(set(flow.TunnelID, ^uint64(0))), ok},
		{"ip", list(set(flow.IPDSCP, 63)), ok},
		{"ip", list(set(flow.IPDSCP, 64)), ofp.BadActionBadSetArgument},
		{"ipv6", list(set(flow.IPv6Flabel, 1<<20)), ofp.BadActionBadSetArgument},
		{"ip", list(ofp.SetField{Field: flow.IPv4Dst, Value: flow.Value{Hi: 1}}), ofp.BadActionBadSetArgument},
		{"", list(set(flow.VLANVID, 0x1005)), ofp.BadActionMatchInconsistent},
		{"vlan_tci=0", list(set(flow.VLANVID, 0x1005)), ofp.BadActionMatchInconsistent},
		{"dl_vlan=5", list(set(flow.VLANVID, 0x1006), set(flow.VLANPCP, 7)), ok},
		{"dl_vlan=5", list(set(flow.VLANVID, 6)), ofp.BadActionBadSetArgument},
		{"", list(set(flow.VLANPCP, 1)), ofp.BadActionMatchInconsistent},
		{"", list(ofp.PushVLAN{EtherType: 0x8100}, set(flow.VLANVID, 0x1006), set(flow.VLANPCP, 1)), ok},
		{"dl_vlan=5", list(ofp.PopVLAN{}, set(flow.VLANVID, 0x1006)), ofp.BadActionMatchInconsistent},
		{"", list(set(flow.IPv4Src, 1)), ofp.BadActionMatchInconsistent},
		{"ipv6", list(set(flow.IPv4Src, 1)), ofp.BadActionMatchInconsistent},
		{"ip", list(set(flow.IPv4Src, 1)), ok},
		{"ip", list(set(flow.IPv6Src, 1)), ofp.BadActionMatchInconsistent},
		{"ip", list(set(flow.TCPDst, 80)), ofp.BadActionMatchInconsistent},
		{"udp", list(set(flow.TCPDst, 80)), ofp.BadActionMatchInconsistent},
		{"tcp", list(set(flow.TCPDst, 80)), ok},
		{"tcp6", list(set(flow.TCPSrc, 80)), ok},
		{"udp6", list(set(flow.UDPSrc, 80)), ok},
		{"sctp", list(set(flow.SCTPDst, 80)), ok},
		{"icmp", list(set(flow.ICMPv4Type, 8), set(flow.ICMPv4Code, 0)), ok},
		{"icmp6", list(set(flow.ICMPv4Type, 8)), ofp.BadActionMatchInconsistent},
		{"icmp6", list(set(flow.ICMPv6Type, 8)), ok},
		{"icmp6", list(set(flow.IPv6NDTarget, 8)), ofp.BadActionMatchInconsistent},
		{"icmp6,icmp_type=135", list(set(flow.IPv6NDTarget, 8), set(flow.IPv6NDSll, 8)), ok},
		{"icmp6,icmp_type=135", list(set(flow.IPv6NDTll, 8)), ofp.BadActionMatchInconsistent},
		{"icmp6,icmp_type=136", list(set(flow.IPv6NDTll, 8)), ok},
		{"arp", list(set(flow.ARPOp, 2), set(flow.ARPSpa, 8), set(flow.ARPTha, 1)), ok},
		{"ip", list(set(flow.ARPOp, 2)), ofp.BadActionMatchInconsistent},
		{"", list(set(flow.MPLSLabel, 2)), ofp.BadActionMatchInconsistent},
		{"ip", list(ofp.PushMPLS{EtherType: 0x8847}, set(flow.MPLSLabel, 2), set(flow.MPLSTC, 2)), ok},
		{"ip", list(ofp.PushMPLS{EtherType: 0x8847}, set(flow.IPv4Src, 2)), ofp.BadActionMatchInconsistent},
		{"tcp", list(ofp.PushVLAN{EtherType: 0x8100}, set(flow.TCPDst, 2)), ok},
		// An earlier set-field counts too.
		{"ip", list(set(flow.IPProto, 6), set(flow.TCPDst, 2)), ok},
		{"tcp", list(set(flow.IPProto, 17), set(flow.TCPDst, 2)), ofp.BadActionMatchInconsistent},

		{"", list(nil), ofp.BadActionBadType},
	} {
		m := &ofp.FlowMod{Match: match(t, tc.match), Instructions: ofp.Instructions{
			Has: 1 << ofp.InstrApplyActions, Apply: tc.actions}}
		for _, command := range []uint8{ofp.FlowAdd, ofp.FlowModify, ofp.FlowModifyStrict} {
			m.Command = command
			if err := Validate(m, everything()); code(err) != tc.want {
				t.Errorf("%q, %+v: %v, want %v", tc.match, tc.actions, err, tc.want)
			}
		}
		for _, command := range []uint8{ofp.FlowDelete, ofp.FlowDeleteStrict} {
			m.Command = command
			if err := Validate(m, everything()); err != nil {
				t.Errorf("%q, %+v: delete refused: %v", tc.match, tc.actions, err)
			}
		}
		// In a packet-out the same, but output to TABLE is what it is for.
		want := tc.want
		if len(tc.actions) == 1 && tc.actions[0] == (ofp.Output{Port: ofp.PortTable}) {
			want = ok
		}
		if err := ValidateActions(tc.actions, &m.Match, everything()); code(err) != want {
			t.Errorf("packet-out of %q, %+v: %v, want %v", tc.match, tc.actions, err, want)
		}
		if want == ofp.BadActionMatchInconsistent { // nothing known, nothing inconsistent
			want = ok
		}
		if err := ValidateActions(tc.actions, nil, everything()); code(err) != want {
			t.Errorf("packet-out of an unknown frame, %+v: %v, want %v", tc.actions, err, want)
		}
		for _, a := range tc.actions {
			one := []ofp.Action{a}
			known, unknown := ValidateActions(one, &flow.Match{}, everything()), ValidateActions(one, nil, everything())
			if code(known) != code(unknown) && !DependOnFrame(one) {
				t.Errorf("%+v: what is refused depends on the frame: %v, %v", one, known, unknown)
			}
		}
	}
}

// An action set is carried out in its own order, and has parts from tables that we
// do not see here.
func TestValidateActionSets(t *testing.T) {
	list := func(a ...ofp.Action) []ofp.Action { return a }
	for _, tc := range []struct {
		match   string
		actions []ofp.Action
		want    ofp.Code
	}{
		{"", list(set(flow.VLANVID, 0x1005), ofp.PushVLAN{EtherType: 0x8100}), ok},
		{"", list(set(flow.VLANVID, 0x1005)), ok}, // an earlier table may have pushed
		{"", list(ofp.PopVLAN{}), ok},
		{"", list(set(flow.MPLSLabel, 1)), ok},
		{"mpls", list(set(flow.IPv4Src, 1)), ok}, // an earlier table may have popped
		{"mpls", list(ofp.DecNwTTL{}, ofp.PopMPLS{EtherType: 0x800}), ok},
		{"mpls", list(ofp.DecNwTTL{}), ok},
		{"arp", list(ofp.DecNwTTL{}), ofp.BadActionMatchInconsistent},
		{"ip", list(ofp.DecNwTTL{}), ok},
		{"", list(set(flow.IPv4Src, 1)), ofp.BadActionMatchInconsistent},
		{"udp", list(set(flow.TCPDst, 1)), ofp.BadActionMatchInconsistent},
		// A type twice: allowed, the later one counts; but all are checked.
		{"", list(ofp.Output{Port: 1}, ofp.Output{Port: 2}), ok},
		{"", list(ofp.Output{Port: 0}, ofp.Output{Port: 2}), ofp.BadActionBadOutPort},
		{"", list(ofp.Output{Port: ofp.PortTable}), ofp.BadActionBadOutPort},
		{"ip", list(set(flow.IPv4Src, 1), set(flow.IPv4Src, 2)), ok},
		{"", list(ofp.Group{GroupID: 8}), ofp.BadActionBadOutGroup},
		{"", list(nil, ofp.Output{Port: 1}), ofp.BadActionBadType},
		{"", list(ofp.Output{Port: 1}, ofp.SetQueue{QueueID: 1}, ofp.Group{GroupID: 7}), ok},
	} {
		m := &ofp.FlowMod{Match: match(t, tc.match), Instructions: ofp.Instructions{
			Has: 1 << ofp.InstrWriteActions, Write: tc.actions}}
		if err := Validate(m, everything()); code(err) != tc.want {
			t.Errorf("%q, write %+v: %v, want %v", tc.match, tc.actions, err, tc.want)
		}
	}
	// The list works on the frame before the set does.
	m := &ofp.FlowMod{Match: match(t, "ip"), Instructions: ofp.Instructions{
		Has:   1<<ofp.InstrWriteActions | 1<<ofp.InstrApplyActions,
		Apply: list(set(flow.IPProto, 6)),
		Write: list(set(flow.TCPDst, 6)),
	}}
	if err := Validate(m, everything()); err != nil {
		t.Errorf("the list sets the protocol, the set the port: %v", err)
	}
}

func TestValidateInstructions(t *testing.T) {
	has := func(types ...int) (s ofp.InstrSet) {
		for _, t := range types {
			s |= 1 << t
		}
		return s
	}
	few := everything()
	few.Tables = 4
	few.MetadataMask = 0xff
	few.Instructions = has(ofp.InstrGotoTable, ofp.InstrWriteMetadata)
	few.PortValid = func(p ofp.PortNo) bool { return p < 10 }
	for _, tc := range []struct {
		name   string
		table  ofp.TableID
		ins    ofp.Instructions
		limits Limits
		want   ofp.Code
	}{
		{"none", 0, ofp.Instructions{}, everything(), ok},
		{"none, in the last table", 253, ofp.Instructions{}, everything(), ok},
		{"table 254", 254, ofp.Instructions{}, everything(), ofp.FlowModFailedBadTableID},
		{"all tables", 255, ofp.Instructions{}, everything(), ofp.FlowModFailedBadTableID},
		{"goto next", 0, ofp.Instructions{Has: has(ofp.InstrGotoTable), Goto: 1}, everything(), ok},
		{"goto last", 0, ofp.Instructions{Has: has(ofp.InstrGotoTable), Goto: 253}, everything(), ok},
		{"goto beyond", 0, ofp.Instructions{Has: has(ofp.InstrGotoTable), Goto: 254}, everything(), ofp.BadInstructionBadTableID},
		{"goto all", 0, ofp.Instructions{Has: has(ofp.InstrGotoTable), Goto: 255}, everything(), ofp.BadInstructionBadTableID},
		{"goto itself", 5, ofp.Instructions{Has: has(ofp.InstrGotoTable), Goto: 5}, everything(), ofp.BadInstructionBadTableID},
		{"goto back", 5, ofp.Instructions{Has: has(ofp.InstrGotoTable), Goto: 4}, everything(), ofp.BadInstructionBadTableID},
		{"goto from the last", 253, ofp.Instructions{Has: has(ofp.InstrGotoTable), Goto: 253}, everything(), ofp.BadInstructionBadTableID},
		{"meter", 0, ofp.Instructions{Has: has(ofp.InstrMeter), Meter: 7}, everything(), ok},
		{"meter unknown", 0, ofp.Instructions{Has: has(ofp.InstrMeter), Meter: 8}, everything(), ofp.MeterModFailedInvalidMeter},
		{"meter 0", 0, ofp.Instructions{Has: has(ofp.InstrMeter)}, everything(), ofp.MeterModFailedInvalidMeter},
		{"meter all", 0, ofp.Instructions{Has: has(ofp.InstrMeter), Meter: 0xffffffff}, everything(), ofp.MeterModFailedInvalidMeter},
		{"metadata", 0, ofp.Instructions{Has: has(ofp.InstrWriteMetadata), Metadata: 1, MetadataMask: ^uint64(0)}, everything(), ok},
		{"clear", 0, ofp.Instructions{Has: has(ofp.InstrClearActions)}, everything(), ok},
		{"unknown", 0, ofp.Instructions{Has: 1 << 7}, everything(), ofp.BadInstructionUnknownInst},
		{"unknown 0", 0, ofp.Instructions{Has: 1}, everything(), ofp.BadInstructionUnknownInst},

		{"unsupported", 0, ofp.Instructions{Has: has(ofp.InstrApplyActions)}, few, ofp.BadInstructionUnsupInst},
		{"few tables", 2, ofp.Instructions{Has: has(ofp.InstrGotoTable), Goto: 3}, few, ok},
		{"too few tables", 2, ofp.Instructions{Has: has(ofp.InstrGotoTable), Goto: 4}, few, ofp.BadInstructionBadTableID},
		{"table beyond", 4, ofp.Instructions{}, few, ofp.FlowModFailedBadTableID},
		{"narrow metadata", 0, ofp.Instructions{Has: has(ofp.InstrWriteMetadata), Metadata: 1, MetadataMask: 0xff}, few, ok},
		{"wide metadata mask", 0, ofp.Instructions{Has: has(ofp.InstrWriteMetadata), Metadata: 1, MetadataMask: 0x1ff}, few, ofp.BadInstructionUnsupMetadataMask},
		{"wide metadata", 0, ofp.Instructions{Has: has(ofp.InstrWriteMetadata), Metadata: 0x100, MetadataMask: 0xff}, few, ofp.BadInstructionUnsupMetadata},

		{"no meters yet", 0, ofp.Instructions{Has: has(ofp.InstrMeter), Meter: 1}, DefaultLimits(), ofp.MeterModFailedInvalidMeter},
		{"no groups yet", 0, ofp.Instructions{Has: has(ofp.InstrApplyActions), Apply: []ofp.Action{ofp.Group{GroupID: 1}}}, DefaultLimits(), ofp.BadActionBadOutGroup},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := Validate(&ofp.FlowMod{Table: tc.table, Instructions: tc.ins}, tc.limits); code(err) != tc.want {
				t.Errorf("%v, want %v", err, tc.want)
			}
		})
	}
	few.Instructions = has(ofp.InstrApplyActions)
	for port, want := range map[ofp.PortNo]ofp.Code{9: ok, 10: ofp.BadActionBadOutPort, ofp.PortLocal: ok} {
		m := &ofp.FlowMod{Instructions: out(port)}
		if err := Validate(m, few); code(err) != want {
			t.Errorf("port %d of few: %v, want %v", port, err, want)
		}
	}
}

// All actions are there, and without limits none.
func TestDefaultLimits(t *testing.T) {
	frame := match(t, "mpls")
	for _, a := range []ofp.Action{
		ofp.Output{Port: 1}, ofp.CopyTTLOut{}, ofp.CopyTTLIn{}, ofp.SetMPLSTTL{}, ofp.DecMPLSTTL{},
		ofp.PushVLAN{EtherType: 0x8100}, ofp.PopVLAN{}, ofp.PushMPLS{EtherType: 0x8847}, ofp.PopMPLS{EtherType: 0x800},
		ofp.SetQueue{}, ofp.SetNwTTL{}, ofp.DecNwTTL{}, set(flow.EthDst, 1), ofp.PushPBB{EtherType: 0x88e7}, ofp.PopPBB{},
	} {
		if err := ValidateActions([]ofp.Action{a}, nil, DefaultLimits()); err != nil {
			t.Errorf("%v: %v", a.ActionType(), err)
		}
		if err := ValidateActions([]ofp.Action{a}, nil, Limits{}); code(err) != ofp.BadActionBadType {
			t.Errorf("%v without limits: %v", a.ActionType(), err)
		}
	}
	for id, want := range map[uint32]ofp.Code{0: ok, 5: ok, ofp.QueueAll - 1: ok, ofp.QueueAll: ofp.BadActionBadQueue} {
		if err := ValidateActions([]ofp.Action{ofp.SetQueue{QueueID: id}}, &frame, DefaultLimits()); code(err) != want {
			t.Errorf("set queue %#x: %v, want %v", id, err, want)
		}
	}
	for id := flow.ID(0); id < flow.NumFields; id++ {
		if DefaultLimits().SetFields.Contains(id) != id.Field().Writable {
			t.Errorf("set-field of %v: not as the field table says", id)
		}
	}
}

func TestValidateMatch(t *testing.T) {
	with := func(change func(m *flow.Match)) *ofp.FlowMod {
		m := new(ofp.FlowMod)
		change(&m.Match)
		return m
	}
	for name, tc := range map[string]struct {
		mod  *ofp.FlowMod
		want ofp.Code
	}{
		"address without type":  {with(func(m *flow.Match) { m.Set(flow.IPv4Src, flow.Value{Lo: 1}) }), ofp.BadMatchBadPrereq},
		"priority without tag":  {with(func(m *flow.Match) { m.Set(flow.VLANPCP, flow.Value{Lo: 1}) }), ofp.BadMatchBadPrereq},
		"target without type":   {with(func(m *flow.Match) { m.Set(flow.IPv6NDTarget, flow.Value{Lo: 1}) }), ofp.BadMatchBadPrereq},
		"physical without port": {with(func(m *flow.Match) { m.Set(flow.InPhyPort, flow.Value{Lo: 1}) }), ofp.BadMatchBadPrereq},
		"with type": {with(func(m *flow.Match) {
			m.Set(flow.EthType, flow.Value{Lo: 0x800})
			m.Set(flow.IPv4Src, flow.Value{Lo: 1})
		}), ok},
		"value outside the mask": {with(func(m *flow.Match) {
			m.SetMasked(flow.EthSrc, flow.Value{}, flow.Value{Lo: 1})
			m.Value[flow.WEthSrc] = 1 << 20
		}), ofp.BadMatchBadWildcards},
	} {
		for _, command := range []uint8{ofp.FlowAdd, ofp.FlowModify, ofp.FlowDelete} {
			tc.mod.Command = command
			if err := Validate(tc.mod, DefaultLimits()); code(err) != tc.want {
				t.Errorf("%s, command %d: %v, want %v", name, command, err, tc.want)
			}
		}
	}
	bad := []*ofp.FlowMod{{Command: 5}, {Flags: 1 << 5}, {Command: ofp.FlowDelete, Table: 254}}
	for i, want := range []ofp.Code{ofp.FlowModFailedBadCommand, ofp.FlowModFailedBadFlags, ofp.FlowModFailedBadTableID} {
		if err := Validate(bad[i], DefaultLimits()); code(err) != want {
			t.Errorf("%+v: %v, want %v", *bad[i], err, want)
		}
	}
	if err := Validate(&ofp.FlowMod{Command: ofp.FlowDelete, Table: ofp.TableAll}, DefaultLimits()); err != nil {
		t.Errorf("delete in all tables: %v", err)
	}
}

// A frame's own words tell of two tags.
func TestValidateTwoTags(t *testing.T) {
	var m flow.Match
	m.Value[flow.WVLAN] = 0x88a8_1005_8100_1006
	m.Mask[flow.WVLAN] = ^uint64(0)
	pops := func(n int) (list []ofp.Action) {
		for range n {
			list = append(list, ofp.PopVLAN{})
		}
		return list
	}
	for n, want := range map[int]ofp.Code{1: ok, 2: ok, 3: ofp.BadActionMatchInconsistent} {
		if err := ValidateActions(pops(n), &m, DefaultLimits()); code(err) != want {
			t.Errorf("%d pops: %v, want %v", n, err, want)
		}
	}
}
