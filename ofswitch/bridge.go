package ofswitch

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ofswitch/flowtable"
	"ofswitch/l2"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// Controllers is what the data path tells the controllers of a bridge. The
// methods must not block and must not call back into the bridge.
type Controllers interface {
	// PacketIns is about frames that have come one after the other, in their order. list is
	// the caller's again when it returns.
	PacketIns(list []PacketIn)
	FlowRemoved(m *ofp.FlowRemoved)
	PortStatus(m *ofp.PortStatus)
	// FlowsChanged is about the changes of flow entries that a version has brought,
	// in their order; calls come in the order of the versions. Nobody is told but
	// between calls of Bridge.WatchFlows.
	FlowsChanged(version uint64, list []FlowChange)
}

// BridgeOptions are what a bridge is made with.
type BridgeOptions struct {
	DatapathID  uint64
	Controllers Controllers   // nil: nobody is told
	MACTable    int           // most MAC addresses learnt; 0: l2.DefaultEntries
	MACAgeing   time.Duration // 0: l2.DefaultAgeing
}

// Bridge is one OpenFlow switch in a datapath.
type Bridge struct {
	d      *Datapath
	name   string
	opts   BridgeOptions
	tables *flowtable.Tables
	fdb    *l2.FDB
	feed   flowFeed

	limits flowtable.Limits // what messages are checked against

	datapathID atomic.Uint64
	desc       atomic.Pointer[ofp.Desc] // its datapath and serial number

	conf atomic.Pointer[bridgeConf]
	l2   atomic.Pointer[l2State]
	// lives rises when a port begins or ceases to live.
	lives atomic.Uint64
	// l2want is guarded by the writer lock.
	l2want l2Desired
	// pinMeter and slowMeter are the virtual meters CONTROLLER and SLOWPATH; nil:
	// there is none.
	pinMeter, slowMeter atomic.Pointer[flowtable.Meter]

	upcalls upcallQueue             // packet-ins of frames without ingress port
	buffers atomic.Pointer[buffers] // frames of packet-ins; nil: none are kept

	reassembler *packet.Reassembler // of fragments, where they are to be reassembled

	// portMu serialises changes of ports with their port-status messages, so
	// that controllers hear of them in their order. Outermost lock.
	portMu sync.Mutex

	failOpen *flowtable.Entry                // the hidden NORMAL entry; under portMu
	inBand   map[hiddenFlow]*flowtable.Entry // those of SetInBand; under portMu

	tableConfig map[ofp.TableID]flowtable.TableConfig // of the caller of SetTableConfig
}

// bridgeConf is what translation reads of a bridge besides tables and MAC
// table. Immutable: each change makes a new one, and its address is what
// programs depend on.
type bridgeConf struct {
	ports map[ofp.PortNo]*port
	list  []*port // by number
	frag  uint16  // ofp.Frag*
	// missPacketIn: frames that no entry matches go to controllers.
	missPacketIn bool

	// Of L2.
	forwardBPDU bool
	floodVLANs  *l2.VLANs // nil: none
	oneTag      bool      // NORMAL sees one tag of a frame
	bonds       bool      // there are some
}

// clone copies c for a change.
func (c *bridgeConf) clone() *bridgeConf {
	n := *c
	return &n
}

// withPort is c with one port more.
func (c *bridgeConf) withPort(p *port) *bridgeConf {
	n := c.clone()
	i, _ := slices.BinarySearchFunc(c.list, p.no, byNumber)
	n.list = slices.Insert(slices.Clip(c.list), i, p)
	n.ports = maps.Clone(c.ports)
	n.ports[p.no] = p
	return n
}

// withoutPort is c with one port less.
func (c *bridgeConf) withoutPort(p *port) *bridgeConf {
	n := c.clone()
	n.list = slices.DeleteFunc(slices.Clone(c.list), func(q *port) bool { return q == p })
	n.ports = maps.Clone(c.ports)
	delete(n.ports, p.no)
	return n
}

func byNumber(p *port, no ofp.PortNo) int { return cmp.Compare(p.no, no) }

func newBridge(d *Datapath, name string, o BridgeOptions) *Bridge {
	b := &Bridge{d: d, name: name, opts: o,
		tables: flowtable.NewTables(),
		fdb:    l2.NewFDB(o.MACTable, o.MACAgeing),

		reassembler: packet.NewReassembler(),
	}
	b.datapathID.Store(o.DatapathID)
	b.SetDesc("", "")
	b.conf.Store(&bridgeConf{ports: map[ofp.PortNo]*port{}})
	b.l2.Store(&l2State{})
	b.limits = newLimits(b)
	return b
}

// Name is the bridge's name.
func (b *Bridge) Name() string { return b.name }

// FDB is the bridge's MAC table. Whoever takes entries out of it other than
// through the bridge calls MACsChanged afterwards.
func (b *Bridge) FDB() *l2.FDB { return b.fdb }

// FlushMACs forgets all learnt addresses.
func (b *Bridge) FlushMACs() {
	b.fdb.Flush()
	b.d.macsChanged()
}

// MACsChanged makes workers look again at what they know from MAC tables.
func (b *Bridge) MACsChanged() { b.d.macsChanged() }

// macsChanged is called after every change of a MAC table.
func (d *Datapath) macsChanged() {
	d.macGen.Add(1)
	d.kernel.reviseMACs()
}
