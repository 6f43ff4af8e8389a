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

// decodeAll decodes a whole message, header included, and parses what Decode
// leaves alone.
func decodeAll(b []byte) (Header, Message, error) {
	h, m, err := decodeOnly(b)
	if err != nil {
		return h, nil, err
	}
	switch raw := m.(type) {
	case *Experimenter:
		m, err = raw.Parse(h.XID)
	case *MultipartRequest:
		raw.Body, err = raw.Parse()
	case *MultipartReply:
		raw.Entries, err = raw.Parse()
	}
	if err != nil {
		return h, nil, err
	}
	return h, m, nil
}

// decodeOnly decodes a whole message.
func decodeOnly(b []byte) (Header, Message, error) {
	h, err := ParseHeader(b)
	if err != nil {
		return h, nil, err
	}
	m, err := Decode(h, b[HeaderLen:])
	return h, m, err
}

func TestMessages(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			want := wire(t, s.wire)
			got := Encode(sampleXID, s.msg)
			if !bytes.Equal(got, want) {
				t.Errorf("encoded\n%s want\n%s", hex.Dump(got), hex.Dump(want))
			}
			if n := HeaderLen + s.msg.Len(); n != len(want) {
				t.Errorf("Len() is %d, want %d", n, len(want))
			}
			if got := s.msg.Append([]byte{0xaa}); !bytes.Equal(got, append([]byte{0xaa}, want[HeaderLen:]...)) {
				t.Errorf("appended to what is there:\n%s", hex.Dump(got))
			}
			h, m, err := decodeAll(want)
			if err != nil {
				t.Fatal(err)
			}
			if wantHeader := (Header{Version, s.msg.Type(), uint16(len(want)), sampleXID}); h != wantHeader {
				t.Errorf("header %+v, want %+v", h, wantHeader)
			}
			if !reflect.DeepEqual(m, s.msg) {
				t.Errorf("decoded\n%+v want\n%+v", m, s.msg)
			}
		})
	}
}

// Every type is in the samples, so that the tests that walk over them miss none.
func TestSamplesAreComplete(t *testing.T) {
	types, requests, replies := map[Type]bool{}, map[uint16]bool{}, map[uint16]bool{}
	for _, s := range samples() {
		types[s.msg.Type()] = true
		switch m := s.msg.(type) {
		case *MultipartRequest:
			requests[m.Kind] = true
		case *MultipartReply:
			replies[m.Kind] = true
		}
	}
	for ty := TypeHello; ty <= TypeMeterMod; ty++ {
		if !types[ty] {
			t.Errorf("no sample of %v", ty)
		}
	}
	for k := range uint16(len(multipartKinds)) {
		if !requests[k] || !replies[k] {
			t.Errorf("no sample of %s", MultipartName(k))
		}
	}
	experimenters := map[string]bool{}
	for _, s := range samples() {
		_, m, err := decodeOnly(wire(t, s.wire))
		if e, ok := m.(*Experimenter); ok && err == nil {
			experimenters[e.Name()] = true
		}
	}
	expRequests, expReplies, bands, groups := map[expKey]bool{}, map[expKey]bool{}, map[MeterBandType]bool{}, map[GroupType]bool{}
	for _, s := range samples() {
		body := wire(t, s.wire)[HeaderLen:]
		switch m := s.msg.(type) {
		case *MultipartRequest:
			if m.Kind == MultipartExperimenter {
				expRequests[expKey{be.Uint32(body[8:]), be.Uint32(body[12:])}] = true
			}
		case *MultipartReply:
			if m.Kind == MultipartExperimenter {
				expReplies[expKey{be.Uint32(body[8:]), be.Uint32(body[12:])}] = true
			}
			for _, e := range m.Entries {
				if g, ok := e.(*GroupDesc); ok {
					groups[g.GroupType] = true
				}
			}
		case *GroupMod:
			groups[m.GroupType] = true
		case *MeterMod:
			for _, d := range m.Bands {
				bands[d.Type] = true
			}
		}
	}
	for k, e := range expMultiparts {
		if !expRequests[k] || !expReplies[k] {
			t.Errorf("no sample of %s", e.name)
		}
	}
	if !bands[MeterBandDrop] || !bands[MeterBandDSCPRemark] || len(groups) < 3 {
		t.Errorf("samples have the bands %v and groups of the types %v", bands, groups)
	}
	in := allInstructions()
	actions := map[ActionType]bool{}
	for _, a := range in.Apply {
		actions[a.ActionType()] = true
	}
	for ty := ActionOutput; ty <= ActionPopPBB; ty++ {
		if strings.HasPrefix(ty.String(), "OFPAT_") && !actions[ty] {
			t.Errorf("no sample of %v", ty)
		}
	}
	for i := InstrGotoTable; i <= InstrMeter; i++ {
		if !in.Has.Contains(i) {
			t.Errorf("no sample of instruction %d", i)
		}
	}
	for k, e := range expMessages {
		if !experimenters[e.name] {
			t.Errorf("no sample of %s", e.name)
		}
		if k.unknown("").Code != BadRequestBadExpType {
			t.Errorf("experimenter %#x is not known", k.experimenter)
		}
	}
}

// A message that is cut off is refused, or is a whole shorter message: data cut
// short, a list cut between two elements.
func TestTruncation(t *testing.T) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) {
			whole := wire(t, s.wire)
			for i := range len(whole) {
				cut := bytes.Clone(whole[:i])
				if i >= HeaderLen {
					be.PutUint16(cut[2:], uint16(i))
				}
				_, m, err := decodeAll(cut)
				if err != nil {
					var e *Error
					if !errors.As(err, &e) {
						t.Fatalf("%d bytes: error %v is no *Error", i, err)
					}
					switch e.Code {
					case BadRequestBadLen, BadMatchBadLen, BadInstructionBadLen, BadActionBadLen, GroupModFailedBadBucket, BundleFailedMsgBadLen, TableFeaturesFailedBadLen:
					default:
						t.Errorf("%d bytes: %v, want a code for lengths", i, err)
					}
					if m != nil {
						t.Errorf("%d bytes: a message and %v", i, err)
					}
					continue
				}
				if s.msg.Type() == TypeHello {
					continue // takes anything
				}
				if got := Encode(sampleXID, m); !bytes.Equal(got, cut) {
					t.Errorf("%d bytes are taken for\n%+v", i, m)
				}
			}
		})
	}
}

// Bytes after the end are refused where the message does not end in data.
func TestTrailingBytes(t *testing.T) {
	for _, s := range samples() {
		switch s.msg.(type) {
		case *Hello, *ErrorMsg, *EchoRequest, *EchoReply, *PacketIn, *PacketOut:
			continue
		}
		b := append(wire(t, s.wire), 0)
		be.PutUint16(b[2:], uint16(len(b)))
		var e *Error
		if _, _, err := decodeAll(b); !errors.As(err, &e) || (e.Code != BadRequestBadLen && e.Code != BadInstructionBadLen) {
			t.Errorf("%s and a byte more: %v, want BAD_LEN", s.name, err)
		}
	}
}

// Decode leaves what experimenters say alone, with all its bytes.
func TestDecodeKeepsExperimenters(t *testing.T) {
	for _, s := range samples() {
		b := wire(t, s.wire)
		_, m, err := decodeOnly(b)
		if err != nil {
			t.Fatal(s.name, err)
		}
		if got := Encode(sampleXID, m); !bytes.Equal(got, b) {
			t.Errorf("%s: encoded\n%s want\n%s", s.name, hex.Dump(got), hex.Dump(b))
		}
		raw := false
		switch m := m.(type) {
		case *Experimenter:
			raw = true
		case *MultipartRequest:
			_, raw = m.Body.(RawBody)
		case *MultipartReply:
			if len(m.Entries) > 0 {
				_, raw = m.Entries[0].(RawBody)
			}
		}
		want := false
		switch m := s.msg.(type) {
		case *MultipartRequest:
			want = m.Kind == MultipartExperimenter
		case *MultipartReply:
			want = m.Kind == MultipartExperimenter
		default:
			want = m.Type() == TypeExperimenter
		}
		if raw != want {
			t.Errorf("%s: decoded to %T", s.name, m)
		}
	}
}

// Decoded messages keep nothing of the buffer that they were read from.
func TestDecodedOwnsItsBytes(t *testing.T) {
	for _, s := range samples() {
		b := wire(t, s.wire)
		_, m, err := decodeAll(b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range b {
			b[i] ^= 0x5a
		}
		if !reflect.DeepEqual(m, s.msg) {
			t.Errorf("%s changed with its buffer", s.name)
		}
	}
}

func TestPacketInCutsData(t *testing.T) {
	in := &PacketIn{BufferID: NoBuffer, TotalLen: 65535, Match: mk(is(flow.InPort, 1)), Data: make([]byte, 65535)}
	b := Encode(1, in)
	if len(b) != MaxLen {
		t.Fatalf("packet-in of %d bytes, want %d", len(b), MaxLen)
	}
	_, m, err := decodeAll(b)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.(*PacketIn); len(got.Data) != MaxLen-HeaderLen-16-16-2 || got.TotalLen != 65535 {
		t.Errorf("%d bytes of data, total length %d", len(got.Data), got.TotalLen)
	}
}

// Open vSwitch puts its registers into packet-ins: those are passed over, and
// everything else about the match still has to be right.
func TestPacketInUnknownFields(t *testing.T) {
	b := wire(t, `
		04 0a 0032 00000001
		ffffffff 0000 00 00 00*8
		0001 0014 00010004 00000007 80000004 00000001 00000000
		0000`)
	_, m, err := decodeAll(b)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.(*PacketIn).Match, mk(is(flow.InPort, 1)); got != want {
		t.Errorf("match %v, want %v", got, want)
	}
}

func TestStringsAreCut(t *testing.T) {
	long := string(bytes.Repeat([]byte{'x'}, 300))
	p := PortDesc{Name: "a-very-long-port-name"}
	var q PortDesc
	q.decode(p.Append(nil))
	if q.Name != "a-very-long-por" {
		t.Errorf("port name %q", q.Name)
	}
	d := Desc{Mfr: long, HW: long, SW: long, Serial: long, DP: long}
	b := d.Append(nil)
	if len(b) != d.Len() {
		t.Fatalf("description of %d bytes", len(b))
	}
	e, _, err := decodeDesc(b)
	if err != nil {
		t.Fatal(err)
	}
	want := &Desc{Mfr: long[:255], HW: long[:255], SW: long[:255], Serial: long[:31], DP: long[:255]}
	if !reflect.DeepEqual(e, want) {
		t.Errorf("description %+v", e)
	}
	// A peer that leaves no room for the terminator.
	full := bytes.Repeat([]byte{'y'}, portDescLen)
	if q.decode(full); q.Name != "yyyyyyyyyyyyyyy" {
		t.Errorf("port name %q of a field without terminator", q.Name)
	}
}

func TestCheck(t *testing.T) {
	out := &PacketOut{Data: make([]byte, MaxLen-HeaderLen-16)}
	if err := Check(out); err != nil {
		t.Error(err)
	}
	if n := len(Encode(1, out)); n != MaxLen {
		t.Errorf("encoded to %d bytes", n)
	}
	out.Data = append(out.Data, 0)
	if Check(out) == nil {
		t.Error("a message of 65,536 bytes passes")
	}
	defer func() {
		if recover() == nil {
			t.Error("a message of 65,536 bytes is encoded")
		}
	}()
	Encode(1, out)
}

func TestSwitchOnly(t *testing.T) {
	only := map[Type]bool{
		TypeFeaturesReply: true, TypeGetConfigReply: true, TypePacketIn: true, TypeFlowRemoved: true, TypePortStatus: true,
		TypeMultipartReply: true, TypeBarrierReply: true, TypeQueueGetConfigReply: true, TypeRoleReply: true, TypeGetAsyncReply: true,
	}
	for i := 0; i < 256; i++ {
		if ty := Type(i); ty.SwitchOnly() != only[ty] {
			t.Errorf("%v: %v", ty, ty.SwitchOnly())
		}
	}
}
