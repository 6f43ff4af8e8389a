package ofp

import (
	"fmt"

	"ofswitch/ofp/internal/octets"
)

// Types of the ONF bundle messages (ONF extension 230; OpenFlow 1.4 §7.3.9).
const (
	onfBundleControl = 2300
	onfBundleAdd     = 2301

	bundleHeaderLen = 8
)

// BundleOp is what a BundleControl asks for or answers.
type BundleOp uint16

// Bundle operations. The reply to a request has the next number.
const (
	BundleOpenRequest    BundleOp = 0
	BundleOpenReply      BundleOp = 1
	BundleCloseRequest   BundleOp = 2
	BundleCloseReply     BundleOp = 3
	BundleCommitRequest  BundleOp = 4
	BundleCommitReply    BundleOp = 5
	BundleDiscardRequest BundleOp = 6
	BundleDiscardReply   BundleOp = 7
)

var bundleOpNames = [...]string{
	"OPEN_REQUEST", "OPEN_REPLY", "CLOSE_REQUEST", "CLOSE_REPLY",
	"COMMIT_REQUEST", "COMMIT_REPLY", "DISCARD_REQUEST", "DISCARD_REPLY",
}

// String is the name as ovs-ofctl writes it: "OPEN_REQUEST".
func (o BundleOp) String() string {
	if int(o) < len(bundleOpNames) {
		return bundleOpNames[o]
	}
	return fmt.Sprintf("bundle operation %d", uint16(o))
}

// BundleFlags say how a bundle is carried out.
type BundleFlags uint16

// Bundle flags.
const (
	BundleAtomic  BundleFlags = 1 << 0 // frames see all of it or nothing
	BundleOrdered BundleFlags = 1 << 1 // messages are applied in their order

	bundleFlagsAll = BundleAtomic | BundleOrdered
)

var bundleFlagNames = []bitName{
	{uint32(BundleAtomic), "atomic"},
	{uint32(BundleOrdered), "ordered"},
}

// String lists the flags as ovs-ofctl does; "0": none.
func (f BundleFlags) String() string { return bitNames(uint32(f), bundleFlagNames) }

// BundleControl opens, closes, commits or discards a bundle, or answers that
// (ONF extension 230 §3.1).
type BundleControl struct {
	BundleID   uint32
	Op         BundleOp
	Flags      BundleFlags
	Properties []Property
}

// Type is TypeExperimenter.
func (*BundleControl) Type() Type { return TypeExperimenter }

// Len is the body's length.
func (m *BundleControl) Len() int {
	return experimenterHeaderLen + bundleHeaderLen + propertiesLen(m.Properties)
}

// Append encodes the body.
func (m *BundleControl) Append(b []byte) []byte {
	b = appendExperimenter(b, ExperimenterONF, onfBundleControl)
	b = be.AppendUint32(b, m.BundleID)
	b = be.AppendUint16(b, uint16(m.Op))
	b = be.AppendUint16(b, uint16(m.Flags))
	return appendProperties(b, m.Properties)
}

func decodeBundleControl(_, _ uint32, b []byte) (Message, error) {
	m := &BundleControl{BundleID: be.Uint32(b), Op: BundleOp(be.Uint16(b[4:])), Flags: BundleFlags(be.Uint16(b[6:]))}
	if m.Op > BundleDiscardReply {
		return nil, BundleFailedBadType.Errorf("bundle %#x: operation %d does not exist", m.BundleID, uint16(m.Op))
	}
	if err := m.Flags.check(m.BundleID); err != nil {
		return nil, err
	}
	var err error
	if m.Properties, err = decodeProperties(b[bundleHeaderLen:]); err != nil {
		return nil, err
	}
	return m, nil
}

func (f BundleFlags) check(id uint32) error {
	if bad := f &^ bundleFlagsAll; bad != 0 {
		return BundleFailedBadFlags.Errorf("bundle %#x: flags %#x: %#x is not defined", id, uint16(f), uint16(bad))
	}
	return nil
}

// BundleAdd puts a message into a bundle (ONF extension 230 §3.2).
type BundleAdd struct {
	BundleID uint32
	Flags    BundleFlags
	// Message is the whole message that is added, header included. Its
	// transaction id is that of the message around it.
	Message    []byte
	Properties []Property
}

// NewBundleAdd puts m, which will be sent with transaction id xid, into a
// bundle.
func NewBundleAdd(id uint32, flags BundleFlags, xid uint32, m Message) *BundleAdd {
	return &BundleAdd{BundleID: id, Flags: flags, Message: Encode(xid, m)}
}

// Type is TypeExperimenter.
func (*BundleAdd) Type() Type { return TypeExperimenter }

// Len is the body's length.
func (m *BundleAdd) Len() int {
	n := experimenterHeaderLen + bundleHeaderLen + len(m.Message)
	if len(m.Properties) > 0 {
		n = octets.Pad8(n) + propertiesLen(m.Properties)
	}
	return n
}

// Append encodes the body.
func (m *BundleAdd) Append(b []byte) []byte {
	b = appendExperimenter(b, ExperimenterONF, onfBundleAdd)
	b = be.AppendUint32(b, m.BundleID)
	b = octets.Zeros(b, 2)
	b = be.AppendUint16(b, uint16(m.Flags))
	b = append(b, m.Message...)
	if len(m.Properties) > 0 {
		b = appendProperties(octets.Zeros(b, octets.Pad8(len(m.Message))-len(m.Message)), m.Properties)
	}
	return b
}

// Header is the header of the message that is added.
func (m *BundleAdd) Header() Header {
	h, _ := ParseHeader(m.Message) // the decoder has seen to it
	return h
}

// Decode reads the message that is added. Which messages a bundle takes is the
// switch's business.
func (m *BundleAdd) Decode() (Message, error) {
	h, err := ParseHeader(m.Message)
	if err != nil {
		return nil, err
	}
	return Decode(h, m.Message[HeaderLen:])
}

// decodeBundleAdd looks at the header of the message that is added. A message of
// another version than the one around it is not for a bundle; there is no code
// of its own for it before OpenFlow 1.6.
func decodeBundleAdd(_, xid uint32, b []byte) (Message, error) {
	m := &BundleAdd{BundleID: be.Uint32(b), Flags: BundleFlags(be.Uint16(b[6:]))}
	if err := m.Flags.check(m.BundleID); err != nil {
		return nil, err
	}
	b = b[bundleHeaderLen:]
	h, err := ParseHeader(b)
	if err != nil || int(h.Length) > len(b) {
		return nil, BundleFailedMsgBadLen.Errorf("bundle %#x: message of %d bytes, its header says %d", m.BundleID, len(b), h.Length)
	}
	if h.Version != Version {
		return nil, BundleFailedMsgUnsup.Errorf("bundle %#x: %v has version %#02x, want %#02x", m.BundleID, h.Type, h.Version, Version)
	}
	if h.XID != xid {
		return nil, BundleFailedMsgBadXID.Errorf("bundle %#x: %v has transaction id %#x in a message with %#x", m.BundleID, h.Type, h.XID, xid)
	}
	m.Message = octets.Clone(b[:h.Length])
	if m.Properties, err = decodeProperties(b[min(octets.Pad8(int(h.Length)), len(b)):]); err != nil {
		return nil, err
	}
	return m, nil
}
