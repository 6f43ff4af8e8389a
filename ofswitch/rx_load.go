package ofswitch

import "sync"

// rxLoad is what a receive queue costs its worker, over all workers that it ever had.
type rxLoad struct {
	rxCell

	// What the cell said at the collector's last rounds: a ring.
	mu    sync.Mutex
	marks [loadRounds + 1]loadMark
	next  int // total of marks
}

// rxCell is written by the queue's worker, once for each batch (as in cell.go).
type rxCell struct {
	frames, batches uint64
	busy            uint64 // ns
}

//go:norace
func (c *rxCell) add(frames, busy uint64) {
	c.frames += frames
	c.batches++
	c.busy += busy
}

//go:norace
func (c *rxCell) read() (frames, batches, busy uint64) { return c.frames, c.batches, c.busy }

type loadMark struct {
	at   int64 // ns
	busy uint64
}

// loadRounds is how many of the collector's rounds are remembered.
const loadRounds = 60

// mark is called in each of the collector's rounds.
func (l *rxLoad) mark(now int64) {
	_, _, busy := l.read()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.marks[l.next%len(l.marks)] = loadMark{now, busy}
	l.next++
}

// over is the queue's load over the last so many rounds, or as many as there were, in
// thousandths of a thread. ok false: it is too new to say.
func (l *rxLoad) over(rounds int) (load int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rounds = min(rounds, loadRounds, l.next-1)
	if rounds < 1 {
		return 0, false
	}
	last, first := l.marks[(l.next-1)%len(l.marks)], l.marks[(l.next-1-rounds)%len(l.marks)]
	if last.at <= first.at {
		return 0, false
	}
	return int(min((last.busy-first.busy)*1000/uint64(last.at-first.at), 1000)), true
}

// lately is the load by which queues are shared out.
func (l *rxLoad) lately() int {
	load, _ := l.over(balanceRounds)
	return load
}

// weight orders workers by what they have to do: load, then number of queues.
func (w *worker) weight() int {
	list := w.rx.Load().list
	n := len(list)
	for _, q := range list {
		n += q.load.lately() << 20
	}
	return n
}

// balance is the collector's part: it takes note of loads and, once in a while, moves
// queues away from a worker that is busy while another is not.
func (d *Datapath) balance(now int64) {
	for _, q := range d.rxQueues() {
		q.load.mark(now)
	}
	workers := d.workers()
	if d.balanceRound.Add(1)%balanceRounds != 0 || len(workers) < 2 {
		return
	}
	busiest := 0
	for _, w := range workers {
		busiest = max(busiest, w.weight()>>20)
	}
	if busiest < balanceAbove {
		return
	}
	if n, err := d.rebalance(balanceGain); err != nil {
		d.log.Error("sharing receive queues out", "err", err)
	} else if n > 0 {
		d.log.Info("receive queues moved between forwarding threads", "queues", n)
	}
}

const (
	// balanceRounds is over how many of the collector's rounds loads are looked at.
	balanceRounds = 5
	// balanceAbove, in thousandths of a thread, is how busy a worker must be before
	// anything moves: below, frames do not wait for each other.
	balanceAbove = 700
	// balanceGain is by how many percent the busiest worker's load must fall.
	balanceGain = 25
)
