package ports

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"ofswitch/packet"
)

// txRing is a transmit ring (TPACKET_V2) with a socket of its own: a socket that has
// one sends nothing else. Frames are copied into slots, and one system call
// sends all of them.
//
// The virtio-net header of each says that the whole frame is header: then the
// kernel copies it into one piece, which is cheaper than any other way to send a
// small frame. Without that it would let the frame's pages hang on the slot.
type txRing struct {
	fd   int
	r    *packetRing
	head int // offset of the slot to fill next
	tail int // of the first that is filled and was not sent
}

// Where things lie in a transmit slot: the header, then what is sent.
const (
	txSlotVnet  = 32
	txSlotFrame = txSlotVnet + vnetLen

	txSlotBusy  = unix.TP_STATUS_SEND_REQUEST | unix.TP_STATUS_SENDING | unix.TP_STATUS_WRONG_FORMAT
	txSlotInput = unix.TP_STATUS_SEND_REQUEST | unix.TP_STATUS_WRONG_FORMAT // not taken by the kernel
)

const (
	// txRingBlocks is the size of a transmit ring, 78 ordinary frames: those that
	// are still on their way when it has gone round leave by sendmmsg.
	txRingBlocks = 2
	// txRingAfter is how many frames a queue sends before it gets a ring: making one
	// takes the kernel some 8 ms, and memory that a quiet port need not have.
	txRingAfter = 1024
)

// openTxRing makes a transmit ring of at least desc slots; 0: the usual number.
func (p *System) openTxRing(desc int) (*txRing, error) {
	fd, err := inNamespaceOf(p.dev.ctl, func() (int, error) {
		return unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	})
	if err != nil {
		return nil, fmt.Errorf("opening a raw socket: %w", err)
	}
	if err := p.setupTx(fd); err != nil {
		return nil, closing(fd, err)
	}
	r, err := openPacketRing(fd, unix.PACKET_TX_RING, int(p.mtu.Load()), desc, txRingBlocks)
	if err != nil {
		return nil, closing(fd, err)
	}
	return &txRing{fd: fd, r: r}, nil
}

func (t *txRing) close() error { return errors.Join(unix.Close(t.fd), t.r.close()) }

// makeRing gives q a ring. It may do so in the background: the thread that owns q
// goes on by sendmmsg until it finds the ring there.
func (q *systemTx) makeRing() {
	t, err := q.p.openTxRing(q.p.opt.TxDesc)
	if err != nil {
		q.p.opt.Logger.Warn("frames are sent without a packet ring", "port", q.p.dev.name, "reason", err)
		return
	}
	q.ring.Store(t)
}

// takes says whether f may go by the ring. What is longer than the MTU goes the
// other way, where the kernel refuses it: with a virtio-net header it does not
// look in a ring.
func (t *txRing) takes(f *packet.Frame, mtu int) bool {
	return f.Len() >= packet.EthernetLen && f.Len() <= t.r.slot-txSlotFrame && f.Offload.GSOType == packet.GSONone && fitsMTU(f.Bytes(), mtu)
}

// fill copies frames into slots up to the first that the ring does not take, and
// returns how many. full: there was no slot for the next.
func (t *txRing) fill(frames []*packet.Frame, mtu int) (n int, full bool) {
	for _, f := range frames {
		if !t.takes(f, mtu) {
			return n, false
		}
		if t.r.slotStatus(t.head)&txSlotBusy != 0 {
			return n, true
		}
		t.put(f)
		n++
	}
	return n, false
}

// put copies f into the slot at head, which is free, and hands it over.
func (t *txRing) put(f *packet.Frame) {
	s := t.r.mem[t.head : t.head+t.r.slot]
	b := f.Bytes()
	h := s[txSlotVnet:txSlotFrame]
	putVnet(h, f)
	native.PutUint16(h[2:], uint16(len(b)))
	copy(s[txSlotFrame:], b)
	native.PutUint32(s[tp2Len:], uint32(vnetLen+len(b)))
	t.r.setSlotStatus(t.head, unix.TP_STATUS_SEND_REQUEST)
	t.head = t.r.next(t.head)
}

// sent moves tail past the slots that the kernel has taken, of n that are filled,
// and returns how many.
func (t *txRing) sent(n int) (done int) {
	for ; done < n && t.r.slotStatus(t.tail)&txSlotInput == 0; done++ {
		t.tail = t.r.next(t.tail)
	}
	return done
}

// takeBack empties the n slots from tail on, which the kernel has not taken.
func (t *txRing) takeBack(n int) {
	at := t.tail
	for range n {
		t.r.setSlotStatus(at, unix.TP_STATUS_AVAILABLE)
		at = t.r.next(at)
	}
	t.head = t.tail
}

// byRing sends frames by the ring where it takes them, and those between by
// sendmmsg. Both have sent before they return, so the order stays.
func (q *systemTx) byRing(t *txRing, frames []*packet.Frame) (sent int) {
	if q.p.closed.Load() {
		return q.bySendmmsg(frames)
	}
	mtu := int(q.p.mtu.Load())
	for len(frames) > 0 {
		n, full := t.fill(frames, mtu)
		if n > 0 {
			s, stuck := q.flush(t, frames[:n])
			sent += s
			frames = frames[n:]
			if stuck {
				for _, f := range frames {
					q.p.c.lost(f, unix.EAGAIN)
				}
				return sent
			}
			continue
		}
		for n = 1; n < len(frames) && (full || !t.takes(frames[n], mtu)); n++ {
		}
		sent += q.bySendmmsg(frames[:n])
		frames = frames[n:]
	}
	return sent
}

// flush sends frames, which are in the ring's slots. One that fails is counted by
// its reason and skipped. stuck: the socket's buffer was full twice, and what
// remained was dropped, as in bySendmmsg.
func (q *systemTx) flush(t *txRing, frames []*packet.Frame) (sent int, stuck bool) {
	var packets, bytes uint64
	full := 0
	for len(frames) > 0 {
		_, errno := rawSend(t.fd)
		done := t.sent(len(frames))
		for _, f := range frames[:done] {
			packets, bytes = packets+1, bytes+uint64(f.Len())
		}
		sent, frames = sent+done, frames[done:]
		if len(frames) == 0 || done > 0 && (errno == 0 || errno == unix.EINTR) {
			continue
		}
		if errno == 0 {
			errno = unix.EAGAIN
		}
		t.takeBack(len(frames))
		if errno == unix.EAGAIN {
			if full++; full == 2 {
				for _, f := range frames {
					q.p.c.lost(f, errno)
				}
				break
			}
		}
		if errno != unix.EINTR {
			q.p.c.lost(frames[0], errno)
			frames = frames[1:]
		}
		for _, f := range frames {
			t.put(f)
		}
	}
	q.p.c.txPackets.Add(packets)
	q.p.c.txBytes.Add(bytes)
	return sent, full == 2
}
