package bridge

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/flow"
	"ofswitch/internal/testutil"
	"ofswitch/ofconn"
	"ofswitch/ofp"
	"ofswitch/ofswitch"
	"ofswitch/packet"
	"ofswitch/ports"
)

// patience is how long this package waits for what must happen.
const patience = testutil.Patience

// rig is a switch with everything real but its ports, which are in memory: a
// datapath with threads, a bridge, its controllers' side on sockets. Frames run
// through it all the time in streams, each from one port to another.
//
//	stream 0: port 1 -> port 2     stream 1: port 3 -> port 4     storm: port 9 -> controllers
type rig struct {
	t       *testing.T
	dp      *ofswitch.Datapath
	of      *ofswitch.Bridge
	conn    *ofconn.Manager
	dir     string
	devices []*ports.Mem
	streams []*trickle
	storm   *ports.Mem
	closed  bool
}

// fillers are flow entries that only make replies long.
const fillers = 3000

func newRig(t *testing.T, workers int) *rig {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	dp, err := ofswitch.NewDatapath(ofswitch.Options{Workers: workers, MicroflowEntries: 1024, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	ev := &events{}
	of, err := dp.AddBridge("br0", ofswitch.BridgeOptions{DatapathID: 1, Controllers: ev})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, dp: dp, of: of, conn: ofconn.NewManager(of, ofconn.Options{Logger: log, OnFailOpen: of.SetFailOpen}), dir: socketDir(t)}
	t.Cleanup(r.close)
	ev.set(r.conn)
	r.conn.SetFailMode(ofconn.FailSecure)
	r.add(0, 0, "", apply(ofp.Output{Port: ofp.PortController, MaxLen: ofp.ControllerNoBuffer})) // the table-miss entry
	for i := range workers {
		in, out := ofp.PortNo(2*i+1), ofp.PortNo(2*i+2)
		s := &trickle{in: r.port(in), sink: ports.NewMemWith(fmt.Sprintf("sink%d", i), ports.MemOptions{Ring: 1024, Capture: -1}), cookie: uint64(in)}
		r.port(out).Wire(s.sink)
		r.devices = append(r.devices, s.sink)
		m := r.flowMod(0, 10, fmt.Sprintf("in_port=%d", in), ofp.Instructions{Has: 1 << ofp.InstrGotoTable, Goto: 1, Order: [6]uint8{ofp.InstrGotoTable}})
		r.must(of.FlowMod(m))
		m = r.flowMod(1, 10, fmt.Sprintf("in_port=%d,udp", in), apply(ofp.Output{Port: out}))
		m.Cookie = s.cookie
		r.must(of.FlowMod(m))
		r.streams = append(r.streams, s)
	}
	r.storm = r.port(9)
	for i := range fillers {
		r.add(100, uint16(i), fmt.Sprintf("eth_dst=02:00:00:00:%02x:%02x", i>>8, i&0xff), apply(ofp.Output{Port: 2}))
	}
	r.must(r.conn.SetListeners([]ofconn.Listener{{Target: "punix:" + r.path("mgmt"), Management: true}}))
	return r
}

// socketDir is a directory whose sockets have a path of at most 107 bytes.
func socketDir(t testing.TB) string {
	t.Helper()
	if dir := t.TempDir(); len(dir) < 80 {
		return dir
	}
	dir, err := os.MkdirTemp("", "ofs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

// port adds a port in memory to the bridge.
func (r *rig) port(no ofp.PortNo) *ports.Mem {
	r.t.Helper()
	m := ports.NewMemWith(fmt.Sprintf("p%d", no), ports.MemOptions{Ring: 1024, Capture: -1})
	r.devices = append(r.devices, m)
	r.must(r.of.AddPort(no, m))
	return m
}

func (r *rig) flowMod(table ofp.TableID, priority uint16, match string, ins ofp.Instructions) *ofp.FlowMod {
	r.t.Helper()
	m, err := flow.ParseMatch(match)
	r.must(err)
	return &ofp.FlowMod{
		Table: table, Command: ofp.FlowAdd, Priority: priority, Match: m, Instructions: ins,
		BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny,
	}
}

func (r *rig) add(table ofp.TableID, priority uint16, match string, ins ofp.Instructions) {
	r.t.Helper()
	r.must(r.of.FlowMod(r.flowMod(table, priority, match, ins)))
}

func apply(actions ...ofp.Action) ofp.Instructions {
	return ofp.Instructions{Has: 1 << ofp.InstrApplyActions, Apply: actions, Order: [6]uint8{ofp.InstrApplyActions}}
}

// close takes everything down and holds that nothing of it is left.
func (r *rig) close() {
	if r.closed {
		return
	}
	r.closed = true
	for _, s := range r.streams {
		if err := s.halt(); err != nil {
			r.t.Error(err)
		}
	}
	if err := r.conn.Close(); err != nil {
		r.t.Error(err)
	}
	if err := r.dp.RemoveBridge("br0"); err != nil {
		r.t.Error(err)
	}
	r.dp.Close()
	for _, m := range r.devices {
		if err := m.Close(); err != nil {
			r.t.Error(err)
		}
	}
	if _, err := os.Lstat(r.path("mgmt")); !errors.Is(err, os.ErrNotExist) {
		r.t.Errorf("the management socket is left: %v", err)
	}
}

// flows is the flow table without counters and ages.
func (r *rig) flows() (list []ofp.FlowStats, counts map[uint64]uint64) {
	r.t.Helper()
	counts = map[uint64]uint64{}
	r.must(r.of.FlowStats(&ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, func(s *ofp.FlowStats) error {
		e := *s
		counts[e.Cookie] += e.PacketCount
		e.PacketCount, e.ByteCount, e.DurationSec, e.DurationNsec, e.IdleAge, e.HardAge = 0, 0, 0, 0, 0, 0
		list = append(list, e)
		return nil
	}))
	return list, counts
}

// trickle sends numbered frames through the switch and counts them where they
// come out, never more in flight than every ring takes: whatever stands still
// for a while costs time, not frames.
type trickle struct {
	in, sink *ports.Mem // the switch's port; our end behind another one of its ports
	cookie   uint64     // of the entry that all its frames take

	passed atomic.Uint64 // frames that came out
	stop   atomic.Bool
	done   chan struct{} // closed when sent, err and worst are final
	sent   uint64
	err    error
	worst  time.Duration // gap between batches
}

// window is how many frames of a stream are in flight at most.
const window = 256

func (s *trickle) start() {
	s.done = make(chan struct{})
	go func() {
		defer close(s.done)
		s.err = s.run()
	}()
}

// halt stops sending and waits for what is in flight.
func (s *trickle) halt() error {
	if s.done == nil {
		return nil
	}
	s.stop.Store(true)
	<-s.done
	s.done = nil
	return s.err
}

// err1 is what went wrong so far.
func (s *trickle) err1() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

func (s *trickle) run() error {
	q := s.sink.RxQueues()[0]
	var batch packet.Batch
	var got uint64
	want := make([]byte, 1500)
	next := make([]byte, 1500)
	last := time.Now()
	for {
		stopping := s.stop.Load()
		for ; !stopping && s.sent-got < window; s.sent++ {
			if s.in.InjectBytes(numbered(next, s.sent)) != 1 {
				return fmt.Errorf("%s does not take frame %d with %d in flight", s.in.Name(), s.sent, s.sent-got)
			}
		}
		if stopping && s.sent == got {
			return nil
		}
		n, err := q.Rx(&batch)
		if err != nil {
			return err
		}
		now := time.Now()
		if n == 0 {
			if now.Sub(last) > patience {
				return fmt.Errorf("%s: no frame for %v, %d in flight, the next is frame %d", s.sink.Name(), patience, s.sent-got, got)
			}
			if _, err := unix.Poll([]unix.PollFd{{Fd: int32(q.FD()), Events: unix.POLLIN}}, 100); err != nil && !errors.Is(err, unix.EINTR) {
				return err
			}
			continue
		}
		s.worst = max(s.worst, now.Sub(last))
		last = now
		for i := range batch.Frames[:n] {
			if b := batch.Frames[i].Bytes(); !bytes.Equal(b, numbered(want, got)) {
				return fmt.Errorf("%s: frame %d of %d bytes came out where frame %d should: lost, reordered or changed: % x", s.sink.Name(), number(b), len(b), got, b[:min(len(b), 64)])
			}
			got++
		}
		batch.Release()
		s.passed.Store(got)
	}
}

// numbered writes frame n into b: UDP over IPv4 from one of 16 ports, of a
// length that changes, with the number behind the headers.
func numbered(b []byte, n uint64) []byte {
	b = b[:64+n*31%1400]
	copy(b, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0})
	ip := packet.IPv4(b[14:])
	ip[0], ip[1] = 0x45, 0
	ip.SetTotalLen(len(b) - 14)
	ip.SetTTL(64)
	ip.SetProto(packet.ProtoUDP)
	ip.SetSrc(0x0a000001)
	ip.SetDst(0x0a000002)
	ip.UpdateChecksum()
	u := packet.UDP(b[34:])
	u.SetSrcPort(uint16(1000 + n%16))
	u.SetDstPort(2000)
	u.SetLength(len(b) - 34)
	binary.BigEndian.PutUint64(b[42:], n)
	return b
}

func number(b []byte) uint64 {
	if len(b) < 50 {
		return 0
	}
	return binary.BigEndian.Uint64(b[42:])
}

// client is a well-behaved peer of the switch that asks and hears all along:
// an echo, then a flow-mod and a barrier, and the deletion and a barrier.
type client struct {
	nc     net.Conn
	table  ofp.TableID
	rounds atomic.Uint64
	pins   atomic.Uint64 // packet-ins heard
	done   chan struct{} // closed when err is final
	err    error
	once   sync.Once
}

func startClient(nc net.Conn, table ofp.TableID) *client {
	c := &client{nc: nc, table: table, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.err = c.run()
	}()
	return c
}

// stop ends the client.
func (c *client) stop() {
	c.once.Do(func() { c.nc.Close() })
	<-c.done
}

func (c *client) failed() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

func (c *client) run() error {
	var buf []byte
	// await reads up to the answer to xid, and answers probes on the way.
	await := func(xid uint32, want ofp.Type) ([]byte, error) {
		for {
			if err := c.nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
				return nil, err
			}
			h, msg, err := ofp.ReadMessage(c.nc, buf)
			if err != nil {
				return nil, fmt.Errorf("after %d rounds, waiting for %v: %w", c.rounds.Load(), want, err)
			}
			buf = msg
			switch {
			case h.Type == ofp.TypePacketIn:
				c.pins.Add(1)
			case h.Type == ofp.TypeEchoRequest:
				if _, err := c.nc.Write(ofp.Encode(h.XID, &ofp.EchoReply{Data: msg[ofp.HeaderLen:]})); err != nil {
					return nil, err
				}
			case h.Type == want && (h.XID == xid || want == ofp.TypeHello):
				return msg[ofp.HeaderLen:], nil
			default:
				return nil, fmt.Errorf("after %d rounds: %v in place of %v xid %#x", c.rounds.Load(), h, want, xid)
			}
		}
	}
	if _, err := c.nc.Write(ofp.Encode(1, &ofp.Hello{})); err != nil {
		return err
	}
	if _, err := await(0, ofp.TypeHello); err != nil {
		return err
	}
	mod := &ofp.FlowMod{
		Table: c.table, Priority: 7, Cookie: 1 << 40, Instructions: apply(ofp.Output{Port: 1}),
		BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny,
	}
	for xid := uint32(2); ; xid += 5 {
		echo := &ofp.EchoRequest{Data: binary.BigEndian.AppendUint32(nil, xid)}
		add, del := *mod, *mod
		add.Command, del.Command = ofp.FlowAdd, ofp.FlowDeleteStrict
		b := ofp.Encode(xid, echo)
		b = ofp.AppendMessage(b, xid+1, &add)
		b = ofp.AppendMessage(b, xid+2, &ofp.BarrierRequest{})
		b = ofp.AppendMessage(b, xid+3, &del)
		b = ofp.AppendMessage(b, xid+4, &ofp.BarrierRequest{})
		if _, err := c.nc.Write(b); err != nil {
			return err
		}
		if data, err := await(xid, ofp.TypeEchoReply); err != nil {
			return err
		} else if !bytes.Equal(data, echo.Data) {
			return fmt.Errorf("echo of % x came back as % x", echo.Data, data)
		}
		for _, barrier := range []uint32{xid + 2, xid + 4} {
			if _, err := await(barrier, ofp.TypeBarrierReply); err != nil {
				return err
			}
		}
		c.rounds.Add(1)
		time.Sleep(time.Millisecond) // leaves the processor to others; nothing depends on it
	}
}

// vitals are what must be back where it was.
type vitals struct {
	heap        uint64 // bytes alive
	goroutines  int
	descriptors int
}

func takeVitals(t *testing.T) vitals {
	t.Helper()
	runtime.GC()
	runtime.GC() // what finalizers and pools held goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return vitals{m.HeapAlloc, runtime.NumGoroutine(), len(fds)}
}

func (v vitals) String() string {
	return fmt.Sprintf("%.1f MiB, %d goroutines, %d descriptors", float64(v.heap)/(1<<20), v.goroutines, v.descriptors)
}

func sameFlows(t *testing.T, before, after []ofp.FlowStats) {
	t.Helper()
	if !reflect.DeepEqual(before, after) {
		t.Errorf("the flow table changed: %d entries before, %d after", len(before), len(after))
	}
}
