package main

import (
	"reflect"
	"testing"

	"ofswitch/ofp"
)

func TestModPort(t *testing.T) {
	for _, c := range []struct {
		port, action string
		want         ofp.PortMod
	}{
		{"1", "down", ofp.PortMod{Port: 1, Config: ofp.PortConfigDown, Mask: ofp.PortConfigDown}},
		{"p1", "up", ofp.PortMod{Port: 1, Mask: ofp.PortConfigDown}},
		{"p1", "no-receive", ofp.PortMod{Port: 1, Config: ofp.PortConfigNoRecv, Mask: ofp.PortConfigNoRecv}},
		{"2", "receive", ofp.PortMod{Port: 2, Mask: ofp.PortConfigNoRecv}},
		{"LOCAL", "no-forward", ofp.PortMod{Port: ofp.PortLocal, Config: ofp.PortConfigNoFwd, Mask: ofp.PortConfigNoFwd}},
		{"br0", "forward", ofp.PortMod{Port: ofp.PortLocal, Mask: ofp.PortConfigNoFwd}},
		{"2", "no-packet-in", ofp.PortMod{Port: 2, Config: ofp.PortConfigNoPacketIn, Mask: ofp.PortConfigNoPacketIn}},
		{"2", "packet-in", ofp.PortMod{Port: 2, Mask: ofp.PortConfigNoPacketIn}},
	} {
		f := newFakeSwitch(t)
		f.ok("", "mod-port", "br0", c.port, c.action)
		for _, p := range f.ports {
			if p.Port == c.want.Port {
				c.want.HWAddr = p.HWAddr
			}
		}
		var got *ofp.PortMod
		for _, m := range f.got {
			if pm, ok := m.(*ofp.PortMod); ok {
				got = pm
			}
		}
		if got == nil || !reflect.DeepEqual(*got, c.want) {
			t.Errorf("mod-port %s %s sent %+v, want %+v", c.port, c.action, got, c.want)
		}
	}
	f := newFakeSwitch(t)
	f.fails([]string{"mod-port", "br0", "9", "up"}, "no port 9")
	f.fails([]string{"mod-port", "br0", "p9", "up"}, "p9")
}
