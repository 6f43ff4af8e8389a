package ofp

// Experimenter is any OFPT_EXPERIMENTER (OpenFlow 1.3.5 §7.5.4).
type Experimenter struct {
	Experimenter uint32
	ExpType      uint32
	Data         []byte
}

// Type is TypeExperimenter.
func (*Experimenter) Type() Type { return TypeExperimenter }

// Len is the body's length.
func (m *Experimenter) Len() int { return 8 + len(m.Data) }

// Append encodes the body.
func (m *Experimenter) Append(b []byte) []byte {
	b = be.AppendUint32(b, m.Experimenter)
	b = be.AppendUint32(b, m.ExpType)
	return append(b, m.Data...)
}

func decodeExperimenter(b []byte) (Message, error) {
	return &Experimenter{
		Experimenter: be.Uint32(b),
		ExpType:      be.Uint32(b[4:]),
		Data:         clone(b[8:]),
	}, nil
}
