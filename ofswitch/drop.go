package ofswitch

import (
	"sync/atomic"

	"ofswitch/flowtable"
)

// dropReason names why frames went nowhere. A frame that goes to several ports
// may count at several places.
type dropReason uint8

const (
	dropNoMatch      dropReason = iota // no entry of a flow table, not even a table-miss one
	dropNoPort                         // output to a number that no port has
	dropInPort                         // output to the number of the ingress port
	dropPortConfig                     // port down, NO_RECV, NO_FWD
	dropFragment                       // fragment, and fragments are to be dropped
	dropTTL                            // TTL exhausted
	dropPatch                          // patch port without peer
	dropLoop                           // more patch ports or recirculations than a frame may pass
	dropComplex                        // a flow that is too much work for one frame
	dropReserved                       // reserved multicast address at NORMAL
	dropMirror                         // the port is the output of a mirror
	dropVLAN                           // a VLAN that the ingress port does not carry
	dropProtected                      // from one protected port to another
	dropBond                           // a bond that does not take the frame, or has no member to send it
	dropTruncated                      // no whole Ethernet header
	dropHeadroom                       // no room for one more tag
	dropChecksum                       // a partial checksum that cannot be finished
	dropSegment                        // a GSO frame that cannot be segmented
	dropUpcall                         // packet-in: the port's queue is full
	dropUpcallMem                      // packet-in: too many bytes wait
	dropGroup                          // no bucket for the frame, or no such group
	dropMeter                          // a meter's band
	dropQueue                          // a port's queue is full
	dropBadFragment                    // fragment that cannot be right, overlaps another, or came before
	dropLateFragment                   // fragment whose others did not come in time
	dropFragmentMem                    // fragment that had to make room for others
	dropInternal                       // a bug of ours
	numDropReasons
)

// dropNames are the reasons as Drops names them.
var dropNames = [numDropReasons]string{
	dropNoMatch:      "no_match",
	dropNoPort:       "no_such_port",
	dropInPort:       "output_to_in_port",
	dropPortConfig:   "port_config",
	dropFragment:     "fragment",
	dropTTL:          "ttl",
	dropPatch:        "patch_without_peer",
	dropLoop:         "loop",
	dropComplex:      "too_complex",
	dropReserved:     "reserved_multicast",
	dropMirror:       "mirror_output",
	dropVLAN:         "vlan",
	dropProtected:    "protected",
	dropBond:         "bond",
	dropTruncated:    "truncated",
	dropHeadroom:     "no_headroom",
	dropChecksum:     "bad_checksum_request",
	dropSegment:      "bad_gso",
	dropUpcall:       "packet_in_queue_full",
	dropUpcallMem:    "packet_in_memory_full",
	dropGroup:        "group",
	dropMeter:        "meter",
	dropQueue:        "queue_full",
	dropBadFragment:  "bad_fragment",
	dropLateFragment: "late_fragment",
	dropFragmentMem:  "fragment_memory_full",
	dropInternal:     "internal_error",
}

// dropCounter counts the drops that translation foresees as a credit, and
// those of execution, which are rare, by an atomic add.
type dropCounter struct {
	flowtable.Counters
	late atomic.Uint64
}

func (c *dropCounter) add(n uint64) { c.late.Add(n) }

// warnOfLoop logs, once in a while, that a frame on its way into patch port p goes no
// further.
func (d *Datapath) warnOfLoop(what string, p *port) {
	now, last := d.clock(), d.warned.Load()
	if last != 0 && now-last < loopWarningEvery || !d.warned.CompareAndSwap(last, now) {
		return
	}
	d.log.Warn(what, "bridge", p.bridge.name, "port", p.name, "depth", maxDepth, "steps", maxSteps)
}

// Drops gives the number of frames dropped by reason, exact as of the call.
func (d *Datapath) Drops() map[string]uint64 {
	d.Sync()
	d.fold()
	m := make(map[string]uint64, numDropReasons)
	for i := range d.drops {
		m[dropNames[i]] = d.drops[i].Packets() + d.drops[i].late.Load()
	}
	return m
}
