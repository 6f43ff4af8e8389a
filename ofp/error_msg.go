package ofp

import (
	"errors"
	"fmt"

	"ofswitch/ofp/internal/octets"
)

// ErrorMsg is OFPT_ERROR (OpenFlow 1.3.5 §7.4.4); Data is at least the first 64
// bytes of the refused message, or text for HELLO_FAILED. With ErrExperimenter,
// Code is the experimenter's type and Data begins with the experimenter's
// number.
type ErrorMsg struct {
	ErrType ErrorType
	Code    uint16
	Data    []byte
}

// ErrorDataMax is how much of a refused message ErrorFor gives back. The
// specification asks for at least 64 bytes, controllers look for the cookie of
// a flow-mod in them, and people for the match.
const ErrorDataMax = 256

// ErrorFor is the message that tells the sender of request that err happened.
// An err that wraps no *Error is a failure of our own; it becomes the least
// specific code that the kind of request has. request is the whole message from
// its header on; it is copied.
func ErrorFor(err error, request []byte) *ErrorMsg {
	var e *Error
	if !errors.As(err, &e) || e == nil {
		e = failureCode(request).Errorf("%v", err)
	}
	m := &ErrorMsg{ErrType: e.Code.Type(), Code: e.Code.Number(), Data: octets.Clone(request[:min(len(request), ErrorDataMax)])}
	if id := e.Code.Experimenter(); id != 0 {
		m.Data = append(be.AppendUint32(nil, id), m.Data...)
	}
	return m
}

// failureCode is the code for a request that was in order but could not be
// carried out for a reason that OpenFlow has no name for.
func failureCode(request []byte) Code {
	if len(request) >= HeaderLen {
		switch Type(request[1]) {
		case TypeFlowMod:
			return FlowModFailedUnknown
		case TypeGroupMod:
			return GroupModFailedEPerm
		case TypePortMod:
			return PortModFailedEPerm
		case TypeTableMod:
			return TableModFailedEPerm
		case TypeSetConfig:
			return SwitchConfigFailedEPerm
		case TypeMeterMod:
			return MeterModFailedUnknown
		case TypeRoleRequest:
			return RoleRequestFailedUnsup
		}
	}
	return BadRequestEPerm
}

// Type is TypeError.
func (*ErrorMsg) Type() Type { return TypeError }

// Len is the body's length.
func (m *ErrorMsg) Len() int { return 4 + len(m.Data) }

// Append encodes the body.
func (m *ErrorMsg) Append(b []byte) []byte {
	b = be.AppendUint16(b, uint16(m.ErrType))
	b = be.AppendUint16(b, m.Code)
	return append(b, m.Data...)
}

// ErrCode is the message's type and code in one.
func (m *ErrorMsg) ErrCode() Code { return Code(m.ErrType)<<16 | Code(m.Code) }

// Error makes a received ErrorMsg usable as an error: a client returns the
// switch's refusal as it came.
func (m *ErrorMsg) Error() string {
	c := m.ErrCode()
	if m.ErrType == ErrExperimenter && (len(m.Data) < 4 || be.Uint32(m.Data) != c.Experimenter()) {
		return fmt.Sprintf("the peer answered an experimenter's error %d", m.Code)
	}
	if s := CodeText(c); s != "" {
		return fmt.Sprintf("the peer answered %v: %s", c, s)
	}
	return fmt.Sprintf("the peer answered %v", c)
}

func decodeErrorMsg(b []byte) (Message, error) {
	return &ErrorMsg{
		ErrType: ErrorType(be.Uint16(b)),
		Code:    be.Uint16(b[2:]),
		Data:    octets.Clone(b[4:]),
	}, nil
}
