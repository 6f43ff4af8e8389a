package testutil

import (
	"bytes"
	"strings"
	"sync"
)

// Output keeps what is written, as a log or the output of a program, for others
// to look at meanwhile. The zero value is empty.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write adds b; there is never an error.
func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

// String is all that has been written.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Count says how often text has been written.
func (o *Output) Count(text string) int { return strings.Count(o.String(), text) }
