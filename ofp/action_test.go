package ofp

import (
	"bytes"
	"reflect"
	"testing"

	"ofswitch/flow"
)

// Set-field takes every field that can be set, with every bit of it, and no
// other field.
func TestSetFieldOfEveryField(t *testing.T) {
	settable := 0
	for id := flow.ID(0); id < flow.NumFields; id++ {
		f := id.Field()
		a := SetField{Field: id, Value: f.Full()}
		b := a.Append(nil)
		if len(b) != a.Len() || len(b)%8 != 0 {
			t.Errorf("%s: %d bytes, Len() is %d", f.Name, len(b), a.Len())
		}
		got, err := DecodeActions(b)
		if !f.Writable {
			if codeOf(err) != BadActionBadSetArgument {
				t.Errorf("%s: %v, want BAD_SET_ARGUMENT", f.Name, err)
			}
			continue
		}
		settable++
		if err != nil || !reflect.DeepEqual(got, []Action{a}) {
			t.Errorf("%s: %v, %v", f.Name, got, err)
		}
	}
	// All but in_port, in_phy_port, metadata and ipv6_exthdr.
	if settable != 36 {
		t.Errorf("%d fields can be set, want 36", settable)
	}
}

func TestSetFieldPaddingIsIgnored(t *testing.T) {
	b := SetField{Field: flow.EthDst, Value: flow.Value{Lo: 1}}.Append(nil)
	b[14], b[15] = 0xff, 0xff
	got, err := DecodeActions(b)
	if err != nil || !reflect.DeepEqual(got, []Action{SetField{Field: flow.EthDst, Value: flow.Value{Lo: 1}}}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestActionTypes(t *testing.T) {
	in := allInstructions()
	seen := map[ActionType]bool{}
	for _, a := range in.Apply {
		seen[a.ActionType()] = true
		b := a.Append(nil)
		if ActionType(be.Uint16(b)) != a.ActionType() || int(be.Uint16(b[2:])) != a.Len() || len(b) != a.Len() {
			t.Errorf("%v: %x", a.ActionType(), b)
		}
	}
	if len(seen) != len(actionNames) {
		t.Errorf("%d action types in the samples, there are %d", len(seen), len(actionNames))
	}
	for _, tt := range []struct {
		ty   ActionType
		want string
	}{{ActionOutput, "OFPAT_OUTPUT"}, {ActionPopPBB, "OFPAT_POP_PBB"}, {ActionExperimenter, "OFPAT_EXPERIMENTER"}, {28, "action type 28"}} {
		if tt.ty.String() != tt.want {
			t.Errorf("%q, want %q", tt.ty, tt.want)
		}
	}
}

func TestInstructionsWithoutOrder(t *testing.T) {
	in := allInstructions()
	in.Order = [6]uint8{}
	want := []uint8{InstrMeter, InstrApplyActions, InstrClearActions, InstrWriteActions, InstrWriteMetadata, InstrGotoTable}
	b := AppendInstructions(nil, &in)
	if len(b) != InstructionsLen(&in) {
		t.Errorf("%d bytes, InstructionsLen is %d", len(b), InstructionsLen(&in))
	}
	got, err := DecodeInstructions(b)
	if err != nil || !bytes.Equal(got.Order[:], want) {
		t.Errorf("order %v, %v; want %v", got.Order, err, want)
	}
	got.Order = in.Order
	if !reflect.DeepEqual(got, in) {
		t.Errorf("decoded %+v", got)
	}
}

// Order may be left over from other instructions: only what is present is
// written, each once.
func TestInstructionsOrderIsAHint(t *testing.T) {
	in := Instructions{
		Has:   1<<InstrGotoTable | 1<<InstrClearActions,
		Order: [6]uint8{InstrApplyActions, InstrGotoTable, InstrGotoTable, 9, 255, InstrMeter},
		Goto:  3,
		Meter: 5, Apply: []Action{PopVLAN{}}, // not present
	}
	want := wire(t, `0001 0008 03000000 0005 0008 00000000`)
	if got := AppendInstructions(nil, &in); !bytes.Equal(got, want) || InstructionsLen(&in) != len(want) {
		t.Errorf("%x (%d), want %x", got, InstructionsLen(&in), want)
	}
}

func TestNames(t *testing.T) {
	for _, tt := range []struct {
		got, want string
	}{
		{TypeHello.String(), "OFPT_HELLO"},
		{TypeMeterMod.String(), "OFPT_METER_MOD"},
		{TypeMultipartRequest.String(), "OFPT_MULTIPART_REQUEST"},
		{Type(30).String(), "message type 30"},
		{MultipartName(MultipartPortDesc), "OFPMP_PORT_DESC"},
		{MultipartName(MultipartExperimenter), "OFPMP_EXPERIMENTER"},
		{MultipartName(14), "multipart type 14"},
		{PortNo(5).String(), "5"},
		{PortInPort.String(), "IN_PORT"},
		{PortTable.String(), "TABLE"},
		{PortNormal.String(), "NORMAL"},
		{PortFlood.String(), "FLOOD"},
		{PortAll.String(), "ALL"},
		{PortController.String(), "CONTROLLER"},
		{PortLocal.String(), "LOCAL"},
		{PortAny.String(), "ANY"},
		{FlowFlags(0).String(), "0"},
		{flowFlagsAll.String(), "send_flow_rem check_overlap reset_counts no_packet_counts no_byte_counts"},
		{FlowFlags(0x81).String(), "send_flow_rem 0x80"},
		{PortConfigAll.String(), "PORT_DOWN NO_RECV NO_FWD NO_PACKET_IN"},
		{PortState(7).String(), "LINK_DOWN BLOCKED LIVE"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}
