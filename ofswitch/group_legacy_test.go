package ofswitch

import (
	"bytes"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// TestLegacyActionsInBuckets holds what the actions of OpenFlow 1.0 make of frames in
// a bucket, which carries out a set: in the order of sets, the last of each.
func TestLegacyActionsInBuckets(t *testing.T) {
	plain := udp(1, 2, 1000, 2000)
	for _, tt := range []struct {
		name     string
		actions  []ofp.Action
		in, want []byte
	}{
		{"VLAN id, no tag", []ofp.Action{output(2), ofp.SetVLANVID{VID: 5}}, plain, withTag(plain, 5)},
		{"VLAN id, tag", []ofp.Action{ofp.SetVLANVID{VID: 5}, output(2)}, withTag(plain, 3<<13|7), withTag(plain, 3<<13|5)},
		{"the last VLAN id", []ofp.Action{ofp.SetVLANVID{VID: 5}, ofp.SetVLANPCP{PCP: 3}, ofp.SetVLANVID{VID: 6}, output(2)}, plain, withTag(plain, 3<<13|6)},
		{"strip, no tag", []ofp.Action{ofp.StripVLAN{}, output(2)}, plain, plain},
		{"strip, tag", []ofp.Action{output(2), ofp.StripVLAN{}}, withTag(plain, 7), plain},
		{"strip before VLAN id", []ofp.Action{ofp.SetVLANVID{VID: 5}, ofp.StripVLAN{}, output(2)}, withTag(withTag(plain, 7), 8), withTag(plain, 5)},
		{"both ports", []ofp.Action{ofp.SetTransport{Port: 7}, ofp.SetTransport{Dst: true, Port: 8}, output(2)}, plain, udp(1, 2, 7, 8)},
		{"address of no tag", []ofp.Action{set(flow.EthSrc, 7), ofp.StripVLAN{}, output(2)}, plain, append(append(append([]byte(nil), plain[:6]...), 0, 0, 0, 0, 0, 7), plain[12:]...)},
		{"enqueue", []ofp.Action{ofp.Enqueue{Port: 2, QueueID: 1}}, plain, plain},
		{"pop_queue", []ofp.Action{ofp.SetQueue{QueueID: 3}, ofp.PopQueue{}, output(2)}, plain, plain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, 2)
			l.groupMod(&ofp.GroupMod{GroupID: 1, GroupType: ofp.GroupTypeIndirect, Buckets: []ofp.Bucket{bucket(tt.actions...)}})
			l.add(flowMod(t, 0, 1, "", apply(ofp.Group{GroupID: 1})))
			l.send(1, tt.in)
			if got := l.got(2, 1)[0]; !bytes.Equal(got, tt.want) {
				t.Errorf("sent\n% x, want\n% x", got, tt.want)
			}
		})
	}
}
