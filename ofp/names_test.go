package ofp

import (
	"fmt"
	"testing"
)

func TestNamesOfGroups(t *testing.T) {
	for _, tt := range []struct {
		got  fmt.Stringer
		want string
	}{
		{GroupTypeAll, "all"},
		{GroupTypeSelect, "select"},
		{GroupTypeIndirect, "indirect"},
		{GroupTypeFastFailover, "ff"},
		{GroupType(4), "group type 4"},
		{MeterFlagKBPS | MeterFlagBurst | MeterFlagStats, "kbps burst stats"},
		{MeterFlagPKTPS, "pktps"},
		{MeterFlags(0x10), "0x10"},
		{MeterBandDrop, "drop"},
		{MeterBandDSCPRemark, "dscp_remark"},
		{MeterBandExperimenter, "experimenter"},
		{MeterBandType(3), "meter band type 3"},
		{RoleNoChange, "nochange"},
		{RoleEqual, "equal"},
		{RoleMaster, "master"},
		{RoleSlave, "slave"},
		{Role(0xffffffff), "role 4294967295"},
		{QueueMinRate, "min_rate"},
		{QueueMaxRate, "max_rate"},
		{QueueExperimenter, "experimenter"},
		{QueuePropertyType(3), "queue property type 3"},
		{BundleOpenRequest, "OPEN_REQUEST"},
		{BundleDiscardReply, "DISCARD_REPLY"},
		{BundleOp(8), "bundle operation 8"},
		{BundleAtomic | BundleOrdered, "atomic ordered"},
		{FlowMonitorInitial | FlowMonitorAdd | FlowMonitorOwn, "initial,add,own"},
		{FlowMonitorFlags(0), "0"},
	} {
		if got := tt.got.String(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
