package ofconn

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ofswitch/ofp"
)

// helloBytes makes a hello with any version in its header and any elements.
func helloBytes(version uint8, xid uint32, elements ...byte) []byte {
	b := ofp.Header{Version: version, Type: ofp.TypeHello, Length: uint16(ofp.HeaderLen + len(elements)), XID: xid}.Append(nil)
	return append(b, elements...)
}

// bitmap makes a VERSIONBITMAP element.
func bitmap(words ...uint32) []byte {
	b := []byte{0, 1, 0, byte(4 + 4*len(words))}
	for _, w := range words {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	return b
}

func TestHello(t *testing.T) {
	incompatible := ofp.HelloFailedIncompatible
	tests := []struct {
		name   string
		send   []byte
		ok     bool
		code   ofp.Code // of the error, if not ok; all ones: none
		header uint8    // version of the error
		text   string
		reason error
	}{
		{name: "1.3 alone", send: helloBytes(4, 9), ok: true},
		{name: "1.3 with bitmap", send: helloBytes(4, 9, bitmap(1<<4)...), ok: true},
		{name: "ONOS", send: helloBytes(4, 9, bitmap(0x72)...), ok: true},
		{name: "OpenDaylight", send: helloBytes(4, 9, bitmap(1<<1|1<<4)...), ok: true},
		{name: "Floodlight: header 6, bitmap", send: helloBytes(6, 9, bitmap(0x7e)...), ok: true},
		{name: "header 5 without bitmap", send: helloBytes(5, 9), ok: true},
		{name: "header 1, bitmap with 1.3", send: helloBytes(1, 9, bitmap(1<<1|1<<4)...), ok: true},
		{name: "unknown element first", send: helloBytes(4, 9, append([]byte{0, 9, 0, 5, 0xff, 0, 0, 0}, bitmap(1<<4)...)...), ok: true},
		{name: "garbage for elements", send: helloBytes(4, 9, 1, 2, 3), ok: true},
		{name: "two words", send: helloBytes(4, 9, bitmap(1<<4, 0xffffffff)...), ok: true},
		{name: "1.2 alone", send: helloBytes(3, 9), code: incompatible, header: 3, text: "we support version 0x01, 0x04, you support version 0x03 and earlier"},
		{name: "1.1 and 1.2", send: helloBytes(3, 9, bitmap(1<<2|1<<3)...), code: incompatible, header: 3, text: "you support version 0x02, 0x03"},
		{name: "header 4, bitmap without 1.3", send: helloBytes(4, 9, bitmap(1<<5)...), code: incompatible, header: 4, text: "you support version 0x05"},
		{name: "bitmap of zeros", send: helloBytes(4, 9, bitmap(0)...), code: incompatible, header: 4, text: "you support no version"},
		{name: "version 0", send: helloBytes(0, 9), code: incompatible, header: 4, text: "0x00 and earlier"},
		{name: "echo first", send: ofp.Encode(9, &ofp.EchoRequest{}), code: ofp.BadRequestBadType, header: 4, reason: errFirstNotHello},
		{name: "features request first", send: ofp.Encode(9, &ofp.FeaturesRequest{}), code: ofp.BadRequestBadType, header: 4, reason: errFirstNotHello},
		{name: "error first", send: ofp.Encode(9, &ofp.ErrorMsg{Data: []byte("no common version")}), code: ^ofp.Code(0)},
		{name: "length 7", send: []byte{4, 0, 0, 7, 0, 0, 0, 9}, code: ofp.BadRequestBadLen, header: 4, reason: errGarbage},
		{name: "HTTP", send: []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n" + strings.Repeat("x", 0x5420)), code: ^ofp.Code(0) - 1, reason: errFirstNotHello},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sw := &fakeSwitch{}
			m := newManager(t, sw, Options{})
			p := pipe(t, m, connOptions{dialled: true})
			p.want(helloXID, ofp.TypeHello)
			p.raw(tt.send)
			if tt.ok {
				p.alive()
				if m.Connected() != 1 {
					t.Error("not counted as connected")
				}
				return
			}
			switch tt.code {
			case ^ofp.Code(0):
			case ^ofp.Code(0) - 1:
				if _, m := p.recv(); m.Type() != ofp.TypeError {
					t.Errorf("got %v, want an error", m.Type())
				}
			default:
				h, msg := p.recv()
				e, isError := msg.(*ofp.ErrorMsg)
				if !isError || e.ErrCode() != tt.code || h.XID != 9 || h.Version != tt.header {
					t.Fatalf("got %v %+v, want %v in version %d", h, msg, tt.code, tt.header)
				}
				if !strings.Contains(string(e.Data), tt.text) {
					t.Errorf("error data %q, want %q in it", e.Data, tt.text)
				}
			}
			p.wantClosed(tt.reason)
			if m.Connected() != 0 {
				t.Error("counted as connected")
			}
		})
	}
}

func TestHelloMayCloseWithoutAWord(t *testing.T) {
	m := newManager(t, &fakeSwitch{}, Options{})
	p := pipe(t, m, connOptions{})
	p.want(helloXID, ofp.TypeHello)
	_ = p.nc.Close()
	<-p.over
	if !errors.Is(p.err, errPeerClosed) {
		t.Error(p.err)
	}
}

func TestHelloTimeout(t *testing.T) {
	for _, sent := range []int{0, 1, 7, 8, 15} {
		synctest.Test(t, func(t *testing.T) {
			m := newManager(t, &fakeSwitch{}, Options{})
			p := pipe(t, m, connOptions{probe: time.Second})
			p.want(helloXID, ofp.TypeHello)
			start := time.Now()
			p.raw(helloBytes(4, 9, bitmap(0x72)...)[:sent])
			p.wantClosed(errHelloTimeout)
			if took := time.Since(start); took != handshakeTimeout {
				t.Errorf("closed after %v, want %v", took, handshakeTimeout)
			}
		})
	}
}

func TestSecondHello(t *testing.T) {
	m := newManager(t, &fakeSwitch{}, Options{})
	p := connected(t, m, connOptions{})
	p.wantRefused(77, &ofp.Hello{}, ofp.BadRequestBadType)
	p.alive()
}
