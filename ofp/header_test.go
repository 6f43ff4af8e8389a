package ofp

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

func TestReadMessage(t *testing.T) {
	var stream []byte
	for _, s := range samples() {
		stream = append(stream, wire(t, s.wire)...)
	}
	readers := map[string]io.Reader{
		"buffered":    bufio.NewReader(bytes.NewReader(stream)),
		"byte wise":   iotest.OneByteReader(bytes.NewReader(stream)),
		"end at once": iotest.DataErrReader(bytes.NewReader(stream)),
	}
	for name, r := range readers {
		t.Run(name, func(t *testing.T) {
			var buf []byte
			for _, s := range samples() {
				h, msg, err := ReadMessage(r, buf)
				if err != nil {
					t.Fatalf("%s: %v", s.name, err)
				}
				if want := wire(t, s.wire); !bytes.Equal(msg, want) || int(h.Length) != len(want) || h.Type != s.msg.Type() || h.XID != sampleXID {
					t.Fatalf("%s: read %+v, %x", s.name, h, msg)
				}
				buf = msg
			}
			if _, _, err := ReadMessage(r, buf); err != io.EOF {
				t.Errorf("at the end: %v, want EOF", err)
			}
		})
	}
}

func TestReadMessageCutOff(t *testing.T) {
	whole := Encode(1, &EchoRequest{Data: make([]byte, 10000)})
	for _, n := range []int{1, 7, 8, 9, 4096, 8192, len(whole) - 1} {
		_, _, err := ReadMessage(bytes.NewReader(whole[:n]), nil)
		if err != io.ErrUnexpectedEOF {
			t.Errorf("%d of %d bytes: %v, want ErrUnexpectedEOF", n, len(whole), err)
		}
	}
}

func TestReadMessageFraming(t *testing.T) {
	for length := range HeaderLen {
		h, msg, err := ReadMessage(bytes.NewReader([]byte{4, 2, 0, byte(length), 0, 0, 0, 9, 1, 2, 3}), nil)
		var e *Error
		if !errors.As(err, &e) || e.Code != BadRequestBadLen {
			t.Errorf("length %d: %v, want BAD_LEN", length, err)
		}
		if h.XID != 9 || len(msg) != HeaderLen {
			t.Errorf("length %d: header %+v, %d bytes; they are needed for the answer", length, h, len(msg))
		}
	}
	if _, err := ParseHeader(make([]byte, 7)); err == nil {
		t.Error("7 bytes are taken for a header")
	}
}

// A peer that promises a long message and sends nothing costs no memory.
func TestReadMessageGrowsWithData(t *testing.T) {
	r := &promise{data: []byte{4, 2, 0xff, 0xff, 0, 0, 0, 1}}
	if _, _, err := ReadMessage(r, nil); err != io.ErrUnexpectedEOF {
		t.Fatal(err)
	}
	if r.asked > readStep {
		t.Errorf("asked for %d bytes at once after 8 came", r.asked)
	}
}

// promise ends after its data and notes the largest read.
type promise struct {
	data  []byte
	asked int
}

func (p *promise) Read(b []byte) (int, error) {
	p.asked = max(p.asked, len(b))
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.data)
	p.data = p.data[n:]
	return n, nil
}

func TestHeaderString(t *testing.T) {
	for want, h := range map[string]Header{
		"OFPT_HELLO (OF1.3) (xid=0x1)":                    {4, TypeHello, 8, 1},
		"OFPT_METER_MOD (OF1.0) (xid=0xff)":               {1, TypeMeterMod, 8, 255},
		"message type 30 (version 0x07) (xid=0xdeadbeef)": {7, 30, 8, 0xdeadbeef},
	} {
		if got := h.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Framing, dispatch and encoding into a buffer that is there do not allocate.
func TestNoAllocs(t *testing.T) {
	var stream bytes.Reader
	var r = bufio.NewReader(&stream)
	msg := wire(t, samples()[0].wire)
	for _, s := range samples() {
		msg = append(msg[:0], wire(t, s.wire)...)
		buf := make([]byte, 0, len(msg))
		if n := testing.AllocsPerRun(100, func() {
			stream.Reset(msg)
			r.Reset(&stream)
			_, got, err := ReadMessage(r, buf)
			if err != nil || len(got) != len(msg) {
				t.Fatal(len(got), err)
			}
		}); n != 0 {
			t.Errorf("%s: reading allocates %v times", s.name, n)
		}
		if n := testing.AllocsPerRun(100, func() {
			if len(AppendMessage(buf, 1, s.msg)) != len(msg) {
				t.Fatal("wrong length")
			}
		}); n != 0 {
			t.Errorf("%s: encoding allocates %v times", s.name, n)
		}
	}
	for _, b := range [][]byte{Encode(1, &BarrierRequest{}), Encode(1, &FeaturesRequest{}), Encode(1, &EchoRequest{}), Encode(1, &GetConfigRequest{})} {
		h, err := ParseHeader(b)
		if err != nil {
			t.Fatal(err)
		}
		var m Message
		if n := testing.AllocsPerRun(100, func() { m, err = Decode(h, b[HeaderLen:]) }); n > 1 || err != nil || m == nil {
			t.Errorf("%v: dispatch allocates %v times, %v", h.Type, n, err)
		}
	}
}

func BenchmarkReadMessage(b *testing.B) {
	msg := Encode(1, &EchoRequest{Data: make([]byte, 56)})
	var stream bytes.Reader
	r := bufio.NewReader(&stream)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		stream.Reset(msg)
		r.Reset(&stream)
		_, m, err := ReadMessage(r, buf)
		if err != nil {
			b.Fatal(err)
		}
		buf = m
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, s := range samples() {
		switch s.name {
		case "packet in", "packet out", "flow mod, table-miss", "flow mod, every instruction and action", "barrier request":
		default:
			continue
		}
		b.Run(s.name, func(b *testing.B) {
			msg := wire(b, s.wire)
			h, err := ParseHeader(msg)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(h, msg[HeaderLen:]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, s := range samples() {
		switch s.name {
		case "packet in", "flow removed", "flow reply":
		default:
			continue
		}
		b.Run(s.name, func(b *testing.B) {
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				buf = AppendMessage(buf[:0], 1, s.msg)
			}
		})
	}
}
