package classifier

import (
	"slices"

	"ofswitch/flow"
)

// Tuning of merged tables.
const (
	ownTables   = 2   // subtables that get a table of their own: few masks need no merging
	chainRules  = 64  // rules that may share a hash before one goes to another table, made for many masks
	chainCount  = 256 // counted to here; all longer chains are equally bad
	mergedLimit = 96  // merged tables, as far as chains may grow instead
)

// merge finds a place for r among the merged tables: in the one of most bits, all of which
// r asks for, that has few rules of r's hash; else in a new one whose bits are as few
// as tell r from most others.
func (c *Classifier[T]) merge(r *Rule[T]) {
	var to *table[T]
	var at [numStages]uint64
	shortest := chainCount
	for _, t := range c.merged {
		if !t.shape.within(r.shape) {
			continue
		}
		h := t.shape.hashStages(r.shape, r.vals())
		n := t.sharing(h[stageL4], shortest)
		if to != nil && n >= shortest {
			continue
		}
		to, at, shortest = t, h, n
		if n < chainRules {
			break
		}
	}
	if shortest >= chainRules {
		if s := c.relaxed(r, to, shortest); s != nil {
			to = newMerged[T](s)
			c.enlist(to)
			at = s.hashStages(r.shape, r.vals())
			bits := s.bits()
			i, _ := slices.BinarySearchFunc(c.merged, bits, func(t *table[T], bits int) int { return bits - t.shape.bits() })
			c.merged = slices.Insert(c.merged, i, to)
		}
	}
	c.noteRuns(to, r)
	c.noteType(to, r)
	to.add(r, &at)
	c.settle(to)
}

// unmerge takes r out of its merged table.
func (c *Classifier[T]) unmerge(r *Rule[T]) {
	t := r.merged
	t.remove(r)
	c.forgetRuns(t, r)
	c.forgetType(t, r)
	c.settle(t)
	if t.n == 0 {
		c.delist(t)
		i := slices.Index(c.merged, t)
		c.merged = slices.Delete(c.merged, i, i+1)
	}
}

// relaxed is the shape of a new merged table for r; nil if it had better go to the
// table to, where there is one, and as many rules share its hash. A table for one mask alone is made only where these are too many:
// else ranges of ports that ask for no addresses would make dozens of tables of a few rules.
func (c *Classifier[T]) relaxed(r *Rule[T], to *table[T], sharing int) *shape {
	if to != nil && len(c.merged) >= mergedLimit {
		return nil
	}
	mask := r.shape.full
	for level := range relaxLevels {
		if level == relaxLevels-1 && to != nil && sharing < chainCount {
			return nil
		}
		m := relax(&mask, level)
		if len(c.merged) >= mergedLimit {
			m = flow.Mask{} // the last resort: a list in order of priority
		}
		if !slices.ContainsFunc(c.merged, func(t *table[T]) bool { return t.shape.full == m }) {
			return newShape(&m)
		}
	}
	return nil
}

const relaxLevels = 4

// relax leaves bits of a mask out, fewer on each level, so that rules of many masks share
// a table: of a pair of addresses the one that is asked for by fewer bits, the last
// bits of prefixes, ports where addresses tell enough, parts of fields. On the last
// level it leaves out nothing.
func relax(mask *flow.Mask, level int) flow.Mask {
	if level == relaxLevels-1 {
		return *mask
	}
	var m flow.Mask
	for i, b := range mask {
		if prefixWord[i] {
			continue
		}
		for _, part := range parts[i] {
			if b&part == part {
				m[i] |= part
			}
		}
	}
	addresses := 0
	for _, pair := range [][2]int{{laneIPv4Src, laneIPv4Dst}, {laneIPv6Src, laneIPv6Dst}} {
		step := [...]int{8, 8, 4}[level] * int(lanes[pair[0]].bits) / 32
		var n [2]int
		for k, i := range pair {
			n[k] = int(lanes[i].run(mask)) / step * step
		}
		if level == 0 {
			if n[0] > n[1] {
				n[1] = 0
			} else if n[1] > n[0] {
				n[0] = 0
			}
		}
		for k, i := range pair {
			lanes[i].addTo(&m, n[k])
			addresses += n[k]
		}
	}
	for _, i := range []int{laneL4Src, laneL4Dst} {
		n := int(lanes[i].run(mask))
		switch level {
		case 0:
			if addresses >= 16 || n < 16 {
				n = 0
			}
		case 1:
			if n < 16 {
				n = 0
			}
		case 2:
			n = n / 4 * 4
		}
		lanes[i].addTo(&m, n)
	}
	return m
}
