package ofp

import "ofswitch/ofp/internal/octets"

// EchoRequest asks for an EchoReply with the same data (OpenFlow 1.3.5 §7.5.2).
type EchoRequest struct{ Data []byte }

// Type is TypeEchoRequest.
func (*EchoRequest) Type() Type { return TypeEchoRequest }

// Len is the body's length.
func (m *EchoRequest) Len() int { return len(m.Data) }

// Append encodes the body.
func (m *EchoRequest) Append(b []byte) []byte { return append(b, m.Data...) }

func decodeEchoRequest(b []byte) (Message, error) { return &EchoRequest{Data: octets.Clone(b)}, nil }

// EchoReply answers an EchoRequest (OpenFlow 1.3.5 §7.5.3).
type EchoReply struct{ Data []byte }

// Type is TypeEchoReply.
func (*EchoReply) Type() Type { return TypeEchoReply }

// Len is the body's length.
func (m *EchoReply) Len() int { return len(m.Data) }

// Append encodes the body.
func (m *EchoReply) Append(b []byte) []byte { return append(b, m.Data...) }

func decodeEchoReply(b []byte) (Message, error) { return &EchoReply{Data: octets.Clone(b)}, nil }
