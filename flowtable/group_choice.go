package flowtable

import (
	"math"

	"ofswitch/classifier"
	"ofswitch/ofp"
)

// Liveness says which ports and groups live (OpenFlow 1.3.5 §6.5). A nil
// function: all of them.
type Liveness struct {
	Port  func(ofp.PortNo) bool // the port's state has LIVE
	Group func(id uint32) bool
}

// maxWatchDepth bounds how far liveness is asked for along groups that watch
// groups. Rings of such groups are refused; this holds where that check is switched off.
const maxWatchDepth = 64

// Liveness is that of a bridge with these ports and the groups of version v.
func (t *Tables) Liveness(v classifier.Version, port func(ofp.PortNo) bool) Liveness {
	return t.liveness(v, port, maxWatchDepth)
}

func (t *Tables) liveness(v classifier.Version, port func(ofp.PortNo) bool, depth int) Liveness {
	return Liveness{Port: port, Group: func(id uint32) bool {
		g := t.Group(id, v)
		return g != nil && depth > 0 && g.Live(t.liveness(v, port, depth-1))
	}}
}

// Live says whether the bucket lives: if the port that it watches does, or
// the group. A bucket that watches nothing lives; fast failover groups have none such.
func (b *Bucket) Live(l Liveness) bool {
	if b.WatchPort == ofp.PortAny && b.WatchGroup == ofp.GroupAny {
		return true
	}
	return b.WatchPort != ofp.PortAny && (l.Port == nil || l.Port(b.WatchPort)) ||
		b.WatchGroup != ofp.GroupAny && (l.Group == nil || l.Group(b.WatchGroup))
}

// Live says whether the group lives: if one of its buckets does.
func (g *Group) Live(l Liveness) bool { return g.FirstLive(l) >= 0 }

// FirstLive is the index of the first live bucket, the one that a fast failover
// group uses; -1: there is none, and the frame is dropped (OpenFlow 1.3.5 §5.6.1).
func (g *Group) FirstLive(l Liveness) int {
	for i := range g.Buckets {
		if g.Buckets[i].Live(l) {
			return i
		}
	}
	return -1
}

// Select is the index of the bucket that a select group uses for frames of this
// hash; -1: none of its buckets lives. Frames of one flow have one hash; see
// [SelectHash] for one.
//
// It is weighted rendezvous hashing (Thaler and Ravishankar, "Using Name-Based
// Mappings to Increase Hit Rates", ToN 1998; weights by the logarithm). Every
// bucket draws a number from the hash and what it is: its watches and actions, not its
// place in the group. The highest draw wins, and wins in proportion to the weights. So
// when a bucket dies or goes, its flows alone move, to the others in
// proportion; when one comes or gets more weight, flows move to it alone. Groups
// draw differently, or a chain of them would use few of its buckets.
//
// A bucket of weight 0 gets nothing, unless all have weight 0: then they are equal.
func (g *Group) Select(hash uint64, l Liveness) int {
	best, least := -1, math.Inf(1)
	for i := range g.Buckets {
		if b := &g.Buckets[i]; g.weight(b) != 0 && b.Live(l) {
			best, least = g.draw(i, hash, best, least)
		}
	}
	return best
}

// Choice is what Select gives for each hash while the same buckets live. Immutable.
type Choice struct {
	group   *Group
	buckets []int // that live and get something
}

// Choice is nil where Select is -1.
func (g *Group) Choice(l Liveness) *Choice {
	c := &Choice{group: g}
	for i := range g.Buckets {
		if b := &g.Buckets[i]; g.weight(b) != 0 && b.Live(l) {
			c.buckets = append(c.buckets, i)
		}
	}
	if c.buckets == nil {
		return nil
	}
	return c
}

// Group is whose buckets they are.
func (c *Choice) Group() *Group { return c.group }

// Select is that of the group.
func (c *Choice) Select(hash uint64) int {
	best, least := -1, math.Inf(1)
	for _, i := range c.buckets {
		best, least = c.group.draw(i, hash, best, least)
	}
	return best
}

// weight is what counts as the bucket's.
func (g *Group) weight(b *Bucket) uint16 {
	if !g.weighted {
		return 1
	}
	return b.Weight
}

// draw has bucket i draw against the best so far: of exponential variables with the weights as rates,
// which is least first?
func (g *Group) draw(i int, hash uint64, best int, least float64) (int, float64) {
	b := &g.Buckets[i]
	uniform := (float64(mix64(hash^b.identity)>>11) + 0.5) / (1 << 53)
	if x := -math.Log(uniform) / float64(g.weight(b)); x < least {
		return i, x
	}
	return best, least
}

// mix64 is a bijection in which every bit of the input changes about half of the
// output (Stafford, "Better Bit Mixing", variant 13; the end of SplitMix64).
func mix64(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	x ^= x >> 31
	return x
}
