package ofswitch

import (
	"encoding/binary"
	"slices"

	"ofswitch/flow"
)

// What the twin does to labels, I-tags and their TTLs.

// typeAt is the place of the EtherType behind the VLAN tags; 0: no whole
// Ethernet header.
func (v *view) typeAt() int {
	if !v.header {
		return 0
	}
	at := 12
	for at < 1<<14 && len(v.b) >= at+6 && (be16(v.b[at:]) == 0x8100 || be16(v.b[at:]) == 0x88a8) {
		at += 4
	}
	return at
}

// label is the place of the outermost label; 0: none.
func (v *view) label() int {
	at := v.typeAt()
	if at == 0 || len(v.b) < at+6 || be16(v.b[at:]) != 0x8847 && be16(v.b[at:]) != 0x8848 {
		return 0
	}
	return at + 2
}

// itag is the place of the outermost I-tag's EtherType, if n bytes follow it;
// 0: none.
func (v *view) itag(n int) int {
	at := v.typeAt()
	if at == 0 || len(v.b) < at+2+n || be16(v.b[at:]) != 0x88e7 {
		return 0
	}
	return at
}

func pushedMPLS(b []byte, typ uint16) []byte {
	v := look(b)
	at := v.typeAt()
	if at == 0 || be16(b[at:]) < 0x600 {
		return b
	}
	lse := []byte{0, 0, 1, 0}
	switch be16(b[at:]) {
	case 0x8847, 0x8848:
		l := v.label()
		if l == 0 {
			return b
		}
		lse = slices.Clone(b[l : l+4])
		lse[2] &^= 1
	case 0x0800, 0x86dd:
		if v.ttl != 0 {
			lse[3] = b[v.ttl]
		}
	}
	out := binary.BigEndian.AppendUint16(slices.Clone(b[:at]), typ)
	return append(append(out, lse...), b[at+2:]...)
}

func poppedMPLS(b []byte, typ uint16) []byte {
	l := look(b).label()
	if l == 0 {
		return b
	}
	out := binary.BigEndian.AppendUint16(slices.Clone(b[:l-2]), typ)
	return append(out, b[l+4:]...)
}

func pushedPBB(b []byte) []byte {
	v := look(b)
	if !v.header {
		return b
	}
	itag := []byte{0x88, 0xe7, 0, 0, 0, 0}
	if v.tag {
		itag[2] = byte(v.value[flow.VLANPCP].Lo << 5)
	}
	if at := v.itag(4); at != 0 {
		copy(itag[3:], b[at+3:at+6])
	}
	out := append(slices.Clone(b[:12]), itag...)
	return append(append(out, b[:12]...), b[12:]...)
}

func poppedPBB(b []byte) []byte {
	at := look(b).itag(18)
	if at == 0 {
		return b
	}
	out := append(slices.Clone(b[at+6:at+18]), b[12:at]...)
	return append(out, b[at+18:]...)
}

// ttls are the places of the outermost two TTLs, and those of the IPv4 headers
// they are in, 0 for another header; nil: there are no two.
func (v *view) ttls() (ttl, ip4 []int) {
	b := v.b
	add := func(t, h int) { ttl, ip4 = append(ttl, t), append(ip4, h) }
	// below adds the IP header that stands at the given place and is of the
	// version, or of either (0).
	below := func(at, version int) {
		if at >= len(b) || version != 0 && int(b[at]>>4) != version {
			return
		}
		switch b[at] >> 4 {
		case 4:
			if n := int(b[at]&15) * 4; n >= 20 && at+n <= len(b) {
				add(at+8, at)
			}
		case 6:
			if at+40 <= len(b) {
				add(at+7, 0)
			}
		}
	}
	switch l := v.label(); {
	case l != 0:
		add(l+3, 0)
		if b[l+2]&1 != 0 {
			below(l+4, 0)
		} else if len(b) >= l+8 {
			add(l+7, 0)
		}
	case v.ip != 0 && !v.v6:
		add(v.ttl, v.ip)
		if be16(b[v.ip+6:])&0x1fff == 0 {
			next := v.ip + int(b[v.ip]&15)*4
			below(next, map[byte]int{4: 4, 41: 6}[b[v.ip+9]]|0x100*notIP(b[v.ip+9]))
		}
	case v.ip != 0:
		add(v.ttl, 0)
		at, next, whole := v.chain()
		if whole {
			below(at, map[byte]int{4: 4, 41: 6}[next]|0x100*notIP(next))
		}
	}
	if len(ttl) < 2 {
		return nil, nil
	}
	return ttl, ip4
}

// notIP is 1 for protocols that are no IP, a version that nothing has.
func notIP(proto byte) int {
	if proto == 4 || proto == 41 {
		return 0
	}
	return 1
}

// chain is where IPv6's extension headers end, and the protocol there.
func (v *view) chain() (at int, next byte, whole bool) {
	next, at = v.b[v.ip+6], v.ip+40
	for next == 0 || next == 43 || next == 44 || next == 60 || next == 51 {
		if at+8 > len(v.b) {
			return 0, 0, false
		}
		size := (int(v.b[at+1]) + 1) * 8
		switch next {
		case 44:
			size = 8
			if be16(v.b[at+2:])&^7 != 0 {
				return 0, 0, false
			}
		case 51:
			size = (int(v.b[at+1]) + 2) * 4
		}
		if at+size > len(v.b) {
			return 0, 0, false
		}
		next, at = v.b[at], at+size
	}
	return at, next, true
}

// copyTTL copies the second TTL to the outermost, or inwards.
func (v *view) copyTTL(inwards bool) {
	ttl, ip4 := v.ttls()
	if ttl == nil {
		return
	}
	from, to, header := ttl[1], ttl[0], ip4[0]
	if inwards {
		from, to, header = to, from, ip4[1]
	}
	if header == 0 {
		v.b[to] = v.b[from]
		return
	}
	v.putTTL4(header, v.b[from])
}

// putTTL4 writes the TTL of the IPv4 header at the given place, and mends its
// checksum by the difference.
func (v *view) putTTL4(header int, ttl byte) {
	h := v.b[header:]
	s := uint32(^binary.BigEndian.Uint16(h[10:])) + uint32(^(uint16(h[8]) << 8)) + uint32(ttl)<<8
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	h[8] = ttl
	binary.BigEndian.PutUint16(h[10:], ^uint16(s))
}
