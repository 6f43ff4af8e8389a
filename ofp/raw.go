package ofp

// Raw is a message whose type and length are right and whose body is not looked
// into here: group-mod, meter-mod, and the role, asynchronous-configuration and
// queue-configuration messages. Body owns its bytes.
type Raw struct {
	T    Type
	Body []byte
}

// Type is the message's type.
func (m *Raw) Type() Type { return m.T }

// Len is the body's length.
func (m *Raw) Len() int { return len(m.Body) }

// Append encodes the body.
func (m *Raw) Append(b []byte) []byte { return append(b, m.Body...) }

// RawBody is a multipart body that is not looked into: a whole request body, or
// all entries of one reply.
type RawBody []byte

// Len is the body's length.
func (r RawBody) Len() int { return len(r) }

// Append encodes the body.
func (r RawBody) Append(b []byte) []byte { return append(b, r...) }
