package ofp

import "fmt"

// ErrorType is OFPET_*.
type ErrorType uint16

// Error types (OpenFlow 1.3.5 §7.4.4).
const (
	ErrHelloFailed         ErrorType = 0
	ErrBadRequest          ErrorType = 1
	ErrBadAction           ErrorType = 2
	ErrBadInstruction      ErrorType = 3
	ErrBadMatch            ErrorType = 4
	ErrFlowModFailed       ErrorType = 5
	ErrGroupModFailed      ErrorType = 6
	ErrPortModFailed       ErrorType = 7
	ErrTableModFailed      ErrorType = 8
	ErrQueueOpFailed       ErrorType = 9
	ErrSwitchConfigFailed  ErrorType = 10
	ErrRoleRequestFailed   ErrorType = 11
	ErrMeterModFailed      ErrorType = 12
	ErrTableFeaturesFailed ErrorType = 13
	ErrExperimenter        ErrorType = 0xffff
)

// Error is a refusal: the type and code that the peer reads, and text for our
// log. It is made where the rule is checked, from a code of the table in
// error_codes.go: BadRequestBadLen.Errorf("flow-mod of %d bytes", n).
type Error struct {
	Code Code
	Text string
}

// Code is one error code of OpenFlow 1.3.5 §7.4.4, its type in the upper half.
type Code uint32

// Type is the code's OFPET_* type.
func (c Code) Type() ErrorType { return ErrorType(c >> 16) }

// Number is the code within its type.
func (c Code) Number() uint16 { return uint16(c) }

// Errorf makes a refusal with code c and text for the log.
func (c Code) Errorf(format string, args ...any) *Error {
	return &Error{Code: c, Text: fmt.Sprintf(format, args...)}
}

// Error is the text for the log with the code's name.
func (e *Error) Error() string { return e.Text + " (" + e.Code.String() + ")" }
