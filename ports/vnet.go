package ports

import (
	"encoding/binary"

	"ofswitch/packet"
)

// struct virtio_net_hdr (linux/virtio_net.h), in the byte order of the machine
// as AF_PACKET and TAP use it: flags u8, gso_type u8, hdr_len u16, gso_size
// u16, csum_start u16, csum_offset u16.
const (
	vnetLen = 10

	vnetNeedsCsum = 1
	vnetDataValid = 2
)

// maxHdrLen bounds the header length that we hint to the kernel: it allocates
// that much in one piece. Longer than any headers of a frame that Takes lets
// through (Ethernet, two tags, IPv6 with extension headers, TCP).
const maxHdrLen = 256

var native = binary.NativeEndian

// getVnet reads a virtio-net header into o. h has at least vnetLen bytes.
func getVnet(h []byte, o *packet.Offload) {
	_ = h[vnetLen-1]
	if h[0]|h[1] == 0 {
		*o = packet.Offload{}
		return
	}
	o.NeedsCsum = h[0]&vnetNeedsCsum != 0
	o.CsumValid = h[0]&vnetDataValid != 0
	o.GSOType, o.HdrLen, o.GSOSize = h[1], 0, 0
	if o.GSOType != packet.GSONone {
		o.HdrLen = native.Uint16(h[2:])
		o.GSOSize = native.Uint16(h[4:])
	}
	o.CsumStart, o.CsumOffset = 0, 0
	if o.NeedsCsum {
		o.CsumStart = native.Uint16(h[6:])
		o.CsumOffset = native.Uint16(h[8:])
	}
}

// putVnet writes f's offload state as a virtio-net header.
func putVnet(h []byte, f *packet.Frame) {
	_ = h[vnetLen-1]
	o := &f.Offload
	if !o.NeedsCsum && o.GSOType == packet.GSONone {
		native.PutUint64(h, 0)
		native.PutUint16(h[8:], 0)
		return
	}
	h[0], h[1] = 0, 0
	var hdrLen, gsoSize uint16
	if o.IsGSO() {
		h[1] = o.GSOType
		// GSO frames received from a device may give the whole linear part of
		// the kernel's buffer as header length, and popped headers may have left
		// it too short. It is a hint: keep it within what headers can be.
		hdrLen = min(o.HdrLen, maxHdrLen)
		if o.NeedsCsum && int(hdrLen) < int(o.CsumStart)+int(o.CsumOffset)+2 {
			hdrLen = o.CsumStart + o.CsumOffset + 4 // TCP: 20 bytes, UDP: 10
		}
		hdrLen = uint16(min(int(hdrLen), f.Len()))
		gsoSize = o.GSOSize
	}
	native.PutUint16(h[2:], hdrLen)
	native.PutUint16(h[4:], gsoSize)
	if o.NeedsCsum {
		h[0] = vnetNeedsCsum
		native.PutUint16(h[6:], o.CsumStart)
		native.PutUint16(h[8:], o.CsumOffset)
	} else {
		native.PutUint32(h[6:], 0)
	}
}

// restoreVLAN puts a tag that arrived beside the frame back in front of the
// EtherType. buf[start:end] is the untagged frame; it begins four bytes earlier
// afterwards, and o's offsets move along. The caller has checked that the
// frame holds two MAC addresses and that start >= 4.
func restoreVLAN(buf []byte, start int, o *packet.Offload, tpid, tci uint16) int {
	copy(buf[start-4:], buf[start:start+12])
	binary.BigEndian.PutUint16(buf[start+8:], tpid)
	binary.BigEndian.PutUint16(buf[start+10:], tci)
	if o.NeedsCsum {
		o.CsumStart += 4
	}
	if o.HdrLen != 0 {
		o.HdrLen += 4
	}
	return start - 4
}
