package classifier

import (
	"math/bits"

	"ofswitch/flow"
)

// prover collects the bits of a key that show why a lookup had the answer that it
// had.
type prover[T any] struct {
	w     *flow.Wide
	v     Version
	wc    *flow.Mask
	trees *[numLanes]prefixTree
	asked [numLanes]bool
	seen  [numLanes]struct { // what the trees said
		found lengths
		used  int
		sure  bool
		have  int // leading bits of the lane in wc, as far as noted
	}
}

// record adds to wc what shows that best, which stands in the table from (both nil:
// no rule), is the answer: that it matches, and that no rule that would come before
// it does.
func (c *Classifier[T]) record(o *order[T], w *flow.Wide, v Version, best *Rule[T], from *table[T], wc *flow.Mask) {
	p := prover[T]{w: w, v: v, wc: wc, trees: &c.trees}
	floor := int32(0) // the lowest priority that would come before best
	if best != nil {
		best.shape.orInto(wc)
		floor = best.priority
	}
	for _, chunk := range o.chunks {
		for i := range chunk {
			e := &chunk[i]
			if e.max < floor {
				return
			}
			if e.table == from {
				p.mismatches(e.table.chain(e.table.shape.hash(w)), floor, best)
				floor++ // in the tables that follow, equals come too late
				continue
			}
			p.refute(e.table, floor)
		}
	}
}

// cheap is a number of bits that is added without a search for a reason that adds fewer.
const cheap = 4

// refute adds what shows that no rule of t with a priority of at least floor matches: of
// several reasons the one that adds fewest bits, or one that adds next to nothing.
func (p *prover[T]) refute(t *table[T], floor int32) {
	s := t.shape
	// Prefixes that are recorded already.
	for i := range lanes {
		if p.asked[i] {
			if n, ok := p.prefixAbsent(t, i); ok && n <= p.seen[i].have {
				return
			}
		}
	}
	// Stages: the first one whose bits no rule has.
	h, from, cost, failed := hashSeed, uint8(0), 0, false
	var c chain[T]
	for i, end := range s.ends {
		if from == end && i != stageL4 {
			continue
		}
		h = s.hashFrom(h, p.w, from, end)
		for ; from < end; from++ {
			cost += bits.OnesCount64(s.mask[from] &^ p.wc[s.idx[from]])
		}
		if i == stageL4 {
			c = t.chain(h)
			failed = c.empty()
		} else if t.stages[i] != nil && !t.stages[i].has(h) {
			failed = true
		}
		if failed {
			break
		}
	}
	if failed && cost <= cheap {
		p.addStages(s, from)
		return
	}
	// Prefixes: a field in which no rule has one that the key has.
	least, reason, used := cost, -1, 0
	if !failed {
		least = 1 << 30
	}
	for i := range lanes {
		n, ok := p.prefixAbsent(t, i)
		if !ok {
			continue
		}
		if cost := lanes[i].cost(p.wc, n) + p.protoCost(lanes[i].word); cost < least {
			if least, reason, used = cost, i, n; cost <= cheap {
				break
			}
		}
	}
	switch {
	case reason >= 0:
		lanes[reason].addTo(p.wc, used)
		p.addProto(lanes[reason].word)
		p.seen[reason].have = max(p.seen[reason].have, used)
	case failed:
		p.addStages(s, from)
	default:
		s.orInto(p.wc)
		p.mismatches(c, floor, nil)
	}
}

// addStages adds the first n words of s.
func (p *prover[T]) addStages(s *shape, n uint8) {
	for i := range n {
		p.wc[s.idx[i]] |= s.mask[i]
	}
}

// prefixAbsent says whether no rule of t can match because each asks for a prefix in
// lane i, and the key has none of these lengths that any rule asks for; and how many bits
// show it: as far as the key's way through the tree goes, or as the longest of the lengths.
func (p *prover[T]) prefixAbsent(t *table[T], i int) (used int, absent bool) {
	run, set := t.shape.runs[i], (*runSet)(nil)
	if t.places != nil {
		if set = t.runs[i].Load(); set == nil {
			return 0, false
		}
	} else if run == 0 {
		return 0, false
	}
	s := &p.seen[i]
	if !p.asked[i] {
		p.asked[i] = true
		s.found, s.used, s.sure = p.trees[i].walk(lanes[i].get(p.w))
		s.have = int(lanes[i].run(p.wc))
		if i >= laneL4Src && p.protoCost(flow.WL4) > 0 {
			s.have = 0
		}
	}
	if !s.sure {
		return 0, false
	}
	if set == nil {
		return min(s.used, int(run)), !s.found.has(int(run))
	}
	longest, ok := set.apart(&s.found)
	return min(s.used, longest), ok
}

// mismatches adds what shows that none of the rules of a chain with a priority of at
// least floor match, those before best if that is not nil.
func (p *prover[T]) mismatches(c chain[T], floor int32, best *Rule[T]) {
	for x := c.merged; x != nil; x = nextSame(x) {
		at := x.item
		if at.priority < floor || at.rule == best {
			return
		}
		if (p.w[at.word]^at.val)&at.mask&p.wc[at.word] == 0 && at.rule.VisibleAt(p.v) {
			p.differs(at.rule)
		}
	}
	for x := c.own; x != nil; x = nextSame(x) {
		r := x.item
		if r.priority < floor || r == best {
			return
		}
		if r.VisibleAt(p.v) {
			p.differs(r)
		}
	}
}

// differs adds what shows that r does not match: one field of it, or as much of a
// prefix as tells the difference; the one that adds fewest bits.
func (p *prover[T]) differs(r *Rule[T]) {
	s := r.shape
	least := 1 << 30
	var word uint8
	var add uint64
	for i, val := range r.vals {
		idx := s.idx[i]
		diff := (p.w[idx] ^ val) & s.mask[i]
		if diff == 0 {
			continue
		}
		if diff&p.wc[idx] != 0 {
			return // it is clear already
		}
		for _, part := range parts[idx] {
			if diff&part == 0 {
				continue
			}
			m := part & s.mask[i]
			if prefixWord[idx] {
				// From the first bit of the field to the first that differs.
				m &= ^(uint64(1)<<(63-bits.LeadingZeros64(diff&part)) - 1)
			}
			if c := bits.OnesCount64(m&^p.wc[idx]) + p.protoCost(idx); c < least {
				least, word, add = c, idx, m
			}
		}
	}
	p.wc[word] |= add
	p.addProto(word)
}

// protoMask is the protocol, without which nobody can say what layer 4 is: it is recorded
// with every bit of that, so that a record can be written as a match.
var protoMask = func() uint64 {
	var m flow.Mask
	flow.IPProto.Field().OrMask(&m)
	return m[flow.WIP]
}()

// protoCost is how many bits addProto would add.
func (p *prover[T]) protoCost(word uint8) int {
	if word != flow.WL4 {
		return 0
	}
	return bits.OnesCount64(protoMask &^ p.wc[flow.WIP])
}

func (p *prover[T]) addProto(word uint8) {
	if word == flow.WL4 {
		p.wc[flow.WIP] |= protoMask
	}
}

// prefixWord says which words hold fields that rules ask for by prefixes.
var prefixWord = func() (out [flow.Words]bool) {
	for _, l := range lanes {
		out[l.word] = true
		if l.bits == 128 {
			out[l.word+1] = true
		}
	}
	return out
}()
