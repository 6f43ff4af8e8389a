package l2

import "sync/atomic"

// Entry is one learnt address. Readable from any goroutine.
type Entry struct {
	VLAN uint16 // 0: untagged
	MAC  MAC

	port     atomic.Uint32
	seq      atomic.Uint64
	lastUsed atomic.Int64
	dead     atomic.Bool
	garpLock atomic.Int64 // see FDB.LearnGARP

	static bool // see FDB.AddStatic; never changes

	// Under FDB.mu:
	born  uint64  // order of learning: settles which of two is older
	due   int64   // lastUsed when the entry took its place in the heap: never later than lastUsed
	home  *byPort // whose heap it is in
	index int     // and where
}

// Port is the port behind which the address was seen last. Whoever depends on
// it reads Seq first: then a change in between shows as a new Seq.
func (e *Entry) Port() uint32 { return e.port.Load() }

// Seq changes with every move of the address to another port.
func (e *Entry) Seq() uint64 { return e.seq.Load() }

// Alive says whether the entry is in the table: once false, for good.
func (e *Entry) Alive() bool { return !e.dead.Load() }

// LastUsed is the time of the last Learn or Refresh, in the clock of these
// calls, in ns.
func (e *Entry) LastUsed() int64 { return e.lastUsed.Load() }

// Refresh keeps the entry young: a frame from its address was seen at time
// now. A time before the last one changes nothing.
func (e *Entry) Refresh(now int64) {
	for {
		last := e.lastUsed.Load()
		if now <= last || e.lastUsed.CompareAndSwap(last, now) {
			return
		}
	}
}

// garpLockTime is for how long an address stays where a gratuitous ARP of a port
// that is no bond has put it, whatever such frames come in by bonds, in ns.
const garpLockTime = 5e9

// Lock keeps gratuitous ARPs that come in by bonds from moving the address for some
// seconds from time now on: one was seen on another port, and they may be its copies.
func (e *Entry) Lock(now int64) { e.garpLock.Store(now + garpLockTime) }

// Locked says whether that time has not passed yet.
func (e *Entry) Locked(now int64) bool { return now < e.garpLock.Load() }

// move puts the entry behind another port. Seq comes last: see Port.
func (e *Entry) move(port uint32) {
	e.port.Store(port)
	e.seq.Add(1)
}
