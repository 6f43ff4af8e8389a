package ofswitch

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/flowtable"
)

// kernelRound is round of a switch whose kernel forwards all that it can.
func kernelRound(seed uint64, t *tally, p *plant, k *fakeKernel, steps int) error {
	c, err := newContestWith(seed, t, p, k, true)
	if err != nil {
		return err
	}
	if err := c.run(steps); err != nil {
		return err
	}
	return c.close()
}

// seeds are the rounds of a test of random input: TWIN_SEED gives the one that failed.
func seeds(t *testing.T, rounds int) (first uint64, n int) {
	t.Helper()
	s := os.Getenv("TWIN_SEED")
	if s == "" {
		return rand.Uint64(), rounds
	}
	seed, err := strconv.ParseUint(s, 0, 64)
	if err != nil {
		t.Fatal(err)
	}
	return seed, 1
}

// TestKernelTwin is TestTwin with a kernel that forwards every program that it can from its second frame
// on.
func TestKernelTwin(t *testing.T) {
	rounds := 40
	if testing.Short() || raceEnabled {
		rounds = 10
	}
	seed, rounds := seeds(t, rounds)
	total := newTally()
	hits, adds, masks := 0, 0, 0
	for i := range uint64(rounds) {
		k := newFakeKernel()
		if err := kernelRound(seed+i, total, nil, k, 600); err != nil {
			t.Fatalf("TWIN_SEED=%#x: %v", seed+i, err)
		}
		hits, adds, masks = hits+k.hits, adds+k.adds, masks+len(k.masks)
	}
	t.Logf("TWIN_SEED=%#x: %d of %d frames forwarded by the kernel, which was given %d flows of %d masks; %d rounds given up", seed, hits, total.frames, adds, masks, total.wild)
	if rounds > 1 && (hits*50 < total.frames || masks < 2*rounds) {
		t.Error("too few to have tested anything")
	}
}

// TestKernelAgainstNone is TestCachesAgainstNone with a kernel that forwards what it can: frames with bits
// flipped anywhere, and the counters of all tables and drops.
func TestKernelAgainstNone(t *testing.T) {
	rounds := 40
	if testing.Short() || raceEnabled {
		rounds = 5
	}
	seed, rounds := seeds(t, rounds)
	frames, hits := 0, 0
	for i := range uint64(rounds) {
		k := newFakeKernel()
		r, err := pairRoundWith(seed+i, nil, k, 400)
		if err != nil {
			t.Fatalf("TWIN_SEED=%#x: %v", seed+i, err)
		}
		frames, hits = frames+r.frames, hits+k.hits
	}
	t.Logf("TWIN_SEED=%#x: %d of %d frames forwarded by the kernel", seed, hits, frames)
	if rounds > 1 && hits*50 < frames {
		t.Error("too few to have tested anything")
	}
}

// TestKernelPlantedBugs: the comparisons find what would be wrong with the kernel path alone.
func TestKernelPlantedBugs(t *testing.T) {
	tests := map[string]struct {
		p *plant
		k func(*fakeKernel)
	}{
		"translation: source address not noted": {p: &plant{dropMask: func(m *flow.Mask) { m[flow.WEthSrc] = 0 }}},
		"classifier: the version before": {p: &plant{wrongEntry: func(tbl *flowtable.Table, w *flow.Wide, v classifier.Version, e *flowtable.Entry) *flowtable.Entry {
			return tbl.Lookup(w, v-1, nil)
		}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(60) {
				k := newFakeKernel()
				if err := kernelRound(seed, newTally(), tt.p, k, 400); err != nil {
					t.Logf("round %d: %.200s", seed, err)
					return
				}
			}
			t.Error("60 rounds found nothing")
		})
	}
}
