package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ofswitch/ofp"
)

// scripted gives a client at one end of a pipe and runs script at the other, as
// the switch. The pipe is closed when the script ends.
func scripted(t *testing.T, script func(nc net.Conn) error) *client {
	t.Helper()
	ours, theirs := net.Pipe()
	done := make(chan error, 1)
	go func() {
		err := script(theirs)
		theirs.Close()
		done <- err
	}()
	t.Cleanup(func() {
		ours.Close()
		if err := <-done; err != nil {
			t.Errorf("script: %v", err)
		}
	})
	return newClient(ours, "sw", 5*time.Second)
}

// expect reads one message of a type.
func expect(nc net.Conn, want ofp.Type) (ofp.Header, ofp.Message, error) {
	h, msg, err := ofp.ReadMessage(nc, nil)
	if err != nil {
		return h, nil, err
	}
	if h.Type != want {
		return h, nil, fmt.Errorf("got %v, want %v", h.Type, want)
	}
	m, err := ofp.Decode(h, msg[ofp.HeaderLen:])
	return h, m, err
}

func say(nc net.Conn, xid uint32, m ofp.Message) error {
	_, err := nc.Write(ofp.Encode(xid, m))
	return err
}

// rawHello is a hello of some version without a bitmap.
func rawHello(version uint8) []byte { return []byte{version, 0, 0, 8, 0, 0, 0, 1} }

func TestHandshake(t *testing.T) {
	for _, c := range []struct {
		name  string
		first []byte // what the switch says
		want  string // in the error; "": none
		reply ofp.Type
	}{
		{"1.3 with bitmap", ofp.Encode(1, &ofp.Hello{Versions: ofp.VersionBitmap(4)}), "", 0},
		{"1.3 without", rawHello(4), "", 0},
		{"1.5 without", rawHello(6), "", 0},
		{"1.0 and 1.3", ofp.Encode(1, &ofp.Hello{Versions: ofp.VersionBitmap(1, 4, 6)}), "", 0},
		{"1.0 only", rawHello(1), "the switch speaks OpenFlow 1.0 and perhaps older, ofctl speaks 1.3", ofp.TypeError},
		{"1.0 and 1.4", ofp.Encode(1, &ofp.Hello{Versions: ofp.VersionBitmap(1, 5)}), "the switch speaks OpenFlow 1.0, 1.4, ofctl speaks 1.3", ofp.TypeError},
		{"refused", ofp.Encode(1, &ofp.ErrorMsg{ErrType: ofp.ErrHelloFailed, Data: []byte("only 1.0 here")}), `OFPHFC_INCOMPATIBLE: "only 1.0 here"`, 0},
		{"other error", ofp.Encode(1, &ofp.ErrorMsg{ErrType: ofp.ErrBadRequest, Code: 1}), "OFPBRC_BAD_TYPE", 0},
		{"no hello", ofp.Encode(1, &ofp.BarrierReply{}), "began with OFPT_BARRIER_REPLY", 0},
		{"no OpenFlow", []byte("\x04\x00\x00\x03HTTP"), "no OpenFlow switch", 0},
		{"hangs up", nil, "closed the connection", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl := scripted(t, func(nc net.Conn) error {
				_, m, err := expect(nc, ofp.TypeHello)
				if err != nil {
					return err
				}
				if v := m.(*ofp.Hello).Versions; !slices.Equal(v, []uint32{1 << 4}) {
					return fmt.Errorf("hello offers %v", v)
				}
				if _, err := nc.Write(c.first); err != nil || c.reply == 0 {
					return err
				}
				_, _, err = expect(nc, c.reply)
				return err
			})
			err := cl.handshake()
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestAnswers: the answer is told by its transaction id among other messages, and
// echo requests in between are answered.
func TestAnswers(t *testing.T) {
	c := scripted(t, func(nc net.Conn) error {
		h, _, err := expect(nc, ofp.TypeFeaturesRequest)
		if err != nil {
			return err
		}
		if err := say(nc, h.XID+7, &ofp.FeaturesReply{DatapathID: 1}); err != nil {
			return err
		}
		if err := say(nc, 1234, &ofp.EchoRequest{Data: []byte("hey")}); err != nil {
			return err
		}
		eh, m, err := expect(nc, ofp.TypeEchoReply)
		if err != nil {
			return err
		}
		if r := m.(*ofp.EchoReply); eh.XID != 1234 || string(r.Data) != "hey" {
			return fmt.Errorf("echo reply %#x %q", eh.XID, r.Data)
		}
		if err := say(nc, 0, &ofp.PortStatus{}); err != nil {
			return err
		}
		if err := say(nc, h.XID, &ofp.FeaturesReply{DatapathID: 2}); err != nil {
			return err
		}
		h, _, err = expect(nc, ofp.TypeGetConfigRequest)
		if err != nil {
			return err
		}
		return say(nc, h.XID, &ofp.ErrorMsg{ErrType: ofp.ErrBadRequest, Code: 5})
	})
	_, m, err := c.request(&ofp.FeaturesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if f := m.(*ofp.FeaturesReply); f.DatapathID != 2 {
		t.Errorf("got the answer %+v, want that with datapath id 2", f)
	}
	_, _, err = c.request(&ofp.GetConfigRequest{})
	if e := (*ofp.ErrorMsg)(nil); !errors.As(err, &e) || e.ErrCode() != ofp.BadRequestEPerm {
		t.Errorf("got %v, want OFPBRC_EPERM", err)
	}
}

// TestMultipart: the parts of an answer come together, among other messages.
func TestMultipart(t *testing.T) {
	part := func(port ofp.PortNo, flags uint16) *ofp.MultipartReply {
		return &ofp.MultipartReply{Kind: ofp.MultipartPortDesc, Flags: flags, Entries: []ofp.MultipartBody{&ofp.PortDesc{Port: port}}}
	}
	c := scripted(t, func(nc net.Conn) error {
		h, _, err := expect(nc, ofp.TypeMultipartRequest)
		for _, m := range []ofp.Message{part(1, ofp.MultipartMore), part(2, ofp.MultipartMore), part(3, 0)} {
			err = errors.Join(err, say(nc, 0, &ofp.PortStatus{}), say(nc, h.XID, m))
		}
		h, _, err2 := expect(nc, ofp.TypeMultipartRequest)
		return errors.Join(err, err2, say(nc, h.XID, &ofp.MultipartReply{Kind: ofp.MultipartDesc, Entries: []ofp.MultipartBody{&ofp.Desc{}}}))
	})
	descs, err := entries[*ofp.PortDesc](c, ofp.MultipartPortDesc, nil)
	if err != nil || len(descs) != 3 || descs[0].Port != 1 || descs[2].Port != 3 {
		t.Errorf("got %v, %v; want ports 1 to 3", descs, err)
	}
	if _, err := entries[*ofp.PortDesc](c, ofp.MultipartPortDesc, nil); err == nil || !strings.Contains(err.Error(), "OFPMP_PORT_DESC") {
		t.Errorf("an answer of another kind: %v, want an error", err)
	}
}

// TestSilence: a switch that does not answer is given up, with the reason.
func TestSilence(t *testing.T) {
	release := make(chan struct{})
	c := scripted(t, func(nc net.Conn) error {
		_, _, err := expect(nc, ofp.TypeHello)
		<-release
		return err
	})
	if _, err := c.send(&ofp.Hello{}); err != nil {
		t.Fatal(err)
	}
	c.timeout = time.Millisecond
	_, _, err := c.read()
	close(release)
	if err == nil || !strings.Contains(err.Error(), "no answer within 1ms") {
		t.Errorf("got %v, want one that names the time", err)
	}
}

// TestTransactBothWays: a switch that answers every flow-mod at once, and reads no
// further until the answer is taken, does not bring the client to a halt.
func TestTransactBothWays(t *testing.T) {
	const n = 3*barrierEvery + 1
	c := scripted(t, func(nc net.Conn) error {
		for barriers := 0; barriers < 4; {
			h, msg, err := ofp.ReadMessage(nc, nil)
			if err != nil {
				return err
			}
			if h.Type == ofp.TypeBarrierRequest {
				barriers++
				err = say(nc, h.XID, &ofp.BarrierReply{})
			} else {
				err = say(nc, h.XID, ofp.ErrorFor(ofp.FlowModFailedTableFull.Errorf("full"), msg))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	msgs := make([]ofp.Message, n)
	for i := range msgs {
		msgs[i] = &ofp.FlowMod{}
	}
	refused, err := c.transact(msgs)
	if err != nil || len(refused) != n {
		t.Fatalf("%d refusals, %v; want %d", len(refused), err, n)
	}
	for i, r := range refused {
		if r.n != i || r.err.ErrCode() != ofp.FlowModFailedTableFull {
			t.Fatalf("refusal %d is of message %d: %v", i, r.n, r.err)
		}
	}
}

// TestDialErrors: the reason why there is no connection.
func TestDialErrors(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "old.mgmt")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for _, c := range []struct{ target, runDir, want string }{
		{"br7", dir, "there is no bridge of that name: " + dir + "/br7.mgmt does not exist; bridges there: old"},
		{"br7", t.TempDir(), "is ofswitchd running"},
		{"br7", filepath.Join(dir, "none"), "is ofswitchd running"},
		{"old", dir, "nobody listens on " + stale + " any more"},
		{"unix:" + dir + "/x", dir, "there is no such socket"},
		{dir + "/x", dir, "there is no such socket"},
		{"tcp:" + closed.Addr().String(), dir, "nobody listens on " + closed.Addr().String()},
		{dir + "/old.mgmt/x", dir, "not a directory"},
	} {
		status, out, errs := runOfctl("", "probe", c.target, "--run-dir", c.runDir)
		if status != exitFailure || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("probe %s: status %d, %q, %q; want %q", c.target, status, out, errs, c.want)
		}
	}
}

func TestParseTarget(t *testing.T) {
	for _, c := range []struct{ in, network, addr string }{
		{"br0", "unix", "/run/x/br0.mgmt"},
		{"unix:/a/b", "unix", "/a/b"},
		{"unix:b", "unix", "b"},
		{"./b", "unix", "./b"},
		{"tcp:10.0.0.1", "tcp", "10.0.0.1:6653"},
		{"tcp:10.0.0.1:6633", "tcp", "10.0.0.1:6633"},
		{"tcp:switch.example", "tcp", "switch.example:6653"},
		{"tcp:[::1]", "tcp", "[::1]:6653"},
		{"tcp:[::1]:1", "tcp", "[::1]:1"},
	} {
		got, err := parseTarget(c.in, common{RunDir: "/run/x"}, ".mgmt")
		if err != nil || got.network != c.network || got.addr != c.addr {
			t.Errorf("parseTarget(%q) = %s %s, %v; want %s %s", c.in, got.network, got.addr, err, c.network, c.addr)
		}
	}
	for _, s := range []string{"", "ssl:h", "foo:bar", "tcp:::1", "tcp:", "tcp:h:0"} {
		if got, err := parseTarget(s, common{RunDir: "/run/x"}, ".mgmt"); err == nil {
			t.Errorf("parseTarget(%q) = %+v, want an error", s, got)
		}
	}
}

// TestTCP: a switch behind TCP, with the environment's run directory.
func TestTCP(t *testing.T) {
	f := newFakeSwitch(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		f.serve(nc)
	}()
	defer func() {
		l.Close()
		<-done
	}()
	if out := f.ok("", "dump-desc", "tcp:"+l.Addr().String()); !strings.Contains(out, "Manufacturer: fake") {
		t.Errorf("got %q", out)
	}
	t.Setenv("OFSWITCH_RUNDIR", f.dir)
	var out, errs bytes.Buffer
	if status := (&env{in: os.Stdin, out: &out, err: &errs}).run([]string{"probe", "br0"}); status != exitOK {
		t.Errorf("probe with OFSWITCH_RUNDIR: status %d, %s", status, &errs)
	}
}
