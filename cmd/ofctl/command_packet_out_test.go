package main

import (
	"encoding/hex"
	"testing"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

const testFrame = "001122334455001122334466080045000014000040004001f97b0a0000010a000002"

func TestPacketOut(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string // port and actions of each
	}{
		{[]string{"br0", "in_port=p1,packet=" + testFrame + ",actions=p2"}, []string{"1 output:2"}},
		{[]string{"br0", "packet=" + testFrame + " actions=TABLE"}, []string{"CONTROLLER TABLE"}},
		{[]string{"br0", "p1", "drop", testFrame}, []string{"1 drop"}},
		{[]string{"br0", "none", "mod_vlan_vid:3,2", testFrame, testFrame[:28]}, []string{"ANY push_vlan:0x8100,set_field:4099->vlan_vid,output:2", "ANY push_vlan:0x8100,set_field:4099->vlan_vid,output:2"}},
	} {
		f := newFakeSwitch(t)
		f.ok("", append([]string{"packet-out"}, c.args...)...)
		var got []*ofp.PacketOut
		for _, m := range f.got {
			if po, ok := m.(*ofp.PacketOut); ok {
				got = append(got, po)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("packet-out %q sent %d messages, want %d", c.args, len(got), len(c.want))
			continue
		}
		for i, po := range got {
			s := po.InPort.String() + " " + text.FormatActions(po.Actions, text.Options{})
			if s != c.want[i] || po.BufferID != ofp.NoBuffer || hex.EncodeToString(po.Data) != testFrame[:2*len(po.Data)] {
				t.Errorf("packet-out %q sent %s, %+v; want %s", c.args, s, po, c.want[i])
			}
		}
	}
	f := newFakeSwitch(t)
	for _, args := range [][]string{
		{"br0", "in_port=1,actions=2"},
		{"br0", "1", "2", "0011"},
		{"br0", "1", "2", testFrame, "xx"},
		{"br0", "p9", "2", testFrame},
		{"br0", "1", "foo", testFrame},
	} {
		f.fails(append([]string{"packet-out"}, args...))
	}
	for _, m := range f.got {
		if m.Type() == ofp.TypePacketOut {
			t.Error("a packet-out was sent although one of the arguments was wrong")
		}
	}
}
