package ports

import (
	"sync"
	"sync/atomic"
)

// closers is how much is closed at once. The kernel lets go of a TAP or a packet socket in
// some 10 to 50 ms of waiting for its own readers, most of which many can share.
const closers = 64

// Together calls fn for each of 0 to n-1, many at once, and returns when all have ended. It
// is for closing many ports or transmit handles.
func Together(n int, fn func(i int)) {
	var wait sync.WaitGroup
	var next atomic.Int32
	for range min(closers, n) {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				fn(i)
			}
		})
	}
	wait.Wait()
}
