package ofconn

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
)

func newSnoop(t *testing.T) (*Snoop, string, *testutil.Output) {
	t.Helper()
	log := &testutil.Output{}
	s := NewSnoop(slog.New(slog.NewTextHandler(log, nil)))
	path := filepath.Join(t.TempDir(), "br0.snoop")
	if err := s.Listen(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, path, log
}

// listenIn connects to a snoop socket as ovs-ofctl does, and returns when messages
// come.
func listenIn(t *testing.T, s *Snoop, path string, version uint8) *peer {
	t.Helper()
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	p := newPeer(t, nc)
	h, m := p.recv()
	hello, ok := m.(*ofp.Hello)
	if !ok || len(hello.Versions) != 1 || hello.Versions[0] != 0x7e {
		t.Fatalf("%v %v", h, m)
	}
	p.raw([]byte{version, 0, 0, 8, 0, 0, 0, 1})
	testutil.Eventually(t, "who listens is ready", func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.clients {
			if !c.ready {
				return errors.New("no hello yet")
			}
		}
		return nil
	})
	return p
}

// TestSnoopSocket: who listens gets every message of controllers, both ways and in their
// order, and none of tools.
func TestSnoopSocket(t *testing.T) {
	s, path, _ := newSnoop(t)
	m := newManager(t, &fakeSwitch{}, Options{Snoop: s.Copy})
	one := listenIn(t, s, path, 1)
	controller := connected(t, m, connOptions{})
	two := listenIn(t, s, path, 6)
	tool := connected(t, m, connOptions{management: true})
	tool.alive()
	controller.send(5, &ofp.BarrierRequest{})
	controller.want(5, ofp.TypeBarrierReply)
	m.PortStatus(&ofp.PortStatus{})
	for _, p := range []*peer{one, two} {
		got := ""
		for !strings.HasSuffix(got, "OFPT_PORT_STATUS 0 ") {
			h, _ := p.recv()
			if h.Type != ofp.TypeHello {
				got += h.Type.String() + " " + string(rune('0'+h.XID)) + " "
			}
		}
		if want := "OFPT_BARRIER_REQUEST 5 OFPT_BARRIER_REPLY 5 OFPT_PORT_STATUS 0 "; got != want {
			t.Errorf("heard %s, want %s", got, want)
		}
	}
}

// TestSnoopNeverBlocks: one who does not read misses messages, of which the log
// speaks once, and costs no more than the bound; others miss none.
func TestSnoopNeverBlocks(t *testing.T) {
	s, path, log := newSnoop(t)
	listenIn(t, s, path, 4)
	msg := ofp.Encode(1, &ofp.EchoRequest{Data: make([]byte, 60000)})
	for range 4 * snoopBudget / len(msg) {
		s.Copy("", true, msg)
	}
	if log.Count("reads too slowly") == 0 {
		t.Error("the log says nothing")
	}
	s.mu.Lock()
	for c := range s.clients {
		if c.bytes > snoopBudget || c.lost == 0 {
			t.Errorf("%d bytes wait, %d messages were left out", c.bytes, c.lost)
		}
	}
	s.mu.Unlock()
}

// TestSnoopIsBounded: so many may listen, and those who say no hello hear nothing; at
// the end the socket is gone.
func TestSnoopIsBounded(t *testing.T) {
	s, path, _ := newSnoop(t)
	for range maxSnoops {
		listenIn(t, s, path, 4)
	}
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if n, err := nc.Read(make([]byte, 10)); err == nil {
		t.Errorf("one more is sent %d bytes", n)
	}
	if err := s.Listen(path); err != nil {
		t.Errorf("listening again at the same place: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
	if s.some.Load() {
		t.Error("there are clients after the end")
	}
}
