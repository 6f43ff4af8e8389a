package of10

import "ofswitch/ofp"

// niciraError is the error type of which the type and code stand in the data,
// behind the vendor: for what OpenFlow 1.0 has no code.
const niciraError = 0xb0c2

// errorCode is a type and code of OpenFlow 1.0, or of Nicira.
type errorCode struct {
	nicira       bool
	errType, num uint16
}

// unencodable is Nicira's code for errors without one.
var unencodable = errorCode{true, 1, 521}

// errorCodes has the codes that differ from OpenFlow 1.3's, as Open vSwitch 3.1
// sends them. Those of HELLO_FAILED and, up to 8, of BAD_REQUEST and
// BAD_ACTION are the same; group-mods' keep their numbers among Nicira's.
var errorCodes = map[ofp.Code]errorCode{
	ofp.BadRequestBadTableID:       {true, 1, 512},
	ofp.BadRequestIsSlave:          {false, 1, 5},
	ofp.BadRequestBadPort:          {true, 1, 514},
	ofp.BadActionBadOutGroup:       {true, 2, 9},
	ofp.BadActionMatchInconsistent: {true, 1, 522},
	ofp.BadActionBadSetType:        {true, 1, 523},
	ofp.BadActionBadSetLen:         {true, 1, 524},
	ofp.BadActionBadSetArgument:    {true, 1, 525},
	ofp.BadInstructionUnsupInst:    {true, 2, 257},
	ofp.BadMatchBadWildcards:       {true, 1, 262},
	ofp.BadMatchBadField:           {true, 0, 263},
	ofp.BadMatchBadValue:           {true, 1, 258},
	ofp.BadMatchBadMask:            {true, 1, 259},
	ofp.BadMatchBadPrereq:          {true, 1, 260},
	ofp.BadMatchDupField:           {true, 1, 261},
	ofp.FlowModFailedTableFull:     {false, 3, 0},
	ofp.FlowModFailedOverlap:       {false, 3, 1},
	ofp.FlowModFailedEPerm:         {false, 3, 2},
	ofp.FlowModFailedBadCommand:    {false, 3, 4},
	ofp.FlowModFailedBadFlags:      {true, 3, 258},
	ofp.PortModFailedBadPort:       {false, 4, 0},
	ofp.PortModFailedBadHWAddr:     {false, 4, 1},
	ofp.QueueOpFailedBadPort:       {false, 5, 0},
	ofp.QueueOpFailedBadQueue:      {false, 5, 1},
	ofp.QueueOpFailedEPerm:         {false, 5, 2},
	ofp.RoleRequestFailedBadRole:   {true, 1, 513},

	ofp.FlowMonitorFailedMonitorExists:  {true, 1, 517},
	ofp.FlowMonitorFailedBadFlags:       {true, 1, 518},
	ofp.FlowMonitorFailedUnknownMonitor: {true, 1, 519},
}

// codeOf gives the code that stands for c in OpenFlow 1.0.
func codeOf(c ofp.Code) errorCode {
	if e, ok := errorCodes[c]; ok {
		return e
	}
	switch c.Type() {
	case ofp.ErrHelloFailed:
		return errorCode{false, uint16(c.Type()), c.Number()}
	case ofp.ErrBadRequest, ofp.ErrBadAction:
		if c.Number() <= 8 {
			return errorCode{false, uint16(c.Type()), c.Number()}
		}
	case ofp.ErrGroupModFailed:
		return errorCode{true, uint16(c.Type()), c.Number()}
	}
	return unencodable
}

// encodeError makes an error message of one of OpenFlow 1.3. An experimenter's
// number in front of the data is left out: what stands there is another.
func encodeError(xid uint32, m *ofp.ErrorMsg) []byte {
	c := m.ErrCode()
	data := m.Data
	if c.Experimenter() != 0 && len(data) >= 4 {
		data = data[4:]
	}
	e := codeOf(c)
	b := header(nil, uint8(ofp.TypeError), xid)
	if e.nicira {
		b = be.AppendUint16(b, niciraError)
		b = be.AppendUint16(b, 0)
		b = be.AppendUint32(b, ofp.ExperimenterNicira)
	}
	b = be.AppendUint16(b, e.errType)
	b = be.AppendUint16(b, e.num)
	return finish(append(b, data...))
}
