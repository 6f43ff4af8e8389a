package ofswitch

import (
	"cmp"
	"slices"
)

// rxShare is what the policy of queues knows of one receive queue.
type rxShare struct {
	worker int // index of the one that polls it; one that is going needs not be among those that stay
	load   int // lately, in thousandths of a thread

	pinned bool // it is to stay with worker, which is there
	alone  bool // and that polls no other than such queues
}

// spread says which of n workers is to poll each queue. Queues whose worker stays move
// only where that helps: the busiest worker's load is brought down, and between idle
// queues their number counts. With gain, in percent, nothing moves that need not, unless
// the busiest worker's load falls by that much.
//
// A worker with a pinned queue that is alone gets no others, unless that goes for all.
//
// The same shares give the same answer.
func spread(shares []rxShare, n, gain int) []int {
	closed := make([]bool, n)
	for _, s := range shares {
		if s.alone {
			closed[s.worker] = true
		}
	}
	if !slices.Contains(closed, true) || !slices.Contains(closed, false) {
		return spreadOpen(shares, n, gain)
	}
	var open []int           // workers
	places := make([]int, n) // of workers in open; -1: closed
	for w := range n {
		places[w] = -1
		if !closed[w] {
			places[w] = len(open)
			open = append(open, w)
		}
	}
	at := make([]int, len(shares))
	var rest []rxShare
	var which []int // of shares the rest is
	for i, s := range shares {
		if at[i] = s.worker; s.pinned && closed[s.worker] {
			continue
		}
		if s.worker = -1; at[i] >= 0 && at[i] < n {
			s.worker = places[at[i]]
		}
		rest, which = append(rest, s), append(which, i)
	}
	for i, place := range spreadOpen(rest, len(open), gain) {
		at[which[i]] = open[place]
	}
	return at
}

// spreadOpen is spread where any worker may get any queue that is not pinned.
func spreadOpen(shares []rxShare, n, gain int) []int {
	// Loads before numbers: no number of queues outweighs one thousandth.
	weight := func(i int) int { return shares[i].load*(len(shares)+1) + 1 }
	at := make([]int, len(shares))
	sums := make([]int, n)
	var homeless []int
	for i, s := range shares {
		if s.worker < 0 || s.worker >= n {
			homeless = append(homeless, i)
			continue
		}
		at[i] = s.worker
		sums[s.worker] += weight(i)
	}
	slices.SortStableFunc(homeless, func(a, b int) int { return cmp.Compare(weight(b), weight(a)) })
	for _, i := range homeless {
		least := indexOf(sums, slices.Min(sums))
		at[i] = least
		sums[least] += weight(i)
	}
	better := slices.Clone(at)
	before := slices.Max(sums)
	for range 4 * len(shares) {
		if !improve(shares, better, sums, weight) {
			break
		}
	}
	if gain > 0 && slices.Max(sums)*100 > before*(100-gain) {
		return at
	}
	return better
}

// improve takes one step that lowers the load of the busiest worker that can give a queue
// away: a queue of it goes to the least busy one or, if none may, changes places with a queue
// of that.
func improve(shares []rxShare, at, sums []int, weight func(i int) int) bool {
	movable := make([]bool, len(sums))
	for i, w := range at {
		movable[w] = movable[w] || !shares[i].pinned
	}
	high, low := -1, indexOf(sums, slices.Min(sums))
	for w, sum := range sums {
		if movable[w] && (high < 0 || sum > sums[high]) {
			high = w
		}
	}
	if high < 0 {
		return false
	}
	best, out, back := sums[high], -1, -1
	try := func(i, j, moved int) {
		if worst := max(sums[high]-moved, sums[low]+moved); worst < best {
			best, out, back = worst, i, j
		}
	}
	for i := range at {
		if at[i] == high && !shares[i].pinned {
			try(i, -1, weight(i))
		}
	}
	if out < 0 {
		for i := range at {
			for j := range at {
				if at[i] == high && at[j] == low && !shares[i].pinned && !shares[j].pinned {
					try(i, j, weight(i)-weight(j))
				}
			}
		}
	}
	if out < 0 {
		return false
	}
	moved := weight(out)
	at[out] = low
	if back >= 0 {
		moved -= weight(back)
		at[back] = high
	}
	sums[high] -= moved
	sums[low] += moved
	return true
}

func indexOf(list []int, v int) int { return slices.Index(list, v) }
