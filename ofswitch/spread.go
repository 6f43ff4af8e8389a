package ofswitch

import (
	"cmp"
	"slices"
)

// share is what the policy of queues knows of one receive queue.
type share struct {
	worker int // index of the one that polls it; one that is going needs not be among those that stay
	load   int // lately, in thousandths of a thread
}

// spread says which of n workers is to poll each queue. Queues whose worker stays move
// only where that helps: the busiest worker's load is brought down, and between idle
// queues their number counts. With gain, in percent, nothing moves that need not, unless
// the busiest worker's load falls by that much.
//
// The same shares give the same answer.
func spread(shares []share, n, gain int) []int {
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
		if !improve(better, sums, weight) {
			break
		}
	}
	if gain > 0 && slices.Max(sums)*100 > before*(100-gain) {
		return at
	}
	return better
}

// improve takes one step that lowers the load of the busiest worker: a queue of it goes to
// the least busy one or, if none may, changes places with a queue of that.
func improve(at, sums []int, weight func(i int) int) bool {
	high, low := indexOf(sums, slices.Max(sums)), indexOf(sums, slices.Min(sums))
	best, out, back := sums[high], -1, -1
	try := func(i, j, moved int) {
		if worst := max(sums[high]-moved, sums[low]+moved); worst < best {
			best, out, back = worst, i, j
		}
	}
	for i := range at {
		if at[i] == high {
			try(i, -1, weight(i))
		}
	}
	if out < 0 {
		for i := range at {
			for j := range at {
				if at[i] == high && at[j] == low {
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
