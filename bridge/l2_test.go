package bridge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ofswitch/l2"
	"ofswitch/ofp"
	"ofswitch/ofswitch"
)

func TestVLANOfRows(t *testing.T) {
	tests := []struct {
		v    VLAN
		want ofswitch.L2Port
		err  string
	}{
		{VLAN{}, ofswitch.L2Port{VLAN: l2.VLAN{TPID: 0x88a8}}, ""},
		{VLAN{Tag: 5, HasTag: true}, ofswitch.L2Port{VLAN: l2.VLAN{Mode: l2.Access, Tag: 5, TPID: 0x88a8}}, ""},
		{VLAN{Tag: 0, HasTag: true}, ofswitch.L2Port{VLAN: l2.VLAN{Mode: l2.Access, TPID: 0x88a8}}, ""},
		{VLAN{Mode: VLANTrunk, Tag: 5, HasTag: true}, ofswitch.L2Port{VLAN: l2.VLAN{Tag: 5, TPID: 0x88a8}}, ""},
		{VLAN{Mode: VLANNativeTagged}, ofswitch.L2Port{VLAN: l2.VLAN{Mode: l2.NativeTagged, TPID: 0x88a8}}, ""},
		{VLAN{Mode: VLANNativeUntagged, PriorityTags: "true"}, ofswitch.L2Port{VLAN: l2.VLAN{Mode: l2.NativeUntagged, Priority: l2.PriorityIfNonzero, TPID: 0x88a8}}, ""},
		{VLAN{Mode: VLANTunnel, Tag: 9, HasTag: true, EtherType: "802.1q", Protected: true},
			ofswitch.L2Port{Protected: true, VLAN: l2.VLAN{Mode: l2.Tunnel, Tag: 9, TPID: 0x8100}}, ""},
		{VLAN{Mode: VLANAccess, PriorityTags: "always"}, ofswitch.L2Port{VLAN: l2.VLAN{Mode: l2.Access, Priority: l2.PriorityAlways, TPID: 0x88a8}}, ""},
		{VLAN{Mode: "hybrid"}, ofswitch.L2Port{VLAN: l2.VLAN{TPID: 0x88a8}}, "unknown VLAN mode hybrid, falling back to trunk mode"},
	}
	for _, tt := range tests {
		got, err := tt.v.l2()
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("%+v: %+v, %v; want %+v, %q", tt.v, got, err, tt.want, tt.err)
		}
	}
	some := VLAN{Mode: VLANTrunk, Trunks: []uint16{5}, CVLANs: []uint16{6}}
	if got, _ := some.l2(); !got.VLAN.Trunks.Equal(l2.NewVLANs([]uint16{5})) || !got.VLAN.CVLANs.Equal(l2.NewVLANs([]uint16{6})) {
		t.Errorf("VLANs: %+v", got)
	}
}

func TestBondOfRows(t *testing.T) {
	numbers := map[string]ofp.PortNo{"a": 1, "b": 2}
	tests := []struct {
		b    Bond
		want string
		err  string
	}{
		{Bond{Members: []string{"a", "b"}}, "[1 2] {active-backup 0s 0s  false false}", ""},
		{Bond{Members: []string{"a", "gone"}, Mode: BondBalanceSLB, UpDelay: time.Second, DownDelay: -1, Primary: "b"}, "[1] {balance-slb 1s 0s b false false}", ""},
		{Bond{Mode: BondBalanceTCP, LACP: "active", FallbackAB: true}, "[] {balance-tcp 0s 0s  true true}", "does not speak LACP"},
		{Bond{LACP: "off"}, "[] {active-backup 0s 0s  false false}", ""},
		{Bond{Mode: "802.3ad"}, "[] {active-backup 0s 0s  false false}", "unknown bond_mode 802.3ad, defaulting to active-backup"},
	}
	for _, tt := range tests {
		got, err := tt.b.l2(numbers)
		if text := fmt.Sprint(got.Members, got.Config); text != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%+v: %s, %v; want %s, %q", tt.b, text, err, tt.want, tt.err)
		}
	}
}
