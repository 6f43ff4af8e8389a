package l2

// Port is what Normal knows of one port of the bridge. A bond is one port.
type Port struct {
	No      uint32
	NoFwd   bool  // nothing leaves through it: OFPPC_NO_FWD, or it is down
	NoFlood bool  // no floods through it; what is for a station behind it goes
	Mirror  bool  // it is the output of a mirror, and takes nothing else
	VLAN    *VLAN // nil: a trunk of all VLANs
}

// Request is a frame for which NORMAL was chosen.
type Request struct {
	Tags        Tags // within the bridge (VLAN.Input): the first one's VID is the VLAN
	Dst         MAC
	InPort      uint32 // 0: none (a controller sent it)
	FloodVLAN   bool   // the VLAN is one of those in which nothing is learned
	ForwardBPDU bool   // forward reserved addresses too (other_config:forward-bpdu)
	// Port finds a port of the bridge; Ports gives all in the order of floods, and is
	// called only for one.
	Port  func(no uint32) (p Port, ok bool)
	Ports func() []Port
}

// Verdict says what is to be done with a frame.
type Verdict uint8

// The verdicts of Normal.
const (
	Drop   Verdict = iota // see Decision.Reason
	Output                // to the one port behind which the station is
	Flood                 // to all ports that take floods
)

// Reason says why a frame is dropped.
type Reason uint8

// The reasons of Normal.
const (
	ReasonNone     Reason = iota
	ReasonReserved        // a group address that bridges do not forward
	ReasonInPort          // the station is behind the port that the frame came from
	ReasonNoFwd           // the station's port forwards nothing
	ReasonNoPorts         // no port takes the flood
	ReasonMirror          // the station is behind the output of a mirror
)

// String is the reason for people.
func (r Reason) String() string {
	return [...]string{"none", "reserved address", "output to the in-port", "port does not forward", "no port to flood to", "output of a mirror"}[r]
}

// Decision is Normal's answer.
type Decision struct {
	Verdict Verdict
	Reason  Reason
	Ports   []uint32 // where the frame goes
	// Asked says that the answer rests on the table: on Entry, or where it is
	// nil on the address being unknown. Seq is the entry's, read first.
	Asked bool
	Entry *Entry
	Seq   uint64
}

// Normal decides where a learning switch sends a frame. lookup is FDB.Lookup;
// ports are appended to out. It learns nothing: the caller does, for frames
// that came in by a port. A known station's port is taken whatever its VLANs: it was
// learnt in this one.
func Normal(r *Request, lookup func(vlan uint16, mac MAC) *Entry, out []uint32) Decision {
	d := Decision{Ports: out}
	if r.InPort != 0 && r.Dst.IsReserved() && !r.ForwardBPDU {
		d.Reason = ReasonReserved
		return d
	}
	if !r.Dst.IsMulticast() && !r.FloodVLAN {
		d.Asked = true
		if d.Entry = lookup(r.Tags[0].VID, r.Dst); d.Entry != nil {
			d.Seq = d.Entry.Seq()
			if d.output(r, d.Entry.Port()) {
				return d
			}
		}
	}
	d.Verdict = Flood
	for _, p := range r.Ports() {
		if !p.NoFwd && !p.NoFlood && !p.Mirror && p.No != r.InPort && (p.VLAN == nil || p.VLAN.Carries(&r.Tags)) {
			d.Ports = append(d.Ports, p.No)
		}
	}
	if len(d.Ports) == len(out) {
		d.Verdict, d.Reason = Drop, ReasonNoPorts
	}
	return d
}

// output decides for a known station. It reports false when its port is gone:
// the address counts as unknown then.
func (d *Decision) output(r *Request, port uint32) bool {
	if port == r.InPort {
		d.Reason = ReasonInPort
		return true
	}
	p, ok := r.Port(port)
	switch {
	case !ok:
		return false
	case p.Mirror:
		d.Reason = ReasonMirror
	case p.NoFwd:
		d.Reason = ReasonNoFwd
	default:
		d.Verdict, d.Ports = Output, append(d.Ports, port)
	}
	return true
}
