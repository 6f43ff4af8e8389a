package kernelpath

import "errors"

// Errors of this package; test with errors.Is.
var (
	// ErrUnavailable: there is no kernel path on this machine, or for this port. The text
	// says why.
	ErrUnavailable = errors.New("the kernel path is not available")
	// ErrFull: the table has no room for the flow.
	ErrFull = errors.New("the kernel's flow table is full")
	// ErrMasks: the port has flows of MaxMasks other masks already.
	ErrMasks = errors.New("the port has flows of too many masks in the kernel")
	// ErrExists: a flow of the same key and mask is there already.
	ErrExists = errors.New("the kernel has this flow already")
	// ErrElsewhere: the two ports are not in the same network namespace.
	ErrElsewhere = errors.New("the ports are not in the same network namespace")
	// ErrClosed: the table or one of the ports is closed.
	ErrClosed = errors.New("the kernel path is closed")
)
