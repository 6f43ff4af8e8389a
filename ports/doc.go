// Package ports attaches the datapath to network devices: AF_PACKET or AF_XDP
// sockets on existing devices (OpenSystem), TAP devices that the switch makes or
// takes over (OpenInternal, OpenTap), and pairs in memory for tests and
// benchmarks (NewMem, NewPair). It also watches devices come, go and change
// (Watch).
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
// # Where things are
//
//	port.go caps.go counters.go errors.go     what a port is to the data path
//	system*.go claim.go fanout.go opened.go   system ports: AF_PACKET
//	io_choice.go together.go
//	ring*.go arena.go mmsg.go rawio_unsafe.go memory and system calls of frames
//	vnet.go
//	xdp*.go                                   system ports: AF_XDP
//	tap*.go                                   internal and TAP ports
//	mem*.go                                   ports in memory
//	kernelpath*.go                            ports whose flows the kernel forwards (kernelpath)
//	device*.go ethtool_unsafe.go watch.go     devices: status, statistics, driver, coming and going
//	netns.go kernel_version.go
//	provider.go                               descriptors of a predecessor process
//
// # AF_XDP
//
// A system port may move its frames by AF_XDP instead (io_choice.go says when).
// An eBPF program at the device's XDP hook, held by a bpf link of the process,
// redirects every frame to the socket of its receive queue. The memory of all
// such ports is one umem (xdp_umem.go); a frame that goes from one to another is not
// copied by us (packet.Frame.Exchange), and one from elsewhere once.
//
// There is no offload state on either side: Caps are empty, so the data path
// segments and finishes checksums before Tx, and what comes in must have its
// checksums. Network cards see to that. A veth does not: its peer's TCP
// segmentation is turned off by the program, its partial checksums come as they
// are. So io=auto takes AF_XDP on hardware alone. VLAN tags are in the frame;
// a card that takes them out is told not to (xdp_vlan.go).
//
// The host's stack sees nothing of what comes in, since the program stands
// before it; what the host itself sends is dropped at egress, as ever. Our own
// frames leave past tc and its disciplines, and past tcpdump, both with
// zero-copy and through the kernel (it hands them to the driver itself), so
// the egress program does not ask them for their mark; io=auto leaves devices
// alone that have a queueing discipline of the user's.
//
// A frame has one slot of 2048 bytes: an MTU beyond 1774 is for AF_PACKET.
// (XDP_USE_SG could chain slots, since Linux 6.6; the data path wants a frame in
// one piece, so each would be copied, and a GSO packet of AF_PACKET carries 40
// times as much.)
//
// # Packet rings
//
// System ports share packet rings with the kernel (TPACKET_V2, ring.go): a frame
// that came in lies in its slot, lent, until Batch.Release; a frame that leaves is
// copied into a slot, and a batch goes by one system call. A slot holds a frame of
// the device's MTU. What is longer waits at the socket and takes its turn among the
// slots (system_ring.go), or leaves by sendmmsg in its turn (system_txring.go). The kernel takes
// some 10 ms to give a socket a ring: where ports are opened in a row, it makes those of
// the next ones meanwhile (ring_spare.go).
//
// Not used: TPACKET_V3 (it wakes by the millisecond). Tried and not kept, on veth: slots of
// 64 KiB for whole GSO packets (4 MiB for 63 of them: no system call for each, but no more
// throughput, since the two copies are nearly half of what a GSO packet costs); a receive
// buffer of 256 KiB to 1 MiB instead of 8 (no more throughput, more segments sent again);
// long frames aligned to cache lines (no difference); a transmit ring
// without the virtio-net header, whose packets have pages of the ring hanging on them
// (as slow as sendmmsg); the virtio-net header directly before the frame for sendmmsg,
// one piece instead of two (no difference).
//
// # Whole GSO packets
//
// A TCP stream through the switch is copied four times: by its sender, into our
// memory, into the kernel's, by its receiver. With two processors for three threads the
// busiest is the bound, and a sender that paces itself by what it has seen delivered
// (BBR) never offers more than that. Both copies in the middle are the worker's, some
// 50 us for 64 KiB; a ring with long slots would have the sender's
// processor make one of them. What bare prototypes gave on a loaded machine (veth, iperf3, one
// stream, medians of 5 rounds turn by turn, Gbit/s; shares of a processor of sender, switch,
// receiver):
//
//	Linux bridge                                       10.8   95 %   -    58 %
//	recvmmsg and sendmmsg of long frames               10.0   73 %  77 %  28 %
//	one ring with slots of 128 KiB, 8 MiB              11.4   99 %  60 %  23 %
//	two rings, slots of 1.6 and 65 KiB, 8 MiB each     12.2   98 %  61 %  27 %
//	the same, 32 MiB                                   12.5   98 %  66 %  27 %
//	the same, at most 4 long frames a batch            10.4   94 %  64 %  25 %
//
// In another five rounds: 1 MiB with slots of 128 KiB 7.9 (8,500 segments sent again, where
// the others had 200 to 350), 2 MiB 11.1, 8 MiB 9.7 (9.8 a frame at a time, 9.5 with 30 us of
// looking for the next frame before sleeping), recvmmsg 7.5. The two rings in the switch, with
// a fanout group that tells frames apart by length, gained next to nothing (5.0 and 6.6
// without, 5.2 and 5.8 with them) and left a stream at 0.2 Gbit/s in one run: not kept. Segments
// sent again where no frame is dropped are the sender's change of processors: some overtake
// others there. A transmit ring whose pages hang on the packet spares no copy either: veth
// devices copy them when they hand the packet over (the slot is free again at once, and
// what is written to it then does not reach the receiver).
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
//	6.2     the same                               no packet rings: recvmmsg and sendmmsg
//	6.3     XDP features by netlink                io=auto means AF_PACKET
//	6.6     TCX                                    isolation falls back to nft
//	6.17    XDP_MAX_TX_SKB_BUDGET                  AF_XDP sends 32 frames a system call
//
// Limits that AF_PACKET has on every kernel: a whole GSO packet leaves only as
// Ethernet, at most two VLAN tags, IP, TCP or UDP; a frame with an 802.1ad tag
// in front gets no four extra bytes beyond the MTU, an 802.1Q tag does; with
// PACKET_QDISC_BYPASS a GSO packet that the device itself cannot segment is
// lost, so the queue takes GSO only where the device has the feature.
package ports
