package ofswitch

import (
	"runtime/debug"
	"runtime/metrics"
)

// trimmer gives memory back after much of it has become free: a million flows that
// were deleted, or what was thrown away while they came. The runtime alone collects
// when as much again has been allocated, which after the last of many flow-mods may
// be never, and keeps what it collects for the next ones. The collector's.
type trimmer struct {
	// used and live are bytes in objects when looked at last, and after the last
	// collection that trim made or saw.
	used, live uint64
	unlinked   uint64 // flow entries taken out of memory, when looked at last
	pending    uint64 // of these, those that no collection has freed
	free       func() // collects and gives back
}

const (
	// trimBytes is how much must be to gain, and trimShare that it must be that part
	// of what is in use: a collection reads all of that.
	trimBytes = 32 << 20
	trimShare = 4
	// trimStill is how many bytes may be allocated between two looks by who is at rest.
	trimStill = 4 << 20
	// entryBytes is about what a flow entry takes, with its rule.
	entryBytes = 256
)

// heapNow is what the runtime says of its heap, in bytes: in objects, dead ones
// included; alive after the last collection; free and not given back.
func heapNow() (used, live, idle uint64) {
	s := [...]metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/free:bytes"}}
	metrics.Read(s[:])
	return s[0].Value.Uint64(), s[1].Value.Uint64(), s[2].Value.Uint64()
}

// look is called once a second, with what heapNow says and how many flow entries
// were taken out of memory ever.
func (t *trimmer) look(used, live, idle, unlinked uint64) {
	if live != t.live {
		t.live, t.pending = live, 0 // a collection: it has freed those before
	}
	t.pending += unlinked - t.unlinked
	still := used-t.used < trimStill && unlinked == t.unlinked // less wraps around: a collection is at work
	t.used, t.unlinked = used, unlinked
	gain := idle + max(used-min(live, used), t.pending*entryBytes)
	if !still || gain < trimBytes || gain < used/trimShare {
		return
	}
	t.free()
	t.used, t.live, _ = heapNow()
	t.pending = 0
}

// trim gives memory back, now and then. Only the collector's goroutine may call it.
func (d *Datapath) trim() {
	used, live, idle := heapNow()
	d.trimmer.look(used, live, idle, d.unlinked.Load())
}

func newTrimmer() trimmer { return trimmer{free: debug.FreeOSMemory} }
