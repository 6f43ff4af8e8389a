package integration

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// vnetHdr is struct virtio_net_hdr, by which a raw socket sends and receives
// frames whose checksums and segmentation are left to others.
type vnetHdr struct {
	flags, gsoType                       uint8
	hdrLen, gsoSize, csumStart, csumOffs uint16
}

const vnetLen = 10

func (h vnetHdr) append(b []byte) []byte {
	b = append(b, h.flags, h.gsoType)
	for _, v := range []uint16{h.hdrLen, h.gsoSize, h.csumStart, h.csumOffs} {
		b = binary.NativeEndian.AppendUint16(b, v)
	}
	return b
}

func parseVnet(b []byte) (h vnetHdr, frame []byte) {
	n := binary.NativeEndian
	return vnetHdr{b[0], b[1], n.Uint16(b[2:]), n.Uint16(b[4:]), n.Uint16(b[6:]), n.Uint16(b[8:])}, b[vnetLen:]
}

// partial is p's frame with nothing but the pseudo header in the transport
// checksum, as a stack with offloads sends it.
func (p ipPacket) partial(tags ...tag) (h vnetHdr, frame []byte) {
	frame = p.frame(tags...)
	l4 := len(frame) - len(p.l4)
	field := frame[l4+p.csumAt:]
	field[0], field[1] = 0, 0
	full := ^sum(frame[l4:]) // what the payload adds
	good := p.frame(tags...)
	// full checksum = ^(pseudo + payload), so pseudo = ^checksum - payload.
	s := uint32(^binary.BigEndian.Uint16(good[l4+p.csumAt:])) + uint32(full)
	binary.BigEndian.PutUint16(field, uint16(s>>16+s&0xffff))
	return vnetHdr{flags: 1, csumStart: uint16(l4), csumOffs: uint16(p.csumAt)}, frame
}

// TestIntegrationOpenFlowOffloads: fields are set in frames with unfinished
// checksums and in GSO frames. What a controller gets is finished, segment by
// segment; what a port gets is right once the checksum is finished.
func TestIntegrationOpenFlowOffloads(t *testing.T) {
	l := newOFLab(t, 2)
	l.reset()
	for _, c := range l.cables {
		if err := unix.SetsockoptInt(c.fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
			t.Fatal(err)
		}
		c.vnet = vnetLen
	}
	big := bytes.Repeat(payload, 100) // 3900 bytes
	bigTCP := func(src, dst uint16) []byte { return append(tcp(src, dst)[:20], big...) }
	const mss = 1400
	vlan := tag{0x8100, 5}
	for _, tc := range []struct {
		name, match, actions string
		in, want             ipPacket
		tags, wantTags       []tag
		gso                  uint8
	}{
		{"UDP", "udp,", "set_field:9.9.9.9->ip_src,set_field:7->udp_dst", udp4, udp4.with(func(p *ipPacket) { p.src, p.l4 = "9.9.9.9", udp(1000, 7) }), nil, nil, 0},
		{"UDP over IPv6, tagged", "udp6,vlan_vid=0x1000/0x1000,", "set_field:fd00::99->ipv6_dst,set_field:7->udp_src,dec_ttl", udp6,
			udp6.with(func(p *ipPacket) { p.dst, p.l4, p.ttl = "fd00::99", udp(7, 2000), 63 }), []tag{vlan}, []tag{vlan}, 0},
		{"TCP", "tcp,", "set_field:9.9.9.9->ip_dst,set_field:7->tcp_src,push_vlan:0x8100,set_field:0x1005->vlan_vid", tcp4,
			tcp4.with(func(p *ipPacket) { p.dst, p.l4 = "9.9.9.9", tcp(7, 2000) }), nil, []tag{vlan}, 0},
		{"TCP, segments", "tcp,", "set_field:9.9.9.9->ip_dst,set_field:7->tcp_src,dec_ttl", tcp4.with(func(p *ipPacket) { p.l4 = bigTCP(1000, 2000) }),
			tcp4.with(func(p *ipPacket) { p.dst, p.l4, p.ttl = "9.9.9.9", bigTCP(7, 2000), 63 }), nil, nil, 1},
		{"TCP over IPv6, segments, tagged", "tcp6,", "set_field:fd00::99->ipv6_src,set_field:7->tcp_dst,push_vlan:0x8100,set_field:0x1005->vlan_vid", tcp6.with(func(p *ipPacket) { p.l4 = bigTCP(1000, 2000) }),
			tcp6.with(func(p *ipPacket) { p.src, p.l4 = "fd00::99", bigTCP(1000, 7) }), nil, []tag{vlan}, 4},
		{"TCP, segments, tag off", "tcp,dl_vlan=5,", "pop_vlan,set_field:9.9.9.9->ip_dst", tcp4.with(func(p *ipPacket) { p.l4 = bigTCP(1000, 2000) }),
			tcp4.with(func(p *ipPacket) { p.dst, p.l4 = "9.9.9.9", bigTCP(1000, 2000) }), []tag{vlan}, nil, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l.use(t)
			l.reset("add " + tc.match + "actions=" + tc.actions + ",output:2,CONTROLLER:65535")
			h, frame := tc.in.partial(tc.tags...)
			if tc.gso != 0 {
				h.gsoType, h.gsoSize, h.hdrLen = tc.gso, mss, h.csumStart+20
			}
			l.cables[0].send(append(h.append(nil), frame...))
			l.cables[0].send(append(vnetHdr{}.append(nil), fenceFrame...))

			// Port 2 sees one frame, whose checksum we finish.
			h, got := parseVnet(l.cables[1].recv())
			if h.flags&1 != 0 {
				at := h.csumStart + h.csumOffs
				if int(at)+2 > len(got) {
					t.Fatalf("checksum at %d of %d bytes", at, len(got))
				}
				s := ^sum(got[h.csumStart:])
				if s == 0 && tc.want.proto == 17 {
					s = 0xffff
				}
				binary.BigEndian.PutUint16(got[at:], s)
			}
			if want := tc.want.frame(tc.wantTags...); !bytes.Equal(got, want) {
				t.Errorf("port 2 sent\n%x, want\n%x", got, want)
			}
			if tc.gso != h.gsoType&0x7f || tc.gso != 0 && h.gsoSize != mss {
				t.Errorf("port 2's frame has GSO type %d of %d bytes, want %d of %d", h.gsoType, h.gsoSize, tc.gso, mss)
			}
			if _, f := parseVnet(l.cables[1].recv()); !isFence(f) {
				t.Errorf("port 2 sent one more: %x", f)
			}

			// The controller sees finished frames of the wire.
			var ins [][]byte
			for {
				m := l.c.take(func(m *ofMessage) bool { return m.h.Type == 10 })
				b := m.raw[len(m.raw)-int(binary.BigEndian.Uint16(m.raw[12:])):]
				if isFence(b) {
					break
				}
				ins = append(ins, b)
			}
			want := [][]byte{tc.want.frame(tc.wantTags...)}
			if tc.gso != 0 {
				want = tc.want.segments(mss, tc.wantTags...)
			}
			if g, w := fmt.Sprintf("%x", ins), fmt.Sprintf("%x", want); g != w {
				t.Errorf("packet-ins\n%s, want\n%s", g, w)
			}
		})
	}
	for _, f := range l.c.flows(everyFlow) {
		if f.Priority == 65535 {
			continue
		}
		// The last one's: three segments, each with its headers.
		n, b := uint64(3), uint64(len(big)+3*(14+4+40))
		if f.PacketCount != n || f.ByteCount != b {
			t.Errorf("the flow has counted %d packets and %d bytes, want %d and %d", f.PacketCount, f.ByteCount, n, b)
		}
	}
}

// segments is a TCP packet as it stands on the wire in pieces of at most mss
// bytes.
func (p ipPacket) segments(mss int, tags ...tag) (list [][]byte) {
	data := p.l4[20:]
	for i := 0; i*mss < len(data); i++ {
		s := p
		s.l4 = append(bytes.Clone(p.l4[:20]), data[i*mss:min((i+1)*mss, len(data))]...)
		binary.BigEndian.PutUint32(s.l4[4:], binary.BigEndian.Uint32(p.l4[4:])+uint32(i*mss))
		s.id = p.id + uint16(i)
		list = append(list, s.frame(tags...))
	}
	return list
}
