package ofp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"ofswitch/flow"
)

// inExperimenter puts bytes behind the type of an experimenter's message.
func inExperimenter(experimenter, expType string) func(t *testing.T, body string) []byte {
	return func(t *testing.T, body string) []byte {
		return inMessage(TypeExperimenter)(t, experimenter+" "+expType+" "+body)
	}
}

// Every refusal that decoding experimenters' messages can produce.
func TestExperimenterErrors(t *testing.T) {
	experimenter := inMessage(TypeExperimenter)
	control := inExperimenter("4f4e4600", "000008fc")
	add := inExperimenter("4f4e4600", "000008fd")
	status := inExperimenter("4f4e4600", "00000777")
	multipart, reply := inMessage(TypeMultipartRequest), inMessage(TypeMultipartReply)
	monitor := func(t *testing.T, s string) []byte { return multipart(t, "ffff 0000 00000000 4f4e4600 0000074e"+s) }
	nxMonitor := func(t *testing.T, s string) []byte { return multipart(t, "ffff 0000 00000000 00002320 00000002"+s) }
	update := func(t *testing.T, s string) []byte { return reply(t, "ffff 0000 00000000 4f4e4600 0000074e"+s) }
	for _, tt := range []decodeError{
		{"experimenter 1", experimenter, `00000001 00000010 00000000`, BadRequestBadExperimenter},
		{"experimenter 0", experimenter, `00000000 00000000`, BadRequestBadExperimenter},
		{"Nicira's type 999", experimenter, `00002320 000003e7`, BadRequestBadExpType},
		{"ONF's type 16", experimenter, `4f4e4600 00000010 00000000`, BadRequestBadExpType},
		{"Nicira's type 2300", experimenter, `00002320 000008fc 00*8`, BadRequestBadExpType},
		{"ONF's multipart type as a message's", experimenter, `4f4e4600 00000002 00*4`, BadRequestBadExpType},
		{"multipart of experimenter 1", multipart, `ffff 0000 00000000 00000001 0000074e`, BadRequestBadExperimenter},
		{"multipart type 3 of Nicira's", multipart, `ffff 0000 00000000 00002320 00000003`, BadRequestBadExpType},
		{"multipart type 2 of ONF's", multipart, `ffff 0000 00000000 4f4e4600 00000002`, BadRequestBadExpType},
		{"multipart reply of experimenter 1", reply, `ffff 0000 00000000 00000001 00000002`, BadRequestBadExperimenter},
		{"multipart reply type 3 of Nicira's", reply, `ffff 0000 00000000 00002320 00000003`, BadRequestBadExpType},

		{"packet-in format of 2 bytes", inExperimenter("00002320", "00000010"), `0001`, BadRequestBadLen},
		{"packet-in format of 8 bytes", inExperimenter("00002320", "00000010"), `00*8`, BadRequestBadLen},
		{"monitor cancel without id", inExperimenter("4f4e4600", "0000074e"), ``, BadRequestBadLen},
		{"Nicira's monitor cancel without id", inExperimenter("00002320", "00000015"), ``, BadRequestBadLen},
		{"paused with body", inExperimenter("4f4e4600", "0000074f"), `00*8`, BadRequestBadLen},
		{"resumed with body", inExperimenter("00002320", "00000017"), `00*8`, BadRequestBadLen},

		{"role status cut off", status, `00000003 00 000000`, BadRequestBadLen},
		{"role status, property length 3", status, `00000003 00 000000 00*8 0007 0003 00000000`, BadRequestBadLen},
		{"role status, property longer than the message", status, `00000003 00 000000 00*8 0007 0009 00000000`, BadRequestBadLen},

		{"bundle control cut off", control, `00000005`, BadRequestBadLen},
		{"bundle control with 4 bytes more", control, `00000005 0000 0000 00000000`, BadRequestBadLen},
		{"bundle operation 8", control, `00000005 0008 0000`, BundleFailedBadType},
		{"bundle operation 0xffff", control, `00000005 ffff 0000`, BundleFailedBadType},
		{"bundle flag 2", control, `00000005 0000 0004`, BundleFailedBadFlags},
		{"bundle control, property of an experimenter without type", control, `00000005 0000 0000 ffff 0008 00002320`, BadRequestBadLen},
		{"bundle add cut off", add, `00000005 0000`, BadRequestBadLen},
		{"bundle add, flag 2", add, `00000005 0000 0004 0414 0008 00000001`, BundleFailedBadFlags},
		{"bundle add without message", add, `00000005 0000 0000`, BundleFailedMsgBadLen},
		{"bundle add, header cut off", add, `00000005 0000 0000 040e0008`, BundleFailedMsgBadLen},
		{"bundle add, message length 7", add, `00000005 0000 0000 040e0007 00000001`, BundleFailedMsgBadLen},
		{"bundle add, message longer than the one around it", add, `00000005 0000 0000 040e0009 00000001`, BundleFailedMsgBadLen},
		{"bundle add, other version", add, `00000005 0000 0000 05140008 00000001`, BundleFailedMsgUnsup},
		{"bundle add, other transaction id", add, `00000005 0000 0000 04140008 00000002`, BundleFailedMsgBadXID},
		{"bundle add, property cut off", add, `00000005 0000 0000 04140008 00000001 0007`, BadRequestBadLen},
		{"bundle add, property without its padding", add, `00000005 0000 0000 04140008 00000001 0007 0004`, BadRequestBadLen},

		{"flow monitor of 15 bytes", monitor, `00*15`, BadRequestBadLen},
		{"flow monitor of 8 bytes", monitor, `00*8`, BadRequestBadLen},
		{"flow monitor without flags", monitor, `00000001 0000 0004 ffffffff ff 000000 0001 0004 00000000`, FlowMonitorFailedBadFlags},
		{"flow monitor of no events", monitor, `00000001 0031 0004 ffffffff ff 000000 0001 0004 00000000`, FlowMonitorFailedBadFlags},
		{"flow monitor flag 6", monitor, `00000001 0042 0004 ffffffff ff 000000 0001 0004 00000000`, FlowMonitorFailedBadFlags},
		{"flow monitor, match longer than the message", monitor, `00000001 0002 0009 ffffffff ff 000000 0001 0004 00000000`, BadMatchBadLen},
		{"flow monitor, wrong length of the match", monitor, `00000001 0002 0010 ffffffff ff 000000 0001 0004 00000000 00*8`, BadMatchBadField},
		{"flow monitor, match of a wrong field", monitor, `00000001 0002 000c ffffffff ff 000000 0001 000c 80005004 00000001 00000000`, BadMatchBadField},
		{"flow monitor, fields alone without prerequisite", monitor, `00000001 0002 0006 ffffffff ff 000000 80001c02 0050 0000`, BadMatchBadPrereq},
		{"Nicira's flow monitor of no events", nxMonitor, `00000001 0001 ffff 0000 ff 00*5`, FlowMonitorFailedBadFlags},
		{"Nicira's flow monitor, match longer than the message", nxMonitor, `00000001 0002 ffff 0006 ff 00*5`, BadMatchBadLen},

		{"flow update of 4 bytes", update, `00000003`, BadRequestBadLen},
		{"flow update length 0", update, `0000 0003 00000001`, BadRequestBadLen},
		{"flow update longer than the message", update, `0010 0003 00000001`, BadRequestBadLen},
		{"flow update, event 4", update, `0008 0004 00000001`, BadRequestBadExpType},
		{"abbreviated flow update of 16 bytes", update, `0010 0003 00000001 00*8`, BadRequestBadLen},
		{"flow update of 16 bytes", update, `0010 0000 00*12`, BadRequestBadLen},
		{"flow update, match longer than the entry", update, `0018 0000 0000 0000 0000 0000 0004 00 00 00*8`, BadMatchBadLen},
		{"flow update, wrong instruction", update, `0028 0000 0000 0000 0000 0000 0004 00 00 00*8 0001 0004 00000000 0007 0008 00000000`, BadInstructionUnknownInst},
	} {
		t.Run(tt.name, tt.test)
	}
}

// A message of any experimenter can be decoded, encoded and named.
func TestExperimenterGeneric(t *testing.T) {
	b := wire(t, `04 04 0014 11223344 00001234 00000056 01020304`)
	_, m, err := decodeOnly(b)
	want := &Experimenter{Experimenter: 0x1234, ExpType: 0x56, Data: []byte{1, 2, 3, 4}}
	if err != nil || !reflect.DeepEqual(m, want) {
		t.Fatalf("%+v, %v", m, err)
	}
	if got := Encode(sampleXID, want); !bytes.Equal(got, b) {
		t.Errorf("encoded to %x", got)
	}
	if got := want.Name(); got != "message 86 of experimenter 0x1234" {
		t.Errorf("its name is %q", got)
	}
	if body, err := (&MultipartRequest{Kind: MultipartExperimenter}).Parse(); body != nil || err != nil {
		t.Errorf("no body is parsed to %v, %v", body, err)
	}
	if _, err := (&MultipartRequest{Kind: MultipartExperimenter, Body: RawBody{1}}).Parse(); codeOf(err) != BadRequestBadLen {
		t.Errorf("a body of 1 byte: %v", err)
	}
	desc := []MultipartBody{&Desc{}}
	if got, err := (&MultipartReply{Kind: MultipartDesc, Entries: desc}).Parse(); err != nil || !reflect.DeepEqual(got, desc) {
		t.Errorf("another kind is parsed to %v, %v", got, err)
	}
	updates := sampleUpdates(ExperimenterONF)
	if got, err := (&MultipartReply{Kind: MultipartExperimenter, Entries: updates}).Parse(); err != nil || !reflect.DeepEqual(got, updates) {
		t.Errorf("what is parsed is parsed to %v, %v", got, err)
	}
}

// The names are those that ovs-ofctl prints.
func TestExperimenterNames(t *testing.T) {
	pairs, named := readPrintFile(t), 0
	for _, s := range printed() {
		_, m, err := decodeOnly(Encode(sampleXID, s.msg))
		if e, ok := m.(*Experimenter); ok && err == nil {
			named++
			if !strings.HasPrefix(pairs[s.name].text, e.Name()+" ") {
				t.Errorf("%s: its name is %q, ovs-ofctl prints %q", s.name, e.Name(), pairs[s.name].text)
			}
		}
	}
	if named < 6 {
		t.Errorf("%d names compared", named)
	}
}

// What Open vSwitch and its clients have sent.
func TestFlowMonitorCaptured(t *testing.T) {
	udp := mk(is(flow.EthType, 0x0800), is(flow.IPProto, 17))
	const experimenter = `ffff000000000000 4f4e4600 0000074e`
	for _, tt := range []struct {
		name string
		ty   Type
		wire string
		want any
	}{
		{"ovs-ofctl monitor br watch:", TypeMultipartRequest, experimenter + `00000000003f0004ffffffffff0000000001000400000000`,
			&FlowMonitors{ExperimenterONF, []FlowMonitor{{Flags: flowMonitorFlagsAll, OutPort: PortAny, Table: TableAll}}}},
		{"a client that counts the padding", TypeMultipartRequest, experimenter + `00000000003f0008ffffffffff0000000001000400000000`,
			&FlowMonitors{ExperimenterONF, []FlowMonitor{{Flags: flowMonitorFlagsAll, OutPort: PortAny, Table: TableAll}}}},
		{"an added entry", TypeMultipartReply, experimenter + `004800000000000900090000000f000000000000000000070001000f80000a020800800014011100000300180000000000000010000000030000000000000000
			0001000804000000`,
			&FlowUpdates{ExperimenterONF, []FlowUpdate{{Event: FlowEventAdded, Priority: 9, IdleTimeout: 9, Cookie: 7, Match: udp, Instructions: Instructions{
				Has: 1<<InstrWriteActions | 1<<InstrGotoTable, Write: []Action{Output{Port: 3}}, Goto: 4, Order: [6]uint8{InstrWriteActions, InstrGotoTable}}}}}},
		{"a deleted entry", TypeMultipartReply, experimenter + `004000010002000900090000000f000000000000000000070001000f80000a020800800014011100000400180000000000000010000000040000000000000000`,
			&FlowUpdates{ExperimenterONF, []FlowUpdate{{Event: FlowEventDeleted, Reason: RemovedDelete, Priority: 9, IdleTimeout: 9, Cookie: 7, Match: udp, Instructions: apply(Output{Port: 4})}}}},
	} {
		_, m, err := decodeAll(inMessage(tt.ty)(t, tt.wire))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var got any
		switch m := m.(type) {
		case *MultipartRequest:
			got = m.Body
		case *MultipartReply:
			got = m.Entries[0]
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s:\n%+v, want\n%+v", tt.name, got, tt.want)
		}
	}
}

func TestFlowUpdateWriter(t *testing.T) {
	for _, experimenter := range []uint32{ExperimenterONF, ExperimenterNicira} {
		for _, count := range []int{0, 1, 5000} {
			var g merger
			done := false
			w := NewFlowUpdateWriter(experimenter, 7, func(b []byte) error {
				if len(b) > MultipartMaxLen {
					t.Errorf("a message of %d bytes", len(b))
				}
				h, m, err := decodeOnly(b)
				if err != nil || h.XID != 7 {
					t.Fatal(h, err)
				}
				done, err = g.Add(m.(*MultipartReply))
				return err
			})
			var want []FlowUpdate
			for i := range count {
				u := FlowUpdate{Event: FlowEventAdded, Cookie: uint64(i), Match: mk(is(flow.EthDst, uint64(i)))}
				want = append(want, u)
				if err := w.Add(&u); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil || !done {
				t.Fatal(err, done)
			}
			bodies, err := g.Reply.Parse()
			if err != nil {
				t.Fatal(err)
			}
			var got []FlowUpdate
			for _, body := range bodies {
				r := body.(*FlowUpdates)
				if r.Experimenter != experimenter {
					t.Errorf("updates of experimenter %#x", r.Experimenter)
				}
				got = append(got, r.Updates...)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%d updates of %#x do not come out as they went in", count, experimenter)
			}
			if count > 1000 && len(bodies) < 2 {
				t.Errorf("%d updates in %d messages", count, len(bodies))
			}
		}
	}
}

// The longest flow-mod that is accepted fits into an update.
func TestLongestFlowUpdate(t *testing.T) {
	m := &FlowMod{Instructions: apply()}
	for m.Len()+outputLen <= flowModMax {
		m.Instructions.Apply = append(m.Instructions.Apply, Output{Port: 1})
	}
	sent := 0
	w := NewFlowUpdateWriter(ExperimenterONF, 0, func([]byte) error { sent++; return nil })
	if err := w.Add(&FlowUpdate{Instructions: m.Instructions}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil || sent != 1 {
		t.Errorf("%d messages, %v", sent, err)
	}
}

// The message that is added is aligned when properties follow, and only then.
func TestBundleAddPadding(t *testing.T) {
	echo := Encode(sampleXID, &EchoRequest{Data: []byte("abc")})
	property := Property{Type: PropertyExperimenter, Experimenter: 0x2320, ExpType: 1}
	for _, tt := range []struct {
		m    *BundleAdd
		wire string
	}{
		{&BundleAdd{BundleID: 1, Message: echo}, `04 04 0023 11223344 4f4e4600 000008fd 00000001 0000 0000 0402000b11223344616263`},
		{&BundleAdd{BundleID: 1, Message: echo, Properties: []Property{property}},
			`04 04 0038 11223344 4f4e4600 000008fd 00000001 0000 0000 0402000b11223344616263 00*5 ffff 000c 00002320 00000001 00*4`},
	} {
		want := wire(t, tt.wire)
		if got := Encode(sampleXID, tt.m); !bytes.Equal(got, want) || HeaderLen+tt.m.Len() != len(want) {
			t.Errorf("encoded, Len() %d:\n%s want\n%s", tt.m.Len(), hex.Dump(got), hex.Dump(want))
		}
		_, m, err := decodeAll(want)
		if err != nil || !reflect.DeepEqual(m, tt.m) {
			t.Errorf("decoded\n%+v, %v", m, err)
		}
	}
	// Padding without properties is no property.
	_, m, err := decodeAll(wire(t, `04 04 0028 11223344 4f4e4600 000008fd 00000001 0000 0000 0402000b11223344616263 00*5`))
	if err != nil || m.(*BundleAdd).Properties != nil || !bytes.Equal(m.(*BundleAdd).Message, echo) {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestBundleAddDecode(t *testing.T) {
	want := &FlowMod{BufferID: NoBuffer, OutPort: PortAny, OutGroup: GroupAny, Match: mk(is(flow.InPort, 1)), Instructions: apply(Output{Port: 2})}
	add := NewBundleAdd(1, BundleAtomic, 9, want)
	got, err := add.Decode()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	if h := add.Header(); h.Type != TypeFlowMod || h.XID != 9 || int(h.Length) != len(add.Message) {
		t.Errorf("its header is %v", h)
	}
	add.Message[HeaderLen+17] = 9 // the command
	var e *Error
	if _, err := add.Decode(); !errors.As(err, &e) || e.Code != FlowModFailedBadCommand {
		t.Errorf("a wrong message: %v", err)
	}
	if _, err := (&BundleAdd{Message: []byte{4}}).Decode(); codeOf(err) != BadRequestBadLen {
		t.Errorf("a message of 1 byte: %v", err)
	}
}
