package ports

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"

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

// egressEvery is how old what is known of a network namespace's egress may be.
const egressEvery = 500 * time.Millisecond

// egress is what stands where frames leave by the devices of the network namespaces where ports are.
var egress struct {
	sync.Mutex
	of map[namespaceID]*egressKnown
}

// egressKnown is what was known at a time.
type egressKnown struct {
	at      time.Time
	devices func(name string) bool // those that have chains of nftables
	shaped  map[int]string         // those that have other queueing disciplines than plain ones, by ifindex
	err     error
}

// atEgress says that nftables has chains for what leaves by the device: what the kernel path redirects would pass them by.
// And a queueing discipline that shapes drops frames, of which the switch learns only where it has sent them itself.
func (d *device) atEgress() string {
	ns, err := namespaceOf(d.ctl)
	if err != nil {
		ns = namespaceID{} // not permitted: then there is one for all ports
	}
	e := &egress
	e.Lock()
	defer e.Unlock()
	now := time.Now()
	k := e.of[ns]
	if k == nil || now.Sub(k.at) > egressEvery {
		k = &egressKnown{at: now}
		_, k.err = inNamespaceOf(d.ctl, func() (n int, err error) {
			if k.devices, err = isolate.EgressChains(); err == nil {
				k.shaped, err = shapedDevices()
			}
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
	case k.shaped[d.ifindex] != "":
		return "qdisc " + k.shaped[d.ifindex]
	}
	return ""
}

// shapedDevices are the devices of the thread's network namespace at whose root is a queueing discipline that somebody has set, and
// its kind.
func shapedDevices() (map[int]string, error) {
	list, err := netlink.QdiscList(nil)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) { // then it has most of them, and the next has the rest
		return nil, err
	}
	shaped := map[int]string{}
	for _, q := range list {
		if a := q.Attrs(); a.Parent == netlink.HANDLE_ROOT && q.Type() != "noop" && !slices.Contains(plainQdiscs, q.Type()) {
			shaped[a.LinkIndex] = q.Type()
		}
	}
	return shaped, nil
}
