package stream

import (
	"context"
	"testing"
	"time"
)

// Waits double to the longest, and begin anew after a connection that lasted
// longer than the wait would have been.
func TestBackoff(t *testing.T) {
	const s = time.Second
	b := Backoff{}
	for i, step := range []struct{ lasted, longest, want time.Duration }{
		{0, 8 * s, s}, {0, 8 * s, 2 * s}, {3 * s, 8 * s, 4 * s}, {0, 8 * s, 8 * s}, {0, 8 * s, 8 * s},
		{8 * s, 8 * s, s}, {s, 8 * s, 2 * s}, {2 * s, 8 * s, 4 * s}, {0, 3 * s, 3 * s}, {3 * s, 3 * s, s}, {0, s / 2, s / 2},
	} {
		if got := b.Next(step.lasted, step.longest); got != step.want {
			t.Errorf("step %d: wait %v, want %v", i, got, step.want)
		}
	}
	b = Backoff{Shortest: 5 * s}
	if got := b.Next(0, 8*s); got != 5*s {
		t.Errorf("first wait %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if !Pause(ctx, time.Nanosecond) {
		t.Error("a pause was cut short")
	}
	cancel()
	if Pause(ctx, time.Hour) {
		t.Error("a pause went on after its end")
	}
}
