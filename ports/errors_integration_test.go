package ports

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/ports/isolate"
)

func oneLine(t *testing.T, err error, sentinel error, parts ...string) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Fatalf("error %v, want %v", err, sentinel)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%q is missing in %q", p, err)
		}
	}
}

// The test binary runs itself without privileges, or as a process that holds a
// TAP until it is killed.
const (
	openEnv = "OFSWITCH_TEST_OPEN" // "system p0", "nft p0", "afxdp p0", "internal t0", "plain t0", "raised p0 p1": open, print the error or "ready"
)

func TestMain(m *testing.M) {
	what, dev, ok := strings.Cut(os.Getenv(openEnv), " ")
	if !ok {
		os.Exit(m.Run())
	}
	var err error
	switch what {
	case "system":
		_, err = OpenSystem(dev, SystemOptions{})
	case "nft":
		_, err = OpenSystem(dev, SystemOptions{Isolation: isolate.NFT, Up: true})
	case "afxdp":
		_, err = OpenSystem(dev, SystemOptions{IO: IOAFXDP})
	case "raised":
		for _, name := range strings.Fields(dev) {
			var p Port
			if p, err = OpenSystem(name, SystemOptions{Up: true}); err != nil {
				break
			}
			if opened := WhenOpened(p); !opened.Status.AdminUp {
				err = fmt.Errorf("%s is %+v", name, opened)
			}
		}
	case "internal":
		_, err = OpenInternal(dev, TapOptions{})
	case "plain":
		_, err = OpenInternal(dev, TapOptions{IO: IOPlain})
	}
	if err != nil {
		fmt.Printf("permission=%v %v\n", errors.Is(err, ErrPermission), err)
		os.Exit(1)
	}
	fmt.Println("ready")
	select {}
}

// unprivileged is the command that opens a device so, with no more capabilities than
// these: "+net_raw,+net_admin".
func unprivileged(t *testing.T, capabilities, what string) *exec.Cmd {
	t.Helper()
	bounds := "--bounding-set=" + strings.TrimSuffix("-all,"+capabilities, ",")
	cmd := exec.Command(testutil.NeedProgram(t, "setpriv", "util-linux"), bounds, "--inh-caps=-all", os.Args[0])
	cmd.Env = append(os.Environ(), openEnv+"="+what)
	return cmd
}

// startHelper starts the test binary as such a process and waits until it holds
// its device.
func startHelper(t *testing.T, ns *testutil.NS, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	ns.Start(cmd)
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("helper says %q, %v", line, err)
	}
}

// endHelper is kill -9.
func endHelper(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) {
		t.Fatalf("helper ended by itself: %v", err)
	}
}

func TestIntegrationWithoutPermission(t *testing.T) {
	_, sw := veth(t)
	for what, capability := range map[string]string{"system p0": "CAP_NET_RAW", "internal t0": "CAP_NET_ADMIN", "plain t0": "CAP_NET_ADMIN"} {
		t.Run(what, func(t *testing.T) {
			cmd := unprivileged(t, "", what)
			var out bytes.Buffer
			cmd.Stdout = &out
			sw.Start(cmd)
			if err := cmd.Wait(); err == nil {
				t.Fatal("opened without a capability")
			}
			line := strings.TrimSuffix(out.String(), "\n")
			_, dev, _ := strings.Cut(what, " ")
			for _, want := range []string{"permission=true port " + dev + ": ", "permission denied", capability, "run as root", "setcap"} {
				if !strings.Contains(line, want) {
					t.Errorf("%q is missing in %q", want, line)
				}
			}
			if strings.Contains(line, "\n") {
				t.Errorf("more than one line: %q", line)
			}
		})
	}
}

func TestIntegrationOpenErrors(t *testing.T) {
	_, sw := veth(t)
	sw.Run("ip", "tuntap", "add", "dev", "tun7", "mode", "tun")
	sw.Run("ip", "tuntap", "add", "dev", "tap7", "mode", "tap")
	for _, tc := range []struct {
		name  string
		open  func() (Port, error)
		is    error
		parts []string
	}{
		{"absent", func() (Port, error) { return OpenSystem("absent0", SystemOptions{}) }, ErrNotExist, []string{"absent0: no such network device"}},
		{"loopback", func() (Port, error) { return OpenSystem("lo", SystemOptions{}) }, ErrNotSupported, []string{"lo: ", "loopback"}},
		{"no Ethernet", func() (Port, error) { return OpenSystem("tun7", SystemOptions{}) }, ErrNotSupported, []string{"tun7: not an Ethernet device"}},
		{"name too long", func() (Port, error) { return OpenSystem("a123456789012345", SystemOptions{}) }, unix.EINVAL, []string{"1 to 15 bytes"}},
		{"unknown isolation", func() (Port, error) { return OpenSystem("p0", SystemOptions{Isolation: "iptables"}) }, nil, []string{"auto, tcx, nft or off"}},
		{"internal over a veth", func() (Port, error) { return OpenInternal("p0", TapOptions{}) }, ErrNotSupported, []string{"p0: a device of this name exists and is no TAP (veth)"}},
		{"internal over a TUN", func() (Port, error) { return OpenInternal("tun7", TapOptions{}) }, ErrNotSupported, []string{"is no TAP"}},
		{"internal over a TAP", func() (Port, error) { return OpenInternal("tap7", TapOptions{}) }, ErrBusy, []string{"ip tuntap del dev tap7"}},
		{"tap absent", func() (Port, error) { return OpenTap("absent0", TapOptions{}) }, ErrNotExist, []string{"ip tuntap add dev absent0 mode tap"}},
		{"tap over a veth", func() (Port, error) { return OpenTap("p0", TapOptions{}) }, ErrNotSupported, []string{"type=system"}},
		{"unknown io", func() (Port, error) { return OpenInternal("t0", TapOptions{IO: "fast"}) }, unix.EINVAL, []string{`"fast" is not known; use auto or plain`}},
		{"bad MTU", func() (Port, error) { return OpenInternal("t0", TapOptions{MTU: 1 << 20}) }, unix.EINVAL, []string{"t0: setting the MTU 1048576"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fds := openFiles(t)
			var p Port
			var err error
			sw.Do(func() { p, err = tc.open() })
			if err == nil {
				t.Fatalf("opened: %v", p.Close())
			}
			if tc.is == nil {
				tc.is = err
			}
			oneLine(t, err, tc.is, tc.parts...)
			var pe *PortError
			if !errors.As(err, &pe) {
				t.Errorf("%T, want a PortError inside", err)
			}
			if n := openFiles(t); n != fds {
				t.Errorf("%d descriptors were left open", n-fds)
			}
			if sw.HasLink("t0") {
				t.Error("a device was left")
			}
		})
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}

func TestIntegrationDefaultRoute(t *testing.T) {
	for _, tc := range []struct {
		name  string
		setup string
		want  []string // empty: no default route
	}{
		{"IPv4", "ip address add 192.0.2.5/24 dev p0; ip route add default via 192.0.2.1",
			[]string{"'ip route del default via 192.0.2.1 dev p0 && ip address del 192.0.2.5/24 dev p0 && ip address add 192.0.2.5/24 dev br7 && ip link set br7 up && ip route add default via 192.0.2.1 dev br7'"}},
		{"metric", "ip address add 192.0.2.5/24 dev p0; ip route add default via 192.0.2.1 metric 100", []string{"ip route del default via 192.0.2.1 dev p0 metric 100", "via 192.0.2.1 dev br7 metric 100"}},
		{"without a gateway", "ip route add default dev p0", []string{"ip route add default dev br7"}},
		{"several addresses", "ip address add 192.0.2.5/24 dev p0; ip address add 198.51.100.7/31 dev p0; ip route add default via 192.0.2.1",
			[]string{"ip address del 192.0.2.5/24 dev p0", "ip address add 198.51.100.7/31 dev br7"}},
		{"multipath", "ip address add 192.0.2.5/24 dev p0; ip route add default nexthop via 192.0.2.1 nexthop via 192.0.2.2", []string{"via 192.0.2.1 dev br7"}},
		{"IPv6", "sysctl -qw net.ipv6.conf.p0.disable_ipv6=0; ip address add 2001:db8::5/64 dev p0 nodad; ip -6 route add default via fe80::1 dev p0",
			[]string{"ip address add 2001:db8::5/64 dev br7", "ip -6 route add default via fe80::1 dev br7"}},
		{"none", "ip address add 192.0.2.5/24 dev p0; ip route add 10.0.0.0/8 via 192.0.2.1", nil},
		{"of another table", "ip route add default dev p0 table 77", nil},
		{"unreachable", "ip route add unreachable default", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, sw := veth(t)
			sw.Run("sh", "-ec", tc.setup)
			sw.Do(func() {
				p, err := OpenSystem("p0", SystemOptions{Bridge: "br7"})
				if len(tc.want) == 0 {
					if err != nil {
						t.Fatal(err)
					}
					if err := p.Close(); err != nil {
						t.Error(err)
					}
					return
				}
				if err == nil {
					t.Fatalf("opened: %v", p.Close())
				}
				oneLine(t, err, ErrDefaultRoute, tc.want...)
				// The explicit choice overrides.
				for _, mode := range []isolate.Mode{isolate.Auto, isolate.Off} {
					p, err = OpenSystem("p0", SystemOptions{Isolation: mode})
					if err != nil {
						t.Fatalf("%s: %v", mode, err)
					}
					if err := p.Close(); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

// The commands in the refusal do what they say, for both families at once:
// IPv6 keeps a route whose address is gone.
func TestIntegrationDefaultRouteCommandsWork(t *testing.T) {
	_, sw := veth(t)
	sw.Run("sh", "-ec", "ip address add 192.0.2.5/24 dev p0; ip route add default via 192.0.2.1 metric 10; "+
		"sysctl -qw net.ipv6.conf.p0.disable_ipv6=0; ip address add 2001:db8::5/64 dev p0 nodad; ip -6 route add default via 2001:db8::1 dev p0")
	sw.Do(func() {
		br, err := OpenInternal("br7", TapOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := br.Close(); err != nil {
				t.Error(err)
			}
		}()
		_, err = OpenSystem("p0", SystemOptions{Bridge: "br7"})
		oneLine(t, err, ErrDefaultRoute)
		sw.Run("sysctl", "-qw", "net.ipv6.conf.br7.disable_ipv6=0")
		parts := strings.Split(err.Error(), "'")
		if len(parts) < 3 {
			t.Fatalf("no commands in %q", err)
		}
		sw.Run("sh", "-ec", parts[1])
		if got := sw.Run("ip", "route", "show", "default"); !strings.Contains(got, "default via 192.0.2.1 dev br7 metric 10") {
			t.Errorf("default route: %s", got)
		}
		if got := sw.Run("ip", "-6", "route", "show", "default"); !strings.Contains(got, "default via 2001:db8::1 dev br7") || strings.Contains(got, "p0") {
			t.Errorf("IPv6 default route: %s", got)
		}
		p, err := OpenSystem("p0", SystemOptions{Bridge: "br7"})
		if err != nil {
			t.Fatalf("after the commands: %v", err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Where neither method can be had the switch works and says so once, with the
// rules; a forced one is an error, and a device that is down stays so.
func TestIntegrationIsolationUnavailable(t *testing.T) {
	_, sw := veth(t)
	// CAP_NET_RAW alone opens the socket and sets no program and no table.
	cmd := unprivileged(t, "+net_raw", "system p0")
	var log bytes.Buffer
	cmd.Stderr = &log
	startHelper(t, sw, cmd)
	endHelper(t, cmd)
	if n := strings.Count(log.String(), "by hand"); n != 1 || !strings.Contains(log.String(), "add table netdev ofswitch") {
		t.Errorf("log:\n%s", log.String())
	}
	sw.Run("ip", "link", "set", "p0", "down")
	cmd = unprivileged(t, "+net_raw", "nft p0")
	var out bytes.Buffer
	cmd.Stdout = &out
	sw.Start(cmd)
	if err := cmd.Wait(); err == nil || !strings.Contains(out.String(), "stack-isolation=nft") {
		t.Errorf("%v: %s", err, out.String())
	}
	if sw.Link("p0").Attrs().Flags&net.FlagUp != 0 {
		t.Error("p0 was brought up")
	}
}
