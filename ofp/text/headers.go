package text

import (
	"encoding/binary"

	"ofswitch/packet"
)

// notEthType stands for the type of a frame that has none (OFP_DL_TYPE_NOT_ETH_TYPE).
const notEthType = packet.TypeMin - 1

// headers are those of a frame, as far as they are whole: what is cut short is
// zero. It is for printing, where flow.Extract would need a frame of the data
// path.
type headers struct {
	src, dst [6]byte
	tags     []uint16 // TCIs, outermost first, at most two
	etype    uint16   // behind the tags

	labels []uint32 // MPLS label stack entries up to the bottom, at most three
	arp    [28]byte // for IPv4 over Ethernet

	addr   [2][16]byte // IP source and destination; IPv4 in the first four bytes
	label  uint32      // IPv6 flow label
	proto  uint8       // behind IPv6 extension headers
	tos    uint8
	ttl    uint8
	frag   bool   // a fragment
	later  bool   // and not the first one
	l4     []byte // nil when there is none, or not all of its fixed part
	target [16]byte
	sll    [6]byte
	tll    [6]byte
}

// readHeaders reads a frame. It never fails.
func readHeaders(b []byte) *headers {
	h := new(headers)
	if len(b) < packet.EthernetLen {
		return h
	}
	copy(h.dst[:], b)
	copy(h.src[:], b[6:])
	h.etype, b = binary.BigEndian.Uint16(b[12:]), b[14:]
	for len(h.tags) < 2 && (h.etype == packet.TypeVLAN || h.etype == packet.TypeQinQ) && len(b) >= 4 {
		h.tags = append(h.tags, binary.BigEndian.Uint16(b))
		h.etype, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	if h.etype < packet.TypeMin {
		h.etype = notEthType
		if len(b) >= 8 && binary.BigEndian.Uint64(b)>>16 == 0xaaaa03000000 { // SNAP, RFC 1042
			if t := binary.BigEndian.Uint16(b[6:]); t >= packet.TypeMin {
				h.etype, b = t, b[8:]
			}
		}
	}
	switch h.etype {
	case packet.TypeIPv4:
		h.ipv4(b)
	case packet.TypeIPv6:
		h.ipv6(b)
	case packet.TypeARP, packet.TypeRARP:
		if len(b) >= len(h.arp) && binary.BigEndian.Uint64(b)>>16 == 0x000108000604 {
			copy(h.arp[:], b)
		}
	case packet.TypeMPLS, packet.TypeMPLSMC:
		for bottom := false; !bottom && len(h.labels) < 3; {
			lse := uint32(0)
			if len(b) >= 4 {
				lse, b = binary.BigEndian.Uint32(b), b[4:]
			}
			h.labels = append(h.labels, lse)
			bottom = lse&0x100 != 0
		}
	}
	return h
}

func (h *headers) ipv4(b []byte) {
	if len(b) < 20 {
		return
	}
	ihl, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if ihl < 20 || total < ihl || len(b) < total {
		return
	}
	h.tos, h.ttl, h.proto = b[1], b[8], b[9]
	copy(h.addr[0][:4], b[12:])
	copy(h.addr[1][:4], b[16:])
	off := binary.BigEndian.Uint16(b[6:])
	h.frag, h.later = off&0x3fff != 0, off&0x1fff != 0
	if !h.later {
		h.layer4(b[ihl:total])
	}
}

func (h *headers) ipv6(b []byte) {
	if len(b) < 40 {
		return
	}
	first, n := binary.BigEndian.Uint32(b), int(binary.BigEndian.Uint16(b[4:]))
	if len(b) < 40+n {
		return
	}
	h.tos, h.label, h.ttl = uint8(first>>20), first&0xfffff, b[7]
	copy(h.addr[0][:], b[8:])
	copy(h.addr[1][:], b[24:])
	h.proto, b = b[6], b[40:40+n]
	for {
		size := 0
		switch h.proto {
		case packet.ProtoHopByHop, packet.ProtoRouting, packet.ProtoDestOpts: // RFC 8200 §4
			if len(b) >= 8 {
				size = (int(b[1]) + 1) * 8
			}
		case packet.ProtoAH: // RFC 4302 §2.2
			if len(b) >= 8 {
				size = (int(b[1]) + 2) * 4
			}
		case packet.ProtoFragment:
			if len(b) >= 8 {
				size = 8
				off := binary.BigEndian.Uint16(b[2:])
				h.frag, h.later = h.frag || off&0xfff9 != 0, h.later || off&0xfff8 != 0
			}
		default:
			if !h.later {
				h.layer4(b)
			}
			return
		}
		if size == 0 || size > len(b) || h.later {
			return
		}
		h.proto, b = b[0], b[size:]
	}
}

// layer4 takes what follows the IP headers, if it holds all of the protocol's
// fixed part.
func (h *headers) layer4(b []byte) {
	if h.proto == packet.ProtoICMP && h.etype == packet.TypeIPv6 || h.proto == packet.ProtoICMPv6 && h.etype == packet.TypeIPv4 {
		return
	}
	need := map[uint8]int{packet.ProtoTCP: 20, packet.ProtoUDP: 8, packet.ProtoSCTP: 12, packet.ProtoICMP: 8, packet.ProtoICMPv6: 8}[h.proto]
	if need == 0 || len(b) < need {
		return
	}
	h.l4 = b
	if h.proto == packet.ProtoICMPv6 && (b[0] == 135 || b[0] == 136) && b[1] == 0 && len(b) >= 24 {
		copy(h.target[:], b[8:])
		// Neighbour discovery options (RFC 4861 §4.6).
		for o := b[24:]; len(o) >= 8 && o[1] != 0 && len(o) >= int(o[1])*8; o = o[int(o[1])*8:] {
			switch {
			case b[0] == 135 && o[0] == 1 && o[1] == 1:
				copy(h.sll[:], o[2:])
			case b[0] == 136 && o[0] == 2 && o[1] == 1:
				copy(h.tll[:], o[2:])
			}
		}
	}
}
