package ofp

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"ofswitch/flow"
)

// What decodes can be encoded, and decodes to the same again. The second
// encoding is the canonical one: it no longer changes.
func FuzzDecode(f *testing.F) {
	for _, s := range samples() {
		f.Add(wire(f, s.wire))
	}
	for _, m := range matchCases() {
		f.Add(Encode(1, &FlowMod{Match: m.match, Instructions: allInstructions()}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, m, err := decodeAll(b)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Code.text() == nil || e.Text == "" {
				t.Fatalf("error %v has no code of the table", err)
			}
			if m != nil {
				t.Fatalf("a message and %v", err)
			}
			return
		}
		if len(b) > MaxLen {
			return // no message on a connection
		}
		again := Encode(h.XID, m)
		if len(again) != HeaderLen+m.Len() {
			t.Fatalf("encoded to %d bytes, Len() is %d", len(again), m.Len())
		}
		_, m2, err := decodeAll(again)
		if err != nil {
			t.Fatalf("decoded to %+v; encoded and decoded again: %v", m, err)
		}
		if !reflect.DeepEqual(m, m2) {
			t.Fatalf("decoded to\n%+v, encoded and decoded again to\n%+v", m, m2)
		}
	})
}

func FuzzMatch(f *testing.F) {
	for _, m := range matchCases() {
		f.Add(AppendMatch(nil, &m.match))
	}
	f.Add(wireMatch(f, `00000206 020000000001 00000402 0800`))
	f.Add(wireMatch(f, `8000070c 020000000001 ffffffffffff`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, n, err := DecodeMatch(b)
		if err != nil {
			if codeOf(err).Type() != ErrBadMatch {
				t.Fatalf("%v is no refusal of a match", err)
			}
			return
		}
		if n%8 != 0 || n > len(b) {
			t.Fatalf("%d of %d bytes taken", n, len(b))
		}
		for i := range m.Value {
			if m.Value[i]&^m.Mask[i] != 0 {
				t.Fatalf("word %d: value %#x outside mask %#x", i, m.Value[i], m.Mask[i])
			}
		}
		m.Fields(func(fd *flow.Field, _, mask flow.Value) bool {
			if mask != fd.Full() && !fd.Maskable {
				t.Fatalf("%s has mask %x", fd.Name, mask)
			}
			return true
		})
		again := AppendMatch(nil, &m)
		if len(again) != MatchLen(&m) || len(again) > n {
			t.Fatalf("%d bytes encoded to %d, MatchLen is %d", n, len(again), MatchLen(&m))
		}
		m2, n2, err := DecodeMatch(again)
		if err != nil || n2 != len(again) || m2 != m {
			t.Fatalf("%v; encoded and decoded again: %v, %v", m, m2, err)
		}
	})
}

func FuzzActions(f *testing.F) {
	in := allInstructions()
	f.Add(AppendActions(nil, in.Apply))
	for _, a := range in.Apply {
		f.Add(a.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		actions, err := DecodeActions(b)
		if err != nil {
			if codeOf(err).Type() != ErrBadAction {
				t.Fatalf("%v is no refusal of an action", err)
			}
			return
		}
		again := AppendActions(nil, actions)
		if len(again) != len(b) || ActionsLen(actions) != len(b) {
			t.Fatalf("%d bytes encoded to %d, ActionsLen is %d", len(b), len(again), ActionsLen(actions))
		}
		actions2, err := DecodeActions(again)
		if err != nil || !reflect.DeepEqual(actions, actions2) {
			t.Fatalf("%v; encoded and decoded again: %v, %v", actions, actions2, err)
		}
	})
}

func FuzzInstructions(f *testing.F) {
	in := allInstructions()
	f.Add(AppendInstructions(nil, &in))
	f.Add([]byte{0, InstrApplyActions, 0, 8, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := DecodeInstructions(b)
		if err != nil {
			if ty := codeOf(err).Type(); ty != ErrBadAction && ty != ErrBadInstruction {
				t.Fatalf("%v is no refusal of an instruction", err)
			}
			return
		}
		again := AppendInstructions(nil, &in)
		if len(again) != len(b) || InstructionsLen(&in) != len(b) {
			t.Fatalf("%d bytes encoded to %d, InstructionsLen is %d", len(b), len(again), InstructionsLen(&in))
		}
		in2, err := DecodeInstructions(again)
		if err != nil || !reflect.DeepEqual(in, in2) {
			t.Fatalf("%+v; encoded and decoded again: %+v, %v", in, in2, err)
		}
	})
}

// A stream of anything is read as messages or ends in an error; what was read
// is what was sent.
func FuzzReadMessage(f *testing.F) {
	var all []byte
	for _, s := range samples() {
		all = append(all, wire(f, s.wire)...)
	}
	f.Add(all)
	f.Add([]byte{4, 2, 0, 7, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		var buf, read []byte
		for {
			h, msg, err := ReadMessage(r, buf)
			if err != nil {
				break
			}
			if len(msg) != int(h.Length) || len(msg) < HeaderLen {
				t.Fatalf("%d bytes, the header says %d", len(msg), h.Length)
			}
			read = append(read, msg...)
			buf = msg
		}
		if !bytes.HasPrefix(b, read) {
			t.Fatal("read other bytes than were sent")
		}
	})
}
