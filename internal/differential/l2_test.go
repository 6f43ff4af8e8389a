package differential

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"ofswitch/internal/testutil"
)

var (
	l2Seed   = flag.Uint64("l2-seed", 0, "of the random bridges whose forwarding is compared; 0: another each time")
	l2Rounds = flag.Int("l2-rounds", 40, "how many to compare")
)

// framesPerRound is how many frames go through each configuration.
const framesPerRound = 25

// TestIntegrationL2 gives both switches the same random bridges, with VLAN modes, bonds
// and mirrors, sends both the same frames by all ports, and compares what comes out
// where, frame by frame, and what addresses they have learnt.
func TestIntegrationL2(t *testing.T) {
	testutil.NeedRoot(t)
	ns := testutil.NewNS(t)
	ns.NoIPv6()
	dir := shortDir(t)
	theirs := newTheirL2(t, startOpenVSwitch(t, ns, dir))
	ours := newOurL2(t)
	first := *l2Seed
	if first == 0 {
		first = rand.Uint64()
	}
	sent, flooded := 0, 0
	for round := range *l2Rounds {
		seed := first + uint64(round)
		r := rand.New(rand.NewPCG(seed, 7))
		w := newL2World(r)
		theirs.configure(w)
		ours.configure(w)
		story := fmt.Sprintf("-l2-seed=%d -l2-rounds=1\n%s", seed, w)
		for range framesPerRound {
			port, frame := w.frame(r)
			got, want := ours.send(port, frame), theirs.send(port, frame)
			story += fmt.Sprintf("%s %x\n", port, frame)
			if d := differs(got, want); d != "" {
				t.Fatalf("%s%s", story, d)
			}
			sent++
			if len(want) > 2 {
				flooded++
			}
		}
		if got, want := ours.macs(), theirs.macs(); got != want {
			t.Fatalf("%saddresses learnt:\n%s\nwant:\n%s", story, got, want)
		}
	}
	t.Logf("%d frames through %d bridges, %d of them sent to more than two ports (seed %d)", sent, *l2Rounds, flooded, first)
	if flooded*20 < sent {
		t.Errorf("only %d of %d frames came to more than two ports: the bridges are too closed", flooded, sent)
	}
}

// differs compares what came out where; empty: nothing differs.
func differs(got, want map[string][]string) string {
	for _, name := range l2Ports {
		if fmt.Sprint(got[name]) != fmt.Sprint(want[name]) {
			return fmt.Sprintf("port %s sent %q\n  want %q", name, got[name], want[name])
		}
	}
	return ""
}
