package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
)

// iperf3 runs a server in to and a client in from, to the end, and returns the
// client's report. flags are the client's.
func iperf3(t *testing.T, from, to *netlab.Namespace, addr string, flags ...string) iperfReport {
	t.Helper()
	path := testutil.NeedProgram(t, "iperf3", "iperf3")
	server := startProcess(t, to, t.TempDir(), path, "-s", "-1", "--forceflush")
	if _, ok := server.log.await("Server listening"); !ok {
		t.Fatalf("iperf3 -s:\n%s", server.log.text())
	}
	out := mustRun(t, from, path, append([]string{"-c", addr, "-J"}, flags...)...)
	var r iperfReport
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("iperf3 -c: %v\n%s", err, out)
	}
	<-server.ended
	return r
}

// iperfReport is what we read of iperf3's JSON.
type iperfReport struct {
	End struct {
		SumReceived struct {
			Bytes         float64 `json:"bytes"`
			BitsPerSecond float64 `json:"bits_per_second"`
		} `json:"sum_received"`
	} `json:"end"`
}

// capture is tcpdump on a device, into a file.
type capture struct {
	t    *testing.T
	p    *process
	file string
}

func startCapture(t *testing.T, ns *netlab.Namespace, device string, filter ...string) *capture {
	t.Helper()
	path := testutil.NeedProgram(t, "tcpdump", "tcpdump")
	c := &capture{t: t, file: filepath.Join(t.TempDir(), "capture.pcap")}
	args := append([]string{"-i", device, "-n", "-U", "-s", "262144", "-B", "65536", "-Z", "root", "-w", c.file}, filter...)
	c.p = startProcess(t, ns, t.TempDir(), path, args...)
	if _, ok := c.p.log.await("listening on"); !ok {
		t.Fatalf("tcpdump:\n%s", c.p.log.text())
	}
	return c
}

// stop ends the capture and returns the file.
func (c *capture) stop() string {
	c.t.Helper()
	if err := c.p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		c.t.Fatal(err)
	}
	<-c.p.ended
	return c.file
}

// tshark reads a capture and returns one line a frame that the filter lets
// through, with the fields asked for.
func tshark(t *testing.T, file, filter string, fields ...string) []string {
	t.Helper()
	path := testutil.NeedProgram(t, "tshark", "tshark")
	args := []string{"-n", "-r", file, "-Y", filter, "-T", "fields",
		"-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark %s: %v", filter, err)
	}
	return strings.Fields(string(out))
}

// TCP between hosts, and between a host and the switch's local port, both ways,
// over IPv4 and IPv6, without ethtool anywhere. The frames that arrive are
// large, and none has a wrong checksum.
//
// tcpdump sees frames at a veth before their partial checksum is finished:
// that is what "partial" means, and tshark knows it. So checksums are judged
// at a receiver that takes no offloads, the plain TAP, where the switch has to
// have finished them, and frame sizes at the veth.
func TestIntegrationTCP(t *testing.T) {
	testutil.NeedProgram(t, "iperf3", "iperf3")
	testutil.NeedProgram(t, "tshark", "tshark")
	type end struct {
		ns     *netlab.Namespace
		addr   string
		device string
	}
	for _, io := range []string{"auto", "plain"} {
		for _, v6 := range []bool{false, true} {
			l := newLab(t, 2)
			d := startSwitch(t, l, "--port", "br0,type=internal,options:io="+io)
			mustRun(t, l.Switch, "ip", "addr", "add", "10.0.0.9/24", "dev", "br0")
			mustRun(t, l.Switch, "ip", "addr", "add", "fd00::9/64", "dev", "br0", "nodad")
			h1 := end{l.Hosts[0].Namespace, l.Hosts[0].IP.String(), "eth0"}
			h2 := end{l.Hosts[1].Namespace, l.Hosts[1].IP.String(), "eth0"}
			local := end{l.Switch, "10.0.0.9", "br0"}
			if v6 {
				h1.addr, h2.addr, local.addr = l.Hosts[0].IP6.String(), l.Hosts[1].IP6.String(), "fd00::9"
			}
			for _, c := range []struct {
				name     string
				from, to end
				large    bool // large frames arrive: both ends take them
			}{
				{"host to host", h1, h2, true},
				{"local to host", local, h1, io == "auto"},
				{"host to local", h1, local, io == "auto"},
			} {
				t.Run(fmt.Sprintf("%s, IPv6 %v, io=%s", c.name, v6, io), func(t *testing.T) {
					capt := startCapture(t, c.to.ns, c.to.device, "tcp")
					amount := 16 << 20 // bytes; tshark takes its time over small frames
					if c.large {
						amount = 64 << 20
					}
					r := iperf3(t, c.from.ns, c.to.ns, c.to.addr, "-n", strconv.Itoa(amount))
					// iperf3 stops to count when the sender has written, with what
					// the buffers hold (net.ipv4.tcp_wmem and tcp_rmem) still under way,
					// most of it maybe. Where TCP does not work it is less than one of these.
					if r.End.SumReceived.Bytes < 1<<20 {
						t.Errorf("%.0f bytes received of %d", r.End.SumReceived.Bytes, amount)
					}
					file := capt.stop()
					if c.large {
						if mean := meanPayload(t, file); mean < 10_000 {
							t.Errorf("the mean frame with data has %.0f bytes at the receiver, want over 10 kB", mean)
						}
					} else if c.to == local {
						checkSums(t, file, c.to.addr)
					}
				})
			}
			d.ctl("dump-ports", "br0")
		}
	}
}

// checkSums fails the test if a frame to addr has a wrong checksum. Frames the
// other way are the kernel's own: it writes a TCP checksum of zero as 0xffff,
// the same number in ones' complement, which tshark counts as bad.
func checkSums(t *testing.T, file, addr string) {
	t.Helper()
	to := "ip.dst == " + addr
	if strings.Contains(addr, ":") {
		to = "ipv6.dst == " + addr
	}
	if n := len(tshark(t, file, to+` && tcp.checksum.status == "Good"`, "frame.number")); n == 0 {
		t.Errorf("no frame with a good checksum to %s was captured", addr)
	}
	bad := tshark(t, file, to+` && (tcp.checksum.status == "Bad" || ip.checksum.status == "Bad")`, "frame.number")
	if len(bad) > 0 {
		t.Errorf("%d frames with a bad checksum reach a receiver without offloads, the first is number %s of the capture", len(bad), bad[0])
	}
}

// meanPayload is the mean length of the frames with data, in bytes.
func meanPayload(t *testing.T, file string) float64 {
	t.Helper()
	sum, n := 0.0, 0
	for _, s := range tshark(t, file, "tcp.len > 1000", "frame.len") {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum, n = sum+v, n+1
	}
	if n == 0 {
		t.Fatal("no frame with data was captured")
	}
	return sum / float64(n)
}
