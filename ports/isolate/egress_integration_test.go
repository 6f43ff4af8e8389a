package isolate

import (
	"testing"

	"ofswitch/internal/testutil"
)

// Devices whose frames meet a chain at the egress hook are told from others.
func TestIntegrationEgressChains(t *testing.T) {
	testutil.NeedProgram(t, "nft", "nftables")
	ns := testutil.NewNS(t)
	ns.AddVeth("a0", "p0", testutil.NewNS(t))
	ns.AddVeth("a1", "p1", testutil.NewNS(t))
	for _, c := range []struct {
		chain  string
		a0, a1 bool
	}{
		{"", false, false},
		{"hook egress device a0 priority 0", true, false},
		{"hook egress devices = { a0, a1 } priority 0", true, true},
		{"hook ingress device a0 priority 0", false, false},
	} {
		if c.chain != "" {
			ns.Run("nft", "add table netdev z; add chain netdev z c { type filter "+c.chain+"; policy accept; }")
		}
		ns.Do(func() {
			has, err := EgressChains()
			if err != nil {
				t.Fatal(err)
			}
			if has("a0") != c.a0 || has("a1") != c.a1 || has("lo") {
				t.Errorf("%q: a0 %v, a1 %v, lo %v", c.chain, has("a0"), has("a1"), has("lo"))
			}
		})
		if c.chain != "" {
			ns.Run("nft", "delete table netdev z")
		}
	}
}

// What this process isolates a device with is not somebody else's.
func TestIntegrationEgressChainsOwn(t *testing.T) {
	ns := testutil.NewNS(t)
	ns.AddVeth("a0", "p0", testutil.NewNS(t))
	ns.Do(func() {
		i, err := attachNFT(ns.Link("a0").Attrs().Index, "a0", true)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := i.Close(); err != nil {
				t.Error(err)
			}
		}()
		has, err := EgressChains()
		if err != nil || has("a0") {
			t.Errorf("a0 has chains of others: %v, %v", err == nil, err)
		}
	})
}
