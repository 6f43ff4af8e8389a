package traffic

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"ofswitch/flow"
	"ofswitch/internal/netlab"
	"ofswitch/packet"
)

// Trace sends the frames of keys, by a packet socket: slower than a Generator, but of any
// flows. They are 64 bytes of IPv4 to an address of nobody, so that no host spends anything on
// them, with right checksums of IPv4 and none of UDP; a sink counts them as foreign.
type Trace struct {
	ns   *netlab.Namespace
	keys func(n int, seed uint64) []flow.Wide
	cpu  int
	fd   int
	send *sendVector
	stop atomic.Bool
}

// traceChunk is how many keys are made at once.
const traceChunk = 1 << 13

// NewTrace makes a generator on a device of a namespace, which works on a processor of its
// own. keys makes so many of them, others for each seed; their EtherType and what is in
// no frame does not matter. It needs root.
func NewTrace(ns *netlab.Namespace, device string, cpu int, keys func(n int, seed uint64) []flow.Wide) (*Trace, error) {
	fd, _, err := packetSocket(ns, device)
	if err != nil {
		return nil, fmt.Errorf("traffic: a trace at %s: %w", device, err)
	}
	return &Trace{ns: ns, keys: keys, cpu: cpu, fd: fd, send: newSendVector(template([]byte{2, 0xff, 0, 0, 0, 2}, []byte{2, 0xff, 0, 0, 0, 1}))}, nil
}

// Flood sends as fast as it can until Stop.
func (t *Trace) Flood() error {
	return onProcessor(t.ns, t.cpu, func() error {
		for seed := uint64(0); !t.stop.Load(); seed++ {
			keys := t.keys(traceChunk, seed)
			for len(keys) > 0 && !t.stop.Load() {
				n := min(len(keys), sendBatch)
				for i := range n {
					fillKey(t.send.frames[i], &keys[i])
				}
				keys = keys[n:]
				if _, errno := t.send.send(t.fd, n); errno != 0 && errno != unix.ENOBUFS && errno != unix.EINTR {
					return fmt.Errorf("traffic: sending: %w", errno)
				}
			}
		}
		return nil
	})
}

// Stop ends Flood from another goroutine.
func (t *Trace) Stop() { t.stop.Store(true) }

// Close frees the generator.
func (t *Trace) Close() error { return unix.Close(t.fd) }

// fillKey makes a template into the frame of a key: addresses, protocol, ports.
func fillKey(b []byte, k *flow.Wide) {
	be := binary.BigEndian
	be.PutUint32(b[offSrc:], uint32(k[flow.WIPv4]>>32))
	be.PutUint32(b[offDst:], uint32(k[flow.WIPv4]))
	ip := packet.IPv4(b[offIP:])
	ip.SetProto(uint8(k[flow.WIP] >> 24))
	// Ports; what follows is zero but for UDP's length and TCP's.
	be.PutUint32(b[offUDP:], uint32(k[flow.WL4]>>32))
	clear(b[offUDP+4:])
	switch ip.Proto() {
	case packet.ProtoUDP:
		packet.UDP(b[offUDP:]).SetLength(udpLen)
	case packet.ProtoTCP:
		b[offUDP+12] = 5 << 4 // the length of its header, in words
	}
	be.PutUint16(b[offIPSum:], 0)
	be.PutUint16(b[offIPSum:], packet.Checksum(b[offIP:offUDP], 0))
}
