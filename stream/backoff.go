package stream

import (
	"context"
	"math/rand/v2"
	"time"
)

// MinBackoff is the first wait between attempts to connect, where Backoff is
// not told another.
const MinBackoff = time.Second

// Backoff says how long to wait between attempts to connect: twice as long
// after each that fails. The zero value is ready.
type Backoff struct {
	// Shortest is the first wait; 0: MinBackoff.
	Shortest time.Duration
	next     time.Duration
}

// Next is the wait after an attempt whose connection lasted so long, 0 if there
// was none. longest bounds it. A connection that lasted longer than the wait
// before it has worked: what comes now is a new trouble.
func (b *Backoff) Next(lasted, longest time.Duration) time.Duration {
	shortest := b.Shortest
	if shortest <= 0 {
		shortest = MinBackoff
	}
	if b.next == 0 || lasted >= min(b.next, longest) {
		b.next = shortest
	}
	wait := min(b.next, longest)
	b.next = min(2*b.next, longest)
	return wait
}

// Pause waits for about d, a little more or less, lest all switches of one
// peer come back in step. It is false if ctx ended first.
func Pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(time.Duration(float64(d) * (0.95 + 0.1*rand.Float64())))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
