package ofconn

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
)

// socketDir is a short directory, since t.TempDir may be too long for a socket.
func socketDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ofc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func dialPeer(t *testing.T, network, address string) *peer {
	t.Helper()
	nc, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return newPeer(t, nc)
}

func TestListen(t *testing.T) {
	path := socketDir(t) + "/br0.mgmt"
	m := newManager(t, &fakeSwitch{}, Options{})
	list := []Listener{{Target: "punix:" + path, Management: true}, {Target: "ptcp:0:127.0.0.1"}}
	if err := m.SetListeners(list); err != nil {
		t.Fatal(err)
	}
	s := m.Listeners()
	if len(s) != 2 || s[1].Address != path {
		t.Fatalf("listeners %+v", s)
	}
	tcp, tool := dialPeer(t, "tcp", s[0].Address), dialPeer(t, "unix", path)
	tcp.shake()
	tcp.alive()
	tool.shake()
	tool.alive()
	if m.Connected() != 0 {
		t.Error("who connects to us counts as a configured controller")
	}
	for _, c := range m.established() {
		if want := c.tool; (c.probe.Load() == 0) != want {
			t.Errorf("%s: probe interval %d", c.target, c.probe.Load())
		}
	}
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode().Perm()&0o007 != 0 {
		t.Errorf("everybody may connect to the socket: %v", st.Mode())
	}
	tool.send(1, &ofp.GetConfigRequest{})
	if c := tool.want(1, ofp.TypeGetConfigReply).(*ofp.GetConfigReply); c.MissSendLen != 0 {
		t.Errorf("a tool's miss_send_len is %d at first", c.MissSendLen)
	}

	// The same again changes nothing; without TCP its connections go.
	if err := m.SetListeners(list); err != nil {
		t.Fatal(err)
	}
	tcp.alive()
	if err := m.SetListeners(list[:1]); err != nil {
		t.Fatal(err)
	}
	tcp.wantClosed(nil)
	tool.alive()
	if _, err := net.Dial("tcp", s[0].Address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the address is still open: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	tool.wantClosed(nil)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

func TestListenUnixFiles(t *testing.T) {
	dir := socketDir(t)
	stale := filepath.Join(dir, "stale")
	ln, err := net.Listen("unix", stale)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = ln.Close()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	live := filepath.Join(dir, "live")
	other, err := net.Listen("unix", live)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()

	m := newManager(t, &fakeSwitch{}, Options{})
	err = m.SetListeners([]Listener{{Target: "punix:" + stale}, {Target: "punix:" + file}, {Target: "punix:" + live}, {Target: "pssl:x"}})
	if err == nil || !strings.Contains(err.Error(), "want a number") || !strings.Contains(err.Error(), "is no socket") || !strings.Contains(err.Error(), "another process listens") {
		t.Errorf("error %v", err)
	}
	p := dialPeer(t, "unix", stale) // the others do not keep the good one away
	p.shake()
	p.alive()
	if b, err := os.ReadFile(file); err != nil || string(b) != "precious" {
		t.Errorf("the file was touched: %q %v", b, err)
	}

	// Somebody put another socket in our place: it is not ours to remove.
	if err := os.Remove(stale); err != nil {
		t.Fatal(err)
	}
	successor, err := net.Listen("unix", stale)
	if err != nil {
		t.Fatal(err)
	}
	defer successor.Close()
	if err := m.SetListeners(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(stale); err != nil {
		t.Errorf("the successor's socket is gone: %v", err)
	}
}

func TestConnectionLimit(t *testing.T) {
	path := socketDir(t) + "/s"
	m := newManager(t, &fakeSwitch{}, Options{})
	if err := m.SetListeners([]Listener{{Target: "punix:" + path, MaxConns: 2}}); err != nil {
		t.Fatal(err)
	}
	a, b := dialPeer(t, "unix", path), dialPeer(t, "unix", path)
	a.shake()
	a.alive()
	b.shake()
	b.alive()
	dialPeer(t, "unix", path).wantClosed(nil)
	a.alive()
	_ = a.nc.Close()
	testutil.Wait(t, "a place to come free", func() bool { return m.Listeners()[0].Conns == 1 })
	c := dialPeer(t, "unix", path)
	c.shake()
	c.alive()
}

// TestDialsRealSockets joins a dialling manager to a listening peer over TCP
// and a Unix socket.
func TestDialsRealSockets(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		address, target := "127.0.0.1:0", ""
		if network == "unix" {
			address = socketDir(t) + "/controller"
		}
		ln, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		target = network + ":" + ln.Addr().String()
		m := newManager(t, &fakeSwitch{}, Options{})
		if err := m.SetControllers([]Controller{{Target: target}}); err != nil {
			t.Fatal(err)
		}
		nc, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		p := newPeer(t, nc)
		p.shake()
		p.alive()
		if m.Connected() != 1 {
			t.Errorf("%d connected", m.Connected())
		}
		if s := m.Status(); len(s) != 1 || s[0].Target != target || s[0].State != StateActive {
			t.Errorf("status %+v", s)
		}
		// Refused for good: the reason arrives whole, even with data unread.
		p.raw(append([]byte{4, 14, 0, 3, 0, 0, 0, 9}, make([]byte, 100_000)...))
		p.wantError(9, ofp.BadRequestBadLen, nil)
		p.wantClosed(nil)
		_ = nc.Close()
		_ = ln.Close()
	}
}

// TestHalfClosed: who sends its requests, closes its half and waits gets its
// answers.
func TestHalfClosed(t *testing.T) {
	path := socketDir(t) + "/s"
	m := newManager(t, &fakeSwitch{flows: 5000}, Options{})
	if err := m.SetListeners([]Listener{{Target: "punix:" + path}}); err != nil {
		t.Fatal(err)
	}
	p := dialPeer(t, "unix", path)
	p.shake()
	p.send(1, multipart(ofp.MultipartFlow, flowRequest()))
	p.send(2, &ofp.BarrierRequest{})
	if err := p.nc.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, _ := p.dump(1); n != 5000 {
		t.Errorf("%d entries", n)
	}
	p.want(2, ofp.TypeBarrierReply)
	p.wantClosed(nil)
}

// TestGoneButHeard: what a peer sent before it hung up counts, though nobody is
// there to take the answers.
func TestGoneButHeard(t *testing.T) {
	path := socketDir(t) + "/s"
	sw := &fakeSwitch{flows: 100_000}
	m := newManager(t, sw, Options{})
	if err := m.SetListeners([]Listener{{Target: "punix:" + path}}); err != nil {
		t.Fatal(err)
	}
	p := dialPeer(t, "unix", path)
	b := ofp.Encode(1, &ofp.Hello{})
	const n = 300
	for i := range uint32(n) {
		b = ofp.AppendMessage(b, i, flowMod(ofp.FlowAdd, 0))
		b = ofp.AppendMessage(b, i, &ofp.BarrierRequest{})
		if i%100 == 0 {
			b = ofp.AppendMessage(b, i, multipart(ofp.MultipartFlow, flowRequest()))
		}
	}
	p.raw(b)
	_ = p.nc.Close() // our hello unread
	testutil.Wait(t, "the connection to end", func() bool { return m.Listeners()[0].Conns == 0 && sw.count("FlowMod") > 0 })
	if got := sw.count("FlowMod"); got != n {
		t.Errorf("%d flow-mods of %d were taken", got, n)
	}
}
