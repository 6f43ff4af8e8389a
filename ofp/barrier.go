package ofp

// BarrierRequest asks for a BarrierReply once all earlier messages of the
// connection have taken effect (OpenFlow 1.3.5 §7.3.8).
type BarrierRequest struct{}

// Type is TypeBarrierRequest.
func (*BarrierRequest) Type() Type { return TypeBarrierRequest }

// Len is zero: there is no body.
func (*BarrierRequest) Len() int { return 0 }

// Append returns b.
func (*BarrierRequest) Append(b []byte) []byte { return b }

func decodeBarrierRequest([]byte) (Message, error) { return new(BarrierRequest), nil }

// BarrierReply answers a BarrierRequest (OpenFlow 1.3.5 §7.3.8).
type BarrierReply struct{}

// Type is TypeBarrierReply.
func (*BarrierReply) Type() Type { return TypeBarrierReply }

// Len is zero: there is no body.
func (*BarrierReply) Len() int { return 0 }

// Append returns b.
func (*BarrierReply) Append(b []byte) []byte { return b }

func decodeBarrierReply([]byte) (Message, error) { return new(BarrierReply), nil }
