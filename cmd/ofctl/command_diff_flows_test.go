package main

import (
	"strings"
	"testing"
)

const otherFlows = `table=0,priority=10,in_port=1,actions=2
table=1,priority=5,ip,nw_dst=10.0.0.0/8,cookie=0x6,idle_timeout=60,send_flow_rem,actions=LOCAL
table=1,priority=7,ip,nw_dst=10.1.0.0/16,nw_src=1.2.3.4,actions=1,in_port
priority=0,actions=CONTROLLER
priority=77,actions=2
priority=78,hard_timeout=1,actions=2
`

const difference = `+priority=78 hard_timeout=1 actions=output:2
+priority=77 actions=output:2
-priority=10,dl_src=00:00:00:00:00:01 actions=drop
-table=1 priority=5,ip,nw_dst=10.0.0.0/8 cookie=0x5 idle_timeout=60 actions=LOCAL
+table=1 priority=5,ip,nw_dst=10.0.0.0/8 cookie=0x6 idle_timeout=60 actions=LOCAL
`

func TestDiffFlows(t *testing.T) {
	f := newFakeSwitch(t)
	f.ok(testFlows, "add-flows", "br0", "-")
	g := newFakeSwitch(t)
	g.ok(otherFlows, "add-flows", "br0", "-")
	mine, other := writeFile(t, strings.ReplaceAll(strings.ReplaceAll(testFlows, "p1", "1"), "add ", "")), writeFile(t, otherFlows)
	for _, c := range []struct {
		a, b   string
		status int
		want   string
	}{
		{"br0", other, exitDiffers, difference},
		{mine, other, exitDiffers, difference},
		{"br0", "unix:" + g.sock, exitDiffers, difference},
		{mine, "unix:" + g.sock, exitDiffers, difference},
		{"br0", mine, exitOK, ""},
		{"br0", "unix:" + f.sock, exitOK, ""},
		{other, other, exitOK, ""},
	} {
		status, out, errs := f.ofctl("", "diff-flows", c.a, c.b)
		if status != c.status || out != c.want || errs != "" {
			t.Errorf("diff-flows %s %s: status %d, %q, %q; want %d, %q", c.a, c.b, status, out, errs, c.status, c.want)
		}
	}
	if _, out, _ := f.ofctl("priority=3,actions=p2\n", "diff-flows", "--names", "-", "br0"); !strings.HasPrefix(out, "+priority=10,dl_src=00:00:00:00:00:01 actions=drop\n+priority=10,in_port=p1 actions=output:p2\n-priority=3 actions=output:p2\n") {
		t.Errorf("diff-flows --names: %q", out)
	}
	f.fails([]string{"diff-flows", mine, "./none"}, "none")
	f.fails([]string{"diff-flows", mine, "none"}, "no bridge of that name")
	f.fails([]string{"diff-flows", mine, writeFile(t, "foo\n")}, ":1: foo")
	f.fails([]string{"diff-flows", mine, writeFile(t, "delete ip\n")}, ":1: ")
}

func TestReplaceFlows(t *testing.T) {
	f := newFakeSwitch(t)
	f.ok(testFlows, "add-flows", "br0", "-")
	other := writeFile(t, otherFlows)
	f.got = nil
	f.ok("", "replace-flows", "br0", other)
	const want = `DEL_STRICT priority=10,dl_src=00:00:00:00:00:01 actions=drop
ADD priority=78 hard:1 actions=output:2
ADD priority=77 actions=output:2
ADD table:1 priority=5,ip,nw_dst=10.0.0.0/8 cookie:0x6 idle:60 send_flow_rem actions=LOCAL`
	if got := f.sent(); got != want {
		t.Errorf("sent\n%s\nwant\n%s", got, want)
	}
	if status, out, errs := f.ofctl("", "diff-flows", "br0", other); status != exitOK {
		t.Errorf("afterwards diff-flows: status %d, %q, %q", status, out, errs)
	}
	f.got = nil
	f.ok("", "replace-flows", "br0", other)
	if got := f.sent(); got != "" {
		t.Errorf("the second time sent %q, want nothing", got)
	}
	f.ok("", "--readd", "replace-flows", "br0", other)
	if n := len(f.flowMods()); n != 6 {
		t.Errorf("--readd sent %d flows, want 6", n)
	}
}
