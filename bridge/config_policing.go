package bridge

import (
	"cmp"

	"ofswitch/ofswitch"
)

// Policing bounds what a port receives; the rest is dropped and counted as
// rx_dropped (columns ingress_policing_* of table Interface). The zero Policing:
// no bound.
type Policing struct {
	Rate, Burst uint32 // kbit/s, kbit; Burst 0: 8000
	KPktsRate   uint32 // thousands of packets a second
	KPktsBurst  uint32 // thousands of packets; 0: 16
}

// Bursts where none are given (ovs-vswitchd.conf.db(5), ingress_policing_burst,
// ingress_policing_kpkts_burst), in kbit and thousands of packets.
const (
	defaultPolicingBurst      = 8000
	defaultPolicingKPktsBurst = 16
)

// bounds are the policing in single bits and packets.
func (p *Policing) bounds() (out ofswitch.Policing) {
	if p.Rate > 0 {
		out.Rate, out.Burst = uint64(p.Rate)*1000, uint64(cmp.Or(p.Burst, defaultPolicingBurst))*1000
	}
	if p.KPktsRate > 0 {
		out.Packets, out.PktBurst = uint64(p.KPktsRate)*1000, uint64(cmp.Or(p.KPktsBurst, defaultPolicingKPktsBurst))*1000
	}
	return out
}

// applyPolicing makes the bounds of the open port those of its configuration.
func (p *livePort) applyPolicing() {
	p.policeErr = nil
	if !p.open {
		return
	}
	want := p.conf.Policing.bounds()
	if want == p.policing {
		return
	}
	if p.policeErr = p.bridge.of.SetPolicing(p.no, want); p.policeErr == nil {
		p.policing = want
	}
}
