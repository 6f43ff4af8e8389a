package ofswitch

import (
	"ofswitch/classifier"
	"ofswitch/ofp"
)

// listing is a walk over the tables as they are in one version, which may take long: a
// controller reads the answer as slowly as it likes. What has gone since stays in memory
// for it, so that it finds each entry of its version once, also those that have been
// modified or replaced meanwhile.
type listing struct {
	version classifier.Version
	// overrun: so much has gone since that it was taken out of memory. Guarded by
	// remains.mu.
	overrun bool
}

// listingHeld is how many entries that have gone may stay in memory for listings, groups and
// meters among them: a flow-mod that modifies a full table leaves so many.
const listingHeld = 1 << 20

// listing calls walk with the version that of gives, Datapath.Version, whose entries stay in memory until it
// returns.
func (b *Bridge) listing(of func() classifier.Version, walk func(v classifier.Version) error) error {
	return b.list(b.d.remains.begin(of), walk)
}

// list calls walk with the version of a listing, which ends then.
func (b *Bridge) list(l *listing, walk func(v classifier.Version) error) error {
	defer b.endListing(l)
	if err := walk(l.version); err != nil {
		return err
	}
	if b.d.remains.overran(l) {
		return ofp.BadRequestMultipartBufferOverflow.Errorf("bridge %s: more than %d entries went while they were listed, and some are missing in the list; ask again", b.name, listingHeld)
	}
	return nil
}

// endListing lets go of what a listing held.
func (b *Bridge) endListing(l *listing) {
	if b.d.remains.end(l) {
		b.d.unlinkLater()
	}
}

// begin notes a listing of the version that of gives.
func (r *remains) begin(of func() classifier.Version) *listing {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := &listing{version: of()} // under the lock: nothing is taken out meanwhile
	if r.listings == nil {
		r.listings = map[*listing]struct{}{}
	}
	r.listings[l] = struct{}{}
	return l
}

// end ends a listing and says whether anything may have waited for it.
func (r *remains) end(l *listing) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.listings, l)
	return len(r.list) > 0
}

func (r *remains) overran(l *listing) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return l.overrun
}

// heldLocked says whether some listing needs what x removed. Of too much it needs nothing: the
// listing is marked.
func (r *remains) heldLocked(x *removal) (held bool) {
	for l := range r.listings {
		if l.version >= x.version || l.overrun {
			continue
		}
		if r.entries <= listingHeld {
			return true
		}
		l.overrun = true
	}
	return false
}
