package of10

import (
	"math/bits"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/ofp/internal/octets"
)

// appendInstructions encodes the actions that an entry carries out at once, then
// write_metadata and goto_table. Meters and the action set have no counterpart.
func appendInstructions(b []byte, in *ofp.Instructions) []byte {
	if in.Has.Contains(ofp.InstrApplyActions) {
		b = appendActions(b, in.Apply)
	}
	switch {
	case !in.Has.Contains(ofp.InstrWriteMetadata):
	case in.Has.Contains(ofp.InstrGotoTable):
		// ovs-ofctl takes no write_metadata with a resubmit behind it.
		b = appendLoadMetadata(b, in.Metadata, in.MetadataMask)
	default:
		b = appendNXAction(b, nxWriteMetadata, 32)
		b = octets.Zeros(b, 6)
		b = be.AppendUint64(b, in.Metadata)
		b = be.AppendUint64(b, in.MetadataMask)
	}
	if in.Has.Contains(ofp.InstrGotoTable) {
		b = appendNXAction(b, nxResubmitTable, 16)
		b = be.AppendUint16(b, portOr(ofp.PortInPort))
		b = append(b, uint8(in.Goto), 0, 0, 0)
	}
	return b
}

func appendActions(b []byte, actions []ofp.Action) []byte {
	for _, a := range actions {
		b = appendAction(b, a)
	}
	return b
}

func appendActionHeader(b []byte, t, n uint16) []byte {
	return be.AppendUint16(be.AppendUint16(b, t), n)
}

// appendShort appends an action of 8 bytes.
func appendShort(b []byte, t uint16, arg uint32) []byte {
	return be.AppendUint32(appendActionHeader(b, t, 8), arg)
}

// appendNXAction appends the header of one of Nicira's actions: 10 bytes of n.
func appendNXAction(b []byte, t, n uint16) []byte {
	b = appendActionHeader(b, actVendor, n)
	b = be.AppendUint32(b, ofp.ExperimenterNicira)
	return be.AppendUint16(b, t)
}

// appendNX appends one of Nicira's actions of 16 bytes.
func appendNX(b []byte, t, half uint16, word uint32) []byte {
	b = appendNXAction(b, t, 16)
	b = be.AppendUint16(b, half)
	return be.AppendUint32(b, word)
}

// appendAction encodes an action; one that OpenFlow 1.0 cannot say is left out.
func appendAction(b []byte, a ofp.Action) []byte {
	switch a := a.(type) {
	case ofp.Output:
		return appendShort(b, actOutput, uint32(portOr(a.Port))<<16|uint32(a.MaxLen))
	case ofp.Enqueue:
		b = appendActionHeader(b, actEnqueue, 16)
		b = be.AppendUint16(b, portOr(a.Port))
		b = octets.Zeros(b, 6)
		return be.AppendUint32(b, a.QueueID)
	case ofp.SetVLANVID:
		return appendShort(b, actSetVLANVID, uint32(a.VID)<<16)
	case ofp.SetVLANPCP:
		return appendShort(b, actSetVLANPCP, uint32(a.PCP)<<24)
	case ofp.StripVLAN, ofp.PopVLAN:
		return appendShort(b, actStripVLAN, 0)
	case ofp.SetTransport:
		if a.Dst {
			return appendShort(b, actSetTpDst, uint32(a.Port)<<16)
		}
		return appendShort(b, actSetTpSrc, uint32(a.Port)<<16)
	case ofp.SetField:
		return appendSetField(b, a)
	case ofp.SetNwTTL:
		return appendLoad(b, flow.ClassNXM1, nxmIPTTL, 1, 0, 8, uint64(a.TTL))
	case ofp.DecNwTTL:
		return appendNX(b, nxDecTTL, 0, 0)
	case ofp.SetQueue:
		return appendNX(b, nxSetQueue, 0, a.QueueID)
	case ofp.PopQueue:
		return appendNX(b, nxPopQueue, 0, 0)
	case ofp.PushMPLS:
		return appendNX(b, nxPushMPLS, a.EtherType, 0)
	case ofp.PopMPLS:
		return appendNX(b, nxPopMPLS, a.EtherType, 0)
	case ofp.SetMPLSTTL:
		return appendNX(b, nxSetMPLSTTL, uint16(a.TTL)<<8, 0)
	case ofp.DecMPLSTTL:
		return appendNX(b, nxDecMPLSTTL, 0, 0)
	case ofp.Group:
		return appendNX(b, nxGroup, 0, a.GroupID)
	}
	// PUSH_VLAN is a side effect of the SET_VLAN_VID that follows it, and the rest
	// has no counterpart.
	return b
}

// appendSetField encodes a set-field by the action of its own that OpenFlow 1.0
// has for most fields, or by NXAST_REG_LOAD.
func appendSetField(b []byte, a ofp.SetField) []byte {
	v := a.Value.Lo
	switch a.Field {
	case flow.VLANVID:
		return appendShort(b, actSetVLANVID, uint32(v&tciVID)<<16)
	case flow.VLANPCP:
		return appendShort(b, actSetVLANPCP, uint32(v)<<24)
	case flow.EthSrc, flow.EthDst:
		t := uint16(actSetDLSrc)
		if a.Field == flow.EthDst {
			t = actSetDLDst
		}
		b = appendActionHeader(b, t, 16)
		return octets.Zeros(a.Value.Append(b, 6), 6)
	case flow.IPv4Src:
		return appendShort(b, actSetNwSrc, uint32(v))
	case flow.IPv4Dst:
		return appendShort(b, actSetNwDst, uint32(v))
	case flow.IPDSCP:
		return appendShort(b, actSetNwTOS, uint32(v)<<26)
	case flow.TCPSrc, flow.UDPSrc:
		return appendShort(b, actSetTpSrc, uint32(v)<<16)
	case flow.TCPDst, flow.UDPDst:
		return appendShort(b, actSetTpDst, uint32(v)<<16)
	}
	f := a.Field.Field()
	switch {
	case a.Field == flow.MPLSLabel:
		return appendNX(b, nxSetMPLSLabel, 0, uint32(v))
	case a.Field == flow.MPLSTC:
		return appendNX(b, nxSetMPLSTC, uint16(v)<<8, 0)
	case a.Field == flow.TunnelID && v <= 0xffffffff:
		return appendNX(b, nxSetTunnel, 0, uint32(v))
	case a.Field == flow.TunnelID:
		b = appendNXAction(b, nxSetTunnel64, 24)
		return be.AppendUint64(octets.Zeros(b, 6), v)
	}
	class, num := nxmOf(f)
	if f.Bits == 128 {
		b = appendLoad(b, class, num, f.Len(), 0, 64, v)
		return appendLoad(b, class, num, f.Len(), 64, 64, a.Value.Hi)
	}
	return appendLoad(b, class, num, f.Len(), 0, f.Bits, v)
}

// appendLoadMetadata writes bits of the metadata by loads, one for each row of bits.
func appendLoadMetadata(b []byte, v, mask uint64) []byte {
	class, num := nxmOf(flow.Metadata.Field())
	for mask != 0 {
		shift := bits.TrailingZeros64(mask)
		n := bits.TrailingZeros64(^(mask >> shift))
		row := ^uint64(0) >> (64 - n)
		b = appendLoad(b, class, num, 8, shift, n, v>>shift&row)
		mask &^= row << shift
	}
	return b
}

// appendLoad encodes NXAST_REG_LOAD of v into bits bits from shift on of a field
// of n bytes.
func appendLoad(b []byte, class uint16, num uint8, n, shift, bits int, v uint64) []byte {
	b = appendNXAction(b, nxRegLoad, 24)
	b = be.AppendUint16(b, uint16(shift<<6|(bits-1)))
	b = be.AppendUint16(b, class)
	b = append(b, num<<1, uint8(n))
	return be.AppendUint64(b, v)
}
