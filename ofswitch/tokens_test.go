package ofswitch

import "testing"

// TestTokensDoNotDrift: what a frame takes is seldom a whole number of
// nanoseconds; the rest is not lost.
func TestTokensDoNotDrift(t *testing.T) {
	for _, tt := range []struct {
		rate  uint64
		bytes uint64
	}{{100e9, 64}, {10e9, 1514}, {7, 1}, {1e12, 65600}, {999_999_999, 61}} {
		var b tokens
		b.set(0, tt.rate, 0)
		const n = 1_000_000
		for range n {
			b.charge(b.zero, tt.bytes)
		}
		want := float64(n) * float64(tt.bytes) * 8e9 / float64(tt.rate)
		if got := float64(b.zero); got < want-1-want/1e12 || got > want+1+want/1e12 {
			t.Errorf("%d frames of %d bytes at %d bit/s take %.0f ns, want %.0f", n, tt.bytes, tt.rate, got, want)
		}
	}
}

// TestTokensSet: a bucket is full when it is new, and a debt is a number of
// bytes, whatever the rate.
func TestTokensSet(t *testing.T) {
	var b tokens
	if !b.open(0) {
		t.Error("a bucket without rate is shut")
	}
	b.set(1000, 8e9, 500) // a byte takes 1 ns
	if b.charge(1000, 500); !b.open(1000) || b.bytes() != 500 {
		t.Errorf("a new bucket of %d bytes does not hold 500", b.bytes())
	}
	if b.charge(1000, 100); b.open(1099) || !b.open(1100) {
		t.Errorf("a debt of 100 bytes ends at %d, want 1100", b.zero)
	}
	if b.set(1000, 4e9, 500); b.open(1199) || !b.open(1200) {
		t.Errorf("at half the rate it ends at %d, want 1200", b.zero)
	}
	if b.set(1000, 0, 0); !b.open(1000) {
		t.Error("the rate went, and the bucket is shut")
	}
}
