package l2

import (
	"cmp"
	"container/heap"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Limits that hold where 0 is given: Open vSwitch's.
const (
	DefaultEntries = 8192
	DefaultAgeing  = 300 * time.Second
)

// FDB is the forwarding database of one bridge.
type FDB struct {
	table atomic.Pointer[hashTable]

	mu      sync.Mutex // guards all below and the writing of table
	max     int
	ageing  int64 // ns
	count   int
	born    uint64
	byPort  map[uint32]*byPort
	ports   portHeap
	statics map[*Entry]bool // not in count, byPort and ports
	learnt  uint64
	moved   uint64
	expired uint64
	evicted uint64
}

// NewFDB makes an empty table of at most maxEntries addresses, each forgotten
// when it was not used for the time ageing. 0: DefaultEntries, DefaultAgeing.
func NewFDB(maxEntries int, ageing time.Duration) *FDB {
	t := &FDB{byPort: map[uint32]*byPort{}}
	t.table.Store(newHashTable(minBuckets))
	t.SetLimits(maxEntries, ageing)
	return t
}

// SetLimits changes the bounds given to NewFDB. Entries beyond them go at once,
// or with the next Expire. It returns the number of those that went.
func (t *FDB) SetLimits(maxEntries int, ageing time.Duration) int {
	if maxEntries <= 0 {
		maxEntries = DefaultEntries
	}
	if ageing <= 0 {
		ageing = DefaultAgeing
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.max, t.ageing = maxEntries, int64(ageing)
	n := 0
	for ; t.count > t.max; n++ {
		t.evictLocked()
	}
	return n
}

// Lookup finds the entry of an address; nil when it is unknown. vlan is 0 for
// untagged frames. An entry that has grown too old is found until Expire has
// come by.
func (t *FDB) Lookup(vlan uint16, mac MAC) *Entry {
	return t.table.Load().find(vlan, mac&Broadcast)
}

// Learn notes that a frame from mac came in by port at time now (ns). e is the
// address's entry; nil for group addresses, which are no station's. changed
// says that cached programs may be wrong now: the address is new or has moved,
// or another one was evicted for it.
func (t *FDB) Learn(vlan uint16, mac MAC, port uint32, now int64) (e *Entry, changed bool) {
	mac &= Broadcast
	if mac.IsMulticast() {
		return nil, false
	}
	if e := t.Lookup(vlan, mac); e != nil && e.Port() == port {
		e.Refresh(now)
		if e.Alive() {
			return e, false
		}
		// It went in between.
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.Lookup(vlan, mac); e != nil {
		e.Refresh(now)
		if e.Port() == port || e.static {
			return e, false
		}
		t.detachLocked(e)
		e.move(port)
		t.attachLocked(e)
		t.moved++
		return e, true
	}
	for t.count >= t.max {
		t.evictLocked()
	}
	e = &Entry{VLAN: vlan, MAC: mac, born: t.born}
	t.born++
	e.port.Store(port)
	e.lastUsed.Store(now)
	t.attachLocked(e)
	t.growLocked()
	t.table.Load().add(e)
	t.count++
	t.learnt++
	return e, true
}

// LearnGARP is Learn for a gratuitous ARP, by which a station says where it is now.
// Where one came in by a port that is no bond, a copy may come back by a bond, through
// the other switch: it is not believed for some seconds. locked says that this was
// so: e is as it was, nil if it is not known.
func (t *FDB) LearnGARP(vlan uint16, mac MAC, port uint32, bond bool, now int64) (e *Entry, changed, locked bool) {
	if bond {
		if e := t.Lookup(vlan, mac); e != nil && e.Port() != port && e.Locked(now) {
			e.Refresh(now)
			return e, false, true
		}
	}
	e, changed = t.Learn(vlan, mac, port, now)
	if e != nil && !bond {
		e.Lock(now)
	}
	return e, changed, false
}

// attachLocked puts e into the heap of its port.
func (t *FDB) attachLocked(e *Entry) {
	p := t.byPort[e.Port()]
	if p == nil {
		p = &byPort{port: e.Port()}
		t.byPort[p.port] = p
		heap.Push(&t.ports, p)
	}
	e.due = e.LastUsed()
	heap.Push(p, e)
	heap.Fix(&t.ports, p.index)
}

// detachLocked takes e out of the heap of its port. A port without entries is
// forgotten.
func (t *FDB) detachLocked(e *Entry) {
	p := e.home
	heap.Remove(p, e.index)
	if len(p.entries) == 0 {
		heap.Remove(&t.ports, p.index)
		delete(t.byPort, p.port)
		return
	}
	heap.Fix(&t.ports, p.index)
}

// removeLocked takes e out of the table.
func (t *FDB) removeLocked(e *Entry) {
	t.detachLocked(e)
	t.table.Load().remove(e)
	e.dead.Store(true)
	t.count--
}

// evictLocked makes room: the port with the most entries loses its oldest.
func (t *FDB) evictLocked() {
	t.removeLocked(t.ports[0].oldest())
	t.evicted++
}

// growLocked doubles the hash table before its chains get long. Readers of
// the old one see what was there.
func (t *FDB) growLocked() {
	old := t.table.Load()
	if t.count < len(old.buckets) {
		return
	}
	grown := newHashTable(2 * len(old.buckets))
	for i := range old.buckets {
		for n := old.buckets[i].Load(); n != nil; n = n.next.Load() {
			grown.add(n.e)
		}
	}
	t.table.Store(grown)
}

// Expire removes the entries that were not used since now less the ageing
// time, and returns their number.
func (t *FDB) Expire(now int64) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, p := range t.byPort { // deleting from a map while ranging is fine
		for e := p.oldest(); e != nil && now-e.due >= t.ageing; e = p.oldest() {
			t.removeLocked(e)
			n++
		}
	}
	t.expired += uint64(n)
	return n
}

// Flush removes all entries and returns their number.
func (t *FDB) Flush() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.count
	fresh := newHashTable(minBuckets)
	for e := range t.statics {
		fresh.add(e)
	}
	t.table.Store(fresh)
	for _, p := range t.byPort {
		for _, e := range p.entries {
			e.dead.Store(true)
			e.home = nil
		}
	}
	t.byPort, t.ports, t.count = map[uint32]*byPort{}, nil, 0
	return n
}

// FlushPort removes the entries of one port, which has gone, and returns their
// number.
func (t *FDB) FlushPort(port uint32) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.flushStaticsLocked(port)
	if p := t.byPort[port]; p != nil {
		for ; len(p.entries) > 0; n++ {
			t.removeLocked(p.entries[len(p.entries)-1])
		}
	}
	return n
}

// Row is one line of the table for people.
type Row struct {
	Port uint32
	VLAN uint16
	MAC  MAC
	Age  time.Duration // since its last use
	// Static: it was given, not learnt.
	Static bool
}

// List is the table at time now (ns), the entry that was unused for longest
// first.
func (t *FDB) List(now int64) []Row {
	t.mu.Lock()
	entries := make([]*Entry, 0, t.count+len(t.statics))
	for e := range t.statics {
		entries = append(entries, e)
	}
	for _, p := range t.byPort {
		entries = append(entries, p.entries...)
	}
	t.mu.Unlock()
	rows := make([]Row, len(entries))
	for i, e := range entries {
		rows[i] = Row{Port: e.Port(), VLAN: e.VLAN, MAC: e.MAC, Age: time.Duration(max(0, now-e.LastUsed())), Static: e.static}
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Age, a.Age), cmp.Compare(a.VLAN, b.VLAN), cmp.Compare(a.MAC, b.MAC))
	})
	return rows
}

// Stats are the table's size and what has happened to it.
type Stats struct {
	Entries, MaxEntries int
	Static              int // of Entries; beyond the bound
	Ageing              time.Duration
	Learnt              uint64 // addresses that were new
	Moved               uint64 // addresses that came to another port
	Expired             uint64 // went by age
	Evicted             uint64 // went because the table was full
}

// Stats reads them.
func (t *FDB) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Stats{Entries: t.count + len(t.statics), MaxEntries: t.max, Static: len(t.statics), Ageing: time.Duration(t.ageing),
		Learnt: t.learnt, Moved: t.moved, Expired: t.expired, Evicted: t.evicted}
}
