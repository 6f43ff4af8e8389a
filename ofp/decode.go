package ofp

// shape says how long a body may be. It is checked before the body's decoder
// runs, which may rely on min bytes.
type shape struct {
	min int
	// step is what the length beyond min is a multiple of; 0: there is nothing
	// beyond min.
	step int
}

// fits says whether a body of n bytes has the shape.
func (s shape) fits(n int) bool {
	if n < s.min {
		return false
	}
	if s.step == 0 {
		return n == s.min
	}
	return (n-s.min)%s.step == 0
}

// fixed and atLeast are the two usual shapes.
func fixed(n int) shape   { return shape{min: n} }
func atLeast(n int) shape { return shape{min: n, step: 1} }

// matchMin is the length of a match without fields.
const matchMin = 8

// decoder says how the body of a message looks.
type decoder struct {
	shape  shape
	decode func(body []byte) (Message, error)
}

// decoders is indexed by message type.
var decoders = [...]decoder{
	TypeHello:                 {atLeast(0), decodeHello},
	TypeError:                 {atLeast(4), decodeErrorMsg},
	TypeEchoRequest:           {atLeast(0), decodeEchoRequest},
	TypeEchoReply:             {atLeast(0), decodeEchoReply},
	TypeExperimenter:          {atLeast(8), decodeExperimenter},
	TypeFeaturesRequest:       {fixed(0), decodeFeaturesRequest},
	TypeFeaturesReply:         {fixed(24), decodeFeaturesReply},
	TypeGetConfigRequest:      {fixed(0), decodeGetConfigRequest},
	TypeGetConfigReply:        {fixed(4), decodeGetConfigReply},
	TypeSetConfig:             {fixed(4), decodeSetConfig},
	TypePacketIn:              {atLeast(16 + matchMin + 2), decodePacketIn},
	TypeFlowRemoved:           {atLeast(40 + matchMin), decodeFlowRemoved},
	TypePortStatus:            {fixed(8 + portDescLen), decodePortStatus},
	TypePacketOut:             {atLeast(16), decodePacketOut},
	TypeFlowMod:               {atLeast(40 + matchMin), decodeFlowMod},
	TypeGroupMod:              {shape{8, 8}, decodeGroupMod},
	TypePortMod:               {fixed(32), decodePortMod},
	TypeTableMod:              {fixed(8), decodeTableMod},
	TypeMultipartRequest:      {atLeast(8), decodeMultipartRequest},
	TypeMultipartReply:        {atLeast(8), decodeMultipartReply},
	TypeBarrierRequest:        {fixed(0), decodeBarrierRequest},
	TypeBarrierReply:          {fixed(0), decodeBarrierReply},
	TypeQueueGetConfigRequest: {fixed(8), decodeQueueGetConfigRequest},
	TypeQueueGetConfigReply:   {shape{8, 8}, decodeQueueGetConfigReply},
	TypeRoleRequest:           {fixed(roleLen), decodeRoleRequest},
	TypeRoleReply:             {fixed(roleLen), decodeRoleReply},
	TypeGetAsyncRequest:       {fixed(0), decodeGetAsyncRequest},
	TypeGetAsyncReply:         {fixed(asyncConfigLen), decodeGetAsyncReply},
	TypeSetAsync:              {fixed(asyncConfigLen), decodeSetAsync},
	TypeMeterMod:              {shape{8, 8}, decodeMeterMod},
}

// Decode reads the body of a message, of which h is the header; h.Length is not
// looked at. The message owns its memory. An error is an *Error with the type
// and code of the specification, and nothing of the message counts.
//
// Decode checks all that can be seen in the message alone. Messages that only
// a switch sends are decoded too; refusing them from a controller is the
// dispatcher's part.
//
// Hellos and errors are read in every version, since negotiation needs them;
// other versions than 1.3 are refused otherwise (BAD_VERSION).
func Decode(h Header, body []byte) (Message, error) {
	if h.Version != Version && h.Type != TypeHello && h.Type != TypeError {
		return nil, BadRequestBadVersion.Errorf("%v has version %#02x, want %#02x", h.Type, h.Version, Version)
	}
	d, err := decoderOf(h.Type, len(body))
	if err != nil {
		return nil, err
	}
	return d.decode(body)
}

// decoderOf finds the row of a message type and checks the length of the body.
func decoderOf(t Type, n int) (*decoder, error) {
	if int(t) >= len(decoders) {
		return nil, BadRequestBadType.Errorf("message type %d does not exist in OpenFlow 1.3", uint8(t))
	}
	d := &decoders[t]
	if !d.shape.fits(n) {
		return nil, d.shape.errorf(BadRequestBadLen, t.String(), HeaderLen, n)
	}
	return d, nil
}

// errorf says that what, whose header has extra bytes and whose body has n
// bytes, does not have the shape.
func (s shape) errorf(c Code, what string, extra, n int) *Error {
	switch {
	case s.step == 0:
		return c.Errorf("%s of %d bytes, want %d", what, extra+n, extra+s.min)
	case n < s.min:
		return c.Errorf("%s of %d bytes, want at least %d", what, extra+n, extra+s.min)
	default:
		return c.Errorf("%s of %d bytes, want %d and a multiple of %d", what, extra+n, extra+s.min, s.step)
	}
}
