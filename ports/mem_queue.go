package ports

import (
	"net"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

// memRx is a Mem's receive queue.
type memRx Mem

// FD is an eventfd, readable while frames wait.
func (q *memRx) FD() int { return q.efd }

// Rx lends up to a batch of frames in ring memory.
func (q *memRx) Rx(b *packet.Batch) (int, error) {
	m := (*Mem)(q)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return 0, net.ErrClosed
	case m.lent:
		panic("ports: second batch of a queue before the first was released")
	case m.downErr:
		m.downErr = false
		m.signal()
		return 0, unix.ENETDOWN
	}
	var packets, bytes uint64
	n := 0
	if len(m.replay) > 0 {
		for ; n < packet.BatchSize; n++ {
			s := &m.replay[m.replayN]
			if m.replayN++; m.replayN == len(m.replay) {
				m.replayN = 0
			}
			if m.restore {
				copy(s.buf[packet.Headroom:], s.orig)
			}
			s.lend(&b.Frames[n])
			packets, bytes = packets+s.packets, bytes+s.bytes
		}
	} else {
		for ; n < packet.BatchSize && m.next != m.tail; n++ {
			s := &m.ring[m.next%uint64(len(m.ring))]
			m.next++
			s.lend(&b.Frames[n])
			packets, bytes = packets+s.packets, bytes+s.bytes
		}
	}
	if n == 0 {
		return 0, nil
	}
	m.lent = true
	b.N, b.Lender = n, q
	m.c.rxPackets.Add(packets)
	m.c.rxBytes.Add(bytes)
	m.signal()
	return n, nil
}

func (s *memSlot) lend(f *packet.Frame) {
	f.Set(s.buf, packet.Headroom, s.end)
	f.Offload = s.offload
}

// Release takes the batch's slots back.
func (q *memRx) Release(*packet.Batch) {
	m := (*Mem)(q)
	m.mu.Lock()
	m.lent = false
	m.head = m.next
	m.mu.Unlock()
}

// memTx is a transmit handle of a Mem.
type memTx Mem

// Caps is what SetCaps or MemOptions said.
func (q *memTx) Caps() Caps {
	m := (*Mem)(q)
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.caps
}

// Close has nothing to free.
func (q *memTx) Close() error { return nil }

// Tx copies the frames to the peer's ring, or keeps copies for Sent.
func (q *memTx) Tx(frames []*packet.Frame) int {
	m := (*Mem)(q)
	m.mu.Lock()
	peer, caps, mtu := m.peer, m.caps, m.status.MTU
	up := m.status.AdminUp && m.status.LinkUp && !m.closed
	m.mu.Unlock()

	// The other end's lock, and never both: the peer may be sending to us.
	to := m
	if peer != nil {
		to = peer
	}
	to.mu.Lock()
	defer to.mu.Unlock()
	var packets, bytes uint64
	sent := 0
	for _, f := range frames {
		switch {
		case !up:
			m.c.lost(f, unix.ENETDOWN)
			continue
		case !caps.Takes(f, mtu):
			m.c.lost(f, unix.EINVAL)
			continue
		case !f.Offload.IsGSO() && !fitsMTU(f.Bytes(), mtu):
			m.c.lost(f, unix.EMSGSIZE)
			continue
		}
		p, n := wire(f)
		packets, bytes = packets+p, bytes+n
		sent++
		if peer != nil {
			peer.put(f.Bytes(), f)
		} else {
			m.capture(f)
		}
	}
	if peer != nil {
		peer.signal()
	}
	m.c.txPackets.Add(packets)
	m.c.txBytes.Add(bytes)
	return sent
}

func (m *Mem) capture(f *packet.Frame) {
	if m.sentMax <= 0 {
		return
	}
	if len(m.sent) >= m.sentMax {
		m.sentLost++
		return
	}
	c := packet.FromBytes(f.Bytes())
	c.Offload, c.InPort = f.Offload, f.InPort
	m.sent = append(m.sent, c)
}
