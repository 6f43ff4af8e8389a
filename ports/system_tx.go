package ports

import (
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
	"ofswitch/ports/isolate"
)

// systemTx is a transmit handle of a system port: a raw socket of its own, so
// that threads share neither a lock nor a send buffer, and once there is traffic
// a transmit ring with another for all but GSO packets and long frames.
type systemTx struct {
	p    *System
	fd   int
	v    *txVector
	caps Caps

	ring  atomic.Pointer[txRing] // nil: none yet, or none to be had
	early int                    // frames sent before it was asked for
	maker sync.WaitGroup         // of the ring
}

// NewTx opens a transmit socket for one thread.
func (p *System) NewTx() (TxQueue, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return nil, portErr(p.dev.name, net.ErrClosed, "port is closed")
	}
	if p.xdp != nil {
		return p.xdp.newTx(), nil
	}
	fd, inherited, err := p.packetSocket("tx")
	if err != nil {
		return nil, err
	}
	if !inherited {
		if err := p.setupTx(fd); err != nil {
			return nil, closing(fd, err)
		}
	}
	t := &systemTx{p: p, fd: fd, v: newTxVector(), caps: Caps{Csum: true, GSOTCPv4: true, GSOTCPv6: true, GSOUDPL4: p.usoOK, Coalesce: !p.opt.NoCoalesce}}
	if p.opt.QdiscBypass {
		// Past the qdisc the kernel does not segment for the device.
		t.caps.GSOTCPv4, t.caps.GSOTCPv6 = p.bypass.tso4, p.bypass.tso6
		t.caps.GSOUDPL4 = p.usoOK && p.bypass.uso
	}
	if p.opt.TxDesc > 0 && !p.opt.NoRing {
		t.makeRing()
	}
	p.txs = append(p.txs, t)
	return t, nil
}

func (p *System) setupTx(fd int) error {
	name := p.dev.name
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
		return sysErr(name, "setting PACKET_VNET_HDR", err, "CAP_NET_RAW")
	}
	// Without isolation the mark is of no use to us and may mean something to
	// the host's own rules.
	if p.opt.Isolation != isolate.Off {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(isolate.Mark)); err != nil {
			return sysErr(name, "setting SO_MARK", err, "CAP_NET_ADMIN")
		}
	}
	if err := setBuf(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, p.opt.SndBuf); err != nil {
		return sysErr(name, "setting the send buffer", err, "CAP_NET_ADMIN")
	}
	if p.opt.QdiscBypass {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1); err != nil {
			return sysErr(name, "setting PACKET_QDISC_BYPASS", err, "CAP_NET_RAW")
		}
	}
	return p.bind(fd, 0)
}

// Caps: partial checksums and TCP segmentation; UDP's since Linux 6.2.
func (q *systemTx) Caps() Caps { return q.caps }

// Close closes the sockets.
func (q *systemTx) Close() error {
	q.p.mu.Lock()
	defer q.p.mu.Unlock()
	at := slices.Index(q.p.txs, q)
	if at < 0 {
		return nil
	}
	q.p.txs = slices.Delete(q.p.txs, at, at+1)
	return q.close()
}

func (q *systemTx) close() error {
	q.maker.Wait()
	err := unix.Close(q.fd)
	if r := q.ring.Load(); r != nil {
		err = errors.Join(err, r.close())
	}
	return err
}

// Tx sends by the ring, or by sendmmsg until there is one.
func (q *systemTx) Tx(frames []*packet.Frame) int {
	if r := q.ring.Load(); r != nil {
		return q.byRing(r, frames)
	}
	if q.early <= txRingAfter && !q.p.opt.NoRing {
		if q.early += len(frames); q.early > txRingAfter {
			q.maker.Go(q.makeRing)
		}
	}
	return q.bySendmmsg(frames)
}

// bySendmmsg sends by sendmmsg. It stops at the first frame that fails: that one is
// counted by its reason and skipped. When the send buffer is full the frame is
// dropped; full a second time in one call, all that remain are, so that a
// blocked device costs at most two calls.
func (q *systemTx) bySendmmsg(frames []*packet.Frame) int {
	sent, full := 0, 0
	for len(frames) > 0 && full < 2 {
		n := min(len(frames), packet.BatchSize)
		s, f := q.batch(frames[:n])
		sent, full = sent+s, full+f
		frames = frames[n:]
	}
	for _, f := range frames {
		q.p.c.lost(f, unix.EAGAIN)
	}
	return sent
}

func (q *systemTx) batch(frames []*packet.Frame) (sent, full int) {
	if q.p.closed.Load() {
		for _, f := range frames {
			q.p.c.lost(f, unix.ENODEV)
		}
		return 0, 0
	}
	n := 0
	for _, f := range frames {
		if f.Len() < packet.EthernetLen {
			q.p.c.lost(f, unix.EINVAL)
			continue
		}
		q.v.set(n, f)
		n++
	}
	var packets, bytes uint64
	for at := 0; at < n; {
		done, errno := sendmmsg(q.fd, q.v.msgs[at:n])
		for _, f := range q.v.frames[at : at+done] {
			p, w := wire(f)
			packets, bytes = packets+p, bytes+w
		}
		at, sent = at+done, sent+done
		if errno == 0 || errno == unix.EINTR {
			continue
		}
		q.p.c.lost(q.v.frames[at], errno)
		at++
		if errno == unix.EAGAIN {
			if full++; full == 2 {
				for _, f := range q.v.frames[at:n] {
					q.p.c.lost(f, errno)
				}
				break
			}
		}
	}
	q.v.clear(n)
	q.p.c.txPackets.Add(packets)
	q.p.c.txBytes.Add(bytes)
	return sent, full
}
