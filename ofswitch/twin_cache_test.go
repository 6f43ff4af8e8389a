package ofswitch

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// pair is one round of a switch with caches against one that forgets all that it knows
// before each frame. Both get the same random changes and frames.
type pair struct {
	*gen
	cached, bare *contest
	frames, hits int
}

func newTally() *tally {
	return &tally{actions: map[ofp.ActionType]int{}, outputs: map[ofp.PortNo]int{}}
}

func newPair(seed uint64, p *plant, k *fakeKernel) (*pair, error) {
	r := &pair{gen: &gen{Rand: rand.New(rand.NewPCG(seed, 3))}}
	var err error
	if r.cached, err = newContestWith(seed, newTally(), p, k, k != nil); err != nil {
		return nil, err
	}
	if r.bare, err = newContestWith(seed, newTally(), nil, nil, k != nil); err != nil {
		return nil, err
	}
	r.cached.pair, r.bare.pair = true, true
	r.pool = r.cached.pool
	return r, nil
}

// frame is one of the pool, now and then with other bits, anywhere.
func (r *pair) frame() []byte {
	b := r.traffic()
	for r.chance(60) && len(b) > 0 {
		b[r.IntN(min(len(b), 60))] ^= 1 << pick(r.gen, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7) // rules have small numbers
	}
	return b
}

// send lets the same frames into one port of both switches: in one batch, and one by one.
func (r *pair) send() error {
	at := pick(r.gen, "a/1", "a/1", "a/2", "a/3", fmt.Sprintf("a/%d", ofp.PortLocal), "b/1", "b/2")
	var list [][]byte
	for range 1 + r.IntN(12) {
		if len(list) > 0 && r.chance(30) {
			list = append(list, pick(r.gen, list...))
		} else {
			list = append(list, r.frame())
		}
	}
	r.frames += len(list)
	r.cached.inject(at, list...)
	for r.cached.d.Poll() > 0 {
	}
	for _, f := range list {
		r.bare.d.FlushFlows()
		r.bare.mems[at].InjectBytes(f)
		for r.bare.d.Poll() > 0 {
		}
	}
	for name, m := range r.cached.mems {
		var got, want []string
		for _, f := range m.Sent() {
			got = append(got, string(f.Bytes()))
		}
		for _, f := range r.bare.mems[name].Sent() {
			want = append(want, string(f.Bytes()))
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("after %x into %s: port %s sent %d frames, without caches %d:\n got %x\nwant %x", list, at, name, len(got), len(want), got, want)
		}
	}
	got, want := r.ins(r.cached), r.ins(r.bare)
	if !slices.Equal(got, want) {
		return fmt.Errorf("after %x into %s: packet-ins\n got %q\nwant %q", list, at, got, want)
	}
	return nil
}

func (r *pair) ins(c *contest) (list []string) {
	for _, in := range c.rec.takeIns() {
		list = append(list, c.text(in))
	}
	slices.Sort(list)
	return list
}

// counters compares what both have counted.
func (r *pair) counters() error {
	got, want := r.cached.d.Drops(), r.bare.d.Drops()
	if !maps.Equal(got, want) {
		return fmt.Errorf("drops %v, without caches %v", got, want)
	}
	for name, b := range r.cached.real {
		var text [2]string
		for i, b := range []*Bridge{b, r.bare.real[name]} {
			all := map[uint64][2]uint64{}
			err := b.FlowStats(&ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, func(s *ofp.FlowStats) error {
				all[s.Cookie] = [2]uint64{s.PacketCount, s.ByteCount}
				return nil
			})
			if err != nil {
				return err
			}
			var tables []ofp.TableStats
			if err := b.TableStats(func(s *ofp.TableStats) error { tables = append(tables, *s); return nil }); err != nil {
				return err
			}
			text[i] = fmt.Sprint(all, tables)
		}
		if text[0] != text[1] {
			return fmt.Errorf("bridge %s: counted\n%s, without caches\n%s", name, text[0], text[1])
		}
	}
	return nil
}

func (r *pair) run(steps int) error {
	const rules = 60 // changes before the first frame
	for i := range rules + steps {
		if i < rules || r.chance(25) {
			if err := errors.Join(r.cached.change(), r.bare.change()); err != nil {
				return fmt.Errorf("step %d: %w", i, err)
			}
			continue
		}
		if err := r.send(); err != nil {
			if full := r.cached.d.Drops()["packet_in_queue_full"] + r.bare.d.Drops()["packet_in_queue_full"]; full > 0 {
				return nil // a loop made more of them than fit in
			}
			return fmt.Errorf("step %d: %w", i, err)
		}
		if r.chance(5) {
			r.cached.d.Collect()
			r.bare.d.Collect()
		}
		if r.chance(2) {
			if err := r.counters(); err != nil {
				return fmt.Errorf("step %d: %w", i, err)
			}
		}
	}
	for _, w := range r.cached.d.workers() {
		n := w.counts.looks().MegaflowHits
		r.hits += int(n)
	}
	return r.counters()
}

func pairRound(seed uint64, p *plant, steps int) (r *pair, err error) {
	return pairRoundWith(seed, p, nil, steps)
}

// pairRoundWith is pairRound of a switch with caches and a kernel path, if there is one.
func pairRoundWith(seed uint64, p *plant, k *fakeKernel, steps int) (r *pair, err error) {
	r, err = newPair(seed, p, k)
	if err != nil {
		return r, err
	}
	return r, errors.Join(r.run(steps), r.cached.close(), r.bare.close())
}

// TestCachesAgainstNone compares the switch with one without caches, over random rules of
// all kinds, changes between them, and frames with bits flipped anywhere. TWIN_ROUNDS sets
// the number of rounds, each with other rules, a hundred changes of them and some thousand frames.
func TestCachesAgainstNone(t *testing.T) {
	rounds := 60
	if testing.Short() || raceEnabled {
		rounds = 6
	}
	seed := rand.Uint64()
	number := func(name string, v *uint64) (set bool) {
		s := os.Getenv(name)
		if s == "" {
			return false
		}
		n, err := strconv.ParseUint(s, 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		*v = n
		return true
	}
	var many uint64
	if number("TWIN_ROUNDS", &many) {
		rounds = int(many)
	}
	if number("TWIN_SEED", &seed) {
		rounds = 1
	}
	frames, hits := 0, 0
	for i := range uint64(rounds) {
		r, err := pairRound(seed+i, nil, 400)
		if err != nil {
			t.Fatalf("TWIN_SEED=%#x: %v", seed+i, err)
		}
		frames += r.frames
		hits += r.hits
	}
	t.Logf("TWIN_SEED=%#x: %d frames, %d found in the megaflow cache", seed, frames, hits)
	if hits*20 < frames {
		t.Errorf("%d of %d frames were found in the megaflow cache: this test tests nothing", hits, frames)
	}
}

// TestMasksOneBitTooFew: the comparison finds a mask in which a single bit is missing.
func TestMasksOneBitTooFew(t *testing.T) {
	for name, bit := range map[string]struct {
		word, bit int
	}{
		"EtherType":               {flow.WEthDst, 3},
		"Ethernet destination":    {flow.WEthDst, 16},
		"Ethernet source":         {flow.WEthSrc, 16},
		"VLAN identifier":         {flow.WVLAN, 32},
		"IP protocol":             {flow.WIP, 24},
		"64 of the TTL":           {flow.WIP, 14},
		"IPv4 source":             {flow.WIPv4, 32},
		"IPv4 destination":        {flow.WIPv4, 0},
		"IPv6 destination":        {flow.WIPv6DstLo, 0},
		"transport, source port":  {flow.WL4, 48},
		"bottom of label stack":   {flow.WMPLS, 40},
		"first bit of ARP target": {flow.WARP, 0},
	} {
		if (testing.Short() || raceEnabled) && bit.word != flow.WL4 && bit.word != flow.WVLAN {
			continue // found soon
		}
		t.Run(name, func(t *testing.T) {
			p := &plant{dropMask: func(m *flow.Mask) { m[bit.word] &^= 1 << bit.bit }}
			for seed := range uint64(400) {
				if _, err := pairRound(seed, p, 300); err != nil {
					t.Logf("round %d: %.300s", seed, err)
					return
				}
			}
			t.Error("400 rounds found nothing")
		})
	}
}
