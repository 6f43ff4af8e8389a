package jsonrpc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// Limits of a message that is received, unless Options says otherwise.
const (
	// DefaultMaxMessage is the largest message in bytes. The first reply to a
	// monitor of a large database is the longest message in practice.
	DefaultMaxMessage = 64 << 20
	// DefaultMaxDepth is the deepest nesting of objects and arrays. RFC 7047
	// needs about 10; Open vSwitch stops at 1000.
	DefaultMaxDepth = 100
)

// Reasons why a stream cannot be read on: its framing is lost or its sender
// is not to be trusted. The connection should be closed.
var (
	ErrTooLarge = errors.New("JSON-RPC message too large")
	ErrTooDeep  = errors.New("JSON-RPC message nested too deeply")
	ErrSyntax   = errors.New("not a JSON-RPC message")
)

// freeBytes are what a message may take before a Budget counts it: whoever sends
// no large ones is not touched by those who do.
const freeBytes = 64 << 10

// Budget bounds what all large messages in the making take together, of the
// connections that share it. It is safe for concurrent use.
type Budget struct {
	max  int64
	used atomic.Int64
}

// NewBudget allows for max bytes.
func NewBudget(max int64) *Budget { return &Budget{max: max} }

func (b *Budget) take(n int) bool {
	if b.used.Add(int64(n)) > b.max {
		b.used.Add(int64(-n))
		return false
	}
	return true
}

// Decoder cuts a stream into JSON objects. Not for concurrent use.
type Decoder struct {
	r         *bufio.Reader
	max       int
	maxDepth  int
	maxValues int     // 0: any number
	budget    *Budget // nil: there is none
	taken     int     // of the budget
	err       error
}

// NewDecoder reads objects of at most max bytes nested at most depth levels
// from r; zero means the default of each.
func NewDecoder(r io.Reader, max, depth int) *Decoder {
	if max <= 0 {
		max = DefaultMaxMessage
	}
	if depth <= 0 {
		depth = DefaultMaxDepth
	}
	return &Decoder{r: bufio.NewReaderSize(r, 4096), max: max, maxDepth: depth}
}

// release gives back what the last message took.
func (d *Decoder) release() {
	if d.budget != nil {
		d.budget.used.Add(int64(-d.taken))
		d.taken = 0
	}
}

// room says whether the budget has room for a message of n bytes.
func (d *Decoder) room(n int) bool {
	n -= freeBytes
	if d.budget == nil || n <= d.taken {
		return true
	}
	if !d.budget.take(n - d.taken) {
		return false
	}
	d.taken = n
	return true
}

// Next gives the bytes of the next object, which are the caller's to keep; a
// Budget counts them until the next call. It
// is balanced, but not otherwise checked. At the clean end of the stream, that
// is between two objects, err is io.EOF; within one, io.ErrUnexpectedEOF. An
// error is final.
func (d *Decoder) Next() ([]byte, error) {
	if d.err != nil {
		return nil, d.err
	}
	d.release()
	b, err := d.next()
	if err != nil {
		d.release()
		d.err = err
		return nil, err
	}
	return b, nil
}

func (d *Decoder) next() ([]byte, error) {
	var msg []byte
	depth, values := 0, 0
	inString, escaped := false, false
	for {
		// Take what is buffered in one piece: a message is scanned once, and
		// copied once.
		if d.r.Buffered() == 0 {
			if _, err := d.r.Peek(1); err != nil {
				if err == io.EOF && len(msg) > 0 {
					err = io.ErrUnexpectedEOF
				}
				return nil, err
			}
		}
		chunk, err := d.r.Peek(d.r.Buffered())
		if err != nil {
			return nil, err
		}
		start := 0
		if len(msg) == 0 {
			for start < len(chunk) && isSpace(chunk[start]) {
				start++
			}
			if start == len(chunk) {
				if _, err := d.r.Discard(start); err != nil {
					return nil, err
				}
				continue
			}
			if chunk[start] != '{' {
				return nil, fmt.Errorf("%w: it begins with %q, not with an object", ErrSyntax, chunk[start])
			}
		}
		end := -1
		for i := start; i < len(chunk); i++ {
			c := chunk[i]
			switch {
			case escaped:
				escaped = false
			case inString:
				switch c {
				case '\\':
					escaped = true
				case '"':
					inString = false
				}
			case c == '"':
				inString = true
			case c == ',':
				values++
			case c == '{' || c == '[':
				values++
				if depth++; depth > d.maxDepth {
					return nil, fmt.Errorf("%w: more than %d levels", ErrTooDeep, d.maxDepth)
				}
			case c == '}' || c == ']':
				if depth--; depth == 0 {
					end = i + 1
				}
			}
			if end >= 0 {
				break
			}
		}
		n := len(chunk)
		if end >= 0 {
			n = end
		}
		if len(msg)+n-start > d.max {
			return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, d.max)
		}
		if d.maxValues > 0 && values > d.maxValues {
			return nil, fmt.Errorf("%w: more than %d values", ErrTooLarge, d.maxValues)
		}
		if !d.room(len(msg) + n - start) {
			return nil, fmt.Errorf("%w: too many others are being received", ErrTooLarge)
		}
		msg = append(msg, chunk[start:n]...)
		if _, err := d.r.Discard(n); err != nil {
			return nil, err
		}
		if end >= 0 {
			return msg, nil
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
