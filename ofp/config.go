package ofp

// GetConfigRequest asks for the switch's configuration (OpenFlow 1.3.5 §7.3.2).
type GetConfigRequest struct{}

// Type is TypeGetConfigRequest.
func (*GetConfigRequest) Type() Type { return TypeGetConfigRequest }

// Len is zero: there is no body.
func (*GetConfigRequest) Len() int { return 0 }

// Append returns b.
func (*GetConfigRequest) Append(b []byte) []byte { return b }

func decodeGetConfigRequest([]byte) (Message, error) { return new(GetConfigRequest), nil }

// GetConfigReply answers a GetConfigRequest (OpenFlow 1.3.5 §7.3.2). Flags are
// FragNormal...; MissSendLen is in bytes.
type GetConfigReply struct{ Flags, MissSendLen uint16 }

// Type is TypeGetConfigReply.
func (*GetConfigReply) Type() Type { return TypeGetConfigReply }

// Len is the body's length.
func (*GetConfigReply) Len() int { return 4 }

// Append encodes the body.
func (m *GetConfigReply) Append(b []byte) []byte {
	return be.AppendUint16(be.AppendUint16(b, m.Flags), m.MissSendLen)
}

func decodeGetConfigReply(b []byte) (Message, error) {
	return &GetConfigReply{Flags: be.Uint16(b), MissSendLen: be.Uint16(b[2:])}, nil
}

// SetConfig sets the switch's configuration; it has no reply
// (OpenFlow 1.3.5 §7.3.2).
type SetConfig struct{ Flags, MissSendLen uint16 }

// Type is TypeSetConfig.
func (*SetConfig) Type() Type { return TypeSetConfig }

// Len is the body's length.
func (*SetConfig) Len() int { return 4 }

// Append encodes the body.
func (m *SetConfig) Append(b []byte) []byte {
	return be.AppendUint16(be.AppendUint16(b, m.Flags), m.MissSendLen)
}

func decodeSetConfig(b []byte) (Message, error) {
	return &SetConfig{Flags: be.Uint16(b), MissSendLen: be.Uint16(b[2:])}, nil
}
