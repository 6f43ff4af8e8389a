package packet

import (
	"encoding/binary"
	"math/bits"
)

// Sum is the 16-bit one's complement sum of b (RFC 1071), added to initial and
// folded; not complemented. An odd last byte counts as if a zero followed.
// initial may be an unfolded sum, such as a pseudo header's.
func Sum(b []byte, initial uint32) uint16 {
	// The sum of little-endian 64-bit words, folded and byte-swapped, is the
	// sum of big-endian 16-bit words (RFC 1071 §2): a plain load on the
	// machines that matter, eight bytes for each addition.
	s := sumLittle(b)
	s = s>>32 + s&0xffffffff
	s = s>>32 + s&0xffffffff
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	return fold(uint32(bits.ReverseBytes16(uint16(s))) + initial&0xffff + initial>>16)
}

// Checksum is the Internet checksum of b: the complement of Sum.
func Checksum(b []byte, initial uint32) uint16 { return ^Sum(b, initial) }

// sumLittle adds b's little-endian 64-bit words modulo 2^64-1.
func sumLittle(b []byte) uint64 {
	var s, c uint64
	for len(b) >= 64 {
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b[0:8]), 0)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b[8:16]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b[16:24]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b[24:32]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b[32:40]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b[40:48]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b[48:56]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b[56:64]), c)
		s += c // no second carry: with one, s is at most 2^64-2
		b = b[64:]
	}
	for len(b) >= 8 {
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b), 0)
		s += c
		b = b[8:]
	}
	var last uint64
	if len(b) >= 4 {
		last = uint64(binary.LittleEndian.Uint32(b))
		b = b[4:]
	}
	if len(b) >= 2 {
		last += uint64(binary.LittleEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		last += uint64(b[0])
	}
	s, c = bits.Add64(s, last, 0)
	return s + c
}

// fold adds the high half of a sum to its low half until 16 bits are left.
func fold(s uint32) uint16 {
	s = s>>16 + s&0xffff
	return uint16(s>>16 + s)
}

// PseudoSumIPv4 is the unfolded sum of the pseudo header of RFC 793 §3.1.
// length is that of the transport header and its data, in bytes.
func PseudoSumIPv4(src, dst uint32, proto uint8, length int) uint32 {
	return sum32(src) + sum32(dst) + uint32(proto) + sum32(uint32(length))
}

// PseudoSumIPv6 is the unfolded sum of the pseudo header of RFC 8200 §8.1. src
// and dst are 16 bytes each; dst is the final destination where a routing
// header names one. length is that of the transport header and its data.
func PseudoSumIPv6(src, dst []byte, proto uint8, length int) uint32 {
	return uint32(Sum(src[:16], 0)) + uint32(Sum(dst[:16], 0)) + uint32(proto) + sum32(uint32(length))
}

// sum32 and sum64 are the unfolded sums of the 16-bit parts of x.
func sum32(x uint32) uint32 { return x>>16 + x&0xffff }

func sum64(x uint64) uint32 {
	return uint32(x>>48) + uint32(x>>32)&0xffff + uint32(x>>16)&0xffff + uint32(x)&0xffff
}

// UpdateChecksum16 is the checksum after a 16-bit word that it covers changed
// from old to new (RFC 1624 equation 3).
func UpdateChecksum16(csum, old, new uint16) uint16 {
	return update(csum, uint32(old), uint32(new))
}

// UpdateChecksum32 is UpdateChecksum16 for an aligned 32-bit word.
func UpdateChecksum32(csum uint16, old, new uint32) uint16 {
	return update(csum, sum32(old), sum32(new))
}

// update replaces the words with the unfolded sum old by words with the sum
// new: HC' = ~(~HC + ~m + m'). The complement of the checksum of real packets
// is never 0, nor is any sum derived here, so the result is the same as that
// of computing it anew.
func update(csum uint16, old, new uint32) uint16 {
	return ^fold(uint32(^csum) + uint32(^fold(old)) + new)
}

// updatePartial is update for a sum that is not complemented.
func updatePartial(sum uint16, old, new uint32) uint16 {
	return fold(uint32(sum) + uint32(^fold(old)) + new)
}
