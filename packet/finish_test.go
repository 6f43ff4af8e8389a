package packet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/google/gopacket/layers"
)

func TestFinishChecksum(t *testing.T) {
	r := rand.New(rand.NewPCG(47, 48))
	for range 2000 {
		k := randomKind(r)
		s := build(t, r, k)
		f := s.frame()
		if !s.partial(f) {
			continue
		}
		if k.proto == layers.IPProtocolSCTP && !f.Offload.IsCRC32c() {
			t.Fatal("SCTP's checksum not recognised")
		}
		if err := FinishChecksum(f); err != nil || f.Offload.NeedsCsum {
			t.Fatalf("%v: %v, %+v", k, err, f.Offload)
		}
		checkSums(t, f.Bytes(), s.layers, s.finalIn(f.Bytes()))
		if t.Failed() {
			t.Fatalf("%v", k)
		}
	}
}

// TestFinishChecksumPadded: SCTP's CRC ends with the packet, not the frame.
func TestFinishChecksumPadded(t *testing.T) {
	r := rand.New(rand.NewPCG(49, 50))
	s := build(t, r, kind{proto: layers.IPProtocolSCTP, payload: 3})
	want := bytes.Clone(s.b)
	s.b = append(s.b, make([]byte, 20)...)
	f := s.frame()
	s.partial(f)
	if err := FinishChecksum(f); err != nil || !bytes.Equal(f.Bytes()[:len(want)], want) {
		t.Errorf("%v: % x, want % x", err, f.Bytes(), want)
	}
}

func TestFinishChecksumRefuses(t *testing.T) {
	for _, o := range []Offload{
		{NeedsCsum: true, CsumStart: 0, CsumOffset: 16},
		{NeedsCsum: true, CsumStart: 13, CsumOffset: 16},
		{NeedsCsum: true, CsumStart: 34, CsumOffset: 65}, // one byte of the field is outside
		{NeedsCsum: true, CsumStart: 99, CsumOffset: 0},
		{NeedsCsum: true, CsumStart: 100, CsumOffset: 0},
		{NeedsCsum: true, CsumStart: 0xffff, CsumOffset: 0xffff},
	} {
		f := FromBytes(make([]byte, 100))
		f.Offload = o
		if err := FinishChecksum(f); err != ErrCsumRange || f.Offload != o || !bytes.Equal(f.Bytes(), make([]byte, 100)) {
			t.Errorf("%+v: %v, now %+v", o, err, f.Offload)
		}
	}
	f := FromBytes(make([]byte, 100))
	if err := FinishChecksum(f); err != nil || !bytes.Equal(f.Bytes(), make([]byte, 100)) {
		t.Errorf("nothing to do: %v", err)
	}
	f.Offload = Offload{NeedsCsum: true, CsumStart: 34, CsumOffset: 64}
	if err := FinishChecksum(f); err != nil || binary.BigEndian.Uint16(f.Bytes()[98:]) != 0xffff {
		t.Errorf("last two bytes: %v", err)
	}
}
