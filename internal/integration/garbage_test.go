package integration

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"ofswitch/internal/garbage"
	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
)

// Peers that send garbage, never read, or come by the thousand, on the
// management socket and by TCP, cost themselves their connection: hosts go on,
// the tools too, and memory stays bounded.
//
//	h1 --port1--+
//	            br0 -- br0.mgmt, tcp 127.0.0.1:6653 <-- hostile peers
//	h2 --port2--+
func TestIntegrationGarbagePeers(t *testing.T) {
	l := newLab(t, 2)
	seeds, err := garbage.Seeds(filepath.Join(testutil.Root(t), "testdata", "ofp"))
	if err != nil {
		t.Fatal(err)
	}
	d := startSwitch(t, l, "--fail-mode", "secure", "--listen", "ptcp:6653:127.0.0.1")
	d.ctl("add-flow", "br0", "priority=1,actions=NORMAL")
	ping(t, l.Hosts[0], l.Hosts[1].IP.String())
	flows := func() string { return d.ctl("dump-flows", "br0", "--no-stats") }
	ports := func() string { return d.ctl("show", "br0") }
	flowsBefore, portsBefore := flows(), maskXID(ports())

	// Frames pass all the time, in both directions, at a rate that leaves the
	// machine time for the rest: none may be missing in the end.
	pings := startPings(t, l)

	for name, dial := range map[string]func() (net.Conn, error){
		"unix": func() (net.Conn, error) { return net.Dial("unix", filepath.Join(d.dir, "br0.mgmt")) },
		"tcp": func() (c net.Conn, err error) {
			err = l.Switch.Do(func() error {
				c, err = net.Dial("tcp", "127.0.0.1:6653")
				return err
			})
			return c, err
		},
	} {
		for i, kind := range garbage.Kinds() {
			peers := garbage.New(dial, seeds, uint64(i))
			if err := kind.Send(peers); err != nil {
				t.Errorf("%s, %s: %v", name, kind.Name, err)
			}
			ping(t, l.Hosts[0], l.Hosts[1].IP.String())
			// A thousand connections are all that one listener takes; the
			// other one still answers.
			target := "br0"
			if name == "unix" && peers.Conns() >= garbage.Thousand {
				target = "tcp:127.0.0.1:6653"
			}
			if out := mustRun(t, l.Switch, "env", "OFSWITCH_RUNDIR="+d.dir, d.ofctl, "dump-flows", target); !strings.Contains(out, "NORMAL") {
				t.Errorf("dump-flows during %s by %s:\n%s", kind.Name, name, out)
			}
			if n := peers.Sated(); n != 0 {
				t.Errorf("%s by %s: the switch took all that %d peers sent who never read", kind.Name, name, n)
			}
			rss := residentMB(t, d)
			t.Logf("%-4s %-36s %9d bytes, %4d connections, %d MiB resident", name, kind.Name, peers.Bytes(), peers.Conns(), rss)
			if rss > 512 {
				t.Errorf("%s by %s: the switch holds %d MiB", kind.Name, name, rss)
			}
			peers.Close()
		}
	}

	transferTCP(t, l.Hosts[0], l.Hosts[1])
	pings.stop(t)
	if after := flows(); after != flowsBefore {
		t.Errorf("flows before\n%s\nafter\n%s", flowsBefore, after)
	}
	if after := maskXID(ports()); after != portsBefore {
		t.Errorf("ports before\n%s\nafter\n%s", portsBefore, after)
	}
	testutil.Eventually(t, "the connections are gone", func() error {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", d.cmd.Process.Pid))
		if err == nil && len(entries) > 100 {
			err = fmt.Errorf("the switch has %d descriptors open", len(entries))
		}
		return err
	})
	if log := d.log.text(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "panic") {
		t.Error("the log has errors")
	}
}

var xid = regexp.MustCompile(`xid=0x[0-9a-f]+`)

// maskXID takes transaction ids out of what ofctl printed.
func maskXID(s string) string { return xid.ReplaceAllString(s, "xid=") }

// pings are ping programs that run until they are stopped.
type pings []*exec.Cmd

// startPings has both hosts of l ping each other a hundred times a second.
func startPings(t *testing.T, l *netlab.Lab) pings {
	t.Helper()
	testutil.NeedProgram(t, "ping", "iputils-ping")
	var all pings
	for i := range 2 {
		cmd := exec.Command("ping", "-n", "-q", "-i", "0.01", l.Hosts[1-i].IP.String())
		cmd.Stdout = &bytes.Buffer{}
		cmd.Stderr = cmd.Stdout
		if err := l.Hosts[i].Start(cmd); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill() }) // no effect once it has ended
		all = append(all, cmd)
	}
	return all
}

var pingSummary = regexp.MustCompile(`(\d+) packets transmitted, (\d+) received`)

// stop ends them and fails the test if any but the last request, which may be
// on its way, has no answer.
func (p pings) stop(t *testing.T) {
	t.Helper()
	for _, cmd := range p {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		cmd.Wait() // its summary says more than its status
		out := cmd.Stdout.(*bytes.Buffer).String()
		m := pingSummary.FindStringSubmatch(out)
		if m == nil {
			t.Errorf("no summary from ping:\n%s", out)
			continue
		}
		sent, _ := strconv.Atoi(m[1]) // digits, by the expression
		received, _ := strconv.Atoi(m[2])
		if sent < 100 || received < sent-1 {
			t.Errorf("%d pings, %d answers:\n%s", sent, received, out)
		}
		t.Logf("%d pings, %d answers", sent, received)
	}
}

var rssLine = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)

// residentMB is the daemon's resident memory in MiB.
func residentMB(t *testing.T, d *daemon) int {
	t.Helper()
	status := readFile(t, fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	m := rssLine.FindStringSubmatch(status)
	if m == nil {
		t.Fatalf("no VmRSS in:\n%s", status)
	}
	kb, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return kb / 1024
}
