package ofswitch

import "ofswitch/packet"

// Frames that came one by one, from AF_XDP, a plain TAP or a host without offloads, cost
// the port that sends them and the host that receives them a way through the stack each. Where
// a port takes GSO packets of TCP, neighbours in one transmit batch become one, by rules with
// which they can become again what they were. Counters do not show it: a GSO packet
// counts as its segments. A batch that goes through a queue stays as it is, since the shaper
// takes its frames one by one.

// coalesces says whether it may be that frames of t can be put together.
func (t *txBatch) coalesces() bool {
	return t.caps.Coalesce && len(t.frames) > 1 && t.queue == nil && t.caps.Csum && (t.caps.GSOTCPv4 || t.caps.GSOTCPv6)
}

// sendCoalesced puts frames of t together, sends all, and gives back what it took for that.
func (w *worker) sendCoalesced(t *txBatch) {
	t.frames, w.joined = packet.Coalesce(t.frames, t.caps.GSOTCPv4, t.caps.GSOTCPv6, int(t.port.mtu.Load()), w.pools, w.joined)
	w.sendAll(t)
	for i, f := range w.joined {
		w.pools.Put(f)
		w.joined[i] = nil
	}
	w.joined = w.joined[:0]
}
