package ports

import (
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// kernelVersion is the running kernel's, read once; 0.0 when it cannot be
// understood, which forbids whatever asks for a version.
var kernelVersion = sync.OnceValue(func() [2]int {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return [2]int{}
	}
	return parseRelease(unix.ByteSliceToString(u.Release[:]))
})

func parseRelease(s string) (v [2]int) {
	if n, err := fmt.Sscanf(s, "%d.%d", &v[0], &v[1]); n < 2 || err != nil {
		return [2]int{}
	}
	return v
}

// kernelAtLeast says whether the running kernel is Linux major.minor or later.
func kernelAtLeast(major, minor int) bool {
	v := kernelVersion()
	return v[0] > major || v[0] == major && v[1] >= minor
}
