// Package isolate keeps the host's own network stack out of a device that the
// switch forwards on, in both directions.
//
// What an AF_PACKET socket receives goes on into the host's stack, which would
// answer ARP and pings, send RSTs and route; and the host sends its own ARP,
// neighbour discovery and multicast reports out of the device. Start drops the
// one after the socket has its copy, and lets only frames with the firewall
// mark Mark out.
//
//	method  what                                                     since
//	tcx     eBPF programs at ingress and egress, bpf links           Linux 6.6
//	nft     an nftables table of family netdev with the owner flag   Linux 5.12 (ingress), 5.16 (egress)
//
// TCX decides from the moment in which the kernel has taken the program; but then it
// waits for frames on their way, 10 ms and more for each of the two programs, and holds
// its lock on the configuration of devices meanwhile, which who opens the next port
// needs. nftables does neither. So Start isolates by nftables and has TCX, which costs
// a frame less, take over when no more ports are being opened.
//
// Both belong to the process: the kernel removes them when it ends, however it
// ends. Addresses and routes of the device are not touched.
package isolate
