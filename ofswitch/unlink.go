package ofswitch

import (
	"sync"

	"ofswitch/flowtable"
)

// remains are flow entries, groups and meters that nobody sees any more and of which
// everybody has been told: all that is left is to take them out of memory. Nobody waits
// for that, which takes a microsecond or two for each: the collector does it by parts, so that who
// changes the tables waits for one part at most, and those who change them help when there is
// much to do, so that they do not outrun it.
type remains struct {
	mu      sync.Mutex
	list    []removal // the first one without those that are done
	entries int       // in the list, groups and meters with them
	// listings need what was removed after their versions.
	listings map[*listing]struct{}
}

const (
	// unlinkBatch is how many entries are taken out of memory under one lock, a
	// millisecond or two: others who change the tables wait for no more.
	unlinkBatch = 1024
	// unlinkHelp is how many a flow-mod takes out while more than maxPending wait.
	unlinkHelp = 32
	// maxRemains is how many may wait when something is changed: as many as a full table has. So the
	// second of two messages that empty it, or replace all it has, waits for the remains of the first.
	maxRemains = listingHeld
)

// add leaves a removal to be taken out of memory.
func (r *remains) add(x removal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, x)
	r.entries += x.size()
}

// take gives a part of at most n entries, none if there is nothing left that no listing
// needs.
func (r *remains) take(n int) (b *Bridge, part flowtable.Change, some bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.list) == 0 {
		return nil, part, false
	}
	x := &r.list[0]
	if r.heldLocked(x) {
		return nil, part, false // and so is what was removed later
	}
	all := x.change.Removed
	n = min(n, len(all))
	part.Removed = all[:n]
	r.entries -= n
	b = x.bridge
	if n < len(all) {
		x.change = &flowtable.Change{Removed: all[n:], Groups: x.change.Groups, Meters: x.change.Meters}
		return b, part, true
	}
	part.Groups, part.Meters = x.change.Groups, x.change.Meters
	r.entries -= len(part.Groups) + len(part.Meters)
	r.list[0] = removal{}
	if r.list = r.list[1:]; len(r.list) == 0 {
		r.list = nil
	}
	return b, part, true
}

// waiting is how many entries, groups and meters wait.
func (r *remains) waiting() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.entries
}

// unlink takes a part of the remains out of memory, about n entries, and says whether there was
// something to do.
func (d *Datapath) unlink(n int) bool {
	did := false
	for n > 0 {
		b, part, some := d.remains.take(n)
		if !some {
			break
		}
		n -= max(len(part.Removed), 1)
		did = true
		d.unlinkPart(b, &part)
	}
	return did
}

func (d *Datapath) unlinkPart(b *Bridge, part *flowtable.Change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	b.tables.UnlinkAll(part)
	d.unlinked.Add(uint64(len(part.Removed)))
}

// unlinkLater has the collector take out what is left. With Options.Manual it is done
// at once.
func (d *Datapath) unlinkLater() {
	if d.manual {
		for d.unlink(unlinkBatch) {
		}
		return
	}
	select {
	case d.unlinkWake <- struct{}{}:
	default: // it is awake
	}
}
