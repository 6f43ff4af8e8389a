package ofswitch

import (
	"encoding/binary"
	"slices"
	"sync"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
	"ofswitch/ports"
	"ofswitch/ports/kernelpath"
)

// fakeKernel is a kernelTable that forwards frames of ports in memory by itself, one at a time, as
// the kernel would: all that it knows of a frame is a kernelpath.Key.
type fakeKernel struct {
	mu    sync.Mutex // held by each method
	ports map[*kernelpath.Port]*kernelMem
	slots []*fakeSlot
	now   func() int64 // nil: 0 for ever
	// armed: slots do not become active.
	armed bool
	// late are frames that have found a slot and are not counted and sent yet.
	late  []func()
	delay bool // leave frames there
	// onHold is called when slots are held.
	onHold func(slots []kernelSlot)
	// onDrain is called in Drain.
	onDrain func()

	hits, adds, waits int
	masks             map[kernelpath.Key]bool // that were added
}

// kernelMem is a port in memory by which a fakeKernel forwards.
type kernelMem struct {
	*ports.Mem
	k    *fakeKernel
	path *kernelpath.Port
	why  string // if it must not forward now
	tx   ports.TxQueue
	// What the kernel has sent by it, which its counters know nothing of.
	packets, bytes uint64
}

type fakeSlot struct {
	k              *fakeKernel
	in             *kernelMem
	outs           []*kernelMem
	x              kernelMatch
	armed          bool
	packets, bytes uint64
	used           int64
}

func newFakeKernel() *fakeKernel {
	return &fakeKernel{ports: map[*kernelpath.Port]*kernelMem{}, masks: map[kernelpath.Key]bool{}}
}

// device is m as a port by which the kernel forwards.
func (k *fakeKernel) device(m *ports.Mem) *kernelMem {
	tx, err := m.NewTx()
	if err != nil {
		panic(err)
	}
	alone := new(struct {
		p kernelpath.Port
		_ byte
	})
	km := &kernelMem{Mem: m, k: k, path: &alone.p, tx: tx}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ports[km.path] = km
	return km
}

func (m *kernelMem) KernelPath() (*kernelpath.Port, string) {
	if m.why != "" {
		return nil, m.why
	}
	return m.path, ""
}

// Stats are those of the frames that the switch has sent itself.
func (m *kernelMem) Stats() ports.Stats {
	st := m.Mem.Stats()
	m.k.mu.Lock()
	defer m.k.mu.Unlock()
	st.TxPackets -= m.packets
	st.TxBytes -= m.bytes
	return st
}

// inject lets frames in, of which the kernel takes its own. Without delay, each has gone before the next
// comes. settle has the switch receive what it is left.
func (m *kernelMem) inject(settle func(), frames ...[]byte) {
	for _, f := range frames {
		if !m.k.forward(m, f) {
			m.InjectBytes(f)
			settle()
		}
	}
}

// forward takes a frame if a slot is for it.
func (k *fakeKernel) forward(in *kernelMem, b []byte) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	kk, ok := fakeKey(b)
	if !ok {
		return false
	}
	for _, s := range k.slots {
		if s.in != in || s.armed || !s.takes(&kk) {
			continue
		}
		k.hits++
		send := func() {
			s.packets++
			s.bytes += uint64(len(b))
			if k.now != nil {
				s.used = k.now()
			}
			for _, out := range s.outs {
				out.packets++
				out.bytes += uint64(len(b))
				out.tx.Tx([]*packet.Frame{packet.FromBytes(b)})
			}
		}
		if k.delay {
			k.late = append(k.late, send)
		} else {
			send()
		}
		return true
	}
	return false
}

// taking are the slots of in that take a frame.
func (k *fakeKernel) taking(in *kernelMem, b []byte) (list []*fakeSlot) {
	kk, ok := fakeKey(b)
	for _, s := range k.slots {
		if ok && s.in == in && s.takes(&kk) {
			list = append(list, s)
		}
	}
	return list
}

func (s *fakeSlot) takes(kk *kernelpath.Key) bool {
	if s.x.key.Class() != kk.Class() {
		return false
	}
	for i := range kk {
		if (kk[i]^s.x.key[i])&s.x.mask[i] != 0 {
			return false
		}
	}
	return true
}

// fakeKey is the key of a frame that has one: see kernelpath.Class.
func fakeKey(b []byte) (kk kernelpath.Key, ok bool) {
	f := packet.FromBytes(b)
	var k flow.Key
	flow.Extract(f, 1, &k)
	if len(b) < packet.EthernetLen {
		return kk, false
	}
	class := kernelpath.Class(0)
	at, etype := 14, binary.BigEndian.Uint16(b[12:])
	if etype == packet.TypeVLAN && len(b) >= 18 {
		class, at, etype = kernelpath.ClassTagged, 18, binary.BigEndian.Uint16(b[16:])
	}
	bits := k.Bits &^ (1 << flow.WVLAN)
	switch {
	case etype == packet.TypeIPv4 && bits == wordsIPv4 && b[at]&15 == 5 && k.W[flow.WIP]&0xff == 0:
		switch b[at+9] {
		case packet.ProtoTCP:
			class |= kernelpath.ClassTCPv4
		case packet.ProtoUDP:
			class |= kernelpath.ClassUDPv4
		case packet.ProtoICMP:
			class |= kernelpath.ClassICMPv4
		default:
			return kk, false
		}
	case etype == packet.TypeIPv6 && bits == wordsIPv6:
		switch b[at+6] {
		case packet.ProtoTCP:
			class |= kernelpath.ClassTCPv6
		case packet.ProtoUDP:
			class |= kernelpath.ClassUDPv6
		case packet.ProtoICMPv6:
			if t := b[at+40]; t == packet.ICMPv6NeighborSolicit || t == packet.ICMPv6NeighborAdvert {
				return kk, false
			}
			class |= kernelpath.ClassICMPv6
		default:
			return kk, false
		}
	case etype >= packet.TypeMin && !slices.Contains([]uint16{packet.TypeIPv4, packet.TypeIPv6, packet.TypeARP, packet.TypeRARP, packet.TypeMPLS, packet.TypeMPLSMC, packet.TypePBB, packet.TypeVLAN, packet.TypeQinQ}, etype):
		class |= kernelpath.ClassL2
	default:
		return kk, false
	}
	return kernelKey(&k, class), true
}

func (k *fakeKernel) Prepare(*kernelpath.Port) error { return nil }

func (k *fakeKernel) Add(in *kernelpath.Port, outs []*kernelpath.Port, x *kernelMatch) (kernelSlot, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.slots {
		if s.in == k.ports[in] && s.x == *x {
			return nil, kernelpath.ErrExists
		}
	}
	s := &fakeSlot{k: k, in: k.ports[in], x: *x, armed: k.armed}
	for _, out := range outs {
		s.outs = append(s.outs, k.ports[out])
	}
	if s.in == nil || slices.Contains(s.outs, nil) {
		panic("a port that the kernel does not know")
	}
	k.slots = append(k.slots, s)
	k.adds++
	k.masks[x.mask] = true
	return s, nil
}

func (k *fakeKernel) Remove(slots ...kernelSlot) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.slots = slices.DeleteFunc(k.slots, func(s *fakeSlot) bool { return slices.Contains(slots, kernelSlot(s)) })
}

func (k *fakeKernel) Hold(slots ...kernelSlot) {
	k.set(slots, true)
	k.Wait()
	if k.onHold != nil {
		k.onHold(slots)
	}
}

func (k *fakeKernel) Release(slots ...kernelSlot) { k.set(slots, false) }

func (k *fakeKernel) set(slots []kernelSlot, armed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range slots {
		s.(*fakeSlot).armed = armed
	}
}

func (k *fakeKernel) Drain() {
	if k.onDrain != nil {
		k.onDrain()
	}
}

// Wait has what is late go.
func (k *fakeKernel) Wait() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waits++
	for _, send := range k.late {
		send()
	}
	k.late = nil
}

func (k *fakeKernel) Now() int64 {
	if k.now == nil {
		return 0
	}
	return k.now()
}

func (s *fakeSlot) Count() (packets, bytes uint64, used int64) {
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	return s.packets, s.bytes, s.used
}

func (s *fakeSlot) Active() bool {
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	return !s.armed
}

// device is the port of a contest.
func (c *contest) device(at string) ports.Port {
	if c.kernel == nil {
		return c.mems[at]
	}
	c.paths[at] = c.kernel.device(c.mems[at])
	return c.paths[at]
}

// kernelFields are fields of frames that a kernel can deal with, and of some others.
var kernelFields = []flow.ID{flow.InPort, flow.EthDst, flow.EthSrc, flow.EthType, flow.VLANVID, flow.VLANPCP, flow.IPDSCP, flow.IPECN, flow.IPProto,
	flow.IPv4Src, flow.IPv4Dst, flow.IPv6Src, flow.IPv6Dst, flow.TCPSrc, flow.TCPDst, flow.UDPSrc, flow.UDPDst, flow.ICMPv4Type, flow.ICMPv4Code, flow.ICMPv6Type, flow.ICMPv6Code}

// simpleRule has the rule do what the kernel can, for most.
func (c *contest) simpleRule(ins *ofp.Instructions) {
	ins.Has |= 1 << ofp.InstrApplyActions
	if c.chance(80) {
		ins.Apply = []ofp.Action{ofp.Output{Port: pick(c.gen, 1, 2, 3, 4, 10, 10, 99, ofp.PortLocal, ofp.PortInPort, ofp.PortNormal, ofp.PortNormal, ofp.PortNormal)}}
	}
}

// inject lets frames in at a port of a contest, of which the kernel may take some.
func (c *contest) inject(at string, frames ...[]byte) {
	if c.kernel == nil {
		c.mems[at].InjectBytes(frames...)
		return
	}
	c.paths[at].inject(c.settle, frames...)
}
