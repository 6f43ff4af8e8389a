package main

import (
	"strings"
	"testing"
)

const testFlows = `table=0,priority=10,in_port=1,actions=2   # a comment
# another
table=1,priority=5,ip,nw_dst=10.0.0.0/8,cookie=0x5,idle_timeout=60,send_flow_rem,actions=LOCAL

table=1,priority=7,ip,nw_dst=10.1.0.0/16,nw_src=1.2.3.4,actions=p1,in_port
add priority=0,actions=CONTROLLER
priority=10,dl_src=00:00:00:00:00:01,actions=drop
`

// lines of testFlows, as they are printed without statistics.
const (
	lineIn    = " priority=10,in_port=1 actions=output:2\n"
	line10    = " cookie=0x5, table=1, idle_timeout=60, send_flow_rem priority=5,ip,nw_dst=10.0.0.0/8 actions=LOCAL\n"
	line10_1  = " table=1, priority=7,ip,nw_src=1.2.3.4,nw_dst=10.1.0.0/16 actions=output:1,IN_PORT\n"
	lineCtl   = " priority=0 actions=CONTROLLER:65535\n"
	lineDrop  = " priority=10,dl_src=00:00:00:00:00:01 actions=drop\n"
	linesAll  = lineIn + line10 + line10_1 + lineCtl + lineDrop
	statsLine = " cookie=0x0, duration=5s, table=0, n_packets=2, n_bytes=200, "
)

func TestDumpFlows(t *testing.T) {
	f := newFakeSwitch(t)
	f.ok(testFlows, "add-flows", "br0", "-")
	for _, c := range []struct{ args, want string }{
		{"dump-flows br0 --no-stats", linesAll},
		{"--no-stats dump-flows br0 table=1", line10 + line10_1},
		{"--no-stats dump-flows br0 ip,nw_dst=10.1.0.0/16", line10_1},
		{"--no-stats dump-flows br0 cookie=5/-1", line10},
		{"--no-stats dump-flows br0 in_port=p1", lineIn},
		{"--no-stats dump-flows br0 in_port=LOCAL", ""},
		{"dump-flows br0 --no-stats --sort", lineCtl + line10 + line10_1 + lineIn + lineDrop},
		{"dump-flows br0 --no-stats --rsort", lineIn + lineDrop + line10_1 + line10 + lineCtl},
		{"dump-flows br0 --no-stats --sort=in_port", lineIn + lineDrop + line10_1 + line10 + lineCtl},
		{"dump-flows br0 --no-stats --sort=nw_dst", line10 + line10_1 + lineIn + lineDrop + lineCtl},
		{"dump-flows br0 --no-stats --rsort=nw_dst", line10_1 + line10 + lineIn + lineDrop + lineCtl},
		{"dump-flows br0 --no-stats --rsort=table --sort=cookie", line10_1 + line10 + lineIn + lineDrop + lineCtl},
		{"dump-flows br0 --no-stats --names table=0,in_port=p1", " priority=10,in_port=p1 actions=output:p2\n"},
		{"dump-flows br0", "OFPST_FLOW reply (OF1.3) (xid=0x2): flags=[more]\n" +
			statsLine + lineIn[1:] +
			" cookie=0x5, duration=5s, table=1, n_packets=2, n_bytes=200, idle_timeout=60, send_flow_rem priority=5,ip,nw_dst=10.0.0.0/8 actions=LOCAL\n" +
			" cookie=0x0, duration=5s, table=1, n_packets=2, n_bytes=200, priority=7,ip,nw_src=1.2.3.4,nw_dst=10.1.0.0/16 actions=output:1,IN_PORT\n" +
			"OFPST_FLOW reply (OF1.3) (xid=0x2):\n" +
			statsLine + lineCtl[1:] + statsLine + lineDrop[1:]},
		{"dump-flows br0 --sort=in_port table=0,in_port=1", statsLine + lineIn[1:]},
		{"dump-aggregate br0 table=1", "OFPST_AGGREGATE reply (OF1.3) (xid=0x2): packet_count=0 byte_count=0 flow_count=2\n"},
	} {
		if got := f.ok("", strings.Fields(c.args)...); got != c.want {
			t.Errorf("ofctl %s\n got %q\nwant %q", c.args, got, c.want)
		}
	}
	for args, want := range map[string]string{
		"dump-flows br0 foo=1":          "foo",
		"dump-flows br0 priority=10":    "priority=10",
		"dump-flows br0 actions=1":      "actions",
		"dump-flows br0 nw_dst=1.2.3.4": "nw_dst",
		"dump-flows br0 cookie=5":       "0x5/-1",
		"dump-aggregate br0 foo":        "foo",
	} {
		f.fails(strings.Fields(args), want)
	}
}

// TestDumpIsReadBack: what dump-flows prints in any form is what add-flows reads.
func TestDumpIsReadBack(t *testing.T) {
	f := newFakeSwitch(t)
	f.ok(testFlows, "add-flows", "br0", "-")
	for _, args := range []string{"dump-flows br0", "dump-flows br0 --no-stats", "dump-flows br0 --names", "dump-flows br0 --rsort"} {
		g := newFakeSwitch(t)
		g.ok(f.ok("", strings.Fields(args)...), "add-flows", "br0", "-")
		if got := g.ok("", "dump-flows", "br0", "--no-stats", "--sort=table"); got != f.ok("", "dump-flows", "br0", "--no-stats", "--sort=table") {
			t.Errorf("%s was read back as %q", args, got)
		}
	}
}

// TestNamesNotKnown: why a text with a name cannot be read.
func TestNamesNotKnown(t *testing.T) {
	status, _, errs := runOfctl("", "--run-dir", t.TempDir(), "add-flow", "br0", "actions=p1")
	if status != exitFailure || !strings.Contains(errs, "actions=p1") || !strings.Contains(errs, "no bridge of that name") {
		t.Errorf("status %d, %q", status, errs)
	}
}
