package ports

import (
	"sync"
	"time"

	"ofswitch/ports/isolate"
	"ofswitch/ports/kernelpath"
)

// othersPrograms is why a port has no kernel path while programs of others are attached where they would not meet, or
// keep, what the kernel forwards.
const othersPrograms = "tcx"

// programsOfOthers says so; empty: there are none.
func programsOfOthers(k *kernelpath.Port) string {
	some, err := k.Others()
	switch {
	case err != nil:
		return inOneLine(err)
	case some:
		return othersPrograms
	}
	return ""
}

// egressEvery is how old what is known of a network namespace's egress chains may be.
const egressEvery = 500 * time.Millisecond

// egressChains are those of the network namespaces where ports are.
var egressChains struct {
	sync.Mutex
	of map[namespaceID]*egressKnown
}

// egressKnown is what was known at a time.
type egressKnown struct {
	at      time.Time
	devices func(name string) bool
	err     error
}

// filtered says that nftables has chains for what leaves by the device: what the kernel path redirects would pass them by.
func (d *device) filtered() string {
	ns, err := namespaceOf(d.ctl)
	if err != nil {
		ns = namespaceID{} // not permitted: then there is one for all ports
	}
	e := &egressChains
	e.Lock()
	defer e.Unlock()
	now := time.Now()
	k := e.of[ns]
	if k == nil || now.Sub(k.at) > egressEvery {
		k = &egressKnown{at: now}
		_, k.err = inNamespaceOf(d.ctl, func() (n int, err error) {
			k.devices, err = isolate.EgressChains()
			return 0, err
		})
		if e.of == nil {
			e.of = map[namespaceID]*egressKnown{}
		}
		for id, old := range e.of { // namespaces that are gone
			if now.Sub(old.at) > time.Minute {
				delete(e.of, id)
			}
		}
		e.of[ns] = k
	}
	switch {
	case k.err != nil:
		return inOneLine(k.err)
	case k.devices(d.name):
		return "nftables"
	}
	return ""
}
