package bridge

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"maps"
	"net"
	"slices"
)

// chooseMAC is the bridge's own address, which its LOCAL port and, by default,
// its datapath id take: the lowest address among its network devices that
// exist, as Open vSwitch does it, so that it survives restarts; a random
// locally administered one when there is none.
func chooseMAC(b *Bridge) (mac [6]byte) {
	var best net.HardwareAddr
	for i := range b.Ports {
		if b.Ports[i].Type != TypeSystem {
			continue
		}
		dev, err := net.InterfaceByName(b.Ports[i].Name)
		if err != nil || len(dev.HardwareAddr) != len(mac) || dev.HardwareAddr[0]&1 != 0 {
			continue // absent, or no Ethernet: it gives no address
		}
		if best == nil || bytes.Compare(dev.HardwareAddr, best) < 0 {
			best = dev.HardwareAddr
		}
	}
	if best != nil {
		copy(mac[:], best)
		return mac
	}
	rand.Read(mac[:]) // never fails
	mac[0] = mac[0]&^1 | 2
	return mac
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
