package ofconn

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"ofswitch/ofp"
)

// reader cuts a connection's stream into messages and sees to the inactivity
// probe. The probe's clock runs only while we wait for the peer: time that we
// spend on its messages is not its silence.
type reader struct {
	c       *conn
	buf     []byte // buf[r:w] is read and not yet taken
	r, w    int
	probing bool // an echo request of ours is out
	// due is the deadline of reads that is set, zero: none; passed: it is over.
	due    time.Time
	passed bool
	// lastRead is how many bytes came in one piece last.
	lastRead int
	// until is when to give up, whatever comes: the handshake's end. Zero: never.
	until time.Time
}

func (in *reader) init(c *conn) {
	in.c = c
	in.buf = make([]byte, readSmall)
}

// next gives the next message, header included; it is valid until the next
// call. With an *ofp.Error the header is impossible and no more can be read.
func (in *reader) next() (ofp.Header, []byte, error) {
	need := ofp.HeaderLen
	for {
		if have := in.w - in.r; have >= need {
			h, err := ofp.ParseHeader(in.buf[in.r:in.w])
			if err != nil {
				return h, in.buf[in.r : in.r+ofp.HeaderLen], err
			}
			if have >= int(h.Length) {
				msg := in.buf[in.r : in.r+int(h.Length)]
				in.r += int(h.Length)
				return h, msg, nil
			}
			need = int(h.Length)
		}
		if err := in.fill(need); err != nil {
			if errors.Is(err, io.EOF) && in.w > in.r {
				err = io.ErrUnexpectedEOF
			}
			return ofp.Header{}, nil, readError(err)
		}
	}
}

// fill reads what there is, at least one byte, making room for need bytes from
// r on in steps: a length that is only promised gets no memory.
func (in *reader) fill(need int) error {
	if in.r == in.w {
		in.r, in.w = 0, 0
		if len(in.buf) > readSmall && need <= ofp.HeaderLen && !in.busy() {
			in.buf = make([]byte, readSmall)
		}
	}
	if in.w == len(in.buf) {
		if in.r > 0 {
			in.w = copy(in.buf, in.buf[in.r:in.w])
			in.r = 0
		} else {
			// Full from its start on, so the message is longer than the buffer.
			bigger := make([]byte, min(2*len(in.buf), readLarge))
			in.w = copy(bigger, in.buf[in.r:in.w])
			in.r = 0
			in.buf = bigger
		}
	}
	for {
		in.c.answer()
		n, err := in.read()
		if n > 0 {
			in.probing = false
			in.w += n
			if in.w == len(in.buf) && len(in.buf) < readLarge && in.r == 0 {
				// The peer sends much: take more at a time from now on.
				bigger := make([]byte, 2*len(in.buf))
				copy(bigger, in.buf[:in.w])
				in.buf = bigger
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// busy says whether the last read filled most of the buffer.
func (in *reader) busy() bool { return in.lastRead >= len(in.buf)/2 }

// read reads once. No bytes and no error: a probe was sent in the meantime.
func (in *reader) read() (int, error) {
	c := in.c
	probe := time.Duration(c.probe.Load())
	var deadline time.Time
	if probe > 0 && in.until.IsZero() {
		deadline = time.Now().Add(probe)
	} else {
		deadline = in.until
	}
	if at := c.parts.deadline(); !at.IsZero() {
		if err := c.expireParts(); err != nil {
			return 0, err
		}
		if at = c.parts.deadline(); !at.IsZero() && (deadline.IsZero() || at.Before(deadline)) {
			deadline = at
		}
	}
	// To set a deadline costs more than to read a message: one that is too early will
	// do, which is not more than one timeout for nothing in a probe interval.
	if in.passed || in.due.IsZero() || deadline.IsZero() || deadline.Before(in.due) {
		in.setDeadline(deadline)
	}
	n, err := c.nc.Read(in.buf[in.w:])
	in.lastRead = n
	if n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	in.passed = true
	if time.Now().Before(deadline) {
		in.setDeadline(deadline)
		n, err = c.nc.Read(in.buf[in.w:])
		in.lastRead = n
		if n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		in.passed = true
	}
	switch at := c.parts.deadline(); {
	case !at.IsZero() && !time.Now().Before(at):
		return 0, c.expireParts()
	case !in.until.IsZero():
		return 0, fmt.Errorf("%w within %v", errHelloTimeout, c.m.o.handshake)
	case in.probing:
		return 0, fmt.Errorf("%w within %v", errInactive, probe)
	}
	in.probing = true
	c.out.putNow(c.encode(probeXID, &ofp.EchoRequest{}))
	return 0, nil
}

// setDeadline sets the time at which a read fails; zero: never.
func (in *reader) setDeadline(at time.Time) {
	if at.IsZero() && in.due.IsZero() {
		return
	}
	// It fails only when the connection is closed, and then Read says how.
	_ = in.c.nc.SetReadDeadline(at)
	in.due, in.passed = at, false
}

// probeXID is the transaction id of inactivity probes.
const probeXID = 0
