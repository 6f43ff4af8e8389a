package ofswitch

import (
	mathbits "math/bits"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// list carries out an action list on the frame as it is; each output sends a
// copy of what the frame is by then (OpenFlow 1.3.5 §5.11). after are the
// instructions behind the list, in case the walk stops in it. It says whether
// the walk has ended here: frozen, or the frame dropped.
func (t *translator) list(wk *walk, actions []ofp.Action, after *ofp.Instructions) (ended bool) {
	for i, a := range actions {
		if t.complex {
			return true
		}
		again := false // other headers now: extract again
		if t.rec != nil {
			t.rec.did(wk, a)
		}
		switch a := a.(type) {
		case ofp.Output:
			t.output(wk, a.Port, a.MaxLen)
		case ofp.Group:
			t.group(wk, a.GroupID)
		case ofp.SetQueue:
			t.queue = a.QueueID
		case ofp.PopQueue:
			t.queue = 0
		case ofp.Enqueue:
			queue := t.queue
			t.queue = a.QueueID
			t.output(wk, a.Port, ofp.ControllerNoBuffer)
			t.queue = queue
		case ofp.SetVLANVID:
			t.setVLAN(flow.VLANVID, uint64(a.VID))
		case ofp.SetVLANPCP:
			t.setVLAN(flow.VLANPCP, uint64(a.PCP))
		case ofp.StripVLAN:
			again = t.popVLAN()
		case ofp.SetTransport:
			t.setTransport(a)
		case ofp.SetField:
			again = t.setField(a)
		case ofp.PushVLAN:
			t.pushVLAN(a.EtherType)
		case ofp.PopVLAN:
			again = t.popVLAN()
		case ofp.SetNwTTL:
			t.setTTL(a.TTL)
		case ofp.DecNwTTL:
			if !t.decTTL(wk) {
				return true
			}
		case ofp.PushMPLS:
			again = t.reshape(flow.EthDst, op{kind: opPushMPLS, arg: a.EtherType})
		case ofp.PopMPLS:
			again = t.reshape(flow.MPLSLabel, op{kind: opPopMPLS, arg: a.EtherType})
		case ofp.PushPBB:
			again = t.reshape(flow.EthDst, op{kind: opPushPBB})
		case ofp.PopPBB:
			again = t.reshape(flow.PBBISID, op{kind: opPopPBB})
		case ofp.SetMPLSTTL:
			again = t.reshape(flow.MPLSLabel, op{kind: opSetMPLSTTL, arg: uint16(a.TTL)})
		case ofp.DecMPLSTTL:
			if !t.decMPLSTTL(wk) {
				return true
			}
		case ofp.CopyTTLOut:
			again = t.copyTTL(opCopyTTLOut)
		case ofp.CopyTTLIn:
			again = t.copyTTL(opCopyTTLIn)
		}
		if again {
			t.freeze(wk, actions[i+1:], after)
			return true
		}
	}
	return false
}

// has says whether the frame has the field now, and notes what tells so. A
// set-field of what is not there has no effect.
func (t *translator) has(id flow.ID) bool {
	have := func(word int) bool { return t.bits&(1<<word) != 0 }
	proto := func(p uint64) bool {
		t.lookField(flow.EthType)
		t.lookField(flow.IPProto)
		return have(flow.WL4) && t.wide[flow.WIP]>>24&0xff == p
	}
	switch id {
	case flow.EthDst, flow.EthSrc:
		return have(flow.WEthDst)
	case flow.EthType:
		t.lookField(id)
		return have(flow.WEthDst) && t.wide[flow.WEthDst]&0xffff >= packet.TypeMin
	case flow.VLANVID, flow.VLANPCP:
		return t.tagged()
	case flow.IPDSCP, flow.IPECN, flow.IPProto:
		t.lookField(flow.EthType)
		return have(flow.WIP)
	case flow.IPv4Src, flow.IPv4Dst:
		t.lookField(flow.EthType)
		return have(flow.WIPv4)
	case flow.IPv6Src, flow.IPv6Dst, flow.IPv6Flabel:
		t.lookField(flow.EthType)
		return have(flow.WIPv6Src)
	case flow.TCPSrc, flow.TCPDst:
		return proto(packet.ProtoTCP)
	case flow.UDPSrc, flow.UDPDst:
		return proto(packet.ProtoUDP)
	case flow.SCTPSrc, flow.SCTPDst:
		// A fragment's CRC32c covers bytes that are not here.
		t.look(flow.WIP, flow.FragAny)
		return proto(packet.ProtoSCTP) && t.wide[flow.WIP]&flow.FragAny == 0
	case flow.ICMPv4Type, flow.ICMPv4Code:
		return proto(packet.ProtoICMP) && have(flow.WIPv4)
	case flow.ICMPv6Type, flow.ICMPv6Code:
		return proto(packet.ProtoICMPv6) && have(flow.WIPv6Src)
	case flow.ARPOp, flow.ARPSpa, flow.ARPTpa, flow.ARPSha, flow.ARPTha:
		t.lookField(flow.EthType)
		return have(flow.WARP)
	case flow.MPLSLabel, flow.MPLSTC, flow.MPLSBOS:
		t.lookField(flow.EthType)
		return have(flow.WMPLS)
	case flow.PBBISID:
		t.lookField(flow.EthType)
		return have(flow.WMPLS2) && t.wide[flow.WEthDst]&0xffff == packet.TypePBB
	case flow.IPv6NDTarget, flow.IPv6NDSll, flow.IPv6NDTll:
		t.lookField(flow.ICMPv6Type)
		t.lookField(flow.ICMPv6Code)
		return proto(packet.ProtoICMPv6) && have(flow.WNDTarget)
	}
	return false
}

// setField writes a field. again: the frame may have other headers now.
func (t *translator) setField(a ofp.SetField) (again bool) {
	f, v := a.Field.Field(), a.Value
	if a.Field == flow.TunnelID {
		f.Set(&t.wide, v) // nothing in the frame: it is for logical ports
		f.OrMask(&t.fixed)
		t.shared = nil
		return false
	}
	if !t.has(a.Field) {
		if t.rec != nil {
			t.rec.lacks(a.Field)
		}
		return false
	}
	if a.Field == flow.VLANVID {
		v.Lo |= flow.VIDPresent
	}
	t.emit(op{kind: opSet, field: a.Field, value: v})
	f.Set(&t.wide, v)
	f.OrMask(&t.fixed)
	t.shared = nil
	switch a.Field {
	case flow.EthType, flow.IPProto, flow.MPLSBOS, // other headers follow
		flow.MPLSLabel, flow.MPLSTC, flow.PBBISID, // not behind LLC and SNAP
		flow.ICMPv6Type, flow.ICMPv6Code, // neighbour discovery or not
		flow.IPv6NDSll, flow.IPv6NDTll: // only if the option is there
		return true
	}
	return false
}

// Parts of the VLAN word.
const (
	tagPresent  = flow.VIDPresent << 32 // outer
	tagPresent2 = flow.VIDPresent       // inner
)

// tagged says whether the frame has a VLAN tag.
func (t *translator) tagged() bool {
	t.look(flow.WVLAN, tagPresent)
	return t.wide[flow.WVLAN]&tagPresent != 0
}

// tagged2 says whether the frame has two VLAN tags at least.
func (t *translator) tagged2() bool {
	t.look(flow.WVLAN, tagPresent2)
	return t.wide[flow.WVLAN]&tagPresent2 != 0
}

// moreTags says whether the frame has more VLAN tags than the key holds.
func (t *translator) moreTags() bool {
	t.look(flow.WEthSrc, flow.MoreTags)
	return t.wide[flow.WEthSrc]&flow.MoreTags != 0
}

// pushVLAN puts a tag with the outermost one's identifier and priority in
// front. A third is noted: the key holds two, and what is behind all of them.
func (t *translator) pushVLAN(tpid uint16) {
	if t.bits&(1<<flow.WEthDst) == 0 {
		return // cut short: nowhere to put it
	}
	t.emit(op{kind: opPushVLAN, arg: tpid})
	t.seen = 0
	had := t.tagged()
	if had && t.tagged2() {
		t.wide[flow.WEthSrc] |= flow.MoreTags
		t.fixed[flow.WEthSrc] |= flow.MoreTags
	}
	old, fixed, lanes := t.wide[flow.WVLAN], t.fixed[flow.WVLAN], t.lanes
	tci, tciFixed := uint64(flow.VIDPresent), uint64(0xffff)
	t.lanes = [4]int8{laneFixed, laneFixed, lanes[0], lanes[1]}
	if had {
		tci, tciFixed = old>>32&0xffff, fixed>>32&0xffff
		t.lanes[1] = lanes[1]
	}
	t.wide[flow.WVLAN] = uint64(tpid)<<48 | tci<<32 | old>>32
	t.fixed[flow.WVLAN] = 0xffff<<48 | tciFixed<<32 | fixed>>32
	t.bits |= 1 << flow.WVLAN
	t.shared = nil
}

// popVLAN takes the outermost tag off. again: what was behind the second tag
// comes into sight.
func (t *translator) popVLAN() (again bool) {
	if !t.tagged() {
		return false
	}
	t.emit(op{kind: opPopVLAN})
	t.seen = 0
	again = t.tagged2() && t.moreTags()
	t.wide[flow.WVLAN] <<= 32
	t.fixed[flow.WVLAN] = t.fixed[flow.WVLAN]<<32 | 0xffffffff
	t.lanes = [4]int8{t.lanes[2], t.lanes[3], laneFixed, laneFixed}
	t.shared = nil
	return again
}

func (t *translator) ttl() uint64 { return t.wide[flow.WIP] >> flow.TTLShift & 0xff }

func (t *translator) putTTL(v uint64) {
	t.wide[flow.WIP] = t.wide[flow.WIP]&^(0xff<<flow.TTLShift) | v<<flow.TTLShift
	t.shared = nil
}

func (t *translator) setTTL(v uint8) {
	t.lookField(flow.EthType)
	if t.bits&(1<<flow.WIP) == 0 {
		return
	}
	t.emit(op{kind: opSetTTL, arg: uint16(v)})
	t.putTTL(uint64(v))
	t.fixed[flow.WIP] |= 0xff << flow.TTLShift
	t.ttlMoved = false
}

// decTTL decrements the TTL, or tells the controller that there is none left
// (OpenFlow 1.3.5 §5.12). It says whether the frame goes on.
func (t *translator) decTTL(wk *walk) bool {
	t.lookField(flow.EthType)
	if t.bits&(1<<flow.WIP) == 0 {
		return true
	}
	ttl := t.ttl()
	if ttl > 1 && !t.ttlMoved {
		// Any TTL with its highest bit set is above 1: one bit tells it.
		t.look(flow.WIP, 1<<(mathbits.Len64(ttl)-1)<<flow.TTLShift)
	} else {
		t.look(flow.WIP, 0xff<<flow.TTLShift)
	}
	if ttl <= 1 {
		if t.rec != nil {
			t.rec.ttlExhausted(t)
		}
		t.packetIn(wk, ofp.PacketInInvalidTTL, ofp.ControllerNoBuffer)
		t.drop(dropTTL)
		return false
	}
	t.emit(op{kind: opDecTTL})
	t.putTTL(ttl - 1)
	t.ttlMoved = true
	return true
}

// packetIn sends a copy of the frame to the controllers of wk's bridge. A port's
// NO_PACKET_IN is about table misses alone (OpenFlow 1.3.5 §7.2.1): spanning
// tree applications set it and still want the BPDUs that a flow entry sends them.
func (t *translator) packetIn(wk *walk, reason uint8, maxLen uint16) {
	queue := &wk.bridge.upcalls
	if wk.in != nil {
		if reason == ofp.PacketInNoMatch && wk.in.configBits()&ofp.PortConfigNoPacketIn != 0 {
			if t.rec != nil {
				t.rec.detail("OFPPC_NO_PACKET_IN set, no packet-in")
			}
			return
		}
		queue = &wk.in.upcalls
	}
	t.lookField(flow.TunnelID)
	t.emit(op{kind: opPacketIn, in: &packetInOp{
		bridge: wk.bridge, queue: queue, inPort: wk.inPort, maxLen: maxLen,
		reason: reason, table: wk.table, cookie: wk.cookie,
		match: packetInMatch(wk.inPort, &t.wide),
	}})
}
