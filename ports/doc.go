// Package ports attaches the datapath to network devices: AF_PACKET sockets on
// existing devices (OpenSystem), TAP devices that the switch makes or takes
// over (OpenInternal, OpenTap), and pairs in memory for tests and benchmarks
// (NewMem, NewPair). It also watches devices come, go and change (Watch).
//
// Frames carry the work that their sender left to the device (packet.Offload,
// the virtio-net header): partial checksums and GSO packets from veth and TAP
// pass whole to every port that takes them. Caps.Takes says which frame may
// leave a transmit queue as it is.
//
// Rx and Tx use raw system calls that cannot block (MSG_DONTWAIT, O_NONBLOCK),
// at most packet.BatchSize frames a call, so that a worker thread never hands
// its processor back in the middle of a batch.
//
// # Which kernel gives what
//
//	Linux   what                                   without it
//	2.6.27  IFF_VNET_HDR, TUNSETOFFLOAD (TAP)      io=plain: the kernel finishes checksums and segments
//	4.20    PACKET_IGNORE_OUTGOING                 OpenSystem fails: the floor is 5.15
//	5.12    nftables owner flag, netdev ingress    no nft isolation
//	5.16    nftables netdev egress                 nft isolation covers ingress only, one line says so
//	5.17    SO_MARK with CAP_NET_RAW               SO_MARK needs CAP_NET_ADMIN
//	6.2     UDP segmentation in the virtio header  UDP GSO frames are lost on receipt by AF_PACKET (counted
//	        (AF_PACKET both ways, TAP USO4/USO6)   as RxErrors) and segmented by the switch on transmit
//	6.6     TCX                                    isolation falls back to nft
//
// Limits that AF_PACKET has on every kernel: a whole GSO packet leaves only as
// Ethernet, at most two VLAN tags, IP, TCP or UDP; a frame with an 802.1ad tag
// in front gets no four extra bytes beyond the MTU, an 802.1Q tag does; with
// PACKET_QDISC_BYPASS a GSO packet that the device itself cannot segment is
// lost, so the queue takes GSO only where the device has the feature.
package ports
