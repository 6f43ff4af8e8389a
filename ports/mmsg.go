package ports

import (
	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

const auxLen = 20 // struct tpacket_auxdata

var (
	auxSpace = unix.CmsgSpace(auxLen) // room for one PACKET_AUXDATA message
	auxData  = unix.CmsgLen(0)        // where its data begin
)

// rxVector is the memory that one receive queue hands to recvmmsg: for each
// frame a virtio-net header, room for the frame, and one control message. It
// stays at the same addresses for the queue's life.
type rxVector struct {
	arena []byte
	msgs  [packet.BatchSize]mmsghdr
	iovs  [packet.BatchSize][2]unix.Iovec
	vnet  [packet.BatchSize][vnetLen]byte
	ctrl  []byte // BatchSize times auxSpace
}

func newRxVector() (*rxVector, error) {
	arena, err := getArena()
	if err != nil {
		return nil, err
	}
	v := &rxVector{arena: arena, ctrl: make([]byte, packet.BatchSize*auxSpace)}
	for i := range v.msgs {
		h := &v.msgs[i].hdr
		v.iovs[i][0].Base = &v.vnet[i][0]
		v.iovs[i][0].SetLen(vnetLen)
		v.iovs[i][1].Base = &slot(arena, i)[slotFrame]
		v.iovs[i][1].SetLen(packet.MaxFrame)
		h.Iov = &v.iovs[i][0]
		h.SetIovlen(2)
		h.Control = &v.ctrl[i*auxSpace]
		h.SetControllen(auxSpace)
	}
	return v, nil
}

// packet.VLANLen is the tag that the kernel took out of the i-th frame.
func (v *rxVector) vlanTag(i int) (tpid, tci uint16, ok bool) {
	if int(v.msgs[i].hdr.Controllen) < auxData+auxLen {
		return 0, 0, false
	}
	c := v.ctrl[i*auxSpace : (i+1)*auxSpace]
	if native.Uint32(c[unix.SizeofCmsghdr-8:]) != unix.SOL_PACKET || native.Uint32(c[unix.SizeofCmsghdr-4:]) != unix.PACKET_AUXDATA {
		return 0, 0, false
	}
	// struct tpacket_auxdata: status, len, snaplen u32; mac, net, vlan_tci,
	// vlan_tpid u16.
	c = c[auxData:]
	status := native.Uint32(c)
	if status&unix.TP_STATUS_VLAN_VALID == 0 {
		return 0, 0, false
	}
	tci, tpid = native.Uint16(c[16:]), packet.TypeVLAN
	if status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		tpid = native.Uint16(c[18:])
	}
	return tpid, tci, true
}

// reset makes the first n messages ready for the next call.
func (v *rxVector) reset(n int) {
	for i := range v.msgs[:n] {
		v.msgs[i].hdr.SetControllen(auxSpace)
	}
}

// txVector is the memory of one transmit handle's sendmmsg calls.
type txVector struct {
	msgs [packet.BatchSize]mmsghdr
	iovs [packet.BatchSize][2]unix.Iovec
	vnet [packet.BatchSize][vnetLen]byte

	frames [packet.BatchSize]*packet.Frame // of each message
}

func newTxVector() *txVector {
	v := &txVector{}
	for i := range v.msgs {
		v.iovs[i][0].Base = &v.vnet[i][0]
		v.iovs[i][0].SetLen(vnetLen)
		v.msgs[i].hdr.Iov = &v.iovs[i][0]
		v.msgs[i].hdr.SetIovlen(2)
	}
	return v
}

// set prepares the i-th message. The frame has at least one byte.
func (v *txVector) set(i int, f *packet.Frame) {
	putVnet(v.vnet[i][:], f)
	b := f.Bytes()
	v.iovs[i][1].Base = &b[0]
	v.iovs[i][1].SetLen(len(b))
	v.frames[i] = f
}

// clear lets go of the frames: their memory is the caller's again.
func (v *txVector) clear(n int) {
	for i := range v.iovs[:n] {
		v.iovs[i][1].Base = nil
		v.frames[i] = nil
	}
}
