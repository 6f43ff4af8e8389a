package flow

import (
	"encoding/binary"
	"math"

	"ofswitch/packet"
)

// Bits of the IPV6_EXTHDR field, OFPIEH_* (OpenFlow 1.3.5 §7.2.3.8).
const (
	ExthdrNoNext = 1 << 0 // "no next header"
	ExthdrESP    = 1 << 1 // encrypted payload
	ExthdrAuth   = 1 << 2 // authentication header
	ExthdrDest   = 1 << 3 // one or two destination options headers
	ExthdrFrag   = 1 << 4 // fragment header
	ExthdrRouter = 1 << 5 // routing header
	ExthdrHop    = 1 << 6 // hop-by-hop options header
	ExthdrUnrep  = 1 << 7 // a header came more often than it should
	ExthdrUnseq  = 1 << 8 // headers came in another order than RFC 2460 §4.1 prefers
)

// extractIPv6 reads the IPv6 header at off, its extension headers and what
// follows, up to the header's payload length: the rest is padding.
func extractIPv6(b []byte, off int, f *packet.Frame, k *Key) {
	if len(b) < off+packet.IPv6Len {
		return
	}
	h := b[off : off+packet.IPv6Len : off+packet.IPv6Len]
	end := off + packet.IPv6Len + int(binary.BigEndian.Uint16(h[4:]))
	if len(b) < end {
		return
	}
	f.Layers.L3 = int16(off)
	k.W[WIPv6Src] = binary.BigEndian.Uint64(h[8:])
	k.W[WIPv6SrcLo] = binary.BigEndian.Uint64(h[16:])
	k.W[WIPv6Dst] = binary.BigEndian.Uint64(h[24:])
	k.W[WIPv6DstLo] = binary.BigEndian.Uint64(h[32:])
	first := binary.BigEndian.Uint32(h)
	w := uint64(first&0xfffff)<<41 | uint64(first>>20&0xff)<<16 | uint64(h[7])<<8
	k.Bits |= 1<<WIPv6Src | 1<<WIPv6SrcLo | 1<<WIPv6Dst | 1<<WIPv6DstLo | 1<<WIP

	b = b[:end]
	proto := h[6]
	off += packet.IPv6Len
	frag, ok := uint8(0), true
	switch proto {
	case packet.ProtoTCP, packet.ProtoUDP, packet.ProtoICMPv6: // the usual, without extension headers
	default:
		var bits uint16
		proto, frag, bits, off, ok = walkExthdrs(b, off, proto)
		w |= uint64(bits)<<32 | uint64(frag)
	}
	if ok {
		k.W[WIP] = w | uint64(proto)<<24
		if frag&FragLater == 0 {
			extractL4(b, off, proto, true, f, k)
		}
	} else {
		// Nobody knows what protocol it is: ip_proto stays 0.
		k.W[WIP] = w
	}
}

// walkExthdrs walks the extension headers at b[off:], the first of which is of
// type next. It returns the type of the header that ends the chain (for a
// later fragment: of the fragment header, as in Open vSwitch), the fragment
// bits, the IPV6_EXTHDR bits and the offset behind the chain. ok is false when
// the chain is cut short; the bits then tell of its whole headers.
//
// The preferred order is hop-by-hop, destination, routing, fragment,
// authentication, ESP, destination. So a destination options header stands
// first (rank 1) or last (rank 6).
func walkExthdrs(b []byte, off int, next uint8) (proto, frag uint8, bits uint16, end int, ok bool) {
	rank, dests := -1, 0
	for {
		var bit uint16
		r, size := 0, 0
		switch next {
		case packet.ProtoHopByHop:
			bit, r = ExthdrHop, 0
		case packet.ProtoDestOpts:
			bit, r = ExthdrDest, 1
			if rank >= 1 {
				r = 6
			}
		case packet.ProtoRouting:
			bit, r = ExthdrRouter, 2
		case packet.ProtoFragment:
			bit, r, size = ExthdrFrag, 3, 8
		case packet.ProtoAH:
			bit, r = ExthdrAuth, 4
		case packet.ProtoESP:
			bit, r = ExthdrESP, 5
		case packet.ProtoNone:
			bit, r = ExthdrNoNext, 7
		default:
			return next, frag, bits, off, true
		}
		final := next == packet.ProtoESP || next == packet.ProtoNone
		if !final {
			if len(b) < off+8 {
				return 0, frag, bits, off, false
			}
			switch next {
			case packet.ProtoFragment: // always 8
			case packet.ProtoAH:
				size = (int(b[off+1]) + 2) * 4
			default:
				size = (int(b[off+1]) + 1) * 8
			}
			// Layers hold 16-bit offsets; no honest chain is 32 KiB long.
			if len(b) < off+size || off+size > math.MaxInt16 {
				return 0, frag, bits, off, false
			}
		}

		if r < rank {
			bits |= ExthdrUnseq
		}
		if next == packet.ProtoDestOpts {
			if dests++; dests > 2 {
				bits |= ExthdrUnrep
			}
		} else if bits&bit != 0 {
			bits |= ExthdrUnrep
		}
		bits |= bit
		rank = max(rank, r)
		if final {
			return next, frag, bits, off, true
		}
		if next == packet.ProtoFragment {
			if fo := binary.BigEndian.Uint16(b[off+2:]); fo != 0 {
				frag = FragAny
				if fo&0xfff8 != 0 {
					return packet.ProtoFragment, FragAny | FragLater, bits, off + size, true
				}
			}
		}
		next = b[off]
		off += size
	}
}

// extractND reads the target address and the link-layer address options of a
// neighbour solicitation or advertisement; b begins with the target. An option
// that is malformed ends the list. One that comes twice makes the message
// worthless: no fields.
func extractND(b []byte, k *Key) {
	if len(b) < 16 {
		return
	}
	var lla [3]uint64 // by option type: 1 source, 2 target
	for opt := b[16:]; len(opt) >= 8; {
		size := int(opt[1]) * 8
		if size == 0 || size > len(opt) {
			break
		}
		if t := opt[0]; size == 8 && (t == 1 || t == 2) {
			if lla[t] != 0 {
				return
			}
			lla[t] = binary.BigEndian.Uint64(opt) << 16
		}
		opt = opt[size:]
	}
	k.W[WNDTarget] = binary.BigEndian.Uint64(b)
	k.W[WNDTargetLo] = binary.BigEndian.Uint64(b[8:])
	k.W[WNDSll] = lla[1]
	k.W[WNDTll] = lla[2]
	k.Bits |= 1<<WNDTarget | 1<<WNDTargetLo | 1<<WNDSll | 1<<WNDTll
}
