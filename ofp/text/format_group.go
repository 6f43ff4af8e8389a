package text

import (
	"fmt"
	"strings"

	"ofswitch/ofp"
)

// groupCommands are the group-mod commands, as ovs-ofctl prints them.
var groupCommands = [...]string{ofp.GroupAdd: "ADD", ofp.GroupModify: "MOD", ofp.GroupDelete: "DEL"}

// FormatGroup prints a group as dump-groups does, and as ParseGroup reads it:
//
//	group_id=1,type=select,bucket=weight:2,actions=output:1,bucket=actions=output:2
func FormatGroup(d *ofp.GroupDesc, o Options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "group_id=%d,type=%v", d.GroupID, d.GroupType)
	for i := range d.Buckets {
		b.WriteString(",bucket=" + formatBucket(&d.Buckets[i], d.GroupType, o))
	}
	return b.String()
}

// defaultWeight is the weight of a bucket that does not say one.
func defaultWeight(t ofp.GroupType) uint16 {
	if t == ofp.GroupTypeSelect {
		return 1
	}
	return 0
}

func formatBucket(k *ofp.Bucket, t ofp.GroupType, o Options) string {
	s := ""
	if k.Weight != defaultWeight(t) {
		s += fmt.Sprintf("weight:%d,", k.Weight)
	}
	if k.WatchPort != ofp.PortAny {
		s += "watch_port:" + FormatPortNo(k.WatchPort, o.Names) + ","
	}
	if k.WatchGroup != ofp.GroupAny {
		s += fmt.Sprintf("watch_group:%d,", k.WatchGroup)
	}
	return s + "actions=" + FormatActions(k.Actions, o)
}

// FormatGroupMod prints a group-mod as ovs-ofctl prints that message:
//
//	ADD group_id=1,type=all,bucket=actions=output:1
func FormatGroupMod(m *ofp.GroupMod, o Options) string {
	command := fmt.Sprintf("cmd:%d", m.Command)
	if int(m.Command) < len(groupCommands) {
		command = groupCommands[m.Command]
	}
	return command + " " + FormatGroup(&ofp.GroupDesc{GroupType: m.GroupType, GroupID: m.GroupID, Buckets: m.Buckets}, o)
}

// FormatGroupStats prints a group's counters as dump-group-stats does, with a
// space in front and no newline.
func FormatGroupStats(s *ofp.GroupStats) string {
	var b strings.Builder
	fmt.Fprintf(&b, " group_id=%d,", s.GroupID)
	if d := duration(s.DurationSec, s.DurationNsec); d != "?" {
		b.WriteString("duration=" + d + ",")
	}
	fmt.Fprintf(&b, "ref_count=%d,packet_count=%d,byte_count=%d", s.RefCount, s.PacketCount, s.ByteCount)
	for i, k := range s.Buckets {
		if k.PacketCount != ^uint64(0) {
			fmt.Fprintf(&b, ",bucket%d:packet_count=%d,byte_count=%d", i, k.PacketCount, k.ByteCount)
		}
	}
	return b.String()
}

// FormatGroupFeatures prints what groups can do as dump-group-features does, with
// a newline at the end.
func FormatGroupFeatures(f *ofp.GroupFeatures) string {
	var b strings.Builder
	fmt.Fprintf(&b, " Group table:\n    Types:  %#x\n    Capabilities:  %#x\n", f.Types, f.Capabilities)
	for i, name := range [...]string{"all", "select", "indirect", "fast failover"} {
		if f.Types&(1<<i) == 0 {
			continue
		}
		fmt.Fprintf(&b, "    %s group:\n       max_groups=%s\n       actions: %s\n", name, altHex(uint64(f.MaxGroups[i])), actionNames(f.Actions[i]))
	}
	return b.String()
}

// formatGroupID prints a group's number, or the name of one that is none.
func formatGroupID(id uint32) string {
	switch id {
	case ofp.GroupAll:
		return "ALL"
	case ofp.GroupAny:
		return "ANY"
	}
	return fmt.Sprint(id)
}

// actionTypeNames are the types of actions as ovs-ofctl names them in features,
// in its order. Those at the end it does not know.
var actionTypeNames = []struct {
	typ  ofp.ActionType
	name string
}{
	{ofp.ActionOutput, "output"}, {ofp.ActionGroup, "group"}, {ofp.ActionSetField, "set_field"}, {ofp.ActionPopVLAN, "strip_vlan"},
	{ofp.ActionPushVLAN, "push_vlan"}, {ofp.ActionSetNwTTL, "mod_nw_ttl"}, {ofp.ActionDecNwTTL, "dec_ttl"}, {ofp.ActionSetMPLSTTL, "set_mpls_ttl"},
	{ofp.ActionDecMPLSTTL, "dec_mpls_ttl"}, {ofp.ActionPushMPLS, "push_mpls"}, {ofp.ActionPopMPLS, "pop_mpls"}, {ofp.ActionSetQueue, "set_queue"},
	{ofp.ActionCopyTTLOut, "copy_ttl_out"}, {ofp.ActionCopyTTLIn, "copy_ttl_in"}, {ofp.ActionPushPBB, "push_pbb"}, {ofp.ActionPopPBB, "pop_pbb"},
}

// actionNames lists the types of actions whose bits are set.
func actionNames(bits uint32) string {
	var names []string
	for _, a := range actionTypeNames {
		if bits&(1<<a.typ) != 0 {
			names = append(names, a.name)
		}
	}
	if len(names) == 0 {
		return "<none>"
	}
	return strings.Join(names, " ")
}
