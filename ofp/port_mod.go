package ofp

import "ofswitch/ofp/internal/octets"

// PortMod changes a port's behaviour (OpenFlow 1.3.5 §7.3.4.3). Which bits and
// addresses are right depends on the port, so the switch checks them.
type PortMod struct {
	Port         PortNo
	HWAddr       [6]byte // must be the port's
	Config, Mask PortConfig
	Advertise    uint32 // OFPPF_*, 0: no change

	// SetNoFlood: OpenFlow 1.0 sets whether FLOOD leaves the port out, to NoFlood.
	// OpenFlow 1.3 has no such bit.
	SetNoFlood, NoFlood bool
}

// Type is TypePortMod.
func (*PortMod) Type() Type { return TypePortMod }

// Len is the body's length.
func (*PortMod) Len() int { return 32 }

// Append encodes the body.
func (m *PortMod) Append(b []byte) []byte {
	b = be.AppendUint32(b, uint32(m.Port))
	b = octets.Zeros(b, 4)
	b = append(b, m.HWAddr[:]...)
	b = octets.Zeros(b, 2)
	b = be.AppendUint32(b, uint32(m.Config))
	b = be.AppendUint32(b, uint32(m.Mask))
	b = be.AppendUint32(b, m.Advertise)
	return octets.Zeros(b, 4)
}

func decodePortMod(b []byte) (Message, error) {
	return &PortMod{
		Port:      PortNo(be.Uint32(b)),
		HWAddr:    [6]byte(b[8:14]),
		Config:    PortConfig(be.Uint32(b[16:])),
		Mask:      PortConfig(be.Uint32(b[20:])),
		Advertise: be.Uint32(b[24:]),
	}, nil
}
