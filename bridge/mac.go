package bridge

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"slices"

	"ofswitch/l2"
	"ofswitch/ports"
)

// fallbackMAC is a bridge's address where neither the configuration nor a port gives
// one: a random one of those that nobody else gives.
func fallbackMAC() (mac [6]byte) {
	rand.Read(mac[:]) // never fails
	mac[0] = mac[0]&^1 | 2
	return mac
}

// pickMAC chooses the bridge's own address, which its LOCAL port and, by default,
// its datapath id take, as Open vSwitch does: that of the configuration; else the
// lowest of its ports', other than LOCAL, that some maker has given (not locally
// administered ones); else the bridge's default. from is the port that gave it, nil
// where none did. A bridge without a default takes the lowest of its system ports'
// whoever gave it, before it takes a random one.
func (lb *liveBridge) pickMAC() (mac [6]byte, from *livePort) {
	if text, ok := lb.conf.other(KeyHWAddr); ok {
		mac, _ = parseHWAddr(text) // other has checked it
		return mac, nil
	}
	standIns := lb.withoutAddress()
	var local *livePort
	for _, p := range lb.ports[1:] {
		hw := p.addressForBridge()
		if !p.open || len(hw) != len(mac) || hw[0]&1 != 0 || isZero(hw) || p.conf.FakeBridge || macOf(hw).IsReserved() || standIns[p.conf.Name] {
			continue
		}
		switch {
		case hw[0]&2 == 0:
			if from == nil || bytes.Compare(hw, from.addressForBridge()) < 0 {
				from = p
			}
		case p.conf.Type == TypeSystem:
			if local == nil || bytes.Compare(hw, local.addressForBridge()) < 0 {
				local = p
			}
		}
	}
	switch zero := [6]byte{}; {
	case from != nil:
		return [6]byte(from.addressForBridge()), from
	case lb.conf.DefaultMAC != zero:
		return lb.conf.DefaultMAC, nil
	case local != nil:
		return [6]byte(local.addressForBridge()), local
	}
	return lb.fallback, nil
}

// addressForBridge is what the port counts with when the bridge's address is chosen.
func (p *livePort) addressForBridge() net.HardwareAddr {
	if p.conf.BridgeMAC != nil {
		return p.conf.BridgeMAC
	}
	return p.device.MAC
}

// withoutAddress are the ports whose address does not count: those that mirrors send
// to, and all members of a bond but the first in the order of their names.
func (lb *liveBridge) withoutAddress() map[string]bool {
	if len(lb.conf.Mirrors) == 0 && len(lb.conf.Bonds) == 0 {
		return nil
	}
	out := map[string]bool{}
	for i := range lb.conf.Bonds {
		members := slices.Sorted(slices.Values(lb.conf.Bonds[i].Members))
		for _, name := range members[min(1, len(members)):] {
			out[name] = true
		}
	}
	for i := range lb.conf.Mirrors {
		out[lb.conf.Mirrors[i].OutputPort] = true
	}
	return out
}

// pickDatapathID chooses the bridge's datapath id: that of the configuration, else
// made of its address. VLAN devices have the address of the device below, so several
// bridges may have the same: their VLAN is mixed in, as Open vSwitch does it.
func (lb *liveBridge) pickDatapathID(mac [6]byte, from *livePort) uint64 {
	if lb.conf.DatapathID != 0 {
		return lb.conf.DatapathID
	}
	if from != nil {
		if sys, ok := from.port.(*ports.System); ok && sys.VLAN() != 0 {
			mac = mixVLAN(mac, sys.VLAN())
		}
	}
	return uint64(macOf(mac[:]))
}

// mixVLAN makes an address of that of a VLAN device and its VLAN.
func mixVLAN(mac [6]byte, vlan uint16) [6]byte {
	sum := sha1.Sum(binary.BigEndian.AppendUint16(mac[:], vlan))
	sum[0] = sum[0]&^1 | 2
	return [6]byte(sum[:6])
}

// settleDatapathID makes the bridge's datapath id the one of its address. Controllers
// are asked to connect again when it changes, since there is no message to tell them.
func (lb *liveBridge) settleDatapathID(from *livePort) {
	id := lb.pickDatapathID(lb.mac, from)
	if id == lb.datapathID {
		return
	}
	for _, other := range lb.sw.bridges {
		if other != lb && other.datapathID == id {
			lb.sw.log.Warn("two bridges have the same datapath id: controllers take them for one; set other_config:datapath-id",
				"bridge", lb.conf.Name, "other", other.conf.Name, "datapath_id", fmt.Sprintf("%016x", id))
			break
		}
	}
	lb.datapathID = id
	lb.of.SetDatapathID(id)
	lb.conn.Reconnect()
	lb.sw.log.Info("datapath id", "bridge", lb.conf.Name, "datapath_id", fmt.Sprintf("%016x", id))
}

// wantedMAC is the address that the device of an internal port is to have; nil: as
// it is. What a bridge that comes with its ports gives them, settle chooses when they
// are open.
func (p *livePort) wantedMAC() net.HardwareAddr {
	if p.conf.MAC == nil && (p == p.bridge.ports[0] || p.conf.FakeBridge) && p.bridge.mac != [6]byte{} {
		return p.bridge.mac[:]
	}
	return p.conf.MAC
}

// settleMAC gives the device of an internal port the address wanted. What somebody
// has set by hand stays until another one is wanted.
func (p *livePort) settleMAC() (changed bool) {
	want := p.wantedMAC()
	tap, ok := p.port.(*ports.Tap)
	if !p.open || !ok || p.conf.Type != TypeInternal || want == nil || bytes.Equal(want, p.macSet) {
		return false
	}
	if bytes.Equal(want, p.device.MAC) {
		p.macSet, p.macErr = slices.Clone(want), nil
		return false
	}
	if p.macErr = tap.SetMAC(want); p.macErr != nil {
		return false
	}
	p.macSet = slices.Clone(want)
	return true
}

func macOf(hw net.HardwareAddr) l2.MAC {
	return l2.MAC(binary.BigEndian.Uint64(append([]byte{0, 0}, hw...)))
}

func isZero(b []byte) bool { return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	return slices.Sorted(maps.Keys(m))
}
