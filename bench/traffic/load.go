package traffic

import (
	"encoding/binary"
	"fmt"
	"net"

	"ofswitch/packet"
)

// FrameLen is the length of all frames in bytes, without FCS.
const FrameLen = 64

// Offsets in a frame.
const (
	offIP      = packet.EthernetLen
	offIPSum   = offIP + 10
	offSrc     = offIP + 12
	offDst     = offIP + 16
	offUDP     = offIP + 20
	offUDPSum  = offUDP + 6
	offPayload = offUDP + 8
	offMagic   = offPayload
	offFlow    = offPayload + 4
	offSeq     = offPayload + 8

	ipLen  = FrameLen - offIP
	udpLen = FrameLen - offUDP
)

// magic begins the payload of our frames.
const magic = 0x6f667362

// The addresses and ports of a flow: 10.R.R.w, 172.16.R.R, UDP source port
// basePort + w/256, destination port basePort + R, for rule number R and the
// w-th flow of that rule.
const (
	srcNet   = 10 << 24
	dstNet   = 172<<24 | 16<<16
	basePort = 1024
)

// Bounds of Load's fields: what fits in the addresses and ports.
const (
	MaxRules        = 60_000
	MaxFlowsPerRule = 1 << 24 >> 2 // source ports below 17408
)

// Load says which flows the frames belong to.
type Load struct {
	Flows  int  // number of flows; 0: 1
	Rules  int  // number of rules that the flows spread over evenly; 0: 1
	Random bool // each frame's flow is drawn at random; else they come in turn
}

func (l Load) flows() uint32 { return uint32(max(l.Flows, 1)) }
func (l Load) rules() uint32 { return uint32(max(l.Rules, 1)) }

func (l Load) check() error {
	if l.rules() > MaxRules || (l.flows()-1)/l.rules() >= MaxFlowsPerRule {
		return fmt.Errorf("traffic: %d flows of %d rules are more than addresses and ports can tell apart", l.Flows, l.Rules)
	}
	return nil
}

// tuple is what tells flows apart.
type tuple struct {
	src, dst     uint32
	sport, dport uint16
}

func (l Load) tuple(flow uint32) tuple {
	r, w := flow%l.rules(), flow/l.rules()
	return tuple{src: srcNet | r<<8 | w&0xff, dst: dstNet | r, sport: uint16(basePort + w>>8), dport: uint16(basePort + r)}
}

// Match is the text of an OpenFlow match that lets in the flows of rule r: the
// first of them alone, by all five fields (exact), or all, by a prefix of the
// source address, the destination and its port.
func (l Load) Match(r int, exact bool) string {
	t := l.tuple(uint32(r))
	if exact {
		return fmt.Sprintf("udp,nw_src=%s,nw_dst=%s,tp_src=%d,tp_dst=%d", ipText(t.src), ipText(t.dst), t.sport, t.dport)
	}
	return fmt.Sprintf("udp,nw_src=%s/24,nw_dst=%s,tp_dst=%d", ipText(t.src), ipText(t.dst), t.dport)
}

func ipText(ip uint32) string {
	return net.IP(binary.BigEndian.AppendUint32(nil, ip)).String()
}

// template is a frame without flow, number and checksums. The checksum fields
// hold the sums of what does not change, in one's complement, not inverted.
func template(src, dst net.HardwareAddr) []byte {
	b := make([]byte, FrameLen)
	copy(b, dst)
	copy(b[6:], src)
	binary.BigEndian.PutUint16(b[12:], packet.TypeIPv4)
	ip := packet.IPv4(b[offIP:])
	ip[0] = 0x45
	ip.SetTotalLen(ipLen)
	ip[6] = 0x40 // don't fragment
	ip.SetTTL(64)
	ip.SetProto(packet.ProtoUDP)
	packet.UDP(b[offUDP:]).SetLength(udpLen)
	binary.BigEndian.PutUint32(b[offMagic:], magic)
	return b
}

// constantSums are the sums of a template's 16-bit words in IPv4's header, and
// in UDP with its pseudo header.
func constantSums() (ip, udp uint32) {
	b := template(make(net.HardwareAddr, 6), make(net.HardwareAddr, 6))
	for i := offIP; i < offUDP; i += 2 {
		ip += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for i := offUDP; i < FrameLen; i += 2 {
		udp += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	return ip, udp + packet.ProtoUDP + udpLen
}

// fill makes a template into the frame of a flow with a number.
func (l Load) fill(b []byte, flow uint32, seq uint64) {
	t := l.tuple(flow)
	be := binary.BigEndian
	be.PutUint32(b[offSrc:], t.src)
	be.PutUint32(b[offDst:], t.dst)
	be.PutUint16(b[offUDP:], t.sport)
	be.PutUint16(b[offUDP+2:], t.dport)
	be.PutUint32(b[offFlow:], flow)
	be.PutUint64(b[offSeq:], seq)
	be.PutUint16(b[offIPSum:], 0)
	be.PutUint16(b[offIPSum:], packet.Checksum(b[offIP:offUDP], 0))
	be.PutUint16(b[offUDPSum:], 0)
	sum := packet.Checksum(b[offUDP:FrameLen], packet.PseudoSumIPv4(t.src, t.dst, packet.ProtoUDP, udpLen))
	if sum == 0 {
		sum = 0xffff
	}
	be.PutUint16(b[offUDPSum:], sum)
}
