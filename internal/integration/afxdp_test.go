package integration

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
)

// TestIntegrationAFXDP: a port moves frames by AF_XDP beside one of AF_PACKET and
// the local port. GSO packets of the others are segmented towards it, with right
// checksums, and what comes from it passes on; the switch tells how each port
// works and why.
func TestIntegrationAFXDP(t *testing.T) {
	testutil.NeedProgram(t, "iperf3", "iperf3")
	testutil.NeedProgram(t, "tshark", "tshark")
	l := newLab(t, 2)
	d := startDaemon(t, l.Switch, "--bridge", "br0", "--port", l.Hosts[0].Port+",options:io=afxdp", "--port", l.Hosts[1].Port, "--port", "br0,type=internal,options:coalesce=off")
	d.awaitLog("msg=ready")
	// An XDP program on a veth leaves partial checksums as they are.
	mustRun(t, l.Hosts[0].Namespace, "ethtool", "-K", "eth0", "tx", "off")
	mustRun(t, l.Switch, "ip", "addr", "add", "10.0.0.9/24", "dev", "br0")

	type end struct {
		ns     *netlab.Namespace
		addr   string
		device string
	}
	xdp := end{l.Hosts[0].Namespace, l.Hosts[0].IP.String(), "eth0"}
	packets := end{l.Hosts[1].Namespace, l.Hosts[1].IP.String(), "eth0"}
	local := end{l.Switch, "10.0.0.9", "br0"}
	for name, c := range map[string]struct{ from, to end }{
		"AF_PACKET to AF_XDP": {packets, xdp}, "AF_XDP to AF_PACKET": {xdp, packets},
		"TAP to AF_XDP": {local, xdp}, "AF_XDP to TAP": {xdp, local},
	} {
		t.Run(name, func(t *testing.T) {
			const amount = 16 << 20 // bytes; much of it is still under way when iperf3 stops to count
			capt := startCapture(t, c.to.ns, c.to.device, "tcp")
			r := iperf3(t, c.from.ns, c.to.ns, c.to.addr, "-n", strconv.Itoa(amount))
			if r.End.SumReceived.Bytes < amount/8 {
				t.Errorf("%.0f bytes received of %d", r.End.SumReceived.Bytes, amount)
			}
			checkSums(t, capt.stop(), c.to.addr)
		})
	}
	ping6 := l.Hosts[0].IP6.String()
	mustRun(t, l.Hosts[1].Namespace, "ping", "-6", "-n", "-c", "1", "-W", "10", ping6)

	show := d.ctl("dpif/show")
	for port, want := range map[string]string{
		l.Hosts[0].Port: `\(system: io=afxdp, xdp-mode=native, as configured\)`,
		l.Hosts[1].Port: `\(system: io=afpacket, a device of kind veth: .*offloads.*\)`,
		"br0":           `\(tap: io=tap, with offloads, receive queues: 1\)`,
	} {
		if !regexp.MustCompile(port + ` \d+/\d+: ` + want).MatchString(show) {
			t.Errorf("dpif/show lacks %s %s:\n%s", port, want, show)
		}
	}
	if log := d.log.text(); !strings.Contains(log, "io=afxdp why=\"as configured\" xdp-mode=native") || !strings.Contains(log, "io=afpacket why=\"a device of kind veth") {
		t.Errorf("log:\n%s", log)
	}
}

// TestIntegrationAFXDPRows: the choice is in column status, and a wrong value in
// column error.
func TestIntegrationAFXDPRows(t *testing.T) {
	l := newLab(t, 2)
	s := startWithDB(t, l.Switch, "")
	one, two := l.Hosts[0].Port, l.Hosts[1].Port
	s.vsctl("add-br", "br0", "--", "add-port", "br0", one, "--", "set", "interface", one, "options:io=afxdp", "options:xdp-mode=generic", "--", "add-port", "br0", two)
	for key, want := range map[string]string{"status:io": "afxdp", "status:xdp-mode": "generic", "status:io_reason": `"as configured"`, "status:driver_name": "veth"} {
		if got := strings.TrimSpace(s.get("interface", one, key)); got != want {
			t.Errorf("%s %s: %s, want %s", one, key, got, want)
		}
	}
	if got := s.get("interface", two, "status:io"); strings.TrimSpace(got) != "afpacket" {
		t.Errorf("%s: io %s", two, got)
	}
	s.vsctl("set", "interface", two, "options:io=dpdk")
	if got := s.get("interface", two, "error"); !strings.Contains(got, "afxdp") || !strings.Contains(got, "dpdk") {
		t.Errorf("options:io=dpdk: error %s", got)
	}
	s.vsctl("set", "interface", two, "options:io=afxdp", "options:xdp-mode=fast")
	if got := s.get("interface", two, "error"); !strings.Contains(got, "native-with-zerocopy") {
		t.Errorf("options:xdp-mode=fast: error %s", got)
	}
	s.vsctl("remove", "interface", two, "options", "xdp-mode")
	if got := s.get("interface", two, "status:xdp-mode"); strings.TrimSpace(got) != "native" {
		t.Errorf("%s: xdp-mode %s", two, got)
	}
}
