package ofp

import "ofswitch/ofp/internal/octets"

// PortStatus tells that a port came, went or changed (OpenFlow 1.3.5 §7.4.3).
type PortStatus struct {
	Reason uint8 // PortAdd...
	Desc   PortDesc
}

// Type is TypePortStatus.
func (*PortStatus) Type() Type { return TypePortStatus }

// Len is the body's length.
func (*PortStatus) Len() int { return 8 + portDescLen }

// Append encodes the body.
func (m *PortStatus) Append(b []byte) []byte {
	b = octets.Zeros(append(b, m.Reason), 7)
	return m.Desc.Append(b)
}

func decodePortStatus(b []byte) (Message, error) {
	m := &PortStatus{Reason: b[0]}
	m.Desc.decode(b[8:])
	return m, nil
}
