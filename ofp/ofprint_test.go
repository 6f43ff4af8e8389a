package ofp

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"ofswitch/flow"
	"ofswitch/internal/testutil"
)

var update = flag.Bool("update", false, "write testdata/ofp/print.txt anew from what ovs-ofctl prints")

const printFile = "../testdata/ofp/print.txt"

// ofpPrint asks ovs-ofctl what a message says.
func ofpPrint(t *testing.T, msg []byte) string {
	t.Helper()
	out, err := exec.Command("ovs-ofctl", "ofp-print", fmt.Sprintf("%x", msg)).Output() // its log has the time
	if err != nil {
		t.Fatalf("ovs-ofctl ofp-print %x: %v\n%s", msg, err, out)
	}
	return strings.TrimRight(string(out), "\n")
}

func needOFPrint(t *testing.T) { testutil.NeedProgram(t, "ovs-ofctl", "openvswitch-common") }

// printed are the messages that print.txt has: those of the switch's side above
// all, which no controller encodes for us. They hold nothing that Open vSwitch
// lacks.
func printed() []sample {
	var list []sample
	lacks := map[string]bool{
		"flow mod, every instruction and action": true, // PBB, COPY_TTL
		"flow reply":                             true,
		"error":                                  true, // the request in it is cut off
		"packet in":                              true, // the frame is no frame
		"meter config reply, experimenter's bands": true,
		"bundle add with properties":               true, // it holds a table-mod
		"flow monitor cancel, Nicira":              true, // these are OpenFlow 1.0's there
		"flow monitor paused, Nicira":              true,
		"flow monitor resumed, Nicira":             true,
		"flow monitor request, Nicira":             true,
		"flow monitor reply, Nicira":               true,
		"table features request, more to come":     true, // properties that must be there are not
		"table features reply":                     true, // the same
	}
	for _, s := range samples() {
		if !lacks[s.name] {
			list = append(list, s)
		}
	}
	in := allInstructions()
	in.Apply = []Action{
		SetNwTTL{TTL: 63}, DecNwTTL{},
		SetField{Field: flow.EthDst, Value: flow.Value{Lo: testMAC}},
		SetField{Field: flow.VLANVID, Value: flow.Value{Lo: 0x1064}},
		SetField{Field: flow.IPv6Dst, Value: flow.Value{Hi: testNet6, Lo: 2}},
		SetQueue{QueueID: 5}, Group{GroupID: 6}, Output{Port: PortController, MaxLen: 128},
		PushVLAN{EtherType: 0x88a8}, PopVLAN{}, PushMPLS{EtherType: 0x8847},
		SetField{Field: flow.MPLSLabel, Value: flow.Value{Lo: 16}},
		SetMPLSTTL{TTL: 64}, DecMPLSTTL{}, PopMPLS{EtherType: 0x86dd}, Output{Port: 3},
	}
	ipv4 := mk(is(flow.InPort, 1), masked(flow.EthDst, 1<<40, 1<<40), is(flow.EthType, 0x0800), masked(flow.IPv4Src, 10<<24, 255<<24), is(flow.IPProto, 6), is(flow.TCPDst, 80))
	tagged := mk(is(flow.VLANVID, 0x1064), is(flow.VLANPCP, 5), is(flow.EthType, 0x0806), is(flow.ARPOp, 2), is(flow.ARPSpa, 0x0a000001))
	nd := mk(is(flow.EthType, 0x86dd), is(flow.IPProto, 58), is(flow.ICMPv6Type, 135), is128(flow.IPv6NDTarget, testNet6, 3), is(flow.IPv6NDSll, testMAC))
	ttl := apply(SetNwTTL{TTL: 63}, DecNwTTL{}, PushVLAN{EtherType: 0x8100}, SetField{Field: flow.VLANVID, Value: flow.Value{Lo: 0x1064}}, Output{Port: PortInPort})
	return append(list,
		sample{name: "flow reply, three entries", msg: &MultipartReply{Kind: MultipartFlow, Entries: []MultipartBody{
			&FlowStats{Table: 1, DurationSec: 2, DurationNsec: 3000000, Priority: 4, IdleTimeout: 5, HardTimeout: 6, Flags: flowFlagsAll &^ FlowCheckOverlap,
				Cookie: 7, PacketCount: 8, ByteCount: 9, Match: ipv4, Instructions: ttl},
			&FlowStats{Table: 253, Priority: 0x8000, Match: tagged, Instructions: apply(PopVLAN{}, Output{Port: PortController, MaxLen: 128})},
			&FlowStats{Table: 3, Match: nd},
		}}},
		sample{name: "table features reply, two tables", msg: &MultipartReply{Kind: MultipartTableFeatures, Entries: []MultipartBody{
			printedTable(252, "last but one", 253), printedTable(253, ""),
		}}},
		sample{name: "flow mod, every instruction", msg: &FlowMod{
			Cookie: 0x1111, Table: 1, Command: FlowAdd, IdleTimeout: 10, HardTimeout: 20, Priority: 100, BufferID: NoBuffer, OutPort: PortAny, OutGroup: GroupAny,
			Flags: flowFlagsAll, Match: mk(is(flow.InPort, 1), is(flow.VLANVID, 0x1005), is(flow.EthType, 0x86dd)), Instructions: in,
		}},
		sample{name: "flow removed, tagged", msg: &FlowRemoved{
			Cookie: 1, Priority: 2, Reason: RemovedIdle, Table: 3, DurationSec: 4, DurationNsec: 5000000, IdleTimeout: 6, HardTimeout: 7, PacketCount: 8, ByteCount: 9, Match: tagged,
		}},
		sample{name: "error about a barrier", msg: &ErrorMsg{ErrType: ErrBadRequest, Code: 6, Data: Encode(1, &BarrierRequest{})}},
		sample{name: "hello failed", msg: &ErrorMsg{ErrType: ErrHelloFailed, Code: 0, Data: []byte("only OpenFlow 1.3 here")}},
		sample{name: "packet in, table-miss", msg: &PacketIn{
			BufferID: NoBuffer, TotalLen: 60, Reason: PacketInNoMatch, Match: mk(is(flow.InPort, 3)),
			Data: append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5}, make([]byte, 46)...),
		}},
	)
}

// printedTable has the properties that Open vSwitch asks for, and one for the
// table-miss entry.
func printedTable(id TableID, name string, next ...TableID) *TableFeatures {
	fields := func(match bool, ids ...flow.ID) (list []OXMID) {
		for _, id := range ids {
			list = append(list, FieldID(id.Field(), match && id.Field().Maskable))
		}
		return list
	}
	instructions := []FeatureID{{Type: InstrApplyActions}, {Type: InstrWriteActions}}
	if next != nil {
		instructions = append(instructions, FeatureID{Type: InstrGotoTable})
	}
	return &TableFeatures{
		Table: id, Name: name, MetadataMatch: ^uint64(0), MetadataWrite: 0xff, MaxEntries: 1000,
		Properties: []TableProperty{
			{Type: TableInstructions, IDs: instructions},
			{Type: TableNextTables, Tables: next},
			{Type: TableWriteActions, IDs: []FeatureID{{Type: uint16(ActionOutput)}}},
			{Type: TableApplyActions, IDs: []FeatureID{{Type: uint16(ActionOutput)}, {Type: uint16(ActionSetField)}, {Type: uint16(ActionPopVLAN)}}},
			{Type: TableApplyActionsMiss, IDs: []FeatureID{{Type: uint16(ActionOutput)}}},
			{Type: TableMatch, Fields: fields(true, flow.InPort, flow.Metadata, flow.EthDst, flow.EthType, flow.VLANVID, flow.IPv6Src, flow.MPLSLabel)},
			{Type: TableWildcards, Fields: fields(false, flow.InPort, flow.Metadata, flow.EthDst, flow.VLANVID, flow.IPv6Src)},
			{Type: TableWriteSetField},
			{Type: TableApplySetField, Fields: fields(false, flow.EthDst, flow.MPLSLabel)},
		},
	}
}

// print.txt has our encoding and what ovs-ofctl prints of it. The bytes are
// compared here; TestIntegrationOFPrint compares the text.
func TestPrintFile(t *testing.T) {
	if *update {
		updatePrintFile(t)
	}
	pairs := readPrintFile(t)
	list := printed()
	if len(pairs) != len(list) {
		t.Errorf("print.txt has %d messages, the table %d: run with -update where ovs-ofctl is installed", len(pairs), len(list))
	}
	for _, s := range list {
		p, ok := pairs[s.name]
		if got := fmt.Sprintf("%x", Encode(sampleXID, s.msg)); !ok || got != p.hex {
			t.Errorf("%s: encoded\n%s, print.txt has\n%s", s.name, got, p.hex)
		}
	}
}

// A printer that is not ours reads what we encode, and finds nothing wrong.
func TestIntegrationOFPrint(t *testing.T) {
	needOFPrint(t)
	for name, p := range readPrintFile(t) {
		t.Run(name, func(t *testing.T) {
			got := ofpPrint(t, wire(t, p.hex))
			if got != p.text {
				t.Errorf("ovs-ofctl prints\n%s\nprint.txt has\n%s", got, p.text)
			}
			if strings.Contains(got, "***") || strings.Contains(got, "decode error") {
				t.Errorf("ovs-ofctl finds fault: %s", got)
			}
		})
	}
}

// The names of all 111 codes are those that Open vSwitch knows.
func TestIntegrationErrorNames(t *testing.T) {
	needOFPrint(t)
	renamed := 0
	for name, c := range allCodes(t) {
		text := ofpPrint(t, Encode(1, &ErrorMsg{ErrType: c.Type(), Code: c.Number(), Data: Encode(1, &EchoRequest{})}))
		line, _, _ := strings.Cut(text, "\n")
		if want := "OFPT_ERROR (OF1.3) (xid=0x1): " + c.OVSName(); line != want {
			t.Errorf("%s: ovs-ofctl prints %q, want %q", name, line, want)
		}
		if c.OVSName() != c.String() {
			renamed++
		}
	}
	if renamed != len(ovsNames) {
		t.Errorf("%d codes have another name in Open vSwitch, the table has %d", renamed, len(ovsNames))
	}
}

type printPair struct{ hex, text string }

// readPrintFile reads blocks of a name, hexadecimal bytes, and text up to an
// empty line; the lines of the text begin with a bar.
func readPrintFile(t *testing.T) map[string]printPair {
	t.Helper()
	b, err := os.ReadFile(printFile)
	if err != nil {
		t.Fatal(err)
	}
	pairs := map[string]printPair{}
	for _, block := range strings.Split(strings.TrimSpace(string(b)), "\n\n") {
		lines := strings.Split(block, "\n")
		if len(lines) < 3 {
			t.Fatalf("print.txt: block %q", block)
		}
		for i := range lines[2:] {
			lines[2+i] = strings.TrimPrefix(lines[2+i], "|")
		}
		pairs[lines[0]] = printPair{lines[1], strings.Join(lines[2:], "\n")}
	}
	return pairs
}

func updatePrintFile(t *testing.T) {
	needOFPrint(t)
	var out strings.Builder
	for _, s := range printed() {
		b := Encode(sampleXID, s.msg)
		text := strings.ReplaceAll(ofpPrint(t, b), "\n", "\n|")
		fmt.Fprintf(&out, "%s\n%x\n|%s\n\n", s.name, b, text)
	}
	if err := os.WriteFile(printFile, []byte(strings.TrimRight(out.String(), "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}
