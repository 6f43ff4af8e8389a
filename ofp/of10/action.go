package of10

import (
	"ofswitch/flow"
	"ofswitch/ofp"
)

// Action types (OpenFlow 1.0.0 §5.2.4).
const (
	actOutput     = 0
	actSetVLANVID = 1
	actSetVLANPCP = 2
	actStripVLAN  = 3
	actSetDLSrc   = 4
	actSetDLDst   = 5
	actSetNwSrc   = 6
	actSetNwDst   = 7
	actSetNwTOS   = 8
	actSetTpSrc   = 9
	actSetTpDst   = 10
	actEnqueue    = 11
	actVendor     = 0xffff

	// actionBits says in the features that a switch has all of the above but
	// the vendor's.
	actionBits = 1<<12 - 1
)

// Nicira's actions.
const (
	nxResubmit      = 1
	nxSetTunnel     = 2
	nxSetQueue      = 4
	nxPopQueue      = 5
	nxRegLoad       = 7
	nxSetTunnel64   = 9
	nxResubmitTable = 14
	nxDecTTL        = 18
	nxController    = 20
	nxDecTTLCntIDs  = 21
	nxWriteMetadata = 22
	nxPushMPLS      = 23
	nxPopMPLS       = 24
	nxSetMPLSTTL    = 25
	nxDecMPLSTTL    = 26
	nxSetMPLSLabel  = 30
	nxSetMPLSTC     = 31
	nxGroup         = 40
)

// resubmitTable is the table of a resubmit that stays in the one it stands in.
const resubmitTable = 0xff

// actionsDecoder reads a list of actions, with what is known of the frame.
type actionsDecoder struct {
	match  *flow.Match // nil: nothing, in a packet-out
	tagged bool
	list   []ofp.Action
	ins    ofp.Instructions // other than the list
	// half is a 128-bit field of which a load has named the low half; the high one
	// comes next.
	half *ofp.SetField
}

// decodeActions reads an action list that takes all of b. goto_table and
// write_metadata become instructions of their own, which a packet-out cannot
// have.
func decodeActions(b []byte, match *flow.Match) (ofp.Instructions, error) {
	d := actionsDecoder{match: match, tagged: match != nil && match.Value[flow.WVLAN]>>tciShift&tciPresent != 0}
	for len(b) > 0 {
		if len(b) < 8 {
			return d.ins, ofp.BadActionBadLen.Errorf("action cut off: %d bytes are left", len(b))
		}
		t, n := be.Uint16(b), int(be.Uint16(b[2:]))
		if n < 8 || n%8 != 0 || n > len(b) {
			return d.ins, ofp.BadActionBadLen.Errorf("action %d says %d bytes, %d are left; want a multiple of 8", t, n, len(b))
		}
		if d.ins.Has.Contains(ofp.InstrGotoTable) {
			return d.ins, ofp.BadActionUnsupportedOrder.Errorf("action %d stands behind a resubmit, which must be the last", t)
		}
		if err := d.action(t, b[:n]); err != nil {
			return d.ins, err
		}
		b = b[n:]
	}
	if d.half != nil {
		return d.ins, d.halfLoad()
	}
	if len(d.list) > 0 {
		d.ins.Has |= 1 << ofp.InstrApplyActions
		d.ins.Apply = d.list
	}
	return d.ins, nil
}

func (d *actionsDecoder) halfLoad() error {
	return ofp.BadActionBadSetArgument.Errorf("load of one half of %s: only the whole field can be set", d.half.Field)
}

func (d *actionsDecoder) add(a ofp.Action) { d.list = append(d.list, a) }

func (d *actionsDecoder) set(id flow.ID, v uint64) {
	d.add(ofp.SetField{Field: id, Value: flow.Value{Lo: v}})
}

// action reads one action, b, of 8 bytes at least.
func (d *actionsDecoder) action(t uint16, b []byte) error {
	want := 8
	switch t {
	case actSetDLSrc, actSetDLDst, actEnqueue:
		want = 16
	case actVendor:
		return d.vendor(b)
	}
	if t > actEnqueue {
		return ofp.BadActionBadType.Errorf("action type %d does not exist in OpenFlow 1.0", t)
	}
	if len(b) != want {
		return ofp.BadActionBadLen.Errorf("action type %d of %d bytes, want %d", t, len(b), want)
	}
	if d.half != nil {
		return d.halfLoad()
	}
	half := be.Uint16(b[4:])
	switch t {
	case actOutput:
		d.add(ofp.Output{Port: portIn(half), MaxLen: be.Uint16(b[6:])})
	case actSetVLANVID:
		if half > tciVID {
			return ofp.BadActionBadArgument.Errorf("VLAN id %#x has more than 12 bits", half)
		}
		d.add(ofp.SetVLANVID{VID: half, Tagged: d.tagged})
		d.tagged = true
	case actSetVLANPCP:
		if b[4] > 7 {
			return ofp.BadActionBadArgument.Errorf("VLAN priority %d, want 0 to 7", b[4])
		}
		d.add(ofp.SetVLANPCP{PCP: b[4], Tagged: d.tagged})
		d.tagged = true
	case actStripVLAN:
		d.add(ofp.StripVLAN{})
		d.tagged = false
	case actSetDLSrc:
		d.set(flow.EthSrc, flow.ReadValue(b[4:10]).Lo)
	case actSetDLDst:
		d.set(flow.EthDst, flow.ReadValue(b[4:10]).Lo)
	case actSetNwSrc:
		d.set(flow.IPv4Src, uint64(be.Uint32(b[4:])))
	case actSetNwDst:
		d.set(flow.IPv4Dst, uint64(be.Uint32(b[4:])))
	case actSetNwTOS:
		if b[4]&3 != 0 {
			return ofp.BadActionBadArgument.Errorf("type of service %#x: its two low bits are not to be set", b[4])
		}
		d.set(flow.IPDSCP, uint64(b[4]>>2))
	case actSetTpSrc, actSetTpDst:
		d.transport(t == actSetTpDst, half)
	case actEnqueue:
		port := portIn(half)
		if port >= ofp.PortMax && port != ofp.PortInPort && port != ofp.PortLocal {
			return ofp.BadActionBadOutPort.Errorf("enqueue to port %v: it has no queues", port)
		}
		d.add(ofp.Enqueue{Port: port, QueueID: be.Uint32(b[12:])})
	}
	return nil
}

// transport sets a port: that of the protocol that is matched, or of whichever
// protocol the frame has.
func (d *actionsDecoder) transport(dst bool, port uint16) {
	if d.match != nil {
		if src, dstID, ok := tpFields(d.match); ok && src.Field().Bits == 16 {
			if dst {
				src = dstID
			}
			d.set(src, uint64(port))
			return
		}
	}
	d.add(ofp.SetTransport{Dst: dst, Port: port})
}

// nxActionMin is the length of the shortest of Nicira's actions.
const nxActionMin = 16

// nxActionLens has the lengths of the actions of Nicira that are known; those of
// DEC_TTL_CNT_IDS vary.
var nxActionLens = map[uint16]int{
	nxResubmit: 16, nxSetTunnel: 16, nxSetQueue: 16, nxPopQueue: 16, nxRegLoad: 24, nxSetTunnel64: 24,
	nxResubmitTable: 16, nxDecTTL: 16, nxController: 16, nxDecTTLCntIDs: 0, nxWriteMetadata: 32,
	nxPushMPLS: 16, nxPopMPLS: 16, nxSetMPLSTTL: 16, nxDecMPLSTTL: 16, nxSetMPLSLabel: 16, nxSetMPLSTC: 16, nxGroup: 16,
}

// vendor reads one of Nicira's actions.
func (d *actionsDecoder) vendor(b []byte) error {
	if id := be.Uint32(b[4:]); id != ofp.ExperimenterNicira {
		return ofp.BadActionBadExperimenter.Errorf("action of vendor %#x is not known", id)
	}
	if len(b) < nxActionMin {
		return ofp.BadActionBadLen.Errorf("action of Nicira has %d bytes, want at least %d", len(b), nxActionMin)
	}
	t := be.Uint16(b[8:])
	want, known := nxActionLens[t]
	switch {
	case !known:
		return ofp.BadActionBadExpType.Errorf("action %d of Nicira is not supported", t)
	case want != 0 && len(b) != want:
		return ofp.BadActionBadLen.Errorf("action %d of Nicira has %d bytes, want %d", t, len(b), want)
	case d.half != nil && t != nxRegLoad:
		return d.halfLoad()
	}
	half, word := be.Uint16(b[10:]), be.Uint32(b[12:])
	switch t {
	case nxResubmit:
		return d.resubmit(half, resubmitTable)
	case nxResubmitTable:
		return d.resubmit(half, b[12])
	case nxSetTunnel:
		d.set(flow.TunnelID, uint64(word))
	case nxSetTunnel64:
		d.set(flow.TunnelID, be.Uint64(b[16:]))
	case nxSetQueue:
		d.add(ofp.SetQueue{QueueID: word})
	case nxPopQueue:
		d.add(ofp.PopQueue{})
	case nxRegLoad:
		return d.load(b)
	case nxDecTTL:
		d.add(ofp.DecNwTTL{})
	case nxDecTTLCntIDs:
		// n_controllers, padding, the ids: ours is 0, as that of everybody who
		// did not choose one.
		if n := int(half); n != 1 || len(b) != 24 || be.Uint16(b[16:]) != 0 {
			return ofp.BadActionBadArgument.Errorf("dec_ttl for other controllers than 0 is not supported")
		}
		d.add(ofp.DecNwTTL{})
	case nxController:
		if id, reason := be.Uint16(b[12:]), b[14]; id != 0 || reason != ofp.PacketInAction || b[15] != 0 {
			return ofp.BadActionBadArgument.Errorf("controller(id=%d, reason %d): only id=0, reason=action is supported", id, reason)
		}
		d.add(ofp.Output{Port: ofp.PortController, MaxLen: half})
	case nxWriteMetadata:
		if d.match == nil {
			return ofp.BadActionBadExpType.Errorf("write_metadata is not for packet-outs")
		}
		d.ins.Has |= 1 << ofp.InstrWriteMetadata
		d.ins.Metadata, d.ins.MetadataMask = be.Uint64(b[16:]), be.Uint64(b[24:])
	case nxPushMPLS:
		if err := ofp.CheckPush(ofp.ActionPushMPLS, half); err != nil {
			return err
		}
		d.add(ofp.PushMPLS{EtherType: half})
	case nxPopMPLS:
		d.add(ofp.PopMPLS{EtherType: half})
	case nxSetMPLSTTL:
		d.add(ofp.SetMPLSTTL{TTL: b[10]})
	case nxDecMPLSTTL:
		d.add(ofp.DecMPLSTTL{})
	case nxSetMPLSLabel:
		if word >= 1<<20 {
			return ofp.BadActionBadArgument.Errorf("label %d has more than 20 bits", word)
		}
		d.set(flow.MPLSLabel, uint64(word))
	case nxSetMPLSTC:
		if b[10] > 7 {
			return ofp.BadActionBadArgument.Errorf("traffic class %d, want 0 to 7", b[10])
		}
		d.set(flow.MPLSTC, uint64(b[10]))
	case nxGroup:
		d.add(ofp.Group{GroupID: word})
	}
	return nil
}

// resubmit is the goto-table of OpenFlow 1.0; that it may stand last only is
// decodeActions' part.
func (d *actionsDecoder) resubmit(inPort uint16, table uint8) error {
	if portIn(inPort) != ofp.PortInPort || table == resubmitTable || d.match == nil {
		return ofp.BadActionBadArgument.Errorf("resubmit(%v,%d): only to a later table, with the port that the frame came in by", portIn(inPort), table)
	}
	d.ins.Has |= 1 << ofp.InstrGotoTable
	d.ins.Goto = ofp.TableID(table)
	return nil
}

// load reads NXAST_REG_LOAD: a constant goes into bits of a field, here into all of
// them; 128-bit fields take two, the low half first.
func (d *actionsDecoder) load(b []byte) error {
	shift, bits := int(be.Uint16(b[10:])>>6), int(be.Uint16(b[10:])&0x3f)+1
	class, num, length := be.Uint16(b[12:]), b[14]>>1, int(b[15])
	v := be.Uint64(b[16:])
	if b[14]&1 != 0 {
		return ofp.BadActionBadArgument.Errorf("load into field %d of class %#04x: the field has a mask", num, class)
	}
	if bits < 64 && v>>bits != 0 {
		return ofp.BadActionBadArgument.Errorf("load of %#x into %d bits", v, bits)
	}
	// Two NXM fields have another payload than OpenFlow 1.3's, one is none there.
	if class == flow.ClassNXM1 && num == nxmIPTTL && length == 1 {
		if shift != 0 || bits != 8 {
			return ofp.BadActionBadSetArgument.Errorf("load of a part of the TTL: only the whole field can be set")
		}
		if d.half != nil {
			return d.halfLoad()
		}
		d.add(ofp.SetNwTTL{TTL: uint8(v)})
		return nil
	}
	f := flow.ByOXM(class, num)
	if f == nil {
		return ofp.BadActionBadSetType.Errorf("load into field %d of class %#04x, which is not known", num, class)
	}
	if length != f.Len() || shift+bits > f.Bits {
		return ofp.BadActionBadArgument.Errorf("load into bits %d to %d of %s, which has %d", shift, shift+bits-1, f.Name, f.Bits)
	}
	if f.ID == flow.Metadata && d.match != nil && d.half == nil {
		// write_metadata that stands before a resubmit.
		row := ^uint64(0) >> (64 - bits) << shift
		d.ins.Has |= 1 << ofp.InstrWriteMetadata
		d.ins.Metadata = d.ins.Metadata&^row | v<<shift
		d.ins.MetadataMask |= row
		return nil
	}
	if !f.Writable || f.ID == flow.VLANVID && v&flow.VIDPresent == 0 {
		return ofp.BadActionBadSetArgument.Errorf("load of %#x into %s: that cannot be set", v, f.Name)
	}
	if d.half != nil {
		if f.ID != d.half.Field || shift != 64 || bits != 64 {
			return d.halfLoad()
		}
		d.half.Value.Hi = v
		d.add(*d.half)
		d.half = nil
		return nil
	}
	a := ofp.SetField{Field: f.ID, Value: flow.Value{Lo: v}}
	switch {
	case shift == 0 && bits == f.Bits:
		d.add(a)
	case f.Bits == 128 && shift == 0 && bits == 64:
		d.half = &a
	default:
		return ofp.BadActionBadSetArgument.Errorf("load into bits %d to %d of %s: only the whole field can be set", shift, shift+bits-1, f.Name)
	}
	return nil
}
