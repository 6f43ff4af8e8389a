package bridge

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ofswitch/internal/testutil"
	"ofswitch/l2"
	"ofswitch/ofswitch"
	"ofswitch/unixctl"
)

// commandRig is a switch without bridges that takes commands.
func commandRig(t *testing.T) *unixctl.Client {
	t.Helper()
	dir := t.TempDir()
	s, err := New(Options{RunDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	srv, err := unixctl.NewServer(dir, "ofswitchd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	s.RegisterCommands(srv)
	c, err := unixctl.DialProgram(dir, "ofswitchd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// commands are the names that list-commands has.
func commands(t *testing.T, c *unixctl.Client) (names []string) {
	t.Helper()
	list, err := c.Call("list-commands")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(list) {
		if words := strings.Fields(line); strings.HasPrefix(line, "  ") {
			names = append(names, words[0])
		}
	}
	if len(names) < 25 {
		t.Fatalf("%d commands: %q", len(names), names)
	}
	return names
}

// TestCommandsAreInTheManual holds that the manual names every command.
func TestCommandsAreInTheManual(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(testutil.Root(t), "docs", "ofswitchd.8"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range commands(t, commandRig(t)) {
		if !strings.Contains(string(page), name) {
			t.Errorf("docs/ofswitchd.8 does not have %s", name)
		}
	}
}

// TestHostileCommands holds that no arguments make a command fail for a fault of
// ours, hang, or answer with a heap of what it was sent.
func TestHostileCommands(t *testing.T) {
	c := commandRig(t)
	huge := strings.Repeat("x(", 40000)
	words := []string{"", "br0", huge, "\x00", "\"'`$(id)\n", "-", "--", "-m", "-generate", "in_port=1", "in_port(1)", "\xff\xfe", "%s%n%d", "netdev@ovs-netdev", "999999999999999999999"}
	for _, name := range commands(t, c) {
		for n := range 6 {
			for i := range words {
				args := make([]string, n)
				for k := range args {
					args[k] = words[(i+k*7)%len(words)]
				}
				_, err := c.Call(name, args...)
				if _, refused := err.(*unixctl.CommandError); err != nil && !refused {
					t.Fatalf("%s %.200q: %v", name, args, err)
				}
				if err != nil && (strings.Contains(err.Error(), "fault") || len(err.Error()) > 4096 || err.Error() == "") {
					t.Errorf("%s %.200q: %.300v", name, args, err)
				}
				if n == 0 {
					break
				}
			}
		}
	}
}

// ringMemory is what memory/show says of rings: those that an earlier test's ports
// had may still be kept for the next ones.
var ringMemory = regexp.MustCompile(`packet ring KiB:\d+ `)

// TestBridgeCommands holds what the commands say of bridges that there are not.
func TestBridgeCommands(t *testing.T) {
	c := commandRig(t)
	for _, tt := range []struct{ command, want string }{
		{"fdb/show br9", "no such bridge"},
		{"fdb/flush br9", "no such bridge"},
		{"fdb/show", "\"fdb/show\" command requires at least 1 arguments"},
		{"bridge/dump-flows br9", "Unknown bridge"},
		{"bridge/reconnect br9", "Unknown bridge"},
		{"ofproto/trace br9 in_port=1", "br9: unknown bridge"},
		{"ofproto/trace in_port=1", "syntax error at in_port=1 (or the bridge name was omitted)"},
		{"ofproto/trace br9 in_port=1 --bogus", "--bogus: unknown option"},
		{"ofproto/trace br9 in_port=1 ffz", "Trailing garbage in packet data: want pairs of hexadecimal digits"},
		{"ofproto/trace br9 in_port=1 ff ff", "too many arguments"},
		{"dpif/dump-flows br9", "no such bridge"},
		{"dpctl/dump-flows filter=tcp", "filter=tcp: cached flows are not selected by match or thread here; type=TYPE selects, and each stands below its thread"},
		{"dpctl/dump-flows pmd=0", "pmd=0: cached flows are not selected by match or thread here; type=TYPE selects, and each stands below its thread"},
		{"coverage/read-counter nope", "No such counter"},
		{"bond/show nope", "no such bond"},
		{"qos/show nope", "no such interface"},
		{"qos/show-types nope", "no such interface"},
	} {
		args := strings.Fields(tt.command)
		_, err := c.Call(args[0], args[1:]...)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %q", tt.command, err, tt.want)
		}
	}
	if got, err := c.Call("memory/show"); err != nil || ringMemory.ReplaceAllString(got, "") != "handlers:1 udpif keys:0\n" {
		t.Errorf("memory/show: %q, %v", got, err)
	}
	for _, tt := range []struct{ command, want string }{
		{"fdb/flush", "table successfully flushed"},
		{"dpctl/dump-dps", "netdev@ovs-netdev\n"},
		{"dpctl/show", "netdev@ovs-netdev:\n  lookups: hit:0 missed:0 lost:0\n  flows: 0\n"},
		{"dpif/show", "netdev@ovs-netdev: hit:0 missed:0\n"},
		{"coverage/read-counter drop_packet_in_connection_port_full", "0\n"},
		{"dpctl/del-flows", ""},
		{"bond/list", "bond\ttype\trecircID\tmembers\n"},
		{"bond/show", ""},
		{"dpctl/dump-flows", ""},
	} {
		args := strings.Fields(tt.command)
		got, err := c.Call(args[0], args[1:]...)
		if err != nil || got != tt.want && tt.command != "fdb/flush" {
			t.Errorf("%s: %q, %v, want %q", tt.command, got, err, tt.want)
		}
	}
}

// TestBondText holds what bond/show says of a bond.
func TestBondText(t *testing.T) {
	s := ofswitch.BondStatus{Name: "bond0", Config: l2.BondConfig{UpDelay: time.Second, Primary: "v9"}, Active: "v5", ActiveMAC: [6]byte{2, 0, 0, 0, 0, 5},
		Members: []ofswitch.BondMemberStatus{{Name: "v5", Enabled: true, Link: true}, {Name: "v6", Link: true, Left: 500 * time.Millisecond}}}
	want := `---- bond0 ----
bond_mode: active-backup
bond may use recirculation: no, Recirc-ID : -1
updelay: 1000 ms
downdelay: 0 ms
lacp_status: off
lacp_fallback_ab: false
active-backup primary: v9 (no such member)
active member mac: 02:00:00:00:00:05(v5)

member v5: enabled
  active member
  may_enable: true

member v6: disabled
  may_enable: true
  updelay expires in 500 ms

`
	if got := bondText(&s); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// TestCoverageRates holds the rates of events over 5 s, a minute and an hour.
func TestCoverageRates(t *testing.T) {
	c := &coverage{}
	n := uint64(0)
	for i := range 12 * 90 { // an hour and a half
		if i >= 12*60 {
			n += 10
		}
		c.sample(map[string]uint64{"x": n, "never": 0})
	}
	now, minute, hour := c.rates("x")
	if now != 2 || minute != 2 || hour != 1 {
		t.Errorf("rates %v, %v, %v; want 2, 2, 1", now, minute, hour)
	}
	// A bridge that goes takes its counts with it.
	c.sample(map[string]uint64{"x": 5})
	if now, _, _ := c.rates("x"); now != 0 {
		t.Errorf("the total fell, and the rate is %v", now)
	}
	want := "Event coverage, avg rate over last: 5 seconds, last minute, last hour,  hash=c9b28c90:\n" +
		"x                          0.0/sec     1.833/sec        1.0000/sec   total: 5\n1 events never hit\n"
	if got := c.text(map[string]uint64{"x": 5, "never": 0}); got[strings.IndexByte(got, '\n'):] != want[strings.IndexByte(want, '\n'):] {
		t.Errorf("text\n%s\nwant\n%s", got, want)
	}
}
