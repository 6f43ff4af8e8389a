package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// fakeSwitch is an OpenFlow 1.3 switch in a test: it has ports and a flow table
// that does as it is told, and remembers what it was sent.
type fakeSwitch struct {
	t    *testing.T
	dir  string // run directory; the bridge is br0
	sock string

	mu    sync.Mutex
	flows []*ofp.FlowMod
	got   []ofp.Message // all but hellos
	// refuse, if set, gives the error that answers a flow-mod; nil: none.
	refuse func(*ofp.FlowMod) *ofp.Error
	// after, if set, is called after each message has been handled.
	after func(nc net.Conn, m ofp.Message)
	ports []ofp.PortDesc
	newer
}

// newFakeSwitch starts a switch with the ports p1 (1), p2 (2) and LOCAL.
func newFakeSwitch(t *testing.T) *fakeSwitch {
	t.Helper()
	f := &fakeSwitch{t: t, dir: t.TempDir()}
	f.sock = filepath.Join(f.dir, "br0.mgmt")
	for i, name := range []string{"p1", "p2"} {
		f.ports = append(f.ports, ofp.PortDesc{Port: ofp.PortNo(i + 1), Name: name, HWAddr: [6]byte{2, 0, 0, 0, 0, byte(i + 1)}, State: ofp.PortStateLive})
	}
	f.ports = append(f.ports, ofp.PortDesc{Port: ofp.PortLocal, Name: "br0", HWAddr: [6]byte{2, 0, 0, 0, 0, 0xff}})
	serve(t, f.sock, f.serve)
	return f
}

// serve listens on a Unix socket and gives each connection to fn, until the test
// ends.
func serve(t *testing.T, sock string, fn func(net.Conn)) {
	t.Helper()
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, nc)
			mu.Unlock()
			wg.Add(1)
			go func() {
				defer wg.Done()
				defer nc.Close()
				fn(nc)
			}()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, nc := range conns {
			nc.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
}

func (f *fakeSwitch) serve(nc net.Conn) {
	r := bufio.NewReader(nc)
	f.write(nc, 0x99, &ofp.Hello{Versions: ofp.VersionBitmap(1, ofp.Version)})
	for {
		h, msg, err := ofp.ReadMessage(r, nil)
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
				f.t.Errorf("fake switch: %v", err)
			}
			return
		}
		m, err := ofp.Decode(h, msg[ofp.HeaderLen:])
		if err != nil {
			f.write(nc, h.XID, ofp.ErrorFor(err, msg))
			continue
		}
		if h.Type == ofp.TypeHello {
			continue
		}
		f.handle(nc, h, msg, m)
	}
}

func (f *fakeSwitch) write(nc net.Conn, xid uint32, m ofp.Message) {
	if _, err := nc.Write(ofp.Encode(xid, m)); err != nil && !errors.Is(err, net.ErrClosed) {
		f.t.Logf("fake switch: %v", err)
	}
}

func (f *fakeSwitch) handle(nc net.Conn, h ofp.Header, msg []byte, m ofp.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got = append(f.got, m)
	switch m := m.(type) {
	case *ofp.EchoRequest:
		f.write(nc, h.XID, &ofp.EchoReply{Data: m.Data})
	case *ofp.FeaturesRequest:
		f.write(nc, h.XID, &ofp.FeaturesReply{DatapathID: 1, NumTables: 254, Capabilities: ofp.CapFlowStats | ofp.CapPortStats})
	case *ofp.GetConfigRequest:
		f.write(nc, h.XID, &ofp.GetConfigReply{Flags: f.frags, MissSendLen: 128})
	case *ofp.BarrierRequest:
		f.write(nc, h.XID, &ofp.BarrierReply{})
	case *ofp.FlowMod:
		if f.refuse != nil {
			if err := f.refuse(m); err != nil {
				f.write(nc, h.XID, ofp.ErrorFor(err, msg))
				break
			}
		}
		f.flowMod(m)
	case *ofp.PortMod:
		if m.Port != ofp.PortLocal && m.HWAddr != f.ports[m.Port-1].HWAddr {
			f.write(nc, h.XID, ofp.ErrorFor(ofp.PortModFailedBadHWAddr.Errorf("address"), msg))
		}
	case *ofp.MultipartRequest:
		f.multipart(nc, h.XID, msg, m)
	default:
		f.handleNewer(nc, h, msg, m)
	}
	if f.after != nil {
		f.after(nc, m)
	}
}

func (f *fakeSwitch) flowMod(m *ofp.FlowMod) {
	same := func(e *ofp.FlowMod) bool {
		return e.Table == m.Table && e.Priority == m.Priority && e.Match == m.Match
	}
	switch m.Command {
	case ofp.FlowAdd:
		f.flows = append(slices.DeleteFunc(f.flows, same), m)
	case ofp.FlowModify:
		for _, e := range f.flows {
			if e.Table == m.Table && m.Match.Covers(&e.Match) {
				e.Instructions = m.Instructions
			}
		}
	case ofp.FlowDelete:
		f.flows = slices.DeleteFunc(f.flows, func(e *ofp.FlowMod) bool {
			return (m.Table == ofp.TableAll || e.Table == m.Table) && m.Match.Covers(&e.Match)
		})
	case ofp.FlowDeleteStrict:
		f.flows = slices.DeleteFunc(f.flows, func(e *ofp.FlowMod) bool {
			return (m.Table == ofp.TableAll || e.Table == m.Table) && e.Priority == m.Priority && e.Match == m.Match
		})
	}
}

// multipart answers statistics requests, flows three to a message.
func (f *fakeSwitch) multipart(nc net.Conn, xid uint32, msg []byte, m *ofp.MultipartRequest) {
	r := &ofp.MultipartReply{Kind: m.Kind}
	switch m.Kind {
	case ofp.MultipartDesc:
		r.Entries = append(r.Entries, &ofp.Desc{Mfr: "fake", HW: "none", SW: "1", Serial: "2", DP: "br0"})
	case ofp.MultipartTable:
		for i := range 3 {
			r.Entries = append(r.Entries, &ofp.TableStats{Table: ofp.TableID(i)})
		}
	case ofp.MultipartPortDesc:
		for i := range f.ports {
			r.Entries = append(r.Entries, &f.ports[i])
		}
	case ofp.MultipartPortStats:
		want := m.Body.(*ofp.PortStatsRequest).Port
		for _, p := range f.ports {
			if want == ofp.PortAny || want == p.Port {
				r.Entries = append(r.Entries, &ofp.PortStats{Port: p.Port, RxPackets: 7, DurationSec: 3})
			}
		}
		if len(r.Entries) == 0 {
			f.write(nc, xid, ofp.ErrorFor(ofp.BadRequestBadPort.Errorf("no port"), msg))
			return
		}
	case ofp.MultipartAggregate:
		r.Entries = append(r.Entries, &ofp.AggregateStats{FlowCount: uint32(len(f.selected(m)))})
	case ofp.MultipartFlow:
		flows := f.selected(m)
		for len(flows) > 3 {
			f.write(nc, xid, &ofp.MultipartReply{Kind: m.Kind, Flags: ofp.MultipartMore, Entries: flows[:3]})
			flows = flows[3:]
		}
		r.Entries = flows
	default:
		if !f.multipartNewer(nc, xid, msg, m, r) {
			return
		}
	}
	f.write(nc, xid, r)
}

func (f *fakeSwitch) selected(m *ofp.MultipartRequest) (list []ofp.MultipartBody) {
	req := m.Body.(*ofp.FlowStatsRequest)
	for _, e := range f.flows {
		if (req.Table == ofp.TableAll || req.Table == e.Table) && e.Cookie&req.CookieMask == req.Cookie&req.CookieMask && req.Match.Covers(&e.Match) {
			list = append(list, &ofp.FlowStats{
				Table: e.Table, Priority: e.Priority, Cookie: e.Cookie, IdleTimeout: e.IdleTimeout, HardTimeout: e.HardTimeout,
				Flags: e.Flags, Match: e.Match, Instructions: e.Instructions, DurationSec: 5, PacketCount: 2, ByteCount: 200,
			})
		}
	}
	return list
}

// flowMods are the flow-mods that the switch was sent.
func (f *fakeSwitch) flowMods() (list []*ofp.FlowMod) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.got {
		if fm, ok := m.(*ofp.FlowMod); ok {
			list = append(list, fm)
		}
	}
	return list
}

// table gives the flows that the switch has.
func (f *fakeSwitch) table() []*ofp.FlowMod {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.flows)
}

// ofctl runs a command line with the fake switch's run directory.
func (f *fakeSwitch) ofctl(stdin string, args ...string) (status int, out, errs string) {
	return runOfctl(stdin, append([]string{"--run-dir", f.dir, "-T5"}, args...)...)
}

func runOfctl(stdin string, args ...string) (status int, out, errs string) {
	var o, e bytes.Buffer
	status = (&env{in: strings.NewReader(stdin), out: &o, err: &e}).run(args)
	return status, o.String(), e.String()
}

// ok runs a command line that must succeed, and returns what it printed.
func (f *fakeSwitch) ok(stdin string, args ...string) string {
	f.t.Helper()
	status, out, errs := f.ofctl(stdin, args...)
	if status != exitOK || errs != "" {
		f.t.Fatalf("ofctl %q: status %d: %s", args, status, errs)
	}
	return out
}

// fails runs a command line that must fail with all of want in its message and
// nothing on the output.
func (f *fakeSwitch) fails(args []string, want ...string) string {
	f.t.Helper()
	status, out, errs := f.ofctl("", args...)
	if status != exitFailure || out != "" {
		f.t.Errorf("ofctl %q: status %d, output %q; want status %d and none", args, status, out, exitFailure)
	}
	for _, w := range want {
		if !strings.Contains(errs, w) {
			f.t.Errorf("ofctl %q: message %q, want %q in it", args, errs, w)
		}
	}
	return errs
}

func match(t *testing.T, s string) flow.Match {
	t.Helper()
	m, err := flow.ParseMatch(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
