package ofswitch

import (
	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/l2"
	"ofswitch/ofp"
)

// translator walks the OpenFlow pipeline for one key and writes a program. It
// belongs to a worker; everything but w and lastRecirc is of the translation
// in work.
type translator struct {
	w          *worker
	lastRecirc uint32
	rec        *traceRecorder // nil: nobody traces
	spare      *program       // for the next one, nobody else's; nil: a new one

	in      *port // ingress port of the datapath; nil: the controller
	version classifier.Version
	prog    *program
	ops     []op
	steps   int
	complex bool // too much work: the program does nothing
	// mirrored are the mirrors of the bridge in work that have had the frame, by index;
	// snap bounds the bytes of the copy that is being sent, if it is not zero.
	mirrored uint32
	snap     uint16
	depth    int // patch ports and packet-out's TABLE on the way here

	frameState
	mask flow.Mask // bits of the key looked at
	// groupLives are the answers of liveness so far.
	groupLives map[groupWatch]bool

	sources []regionSource // of the program's regions

	// Scratch.
	probe     flow.Mask
	l2scratch []l2.Port
	outPorts  []uint32
}

// frameState is the frame as the actions so far have left it, and what is
// known about where its fields come from.
type frameState struct {
	wide flow.Wide
	bits uint32 // words that the frame has, as in flow.Key.Bits
	// fixed has a 1 for each bit of wide that actions have set: it no longer
	// depends on the key.
	fixed flow.Mask
	// lanes tells for each of the four 16-bit parts of the VLAN word (outer
	// TPID, outer TCI, inner TPID, inner TCI) which part of the key's it
	// was; laneFixed: none.
	lanes [4]int8
	// ttlMoved: the TTL was decremented, so its bits are no longer the key's
	// one by one.
	ttlMoved bool
	// queue is what SET_QUEUE has chosen; 0 is the default queue.
	queue uint32
	// seen, less 1, is how many of its tags NORMAL sees where that is not what the
	// bridge says: where it sees one, it has put or left so many.
	seen int8
	// shared is what dependencies hold of wide; nil once wide changed.
	shared *region
}

const laneFixed = -1

// walk is a frame's way through one bridge.
type walk struct {
	bridge *Bridge
	conf   *bridgeConf
	in     *port      // ingress port in this bridge; nil: the controller, or none
	inPort ofp.PortNo // its number
	table  ofp.TableID
	cookie uint64 // of the entry whose actions are carried out
	miss   bool   // that entry is a table-miss entry
	inSet  bool   // the action set is carried out
	out    bool   // a packet-out's list is carried out: TABLE is allowed
	set    actionSet
}

// translate makes the program of k, a key of a frame received on in (nil: sent
// by a controller, with fz or through packetOut). With fz it goes on from
// there.
func (t *translator) translate(k *flow.Key, in *port, fz *frozen) *program {
	t.start(k, in)
	if fz != nil {
		t.resume(fz)
	} else {
		t.ingress(in.bridge, in, in.no)
	}
	return t.finish()
}

// start prepares a translation.
func (t *translator) start(k *flow.Key, in *port) {
	p := t.spare
	if p == nil {
		p = new(program)
	}
	t.spare = nil
	*p = program{in: in, version: t.w.version, macGen: t.w.macGen, key: *k}
	p.furnish()
	t.in, t.version, t.prog = in, t.w.version, p
	t.ops = t.ops[:0]
	t.steps, t.depth, t.complex = 0, 0, false
	t.mirrored, t.snap = 0, 0
	t.frameState = frameState{bits: k.Bits &^ (1 << flow.WRecirc), lanes: [4]int8{0, 1, 2, 3}}
	t.wide.SetKey(k)
	t.wide[flow.WRecirc] = 0
	t.mask = flow.Mask{}
	clear(t.groupLives)
	t.sources = t.sources[:0]
	// Port configuration, patch ports and recirculation hang on these.
	t.mask[flow.WInPort] = ^uint64(0)
	t.mask[flow.WRecirc] = ^uint64(0)
	if t.rec != nil {
		t.rec.begin(t, k)
	}
}

// finish makes the program of what the walk gave.
func (t *translator) finish() *program {
	p := t.prog
	if t.complex {
		t.ops = t.ops[:0]
		t.drop(dropComplex)
	}
	p.mask = t.mask
	for i := range p.deps.tables {
		t.close(p.deps.tables[i].region)
	}
	p.ops = append(p.ops, trim(t.ops)...)
	clear(t.ops)
	t.w.marks++
	p.settle(t.w.marks)
	if t.rec != nil {
		t.rec.end(t)
	}
	t.prog, t.shared = nil, nil
	return p
}

// config is the configuration of b that this program is made from.
func (t *translator) config(b *Bridge) *bridgeConf {
	for i := range t.prog.deps.confs {
		if c := &t.prog.deps.confs[i]; c.bridge == b {
			return c.conf
		}
	}
	conf := b.conf.Load()
	t.prog.deps.confs = append(t.prog.deps.confs, confDep{b, conf})
	return conf
}

// emit adds an operation.
func (t *translator) emit(o op) {
	if len(t.ops) >= maxOps {
		t.complex = true
		return
	}
	t.ops = append(t.ops, o)
}

// drop counts the program's frames as dropped for a reason.
func (t *translator) drop(r dropReason) {
	if t.rec != nil {
		t.rec.dropped(r)
	}
	t.credit(&t.w.d.drops[r].Counters)
}

func (t *translator) credit(c *flowtable.Counters) {
	t.prog.credits = append(t.prog.credits, credit{c: c})
}

// step counts a table looked up or a port passed, and says whether the walk may
// go on.
func (t *translator) step() bool {
	if t.steps++; t.steps > maxSteps {
		t.complex = true
	}
	return !t.complex
}

// ingress brings a received frame into the bridge of its port, number no.
func (t *translator) ingress(b *Bridge, in *port, no ofp.PortNo) {
	wk := walk{bridge: b, conf: t.config(b), in: in, inPort: no}
	t.enter(&wk)
}

// enter starts the pipeline of wk's bridge at table 0, if the ingress port and
// the fragment setting let the frame in.
func (t *translator) enter(wk *walk) {
	if t.rec != nil {
		t.rec.bridge(wk)
	}
	if wk.in != nil && wk.in.configBits()&(ofp.PortConfigDown|ofp.PortConfigNoRecv) != 0 {
		if t.rec != nil {
			t.rec.warn("the input port is down or has OFPPC_NO_RECV set, dropping")
		}
		t.drop(dropPortConfig)
		return
	}
	// What comes through a patch has been in the other bridge's mirrors.
	if wk.in != nil && wk.in.dev != nil && !t.mirrorIn(wk) {
		return
	}
	if !t.fragments(wk) {
		return
	}
	t.wide[flow.WMetadata] = 0
	t.setInPort(wk)
	t.tables(wk)
}

// setInPort puts the OpenFlow number of wk's ingress port into the words that
// tables are looked up with.
func (t *translator) setInPort(wk *walk) {
	t.wide[flow.WInPort] = uint64(wk.inPort)<<32 | uint64(wk.inPort)
	t.shared = nil
}

// tables walks the flow tables from wk.table on, then carries out the action
// set (OpenFlow 1.3.5 §5.1).
func (t *translator) tables(wk *walk) {
	for {
		e := t.lookup(wk)
		if t.rec != nil && !t.complex {
			t.rec.table(wk, e)
		}
		if e == nil {
			// No table-miss entry: the frame is dropped, with its action set
			// (OpenFlow 1.3.5 §5.4), but for controllers of OpenFlow 1.0.
			if !t.missPacketIn(wk) {
				t.drop(dropNoMatch)
			}
			return
		}
		ins := e.Instructions
		wk.cookie, wk.miss = e.Cookie, e.IsTableMiss()
		if ins.Has.Contains(ofp.InstrMeter) {
			t.meter(wk, ins)
			return
		}
		if ins.Has.Contains(ofp.InstrApplyActions) && t.list(wk, ins.Apply, ins) {
			return
		}
		if !t.writes(wk, ins) {
			break
		}
	}
	t.actionSet(wk)
}

// afterApply goes on behind the apply-actions instruction of an entry.
func (t *translator) afterApply(wk *walk, ins *ofp.Instructions) {
	if t.writes(wk, ins) {
		t.tables(wk)
		return
	}
	t.actionSet(wk)
}

// writes carries out the instructions behind apply-actions, in the order of
// OpenFlow 1.3.5 §5.9, and says whether the walk goes on in another table.
func (t *translator) writes(wk *walk, ins *ofp.Instructions) (more bool) {
	if ins.Has.Contains(ofp.InstrClearActions) {
		if t.rec != nil {
			t.rec.instruction(wk, ofp.InstrClearActions, ins)
			t.rec.actionSetIs(wk, "was")
		}
		wk.set = actionSet{}
	}
	if ins.Has.Contains(ofp.InstrWriteActions) {
		wk.set.write(ins.Write, wk.miss)
		if t.rec != nil {
			t.rec.instruction(wk, ofp.InstrWriteActions, ins)
			t.rec.actionSetIs(wk, "is")
		}
	}
	if ins.Has.Contains(ofp.InstrWriteMetadata) {
		if t.rec != nil {
			t.rec.instruction(wk, ofp.InstrWriteMetadata, ins)
		}
		t.wide[flow.WMetadata] = t.wide[flow.WMetadata]&^ins.MetadataMask | ins.Metadata&ins.MetadataMask
		t.shared = nil
	}
	if !ins.Has.Contains(ofp.InstrGotoTable) {
		return false
	}
	if t.rec != nil {
		t.rec.instruction(wk, ofp.InstrGotoTable, ins)
	}
	wk.table = ins.Goto
	return true
}

// lookup finds the entry of wk.table for the frame as it is now, and notes
// what the answer depends on and whom to count.
func (t *translator) lookup(wk *walk) *flowtable.Entry {
	if !t.step() {
		return nil
	}
	tbl := wk.bridge.tables.Table(wk.table)
	t.probe = flow.Mask{}
	e := tbl.Lookup(&t.wide, t.version, &t.probe)
	if p := t.w.plant; p != nil && p.wrongEntry != nil {
		e = p.wrongEntry(tbl, &t.wide, t.version, e)
	}
	t.looked(&t.probe)
	prio := int32(-1)
	c := credit{table: tbl}
	if e != nil {
		prio = e.Priority
		c.c = e.Counters
		c.noPackets, c.noByte = e.Flags&ofp.FlowNoPktCounts != 0, e.Flags&ofp.FlowNoBytCounts != 0
	}
	t.prog.credits = append(t.prog.credits, c)
	t.prog.deps.tables = append(t.prog.deps.tables, tableDep{tbl, t.region(), prio})
	return e
}

// look notes that the given bits of a word were looked at.
func (t *translator) look(word int, bits uint64) {
	t.probe = flow.Mask{}
	t.probe[word] = bits
	t.looked(&t.probe)
}

// lookField is look for a whole field.
func (t *translator) lookField(id flow.ID) {
	t.probe = flow.Mask{}
	id.Field().OrMask(&t.probe)
	t.looked(&t.probe)
}

// looked turns bits of wide that were looked at into bits of the key.
func (t *translator) looked(m *flow.Mask) {
	if p := t.w.plant; p != nil && p.dropMask != nil {
		p.dropMask(m)
	}
	for i := range flow.KeyWords {
		bits := m[i] &^ t.fixed[i]
		if bits == 0 || i == flow.WInPort {
			continue
		}
		switch {
		case i == flow.WVLAN:
			for l, from := range t.lanes {
				if from != laneFixed {
					t.mask[i] |= bits >> (48 - 16*l) & 0xffff << (48 - 16*int(from))
				}
			}
		case i == flow.WIP && t.ttlMoved && bits&(0xff<<flow.TTLShift) != 0:
			t.mask[i] |= bits | 0xff<<flow.TTLShift
		default:
			t.mask[i] |= bits
		}
	}
}

// effect keeps a MAC entry young while the program is used.
func (t *translator) effect(e *l2.Entry) {
	t.prog.effects = append(t.prog.effects, e)
}
