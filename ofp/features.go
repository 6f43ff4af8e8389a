package ofp

import "ofswitch/ofp/internal/octets"

// FeaturesRequest asks who the switch is (OpenFlow 1.3.5 §7.3.1).
type FeaturesRequest struct{}

// Type is TypeFeaturesRequest.
func (*FeaturesRequest) Type() Type { return TypeFeaturesRequest }

// Len is zero: there is no body.
func (*FeaturesRequest) Len() int { return 0 }

// Append returns b.
func (*FeaturesRequest) Append(b []byte) []byte { return b }

func decodeFeaturesRequest([]byte) (Message, error) { return new(FeaturesRequest), nil }

// FeaturesReply says who the switch is (OpenFlow 1.3.5 §7.3.1).
type FeaturesReply struct {
	DatapathID   uint64
	NumBuffers   uint32 // packets that it can buffer
	NumTables    uint8
	AuxiliaryID  uint8  // 0 on a main connection
	Capabilities uint32 // CapFlowStats...
}

// Type is TypeFeaturesReply.
func (*FeaturesReply) Type() Type { return TypeFeaturesReply }

// Len is the body's length.
func (*FeaturesReply) Len() int { return 24 }

// Append encodes the body.
func (m *FeaturesReply) Append(b []byte) []byte {
	b = be.AppendUint64(b, m.DatapathID)
	b = be.AppendUint32(b, m.NumBuffers)
	b = append(b, m.NumTables, m.AuxiliaryID, 0, 0)
	b = be.AppendUint32(b, m.Capabilities)
	return octets.Zeros(b, 4)
}

func decodeFeaturesReply(b []byte) (Message, error) {
	return &FeaturesReply{
		DatapathID:   be.Uint64(b),
		NumBuffers:   be.Uint32(b[8:]),
		NumTables:    b[12],
		AuxiliaryID:  b[13],
		Capabilities: be.Uint32(b[16:]),
	}, nil
}
