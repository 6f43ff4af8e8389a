package ofp

// Raw is a message of any type with any body, to be sent. Decode never gives one.
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

// RawBody is a multipart body that has not been looked into: a whole request
// body, or all entries of one reply, of an experimenter's multipart; see
// MultipartRequest.Parse and MultipartReply.Parse.
type RawBody []byte

// Len is the body's length.
func (r RawBody) Len() int { return len(r) }

// Append encodes the body.
func (r RawBody) Append(b []byte) []byte { return append(b, r...) }
