package ofswitch

import (
	"testing"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

// The actions that only OpenFlow 1.0 has are written in a trace as in a flow.
func TestActionText(t *testing.T) {
	for _, c := range []struct {
		action ofp.Action
		want   string
	}{
		{ofp.StripVLAN{}, "strip_vlan"},
		{ofp.SetVLANVID{VID: 7}, "mod_vlan_vid:7"},
		{ofp.SetVLANPCP{PCP: 3}, "mod_vlan_pcp:3"},
		{ofp.SetTransport{Port: 80}, "mod_tp_src:80"},
		{ofp.SetTransport{Port: 80, Dst: true}, "mod_tp_dst:80"},
		{ofp.Enqueue{Port: 2, QueueID: 5}, "enqueue:2:5"},
		{ofp.PopQueue{}, "pop_queue"},
	} {
		if got := actionText(c.action, text.Options{}); got != c.want {
			t.Errorf("%#v is %q, want %q", c.action, got, c.want)
		}
	}
}
