package ofconn

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is returned by a Manager after Close.
	ErrClosed = errors.New("the OpenFlow channel is closed")
)

// Reasons why a connection ended, as Status shows them.
var (
	errStopped        = errors.New("no longer configured")
	errPeerClosed     = errors.New("closed by the peer")
	errStalled        = errors.New("the peer does not read what it is sent")
	errOverrun        = errors.New("the peer reads too slowly for the port-status and role-status messages")
	errMonitorOverrun = errors.New("the peer reads too slowly for its flow monitors")
	errHelloTimeout   = errors.New("no hello from the peer")
	errInactive       = errors.New("no answer to the inactivity probe")
	errFirstNotHello  = errors.New("the peer's first message is no hello")
	errUnwritable     = errors.New("the peer takes no more")
	errGarbage        = errors.New("the peer sends garbage")
)

// refusedError ends a connection by our own decision, after what is queued for
// the peer (commonly an ERROR message that says why) has been written.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

func refuse(err error, format string, args ...any) error {
	return &refusedError{fmt.Errorf("%w: %s", err, fmt.Sprintf(format, args...))}
}
