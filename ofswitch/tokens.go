package ofswitch

// tokens is a token bucket, kept as time: zero is the moment at which the
// credit is nought, in the past while there is some, in the future while there
// is a debt. So what is needed most, when the next frame may go, is there
// without arithmetic, and no rounding adds up.
type tokens struct {
	rate  uint64 // bits/s; 0: no bound
	depth int64  // most credit, ns
	zero  int64
	rem   uint64 // of the last division: bits of 1e-9 s
}

// open says whether a frame may go. It may be larger than the credit: what
// comes after it waits for the debt.
func (b *tokens) open(now int64) bool { return b.rate == 0 || b.zero <= now }

// charge takes bytes out of the bucket.
func (b *tokens) charge(now int64, bytes uint64) {
	if b.rate == 0 {
		return
	}
	if b.zero < now-b.depth {
		b.zero, b.rem = now-b.depth, 0
	}
	n := bytes*8e9 + b.rem // a frame has 65600 bytes at most
	b.zero += int64(n / b.rate)
	b.rem = n % b.rate
}

// set changes the rate. A new bucket is full. A debt stays the same number of
// bytes.
func (b *tokens) set(now int64, rate uint64, depth int64) {
	if b.rate == 0 {
		b.zero = now - depth
	}
	if debt := b.zero - now; debt > 0 && b.rate != 0 && rate != 0 && rate != b.rate {
		b.zero = now + int64(float64(debt)*float64(b.rate)/float64(rate))
	}
	b.rate, b.depth, b.rem = rate, depth, 0
}

// bytes is what the bucket holds when it is full.
func (b *tokens) bytes() uint64 { return bytesIn(b.rate, b.depth) }

// bytesIn is how many bytes a rate of bits/s sends in ns nanoseconds.
func bytesIn(rate uint64, ns int64) uint64 {
	return uint64(float64(rate) * float64(ns) / 8e9)
}
