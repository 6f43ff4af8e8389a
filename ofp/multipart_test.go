package ofp

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"ofswitch/flow"
)

// collect returns a MultipartWriter and where its messages go.
func collect(kind uint16) (*MultipartWriter, *[][]byte) {
	var msgs [][]byte
	return NewMultipartWriter(kind, 77, func(b []byte) error { msgs = append(msgs, b); return nil }), &msgs
}

func TestMultipartWriterSplits(t *testing.T) {
	for _, entries := range []int{0, 1, 584, 585, 586, 1169, 10000} {
		w, msgs := collect(MultipartPortStats)
		var want []MultipartBody
		for i := range entries {
			e := &PortStats{Port: PortNo(i + 1), RxPackets: uint64(i)}
			want = append(want, e)
			if err := w.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		// 584 entries of 112 bytes and 16 bytes of headers are 65,424 bytes.
		if parts := max(1, (entries+583)/584); len(*msgs) != parts {
			t.Errorf("%d entries: %d messages, want %d", entries, len(*msgs), parts)
		}
		var g merger
		for i, b := range *msgs {
			if len(b) > MultipartMaxLen {
				t.Errorf("%d entries: message %d has %d bytes", entries, i, len(b))
			}
			h, m, err := decodeAll(b)
			if err != nil {
				t.Fatal(err)
			}
			if h.XID != 77 || int(h.Length) != len(b) {
				t.Errorf("header %+v of %d bytes", h, len(b))
			}
			done, err := g.Add(m.(*MultipartReply))
			if err != nil || done != (i == len(*msgs)-1) {
				t.Errorf("%d entries: part %d of %d: done %v, %v", entries, i+1, len(*msgs), done, err)
			}
		}
		if !reflect.DeepEqual(g.Reply, MultipartReply{Kind: MultipartPortStats, Entries: want}) {
			t.Errorf("%d entries do not come out as they went in", entries)
		}
	}
}

// Entries of the length at which a message is exactly full, and of one more.
func TestMultipartWriterExactFit(t *testing.T) {
	for over, want := range []int{1, 2} {
		w, msgs := collect(MultipartExperimenter)
		for _, n := range []int{40000, MultipartMaxLen - multipartHeaderLen - 40000 + over} {
			if err := w.Add(RawBody(make([]byte, n))); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if len(*msgs) != want {
			t.Errorf("%d bytes too many: %d messages, want %d", over, len(*msgs), want)
		}
	}
}

// The longest flow-mod that is accepted can be reported; a longer one is
// refused when it comes, not when someone asks.
func TestLongestFlow(t *testing.T) {
	long := func(outputs int) *FlowMod {
		m := &FlowMod{Match: mk(is(flow.InPort, 1)), Instructions: Instructions{Has: 1 << InstrApplyActions, Order: [6]uint8{InstrApplyActions}}}
		for range outputs {
			m.Instructions.Apply = append(m.Instructions.Apply, Output{Port: 1})
		}
		return m
	}
	outputs := (flowModMax - long(0).Len()) / outputLen
	h, m, err := decodeAll(Encode(1, long(outputs)))
	if err != nil {
		t.Fatal(h, err)
	}
	fm := m.(*FlowMod)
	s := &FlowStats{Match: fm.Match, Instructions: fm.Instructions}
	w, msgs := collect(MultipartFlow)
	for range 2 {
		if err := w.Add(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, b := range *msgs {
		if _, m, err := decodeAll(b); err != nil || !reflect.DeepEqual(m.(*MultipartReply).Entries, []MultipartBody{s}) {
			t.Errorf("flow statistics of the longest flow: %v", err)
		}
	}
	var e *Error
	if _, _, err := decodeAll(Encode(1, long(outputs+1))); !errors.As(err, &e) || e.Code != BadActionTooMany {
		t.Errorf("a flow-mod that cannot be reported: %v, want TOO_MANY", err)
	}
	if err := w.Add(RawBody(make([]byte, MaxLen))); err == nil {
		t.Error("an entry longer than any message is taken")
	}
	if w.Close() == nil {
		t.Error("Close completes a reply that lacks an entry")
	}
}

func TestMultipartWriterStopsOnError(t *testing.T) {
	closed := errors.New("closed")
	calls := 0
	w := NewMultipartWriter(MultipartPortStats, 1, func([]byte) error { calls++; return closed })
	var err error
	for i := 0; i < 2000 && err == nil; i++ {
		err = w.Add(&PortStats{})
	}
	if err != closed || w.Add(&PortStats{}) != closed || w.Close() != closed || calls != 1 {
		t.Errorf("error %v after %d calls", err, calls)
	}
}

// A reply that someone encodes in one piece although it is too long.
func TestEncodeSplits(t *testing.T) {
	m := &MultipartReply{Kind: MultipartPortDesc}
	for i := range 3000 {
		m.Entries = append(m.Entries, &PortDesc{Port: PortNo(i)})
	}
	stream := append(Encode(5, m), Encode(6, &BarrierReply{})...)
	r := bytes.NewReader(stream)
	var g merger
	for done := false; !done; {
		h, msg, err := ReadMessage(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		part, err := Decode(h, msg[HeaderLen:])
		if err != nil || h.XID != 5 {
			t.Fatal(h, err)
		}
		if done, err = g.Add(part.(*MultipartReply)); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(&g.Reply, m) {
		t.Error("entries do not come out as they went in")
	}
	if h, _, err := ReadMessage(r, nil); err != nil || h.Type != TypeBarrierReply {
		t.Errorf("after it: %v, %v", h, err)
	}
}

func BenchmarkMultipartWriter(b *testing.B) {
	e := &FlowStats{Match: mk(is(flow.InPort, 1), is(flow.EthType, 0x0800), is(flow.IPv4Dst, 1)), Instructions: Instructions{Has: 1 << InstrApplyActions, Apply: []Action{Output{Port: 1}}}}
	w := NewMultipartWriter(MultipartFlow, 1, func([]byte) error { return nil })
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Add(e); err != nil {
			b.Fatal(err)
		}
	}
}
