package packet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"testing"
)

func TestSum(t *testing.T) {
	tests := []struct {
		b       []byte
		initial uint32
		want    uint16
	}{
		{nil, 0, 0},
		{nil, 0xffff, 0xffff},
		{nil, 0x1fffe, 0xffff},
		{[]byte{1}, 0, 0x0100},
		{[]byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}, 0, 0xddf2}, // RFC 1071 §3
		{bytes.Repeat([]byte{0xff}, 4096), 0, 0xffff},
		{bytes.Repeat([]byte{0xff}, 4095), 0, 0xff00},
		{bytes.Repeat([]byte{0}, 4096), 0, 0},
	}
	for _, tt := range tests {
		if got := Sum(tt.b, tt.initial); got != tt.want {
			t.Errorf("Sum(% x, %#x) = %#04x, want %#04x", tt.b, tt.initial, got, tt.want)
		}
	}
}

// TestSumTwin compares with the slow sum at every length and alignment.
func TestSumTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(61, 62))
	b := randomBytes(r, 400)
	for i := range b {
		if r.IntN(3) == 0 {
			b[i] = 0xff // carries
		}
	}
	for from := range 9 {
		for to := from; to <= len(b); to++ {
			initial := r.Uint32()
			want := slowSum(append(binary.BigEndian.AppendUint32(nil, initial), b[from:to]...))
			if got := Sum(b[from:to], initial); got != want {
				t.Fatalf("b[%d:%d], initial %#x: %#04x, want %#04x", from, to, initial, got, want)
			}
			if Checksum(b[from:to], initial) != ^want {
				t.Fatal("Checksum is not the complement")
			}
		}
	}
	big := bytes.Repeat([]byte{0xff, 0xfe, 0x80}, 22000)
	if got, want := Sum(big, 0), slowSum(big); got != want {
		t.Errorf("66000 bytes: %#04x, want %#04x", got, want)
	}
}

func TestPseudoSums(t *testing.T) {
	r := rand.New(rand.NewPCG(63, 64))
	for range 1000 {
		a := randomBytes(r, 32)
		proto, n := uint8(r.Uint32()), r.IntN(1<<17)
		tail := binary.BigEndian.AppendUint32(nil, uint32(n))
		tail = append(tail, 0, 0, 0, proto)
		if got, want := fold(PseudoSumIPv6(a[:16], a[16:], proto, n)), slowSum(append(bytes.Clone(a), tail...)); got != want {
			t.Fatalf("IPv6: %#04x, want %#04x", got, want)
		}
		src, dst := binary.BigEndian.Uint32(a), binary.BigEndian.Uint32(a[4:])
		if got, want := fold(PseudoSumIPv4(src, dst, proto, n)), slowSum(append(bytes.Clone(a[:8]), tail...)); got != want {
			t.Fatalf("IPv4: %#04x, want %#04x", got, want)
		}
	}
}

// TestUpdateChecksum: the incremental result is the one computed anew.
func TestUpdateChecksum(t *testing.T) {
	r := rand.New(rand.NewPCG(65, 66))
	word := func() uint64 { // with the values that trip one's complement arithmetic
		switch r.IntN(4) {
		case 0:
			return 0
		case 1:
			return ^uint64(0)
		}
		return r.Uint64()
	}
	for range 20000 {
		b := make([]byte, 40)
		b[38] = 1 // real packets are never all zero
		for i := 0; i < 32; i += 8 {
			binary.BigEndian.PutUint64(b[i:], word())
		}
		old := Checksum(b, 0)
		hi, lo := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
		newHi, newLo := word(), word()

		c := bytes.Clone(b)
		putIPv6(c, newHi, newLo)
		if got, want := update(old, sum64(hi)+sum64(lo), sum64(newHi)+sum64(newLo)), ^slowSum(c); got != want {
			t.Fatalf("128: %#04x, want %#04x", got, want)
		}
		c = bytes.Clone(b)
		binary.BigEndian.PutUint32(c, uint32(newHi))
		if got, want := UpdateChecksum32(old, uint32(hi>>32), uint32(newHi)), ^slowSum(c); got != want {
			t.Fatalf("32: %#04x, want %#04x", got, want)
		}
		c = bytes.Clone(b)
		binary.BigEndian.PutUint16(c, uint16(newHi))
		if got, want := UpdateChecksum16(old, uint16(hi>>48), uint16(newHi)), ^slowSum(c); got != want {
			t.Fatalf("16: %#04x, want %#04x", got, want)
		}
		if got, want := updatePartial(slowSum(b), uint32(hi>>48), uint32(uint16(newHi))), slowSum(c); got != want {
			t.Fatalf("partial: %#04x, want %#04x", got, want)
		}
	}
}

// TestChecksumSCTP: the example of RFC 3720 §B.4 fixes the polynomial, a
// packet the order of its bytes.
func TestChecksumSCTP(t *testing.T) {
	if got := crc32.Checksum(make([]byte, 32), castagnoli); got != 0x8a9136aa {
		t.Errorf("CRC32c of 32 zeros: %#08x", got)
	}
	b := randomBytes(rand.New(rand.NewPCG(67, 68)), 50)
	clear(b[8:12])
	c := crc32.Checksum(b, castagnoli)
	SCTP(b).SetChecksum(ChecksumSCTP(b))
	if want := binary.LittleEndian.AppendUint32(nil, c); !bytes.Equal(b[8:12], want) {
		t.Errorf("field % x, want % x", b[8:12], want)
	}
	if ChecksumSCTP(b) != SCTP(b).Checksum() {
		t.Error("the field itself is not left out")
	}
}

func BenchmarkSum(b *testing.B) {
	for _, n := range []int{20, 64, 1448, 65536} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			p := randomBytes(rand.New(rand.NewPCG(1, 1)), n)
			b.SetBytes(int64(n))
			for b.Loop() {
				Sum(p, 0)
			}
		})
	}
}

func BenchmarkChecksumSCTP(b *testing.B) {
	p := randomBytes(rand.New(rand.NewPCG(1, 1)), 1448)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		ChecksumSCTP(p)
	}
}

func BenchmarkUpdateChecksum(b *testing.B) {
	c := uint16(0x1234)
	for b.Loop() {
		c = UpdateChecksum32(c, 0x0a000001, 0x0a000002)
	}
}
