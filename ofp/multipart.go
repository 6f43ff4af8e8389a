package ofp

import "ofswitch/ofp/internal/octets"

// Multipart types (OpenFlow 1.3.5 §7.3.5).
const (
	MultipartDesc          = 0
	MultipartFlow          = 1
	MultipartAggregate     = 2
	MultipartTable         = 3
	MultipartPortStats     = 4
	MultipartQueue         = 5
	MultipartGroup         = 6
	MultipartGroupDesc     = 7
	MultipartGroupFeatures = 8
	MultipartMeter         = 9
	MultipartMeterConfig   = 10
	MultipartMeterFeatures = 11
	MultipartTableFeatures = 12
	MultipartPortDesc      = 13
	MultipartExperimenter  = 0xffff
)

// MultipartMore is OFPMPF_REQ_MORE and OFPMPF_REPLY_MORE. Other flags do not
// exist; set, they are kept and mean nothing.
const MultipartMore = 1

// multipartHeaderLen is the length of the header of the message and that of the
// multipart.
const multipartHeaderLen = HeaderLen + 8

type (
	// MultipartRequest carries one request body.
	MultipartRequest struct {
		Kind  uint16
		Flags uint16
		// Body is a *FlowStatsRequest, *PortStatsRequest, *QueueStatsRequest,
		// *GroupStatsRequest, *MeterRequest or TableFeaturesRequest, of an
		// experimenter a RawBody; nil for the types without.
		Body MultipartBody
	}

	// MultipartReply carries entries of one kind: *Desc (one), *FlowStats,
	// *AggregateStats (one), *TableStats, *PortStats, *QueueStats, *GroupStats,
	// *GroupDesc, *GroupFeatures (one), *MeterStats, *MeterConfig, *MeterFeatures
	// (one), *TableFeatures, *PortDesc; of an experimenter one RawBody with all
	// entries. The sender splits replies over 64 KiB on whole entries
	// (MultipartMore on all but the last).
	MultipartReply struct {
		Kind    uint16
		Flags   uint16
		Entries []MultipartBody
	}

	// MultipartBody is a request body or one entry of a reply.
	MultipartBody interface {
		Len() int
		Append(b []byte) []byte
	}
)

// multipartKind says how the bodies of a multipart type look. A nil function
// makes a RawBody of a body that is not empty.
type multipartKind struct {
	request       shape
	decodeRequest func(b []byte) (MultipartBody, error)
	reply         shape
	// decodeEntry reads the entry at the start of b and says how many bytes it
	// took.
	decodeEntry func(b []byte) (MultipartBody, int, error)
}

// multipartKinds is indexed by multipart type.
var multipartKinds = [...]multipartKind{
	MultipartDesc:          {fixed(0), nil, fixed(descLen), decodeDesc},
	MultipartFlow:          {atLeast(flowRequestMin), decodeFlowStatsRequest, atLeast(0), decodeFlowStats},
	MultipartAggregate:     {atLeast(flowRequestMin), decodeFlowStatsRequest, fixed(aggregateStatsLen), decodeAggregateStats},
	MultipartTable:         {fixed(0), nil, shape{0, tableStatsLen}, decodeTableStats},
	MultipartPortStats:     {fixed(portStatsRequestLen), decodePortStatsRequest, shape{0, portStatsLen}, decodePortStats},
	MultipartQueue:         {fixed(8), decodeQueueStatsRequest, shape{0, queueStatsLen}, decodeQueueStats},
	MultipartGroup:         {fixed(8), decodeGroupStatsRequest, shape{0, 8}, decodeGroupStats},
	MultipartGroupDesc:     {fixed(0), nil, shape{0, 8}, decodeGroupDesc},
	MultipartGroupFeatures: {fixed(0), nil, fixed(groupFeaturesLen), decodeGroupFeatures},
	MultipartMeter:         {fixed(8), decodeMeterRequest, shape{0, 8}, decodeMeterStats},
	MultipartMeterConfig:   {fixed(8), decodeMeterRequest, shape{0, 8}, decodeMeterConfig},
	MultipartMeterFeatures: {fixed(0), nil, fixed(meterFeaturesLen), decodeMeterFeatures},
	MultipartTableFeatures: {shape{0, 8}, decodeTableFeaturesRequest, shape{0, 8}, decodeTableFeatures},
	MultipartPortDesc:      {fixed(0), nil, shape{0, portDescLen}, decodePortDesc},
}

// multipartExperimenter is the same for experimenters: what they have is in
// expMultiparts.
var multipartExperimenter = multipartKind{request: atLeast(experimenterHeaderLen), reply: atLeast(experimenterHeaderLen)}

// multipartKindOf finds the row of a multipart type.
func multipartKindOf(kind uint16) (*multipartKind, error) {
	switch {
	case int(kind) < len(multipartKinds):
		return &multipartKinds[kind], nil
	case kind == MultipartExperimenter:
		return &multipartExperimenter, nil
	}
	return nil, BadRequestBadMultipart.Errorf("multipart type %d does not exist in OpenFlow 1.3", kind)
}

// IsMultipart says whether OpenFlow 1.3 has multiparts of this type.
func IsMultipart(kind uint16) bool {
	_, err := multipartKindOf(kind)
	return err == nil
}

// Type is TypeMultipartRequest.
func (*MultipartRequest) Type() Type { return TypeMultipartRequest }

// Len is the body's length.
func (m *MultipartRequest) Len() int {
	if m.Body == nil {
		return 8
	}
	return 8 + m.Body.Len()
}

// Append encodes the body.
func (m *MultipartRequest) Append(b []byte) []byte {
	b = appendMultipartHeader(b, m.Kind, m.Flags)
	if m.Body == nil {
		return b
	}
	return m.Body.Append(b)
}

func decodeMultipartRequest(b []byte) (Message, error) {
	m := &MultipartRequest{Kind: be.Uint16(b), Flags: be.Uint16(b[2:])}
	k, err := multipartKindOf(m.Kind)
	if err != nil {
		return nil, err
	}
	b = b[8:]
	if !k.request.fits(len(b)) {
		return nil, k.request.errorf(BadRequestBadLen, MultipartName(m.Kind)+" request", multipartHeaderLen, len(b))
	}
	switch {
	case k.decodeRequest != nil:
		m.Body, err = k.decodeRequest(b)
	case len(b) > 0:
		m.Body = RawBody(octets.Clone(b))
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

// Type is TypeMultipartReply.
func (*MultipartReply) Type() Type { return TypeMultipartReply }

// Len is the body's length.
func (m *MultipartReply) Len() int {
	n := 8
	for _, e := range m.Entries {
		n += e.Len()
	}
	return n
}

// Append encodes the body.
func (m *MultipartReply) Append(b []byte) []byte {
	b = appendMultipartHeader(b, m.Kind, m.Flags)
	for _, e := range m.Entries {
		b = e.Append(b)
	}
	return b
}

func appendMultipartHeader(b []byte, kind, flags uint16) []byte {
	b = be.AppendUint16(b, kind)
	b = be.AppendUint16(b, flags)
	return octets.Zeros(b, 4)
}

func decodeMultipartReply(b []byte) (Message, error) {
	m := &MultipartReply{Kind: be.Uint16(b), Flags: be.Uint16(b[2:])}
	k, err := multipartKindOf(m.Kind)
	if err != nil {
		return nil, err
	}
	b = b[8:]
	if !k.reply.fits(len(b)) {
		return nil, k.reply.errorf(BadRequestBadLen, MultipartName(m.Kind)+" reply", multipartHeaderLen, len(b))
	}
	if k.decodeEntry == nil {
		if len(b) > 0 {
			m.Entries = []MultipartBody{RawBody(octets.Clone(b))}
		}
		return m, nil
	}
	for len(b) > 0 {
		e, n, err := k.decodeEntry(b)
		if err != nil {
			return nil, err
		}
		m.Entries = append(m.Entries, e)
		b = b[n:]
	}
	return m, nil
}

// entryLen reads the length of an entry, or of an element of one, at the start
// of b, which stands at offset at: it must be min and a multiple of step, and
// within b.
func entryLen(what string, b []byte, at, min, step int) (int, error) {
	if len(b) < min {
		return 0, BadRequestBadLen.Errorf("%s cut off: %d bytes are left, want at least %d", what, len(b), min)
	}
	n := int(be.Uint16(b[at:]))
	if n < min || (n-min)%step != 0 || n > len(b) {
		return 0, BadRequestBadLen.Errorf("%s says %d bytes, %d are left; want %d and a multiple of %d", what, n, len(b), min, step)
	}
	return n, nil
}
