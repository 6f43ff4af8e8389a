package integration

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
)

// monitors10 are what ovs-ofctl monitor is asked for without -O, which commands follow,
// and what the last of them has it print.
var monitors10 = []struct {
	args     string
	commands []string
	last     string
}{
	{"-P standard monitor @ 65535", packetOuts10, "dl_dst=ff:ff:ff:ff:ff:fe"},
	{"-P nxt_packet_in monitor @ 65535", packetOuts10, "dl_dst=ff:ff:ff:ff:ff:fe"},
	{"-P nxt_packet_in2 monitor @ 65535", packetOuts10, "dl_dst=ff:ff:ff:ff:ff:fe"},
	{"-m monitor @ 65535", packetOuts10, "dl_dst=ff:ff:ff:ff:ff:fe"},
	{"monitor @ 20", packetOuts10, "dl_dst=ff:ff:ff:ff:ff:fe"},
	{"monitor @ 65535 invalid_ttl", []string{"packet-out @ in_port=2,packet=" + expiring10 + ",actions=dec_ttl,1"}, "(via invalid_ttl)"},
	{"monitor @ watch:", flowChanges10, "DELETED reason=delete table=0 cookie=0x9"},
	{"monitor @ watch:!initial", flowChanges10, "DELETED reason=delete table=0 cookie=0x9"},
	{"monitor @ watch:!actions", flowChanges10, "DELETED reason=delete table=0 cookie=0x9"},
	{"monitor @ watch:table=0", flowChanges10, "DELETED reason=delete table=0 cookie=0x9"},
	{"monitor @ watch:out_port=1", flowChanges10, "DELETED reason=delete table=0 cookie=0x9"},
}

// expiring10 is a frame of IPv4 whose TTL is 1.
const expiring10 = "ffffffffffff0202020202020800" + "4500001c000000000111000001020304010203050001000200080000"

var packetOuts10 = []string{
	"packet-out @ in_port=1,packet=ffffffffffff020202020202080045000014000000004011000001020304010203050001000200080000,actions=mod_nw_src:9.9.9.9,controller",
	"packet-out @ in_port=local,packet=fffffffffffe0202020202028100600508060001,actions=controller:8",
	"packet-out @ in_port=controller,packet=fffffffffffe02020202020288b5,actions=controller",
}

var flowChanges10 = []string{
	"add-flow @ table=1,priority=5,ip,actions=2",
	"add-flow @ cookie=5,in_port=2,actions=mod_vlan_vid:4,1",
	"mod-flows @ cookie=6,in_port=2,actions=3",
	"add-flow @ cookie=9,in_port=3,actions=1",
	"del-flows @ in_port=2",
	"del-flows @ table=1",
	lastChange10,
}

// lastChange10 is about a flow of which an initial report says what the report of its
// adding says: a monitor may be connected before or after that.
const lastChange10 = "del-flows @ in_port=3"

// TestIntegrationMonitor10 has ovs-ofctl watch packet-ins in each of their formats, and
// flows, of Open vSwitch and of us: it prints the same.
func TestIntegrationMonitor10(t *testing.T) {
	ofctl := testutil.NeedProgram(t, "ovs-ofctl", "openvswitch-common")
	ns := testutil.NewNS(t)
	ns.NoIPv6()
	theirs := startOVS10(t, ns)
	d := startDaemon(t, ns.Namespace, "--bridge", "br0", "--datapath-id", "1", "--fail-mode", "secure",
		"--port", "p1,type=internal", "--port", "p2,type=internal", "--port", "p3,type=internal")
	d.awaitLog("msg=ready")
	for _, tt := range monitors10 {
		t.Run(strings.ReplaceAll(tt.args, "@ ", ""), func(t *testing.T) {
			printed := func(target string) string {
				run10(ofctl, target, "del-flows @")
				run10(ofctl, target, "add-flow @ priority=3,actions=1")
				args := strings.Split(strings.ReplaceAll(tt.args, "@", target), " ")
				dir := t.TempDir()
				p := startProcess(t, ns.Namespace, dir, ofctl, append([]string{"--unixctl=" + filepath.Join(dir, "ctl")}, args...)...)
				testutil.Eventually(t, "the monitor has printed "+tt.last, func() error {
					// Until it is connected, all is lost on it.
					first := tt.commands
					if n := len(first); first[n-1] == lastChange10 {
						first = []string{"add-flow @ cookie=9,in_port=3,actions=1", lastChange10}
					}
					for _, command := range first {
						if out := run10(ofctl, target, command); out != "" {
							t.Errorf("%s: %s", command, out)
						}
					}
					if s := p.log.text(); !strings.Contains(s, tt.last) {
						return fmt.Errorf("it printed\n%s", s)
					}
					return nil
				})
				// Once more, now that it is there for all of them.
				before := len(p.log.text())
				for _, command := range tt.commands {
					run10(ofctl, target, command)
				}
				testutil.Eventually(t, "the monitor has printed it again", func() error {
					if s := p.log.text()[before:]; !strings.Contains(s, tt.last) {
						return fmt.Errorf("it printed\n%s", s)
					}
					return nil
				})
				p.kill()
				return distinct10(p.log.text())
			}
			if a, b := printed(theirs), printed(d.mgmt("br0")); a != b {
				t.Errorf("of Open vSwitch it prints\n%s\nof us\n%s", a, b)
			}
		})
	}
}

// distinct10 is what a monitor has printed, each line once: how often depends on when
// it was connected. So does the blank after a match of nothing, which ovs-ofctl cuts
// off where it is the last of a message.
func distinct10(s string) string {
	for _, v := range volatile10 {
		s = v.re.ReplaceAllString(s, v.by)
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n")
}
