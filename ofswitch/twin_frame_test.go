package ofswitch

import (
	"encoding/binary"
	"hash/crc32"

	"ofswitch/flow"
)

// The twin's view of a frame: slow, obvious, and from the bytes each time it
// is asked. It shares no code with flow.Extract and the setters of packet.

// place is where a field stands: bits from the start of the frame, counted as
// on the wire.
type place struct{ at, width int }

// view is a parsed frame.
type view struct {
	b      []byte
	value  map[flow.ID]flow.Value // fields that the frame has
	where  map[flow.ID]place      // those of them that can be written
	ttl    int                    // offset of the TTL byte; 0: no IP
	ip     int                    // offset of the IP header; 0: none
	v6     bool
	ipEnd  int
	l4     int // offset; 0: none
	proto  byte
	frag   bool
	tag    bool // has a VLAN tag
	header bool // has a whole Ethernet header
}

func be16(b []byte) int { return int(binary.BigEndian.Uint16(b)) }

// bits reads width bits at a bit offset.
func bits(b []byte, at, width int) (v flow.Value) {
	for i := at; i < at+width; i++ {
		v.Hi = v.Hi<<1 | v.Lo>>63
		v.Lo = v.Lo<<1 | uint64(b[i/8]>>(7-i%8)&1)
	}
	return v
}

// putBits writes them.
func putBits(b []byte, at, width int, v flow.Value) {
	for i := at + width - 1; i >= at; i-- {
		bit := byte(v.Lo & 1)
		v.Lo = v.Lo>>1 | v.Hi<<63
		v.Hi >>= 1
		m := byte(1) << (7 - i%8)
		b[i/8] = b[i/8]&^m | bit<<(7-i%8)
	}
}

func (v *view) field(id flow.ID, at, width int) {
	v.value[id] = bits(v.b, at, width)
	v.where[id] = place{at, width}
}

// look parses b.
func look(b []byte) *view {
	v := &view{b: b, value: map[flow.ID]flow.Value{}, where: map[flow.ID]place{}}
	if len(b) < 14 {
		return v
	}
	v.header = true
	v.field(flow.EthDst, 0, 48)
	v.field(flow.EthSrc, 48, 48)
	at := 12
	for tags := 0; at < 1<<14; tags++ {
		if t := be16(b[at:]); t != 0x8100 && t != 0x88a8 || len(b) < at+6 {
			break
		}
		if tags == 0 {
			v.tag = true
			vid := bits(b, (at+2)*8+4, 12)
			vid.Lo |= 0x1000
			v.value[flow.VLANVID] = vid
			v.where[flow.VLANVID] = place{(at+2)*8 + 4, 12}
			v.field(flow.VLANPCP, (at+2)*8, 3)
		}
		at += 4
	}
	typ, next := be16(b[at:]), at+2
	if typ >= 0x600 {
		v.field(flow.EthType, at*8, 16)
	} else {
		typ = 0x5ff
		if len(b) >= next+8 && string(b[next:next+6]) == "\xaa\xaa\x03\x00\x00\x00" && be16(b[next+6:]) >= 0x600 {
			typ, next = be16(b[next+6:]), next+8
		}
		v.value[flow.EthType] = flow.Value{Lo: uint64(typ)}
	}
	switch typ {
	case 0x0800:
		v.ipv4(next)
	case 0x86dd:
		v.ipv6(next)
	case 0x0806, 0x8035:
		if len(b) >= next+28 && string(b[next:next+6]) == "\x00\x01\x08\x00\x06\x04" {
			v.field(flow.ARPOp, (next+6)*8, 16)
			v.field(flow.ARPSha, (next+8)*8, 48)
			v.field(flow.ARPSpa, (next+14)*8, 32)
			v.field(flow.ARPTha, (next+18)*8, 48)
			v.field(flow.ARPTpa, (next+24)*8, 32)
		}
	case 0x8847, 0x8848:
		if len(b) >= next+4 {
			v.field(flow.MPLSLabel, next*8, 20)
			v.field(flow.MPLSTC, next*8+20, 3)
			v.field(flow.MPLSBOS, next*8+23, 1)
		}
	case 0x88e7:
		if len(b) >= next+4 {
			v.field(flow.PBBISID, (next+1)*8, 24)
		}
	}
	return v
}

func (v *view) ipv4(at int) {
	b := v.b
	if len(b) < at+20 {
		return
	}
	ihl, total := int(b[at]&15)*4, be16(b[at+2:])
	if ihl < 20 || total < ihl || at+total > len(b) {
		return
	}
	v.ip, v.ipEnd, v.ttl = at, at+total, at+8
	v.field(flow.IPDSCP, (at+1)*8, 6)
	v.field(flow.IPECN, (at+1)*8+6, 2)
	v.field(flow.IPProto, (at+9)*8, 8)
	v.field(flow.IPv4Src, (at+12)*8, 32)
	v.field(flow.IPv4Dst, (at+16)*8, 32)
	v.frag = be16(b[at+6:])&0x3fff != 0
	if be16(b[at+6:])&0x1fff == 0 {
		v.transport(at+ihl, b[at+9])
	}
}

func (v *view) ipv6(at int) {
	b := v.b
	if len(b) < at+40 || at+40+be16(b[at+4:]) > len(b) {
		return
	}
	v.ip, v.v6, v.ttl = at, true, at+7
	v.ipEnd = at + 40 + be16(b[at+4:])
	v.field(flow.IPDSCP, at*8+4, 6)
	v.field(flow.IPECN, at*8+10, 2)
	v.field(flow.IPv6Flabel, at*8+12, 20)
	v.field(flow.IPv6Src, (at+8)*8, 128)
	v.field(flow.IPv6Dst, (at+24)*8, 128)
	v.value[flow.IPProto] = flow.Value{}

	var seen []byte // header types in their order
	nextAt, off, fragAt, later, whole := at+6, at+40, 0, false, true
walk:
	for whole && !later {
		switch t := b[nextAt]; t {
		case 0, 43, 44, 60, 51:
			if off+8 > v.ipEnd {
				whole = false
				break walk
			}
			size := (int(b[off+1]) + 1) * 8
			switch t {
			case 44:
				size = 8
			case 51:
				size = (int(b[off+1]) + 2) * 4
			}
			if off+size > v.ipEnd {
				whole = false
				break walk
			}
			seen = append(seen, t)
			if t == 44 {
				v.frag = v.frag || be16(b[off+2:]) != 0
				later = be16(b[off+2:])&^7 != 0
				fragAt = off
			}
			if !later {
				nextAt = off
			}
			off += size
		case 50, 59:
			seen = append(seen, t)
			break walk
		default:
			break walk
		}
	}
	v.value[flow.IPv6Exthdr] = flow.Value{Lo: exthdr(seen)}
	if !whole {
		return
	}
	if later {
		v.value[flow.IPProto] = flow.Value{Lo: 44}
		v.where[flow.IPProto] = place{fragAt * 8, 8}
		return
	}
	v.field(flow.IPProto, nextAt*8, 8)
	v.transport(off, b[nextAt])
}

// exthdr is the IPV6_EXTHDR value of a chain of header types.
func exthdr(seen []byte) (v uint64) {
	bit := map[byte]uint64{59: 1 << 0, 50: 1 << 1, 51: 1 << 2, 60: 1 << 3, 44: 1 << 4, 43: 1 << 5, 0: 1 << 6}
	n := map[byte]int{}
	last := -1
	for _, t := range seen {
		rank := map[byte]int{0: 0, 60: 1, 43: 2, 44: 3, 51: 4, 50: 5, 59: 7}[t]
		if t == 60 && last >= 1 {
			rank = 6
		}
		if rank < last {
			v |= 1 << 8
		} else {
			last = rank
		}
		n[t]++
		if n[t] > 1 && (t != 60 || n[t] > 2) {
			v |= 1 << 7
		}
		v |= bit[t]
	}
	return v
}

func (v *view) transport(at int, proto byte) {
	b, n := v.b, v.ipEnd-at
	ports := func(src, dst flow.ID) {
		v.field(src, at*8, 16)
		v.field(dst, at*8+16, 16)
		v.l4, v.proto = at, proto
	}
	switch {
	case proto == 6 && n >= 20 && b[at+12]>>4 >= 5 && int(b[at+12]>>4)*4 <= n:
		ports(flow.TCPSrc, flow.TCPDst)
	case proto == 17 && n >= 8:
		ports(flow.UDPSrc, flow.UDPDst)
	case proto == 132 && n >= 12:
		ports(flow.SCTPSrc, flow.SCTPDst)
		if v.frag { // its checksum covers bytes that are elsewhere
			delete(v.where, flow.SCTPSrc)
			delete(v.where, flow.SCTPDst)
		}
	case proto == 1 && !v.v6 && n >= 8:
		v.field(flow.ICMPv4Type, at*8, 8)
		v.field(flow.ICMPv4Code, at*8+8, 8)
		v.l4, v.proto = at, proto
	case proto == 58 && v.v6 && n >= 8:
		v.field(flow.ICMPv6Type, at*8, 8)
		v.field(flow.ICMPv6Code, at*8+8, 8)
		v.l4, v.proto = at, proto
		if (b[at] == 135 || b[at] == 136) && b[at+1] == 0 && n >= 24 {
			v.nd(at)
		}
	}
}

func (v *view) nd(at int) {
	b := v.b
	id := map[byte]flow.ID{1: flow.IPv6NDSll, 2: flow.IPv6NDTll}
	found := map[byte]int{}
	for o := at + 24; o+8 <= v.ipEnd; {
		size := int(b[o+1]) * 8
		if size == 0 || o+size > v.ipEnd {
			break
		}
		if t := b[o]; size == 8 && (t == 1 || t == 2) {
			if at, twice := found[t]; twice && bits(b, at*8, 48).Lo != 0 {
				return
			}
			found[t] = o + 2
		}
		o += size
	}
	v.field(flow.IPv6NDTarget, (at+8)*8, 128)
	for t, id := range id {
		v.value[id] = flow.Value{}
		if o := found[t]; o != 0 {
			v.value[id] = bits(b, o*8, 48)
			if t == 1 && b[at] == 135 || t == 2 && b[at] == 136 {
				v.where[id] = place{o * 8, 48}
			}
		}
	}
}

// sum is the Internet checksum's sum of what v's transport checksum covers,
// the checksum apart.
func (v *view) sum(csum int) (s uint64) {
	add := func(b []byte) {
		for i, x := range b {
			if i%2 == 0 {
				s += uint64(x) << 8
			} else {
				s += uint64(x)
			}
		}
	}
	b := v.b
	if v.v6 {
		add(b[v.ip+8 : v.ip+40])
	} else if v.proto != 1 {
		add(b[v.ip+12 : v.ip+20])
	}
	if v.v6 || v.proto != 1 {
		p := v.value[flow.IPProto].Lo
		s += p + uint64(v.ipEnd-v.l4)
	}
	data := append([]byte(nil), b[v.l4:v.ipEnd]...)
	data[csum-v.l4], data[csum-v.l4+1] = 0, 0
	add(data)
	return s
}

// change writes a field, if the frame has it, and mends checksums.
func (v *view) change(id flow.ID, val flow.Value) {
	p, has := v.where[id]
	if !has {
		return
	}
	v.rewrite(func(b []byte) { putBits(b, p.at, p.width, val) })
}

func (v *view) setTTL(ttl byte) {
	if v.ttl != 0 {
		v.rewrite(func(b []byte) { b[v.ttl] = ttl })
	}
}

// rewrite has fn change the bytes and mends the checksums as an end host would
// compute them. Where a checksum covers bytes that are not here (fragments),
// it is mended by the difference.
func (v *view) rewrite(fn func(b []byte)) {
	b := v.b
	csum, before := 0, uint64(0)
	if v.l4 != 0 {
		csum = map[byte]int{6: 16, 17: 6, 1: 2, 58: 2}[v.proto]
		if csum != 0 {
			csum += v.l4
			before = v.sum(csum)
		}
	}
	sctp := v.l4 != 0 && v.proto == 132 && !v.frag
	damage := uint32(0)
	if sctp {
		// A wrong one stays as wrong as it was.
		damage = binary.LittleEndian.Uint32(b[v.l4+8:]) ^ v.crc()
	}
	was := append([]byte(nil), b...)
	fn(b)
	if v.ip != 0 && !v.v6 {
		// What a label hid need not be an IP header.
		s := uint64(^binary.BigEndian.Uint16(b[v.ip+10:]))
		for i := v.ip; i < v.ip+int(b[v.ip]&15)*4; i += 2 {
			if be16(was[i:]) != be16(b[i:]) {
				s += uint64(be16(b[i:])) + 0xffff - uint64(be16(was[i:]))
			}
		}
		for s > 0xffff {
			s = s>>16 + s&0xffff
		}
		binary.BigEndian.PutUint16(b[v.ip+10:], uint16(^s))
	}
	if csum != 0 {
		old := uint64(be16(b[csum:]))
		if v.proto != 17 || old != 0 {
			after := look(b)
			// The header that was there keeps its checksum, whatever the
			// protocol number says now.
			after.l4, after.proto, after.ip, after.ipEnd, after.v6 = v.l4, v.proto, v.ip, v.ipEnd, v.v6
			if w, ok := v.where[flow.IPProto]; ok {
				after.value[flow.IPProto] = bits(b, w.at, 8)
			}
			s := ^old&0xffff + after.sum(csum) + 0xffff*(before/0xffff+1) - before
			for s > 0xffff {
				s = s>>16 + s&0xffff
			}
			s = ^s & 0xffff
			if v.proto == 17 && s == 0 {
				s = 0xffff
			}
			binary.BigEndian.PutUint16(b[csum:], uint16(s))
		}
	}
	if sctp {
		binary.LittleEndian.PutUint32(b[v.l4+8:], v.crc()^damage)
	}
}

// crc is the CRC32c of an SCTP packet, the checksum taken as zero.
func (v *view) crc() uint32 {
	data := append([]byte(nil), v.b[v.l4:v.ipEnd]...)
	clear(data[8:12])
	return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
}
