package ofswitch

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// TestTwin compares the switch with one that has no cache, over random rules
// and frames, with changes between them.
func TestTwin(t *testing.T) {
	rounds, steps := 300, 600
	if testing.Short() || raceEnabled {
		rounds = 15
	}
	seed := rand.Uint64()
	if s := os.Getenv("TWIN_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed, rounds = n, 1
	}
	total := &tally{actions: map[ofp.ActionType]int{}, outputs: map[ofp.PortNo]int{}}
	for i := range rounds {
		if err := round(seed+uint64(i), total, nil, steps, os.Getenv("NOFLIP") == ""); err != nil {
			t.Fatalf("TWIN_SEED=%#x: %v", seed+uint64(i), err)
		}
	}
	t.Logf("%d rules (%d refused), %d frames, %d packet-outs, %d lookups, %d hits, %d packet-ins, %d group-mods, %d meter-mods (%d refused), %d rounds given up",
		total.rules, total.refused, total.frames, total.packetOuts, total.lookups, total.hits, total.ins, total.groups, total.meters, total.groupsRefused, total.wild)
	if rounds < 100 { // too few to have everything in them
		return
	}
	if total.wild*10 > rounds {
		t.Errorf("%d of %d rounds given up because a frame looped; want few", total.wild, rounds)
	}
	if total.hits*2 < total.lookups {
		t.Errorf("%d of %d lookups hit an entry that is no table-miss entry; want half", total.hits, total.lookups)
	}
	if total.refused*4 > total.rules {
		t.Errorf("%d rules refused, %d taken: the generator is wrong", total.refused, total.rules)
	}
	if n := total.groups + total.meters; n < 18*rounds || total.groupsRefused > 2*n {
		t.Errorf("%d group-mods, %d meter-mods taken, %d refused in %d rounds: the generator is wrong", total.groups, total.meters, total.groupsRefused, rounds)
	}
	for id, n := range total.fields {
		if n*100 < total.rules {
			t.Errorf("%v stands in %d of %d rules; want one of a hundred", flow.ID(id), n, total.rules)
		}
	}
	for id, n := range total.sets {
		if flow.Table[id].Writable && n*100 < total.rules {
			t.Errorf("%v is set in %d of %d rules; want one of a hundred", flow.ID(id), n, total.rules)
		}
	}
	for _, a := range []ofp.ActionType{ofp.ActionOutput, ofp.ActionSetField, ofp.ActionPushVLAN, ofp.ActionPopVLAN, ofp.ActionSetNwTTL, ofp.ActionDecNwTTL,
		ofp.ActionPushMPLS, ofp.ActionPopMPLS, ofp.ActionPushPBB, ofp.ActionPopPBB, ofp.ActionSetMPLSTTL, ofp.ActionDecMPLSTTL,
		ofp.ActionCopyTTLOut, ofp.ActionCopyTTLIn, ofp.ActionGroup} {
		if total.actions[a]*100 < total.rules {
			t.Errorf("%v stands in %d of %d rules; want one of a hundred", a, total.actions[a], total.rules)
		}
	}
	for _, no := range []ofp.PortNo{1, 10, 99, ofp.PortLocal, ofp.PortInPort, ofp.PortAll, ofp.PortFlood, ofp.PortNormal, ofp.PortController} {
		if total.outputs[no]*100 < total.rules {
			t.Errorf("output to %#x stands in %d of %d rules; want one of a hundred", uint32(no), total.outputs[no], total.rules)
		}
	}
}
