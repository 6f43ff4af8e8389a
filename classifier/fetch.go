package classifier

import "ofswitch/flow"

// fetchMost is how many rules' memory is fetched at a time.
const fetchMost = 32

// Fetch has the processor fetch what Insert and FindSame will read for rules with these matches: the loads of
// many overlap, where Insert by itself waits for one after the other. It changes nothing, and what it leaves out costs
// time only. The writer's.
func (c *Classifier[T]) Fetch(ms []*flow.Match) {
	for len(ms) > 1 {
		n := min(len(ms), fetchMost)
		if t := c.subtable(&ms[0].Mask); t != nil {
			t.fetch(ms[:n])
		}
		ms = ms[n:]
	}
}

// fetch is Fetch for the matches that have the mask of the first one, at most fetchMost.
func (t *subtable[T]) fetch(ms []*flow.Match) {
	var hashes [fetchMost]uint64
	var nodes, grown [fetchMost]*node[Rule[T]]
	n := 0
	for _, m := range ms {
		if m.Mask == t.shape.full {
			hashes[n] = t.hashTo(&m.Value)
			n++
		}
	}
	buckets := t.rules.buckets()
	for i := range n {
		if b := t.rules.bucket(slot(hashes[i], buckets)); b != nil {
			nodes[i] = b.node.next.Load()
		}
	}
	// The table grows by a bucket for each loadGrow rules: those that are cut in two next.
	for i := range n / loadGrow {
		at := buckets + uint32(i)
		if b := t.rules.bucket(slot(markerHash(at), buckets)); b != nil {
			grown[i] = b.node.next.Load()
		}
	}
	// The lists: each step reads one node of each.
	for range 3 {
		for i := range n {
			nodes[i] = nodes[i].step(hashes[i])
		}
		for i := range n / loadGrow {
			grown[i] = grown[i].step(markerHash(buckets + uint32(i)))
		}
	}
}

// step is the node behind x, nil at the end of the hashes up to h.
func (x *node[E]) step(h uint64) *node[E] {
	if x == nil || x.hash > h {
		return nil
	}
	return x.next.Load()
}

// hashTo is the hash of w, and has the cells of the stages on the way to it fetched.
func (t *subtable[T]) hashTo(w *flow.Wide) uint64 {
	h, from := hashSeed, uint8(0)
	for i, end := range t.shape.ends {
		h = t.shape.hashFrom(h, w, from, end)
		from = end
		if t.own != nil && i < len(t.own.stages) && t.own.stages[i] != nil {
			t.own.stages[i].fetch(h)
		}
	}
	return h
}

// fetch has the cell of h fetched.
func (s *stageSet) fetch(h uint64) {
	tag := stageTag(h)
	for ; s != nil; s = s.next {
		tags := s.cells.Load().tags
		tags[stagePlace(tag, len(tags))&(len(tags)-1)].Load()
	}
}
