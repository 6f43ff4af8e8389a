package text

import (
	"fmt"
	"strings"

	"ofswitch/ofp"
)

// roleNames are the roles as ovs-ofctl names them, which is not as the
// specification does.
var roleNames = []string{"nochange", "equal", "primary", "secondary"}

func roleName(r ofp.Role) string {
	if int64(r) < int64(len(roleNames)) {
		return roleNames[r]
	}
	return fmt.Sprint(uint32(r))
}

// formatRole prints a role and its generation. One of all ones is not set; an
// answer may have one whatever the role, a request has one unless it only asks.
func formatRole(r ofp.Role, generation uint64, request bool) string {
	s := " role=" + roleName(r)
	if generation != ^uint64(0) && !(request && r == ofp.RoleNoChange) {
		s += fmt.Sprintf(" generation_id=%d", generation)
	}
	return s
}

// roleReasons are the reasons of a role status.
var roleReasons = []string{"primary_request", "configuration_changed", "experimenter_data_changed"}

func formatRoleStatus(m *ofp.RoleStatus) string {
	reason := "(unknown)"
	if int(m.Reason) < len(roleReasons) {
		reason = roleReasons[m.Reason]
	}
	return formatRole(m.Role, m.GenerationID, false) + " reason=" + reason
}

// portReasons are OFPPR_*.
var portReasons = []string{"add", "delete", "modify"}

// formatAsync prints which asynchronous messages a connection gets. The last three
// kinds are of later versions; ovs-ofctl prints them always.
func formatAsync(c *ofp.AsyncConfig) string {
	var b strings.Builder
	for i, who := range []string{"primary", "secondary"} {
		fmt.Fprintf(&b, "\n %s:\n", who)
		for _, kind := range []struct {
			name    string
			mask    uint32
			reasons []string
		}{
			{"PACKET_IN", c.PacketIn[i], packetInReasons[:3]},
			{"PORT_STATUS", c.PortStatus[i], portReasons},
			{"FLOW_REMOVED", c.FlowRemoved[i], removedReasons},
			{"ROLE_STATUS", 0, nil},
			{"TABLE_STATUS", 0, nil},
			{"REQUESTFORWARD", 0, nil},
		} {
			fmt.Fprintf(&b, "%16s: %s\n", kind.name, reasonList(kind.mask, kind.reasons))
		}
	}
	return b.String()
}

// reasonList names the reasons whose bits are set.
func reasonList(mask uint32, names []string) string {
	var list []string
	for i, name := range names {
		if mask&(1<<i) != 0 {
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		return "(off)"
	}
	return strings.Join(list, " ")
}
