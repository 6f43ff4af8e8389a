package classifier

import (
	"math/bits"

	"ofswitch/flow"
)

// prover collects the bits of a key that show why a lookup had the answer that it
// had. It holds no pointers of the caller's: they would have to be on the heap then, as anything that leads to
// an atomic pointer.
type prover[T any] struct {
	pruner
	v      Version
	clear  tableSet // tables that what is recorded rules out
	other  tableSet // tables that the key's Ethernet type rules out
	staged bool     // a stage was a reason
}

// lookupRecord is Lookup with a record. First it finds the answer. Then it adds to wc what shows
// that best, which stands in the table from (both nil: no rule), is the answer: that it
// matches, and that no rule that would come before it does.
func (c *Classifier[T]) lookupRecord(o *order[T], w *flow.Wide, v Version, wc *flow.Mask) *Rule[T] {
	p := prover[T]{v: v}
	p.other = c.types.lack(typeOf(w[flow.WEthDst]))
	p.alive = tableSet{^p.other[0], ^p.other[1]}
	best, from := c.search(o, w, v, &p.pruner)
	floor := int32(0) // the lowest priority that would come before best
	if best != nil {
		best.shape.orInto(wc)
		floor = best.priority
	}
	if typeMask&^wc[flow.WEthDst] == 0 {
		p.clear = p.other
	}
	bit := uint64(1)
	for _, chunk := range o.chunks {
		for i := range chunk {
			e, at := &chunk[i], bit
			bit <<= 1
			switch {
			case e.max < floor:
				return best
			case e.table == from:
				if !p.first {
					p.mismatches(e.table.chain(e.table.shape.hash(w)), w, wc, floor, best)
				}
				floor++ // in the tables that follow, equals come too late
			case e.id >= 0 && p.clear.has(e.id):
			case at&^p.probed != 0 && e.mask&^wc[e.word] == 0:
			default:
				p.refute(c, e, at, w, wc, floor)
			}
		}
	}
	return best
}

// Numbers of bits that are added without a search for a reason that adds fewer: at all, and by a prefix, where a stage seldom
// does and costs time to find.
const (
	cheap       = 4
	cheapPrefix = 16
)

// refute adds what shows that no rule of a table with a priority of at least floor matches: of several
// reasons one that adds few bits.
func (p *prover[T]) refute(c *Classifier[T], e *ref[T], at uint64, w *flow.Wide, wc *flow.Mask, floor int32) {
	t := e.table
	filtered := at&^p.probed != 0
	settled := at&^p.open != 0
	all := t.shape.costUpTo(wc, cheap)
	if settled && all <= cheap {
		t.shape.orInto(wc)
		return // the whole mask shows it
	}
	least, reason, used := 1<<30, 0, 0
	if filtered {
		least, reason = bits.OnesCount64(e.mask&^wc[e.word])+protoCost(wc, e.word), -1
		if least <= cheap {
			wc[e.word] |= e.mask
			addProto(wc, e.word)
			return
		}
	}
	if p.staged {
		if _, whole := p.stages(t, w, wc, cheap+1, settled); !whole {
			return
		}
	}
	asks := t.asks.Load()
	for m := asks >> asksAll; m != 0; m &= m - 1 {
		i := bits.TrailingZeros64(m)
		if p.asked>>i&1 == 0 {
			if reason > 0 || all == 0 {
				continue // another says enough
			}
			c.ask(&p.pruner, i, w)
		}
		l := &p.lanes[i]
		if !l.dead.has(e.id) {
			continue
		}
		n := min(l.used, int(asks>>(8*i)&0xff))
		if cost := lanes[i].cost(wc, n) + protoCost(wc, lanes[i].word); cost < least {
			if least, reason, used = cost, i+1, n; cost <= cheapPrefix {
				break
			}
		}
	}
	if least > cheapPrefix {
		h, whole := p.stages(t, w, wc, least, settled)
		if !whole {
			p.staged = true
			return
		}
		if reason == 0 {
			t.shape.orInto(wc)
			if !settled {
				p.mismatches(t.chain(h), w, wc, floor, nil)
			}
			return
		}
	}
	if reason < 0 {
		wc[e.word] |= e.mask
		addProto(wc, e.word)
		return
	}
	i := reason - 1
	lanes[i].addTo(wc, used)
	addProto(wc, lanes[i].word)
	if l := &p.lanes[i]; int(lanes[i].run(wc)) >= l.used {
		p.clear[0] |= l.dead[0]
		p.clear[1] |= l.dead[1]
	}
}

// stages adds the first stage whose bits no rule of a table has, if it adds fewer than limit bits. If no
// stage tells, whole is true, and h the hash of the whole mask, unless the limit was reached or the table is settled.
func (p *prover[T]) stages(t *table[T], w *flow.Wide, wc *flow.Mask, limit int, settled bool) (h uint64, whole bool) {
	s := t.shape
	from, cost := uint8(0), 0
	h = hashSeed
	for i, end := range s.ends[:stageL4] {
		if from == end {
			continue
		}
		if i == stageL2 && t.id >= 0 && p.other.has(t.id) && bits.OnesCount64(typeMask&^wc[flow.WEthDst]) < limit {
			wc[flow.WEthDst] |= typeMask
			p.clear[0] |= p.other[0]
			p.clear[1] |= p.other[1]
			return 0, false
		}
		for j := from; j < end && int(j) < len(s.idx); j++ {
			idx, mask := s.idx[j], s.mask[j]
			cost += bits.OnesCount64(mask &^ wc[idx])
			h = mix(h, w[idx]&mask)
		}
		if cost >= limit {
			return 0, true
		}
		from = end
		if t.stages[i] != nil && !t.stages[i].has(h) {
			for j := range end {
				wc[s.idx[j]] |= s.mask[j]
			}
			return 0, false
		}
	}
	if !settled {
		h = s.hashFrom(h, w, from, s.ends[stageL4])
	}
	return h, true
}

// mismatches adds what shows that none of the rules of a chain with a priority of at
// least floor match, those before best if that is not nil.
func (p *prover[T]) mismatches(c chain[T], w *flow.Wide, wc *flow.Mask, floor int32, best *Rule[T]) {
	if c.merged != nil {
		if r := ruleOf[T](c.merged); r != nil {
			if r != best && c.merged.priority() >= floor && r.VisibleAt(p.v) {
				r.proveDiffers(w, wc)
			}
			return
		}
		for b := blocksOf[T](c.merged); b != nil; b = b.next.Load() {
			x, known := half(w, b.half), half((*flow.Wide)(wc), b.half)
			for i, s := range b.sieve[:b.len()] {
				if sieved(s&(uint64(known)<<32|0xffffffff), x) {
					continue // not best, which differs nowhere
				}
				e := &b.entries[i]
				r := e.rule
				if e.priority < floor || r == best {
					return
				}
				if !e.differsIn(w, wc) && r.VisibleAt(p.v) {
					r.proveDiffers(w, wc)
					known = half((*flow.Wide)(wc), b.half)
				}
			}
		}
		return
	}
	for x := c.own; x != nil; x = nextSame(x) {
		r := x.item
		if r.priority < floor || r == best {
			return
		}
		if r.VisibleAt(p.v) {
			r.proveDiffers(w, wc)
		}
	}
}

// proveDiffers adds what shows that r does not match: one field of it, or as much of a
// prefix as tells the difference; the one that adds fewest bits.
func (r *Rule[T]) proveDiffers(w *flow.Wide, wc *flow.Mask) {
	s := r.shape
	least := 1 << 30
	var word uint8
	var add uint64
	for i, val := range r.vals() {
		idx := s.idx[i]
		diff := (w[idx] ^ val) & s.mask[i]
		if diff == 0 {
			continue
		}
		if diff&wc[idx] != 0 {
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
			if c := bits.OnesCount64(m&^wc[idx]) + protoCost(wc, idx); c < least {
				least, word, add = c, idx, m
			}
		}
	}
	wc[word] |= add
	addProto(wc, word)
}

// protoMask is the protocol, without which nobody can say what layer 4 is: it is recorded
// with every bit of that, so that a record can be written as a match.
var protoMask = func() uint64 {
	var m flow.Mask
	flow.IPProto.Field().OrMask(&m)
	return m[flow.WIP]
}()

// protoCost is how many bits addProto would add.
func protoCost(wc *flow.Mask, word uint8) int {
	if word != flow.WL4 {
		return 0
	}
	return bits.OnesCount64(protoMask &^ wc[flow.WIP])
}

func addProto(wc *flow.Mask, word uint8) {
	if word == flow.WL4 {
		wc[flow.WIP] |= protoMask
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
