package ovsdb

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Tags of errors (RFC 7047 §3.1, §5.2, and those of ovsdb-server(7)).
const (
	ErrSyntax             = "syntax error"
	ErrUnknownColumn      = "unknown column"
	ErrUnknownFunction    = "unknown function"
	ErrUnknownMutator     = "unknown mutator"
	ErrUnknownDatabase    = "unknown database"
	ErrUnknownMethod      = "unknown method"
	ErrConstraint         = "constraint violation"
	ErrDomain             = "domain error"
	ErrRange              = "range error"
	ErrReference          = "referential integrity violation"
	ErrDuplicateName      = "duplicate uuid-name"
	ErrDuplicateUUID      = "duplicate uuid"
	ErrTimedOut           = "timed out"
	ErrNotOwner           = "not owner"
	ErrAborted            = "aborted"
	ErrNotAllowed         = "not allowed" // the database is read only
	ErrNotSupported       = "not supported"
	ErrIO                 = "I/O error"
	ErrResourcesExhausted = "resources exhausted"
	ErrBadSchema          = "invalid schema"
	ErrOther              = "ovsdb error" // has no tag of its own
)

// Error is why a request or an operation was refused.
type Error struct {
	Tag     string // one of the above
	Details string // for persons
	Syntax  string // the JSON that it is about; empty: none
}

// Error is "TAG: DETAILS".
func (e *Error) Error() string {
	if e.Details == "" {
		return e.Tag
	}
	return e.Tag + ": " + e.Details
}

// MarshalJSON gives the <error> object of RFC 7047 §3.1.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Details string `json:"details,omitempty"`
		Error   string `json:"error"`
		Syntax  string `json:"syntax,omitempty"`
	}{e.Details, e.Tag, e.Syntax})
}

// How much of what was wrong is repeated, in bytes.
const (
	maxSyntax  = 1024
	maxDetails = 4096
)

func errorf(tag, format string, a ...any) *Error {
	details := fmt.Sprintf(format, a...)
	if len(details) > maxDetails {
		details = strings.ToValidUTF8(details[:maxDetails], "") + "..."
	}
	return &Error{Tag: tag, Details: details}
}

// syntaxf is an error about a piece of JSON.
func syntaxf(about any, format string, a ...any) *Error {
	e := errorf(ErrSyntax, format, a...)
	if b, err := json.Marshal(about); err == nil {
		if len(b) > maxSyntax {
			b = append(b[:maxSyntax:maxSyntax], "..."...)
		}
		e.Syntax = string(b)
	}
	return e
}

// syntaxTagged is a syntaxf with another tag.
func syntaxTagged(about any, tag, format string, a ...any) *Error {
	err := syntaxf(about, format, a...)
	err.Tag = tag
	return err
}
