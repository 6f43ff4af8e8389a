package ports

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// A queue that the kernel still has to take from a closed socket is waited for, one that
// somebody else has only for a while, and no other error at all.
func TestXDPBusyQueue(t *testing.T) {
	for name, tc := range map[string]struct {
		busy  int // times
		then  error
		want  error
		takes time.Duration
	}{
		"free":       {0, nil, nil, 0},
		"free soon":  {5, nil, nil, 5 * time.Millisecond},
		"never free": {1 << 30, nil, unix.EBUSY, xdpBusy + time.Millisecond},
		"refused":    {0, unix.EOPNOTSUPP, unix.EOPNOTSUPP, 0},
		"both":       {3, unix.ENETDOWN, unix.ENETDOWN, 3 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, calls := time.Now(), 0
				err := onceFree(start.Add(xdpBusy), func() error {
					if calls++; calls <= tc.busy {
						return unix.EBUSY
					}
					return tc.then
				})
				if took := time.Since(start); !errors.Is(err, tc.want) || took != tc.takes {
					t.Errorf("%v after %v and %d calls, want %v after %v", err, took, calls, tc.want, tc.takes)
				}
			})
		})
	}
}
