package ofconn

import (
	"math/bits"
	"slices"
	"sync/atomic"

	"ofswitch/ofp"
)

// channel is what the connections of one controller share: the main connection
// and the auxiliary ones (OpenFlow 1.3.5 §6.3.5). A role and an asynchronous
// configuration are a controller's, whichever of its connections they came by.
type channel struct {
	main *conn

	// Set by the peer, read when asynchronous messages are made.
	role        atomic.Uint32 // ofp.Role
	async       atomic.Pointer[ofp.AsyncConfig]
	missSendLen atomic.Uint32

	// aux are the auxiliary connections that are past their hello, in the order
	// of their ids: an immutable snapshot, replaced under Manager.mu.
	aux atomic.Pointer[[]*conn]
}

// newChannel makes the channel of a main connection that has just come to be.
func newChannel(main *conn, management bool) *channel {
	ch := &channel{main: main}
	ch.async.Store(&defaultAsync)
	ch.role.Store(uint32(ofp.RoleEqual))
	if !management {
		ch.missSendLen.Store(defaultMissSendLen)
	}
	ch.aux.Store(new([]*conn))
	return ch
}

// auxiliaries gives those that are past their hello. Not to be changed.
func (ch *channel) auxiliaries() []*conn { return *ch.aux.Load() }

// addAuxLocked takes in c, whose hello is done. Manager.mu is held.
func (ch *channel) addAuxLocked(c *conn) {
	list := append(slices.Clone(ch.auxiliaries()), c)
	slices.SortFunc(list, func(a, b *conn) int { return int(a.auxID) - int(b.auxID) })
	ch.aux.Store(&list)
}

// removeAuxLocked takes c out, if it is in. Manager.mu is held.
func (ch *channel) removeAuxLocked(c *conn) {
	list := slices.DeleteFunc(slices.Clone(ch.auxiliaries()), func(o *conn) bool { return o == c })
	ch.aux.Store(&list)
}

// packetInConn is the connection that takes the packet-ins of a flow: one of
// the auxiliary ones, always the same for as long as these are the same, or the
// main one where there is none. flowHash (Options.FlowHash) is asked about the frame only if
// there is a choice; without one all go over the first.
func (ch *channel) packetInConn(flowHash func([]byte) uint64, frame []byte) *conn {
	aux := ch.auxiliaries()
	switch {
	case len(aux) == 0:
		return ch.main
	case len(aux) == 1 || flowHash == nil:
		return aux[0]
	}
	i, _ := bits.Mul64(flowHash(frame), uint64(len(aux)))
	return aux[i]
}
