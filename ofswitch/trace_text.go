package ofswitch

import (
	"fmt"

	"ofswitch/flow"
	"ofswitch/flow/keytext"
)

// portText is the name or number of a port of the section's bridge.
func (s *traceSection) portText(names bool) string {
	for _, c := range s.prog.deps.confs[:min(1, len(s.prog.deps.confs))] {
		if p := c.conf.ports[s.inPort]; p != nil && names {
			return flow.PortText(uint32(s.inPort), func(uint32) string { return p.name })
		}
	}
	return flow.PortText(uint32(s.inPort), nil)
}

// everything is the mask of all bits.
var everything = func() (m flow.Mask) {
	for i := range m {
		m[i] = ^uint64(0)
	}
	return m
}()

// flowText writes all that a frame is, in the order of Open vSwitch.
func (s *traceSection) flowText(f *frameState, names bool) string {
	var lead []string
	if s.recirc != 0 {
		lead = append(lead, fmt.Sprintf("recirc_id=%#x", s.recirc))
	}
	if f.queue != 0 {
		lead = append(lead, fmt.Sprintf("skb_priority=%#x", f.queue))
	}
	return keytext.OpenFlow(lead, &f.wide, &everything, f.bits, s.portText(names))
}

// megaflowText writes what of the frame translation has looked at.
func (s *traceSection) megaflowText(names bool) string {
	p := s.prog
	var w flow.Wide
	w.SetKey(&p.key)
	lead := []string{"recirc_id=" + keytext.Hex(uint64(s.recirc)), "eth"}
	return keytext.OpenFlow(lead, &w, &p.mask, p.key.Bits, s.portText(names))
}
