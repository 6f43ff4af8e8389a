package ports

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"syscall"
	"time"

	mdl "github.com/mdlayher/netlink"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Event is a network device's state when it is new, changed or gone.
type Event struct {
	Name    string
	Ifindex int
	Status  Status // without speed and duplex, which the notification lacks
	Gone    bool   // no device of this name any more; Status is its last
	// Aside: somebody has begun or ended to watch the device, or changed what queues its
	// frames. Of that Status tells nothing.
	Aside bool

	promisc bool
}

// watchBuffer is the socket's receive buffer: the notifications of a thousand
// devices that appear at once fit in.
const watchBuffer = 4 << 20

// Watch calls fn for each network device that is there, then for each that
// appears, changes or goes, until ctx ends. It watches the network namespace
// of the calling thread at the time of the call and calls fn on the calling
// goroutine. A device that is renamed goes under its old name and appears under
// the new one. When the kernel's notifications overflow, all devices are read
// again and compared: every lasting change is reported, states that lasted only
// a moment may be missed.
//
// It returns ctx's error when ctx ends, else what went wrong.
func Watch(ctx context.Context, fn func(Event)) error {
	c, err := mdl.Dial(unix.NETLINK_ROUTE, &mdl.Config{Groups: unix.RTMGRP_LINK | rtmgrpTC})
	if err != nil {
		return fmt.Errorf("watching network devices: %w", err)
	}
	if err := c.SetReadBuffer(watchBuffer); err != nil {
		return errors.Join(fmt.Errorf("watching network devices: %w", err), c.Close())
	}
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return errors.Join(fmt.Errorf("watching network devices: %w", err), c.Close())
	}
	defer h.Close()
	stop := context.AfterFunc(ctx, func() {
		// Wakes Receive. Fails only on a closed socket, and then nobody waits.
		_ = c.SetReadDeadline(time.Unix(1, 0))
	})
	w := &watcher{known: make(map[int]Event), fn: fn, list: h.LinkList}
	err = w.run(&linkConn{c})
	stop()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if cerr := c.Close(); cerr != nil {
		err = errors.Join(err, cerr)
	}
	return err
}

// rtmgrpTC is the group of queueing disciplines (linux/rtnetlink.h); those that devices have from the
// beginning are not told.
const rtmgrpTC = 1 << (unix.RTNLGRP_TC - 1)

// linkSocket is where the watcher's notifications come from.
type linkSocket interface {
	// Receive waits for notifications; ENOBUFS: some were lost.
	Receive() ([]mdl.Message, error)
	// Drain throws away what waits.
	Drain() error
}

// linkConn is a netlink socket in the link group.
type linkConn struct{ *mdl.Conn }

// Drain implements linkSocket.
func (c *linkConn) Drain() error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var buf [1]byte // the rest of each message is thrown away
	var errno error
	err = raw.Read(func(fd uintptr) bool {
		for {
			switch _, _, errno = unix.Recvfrom(int(fd), buf[:], unix.MSG_DONTWAIT|unix.MSG_TRUNC); errno {
			case nil, unix.EINTR, unix.ENOBUFS:
			case unix.EAGAIN:
				errno = nil
				return true
			default:
				return true
			}
		}
	})
	return errors.Join(err, errno)
}

type watcher struct {
	known map[int]Event // by ifindex
	fn    func(Event)
	list  func() ([]netlink.Link, error)
}

func (w *watcher) run(s linkSocket) error {
	// Subscribed already: nothing falls between the list and the first
	// notification.
	if err := w.sync(); err != nil {
		return err
	}
	for {
		msgs, err := s.Receive()
		switch {
		case errors.Is(err, unix.ENOBUFS):
			// What still waits is older than what was lost. Applied after the
			// list it would bring back the past: throw it away.
			if err := s.Drain(); err != nil {
				return fmt.Errorf("watching network devices: %w", err)
			}
			if err := w.sync(); err != nil {
				return err
			}
			continue
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("watching network devices: %w", err)
		}
		for i := range msgs {
			if err := w.message(&msgs[i]); err != nil {
				return err
			}
		}
	}
}

// sync compares all devices with what is known.
func (w *watcher) sync() error {
	var links []netlink.Link
	var err error
	for range 10 {
		// A list that changed while it was read is not to be trusted for what
		// is gone.
		if links, err = w.list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return fmt.Errorf("listing network devices: %w", err)
	}
	whole := err == nil
	present := make(map[int]bool, len(links))
	for _, l := range links {
		present[l.Attrs().Index] = true
	}
	var gone []int
	for i := range w.known {
		if whole && !present[i] {
			gone = append(gone, i)
		}
	}
	// Those that went first: a name may have passed to another device.
	sort.Ints(gone)
	for _, i := range gone {
		w.remove(i)
	}
	for _, l := range links {
		w.update(l)
	}
	return nil
}

// message applies one notification.
func (w *watcher) message(m *mdl.Message) error {
	if m.Header.Type == unix.RTM_NEWQDISC || m.Header.Type == unix.RTM_DELQDISC {
		return w.queueing(m.Data)
	}
	if m.Header.Type != unix.RTM_NEWLINK && m.Header.Type != unix.RTM_DELLINK {
		return nil
	}
	if len(m.Data) < unix.SizeofIfInfomsg {
		return fmt.Errorf("watching network devices: notification of %d bytes", len(m.Data))
	}
	// A bridge sends link messages of its own family about its ports: RTM_DELLINK
	// there means "left the bridge".
	if m.Data[0] != syscall.AF_UNSPEC {
		return nil
	}
	if m.Header.Type == unix.RTM_DELLINK {
		w.remove(int(int32(native.Uint32(m.Data[4:]))))
		return nil
	}
	l, err := netlink.LinkDeserialize(nil, m.Data)
	if err != nil {
		return fmt.Errorf("watching network devices: notification not understood: %w", err)
	}
	w.update(l)
	return nil
}

func (w *watcher) update(l netlink.Link) {
	a := l.Attrs()
	e := Event{Name: a.Name, Ifindex: a.Index, Status: statusOf(a), promisc: a.Promisc > 0}
	old, ok := w.known[a.Index]
	if ok && reflect.DeepEqual(old, e) {
		return
	}
	if ok && old.Name != e.Name {
		w.remove(a.Index)
	}
	w.known[a.Index] = e
	e.Aside = ok && old.promisc != e.promisc
	w.fn(e)
}

// queueing tells that a device's queueing discipline has changed.
func (w *watcher) queueing(b []byte) error {
	if len(b) < sizeofTcmsg {
		return fmt.Errorf("watching network devices: notification of %d bytes", len(b))
	}
	if e, ok := w.known[int(int32(native.Uint32(b[4:])))]; ok {
		e.Aside = true
		w.fn(e)
	}
	return nil
}

// sizeofTcmsg is the size of struct tcmsg (linux/rtnetlink.h).
const sizeofTcmsg = 20

func (w *watcher) remove(ifindex int) {
	if e, ok := w.known[ifindex]; ok {
		delete(w.known, ifindex)
		e.Gone = true
		w.fn(e)
	}
}
