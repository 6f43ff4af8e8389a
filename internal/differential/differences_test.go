package differential

import (
	"slices"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// departure is a row of the table: a place where this switch and Open vSwitch
// answer differently, and are meant to.
type departure struct {
	name string // what it is about, in a few words
	// theirs and ours say what Open vSwitch does and what this switch does; letter
	// which paragraph makes us right.
	theirs, ours, letter string
	// holds says whether the row explains the answers to a message.
	holds func(d *deed) bool
}

// deed is one message and what was answered.
type deed struct {
	*facts
	ours, theirs             string   // normal
	ourCode, theirCode       ofp.Code // none: no error
	ourRefusal, theirRefusal bool
}

// none stands for the code of no error.
const none ofp.Code = 0xffffffff

// explain finds the row that explains a difference.
func explain(msg []byte, ours, theirs [][]byte) *departure {
	d := &deed{facts: read(msg), ours: normalAll(ours), theirs: normalAll(theirs), ourCode: none, theirCode: none}
	for _, b := range ours {
		if ofp.Type(b[1]) == ofp.TypeError {
			d.ourCode, d.ourRefusal = errorCode(b), true
		}
	}
	for _, b := range theirs {
		if ofp.Type(b[1]) == ofp.TypeError {
			d.theirCode, d.theirRefusal = errorCode(b), true
		}
	}
	for i := range departures {
		if departures[i].holds(d) {
			return &departures[i]
		}
	}
	return nil
}

// we and they say whether the answer was one of the codes.
func (d *deed) we(codes ...ofp.Code) bool   { return slices.Contains(codes, d.ourCode) }
func (d *deed) they(codes ...ofp.Code) bool { return slices.Contains(codes, d.theirCode) }

// dupInst is ONF's code for an instruction that stands twice, in OpenFlow 1.3.
const dupInst ofp.Code = 0xffff<<16 | 2600

// maskedSet is ONF's code for a set-field with a mask.
const maskedSet ofp.Code = 0xffff<<16 | 4250

var departures = []departure{
	// What Open vSwitch does not have.
	{
		"PBB, and copying TTLs", "BAD_ACTION/BAD_TYPE", "work", "§7.2.5",
		func(d *deed) bool {
			return d.they(ofp.BadActionBadType) && d.acts(ofp.ActionPushPBB, ofp.ActionPopPBB, ofp.ActionCopyTTLIn, ofp.ActionCopyTTLOut)
		},
	},
	{
		"IN_PHY_PORT, PBB_ISID, IPV6_EXTHDR", "BAD_FIELD, BAD_SET_TYPE", "matched, and PBB_ISID set", "§7.2.3.7",
		func(d *deed) bool {
			return d.they(ofp.BadMatchBadField) && d.matches(unknownToOVS...) ||
				d.they(ofp.BadActionBadSetType, ofp.BadActionBadSetLen) && d.sets(unknownToOVS...)
		},
	},
	{
		"set-field of ETH_TYPE, IP_PROTO, MPLS_BOS", "BAD_SET_ARGUMENT", "works", "§7.2.5: all fields but those of the ingress port, metadata and pseudo-fields can be set",
		func(d *deed) bool { return d.they(ofp.BadActionBadSetArgument) && d.sets(unknownByOVSToSet...) },
	},
	{
		"ARP_OP above 255", "BAD_VALUE, or MATCH_INCONSISTENT of a set-field", "16 bits", "§7.2.3.7: OXM_OF_ARP_OP has 16 bits",
		func(d *deed) bool {
			big := func(t tlv) bool { return t.id == flow.ARPOp && len(t.payload) >= 2 && be.Uint16(t.payload) > 255 }
			return d.they(ofp.BadMatchBadValue, ofp.BadActionBadSetArgument) && (slices.ContainsFunc(d.match, big) || d.anyAction(func(a *act) bool { return a.set != nil && big(*a.set) }))
		},
	},
	{
		"port numbers of 0xff00 and more", "BAD_OUT_PORT, whatever names them: ports have 16 bits", "32 bits", "§7.2.1: OFPP_MAX is 0xffffff00",
		func(d *deed) bool { return d.they(ofp.BadActionBadOutPort, ofp.BadMatchBadValue) && d.namesBigPort() },
	},
	{
		"band DSCP_REMARK", "BAD_BAND", "works", "§7.3.4.4",
		func(d *deed) bool {
			return d.typ == ofp.TypeMeterMod && d.they(ofp.MeterModFailedBadBand) && !d.ourRefusal
		},
	},
	{
		"meter without a unit", "BAD_FLAGS", "kbit/s", "§7.3.4.4: KBPS is what holds without PKTPS",
		func(d *deed) bool { return d.typ == ofp.TypeMeterMod && d.they(ofp.MeterModFailedBadFlags) },
	},

	// What Open vSwitch lets pass.
	{
		"fields of other classes than OPENFLOW_BASIC, and of later versions", "registers, tunnels and so on", "BAD_FIELD, BAD_SET_TYPE", "§7.2.3.2",
		func(d *deed) bool {
			other := func(t tlv) bool { return t.class != flow.ClassBasic || t.id >= flow.NumFields }
			return d.we(ofp.BadMatchBadField, ofp.BadActionBadSetType) &&
				(slices.ContainsFunc(d.match, other) || d.anyAction(func(a *act) bool { return a.set != nil && other(*a.set) }))
		},
	},
	{
		"set-field of what an earlier set-field has made impossible", "accepted", "MATCH_INCONSISTENT", "§7.4.4: the action cannot apply for this match",
		func(d *deed) bool {
			return d.we(ofp.BadActionMatchInconsistent) && !d.theirRefusal && d.sets(flow.EthType, flow.IPProto, flow.ICMPv6Type)
		},
	},
	{
		"fragment handling 3", "Nicira's NX_MATCH", "BAD_FLAGS", "§7.3.2: there are 0, 1 and 2",
		func(d *deed) bool {
			return d.typ == ofp.TypeSetConfig && d.we(ofp.SwitchConfigFailedBadFlags) && !d.theirRefusal
		},
	},
	{
		"queues of ports without any", "each has queue 0", "BAD_QUEUE", "§7.3.5.8",
		func(d *deed) bool { return d.we(ofp.QueueOpFailedBadQueue) },
	},
	{
		"miss_send_len between OFPCML_MAX and OFPCML_NO_BUFFER", "accepted", "SWITCH_CONFIG_FAILED/BAD_LEN", "§7.3.2, §7.4.4",
		func(d *deed) bool { return d.we(ofp.SwitchConfigFailedBadLen) && !d.theirRefusal },
	},
	{
		"a field masked with zeros twice", "accepted", "DUP_FIELD", "§7.2.3.6: a field may stand once",
		func(d *deed) bool { return d.we(ofp.BadMatchDupField) },
	},
	{
		"ICMPV6_CODE other than 0 before fields of neighbour discovery", "BAD_PREREQ", "accepted", "§7.2.3.8: the type alone is asked for",
		func(d *deed) bool {
			return d.they(ofp.BadMatchBadPrereq, ofp.BadActionMatchInconsistent) && d.matches(flow.ICMPv6Code)
		},
	},
	{
		"a mask of all bits of a field that has no mask", "BAD_MASK where the field does not fill its bytes, and before other faults", "exact", "§7.2.3.5",
		func(d *deed) bool { return d.they(ofp.BadMatchBadMask) },
	},
	{
		"padding of a set-field that is not zero", "BAD_SET_ARGUMENT", "not looked at", "§7.2.5",
		func(d *deed) bool {
			return d.they(ofp.BadActionBadSetArgument) && d.anyAction(func(a *act) bool {
				return a.set != nil && len(a.body) >= 4+len(a.set.payload) && slices.ContainsFunc(a.body[4+len(a.set.payload):], func(b byte) bool { return b != 0 })
			})
		},
	},
	{
		"messages of Nicira that are settings of other protocols", "read and carried out", "BAD_EXP_TYPE", "§7.4.4: no part of OpenFlow 1.3",
		func(d *deed) bool { return d.typ == ofp.TypeExperimenter && d.we(ofp.BadRequestBadExpType) },
	},
	{
		"group-mod commands of extensions and of OpenFlow 1.5", "0x8000 adds or modifies, 3 and 5 change buckets", "BAD_COMMAND", "§7.3.4.2",
		func(d *deed) bool {
			return d.we(ofp.GroupModFailedBadCommand) && (d.command == 3 || d.command == 5 || d.command == 0x8000)
		},
	},
	{
		"actions of OpenFlow 1.0 and 1.1", "some work, others are BAD_ARGUMENT", "BAD_TYPE", "§7.2.5",
		func(d *deed) bool {
			return d.we(ofp.BadActionBadType) && d.anyAction(func(a *act) bool { return a.typ > 0 && a.typ < 15 && a.typ != 11 && a.typ != 12 })
		},
	},
	{
		"GOTO_TABLE to 255", "accepted", "BAD_TABLE_ID", "§5.1: the last table has no goto",
		func(d *deed) bool { return d.we(ofp.BadInstructionBadTableID) && !d.theirRefusal },
	},
	{
		"messages of another version than negotiated", "echoes are answered in their version, versions later than 1.3 read", "BAD_VERSION", "§6.3.1",
		func(d *deed) bool { return d.we(ofp.BadRequestBadVersion) },
	},
	{
		"undefined bits of PORT_MOD", "accepted", "BAD_CONFIG, BAD_ADVERTISE", "§7.4.4",
		func(d *deed) bool { return d.we(ofp.PortModFailedBadConfig, ofp.PortModFailedBadAdvertise) },
	},
	{
		"undefined bits of TABLE_MOD", "accepted", "BAD_CONFIG", "§7.4.4",
		func(d *deed) bool { return d.we(ofp.TableModFailedBadConfig) },
	},
	{
		"output to port 0, to ANY, to undefined reserved numbers; to TABLE in a flow or a bucket", "accepted", "BAD_OUT_PORT", "§7.2.5, §4.5: TABLE is for packet-outs alone",
		func(d *deed) bool { return d.we(ofp.BadActionBadOutPort) },
	},
	{
		"set-field of METADATA", "works", "BAD_SET_ARGUMENT", "§7.2.5: WRITE_METADATA is for it",
		func(d *deed) bool { return d.we(ofp.BadActionBadSetArgument) && d.sets(flow.Metadata) },
	},
	{
		"CHECK_OVERLAP and an identical entry", "replaces it", "OVERLAP", "§6.4: entries overlap if a packet may match both",
		func(d *deed) bool { return d.we(ofp.FlowModFailedOverlap) && !d.theirRefusal },
	},
	{
		"SET_QUEUE of all queues", "accepted", "BAD_QUEUE", "§7.2.5: a frame goes through one, and 0xffffffff is all (§7.3.5.8)",
		func(d *deed) bool {
			return d.we(ofp.BadActionBadQueue) && !d.theirRefusal && d.anyAction(func(a *act) bool { return a.typ == ofp.ActionSetQueue && a.word() == ofp.QueueAll })
		},
	},
	{
		"more than two VLAN tags", "BAD_TAG", "as many as the frame has room for", "§7.2.5",
		func(d *deed) bool { return d.they(ofp.BadActionBadTag) && d.acts(ofp.ActionPushVLAN) },
	},
	{
		"more than three labels in the frame of a packet-out", "dropped, and FLOW_MOD_FAILED/UNKNOWN", "as many as the frame has room for", "§7.2.5",
		func(d *deed) bool {
			return d.typ == ofp.TypePacketOut && d.they(ofp.FlowModFailedUnknown) && !d.ourRefusal && d.acts(ofp.ActionPushMPLS)
		},
	},
	{
		"set-field of ports and of ICMP in a packet-out of a later fragment", "MATCH_INCONSISTENT", "accepted, and without effect", "table 12: IP_PROTO alone is asked for, and the frame has it",
		func(d *deed) bool {
			return d.typ == ofp.TypePacketOut && d.they(ofp.BadActionMatchInconsistent) && !d.ourRefusal && d.laterFragment() && d.acts(ofp.ActionSetField)
		},
	},
	{
		"actions that do not fit the match, in WRITE_ACTIONS", "accepted, set-field apart", "MATCH_INCONSISTENT", "§7.4.4: the action cannot apply for this match",
		func(d *deed) bool { return d.we(ofp.BadActionMatchInconsistent) && d.has[ofp.InstrWriteActions] > 0 },
	},
	{
		"set-field in WRITE_ACTIONS behind a label", "MATCH_INCONSISTENT", "accepted: the action set may have the pop from an earlier table", "§5.10",
		func(d *deed) bool {
			return d.they(ofp.BadActionMatchInconsistent) && d.has[ofp.InstrWriteActions] > 0 && !d.ourRefusal
		},
	},
	{
		"set-field behind POP_MPLS", "MATCH_INCONSISTENT of all but what the EtherType says", "what was matched below the label is known", "§7.2.5",
		func(d *deed) bool {
			return d.they(ofp.BadActionMatchInconsistent) && d.acts(ofp.ActionPopMPLS) && !d.ourRefusal
		},
	},
	{
		"groups and meters that there are not, in a modification", "accepted if no entry is modified", "BAD_OUT_GROUP, INVALID_METER", "§6.4",
		func(d *deed) bool {
			return d.typ == ofp.TypeFlowMod && (d.command == ofp.FlowModify || d.command == ofp.FlowModifyStrict) &&
				d.we(ofp.BadActionBadOutGroup, ofp.MeterModFailedInvalidMeter)
		},
	},
	{
		"instructions of a deletion", "checked", "read, and not looked at", "§7.3.4.1: they are for adding and modifying",
		func(d *deed) bool {
			return d.typ == ofp.TypeFlowMod && (d.command == ofp.FlowDelete || d.command == ofp.FlowDeleteStrict) && !d.ourRefusal && d.theirRefusal
		},
	},
	{
		"buckets of a group's deletion", "INVALID_GROUP", "read, and not looked at", "§6.5",
		func(d *deed) bool {
			return d.typ == ofp.TypeGroupMod && d.command == ofp.GroupDelete && !d.ourRefusal && d.theirRefusal
		},
	},
	{
		"rings of groups, groups that there are not, groups in use, what cannot be watched", "accepted",
		"LOOP, UNKNOWN_GROUP, BAD_OUT_GROUP, CHAINED_GROUP, BAD_WATCH, WATCH_UNSUPPORTED", "§6.5",
		func(d *deed) bool {
			return d.typ == ofp.TypeGroupMod && d.we(ofp.GroupModFailedLoop, ofp.GroupModFailedUnknownGroup, ofp.BadActionBadOutGroup,
				ofp.GroupModFailedChainedGroup, ofp.GroupModFailedBadWatch, ofp.GroupModFailedWatchUnsupported)
		},
	},
	{
		"packet-out without frame and buffer, or from a port that there is not", "accepted", "BAD_PACKET, BAD_PORT", "§7.3.7",
		func(d *deed) bool {
			return d.typ == ofp.TypePacketOut && d.we(ofp.BadRequestBadPacket, ofp.BadRequestBadPort)
		},
	},
	{
		"statistics of a port that there is not", "empty, or BAD_OUT_PORT", "BAD_PORT", "§7.4.4",
		func(d *deed) bool { return d.typ == ofp.TypeMultipartRequest && d.we(ofp.BadRequestBadPort) },
	},
	{
		"bytes behind a multipart request", "not looked at", "BAD_LEN", "§7.4.4",
		func(d *deed) bool {
			return d.typ == ofp.TypeMultipartRequest && d.we(ofp.BadRequestBadLen) && !d.theirRefusal
		},
	},
	{
		"errors and experimenters' errors", "answered with errors", "not answered", "§7.4.4: an error is no request",
		func(d *deed) bool { return d.typ == ofp.TypeError && !d.ourRefusal },
	},

	// The same refusal by another code.
	{
		"length of a match field", "BAD_FIELD, or what its bytes as another field give", "BAD_LEN", "§7.4.4: BAD_LEN of BAD_MATCH",
		func(d *deed) bool {
			return d.we(ofp.BadMatchBadLen) && d.they(ofp.BadMatchBadField, ofp.BadMatchBadWildcards, ofp.BadMatchBadValue, ofp.BadMatchBadPrereq, ofp.BadMatchBadMask, ofp.BadMatchDupField)
		},
	},
	{
		"match longer than the message", "BAD_REQUEST/BAD_LEN", "BAD_MATCH/BAD_LEN", "§7.4.4",
		func(d *deed) bool { return d.we(ofp.BadMatchBadLen) && d.they(ofp.BadRequestBadLen) },
	},
	{
		"message too short for a match", "BAD_MATCH/BAD_LEN", "BAD_REQUEST/BAD_LEN", "§7.4.4",
		func(d *deed) bool { return d.we(ofp.BadRequestBadLen) && d.they(ofp.BadMatchBadLen) },
	},
	{
		"match of type OFPMT_STANDARD", "BAD_LEN", "BAD_TYPE", "§7.4.4",
		func(d *deed) bool { return d.we(ofp.BadMatchBadType) },
	},
	{
		"length of the list of instructions, or of one", "BAD_REQUEST/BAD_LEN", "BAD_INSTRUCTION/BAD_LEN", "§7.4.4",
		func(d *deed) bool { return d.we(ofp.BadInstructionBadLen) },
	},
	{
		"an instruction twice", "DUP_INST of ONF's extension", "UNSUP_INST", "§5.9: at most one of each type, and no code of OpenFlow 1.3 for it",
		func(d *deed) bool { return d.we(ofp.BadInstructionUnsupInst) || d.they(dupInst) },
	},
	{
		"set-field with a mask", "code 4250 of ONF's extension", "BAD_SET_ARGUMENT", "§7.2.5, and no code of OpenFlow 1.3 for it",
		func(d *deed) bool { return d.they(maskedSet) },
	},
	{
		"length of a set-field and its field", "BAD_SET_LEN, BAD_SET_ARGUMENT or BAD_SET_TYPE, the length first", "the type first, then mask, length, value", "§7.4.4 has the codes and no order",
		func(d *deed) bool {
			set := []ofp.Code{ofp.BadActionBadSetLen, ofp.BadActionBadSetType, ofp.BadActionBadSetArgument}
			return slices.Contains(set, d.ourCode) && slices.Contains(set, d.theirCode)
		},
	},
	{
		"length of a bucket", "BAD_REQUEST/BAD_LEN", "BAD_BUCKET", "§7.4.4",
		func(d *deed) bool { return d.we(ofp.GroupModFailedBadBucket) },
	},
	{
		"table 254", "a hidden table: EPERM, or nothing in it", "BAD_TABLE, BAD_TABLE_ID: there are 254", "§7.3.1",
		func(d *deed) bool {
			return d.we(ofp.TableModFailedBadTable, ofp.FlowModFailedBadTableID, ofp.BadRequestBadTableID) && d.they(ofp.TableModFailedEPerm, ofp.BadRequestEPerm) ||
				d.we(ofp.FlowModFailedBadTableID, ofp.BadRequestBadTableID) && (d.command >= ofp.FlowDelete || d.kind >= 0) && !d.theirRefusal
		},
	},
	{
		"messages of switches, and others that no switch takes, of another length or kind", "BAD_LEN, BAD_MULTIPART", "BAD_TYPE, whatever they hold", "§7.4.4",
		func(d *deed) bool {
			return d.we(ofp.BadRequestBadType) && d.they(ofp.BadRequestBadLen, ofp.BadRequestBadMultipart, ofp.BadRequestBadExperimenter)
		},
	},
	{
		"hello of another version than negotiated", "BAD_TYPE", "BAD_VERSION", "§7.4.4",
		func(d *deed) bool { return d.we(ofp.BadRequestBadVersion) && d.they(ofp.BadRequestBadType) },
	},
	{
		"slaves' messages that are wrong besides", "told what is wrong with them", "IS_SLAVE", "§6.3.6",
		func(d *deed) bool { return d.we(ofp.BadRequestIsSlave) },
	},
	{
		"several faults in one message", "the one that it meets first", "the one that we meet first: lengths and commands, the match, instructions and actions in their order, then what depends on the state",
		"the specification has no order",
		func(d *deed) bool {
			return d.ourRefusal && d.theirRefusal && slices.ContainsFunc(twoFaults, func(p [2]ofp.Code) bool { return p == [2]ofp.Code{d.ourCode, d.theirCode} })
		},
	},
}

// explainEarlier finds the row that explains how the states differ after the last
// message of a story where an earlier one is to blame. An entry added with a field
// masked with zeros is shown by Open vSwitch like one without the field, and is
// another one to strict commands and additions.
func explainEarlier(story []sample) *departure {
	last := read(story[len(story)-1].wire(0))
	if last.typ != ofp.TypeFlowMod || len(last.body) < 24 {
		return nil
	}
	for i := range story[:len(story)-1] {
		msg := story[i].wire(0)
		f := read(msg)
		if f.typ != ofp.TypeFlowMod || f.command != ofp.FlowAdd || f.body[16] != last.body[16] || be.Uint16(f.body[22:]) != be.Uint16(last.body[22:]) {
			continue
		}
		if d := explainCulprit(msg); d == &maskOfZeros {
			return d
		}
	}
	return nil
}

// explainCulprit finds the row that explains how the states differ after a message
// that both have accepted.
func explainCulprit(msg []byte) *departure {
	f := read(msg)
	if f.typ == ofp.TypeSetConfig && len(f.body) >= 2 {
		if f.body[1] == ofp.FragReasm {
			return &reassembly
		}
		return &fragmentsOfSlave
	}
	nd := f.matches(flow.IPv6NDTarget, flow.IPv6NDSll, flow.IPv6NDTll)
	if f.matches(flow.ICMPv6Code) && nd {
		return &codeBeforeND
	}
	for _, t := range f.match {
		if n := len(t.payload) / 2; t.class == flow.ClassBasic && int(t.id) < flow.NumFields && len(t.payload) == 2*t.id.Field().Len() &&
			!slices.ContainsFunc(t.payload[n:], func(b byte) bool { return b != 0 }) {
			return &maskOfZeros
		}
	}
	return nil
}

// Rows of the table that show in the state alone, after a message that both
// accept.
var (
	reassembly = departure{
		"fragments to be reassembled", "not taken, and no error", "reassembled", "§7.3.2", nil,
	}
	codeBeforeND = departure{
		"ICMPV6_CODE other than 0 behind fields of neighbour discovery", "accepted, and the entry is without those fields", "the entry as it was sent", "§7.2.3.8", nil,
	}
	maskOfZeros = departure{
		"a field masked with zeros", "the match is for Ethernet alone, and does not cover entries without any field", "as if it were not there", "§7.2.3.5", nil,
	}
)

// explainState finds the row that explains a difference of states after equal
// answers.
func (r *run) explainState(ours, theirs string) *departure {
	frags := func(s string) string {
		var list []string
		for _, line := range strings.Split(s, "\n") {
			if !strings.Contains(line, "OFPT_GET_CONFIG_REPLY") {
				list = append(list, line)
			}
		}
		return strings.Join(list, "\n")
	}
	if r.hadRole && frags(ours) == frags(theirs) {
		return &fragmentsOfSlave
	}
	return nil
}

// fragmentsOfSlave is a row of the table that shows in the state alone.
var fragmentsOfSlave = departure{
	"SET_CONFIG from a slave", "miss_send_len taken, the fragment flags not, and no error", "both taken", "§6.3.6: SET_CONFIG is not among what a slave may not send", nil,
}

// notCompared are rows of the table that bringing answers into their normal form
// hides.
var notCompared = []departure{
	{"WRITE_ACTIONS without actions, in flow statistics", "forgotten", "given back", "§7.3.5.2", nil},
	{"burst size 0 with OFPMF_BURST, in meter configurations", "the rate", "0", "§7.3.5.13: as it was set", nil},
	{"reference count of group statistics", "flows alone", "flows and groups", "§7.3.5.9", nil},
	{"PACKET_TYPE, a field of OpenFlow 1.5, in flow statistics and flow-removed messages", "where the match had a field masked with zeros", "never", "§7.2.3.7", nil},
	{"flow-removed messages", "come behind the reply of a later barrier too, by the asynchronous filter of that time", "come before it", "§6.2", nil},
	{"flow-removed messages of flows whose meter was deleted", "none", "reason DELETE", "§6.6, §7.4.2", nil},
	{"descriptions, features of tables, groups, meters and ports", "their own", "ours", "they describe each switch", nil},
}

// twoFaults are pairs of codes, ours and theirs, of messages that deserve both.
var twoFaults = [][2]ofp.Code{
	{ofp.FlowModFailedBadCommand, ofp.FlowModFailedBadTableID},
	{ofp.GroupModFailedBadCommand, ofp.GroupModFailedInvalidGroup},
	{ofp.GroupModFailedBadCommand, ofp.GroupModFailedBadType},
	{ofp.MeterModFailedBadFlags, ofp.MeterModFailedMeterExists},
	{ofp.MeterModFailedBadFlags, ofp.MeterModFailedUnknownMeter},
	// A wrong length makes other elements of what is behind it.
	{ofp.BadActionBadLen, ofp.BadInstructionUnknownInst},
	{ofp.BadActionBadLen, ofp.BadInstructionBadLen},
	{ofp.BadActionBadLen, ofp.BadActionBadType},
	{ofp.BadActionBadType, ofp.BadActionBadLen},
	{ofp.BadMatchBadField, ofp.BadMatchBadWildcards},
	{ofp.BadMatchBadField, ofp.BadMatchBadLen},
	{ofp.BadActionMatchInconsistent, ofp.BadActionBadSetArgument},
	{ofp.BadActionBadOutGroup, ofp.BadActionMatchInconsistent},
	{ofp.BadActionBadSetLen, ofp.BadMatchBadLen},
	{ofp.BadMatchDupField, ofp.MeterModFailedInvalidMeter},
	// A group or meter that there is not, and something else.
	{ofp.MeterModFailedInvalidMeter, ofp.BadRequestBufferUnknown},
	{ofp.MeterModFailedInvalidMeter, ofp.BadActionMatchInconsistent},
	{ofp.BadActionBadOutGroup, ofp.BadRequestBufferUnknown},
	{ofp.BadActionBadOutGroup, ofp.BadInstructionBadTableID},
	{ofp.FlowModFailedOverlap, ofp.BadActionMatchInconsistent},
	{ofp.FlowModFailedBadTableID, ofp.BadActionMatchInconsistent},
	{ofp.FlowModFailedBadTableID, ofp.BadInstructionBadTableID},
	{ofp.BadRequestBufferUnknown, ofp.BadActionMatchInconsistent},
	{ofp.BadInstructionBadTableID, ofp.FlowModFailedOverlap},
	{ofp.GroupModFailedBadType, ofp.BadActionBadSetArgument},
	{ofp.BadActionBadLen, ofp.BadActionBadExperimenter},
	{ofp.BadActionMatchInconsistent, ofp.BadActionBadOutPort},
	{ofp.BadActionBadQueue, ofp.GroupModFailedGroupExists},
	{ofp.BadInstructionBadTableID, ofp.BadActionMatchInconsistent},
	{ofp.GroupModFailedBadType, ofp.GroupModFailedInvalidGroup},
	{ofp.BadActionBadSetType, ofp.BadMatchBadLen},
	{ofp.MeterModFailedBadBandValue, ofp.MeterModFailedBadBand},
	{ofp.BadActionBadSetArgument, ofp.BadInstructionUnknownInst},
	{ofp.BadActionBadSetArgument, ofp.GroupModFailedBadWatch},
	{ofp.FlowModFailedBadCommand, ofp.BadMatchBadType},
	{ofp.MeterModFailedBadFlags, ofp.MeterModFailedBadRate},
	{ofp.MeterModFailedInvalidMeter, ofp.BadInstructionBadTableID},
	{ofp.BadActionBadOutGroup, ofp.BadActionBadOutPort},
	{ofp.BadMatchBadPrereq, ofp.BadMatchBadValue},
	{ofp.BadMatchBadMask, ofp.BadMatchBadPrereq},
	{ofp.BadActionMatchInconsistent, ofp.BadInstructionBadTableID},
	{ofp.BadActionBadSetArgument, ofp.BadMatchBadWildcards},
	// Open vSwitch looks at lengths first.
	{ofp.BadActionBadSetArgument, ofp.BadInstructionBadLen},
	{ofp.BadActionBadSetArgument, ofp.BadActionBadLen},
	{ofp.FlowModFailedBadCommand, ofp.BadRequestBadLen},
	{ofp.BadMatchBadMask, ofp.BadRequestBadLen},
	{ofp.BadActionBadSetArgument, ofp.BadRequestBadLen},
	{ofp.MeterModFailedBadFlags, ofp.BadRequestBadLen},
	{ofp.GroupModFailedBadType, ofp.GroupModFailedBadBucket},
	{ofp.GroupModFailedBadCommand, ofp.GroupModFailedBadBucket},
	{ofp.GroupModFailedBadCommand, ofp.BadActionBadSetArgument},
}
