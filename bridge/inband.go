package bridge

import (
	"net/netip"
	"strconv"

	"ofswitch/ofconn"
	"ofswitch/ofswitch"
	"ofswitch/stream"
)

// applyInBand lets the connections of the bridge's controllers pass over the bridge
// itself, by hidden entries, unless the configuration says that they go another way.
// Only controllers that are dialled over TCP, at an address, have such entries.
func (lb *liveBridge) applyInBand() {
	var c ofswitch.InBand
	if off, _ := lb.conf.other(KeyDisableInBand); off != "true" {
		for i := range lb.conf.Controllers {
			if remote, ok := lb.conf.Controllers[i].inBand(); ok {
				c.Remotes = append(c.Remotes, remote)
			}
		}
	}
	if len(c.Remotes) > 0 {
		c.MAC = lb.mac
		if local := lb.ports[0]; local.open && len(local.device.MAC) == len(c.MAC) {
			c.MAC = [6]byte(local.device.MAC)
		}
		if text, ok := lb.conf.other(KeyInBandQueue); ok {
			n, err := strconv.ParseUint(text, 10, 32)
			c.Queue, c.HasQueue = uint32(n), err == nil
		}
	}
	if len(c.Remotes) > 0 || lb.inBand {
		lb.inBand = len(c.Remotes) > 0
		lb.of.SetInBand(c)
	}
}

// inBand is the address of a controller whose connection may go over the bridge.
func (c *Controller) inBand() (remote netip.AddrPort, ok bool) {
	if c.OutOfBand {
		return remote, false
	}
	e, err := stream.ParseActive("controller", c.Target, ofconn.DefaultPort)
	if err != nil || e.Network != "tcp" {
		return remote, false
	}
	remote, err = netip.ParseAddrPort(e.Address)
	return remote, err == nil
}
