package bridge

import (
	"ofswitch/ports"
)

// ioChoice is PortStatus.IO.
func (p *livePort) ioChoice() ports.IOChoice {
	if sys, ok := p.port.(interface{ IOChoice() ports.IOChoice }); ok {
		return sys.IOChoice()
	}
	return ports.IOChoice{}
}

// ioText is how a port moves its frames, for the line of a port; "": there is
// only one way.
func ioText(c ports.IOChoice) string {
	if c.IO == "" {
		return ""
	}
	text := ": io=" + c.IO
	if c.Mode != "" {
		text += ", xdp-mode=" + string(c.Mode)
	}
	return text + ", " + c.Why
}
