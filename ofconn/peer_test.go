package ofconn

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"

	"ofswitch/ofp"
)

// fakeSwitch records what is called and answers as told.
type fakeSwitch struct {
	feed    sync.Mutex // held while changes are told; guards the next three
	watched bool
	version uint64
	entries []fakeEntry

	mu       sync.Mutex
	calls    []string
	frag     uint16
	flows    int                      // entries that FlowStats gives
	produced int                      // entries that it gave so far
	actions  int                      // actions of each entry
	refuse   map[string]error         // by method
	flowMods []*ofp.FlowMod           // accepted ones
	outs     []*ofp.PacketOut         // accepted ones, that have been sent
	deferred []*ofp.PacketOut         // accepted ones, that have not
	hook     func(method string)      // called without the lock
	ports    []ofp.PortDesc           // of PortDescs
	features func(*ofp.FeaturesReply) // nil: as they are
	// tablesSet is the last request for other table features.
	tablesSet ofp.TableFeaturesRequest
}

// fakeEntry is a flow entry that was made as of a version.
type fakeEntry struct {
	update      ofp.FlowUpdate
	made, added uint64
}

func (s *fakeSwitch) call(method string) error {
	s.mu.Lock()
	s.calls = append(s.calls, method)
	err := s.refuse[method]
	hook := s.hook
	s.mu.Unlock()
	if hook != nil {
		hook(method)
	}
	return err
}

func (s *fakeSwitch) Features() ofp.FeaturesReply {
	_ = s.call("Features")
	f := ofp.FeaturesReply{DatapathID: 0x1234, NumTables: ofp.NumTables, AuxiliaryID: 7, Capabilities: ofp.CapFlowStats | ofp.CapTableStats | ofp.CapPortStats}
	if s.features != nil {
		s.features(&f)
	}
	return f
}

func (s *fakeSwitch) Desc() ofp.Desc {
	return ofp.Desc{Mfr: "the ofswitch project", HW: "software", SW: "1.0", Serial: "none", DP: "br0"}
}

func (s *fakeSwitch) FragFlags() uint16 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frag
}

func (s *fakeSwitch) SetFragFlags(f uint16) error {
	if err := s.call("SetFragFlags"); err != nil {
		return err
	}
	if f == ofp.FragReasm {
		return ofp.SwitchConfigFailedBadFlags.Errorf("no reassembly")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frag = f
	return nil
}

func (s *fakeSwitch) FlowMod(f *ofp.FlowMod) error {
	if err := s.call("FlowMod"); err != nil {
		return err
	}
	if f.BufferID != ofp.NoBuffer && f.Command <= ofp.FlowModifyStrict {
		return ofp.BadRequestBufferUnknown.Errorf("buffer %#x", f.BufferID)
	}
	if f.Table > ofp.TableID(ofp.NumTables-1) && f.Command <= ofp.FlowModifyStrict {
		return ofp.FlowModFailedBadTableID.Errorf("table %d", f.Table)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := *f
	s.flowMods = append(s.flowMods, &kept)
	return nil
}

func (s *fakeSwitch) FlowMods(list []*ofp.FlowMod, errs []error) {
	for i, f := range list {
		errs[i] = s.FlowMod(f)
	}
}

func (s *fakeSwitch) PacketOut(p *ofp.PacketOut) error {
	if err := s.call("PacketOut"); err != nil {
		return err
	}
	if p.BufferID != ofp.NoBuffer {
		return ofp.BadRequestBufferUnknown.Errorf("buffer %#x", p.BufferID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushLocked()
	s.outs = append(s.outs, p)
	return nil
}

// DeferPacketOut keeps a packet-out from outs until the next one that is not deferred,
// or FlushPacketOuts.
func (s *fakeSwitch) DeferPacketOut(p *ofp.PacketOut) error {
	if err := s.call("DeferPacketOut"); err != nil {
		return err
	}
	if p.BufferID != ofp.NoBuffer {
		return ofp.BadRequestBufferUnknown.Errorf("buffer %#x", p.BufferID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deferred = append(s.deferred, p)
	return nil
}

func (s *fakeSwitch) FlushPacketOuts() {
	_ = s.call("FlushPacketOuts")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushLocked()
}

func (s *fakeSwitch) flushLocked() {
	s.outs = append(s.outs, s.deferred...)
	s.deferred = nil
}

func (s *fakeSwitch) PortMod(*ofp.PortMod) error   { return s.call("PortMod") }
func (s *fakeSwitch) TableMod(*ofp.TableMod) error { return s.call("TableMod") }
func (s *fakeSwitch) Barrier()                     { _ = s.call("Barrier") }

// WatchFlows keeps what it is asked for; tell (see monitor_test.go) brings changes.
func (s *fakeSwitch) WatchFlows(on bool, fn func(uint64)) {
	s.feed.Lock()
	defer s.feed.Unlock()
	s.watched = on
	fn(s.version)
}

// WatchAndList gives the entries there are.
func (s *fakeSwitch) WatchAndList(on bool, fn func(uint64) bool) ofp.FlowList {
	s.feed.Lock()
	defer s.feed.Unlock()
	s.watched = on
	to := s.version
	if !fn(to) {
		return nil
	}
	entries := slices.Clone(s.entries)
	return func(from uint64, fn func(*ofp.FlowUpdate) error) error {
		return s.list(entries, from, to, fn)
	}
}

// list gives the entries of the versions after from, up to to.
func (s *fakeSwitch) list(entries []fakeEntry, from, to uint64, fn func(*ofp.FlowUpdate) error) error {
	for _, e := range entries {
		if fn == nil {
			break
		}
		if e.made <= from || e.made > to {
			continue
		}
		u := e.update
		if e.added <= from {
			u.Event = ofp.FlowEventModified
		}
		if err := fn(&u); err != nil {
			return err
		}
	}
	return nil
}

func (s *fakeSwitch) CheckBundled(m ofp.Message) error {
	if f, ok := m.(*ofp.FlowMod); ok && f.Command <= ofp.FlowModifyStrict && f.Table > ofp.TableID(ofp.NumTables-1) {
		return ofp.FlowModFailedBadTableID.Errorf("table %d", f.Table)
	}
	return s.call("CheckBundled")
}

// Bundle takes the messages one by one, and none if one is refused.
func (s *fakeSwitch) Bundle(n int, message func(int) (ofp.Message, error)) (int, error) {
	if err := s.call("Bundle"); err != nil {
		return n - 1, err
	}
	var mods []*ofp.FlowMod
	for i := range n {
		m, err := message(i)
		if err != nil {
			return i, err
		}
		if f, ok := m.(*ofp.FlowMod); ok {
			if f.Cookie == 0xbad {
				return i, ofp.FlowModFailedOverlap.Errorf("as the test wants it")
			}
			mods = append(mods, f)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flowMods = append(s.flowMods, mods...)
	return -1, nil
}

func (s *fakeSwitch) FlowStats(_ *ofp.FlowStatsRequest, fn func(*ofp.FlowStats) error) error {
	if err := s.call("FlowStats"); err != nil {
		return err
	}
	s.mu.Lock()
	flows, actions := s.flows, s.actions
	s.mu.Unlock()
	f := ofp.FlowStats{Instructions: ofp.Instructions{Has: 1 << ofp.InstrApplyActions}}
	f.Instructions.Order[0] = ofp.InstrApplyActions
	for range actions {
		f.Instructions.Apply = append(f.Instructions.Apply, ofp.Output{Port: 1})
	}
	for i := range flows {
		f.Cookie = uint64(i)
		if err := fn(&f); err != nil {
			return err
		}
		s.mu.Lock()
		s.produced++
		s.mu.Unlock()
	}
	return nil
}

func (s *fakeSwitch) AggregateStats(*ofp.FlowStatsRequest) (ofp.AggregateStats, error) {
	return ofp.AggregateStats{FlowCount: 3}, s.call("AggregateStats")
}

func (s *fakeSwitch) TableStats(fn func(*ofp.TableStats) error) error {
	for i := range ofp.NumTables {
		if err := fn(&ofp.TableStats{Table: ofp.TableID(i)}); err != nil {
			return err
		}
	}
	return nil
}

// TableFeatures gives reports that are long enough to be split, with the
// properties that ovs-ofctl asks for.
func (s *fakeSwitch) TableFeatures(fn func(*ofp.TableFeatures) error) error {
	if err := s.call("TableFeatures"); err != nil {
		return err
	}
	next := make([]ofp.TableID, 1000)
	instructions := []ofp.FeatureID{{Type: ofp.InstrGotoTable}, {Type: ofp.InstrWriteMetadata}, {Type: ofp.InstrWriteActions}, {Type: ofp.InstrApplyActions}, {Type: ofp.InstrClearActions}}
	for i := range ofp.NumTables {
		f := &ofp.TableFeatures{Table: ofp.TableID(i), Properties: []ofp.TableProperty{
			{Type: ofp.TableInstructions, IDs: instructions}, {Type: ofp.TableNextTables, Tables: next}, {Type: ofp.TableWriteActions}, {Type: ofp.TableApplyActions},
			{Type: ofp.TableMatch}, {Type: ofp.TableWildcards}, {Type: ofp.TableWriteSetField}, {Type: ofp.TableApplySetField},
		}}
		if err := fn(f); err != nil {
			return err
		}
	}
	return nil
}

// SetTableFeatures keeps the request.
func (s *fakeSwitch) SetTableFeatures(r ofp.TableFeaturesRequest) error {
	if err := s.call("SetTableFeatures"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tablesSet = r
	return nil
}

func (s *fakeSwitch) PortStats(no ofp.PortNo, fn func(*ofp.PortStats) error) error {
	if no != ofp.PortAny && no != 1 {
		return ofp.BadRequestBadPort.Errorf("no port %d", no)
	}
	return fn(&ofp.PortStats{Port: 1})
}

func (s *fakeSwitch) PortDescs() []ofp.PortDesc {
	if s.ports != nil {
		return s.ports
	}
	return []ofp.PortDesc{{Port: 1, HWAddr: [6]byte{2, 0, 0, 0, 0, 1}, Name: "eth1"}, {Port: ofp.PortLocal, HWAddr: [6]byte{2, 0, 0, 0, 0, 2}, Name: "br0"}}
}

func (s *fakeSwitch) setRefusal(method string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse == nil {
		s.refuse = make(map[string]error)
	}
	s.refuse[method] = err
}

func (s *fakeSwitch) count(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if c == method {
			n++
		}
	}
	return n
}

// newManager makes a Manager that is closed at the end of the test.
func newManager(t testing.TB, sw Switch, o Options) *Manager {
	t.Helper()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m := NewManager(sw, o)
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// peer is the other end of a connection: a scripted controller or tool.
type peer struct {
	t    testing.TB
	nc   net.Conn
	r    *bufio.Reader
	c    *conn         // our end, if the test made it
	over chan struct{} // closed when c.run has returned
	err  error         // what c.run returned, once over is closed
}

// pipe runs a connection of m over a pipe and gives its other end.
func pipe(t testing.TB, m *Manager, o connOptions) *peer {
	t.Helper()
	ours, theirs := net.Pipe()
	return runConn(t, m, ours, theirs, o)
}

func runConn(t testing.TB, m *Manager, ours, theirs net.Conn, o connOptions) *peer {
	if o.target == "" {
		o.target = "tcp:192.0.2.1:6653"
	}
	p := newPeer(t, theirs)
	p.c = newConn(m, ours, o)
	p.over = make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(p.over)
		p.err = p.c.run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		_ = theirs.Close()
		<-p.over
	})
	return p
}

func newPeer(t testing.TB, nc net.Conn) *peer {
	return &peer{t: t, nc: nc, r: bufio.NewReaderSize(nc, 1<<17)}
}

// connected is a pipe past the handshake.
func connected(t testing.TB, m *Manager, o connOptions) *peer {
	t.Helper()
	p := pipe(t, m, o)
	p.shake()
	return p
}

// shake exchanges hellos, as ONOS does: the switch speaks first.
func (p *peer) shake() {
	p.t.Helper()
	h, msg := p.recv()
	hello, ok := msg.(*ofp.Hello)
	if !ok || h.Version != ofp.Version || len(hello.Versions) != 1 || hello.Versions[0] != 1<<1|1<<ofp.Version {
		p.t.Fatalf("the switch opened with %v %+v", h, msg)
	}
	p.send(1, &ofp.Hello{Versions: []uint32{0x72}})
}

func (p *peer) send(xid uint32, m ofp.Message) {
	p.t.Helper()
	p.raw(ofp.Encode(xid, m))
}

func (p *peer) raw(b []byte) {
	p.t.Helper()
	if _, err := p.nc.Write(b); err != nil {
		p.t.Fatalf("peer cannot write: %v", err)
	}
}

// recvRaw reads one message, header included.
func (p *peer) recvRaw() (ofp.Header, []byte, error) {
	h, msg, err := ofp.ReadMessage(p.r, nil)
	return h, msg, err
}

func (p *peer) recv() (ofp.Header, ofp.Message) {
	p.t.Helper()
	h, msg, err := p.recvRaw()
	if err != nil {
		p.t.Fatalf("peer cannot read: %v", err)
	}
	m, err := ofp.Decode(h, msg[ofp.HeaderLen:])
	if err != nil {
		p.t.Fatalf("the switch sent %v, which is wrong: %v", h, err)
	}
	return h, m
}

// want reads one message and checks its transaction id and type.
func (p *peer) want(xid uint32, typ ofp.Type) ofp.Message {
	p.t.Helper()
	h, m := p.recv()
	if h.XID != xid || h.Type != typ {
		if e, ok := m.(*ofp.ErrorMsg); ok {
			p.t.Fatalf("got error %v, want %v with xid %#x", e.ErrCode(), typ, xid)
		}
		p.t.Fatalf("got %v, want %v with xid %#x", h, typ, xid)
	}
	return m
}

// wantError reads one message and checks that it is this refusal of request.
func (p *peer) wantError(xid uint32, code ofp.Code, request []byte) {
	p.t.Helper()
	e := p.want(xid, ofp.TypeError).(*ofp.ErrorMsg)
	if e.ErrCode() != code {
		p.t.Errorf("got error %v, want %v", e.ErrCode(), code)
	}
	if request == nil {
		return
	}
	if least := min(len(request), 64); len(e.Data) < least {
		p.t.Errorf("the error holds %d bytes of the request, want %d at least", len(e.Data), least)
	}
	for i := range e.Data {
		if i >= len(request) || e.Data[i] != request[i] {
			p.t.Errorf("the error's data differ from the request at byte %d", i)
			break
		}
	}
}

// ask sends a message and wants it refused.
func (p *peer) wantRefused(xid uint32, m ofp.Message, code ofp.Code) {
	p.t.Helper()
	b := ofp.Encode(xid, m)
	p.raw(b)
	p.wantError(xid, code, b)
}

// alive checks that the connection answers, and has nothing else to say first.
func (p *peer) alive() {
	p.t.Helper()
	p.send(0xec40, &ofp.EchoRequest{Data: []byte("alive?")})
	if m := p.want(0xec40, ofp.TypeEchoReply).(*ofp.EchoReply); string(m.Data) != "alive?" {
		p.t.Fatalf("echo gave %q", m.Data)
	}
}

// settle takes everything that was queued for this connection before the call.
func (p *peer) settle(fn func(ofp.Message)) {
	p.t.Helper()
	// A reply is written before the packet-ins that wait at the same time, so
	// all is over when nothing came between two replies.
	for round, quiet := uint32(0), false; round < 2 || !quiet; round++ {
		quiet = true
		p.send(round, &ofp.BarrierRequest{})
		for {
			_, m := p.recv()
			if m.Type() == ofp.TypeBarrierReply {
				break
			}
			quiet = false
			fn(m)
		}
	}
}

// wantClosed checks that the switch says nothing more, closes, and why.
func (p *peer) wantClosed(reason error) {
	p.t.Helper()
	if h, _, err := p.recvRaw(); err == nil {
		p.t.Errorf("got %v, want the end of the connection", h)
	} else if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
		p.t.Errorf("the connection ends by %v", err)
	}
	if p.over != nil {
		<-p.over
		if reason != nil && !errors.Is(p.err, reason) {
			p.t.Errorf("the connection ended because: %v; want: %v", p.err, reason)
		}
	}
}
