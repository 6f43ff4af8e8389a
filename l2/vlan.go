package l2

import "fmt"

// VLANs is a set of VLAN ids, 0 to 4095. The nil set is that of all.
type VLANs struct {
	words [64]uint64
}

// NewVLANs makes a set; nil, so all, of no ids. Ids above 4095 are left out.
func NewVLANs(ids []uint16) *VLANs {
	if len(ids) == 0 {
		return nil
	}
	s := &VLANs{}
	for _, id := range ids {
		if id < 4096 {
			s.set(id, true)
		}
	}
	return s
}

// Has says whether a VLAN is in the set.
func (s *VLANs) Has(id uint16) bool {
	return s == nil || s.words[id>>6&63]>>(id&63)&1 != 0
}

func (s *VLANs) set(id uint16, on bool) {
	s.words[id>>6] &^= 1 << (id & 63)
	if on {
		s.words[id>>6] |= 1 << (id & 63)
	}
}

// Equal says whether two sets have the same ids.
func (s *VLANs) Equal(o *VLANs) bool {
	if s == nil || o == nil {
		return s == o
	}
	return s.words == o.words
}

// Mode is how a port takes part in VLANs (column vlan_mode of table Port in
// ovs-vswitchd.conf.db(5)).
type Mode uint8

// The modes.
const (
	Trunk          Mode = iota // frames come and go with their tag
	Access                     // untagged, all in one VLAN
	NativeTagged               // a trunk; untagged frames are of the native VLAN, which leaves tagged
	NativeUntagged             // a trunk; untagged frames are of the native VLAN, which leaves untagged
	Tunnel                     // dot1q-tunnel: frames are customers', inside of one service VLAN
)

// String is the mode as in the database.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return fmt.Sprintf("mode %d", uint8(m))
}

var modeNames = [...]string{"trunk", "access", "native-tagged", "native-untagged", "dot1q-tunnel"}

// PriorityTags says what becomes of tags with VLAN id 0 on output
// (other_config:priority-tags of table Port).
type PriorityTags uint8

// The settings.
const (
	PriorityNever     PriorityTags = iota // the priority is not carried over
	PriorityIfNonzero                     // a tag for a priority that is not 0
	PriorityAlways                        // a tag also for priority 0, if the frame had one
)

// VLAN is how a port takes part in VLANs. The zero VLAN: a trunk of all.
// Immutable once in use.
type VLAN struct {
	Mode Mode
	// Tag is the VLAN of an access port, the native one, or a tunnel's service VLAN.
	Tag uint16
	// Trunks are the VLANs of a trunk or native port, CVLANs the customers' VLANs of
	// a tunnel; nil: all.
	Trunks, CVLANs *VLANs
	Priority       PriorityTags
	// TPID is the EtherType of a tunnel's service tag.
	TPID uint16
}

// Normalised is v as it works: a native VLAN is carried whatever Trunks says, VLAN 0
// is then not, and what the mode does not use is zero.
func (v VLAN) Normalised() VLAN {
	switch v.Mode {
	case Trunk:
		v.Tag = 0
	case Access:
		v.Trunks = nil
	case NativeTagged, NativeUntagged:
		if v.Tag != 0 && (v.Trunks == nil || !v.Trunks.Has(v.Tag) || v.Trunks.Has(0)) {
			s := &VLANs{}
			for id := range uint16(4096) {
				s.set(id, id == v.Tag || id != 0 && v.Trunks.Has(id))
			}
			v.Trunks = s
		}
	}
	if v.Mode != Tunnel {
		v.CVLANs, v.TPID = nil, 0
	}
	return v
}

// Equal says whether two ports take part alike.
func (v *VLAN) Equal(o *VLAN) bool {
	return v.Mode == o.Mode && v.Tag == o.Tag && v.Priority == o.Priority && v.TPID == o.TPID &&
		v.Trunks.Equal(o.Trunks) && v.CVLANs.Equal(o.CVLANs)
}

// Tag is one VLAN tag. TPID 0: none, or one that this switch made, with the usual
// EtherType.
type Tag struct {
	TPID, VID uint16
	PCP       uint8
}

// Tags are the outermost VLAN tags of a frame, two as it comes and goes and three
// where a tunnel's service tag is in front. In a frame those that are there come
// first and have a TPID. Within a bridge the first one's VID is the frame's VLAN.
type Tags [3]Tag

// usualTPID is the EtherType of IEEE 802.1Q tags.
const usualTPID = 0x8100

// Admits says whether frames with this outermost VID, 0 for untagged ones, may come
// in by the port.
func (v *VLAN) Admits(vid uint16) bool {
	switch v.Mode {
	case Access:
		return vid == 0
	case NativeTagged, NativeUntagged:
		return vid == 0 || v.Trunks.Has(vid)
	case Tunnel:
		return v.CVLANs.Has(vid)
	}
	return v.Trunks.Has(vid)
}

// Input gives the tags within the bridge of a frame that came in by the port, which
// Admits it.
func (v *VLAN) Input(in Tags) Tags {
	switch v.Mode {
	case Access:
		return Tags{{orUsual(in[0].TPID), v.Tag, in[0].PCP}}
	case NativeTagged, NativeUntagged:
		if in[0].VID == 0 {
			in[0] = Tag{orUsual(in[0].TPID), v.Tag, in[0].PCP}
		}
	case Tunnel:
		return Tags{{TPID: v.TPID, VID: v.Tag}, in[0], in[1]}
	}
	return in
}

func orUsual(tpid uint16) uint16 {
	if tpid == 0 {
		return usualTPID
	}
	return tpid
}

// Carries says whether frames with these tags within the bridge leave by the port
// when they are flooded.
func (v *VLAN) Carries(t *Tags) bool {
	switch v.Mode {
	case Access:
		return t[0].VID == v.Tag && t[1].VID == 0
	case Tunnel:
		return t[0].VID == v.Tag && v.CVLANs.Has(t[1].VID)
	}
	return v.Trunks.Has(t[0].VID)
}

// Output gives the tags with which a frame leaves by the port: t are those within
// the bridge, was those of the frame as it is, of which n are there. It returns how
// many there are then.
func (v *VLAN) Output(t, was Tags) (out Tags, n int) {
	out = t
	switch v.Mode {
	case Access:
		out = Tags{}
	case NativeUntagged:
		if t[0].VID == v.Tag {
			out = Tags{t[1], t[2]}
		}
	case Tunnel:
		out = Tags{t[1], t[2]}
	}
	if v.Priority != PriorityNever {
		out[0].PCP = was[0].PCP
	}
	for ; n < len(out); n++ {
		o := &out[n]
		if o.VID == 0 && o.PCP == 0 && (v.Priority != PriorityAlways || o.TPID == 0) {
			// Nothing to say: no tag, nor any behind it.
			break
		}
		o.TPID = orUsual(o.TPID)
	}
	clear(out[n:])
	return out, n
}
