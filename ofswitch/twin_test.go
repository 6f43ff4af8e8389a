package ofswitch

import (
	"fmt"
	"slices"
	"sort"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// twin is a switch without caches, programs, masks and versions: a list of
// entries per bridge, and actions carried out on the bytes one by one. What it
// does is what the real switch must do.
type twin struct {
	bridges map[string]*twinBridge
	real    map[string]*Bridge // asked for the bucket of a hash alone
	byPort  map[string][]string
	ins     []string
	lookups int
	hits    int // that is no table-miss entry
	steps   int
	wild    bool // a loop that doubles: no more to be compared
	// loop: one frame came into a bridge twice by different ports and was
	// learnt at both, or an address was learnt from it and asked for elsewhere.
	// Where a walk recirculates, what stands behind it learns first, so the
	// outcome is not defined.
	loop  bool
	learn map[string]ofp.PortNo // of the frame in work
	ask   map[string]bool
	snap  uint16 // bounds the bytes of a mirror's copy
}

type twinBridge struct {
	name    string
	entries []*twinEntry
	ports   map[ofp.PortNo]*twinPort
	frag    uint16
	groups  map[uint32]*twinGroup
	meters  map[uint32]*twinMeter
	macs    map[[2]uint64]ofp.PortNo // VLAN and address
	l2      L2
	mirrors []*twinMirror
}

type twinPort struct {
	no     ofp.PortNo
	config ofp.PortConfig
	down   bool // the link
	bridge *twinBridge
	peer   *twinPort
	patch  bool
	l2     L2Port // normalised
}

type twinTerm struct {
	id          flow.ID
	value, mask flow.Value
}

type twinEntry struct {
	table          ofp.TableID
	priority       uint16
	cookie         uint64
	flags          ofp.FlowFlags
	terms          []twinTerm
	ins            ofp.Instructions
	packets, bytes uint64
}

// twinWalk is a frame on its way through one bridge.
type twinWalk struct {
	b        *twinBridge
	in       *twinPort // nil: the controller
	inPort   ofp.PortNo
	wire     int // bytes as received
	meta     uint64
	tunnel   uint64
	frame    []byte
	set      []ofp.Action // one of each kind
	setMiss  bool
	entry    *twinEntry
	table    ofp.TableID
	inSet    bool
	packet   bool // packet-out
	depth    int
	finished bool
}

// value is a field of the frame, parsed as v, or of its walk; zero if it has none.
func (w *twinWalk) value(v *view, id flow.ID) flow.Value {
	switch id {
	case flow.InPort, flow.InPhyPort:
		return flow.Value{Lo: uint64(w.inPort)}
	case flow.Metadata:
		return flow.Value{Lo: w.meta}
	case flow.TunnelID:
		return flow.Value{Lo: w.tunnel}
	}
	return v.value[id]
}

// matches says whether the frame, parsed as v, is one of e's.
func (w *twinWalk) matches(e *twinEntry, v *view) bool {
	for _, t := range e.terms {
		x := w.value(v, t.id)
		if (x.Hi^t.value.Hi)&t.mask.Hi != 0 || (x.Lo^t.value.Lo)&t.mask.Lo != 0 {
			return false
		}
	}
	return true
}

// receive brings a frame in at a port.
func (s *twin) receive(p *twinPort, frame []byte) {
	s.begin()
	w := &twinWalk{b: p.bridge, in: p, inPort: p.no, frame: slices.Clone(frame), wire: len(frame)}
	s.enter(w)
}

// begin forgets what belonged to the frame before.
func (s *twin) begin() {
	s.steps, s.learn, s.ask = 0, map[string]ofp.PortNo{}, map[string]bool{}
}

func (s *twin) enter(w *twinWalk) {
	if w.in.config&(ofp.PortConfigDown|ofp.PortConfigNoRecv) != 0 {
		return
	}
	if !w.in.patch && !s.mirrorIn(w) {
		return
	}
	if s.admits(w) {
		s.tables(w, 0)
	}
}

// admits says whether the bridge lets the frame into its tables.
func (s *twin) admits(w *twinWalk) bool {
	return w.b.frag != ofp.FragDrop || !look(w.frame).frag
}

func (s *twin) tables(w *twinWalk, table ofp.TableID) {
	for {
		if s.steps++; s.steps > maxSteps/2 {
			s.wild = true
			return
		}
		w.table = table
		var best *twinEntry
		v := look(w.frame)
		for _, e := range w.b.entries {
			if e.table == table && (best == nil || e.priority > best.priority) && w.matches(e, v) {
				best = e
			}
		}
		s.lookups++
		if best == nil {
			return
		}
		if best.priority != 0 || len(best.terms) != 0 {
			s.hits++
		}
		if best.flags&ofp.FlowNoPktCounts == 0 {
			best.packets++
		}
		if best.flags&ofp.FlowNoBytCounts == 0 {
			best.bytes += uint64(w.wire)
		}
		w.entry = best
		i := &best.ins
		if i.Has.Contains(ofp.InstrMeter) && !w.b.meters[i.Meter].meter(w) {
			return
		}
		if i.Has.Contains(ofp.InstrApplyActions) {
			s.actions(w, i.Apply)
			if w.finished {
				return
			}
		}
		if i.Has.Contains(ofp.InstrClearActions) {
			w.set = nil
		}
		if i.Has.Contains(ofp.InstrWriteActions) {
			for _, a := range i.Write {
				w.writeAction(a)
			}
		}
		if i.Has.Contains(ofp.InstrWriteMetadata) {
			w.meta = w.meta&^i.MetadataMask | i.Metadata&i.MetadataMask
		}
		if !i.Has.Contains(ofp.InstrGotoTable) {
			break
		}
		table = i.Goto
	}
	s.actionSet(w)
}

func (e *twinEntry) miss() bool { return e.priority == 0 && len(e.terms) == 0 }

func sameKind(a, b ofp.Action) bool {
	if a.ActionType() != b.ActionType() {
		return false
	}
	x, ok := a.(ofp.SetField)
	return !ok || x.Field == b.(ofp.SetField).Field
}

func (w *twinWalk) writeAction(a ofp.Action) {
	w.set = slices.DeleteFunc(slices.Clone(w.set), func(b ofp.Action) bool { return sameKind(a, b) })
	w.set = append(w.set, a)
	if _, ok := a.(ofp.Output); ok {
		w.setMiss = w.entry != nil && w.entry.miss()
	}
}

func (s *twin) actionSet(w *twinWalk) {
	var list []ofp.Action
	pick := func(t ofp.ActionType) {
		for _, a := range w.set {
			if a.ActionType() == t {
				list = append(list, a)
			}
		}
	}
	pick(ofp.ActionCopyTTLIn)
	pick(ofp.ActionPopVLAN)
	pick(ofp.ActionPopMPLS)
	pick(ofp.ActionPopPBB)
	pick(ofp.ActionPushMPLS)
	pick(ofp.ActionPushPBB)
	pick(ofp.ActionPushVLAN)
	pick(ofp.ActionCopyTTLOut)
	pick(ofp.ActionDecMPLSTTL)
	pick(ofp.ActionDecNwTTL)
	pick(ofp.ActionSetMPLSTTL)
	pick(ofp.ActionSetNwTTL)
	n := len(list)
	pick(ofp.ActionSetField)
	sort.Slice(list[n:], func(i, j int) bool {
		return list[n+i].(ofp.SetField).Field < list[n+j].(ofp.SetField).Field
	})
	n = len(list)
	if pick(ofp.ActionGroup); n == len(list) {
		pick(ofp.ActionOutput)
	}
	w.inSet = true
	s.actions(w, list)
}

func (s *twin) actions(w *twinWalk, list []ofp.Action) {
	for _, a := range list {
		switch a := a.(type) {
		case ofp.Output:
			s.output(w, a.Port, a.MaxLen)
		case ofp.Group:
			s.group(w, a.GroupID)
		case ofp.SetField:
			if a.Field == flow.TunnelID {
				w.tunnel = a.Value.Lo
			} else {
				look(w.frame).change(a.Field, a.Value)
			}
		case ofp.PushVLAN:
			v := look(w.frame)
			if !v.header {
				break
			}
			tci := uint64(0)
			if v.tag {
				tci = v.value[flow.VLANPCP].Lo<<13 | v.value[flow.VLANVID].Lo&0xfff
			}
			w.frame = tagged(w.frame, a.EtherType, uint16(tci))
		case ofp.PopVLAN:
			if look(w.frame).tag {
				w.frame = append(slices.Clone(w.frame[:12]), w.frame[16:]...)
			}
		case ofp.PushMPLS:
			w.frame = pushedMPLS(w.frame, a.EtherType)
		case ofp.PopMPLS:
			w.frame = poppedMPLS(w.frame, a.EtherType)
		case ofp.PushPBB:
			w.frame = pushedPBB(w.frame)
		case ofp.PopPBB:
			w.frame = poppedPBB(w.frame)
		case ofp.CopyTTLOut:
			look(w.frame).copyTTL(false)
		case ofp.CopyTTLIn:
			look(w.frame).copyTTL(true)
		case ofp.SetMPLSTTL:
			if l := look(w.frame).label(); l != 0 {
				w.frame[l+3] = a.TTL
			}
		case ofp.DecMPLSTTL:
			l := look(w.frame).label()
			if l == 0 {
				break
			}
			if w.frame[l+3] <= 1 {
				s.packetIn(w, ofp.PacketInInvalidTTL, 0xffff)
				w.finished = true
				return
			}
			w.frame[l+3]--
		case ofp.SetNwTTL:
			look(w.frame).setTTL(a.TTL)
		case ofp.DecNwTTL:
			v := look(w.frame)
			if v.ttl == 0 {
				break
			}
			if ttl := w.frame[v.ttl]; ttl <= 1 {
				s.packetIn(w, ofp.PacketInInvalidTTL, 0xffff)
				w.finished = true
				return
			} else {
				v.setTTL(ttl - 1)
			}
		}
	}
}

func (s *twin) output(w *twinWalk, no ofp.PortNo, maxLen uint16) {
	switch no {
	case ofp.PortInPort:
		if w.in != nil {
			s.send(w, w.in)
		}
	case ofp.PortController:
		reason := uint8(ofp.PacketInAction)
		if w.inSet && w.setMiss || !w.inSet && w.entry != nil && w.entry.miss() {
			reason = ofp.PacketInNoMatch
		}
		s.packetIn(w, reason, maxLen)
	case ofp.PortAll, ofp.PortFlood:
		s.flood(w)
	case ofp.PortNormal:
		s.normal(w)
	case ofp.PortTable:
		if w.packet {
			in := &twinWalk{b: w.b, in: w.in, inPort: w.inPort, tunnel: w.tunnel, wire: w.wire, frame: slices.Clone(w.frame), depth: w.depth + 1}
			if s.admits(in) {
				s.tables(in, 0)
			}
		}
	default:
		if p := w.b.ports[no]; p != nil && no != w.inPort {
			s.send(w, p)
		}
	}
}

func (s *twin) flood(w *twinWalk) {
	var numbers []ofp.PortNo
	for no := range w.b.ports {
		numbers = append(numbers, no)
	}
	slices.Sort(numbers)
	for _, no := range numbers {
		if p := w.b.ports[no]; p != w.in {
			s.send(w, p)
		}
	}
}

func (s *twin) send(w *twinWalk, p *twinPort) {
	if p.config&(ofp.PortConfigDown|ofp.PortConfigNoFwd) != 0 || w.in != nil && w.in.l2.Protected && p.l2.Protected {
		return
	}
	if !p.patch {
		at := fmt.Sprintf("%s/%d", p.bridge.name, p.no)
		sent := w.frame
		if s.snap != 0 {
			sent = sent[:min(len(sent), int(s.snap))]
		}
		s.byPort[at] = append(s.byPort[at], string(sent))
		return
	}
	if s.snap != 0 || p.peer == nil || w.depth >= maxDepth {
		return
	}
	s.enter(&twinWalk{b: p.peer.bridge, in: p.peer, inPort: p.peer.no, wire: w.wire,
		frame: slices.Clone(w.frame), depth: w.depth + 1})
}

func (s *twin) packetIn(w *twinWalk, reason uint8, maxLen uint16) {
	if reason == ofp.PacketInNoMatch && w.in != nil && w.in.config&ofp.PortConfigNoPacketIn != 0 {
		return
	}
	cookie := ^uint64(0)
	if !w.inSet && w.entry != nil {
		cookie = w.entry.cookie
	}
	s.ins = append(s.ins, fmt.Sprintf("in %d table %d reason %d cookie %#x max %d meta %#x tunnel %#x %x",
		w.inPort, w.table, reason, cookie, maxLen, w.meta, w.tunnel, w.frame))
}
