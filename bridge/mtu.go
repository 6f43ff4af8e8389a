package bridge

import "ofswitch/ports"

// defaultMTU is that of the internal ports of a bridge that has no others.
const defaultMTU = 1500

// settle makes address, datapath id and MTUs what they are to be, now that a port has
// come, changed or gone.
func (lb *liveBridge) settle() {
	mac, from := lb.pickMAC()
	lb.mac = mac
	lb.settleDatapathID(from)
	for _, p := range lb.ports {
		changed := p.settleMAC()
		if (p.conf.Type == TypeSystem || p.conf.MTU != 0) && p.settleMTU(p.conf.MTU) || changed {
			p.heard()
		}
	}
	lb.applyInBand()
	// The internal ports that ask for no MTU follow the smallest of the others, as in
	// Open vSwitch (ovs-vswitchd.conf.db(5), mtu_request).
	least := 0
	for _, p := range lb.ports {
		if !p.followsMTU() && p.open && p.device.MTU > 0 && (least == 0 || p.device.MTU < least) {
			least = p.device.MTU
		}
	}
	if least == 0 {
		least = defaultMTU
	}
	for _, p := range lb.ports {
		if !p.followsMTU() {
			continue
		}
		if p.device.MTU > least {
			p.mtuSet = 0 // somebody has raised it
		}
		if p.settleMTU(least) {
			p.heard()
		}
	}
}

// followsMTU says whether the port's MTU is that of others.
func (p *livePort) followsMTU() bool { return p.conf.Type == TypeInternal && p.conf.MTU == 0 }

// settleMTU gives the device the MTU wanted; 0: as it is. What somebody has set by
// hand stays until another one is wanted.
func (p *livePort) settleMTU(want int) (changed bool) {
	dev, ok := p.port.(interface{ SetMTU(int) error })
	if !p.open || !ok || want == p.mtuSet {
		return false
	}
	if want == 0 || want == p.device.MTU {
		p.mtuSet, p.mtuErr = want, nil
		return false
	}
	if p.mtuErr = dev.SetMTU(want); p.mtuErr != nil {
		return false
	}
	p.mtuSet = want
	return true
}

// forgetSettings is called when a device has been opened: nothing has been set yet.
func (p *livePort) forgetSettings(device ports.Status) {
	p.device, p.macSet, p.mtuSet = device, nil, 0
	p.macErr, p.mtuErr = nil, nil
}
