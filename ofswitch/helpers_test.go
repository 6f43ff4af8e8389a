package ofswitch

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
	"ofswitch/ports"
)

// recorder is what a controller would hear.
type recorder struct {
	mu      sync.Mutex
	ins     []PacketIn
	removed []*ofp.FlowRemoved
	ports   []*ofp.PortStatus
	flows   []FlowChange
}

func (r *recorder) PacketIns(list []PacketIn) {
	r.mu.Lock()
	r.ins = append(r.ins, list...)
	r.mu.Unlock()
}

func (r *recorder) FlowRemoved(m *ofp.FlowRemoved) {
	r.mu.Lock()
	r.removed = append(r.removed, m)
	r.mu.Unlock()
}

func (r *recorder) PortStatus(m *ofp.PortStatus) {
	r.mu.Lock()
	r.ports = append(r.ports, m)
	r.mu.Unlock()
}

func (r *recorder) FlowsChanged(_ uint64, list []FlowChange) {
	r.mu.Lock()
	r.flows = append(r.flows, list...)
	r.mu.Unlock()
}

func (r *recorder) takeIns() []PacketIn {
	r.mu.Lock()
	defer r.mu.Unlock()
	in := r.ins
	r.ins = nil
	return in
}

// lab is a datapath without threads, whose clock stands still until it is
// moved, with one bridge and n ports in memory numbered from 1.
type lab struct {
	t     testing.TB
	d     *Datapath
	b     *Bridge
	rec   *recorder
	ports []*ports.Mem // index 0: port 1
	now   atomic.Int64
}

func newLab(t testing.TB, n int, change ...func(*Options)) *lab {
	t.Helper()
	l := &lab{t: t, rec: &recorder{}}
	l.now.Store(1)
	o := Options{Manual: true, Clock: l.now.Load, MicroflowEntries: 1024, MegaflowEntries: 1024}
	for _, c := range change {
		c(&o)
	}
	d, err := NewDatapath(o)
	if err != nil {
		t.Fatal(err)
	}
	l.d = d
	t.Cleanup(d.Close)
	l.b, err = d.AddBridge("br0", BridgeOptions{DatapathID: 1, Controllers: l.rec})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		l.addPort(l.b, ofp.PortNo(i+1))
	}
	return l
}

// addPort gives b a port in memory, and returns it.
func (l *lab) addPort(b *Bridge, no ofp.PortNo) *ports.Mem {
	l.t.Helper()
	m := ports.NewMem(b.name + "p" + string(rune('a'+no%26)) + string(rune('a'+len(l.ports)%26)))
	if err := b.AddPort(no, m); err != nil {
		l.t.Fatal(err)
	}
	if b == l.b {
		l.ports = append(l.ports, m)
	}
	l.t.Cleanup(func() {
		if b.conf.Load().ports[no] != nil && b.conf.Load().ports[no].dev == ports.Port(m) {
			if err := b.RemovePort(no); err != nil {
				l.t.Error(err)
			}
		}
		if err := m.Close(); err != nil {
			l.t.Error(err)
		}
	})
	return m
}

// send lets frames in at a port and runs the switch.
func (l *lab) send(no int, frames ...[]byte) {
	l.t.Helper()
	if n := l.ports[no-1].InjectBytes(frames...); n != len(frames) {
		l.t.Fatalf("port %d took %d of %d frames", no, n, len(frames))
	}
	for l.d.Poll() > 0 {
	}
}

// sent is what came out of a port since the last call.
func (l *lab) sent(no int) [][]byte {
	var out [][]byte
	for _, f := range l.ports[no-1].Sent() {
		out = append(out, f.Bytes())
	}
	return out
}

// add adds a flow entry to b.
func (l *lab) add(m *ofp.FlowMod) {
	l.t.Helper()
	if err := l.b.FlowMod(m); err != nil {
		l.t.Fatal(err)
	}
}

// flowMod is an add of a match in ovs-ofctl's text, with instructions.
func flowMod(t testing.TB, table ofp.TableID, priority uint16, match string, ins ofp.Instructions) *ofp.FlowMod {
	t.Helper()
	m, err := flow.ParseMatch(match)
	if err != nil {
		t.Fatal(err)
	}
	return &ofp.FlowMod{
		Table: table, Command: ofp.FlowAdd, Priority: priority, Match: m, Instructions: ins,
		BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny,
	}
}

// apply is apply-actions.
func apply(actions ...ofp.Action) ofp.Instructions {
	return ofp.Instructions{Has: 1 << ofp.InstrApplyActions, Apply: actions, Order: [6]uint8{ofp.InstrApplyActions}}
}

// write is write-actions.
func write(actions ...ofp.Action) ofp.Instructions {
	return ofp.Instructions{Has: 1 << ofp.InstrWriteActions, Write: actions, Order: [6]uint8{ofp.InstrWriteActions}}
}

// then adds goto-table.
func then(ins ofp.Instructions, table ofp.TableID) ofp.Instructions {
	ins.Has |= 1 << ofp.InstrGotoTable
	ins.Goto = table
	for i, o := range ins.Order {
		if o == 0 {
			ins.Order[i] = ofp.InstrGotoTable
			break
		}
	}
	return ins
}

func output(no ofp.PortNo) ofp.Action { return ofp.Output{Port: no, MaxLen: ofp.ControllerNoBuffer} }

func set(id flow.ID, v uint64) ofp.Action {
	return ofp.SetField{Field: id, Value: flow.Value{Lo: v}}
}

// counts gives packets and bytes of the entries of b, by cookie.
func counts(t testing.TB, b *Bridge) map[uint64][2]uint64 {
	t.Helper()
	all := map[uint64][2]uint64{}
	err := b.FlowStats(&ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, func(s *ofp.FlowStats) error {
		all[s.Cookie] = [2]uint64{s.PacketCount, s.ByteCount}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// udp is an Ethernet, IPv4, UDP frame of 64 bytes with right checksums.
func udp(src, dst byte, sport, dport uint16) []byte {
	b := make([]byte, 64)
	copy(b, []byte{2, 0, 0, 0, 0, dst, 2, 0, 0, 0, 0, src, 8, 0})
	ip := packet.IPv4(b[14:])
	ip[0] = 0x45
	ip.SetTotalLen(50)
	ip.SetTTL(64)
	ip.SetProto(packet.ProtoUDP)
	ip.SetSrc(0x0a000000 | uint32(src))
	ip.SetDst(0x0a000000 | uint32(dst))
	ip.UpdateChecksum()
	u := packet.UDP(b[34:])
	u.SetSrcPort(sport)
	u.SetDstPort(dport)
	u.SetLength(30)
	u.SetChecksum(packet.Checksum(b[34:], packet.PseudoSumIPv4(ip.Src(), ip.Dst(), packet.ProtoUDP, 30)))
	return b
}

// newBareLab has three ports; port 1 lends the frames for ever, the others send
// and forget.
func newBareLab(t testing.TB, frames ...[]byte) *lab {
	t.Helper()
	l := newLab(t, 0, func(o *Options) { o.MicroflowEntries, o.MegaflowEntries = 1<<16, 1<<16 })
	for i := range 3 {
		p := ports.NewMemWith("m"+string(rune('1'+i)), ports.MemOptions{Capture: -1})
		if err := l.b.AddPort(ofp.PortNo(i+1), p); err != nil {
			t.Fatal(err)
		}
		l.ports = append(l.ports, p)
	}
	var list []*packet.Frame
	for _, f := range frames {
		list = append(list, packet.FromBytes(f))
	}
	l.ports[0].Replay(true, list...)
	return l
}

// exactMasks has each key be a flow of its own: translation looks at all of it.
func exactMasks(o *Options) { o.plant = &plant{dropMask: func(m *flow.Mask) { *m = everything }} }

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }
