package ofswitch

import (
	"testing"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/ofp"
)

// TestPlantedBugs puts a bug into each layer: the comparison with the twin must
// find every one of them, or it is worth nothing.
func TestPlantedBugs(t *testing.T) {
	tests := map[string]*plant{
		"extract: upper half of the destination port lost": {key: func(k *flow.Key) { k.W[flow.WL4] &^= 0xffff << 32 }},
		"extract: VLAN priority lost":                      {key: func(k *flow.Key) { k.W[flow.WVLAN] &^= 0xe000 << 32 }},
		"cache: stale programs believed":                   {staleIsFresh: true},
		"classifier: one entry in seven not found": {wrongEntry: func(_ *flowtable.Table, _ *flow.Wide, _ classifier.Version, e *flowtable.Entry) *flowtable.Entry {
			if e != nil && e.Cookie%7 == 0 {
				return nil
			}
			return e
		}},
		"classifier: the version before": {wrongEntry: func(tbl *flowtable.Table, w *flow.Wide, v classifier.Version, e *flowtable.Entry) *flowtable.Entry {
			return tbl.Lookup(w, v-1, nil)
		}},
		"translation: destination address not noted": {dropMask: func(m *flow.Mask) { m[flow.WEthDst] &= 0xffff }},
		"translation: ports not noted":               {dropMask: func(m *flow.Mask) { m[flow.WL4] = 0 }},
		"execution: set-field forgotten":             {skipSet: true},
		"execution: no copy on write":                {noShare: true},
	}
	for name, p := range tests {
		t.Run(name, func(t *testing.T) {
			total := &tally{actions: map[ofp.ActionType]int{}, outputs: map[ofp.PortNo]int{}}
			for seed := range uint64(60) {
				if err := round(seed, total, p, 400, true); err != nil {
					t.Logf("round %d: %.200s", seed, err)
					return
				}
			}
			t.Error("60 rounds found nothing")
		})
	}
}
