package integration

import (
	"strings"
	"testing"

	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
)

// A queue's bound holds for TCP and UDP, GSO frames and others, out of a network
// device and out of the TAP of the local port; frames beside it are not held up,
// and Open vSwitch's own tool reads what the queues are and did.
func TestIntegrationQueues(t *testing.T) {
	testutil.NeedProgram(t, "iperf3", "iperf3")
	const rate = 20e6
	l := newLab(t, 2)
	d := startSwitch(t, l, "--fail-mode", "secure", "--qos", "port2,max-rate=1000000000", "--queue", "port2,1,max-rate=20000000",
		"--queue", "port2,2,min-rate=500000000", "--queue", "br0,1,max-rate=20000000")
	mustRun(t, l.Switch, "ip", "addr", "add", "10.0.0.9/24", "dev", "br0")
	d.ctl("add-flow", "br0", "priority=1,actions=normal")
	d.ctl("add-flow", "br0", "priority=2,tcp,in_port=1,tp_dst=5201,actions=set_queue:1,normal")
	d.ctl("add-flow", "br0", "priority=2,udp,in_port=1,tp_dst=5201,actions=write_actions(set_queue:1,output:2)")
	for _, tt := range []struct {
		name  string
		to    *netlab.Namespace
		addr  string
		flags []string
	}{
		{"TCP out of a device", l.Hosts[1].Namespace, l.Hosts[1].IP.String(), nil},
		{"UDP out of a device", l.Hosts[1].Namespace, l.Hosts[1].IP.String(), []string{"-u", "-b", "60M", "-l", "1400"}},
		{"TCP out of the local port", l.Switch, "10.0.0.9", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := iperf3(t, l.Hosts[0].Namespace, tt.to, tt.addr, append([]string{"-t", "2"}, tt.flags...)...)
			// Bursts are more, and headers and a busy machine less, than the rate.
			if got := r.End.SumReceived.BitsPerSecond; got > 1.3*rate || got < 0.2*rate {
				t.Errorf("%.1f Mbit/s arrived, want %.0f at most, and not much less", got/1e6, rate/1e6)
			}
		})
	}
	// The same frames without the queue.
	d.ctl("mod-flows", "br0", "tcp,in_port=1,tp_dst=5201,actions=set_queue:2,normal")
	if r := iperf3(t, l.Hosts[0].Namespace, l.Hosts[1].Namespace, l.Hosts[1].IP.String(), "-n", "20M"); r.End.SumReceived.BitsPerSecond < 2*rate {
		t.Errorf("%.1f Mbit/s through a queue without bound", r.End.SumReceived.BitsPerSecond/1e6)
	}
	for verb, want := range map[string][]string{
		"queue-get-config": {"queue 0:", "queue 1: max_rate:0.2%", "queue 2: min_rate:5.0%"},
		"queue-stats":      {"port 2 queue 0: bytes=", "port 2 queue 1: bytes=", "port 2 queue 2: bytes=", "port LOCAL queue 1: bytes="},
	} {
		ours := d.ctl(verb, "br0")
		for _, w := range want {
			if !strings.Contains(ours, w) {
				t.Errorf("%s does not print %q:\n%s", verb, w, ours)
			}
		}
		if theirs := d.stock(verb, d.mgmt("br0")); volatile.ReplaceAllString(theirs, "") != volatile.ReplaceAllString(ours, "") && verb == "queue-get-config" {
			t.Errorf("%s prints\n%s\nwhere ovs-ofctl prints\n%s", verb, ours, theirs)
		}
	}
}
