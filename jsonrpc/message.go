package jsonrpc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Kind says what a message is.
type Kind uint8

// Kinds of message (JSON-RPC 1.0 §1).
const (
	KindRequest Kind = iota + 1 // method, params, id
	KindNotify                  // method, params, id null
	KindReply                   // result, error null, id
	KindError                   // error, result null, id
)

func (k Kind) String() string {
	switch k {
	case KindRequest:
		return "request"
	case KindNotify:
		return "notification"
	case KindReply:
		return "reply"
	case KindError:
		return "error"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Message is one JSON-RPC message. The fields that its kind does not have are
// nil. Raw values are as on the wire, so numbers keep their digits.
type Message struct {
	Kind   Kind
	Method string
	Params json.RawMessage // an array
	Result json.RawMessage
	Error  json.RawMessage
	ID     json.RawMessage // any value but null; nil for notifications
}

// Parse reads one message. A member that JSON-RPC does not know, or of the
// wrong shape, is an error that wraps ErrSyntax.
func Parse(b []byte) (*Message, error) {
	if !utf8.Valid(b) {
		return nil, fmt.Errorf("%w: not UTF-8", ErrSyntax) // RFC 7047 §4
	}
	if !validEscapes(b) {
		return nil, fmt.Errorf("%w: half a surrogate pair, which is no character", ErrSyntax)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrSyntax, err)
	}
	take := func(name string) (json.RawMessage, bool) {
		v, ok := members[name]
		delete(members, name)
		if isNull(v) {
			v = nil
		}
		return v, ok
	}
	m := &Message{}
	method, hasMethod := take("method")
	var hasParams, hasResult, hasError bool
	m.Params, hasParams = take("params")
	m.Result, hasResult = take("result")
	m.Error, hasError = take("error")
	m.ID, _ = take("id")
	for name := range members {
		return nil, fmt.Errorf("%w: unknown member %q", ErrSyntax, name)
	}
	if hasMethod {
		if hasResult && m.Result != nil || hasError && m.Error != nil {
			return nil, fmt.Errorf("%w: both a method and a result", ErrSyntax)
		}
		m.Result, m.Error = nil, nil
		if err := json.Unmarshal(method, &m.Method); err != nil || method == nil {
			return nil, fmt.Errorf("%w: method is not a string", ErrSyntax)
		}
		if !hasParams || len(m.Params) == 0 || m.Params[0] != '[' {
			return nil, fmt.Errorf("%w: params of %q is not an array", ErrSyntax, m.Method)
		}
		m.Kind = KindRequest
		if m.ID == nil {
			m.Kind = KindNotify
		}
		return m, nil
	}
	switch {
	case !hasResult && !hasError:
		return nil, fmt.Errorf("%w: neither method nor result nor error", ErrSyntax)
	case m.Params != nil:
		return nil, fmt.Errorf("%w: params without method", ErrSyntax)
	case m.ID == nil:
		return nil, fmt.Errorf("%w: reply without id", ErrSyntax)
	case m.Error != nil && m.Result != nil:
		return nil, fmt.Errorf("%w: both result and error", ErrSyntax)
	case m.Error != nil:
		m.Kind = KindError
	default:
		m.Kind = KindReply
		if m.Result == nil {
			m.Result = json.RawMessage("null")
		}
	}
	return m, nil
}

// validEscapes says whether \u escapes of surrogates come in pairs (RFC 8259 §7):
// package json would make another character of half a pair.
func validEscapes(b []byte) bool {
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 >= len(b) {
			return true
		}
		first, ok := surrogate(b[i:])
		switch {
		case !ok:
			b = b[i+2:]
			continue
		case first >= 0xdc00:
			return false
		}
		if second, ok := surrogate(b[i+6:]); !ok || second < 0xdc00 {
			return false
		}
		b = b[i+12:]
	}
}

// surrogate reads the escape of a surrogate at the start of b.
func surrogate(b []byte) (v uint64, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return v, err == nil && v >= 0xd800 && v < 0xe000
}

func isNull(v json.RawMessage) bool { return bytes.Equal(v, []byte("null")) }

// Append encodes m. It fails when a raw value in it is not JSON.
func (m *Message) Append(b []byte) ([]byte, error) {
	raw := func(name string, v json.RawMessage) error {
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, '"', ':')
		if v == nil {
			b = append(b, "null"...)
			return nil
		}
		if !json.Valid(v) {
			return fmt.Errorf("JSON-RPC %s of a %s is not JSON", name, m.Kind)
		}
		b = append(b, v...)
		return nil
	}
	b = append(b, '{')
	if err := raw("id", m.ID); err != nil {
		return nil, err
	}
	b = append(b, ',')
	switch m.Kind {
	case KindRequest, KindNotify:
		method, err := marshal(m.Method)
		if err != nil {
			return nil, err
		}
		if err := raw("method", method); err != nil {
			return nil, err
		}
		b = append(b, ',')
		params := m.Params
		if params == nil {
			params = json.RawMessage("[]")
		}
		if err := raw("params", params); err != nil {
			return nil, err
		}
	case KindReply, KindError:
		if err := raw("result", m.Result); err != nil {
			return nil, err
		}
		b = append(b, ',')
		if err := raw("error", m.Error); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("JSON-RPC message of no kind")
	}
	return append(b, '}'), nil
}

// marshal is json.Marshal without the escapes for HTML, which nobody on the
// other side needs.
func marshal(v any) (json.RawMessage, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}

// ReplyError is the error member of a reply: what the other end said.
type ReplyError struct {
	// Raw is the JSON value as it came.
	Raw json.RawMessage
}

func (e *ReplyError) Error() string {
	var s string
	if json.Unmarshal(e.Raw, &s) == nil {
		return s
	}
	return string(e.Raw)
}
