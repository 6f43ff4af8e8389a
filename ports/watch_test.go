package ports

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	mdl "github.com/mdlayher/netlink"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// script is a notification socket that plays what a test wrote.
type script struct {
	steps []func() ([]mdl.Message, error)
	drain func()
}

func (s *script) Receive() ([]mdl.Message, error) {
	if len(s.steps) == 0 {
		return nil, io.EOF
	}
	step := s.steps[0]
	s.steps = s.steps[1:]
	return step()
}

func (s *script) Drain() error { s.drain(); return nil }

func linkMessage(typ mdl.HeaderType, family byte, index int, name string, up bool) mdl.Message {
	b := make([]byte, unix.SizeofIfInfomsg)
	b[0] = family
	native.PutUint16(b[2:], unix.ARPHRD_ETHER)
	native.PutUint32(b[4:], uint32(index))
	if up {
		native.PutUint32(b[8:], unix.IFF_UP|unix.IFF_RUNNING)
	}
	attrs, err := mdl.MarshalAttributes([]mdl.Attribute{{Type: unix.IFLA_IFNAME, Data: append([]byte(name), 0)}})
	if err != nil {
		panic(err)
	}
	return mdl.Message{Header: mdl.Header{Type: typ}, Data: append(b, attrs...)}
}

func linkNamed(index int, name string, up bool) netlink.Link {
	d := &netlink.Dummy{}
	d.Index, d.Name = index, name
	if up {
		d.RawFlags = unix.IFF_UP | unix.IFF_RUNNING
	}
	return d
}

func TestWatcher(t *testing.T) {
	messages := func(m ...mdl.Message) func() ([]mdl.Message, error) {
		return func() ([]mdl.Message, error) { return m, nil }
	}
	fails := func(err error) func() ([]mdl.Message, error) {
		return func() ([]mdl.Message, error) { return nil, err }
	}
	eth := func(up bool) mdl.Message { return linkMessage(unix.RTM_NEWLINK, unix.AF_UNSPEC, 2, "eth0", up) }
	for _, tc := range []struct {
		name  string
		steps []func() ([]mdl.Message, error)
		lists [][]netlink.Link // one after the other
		errs  []error
		want  []string
	}{
		{"change and end", []func() ([]mdl.Message, error){messages(eth(true), linkMessage(unix.RTM_DELLINK, unix.AF_UNSPEC, 2, "eth0", true))},
			[][]netlink.Link{{linkNamed(2, "eth0", false)}}, nil, []string{"eth0 down", "eth0 up", "eth0 gone"}},
		{"nothing new", []func() ([]mdl.Message, error){messages(eth(true), eth(true))},
			[][]netlink.Link{{linkNamed(2, "eth0", true)}}, nil, []string{"eth0 up"}},
		{"leaves a bridge", []func() ([]mdl.Message, error){messages(linkMessage(unix.RTM_DELLINK, unix.AF_BRIDGE, 2, "eth0", true))},
			[][]netlink.Link{{linkNamed(2, "eth0", true)}}, nil, []string{"eth0 up"}},
		{"renamed", []func() ([]mdl.Message, error){messages(linkMessage(unix.RTM_NEWLINK, unix.AF_UNSPEC, 2, "lan", true))},
			[][]netlink.Link{{linkNamed(2, "eth0", true)}}, nil, []string{"eth0 up", "eth0 gone", "lan up"}},
		{"interrupted call", []func() ([]mdl.Message, error){fails(unix.EINTR), messages(eth(true))},
			[][]netlink.Link{{}}, nil, []string{"eth0 up"}},
		{"overflow", []func() ([]mdl.Message, error){fails(fmt.Errorf("receive: %w", unix.ENOBUFS))},
			[][]netlink.Link{{linkNamed(2, "eth0", true), linkNamed(3, "eth1", true)}, {linkNamed(3, "eth1", false), linkNamed(4, "eth2", true)}}, nil,
			[]string{"eth0 up", "eth1 up", "drained", "eth0 gone", "eth1 down", "eth2 up"}},
		{"overflow and the name is another device's", []func() ([]mdl.Message, error){fails(unix.ENOBUFS)},
			[][]netlink.Link{{linkNamed(2, "eth0", true)}, {linkNamed(9, "eth0", true)}}, nil,
			[]string{"eth0 up", "drained", "eth0 gone", "eth0 up"}},
		{"list changed while it was read", []func() ([]mdl.Message, error){fails(unix.ENOBUFS)},
			[][]netlink.Link{{linkNamed(2, "eth0", true)}, {}, {linkNamed(2, "eth0", true)}}, []error{nil, netlink.ErrDumpInterrupted, nil},
			[]string{"eth0 up", "drained"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			calls := 0
			w := &watcher{known: make(map[int]Event), fn: func(e Event) {
				state := "down"
				if e.Gone {
					state = "gone"
				} else if e.Status.AdminUp && e.Status.LinkUp {
					state = "up"
				}
				got = append(got, e.Name+" "+state)
			}, list: func() ([]netlink.Link, error) {
				var err error
				if calls < len(tc.errs) {
					err = tc.errs[calls]
				}
				calls++
				return tc.lists[calls-1], err
			}}
			err := w.run(&script{tc.steps, func() { got = append(got, "drained") }})
			if !errors.Is(err, io.EOF) {
				t.Errorf("ended with %v", err)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("events %q, want %q", got, tc.want)
			}
		})
	}
}

func TestWatcherShortMessage(t *testing.T) {
	w := &watcher{known: make(map[int]Event), fn: func(Event) {}}
	for _, typ := range []mdl.HeaderType{unix.RTM_NEWLINK, unix.RTM_NEWQDISC, unix.RTM_DELQDISC} {
		if err := w.message(&mdl.Message{Header: mdl.Header{Type: typ}, Data: []byte{0, 0}}); err == nil {
			t.Errorf("a cut notification of type %d is understood", typ)
		}
	}
}
