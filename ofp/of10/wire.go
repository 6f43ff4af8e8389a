package of10

import (
	"encoding/binary"

	"ofswitch/ofp"
)

// Version is OpenFlow 1.0's number on the wire.
const Version = 0x01

// be is the byte order of everything on the wire.
var be = binary.BigEndian

// Message types (OpenFlow 1.0.0 §5.1). Those up to SET_CONFIG have the same
// numbers in OpenFlow 1.3.
const (
	typePacketIn              = 10
	typeFlowRemoved           = 11
	typePortStatus            = 12
	typePacketOut             = 13
	typeFlowMod               = 14
	typePortMod               = 15
	typeStatsRequest          = 16
	typeStatsReply            = 17
	typeBarrierRequest        = 18
	typeBarrierReply          = 19
	typeQueueGetConfigRequest = 20
	typeQueueGetConfigReply   = 21
)

// typeVendor is a vendor's message, EXPERIMENTER in OpenFlow 1.3.
const typeVendor = 4

// toType has the type of OpenFlow 1.3 for each of OpenFlow 1.0, by number.
var toType = [...]ofp.Type{
	ofp.TypeHello, ofp.TypeError, ofp.TypeEchoRequest, ofp.TypeEchoReply, ofp.TypeExperimenter,
	ofp.TypeFeaturesRequest, ofp.TypeFeaturesReply, ofp.TypeGetConfigRequest, ofp.TypeGetConfigReply, ofp.TypeSetConfig,
	typePacketIn:              ofp.TypePacketIn,
	typeFlowRemoved:           ofp.TypeFlowRemoved,
	typePortStatus:            ofp.TypePortStatus,
	typePacketOut:             ofp.TypePacketOut,
	typeFlowMod:               ofp.TypeFlowMod,
	typePortMod:               ofp.TypePortMod,
	typeStatsRequest:          ofp.TypeMultipartRequest,
	typeStatsReply:            ofp.TypeMultipartReply,
	typeBarrierRequest:        ofp.TypeBarrierRequest,
	typeBarrierReply:          ofp.TypeBarrierReply,
	typeQueueGetConfigRequest: ofp.TypeQueueGetConfigRequest,
	typeQueueGetConfigReply:   ofp.TypeQueueGetConfigReply,
}

// fromType is toType the other way round, for the types that a switch sends.
var fromType = func() map[ofp.Type]uint8 {
	m := make(map[ofp.Type]uint8, len(toType))
	for i, t := range toType {
		m[t] = uint8(i)
	}
	return m
}()

// Nicira's messages (type in a vendor's message).
const (
	nxtRoleRequest       = 10
	nxtRoleReply         = 11
	nxtSetFlowFormat     = 12
	nxtFlowMod           = 13
	nxtFlowRemoved       = 14
	nxtFlowModTableID    = 15
	nxtSetPacketInFormat = 16
	nxtPacketIn          = 17
	nxtFlowAge           = 18
	nxtSetAsyncConfig    = 19
	nxtSetControllerID   = 20
	nxtSetAsyncConfig2   = 27
	nxtPacketIn2         = 30
	nxtGroupMod          = 31
)

// Nicira's statistics.
const (
	nxstFlow      = 0
	nxstAggregate = 1

	nxstFlowMonitor = 2

	nxstGroup         = 7
	nxstGroupDesc     = 8
	nxstGroupFeatures = 9
)

// vendorHeaderLen is the length of vendor and subtype; niciraStatsLen is what
// they take in statistics, with padding.
const (
	vendorHeaderLen = 8
	niciraStatsLen  = 12
	statsHeaderLen  = ofp.HeaderLen + 4
)

// header appends the header of a message whose length is put in by finish.
func header(b []byte, t uint8, xid uint32) []byte {
	return ofp.Header{Version: Version, Type: ofp.Type(t), XID: xid}.Append(b)
}

// finish puts the length into the header at the start of b.
func finish(b []byte) []byte {
	be.PutUint16(b[2:], uint16(len(b)))
	return b
}

// nicira appends the header of one of Nicira's messages.
func nicira(b []byte, xid, subtype uint32) []byte {
	b = header(b, typeVendor, xid)
	b = be.AppendUint32(b, ofp.ExperimenterNicira)
	return be.AppendUint32(b, subtype)
}

// Port numbers: OpenFlow 1.0 has 16 bits (§5.2.1), real ports below portMax.
const (
	portMax  = 0xff00
	portNone = 0xffff // ANY in OpenFlow 1.3
)

// portIn reads a port number.
func portIn(p uint16) ofp.PortNo {
	if p >= portMax {
		return ofp.PortNo(p) | 0xffff0000
	}
	return ofp.PortNo(p)
}

// portOut gives the number that a port has in OpenFlow 1.0, or ok false if it has
// none.
func portOut(p ofp.PortNo) (n uint16, ok bool) {
	if p < portMax || p >= ofp.PortMax {
		return uint16(p), true
	}
	return portNone, false
}

// portOr is portOut with NONE for a port that has no number.
func portOr(p ofp.PortNo) uint16 {
	n, _ := portOut(p)
	return n
}
