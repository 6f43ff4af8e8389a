package ofswitch

import (
	"ofswitch/flow"
	"ofswitch/packet"
	"ofswitch/ports/kernelpath"
)

// kernelMatch says which frames of a port the kernel takes for a program's: those of one class that are
// equal to key in the bits of mask.
type kernelMatch struct{ key, mask kernelpath.Key }

// Pieces of words that the kernel's frames have alike, or that it does not look at.
const (
	wordsEthernet = 1<<flow.WInPort | 1<<flow.WEthDst | 1<<flow.WEthSrc
	wordsIPv4     = wordsEthernet | 1<<flow.WIPv4 | 1<<flow.WIP | 1<<flow.WL4
	wordsIPv6     = wordsEthernet | 1<<flow.WIPv6Src | 1<<flow.WIPv6SrcLo | 1<<flow.WIPv6Dst | 1<<flow.WIPv6DstLo | 1<<flow.WIP | 1<<flow.WL4

	flowLabelBits = 0xfffff << 41
	exthdrBits    = 0x1ff << 32
	protoBits     = 0xff << 24
	ttlBits       = 0xff << flow.TTLShift
	fragmentBits  = 0xff
	tcpFlagsBits  = 0xffff << 16

	tagKindBits = 0xffff<<48 | 0xffffffff // TPID, and the second tag
	kernelTag   = packet.TypeVLAN << 48
)

// kernelClasses are the classes of frames that have these words in use, but for that of tags, and their
// protocols; 0: not IP.
var kernelClasses = map[uint32][]struct {
	class kernelpath.Class
	proto uint8
}{
	wordsEthernet: {{kernelpath.ClassL2, 0}},
	wordsIPv4:     {{kernelpath.ClassTCPv4, packet.ProtoTCP}, {kernelpath.ClassUDPv4, packet.ProtoUDP}, {kernelpath.ClassICMPv4, packet.ProtoICMP}},
	wordsIPv6:     {{kernelpath.ClassTCPv6, packet.ProtoTCP}, {kernelpath.ClassUDPv6, packet.ProtoUDP}, {kernelpath.ClassICMPv6, packet.ProtoICMPv6}},
}

// kernelMatches are those by which the kernel finds frames with k's words in use that are equal to k in
// the bits of m: as many of them as it looks up at all. None: it cannot tell them from others. Those that
// come again after a change have a word in use that none of the kernel's has.
func kernelMatches(k *flow.Key, m *flow.Mask) (list []kernelMatch) {
	tagged, ip, v6 := k.Bits&(1<<flow.WVLAN) != 0, k.Bits&(1<<flow.WIP) != 0, k.Bits&(1<<flow.WIPv6Src) != 0
	switch {
	case k.W[flow.WEthSrc]&m[flow.WEthSrc]&flow.MoreTags != 0,
		tagged && (k.W[flow.WVLAN]^kernelTag)&m[flow.WVLAN]&tagKindBits != 0,
		ip && k.W[flow.WIP]&m[flow.WIP]&(exthdrBits|fragmentBits) != 0,
		ip && m[flow.WIP]&ttlBits != 0,
		v6 && m[flow.WIP]&flowLabelBits != 0:
		return nil
	}
	for _, c := range kernelClasses[k.Bits&^(1<<flow.WVLAN)] {
		switch {
		case ip && (k.W[flow.WIP]^uint64(c.proto)<<24)&m[flow.WIP]&protoBits != 0,
			ip && k.W[flow.WL4]&m[flow.WL4]&tcpFlagsBits != 0, // those of the others are zero
			c.proto == packet.ProtoTCP && m[flow.WL4]&tcpFlagsBits != 0:
			continue
		}
		if tagged {
			c.class |= kernelpath.ClassTagged
		}
		masked := flow.Key{Bits: k.Bits}
		for i := range masked.W {
			masked.W[i] = k.W[i] & m[i]
		}
		list = append(list, kernelMatch{kernelKey(&masked, c.class), kernelKey(&flow.Key{W: [flow.KeyWords]uint64(m[:flow.KeyWords]), Bits: k.Bits}, 0)})
	}
	return list
}

// kernelKey is k, or the bits of a mask in its place, as the kernel has it.
func kernelKey(k *flow.Key, c kernelpath.Class) (kk kernelpath.Key) {
	kk.SetClass(c)
	kk.SetEthDst(k.W[flow.WEthDst] >> 16)
	kk.SetEthSrc(k.W[flow.WEthSrc] >> 16)
	kk.SetEthType(uint16(k.W[flow.WEthDst]))
	if k.Bits&(1<<flow.WVLAN) != 0 {
		kk.SetVLAN(uint16(k.W[flow.WVLAN] >> 32))
	}
	if k.Bits&(1<<flow.WIPv4) != 0 {
		kk.SetIPv4(uint32(k.W[flow.WIPv4]>>32), uint32(k.W[flow.WIPv4]))
	}
	if k.Bits&(1<<flow.WIPv6Src) != 0 {
		kk.SetIPv6([2]uint64(k.W[flow.WIPv6Src:]), [2]uint64(k.W[flow.WIPv6Dst:]))
	}
	if k.Bits&(1<<flow.WIP) != 0 {
		kk.SetTOS(uint8(k.W[flow.WIP] >> 16))
		kk.SetTransport(uint16(k.W[flow.WL4]>>48), uint16(k.W[flow.WL4]>>32))
	}
	return kk
}
