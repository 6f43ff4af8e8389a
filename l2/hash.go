package l2

import (
	"math/bits"
	"math/rand/v2"
	"sync/atomic"
)

// hashTable maps VLAN and MAC to an entry: chains behind a fixed row of
// buckets. A table that gets too full is replaced by a larger one.
type hashTable struct {
	buckets []atomic.Pointer[node]
}

// node is a link of a chain. It is never changed but for next, and next only
// to skip a node that goes.
type node struct {
	e    *Entry
	next atomic.Pointer[node]
}

// minBuckets is the size of an empty table: a thousand idle bridges should
// cost nothing. A power of two, as all sizes.
const minBuckets = 64

// hashSeed is secret: whoever chooses addresses must not choose chains.
var hashSeed = [2]uint64{rand.Uint64(), rand.Uint64() | 1}

func newHashTable(buckets int) *hashTable {
	return &hashTable{buckets: make([]atomic.Pointer[node], buckets)}
}

func (t *hashTable) bucket(vlan uint16, mac MAC) *atomic.Pointer[node] {
	hi, lo := bits.Mul64((uint64(vlan)<<48|uint64(mac))^hashSeed[0], hashSeed[1])
	return &t.buckets[(hi^lo)&uint64(len(t.buckets)-1)]
}

func (t *hashTable) find(vlan uint16, mac MAC) *Entry {
	for n := t.bucket(vlan, mac).Load(); n != nil; n = n.next.Load() {
		if n.e.MAC == mac && n.e.VLAN == vlan {
			return n.e
		}
	}
	return nil
}

// add links e, which is not in the table. One writer at a time.
func (t *hashTable) add(e *Entry) {
	head := t.bucket(e.VLAN, e.MAC)
	n := &node{e: e}
	n.next.Store(head.Load())
	head.Store(n)
}

// remove unlinks e. One writer at a time.
func (t *hashTable) remove(e *Entry) {
	at := t.bucket(e.VLAN, e.MAC)
	for n := at.Load(); n != nil; n = at.Load() {
		if n.e == e {
			at.Store(n.next.Load())
			return
		}
		at = &n.next
	}
}
