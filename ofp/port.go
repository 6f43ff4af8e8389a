package ofp

import (
	"net"

	"ofswitch/ofp/internal/octets"
)

// PortDesc is struct ofp_port (OpenFlow 1.3.5 §7.2.1): an entry of the port
// description reply, and the body of a port-status.
type PortDesc struct {
	Port                              PortNo
	HWAddr                            [6]byte
	Name                              string // at most 15 bytes
	Config                            PortConfig
	State                             PortState
	Curr, Advertised, Supported, Peer uint32 // OFPPF_*
	CurrSpeed, MaxSpeed               uint32 // kbit/s
	// NoFlood: FLOOD leaves the port out. OpenFlow 1.0 shows it; 1.3 has no such bit.
	NoFlood bool
}

const (
	portDescLen = 64
	portNameLen = 16
)

// HardwareAddr gives the port's address as net does.
func (p *PortDesc) HardwareAddr() net.HardwareAddr { return p.HWAddr[:] }

// Len is the entry's length.
func (*PortDesc) Len() int { return portDescLen }

// Append encodes the entry.
func (p *PortDesc) Append(b []byte) []byte {
	b = be.AppendUint32(b, uint32(p.Port))
	b = octets.Zeros(b, 4)
	b = append(b, p.HWAddr[:]...)
	b = octets.Zeros(b, 2)
	b = octets.AppendString(b, p.Name, portNameLen)
	b = be.AppendUint32(b, uint32(p.Config))
	b = be.AppendUint32(b, uint32(p.State))
	b = be.AppendUint32(b, p.Curr)
	b = be.AppendUint32(b, p.Advertised)
	b = be.AppendUint32(b, p.Supported)
	b = be.AppendUint32(b, p.Peer)
	b = be.AppendUint32(b, p.CurrSpeed)
	return be.AppendUint32(b, p.MaxSpeed)
}

// decode reads p from 64 bytes.
func (p *PortDesc) decode(b []byte) {
	*p = PortDesc{
		Port:       PortNo(be.Uint32(b)),
		HWAddr:     [6]byte(b[8:14]),
		Name:       cString(b[16:32]),
		Config:     PortConfig(be.Uint32(b[32:])),
		State:      PortState(be.Uint32(b[36:])),
		Curr:       be.Uint32(b[40:]),
		Advertised: be.Uint32(b[44:]),
		Supported:  be.Uint32(b[48:]),
		Peer:       be.Uint32(b[52:]),
		CurrSpeed:  be.Uint32(b[56:]),
		MaxSpeed:   be.Uint32(b[60:]),
	}
}
