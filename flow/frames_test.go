package flow

import (
	"net"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

var (
	macA = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	macB = net.HardwareAddr{2, 0, 0, 0, 0, 2}
)

// build serializes layers, with lengths and checksums, and pads to size.
func build(size int, ls ...gopacket.SerializableLayer) []byte {
	var net gopacket.NetworkLayer
	for _, l := range ls {
		if n, ok := l.(gopacket.NetworkLayer); ok {
			net = n
		}
		var err error
		switch t := l.(type) {
		case *layers.TCP:
			err = t.SetNetworkLayerForChecksum(net)
		case *layers.UDP:
			err = t.SetNetworkLayerForChecksum(net)
		case *layers.ICMPv6:
			err = t.SetNetworkLayerForChecksum(net)
		}
		if err != nil {
			panic(err)
		}
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...); err != nil {
		panic(err)
	}
	b := buf.Bytes()
	for len(b) < size {
		b = append(b, 0xee) // padding that would be misread, if it were
	}
	return b
}

func eth(t layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: macA, DstMAC: macB, EthernetType: t}
}

func ip4(proto layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, TOS: 0x28 | 1, Protocol: proto, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}}
}

func ip6(proto layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 63, TrafficClass: 0x2a, FlowLabel: 0x12345, NextHeader: proto,
		SrcIP: net.ParseIP("2001:db8::1"), DstIP: net.ParseIP("2001:db8::2")}
}

var (
	frameUDP   = build(60, eth(0x0800), ip4(17), &layers.UDP{SrcPort: 1000, DstPort: 2000}, gopacket.Payload("hi"))
	frameTCP   = build(60, eth(0x0800), ip4(6), &layers.TCP{SrcPort: 1000, DstPort: 80, SYN: true, ECE: true, Window: 5})
	frameICMP  = build(60, eth(0x0800), ip4(1), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(3, 1), Id: 7})
	frameSCTP  = build(60, eth(0x0800), ip4(132), &layers.SCTP{SrcPort: 5, DstPort: 6})
	frameVLAN  = build(64, eth(0x8100), &layers.Dot1Q{VLANIdentifier: 5, Priority: 3, Type: 0x0800}, ip4(17), &layers.UDP{SrcPort: 1000, DstPort: 2000})
	frameQinQ  = build(64, eth(0x88a8), &layers.Dot1Q{VLANIdentifier: 100, DropEligible: true, Type: 0x8100}, &layers.Dot1Q{VLANIdentifier: 4095, Priority: 7, Type: 0x0800}, ip4(17), &layers.UDP{SrcPort: 1000, DstPort: 2000})
	frameTCP6  = build(60, eth(0x86dd), ip6(6), &layers.TCP{SrcPort: 1000, DstPort: 443, ACK: true, PSH: true}, gopacket.Payload("data"))
	frameICMP6 = build(60, eth(0x86dd), ip6(58), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(128, 0)}, gopacket.Payload("echo"))
	frameNS    = build(60, eth(0x86dd), ip6(58), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(135, 0)},
		&layers.ICMPv6NeighborSolicitation{TargetAddress: net.ParseIP("fe80::9"), Options: layers.ICMPv6Options{{Type: 1, Data: macA}}})
	frameNA = build(60, eth(0x86dd), ip6(58), &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(136, 0)},
		&layers.ICMPv6NeighborAdvertisement{TargetAddress: net.ParseIP("fe80::9"), Options: layers.ICMPv6Options{{Type: 2, Data: macB}}})
	frameARP = build(60, eth(0x0806), &layers.ARP{AddrType: 1, Protocol: 0x0800, HwAddressSize: 6, ProtAddressSize: 4, Operation: 0x0102,
		SourceHwAddress: macA, DstHwAddress: macB, SourceProtAddress: []byte{10, 0, 0, 1}, DstProtAddress: []byte{10, 0, 0, 2}})
	frameMPLS = build(60, eth(0x8847), &layers.MPLS{Label: 100, TrafficClass: 5, TTL: 9}, &layers.MPLS{Label: 200, TTL: 8},
		&layers.MPLS{Label: 300, TTL: 7, StackBottom: true}, ip4(17), &layers.UDP{})
)

type namedFrame struct {
	name string
	data []byte
}

var benchFrames = []namedFrame{
	{"udp", frameUDP}, {"tcp", frameTCP}, {"vlan-udp", frameVLAN}, {"tcp6", frameTCP6}, {"arp", frameARP}, {"nd", frameNS}, {"mpls", frameMPLS},
}

var allFrames = append(benchFrames, []namedFrame{
	{"icmp", frameICMP}, {"sctp", frameSCTP}, {"qinq", frameQinQ}, {"icmp6", frameICMP6}, {"na", frameNA},
}...)
