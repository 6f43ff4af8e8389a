package ofswitch

import (
	"slices"
	"sync/atomic"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/l2"
	"ofswitch/ofp"
)

// program is what happens to frames with one key: plain data, made by
// translation, owned by one worker. The first cache line is what a hit needs.
type program struct {
	stamp  uint64 // fresh iff equal to the worker's
	cell   cell
	direct *txBatch // the frame goes there, and that is all (see settle)
	whole  bool     // ops may run operation by operation over several frames (see settle)
	ops    []op

	in      *port // ingress port; nil: the controller
	version classifier.Version
	macGen  uint64
	deps    deps
	credits []credit
	effects []*l2.Entry // MAC entries that are in use while the program is
	room    programRoom
	mask    flow.Mask // bits of the key that translation looked at

	key   flow.Key // that it was made for
	hash  uint32
	tuple *classifier.Tuple[program] // where the megaflow cache has it; nil: the microflow cache alone
	clock uint64                     // cell.packets when the megaflow cache last looked

	// What the kernel knows of it, in kernel_hot.go. Of the worker.
	kernel   *kernelFlow // the last that was made of it; nil: none was
	hotCount uint64      // of cell.packets, at the time hotAt
	hotAt    int64

	// cached: the worker's caches hold it. Cleared by the worker when they no
	// longer do; from the next Sync on nobody counts on the cell.
	cached atomic.Bool

	// Owned by whoever holds Datapath.foldMu.
	next         *program // in worker.programs
	foldedCount  uint64   // of cell.packets
	foldedBytes  uint64
	foldedUsed   int64
	refreshed    int64 // cell.used when effects were last carried out
	uncachedSeen bool  // found uncached in an earlier round
}

// programRoom is where most programs have what their slices hold: a program is one object then, and
// to ask whether it is fresh touches memory side by side.
type programRoom struct {
	confs   [1]confDep
	tables  [2]tableDep
	l2      [2]l2Dep
	credits [3]credit
	ops     [1]op
}

// furnish has the slices begin in room.
func (p *program) furnish() {
	r := &p.room
	p.deps.confs, p.deps.tables, p.deps.l2 = r.confs[:0], r.tables[:0], r.l2[:0]
	p.credits, p.ops = r.credits[:0], r.ops[:0]
}

// opKind is what an operation does.
type opKind uint8

const (
	opOutput   opKind = iota // send through tx
	opSet                    // write field
	opPushVLAN               // arg: TPID
	opPopVLAN
	opSetTTL   // arg: TTL
	opDecTTL   // the TTL is known to be above 1
	opPushMPLS // arg: EtherType
	opPopMPLS  // arg: EtherType
	opPushPBB
	opPopPBB
	opSetMPLSTTL // arg: TTL
	opDecMPLSTTL // the TTL is known to be above 1
	opCopyTTLOut
	opCopyTTLIn
	opMeter      // put through meter, then as opRecirc
	opPacketIn   // copy to in's controllers
	opRecirc     // extract again and go on with frozen
	opReassemble // a fragment: keep it; what it completes goes on as after opRecirc
	opTruncate   // leave arg bytes at most
	opSave       // what follows acts on a copy ...
	opRestore    // ... until here
)

// op is one operation. Which members count is said at its kind.
type op struct {
	kind   opKind
	share  bool // opOutput: an operation behind it may write to the frame, or sends it elsewhere too
	field  flow.ID
	arg    uint16
	value  flow.Value
	tx     *txBatch
	port   *port // of tx
	in     *packetInOp
	frozen *frozen
	meter  *flowtable.Meter
}

// writes says whether the operation may write to the frame's bytes.
func (o *op) writes() bool {
	switch o.kind {
	case opOutput, opPacketIn, opSave, opRestore:
		return false
	}
	return true
}

// same says whether two operations do the same. One that recirculates does not, since the frame
// comes again under a number of its own.
func (o op) same(p op) bool {
	if o.frozen != nil || p.frozen != nil || (o.in == nil) != (p.in == nil) || o.in != nil && *o.in != *p.in {
		return false
	}
	o.in, p.in = nil, nil
	return o == p
}

// packetInOp is what a packet-in says besides the frame.
type packetInOp struct {
	bridge *Bridge
	queue  *upcallQueue // of the ingress port
	inPort ofp.PortNo
	maxLen uint16
	reason uint8
	// noEntry: no entry has sent it, but the lack of one.
	noEntry bool
	table   ofp.TableID
	cookie  uint64
	match   flow.Match
}

// credit is a counter that the program's frames count on, or a lookup of theirs in a flow
// table and the entry that it found.
type credit struct {
	c                 *flowtable.Counters // nil: of a lookup that found nothing
	table             *flowtable.Table    // nil: no lookup
	noPackets, noByte bool                // OFPFF_NO_PKT_COUNTS, OFPFF_NO_BYT_COUNTS
}

func (c *credit) add(packets, bytes uint64, used int64) {
	looked := packets
	if c.noPackets {
		packets = 0
	}
	if c.noByte {
		bytes = 0
	}
	if c.table != nil {
		c.table.Credit(c.c, looked, packets, bytes, used)
		return
	}
	c.c.Add(packets, bytes, used)
}

// deps is what a program was made from.
type deps struct {
	tables []tableDep
	confs  []confDep
	macs   []macDep
	groups []groupDep
	meters []meterDep

	lives []livesDep

	l2       []l2Dep
	l2States []l2StateDep
}

// tableDep: a lookup of any frame of region in the table found priority (-1: nothing).
type tableDep struct {
	table    *flowtable.Table
	region   *region
	priority int32
}

// livesDep: the ports that lived were those of Bridge.lives.
type livesDep struct {
	bridge *Bridge
	lives  uint64
}

// groupDep: the number led to this edition of a group.
type groupDep struct {
	bridge *Bridge
	id     uint32
	group  *flowtable.Group // nil: to none
}

// meterDep is groupDep for meters.
type meterDep struct {
	bridge *Bridge
	id     uint32
	meter  *flowtable.Meter
}

// confDep: the bridge was configured so.
type confDep struct {
	bridge *Bridge
	conf   *bridgeConf
}

// macDep: the MAC table knew this entry in this state, or knew none.
type macDep struct {
	bridge *Bridge
	vlan   uint16
	mac    l2.MAC
	entry  *l2.Entry // nil: unknown
	seq    uint64
}

// fresh asks every dependency whether a change up to version v and MAC
// generation gen concerns the program.
func (p *program) fresh(v classifier.Version, gen uint64) bool {
	if p.version != v {
		if p.in != nil && p.in.gone.Load() {
			return false
		}
		for i := range p.deps.confs {
			if c := &p.deps.confs[i]; c.bridge.conf.Load() != c.conf {
				return false
			}
		}
		for i := range p.deps.tables {
			if t := &p.deps.tables[i]; t.table.Affects(p.version, v, &t.region.known, t.priority) {
				return false
			}
		}
	}
	if p.version != v && !(p.deps.l2Hold() && p.deps.groupsHold(v)) {
		return false
	}
	if p.macGen != gen {
		for i := range p.deps.macs {
			if !p.deps.macs[i].holds() {
				return false
			}
		}
	}
	p.version, p.macGen = v, gen
	return true
}

// adopt makes p, which is stale, fresh again if q, a new translation of one of its keys, does
// the same to as many frames.
func (p *program) adopt(q *program) bool {
	if q.stamp == 0 || p.in != q.in || !slices.Equal(p.credits, q.credits) || !slices.Equal(p.effects, q.effects) ||
		!slices.EqualFunc(p.ops, q.ops, op.same) {
		return false
	}
	for i := range q.mask {
		if q.mask[i]&^p.mask[i] != 0 {
			return false // q is not for all of p's frames
		}
	}
	p.deps, p.version, p.macGen, p.stamp = q.deps, q.version, q.macGen, q.stamp
	return true
}

// groupsHold says whether groups and meters are those of version v.
func (d *deps) groupsHold(v classifier.Version) bool {
	for i := range d.groups {
		if g := &d.groups[i]; g.bridge.tables.Group(g.id, v) != g.group {
			return false
		}
	}
	for i := range d.lives {
		if l := &d.lives[i]; l.bridge.lives.Load() != l.lives {
			return false
		}
	}
	for i := range d.meters {
		if m := &d.meters[i]; m.bridge.tables.Meter(m.id, v) != m.meter {
			return false
		}
	}
	return true
}

func (m *macDep) holds() bool {
	if m.entry != nil {
		return m.entry.Alive() && m.entry.Seq() == m.seq
	}
	return m.bridge.fdb.Lookup(m.vlan, m.mac) == nil
}

// settle finds out what execution wants to know about the finished list of
// operations. mark is a number that no earlier call for this worker had.
func (p *program) settle(mark uint64) {
	// An output must protect the frame's bytes if anything writes later on, and if
	// there is another output: a transmit queue may keep the memory of what is its alone.
	needed := false
	for i := len(p.ops) - 1; i >= 0; i-- {
		o := &p.ops[i]
		o.share = needed
		needed = needed || o.kind == opOutput || o.writes()
	}
	// Operation by operation over a run of frames is faster, and keeps the
	// order of frames on each port, if no port is sent to twice.
	p.whole = true
	for i := range p.ops {
		switch p.ops[i].kind {
		case opRecirc, opReassemble, opMeter, opSave, opRestore:
			p.whole = false
			return
		case opOutput:
			if p.ops[i].tx.mark == mark {
				p.whole = false
				return
			}
			p.ops[i].tx.mark = mark
		}
	}
	if len(p.ops) == 1 && p.ops[0].kind == opOutput {
		p.direct = p.ops[0].tx
	}
}
