package integration

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// Three hosts, no controller: all reach all, the MAC table knows them, and the
// one visible flow entry counts what passed.
//
//	h1 --port1--+
//	h2 --port2--+ br0
//	h3 --port3--+
func TestIntegrationLearningSwitch(t *testing.T) {
	l := newLab(t, 3)
	d := startSwitch(t, l)
	for _, from := range l.Hosts {
		for _, to := range l.Hosts {
			if from != to {
				ping(t, from, to.IP.String())
				ping(t, from, to.IP6.String())
			}
		}
	}
	fdb := d.ctl("fdb/show", "br0")
	for i, h := range l.Hosts {
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^ +%d +0  %s +\d+$`, i+1, h.MAC))
		if !row.MatchString(fdb) {
			t.Errorf("fdb/show has no row of %s on port %d:\n%s", h.MAC, i+1, fdb)
		}
	}
	if flows := d.ctl("dump-flows", "br0"); !strings.Contains(flows, "priority=0 actions=NORMAL") {
		t.Errorf("the learning entry is not seen:\n%s", flows)
	}
	if out := d.ctl("fdb/flush", "br0"); !strings.Contains(out, "successfully flushed") {
		t.Errorf("fdb/flush says %q", out)
	}
	if fdb := d.ctl("fdb/show", "br0"); strings.Contains(fdb, "02:00:00:00:00:01") {
		t.Errorf("fdb/flush left:\n%s", fdb)
	}
	ping(t, l.Hosts[0], l.Hosts[2].IP.String())
}

// The bridge's local port is the device br0 of the switch's namespace.
func TestIntegrationLocalPort(t *testing.T) {
	for _, io := range []string{"auto", "plain"} {
		t.Run(io, func(t *testing.T) {
			l := newLab(t, 2)
			startSwitch(t, l, "--port", "br0,type=internal,options:io="+io)
			mustRun(t, l.Switch, "ip", "addr", "add", "10.0.0.9/24", "dev", "br0")
			ping(t, l.Hosts[0], "10.0.0.9")
			mustRun(t, l.Switch, "ping", "-n", "-c", "1", "-W", "10", l.Hosts[1].IP.String())
		})
	}
}
