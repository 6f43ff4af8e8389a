package kernelpath

import "fmt"

// Bounds of a table.
const (
	MaxFlows = 2048 // flows at once
	MaxMasks = 4    // different masks of the flows of one port
)

// Table is the kernel's flow table, with the programs that look frames up in it: one for
// a process. Its methods may be called from any goroutine.
type Table struct {
}

// Open makes the table and loads the programs. The error wraps ErrUnavailable and says
// why there is none: the kernel, a capability.
func Open() (*Table, error) {
	return nil, fmt.Errorf("%w on this system", ErrUnavailable)
}

// Close removes all flows, takes the programs off the ports and frees the table.
func (t *Table) Close() error { return nil }

// Add has the kernel forward frames of in with this key, as far as mask looks at it, to
// out; nil: it drops them. It copies both. The flow counts from then on, but
// may only become active later: see Flow.Active. The first flow of a port takes the kernel some
// 10 ms and more. Errors wrap ErrFull, ErrMasks, ErrExists, ErrElsewhere, ErrClosed,
// ErrUnavailable.
func (t *Table) Add(in, out *Port, key, mask *Key) (*Flow, error) {
	return nil, ErrUnavailable
}

// Remove takes flows out: a frame that comes after it returns does not find them. One that is
// on its way may still be counted and sent: see Wait. Flows that are removed already do no
// harm.
func (t *Table) Remove(flows ...*Flow) {}

// Wait returns when no frame is on its way by a flow that was removed before the call:
// the counters of those are final. It takes microseconds, and nothing where nothing was
// removed.
func (t *Table) Wait() {}

// Flow is an entry of the table.
type Flow struct{}

// Count is what the flow has forwarded so far, GSO frames as their segments as
// packet.Frame.Segments counts them, and when it last did, in nanoseconds of CLOCK_MONOTONIC,
// with the resolution of the kernel's tick; 0: never. After
// Remove and Wait it stays as it is.
func (f *Flow) Count() (packets, bytes uint64, used int64) { return 0, 0, 0 }

// Active says that the kernel forwards the flow's frames. Until then it lets them go to the
// switch, as long as earlier frames of the flow may be there.
func (f *Flow) Active() bool { return false }

// Port is a port that frames can come from or go to. Ports make them (see
// ports.KernelPath); their end ends all flows from and to them.
type Port struct{}

// TestPort makes a port without a device, for Test. Its Close ends it.
func (t *Table) TestPort(ifindex int) (*Port, error) { return nil, ErrUnavailable }

// Close ends the port and its flows.
func (p *Port) Close() error { return nil }

// TestFrame is a frame for Test.
type TestFrame struct {
	Bytes   []byte // from the Ethernet header on, without the tag that lies beside it
	TPID    uint16 // of the tag beside the frame; 0: there is none
	TCI     uint16 // of that tag
	GSOSize uint16 // payload bytes of a segment; 0: not a GSO frame
	GSOSegs uint16 // number of segments; 0: not said
}

// Test has the kernel treat f as if it had come from port p, without sending it anywhere. It
// returns the flow that took it; nil: it would go to the switch.
func (t *Table) Test(p *Port, f *TestFrame) (*Flow, error) { return nil, ErrUnavailable }
