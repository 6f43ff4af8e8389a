package packet

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/google/gopacket/layers"
)

// itag is an I-tag on the wire, made slowly: EtherType, TCI and addresses.
func itag(tci uint32, addrs []byte) []byte {
	return append([]byte{0x88, 0xe7, byte(tci >> 24), byte(tci >> 16), byte(tci >> 8), byte(tci)}, addrs...)
}

func TestPBB(t *testing.T) {
	r := rand.New(rand.NewPCG(111, 112))
	for range 300 {
		k := randomKind(r)
		s := build(t, r, k)
		f := s.frame()
		s.partial(f)
		f.Offload.HdrLen, f.Offload.GSOType, f.Offload.GSOSize = uint16(s.layers.L4)+20, GSOTCPv4, 3
		want, first := bytes.Clone(f.Bytes()), f.Offload
		var before [][]byte
		pcp := uint32(0)
		if k.tags > 0 {
			pcp = uint32(s.b[14] >> 5)
		}
		isid := uint32(0)
		for depth := range 3 {
			before = append(before, want)
			if !PushPBB(f) {
				t.Fatalf("%v: push %d failed", k, depth+1)
			}
			// The whole frame goes behind the new header, which has its addresses.
			want = bytes.Join([][]byte{want[:12], itag(pcp<<29|isid, nil), want}, nil)
			if !bytes.Equal(f.Bytes(), want) {
				t.Fatalf("%v: push %d\n% x, want\n% x", k, depth+1, f.Bytes(), want)
			}
			grown := uint16(18 * (depth + 1))
			if f.Offload.HdrLen != first.HdrLen+grown || first.NeedsCsum && f.Offload.CsumStart != first.CsumStart+grown {
				t.Errorf("%v: push %d: offload %+v, first %+v", k, depth+1, f.Offload, first)
			}
			if wl := (Layers{L2End: 12, MPLS: 14, L3: -1, L4: -1}); f.Layers != wl {
				t.Errorf("%v: push %d: layers %+v, want %+v", k, depth+1, f.Layers, wl)
			}
			// The next I-tag gets this I-SID; its priority is that of a VLAN tag,
			// of which there is none before this I-tag.
			isid, pcp = r.Uint32()&0xffffff, 0
			src, dst := r.Uint64()>>16, r.Uint64()>>16
			if !SetPBBISID(f, isid) || !SetEthSrc(f, src) || !SetEthDst(f, dst) {
				t.Fatalf("%v: the I-tag pushed cannot be written", k)
			}
			want[15], want[16], want[17] = byte(isid>>16), byte(isid>>8), byte(isid)
			putMAC(want, dst)
			putMAC(want[6:], src)
			if !bytes.Equal(f.Bytes(), want) {
				t.Fatalf("%v: written\n% x, want\n% x", k, f.Bytes(), want)
			}
		}
		if c := NewPools().Clone(f); c.Offload.NeedsCsum {
			c.Offload.GSOType = GSONone
			if err := FinishChecksum(c); err != nil {
				t.Fatalf("%v: %v", k, err)
			}
			b := c.Bytes()[3*18:]
			checkSums(t, b, s.layers, s.finalIn(b))
		}
		for depth := 2; depth >= 0; depth-- {
			f.Layers = Layers{L2End: 12, MPLS: 14, L3: -1, L4: -1} // extracted again
			if !PopPBB(f) || !bytes.Equal(f.Bytes(), before[depth]) {
				t.Fatalf("%v: pop of I-tag %d\n% x, want\n% x", k, depth+1, f.Bytes(), before[depth])
			}
			if wl := (Layers{-1, -1, -1, -1}); f.Layers != wl {
				t.Errorf("%v: layers %+v", k, f.Layers)
			}
		}
		if f.Offload != first {
			t.Errorf("%v: offload %+v, want %+v", k, f.Offload, first)
		}
		if f.Layers = s.layers; PopPBB(f) {
			t.Fatalf("%v: popped what is not there", k)
		}
	}
}

// TestPBBAndVLAN: customer's tags behind the I-tag, backbone's before it.
func TestPBBAndVLAN(t *testing.T) {
	r := rand.New(rand.NewPCG(113, 114))
	s := build(t, r, kind{proto: layers.IPProtocolUDP, tags: 2, payload: 40})
	f := s.frame()
	s.partial(f)
	if !SetVLANPCP(f, 5) || !PushPBB(f) || !SetPBBISID(f, 0xabcdef) || !PushVLAN(f, TypeQinQ, 0x6123) {
		t.Fatal("push failed")
	}
	customer := bytes.Clone(f.Bytes()[4+18:])
	addrs := customer[:12]
	btag := []byte{0x88, 0xa8, 0x61, 0x23}
	want := bytes.Join([][]byte{addrs, btag, itag(5<<29|0xabcdef, nil), customer}, nil)
	if !bytes.Equal(f.Bytes(), want) {
		t.Fatalf("% x, want % x", f.Bytes(), want)
	}
	if wl := (Layers{L2End: 16, MPLS: 18, L3: -1, L4: -1}); f.Layers != wl {
		t.Errorf("layers %+v, want %+v", f.Layers, wl)
	}

	// Another I-tag takes the I-SID from behind the B-tag, and the B-tag's PCP.
	again := bytes.Clone(f.Bytes())
	if !PushPBB(f) {
		t.Fatal("push failed")
	}
	if want := bytes.Join([][]byte{addrs, itag(3<<29|0xabcdef, nil), again}, nil); !bytes.Equal(f.Bytes(), want) {
		t.Fatalf("% x, want % x", f.Bytes(), want)
	}
	if !PopPBB(f) || !bytes.Equal(f.Bytes(), again) {
		t.Fatalf("popped: % x, want % x", f.Bytes(), again)
	}

	// A pop with the B-tag still there gives the customer's addresses and
	// keeps the B-tag.
	SetEthDst(f, 0x020000000001)
	SetEthSrc(f, 0x020000000002)
	start := f.Offload.CsumStart
	f.Layers = Layers{L2End: 16, MPLS: 18, L3: -1, L4: -1}
	if !PopPBB(f) {
		t.Fatal("pop failed")
	}
	if want := bytes.Join([][]byte{addrs, btag, customer[12:]}, nil); !bytes.Equal(f.Bytes(), want) {
		t.Errorf("% x, want % x", f.Bytes(), want)
	}
	if f.Offload.CsumStart != start-18 {
		t.Errorf("checksum from %d, was from %d", f.Offload.CsumStart, start)
	}
}

func TestPBBRefuses(t *testing.T) {
	whole := bytes.Join([][]byte{make([]byte, 12), {0x81, 0, 0, 9}, itag(0x12345678, bytes.Repeat([]byte{7}, 12)), {8, 0}}, nil)
	for n := range len(whole) + 1 {
		f := FromBytes(whole[:n])
		f.Layers = Layers{L2End: 16, MPLS: 18, L3: -1, L4: -1}
		if got := PopPBB(f); got != (n == len(whole)) {
			t.Errorf("pop of %d bytes: %v", n, got)
		} else if !got && (!bytes.Equal(f.Bytes(), whole[:n]) || f.Layers.L2End != 16) {
			t.Errorf("refused %d bytes, but now % x %+v", n, f.Bytes(), f.Layers)
		}
		f = FromBytes(whole[:n])
		f.Layers = Layers{L2End: 16, MPLS: 18, L3: -1, L4: -1}
		got := PushPBB(f)
		if got != (n >= EthernetLen) || !got && !bytes.Equal(f.Bytes(), whole[:n]) {
			t.Errorf("push on %d bytes: %v, % x", n, got, f.Bytes())
		}
		// The I-SID and the priority are there when the bytes are.
		tci := uint32(0)
		if n >= 22 {
			tci = 0x345678
		}
		if got && PBB(f.Bytes()[12:]).TCI() != tci {
			t.Errorf("push on %d bytes: TCI %#x, want %#x", n, PBB(f.Bytes()[12:]).TCI(), tci)
		}
	}
	f := FromBytes(whole)
	f.Layers = Layers{-1, -1, -1, -1}
	if PopPBB(f) {
		t.Error("popped without layers")
	}
}

func TestPBBView(t *testing.T) {
	b := make([]byte, PBBLen)
	h := PBB(b)
	h.SetType(TypePBB)
	h.SetTCI(0xff)
	h.SetISID(0xff123456)
	h.SetPCP(5)
	h.SetDEI(true)
	h.SetUCA(true)
	h.SetCDst(0x010203040506)
	h.SetCSrc(0x0708090a0b0c)
	want := []byte{0x88, 0xe7, 0xb8, 0x12, 0x34, 0x56, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	if !bytes.Equal(b, want) {
		t.Fatalf("% x, want % x", b, want)
	}
	if h.PCP() != 5 || !h.DEI() || !h.UCA() || h.ISID() != 0x123456 || h.TCI() != 0xb8123456 ||
		h.CDst() != 0x010203040506 || h.CSrc() != 0x0708090a0b0c {
		t.Errorf("reads %d %v %v %#x %#x %#x %#x", h.PCP(), h.DEI(), h.UCA(), h.ISID(), h.TCI(), h.CDst(), h.CSrc())
	}
	h.SetDEI(false)
	if h.DEI() || !h.UCA() || h.PCP() != 5 {
		t.Error("DEI cleared more than itself")
	}
	h.SetUCA(false)
	if h.UCA() || h.PCP() != 5 || h.ISID() != 0x123456 {
		t.Error("UCA cleared more than itself")
	}
}
