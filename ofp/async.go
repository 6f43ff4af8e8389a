package ofp

// AsyncConfig says which asynchronous messages a connection gets (OpenFlow
// 1.3.5 §7.3.10): of each kind a mask with bit 1<<reason, index 0 while the
// controller is master or equal, 1 while it is slave. Bits that name no reason
// are kept as they are.
type AsyncConfig struct {
	PacketIn    [2]uint32 // PacketInNoMatch...
	PortStatus  [2]uint32 // PortAdd...
	FlowRemoved [2]uint32 // RemovedIdle...
}

const asyncConfigLen = 24

// Len is the body's length.
func (*AsyncConfig) Len() int { return asyncConfigLen }

// Append encodes the body.
func (c *AsyncConfig) Append(b []byte) []byte {
	for _, masks := range [...][2]uint32{c.PacketIn, c.PortStatus, c.FlowRemoved} {
		b = be.AppendUint32(b, masks[0])
		b = be.AppendUint32(b, masks[1])
	}
	return b
}

func decodeAsyncConfig(b []byte) AsyncConfig {
	return AsyncConfig{
		PacketIn:    [2]uint32{be.Uint32(b), be.Uint32(b[4:])},
		PortStatus:  [2]uint32{be.Uint32(b[8:]), be.Uint32(b[12:])},
		FlowRemoved: [2]uint32{be.Uint32(b[16:]), be.Uint32(b[20:])},
	}
}

// GetAsyncRequest asks for a GetAsyncReply (OpenFlow 1.3.5 §7.3.10).
type GetAsyncRequest struct{}

// Type is TypeGetAsyncRequest.
func (*GetAsyncRequest) Type() Type { return TypeGetAsyncRequest }

// Len is zero: there is no body.
func (*GetAsyncRequest) Len() int { return 0 }

// Append returns b.
func (*GetAsyncRequest) Append(b []byte) []byte { return b }

func decodeGetAsyncRequest([]byte) (Message, error) { return new(GetAsyncRequest), nil }

// GetAsyncReply answers a GetAsyncRequest (OpenFlow 1.3.5 §7.3.10).
type GetAsyncReply struct{ AsyncConfig }

// Type is TypeGetAsyncReply.
func (*GetAsyncReply) Type() Type { return TypeGetAsyncReply }

func decodeGetAsyncReply(b []byte) (Message, error) {
	return &GetAsyncReply{decodeAsyncConfig(b)}, nil
}

// SetAsync asks for other asynchronous messages; it has no reply (OpenFlow 1.3.5
// §7.3.10).
type SetAsync struct{ AsyncConfig }

// Type is TypeSetAsync.
func (*SetAsync) Type() Type { return TypeSetAsync }

func decodeSetAsync(b []byte) (Message, error) { return &SetAsync{decodeAsyncConfig(b)}, nil }
