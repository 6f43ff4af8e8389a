package flowtable

import (
	"ofswitch/flow"
	"ofswitch/packet"
)

// SelectHash is a hash for [Group.Select] that all frames of a flow share, in
// both directions: of the Ethernet addresses, the MPLS labels, the IP or ARP
// addresses, the IP protocol, and the ports of TCP, UDP and SCTP. Later
// fragments have no ports, so no fragment's ports count. Every bit that it
// looks at is added to wc (if not nil).
//
// It is the same in every switch and after a restart. To keep switches in a row
// from choosing alike, mix the datapath's number into it.
func SelectHash(w *flow.Wide, wc *flow.Mask) uint64 {
	const (
		labels    = 0xfffff000_fffff000
		addr48    = 0xffffffff_ffff0000
		proto     = 0xff << 24
		fragments = 0xff
		ports     = 0xffffffff_00000000
	)
	look := func(i int, bits uint64) uint64 {
		if wc != nil {
			wc[i] |= bits
		}
		return w[i] & bits
	}
	// The two ends of the conversation.
	src := mix64(look(flow.WEthSrc, addr48))
	dst := mix64(look(flow.WEthDst, addr48))
	end := func(s, d uint64) {
		src, dst = mix64(src+s+1), mix64(dst+d+1)
	}
	common := look(flow.WMPLS, labels) ^ mix64(look(flow.WMPLS2, labels>>32<<32)+1)
	ip := look(flow.WIP, proto|fragments)
	v4, arp := look(flow.WIPv4, ^uint64(0)), look(flow.WARP, ^uint64(0))
	end(v4>>32, v4&0xffffffff)
	end(arp>>32, arp&0xffffffff)
	end(look(flow.WIPv6Src, ^uint64(0)), look(flow.WIPv6Dst, ^uint64(0)))
	end(look(flow.WIPv6SrcLo, ^uint64(0)), look(flow.WIPv6DstLo, ^uint64(0)))
	switch ip >> 24 {
	case packet.ProtoTCP, packet.ProtoUDP, packet.ProtoSCTP:
		if ip&fragments == 0 {
			l4 := look(flow.WL4, ports)
			end(l4>>48, l4>>32&0xffff)
		}
	}
	return mix64(src + dst + mix64(common+ip>>24))
}
