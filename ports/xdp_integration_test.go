package ports

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/packet"
)

// openXDPPort opens a port that must have AF_XDP in this mode.
func openXDPPort(t testing.TB, ns *testutil.NS, dev string, mode XDPMode) *System {
	t.Helper()
	p := openSystem(t, ns, dev, SystemOptions{IO: IOAFXDP, XDPMode: mode, Logger: quiet})
	if p.xdp == nil {
		t.Fatalf("no AF_XDP: %s", p.IOChoice().Why)
	}
	return p
}

// udp is a frame with right checksums: n bytes, numbered, with these tags.
func udp(tags []uint16, n, number int) []byte {
	b := frame(tags, 0)
	binary.BigEndian.PutUint16(b[len(b)-2:], packet.TypeIPv4)
	l3 := len(b)
	b = append(b, make([]byte, max(n-l3, packet.IPv4MinLen+packet.UDPLen+4))...)
	ip := b[l3:]
	ip[0], ip[8], ip[9] = 0x45, 64, packet.ProtoUDP
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	copy(ip[12:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
	u := ip[packet.IPv4MinLen:]
	binary.BigEndian.PutUint16(u, 1000)
	binary.BigEndian.PutUint16(u[2:], 2000)
	binary.BigEndian.PutUint16(u[4:], uint16(len(u)))
	for i := range u[packet.UDPLen:] {
		u[packet.UDPLen+i] = byte(i * number)
	}
	binary.BigEndian.PutUint32(u[packet.UDPLen:], uint32(number))
	f := packet.FromBytes(b)
	f.Offload = packet.Offload{NeedsCsum: true, CsumStart: uint16(l3 + packet.IPv4MinLen), CsumOffset: 6}
	b = f.Bytes()
	binary.BigEndian.PutUint16(b[l3+10:], ^fold(sum(b[l3:l3+packet.IPv4MinLen])))
	pseudo := sum(b[l3+12:l3+20]) + packet.ProtoUDP + uint32(len(u))
	binary.BigEndian.PutUint16(b[l3+packet.IPv4MinLen+6:], fold(pseudo))
	if err := packet.FinishChecksum(f); err != nil {
		panic(err)
	}
	return b
}

func sum(b []byte) (s uint32) {
	for i := 0; i < len(b); i += 2 {
		s += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	return s
}

func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

var sizes = []int{60, 61, 64, 127, 128, 512, 1000, 1499, 1514}
var tagLists = [][]uint16{nil, {packet.TypeVLAN}, {packet.TypeQinQ}, {packet.TypeQinQ, packet.TypeVLAN}}

// Frames pass in both directions as they are, tags inside, in both modes, and
// are counted.
func TestIntegrationXDPFrames(t *testing.T) {
	for _, mode := range []XDPMode{XDPNative, XDPGeneric} {
		t.Run(string(mode), func(t *testing.T) {
			host, sw := veth(t)
			fd := host.PacketSocket("a0")
			p := openXDPPort(t, sw, "p0", mode)
			if c := p.IOChoice(); c.IO != IOAFXDP || c.Mode != mode || c.Why != "as configured" {
				t.Errorf("choice %+v", c)
			}
			q, tx := p.RxQueues()[0], newTx(t, p)
			if c := tx.Caps(); c != (Caps{}) {
				t.Errorf("caps %+v", c)
			}
			var frames, octets uint64
			for _, tags := range tagLists {
				for i, n := range sizes {
					b := udp(tags, n, i)
					if len(b) > 1514 && len(tags) > 0 {
						continue
					}
					if _, err := unix.Write(fd, b); err != nil {
						t.Fatalf("%d bytes: %v", len(b), err)
					}
					got := next(t, q)
					if !bytes.Equal(got.Bytes(), b) || got.Offload != (packet.Offload{}) {
						t.Fatalf("received % x %+v\nwant     % x", got.Bytes(), got.Offload, b)
					}
					got.Bytes()[5] = 9
					if tx.Tx([]*packet.Frame{got}) != 1 {
						t.Fatalf("not sent: %v", p.Stats().TxDropReasons)
					}
					if back := nextOn(t, fd); !bytes.Equal(back, got.Bytes()) {
						t.Fatalf("sent % x\nwant % x", back, got.Bytes())
					}
					frames, octets = frames+1, octets+uint64(len(b))
				}
			}
			s := p.Stats()
			if s.RxPackets != frames || s.RxBytes != octets || s.TxPackets != frames || s.TxBytes != octets || s.RxDropped+s.TxDropped+s.RxErrors+s.TxErrors != 0 {
				t.Errorf("stats %+v, want %d frames, %d bytes", s, frames, octets)
			}
		})
	}
}

// nextOn reads the next frame that has arrived at a host's raw socket, with its
// tag back in place.
func nextOn(t testing.TB, fd int) []byte {
	t.Helper()
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
		t.Fatal(err)
	}
	for {
		buf, ctrl := make([]byte, 4096), make([]byte, 128)
		n, cn, _, from, err := unix.Recvmsg(fd, buf, ctrl, 0)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENETDOWN) { // it was down meanwhile
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if from.(*unix.SockaddrLinklayer).Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		b := buf[:n]
		msgs, err := unix.ParseSocketControlMessage(ctrl[:cn])
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range msgs {
			if m.Header.Type != unix.PACKET_AUXDATA || native.Uint32(m.Data)&unix.TP_STATUS_VLAN_VALID == 0 {
				continue
			}
			tag := binary.BigEndian.AppendUint16(nil, native.Uint16(m.Data[18:]))
			b = slices.Insert(b, 12, binary.BigEndian.AppendUint16(tag, native.Uint16(m.Data[16:]))...)
		}
		return b
	}
}
