package integration

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
)

// process is a program that runs in a namespace until the test stops it.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	log   *logReader
	ended chan struct{}
}

// startProcess starts a program in ns and gathers what it prints.
func startProcess(t *testing.T, ns *netlab.Namespace, dir, name string, args ...string) *process {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(name, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = w, w, dir
	p.log = newLogReader(r)
	if err := ns.Start(p.cmd); err != nil {
		t.Fatal(err)
	}
	w.Close()
	go func() {
		p.cmd.Wait() // killed below: how it ended says nothing
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s printed:\n%s", filepath.Base(name), p.log.text())
		}
	})
	return p
}

func (p *process) kill() {
	select {
	case <-p.ended:
	default:
		if err := p.cmd.Process.Kill(); err != nil {
			p.t.Error(err)
		}
		<-p.ended
	}
}

// startOSKen starts the learning application on port 6653 of ns.
func startOSKen(t *testing.T, ns *netlab.Namespace) *process {
	python := testutil.NeedOSKen(t)
	app := filepath.Join(testutil.Root(t), "testdata", "osken", "learning_switch.py")
	return startProcess(t, ns, t.TempDir(), python, "-m", "os_ken.cmd.manager",
		"--ofp-listen-host", "127.0.0.1", "--ofp-tcp-listen-port", "6653", app)
}

const controllerFlag = "tcp:127.0.0.1:6653,max_backoff=1000"

// An os-ken application with three hosts: pings, TCP, its flows in
// dump-flows; killed and started again, it takes over again.
func TestIntegrationOSKenLearning(t *testing.T) {
	testutil.NeedOSKen(t)
	l := newLab(t, 3)
	app := startOSKen(t, l.Switch)
	d := startSwitch(t, l, "--controller", controllerFlag, "--fail-mode", "secure")
	awaitTableMiss(t, d)
	pingAll(t, l)
	transferTCP(t, l.Hosts[0], l.Hosts[2])
	flows := d.ctl("dump-flows", "br0", "--no-stats")
	if n := strings.Count(flows, "priority=1,in_port="); n < 6 {
		t.Errorf("%d learnt flow entries, want 6 (every host to every other) at least:\n%s", n, flows)
	}
	if strings.Contains(app.log.text(), "switch says error") {
		t.Errorf("the application was sent an error:\n%s", app.log.text())
	}

	app.kill()
	pingAll(t, l) // the flows stay
	d.ctl("del-flows", "br0")
	noPing(t, l.Hosts[0], l.Hosts[1].IP.String()) // secure: nothing else
	startOSKen(t, l.Switch)
	awaitTableMiss(t, d)
	pingAll(t, l)
}

// awaitTableMiss waits until the controller has installed its table-miss entry.
func awaitTableMiss(t *testing.T, d *daemon) {
	t.Helper()
	testutil.Eventually(t, "the controller's table-miss entry", func() error {
		flows := d.ctl("dump-flows", "br0", "--no-stats")
		if !strings.Contains(flows, "priority=0 actions=CONTROLLER") {
			return fmt.Errorf("dump-flows:\n%s", flows)
		}
		return nil
	})
}

func pingAll(t *testing.T, l *netlab.Lab) {
	t.Helper()
	for _, from := range l.Hosts {
		for _, to := range l.Hosts {
			if from != to {
				ping(t, from, to.IP.String())
			}
		}
	}
}

// transferTCP moves some megabytes with iperf3.
func transferTCP(t *testing.T, from, to *netlab.Host) {
	t.Helper()
	iperf3(t, from.Namespace, to.Namespace, to.IP.String(), "-n", "8M")
}

// Open vSwitch's test controller, a learning switch in C.
func TestIntegrationTestController(t *testing.T) {
	path := testutil.NeedProgram(t, "ovs-testcontroller", "openvswitch-testcontroller")
	l := newLab(t, 3)
	dir := t.TempDir()
	startProcess(t, l.Switch, dir, path, "--unixctl="+dir+"/ctl", "--log-file="+dir+"/log", "ptcp:6653:127.0.0.1")
	d := startSwitch(t, l, "--controller", controllerFlag, "--fail-mode", "secure")
	pingAll(t, l)
	transferTCP(t, l.Hosts[1], l.Hosts[2])
	if flows := d.ctl("dump-flows", "br0"); !regexp.MustCompile(`dl_dst=02:00:00:00:00:0[123]`).MatchString(flows) {
		t.Errorf("no flow entry of the controller's:\n%s", flows)
	}
}

// Standalone: with its controller gone the bridge learns by itself, keeps the
// flows, and gives itself back when the controller returns.
func TestIntegrationFailModeStandalone(t *testing.T) {
	testutil.NeedOSKen(t)
	l := newLab(t, 3)
	app := startOSKen(t, l.Switch)
	d := startSwitch(t, l, "--controller", controllerFlag+",inactivity_probe=1000")
	awaitTableMiss(t, d)
	pingAll(t, l)
	app.kill()
	// Entries that would stop all traffic: the hidden entry is above them.
	d.ctl("add-flow", "br0", "priority=65535,actions=drop")
	testutil.Eventually(t, "the bridge learns by itself", func() error {
		_, err := l.Hosts[0].Run("ping", "-n", "-c", "1", "-W", "1", l.Hosts[1].IP.String())
		return err
	})
	if flows := d.ctl("dump-flows", "br0"); strings.Contains(flows, "NORMAL") || !strings.Contains(flows, "priority=65535 actions=drop") {
		t.Errorf("the entry of the fail mode is seen, or flows are gone:\n%s", flows)
	}
	startOSKen(t, l.Switch)
	testutil.Eventually(t, "the bridge is the controller's again", func() error {
		if out, err := l.Hosts[0].Run("ping", "-n", "-c", "1", "-W", "1", l.Hosts[1].IP.String()); err == nil {
			return fmt.Errorf("the entry that drops all has no effect:\n%s", out)
		}
		return nil
	})
}

// Mininet with our switch class: a line of three switches under Mininet's
// reference controller, then without one and with a shaped link.
func TestIntegrationMininet(t *testing.T) {
	mn := testutil.NeedProgram(t, "mn", "mininet")
	unshare := testutil.NeedProgram(t, "unshare", "util-linux")
	testutil.NeedProgram(t, "ovs-testcontroller", "openvswitch-testcontroller")
	testutil.NeedProgram(t, "iperf3", "iperf3")
	ofswitchd := testutil.Binary(t, "./cmd/ofswitchd")
	custom := filepath.Join(testutil.Root(t), "testdata", "mininet", "ofswitch.py")
	run := func(stdin string, args ...string) string {
		t.Helper()
		ns := testutil.NewNS(t)
		// Processes of its own: when something fails Mininet kills, by name,
		// all pings and controllers that it sees.
		cmd := exec.Command(unshare, append([]string{"--pid", "--fork", "--kill-child", "--mount-proc", mn,
			"--custom", custom, "--switch", "ofswitch"}, args...)...)
		// Open vSwitch's controller wants a directory for its control socket.
		cmd.Env = append(os.Environ(), "OFSWITCHD="+ofswitchd, "OVS_RUNDIR="+t.TempDir())
		cmd.Dir = t.TempDir()
		cmd.Stdin = strings.NewReader(stdin)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		ns.Start(cmd)
		if err := cmd.Wait(); err != nil {
			t.Fatalf("mn %v: %v\n%s", args, err, out.String())
		}
		return out.String()
	}
	for _, args := range [][]string{
		{"--controller", "ovsc", "--topo", "linear,3"},
		{"--controller", "none", "--topo", "tree,2"},
	} {
		if out := run("", append(args, "--test", "pingall")...); !strings.Contains(out, " 0% dropped") {
			t.Errorf("pingall with %v:\n%s", args, out)
		}
	}
	// A link of 10 Mbit/s, shaped by Mininet with tc on our port's device: a
	// transfer is no faster. (Slower it may be: machines are shared.)
	out := run("h1 iperf3 -s -1 -D; until ss -ltn | grep -q 5201; do sleep 0.1; done\nh2 iperf3 -c h1 -t 3 -f m\n", "--controller", "none", "--link", "tc,bw=10")
	m := regexp.MustCompile(`([0-9.]+) Mbits/sec +receiver`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no transfer over the shaped link:\n%s", out)
	}
	if rate, err := strconv.ParseFloat(m[1], 64); err != nil || rate > 12 || rate == 0 {
		t.Errorf("%s Mbit/s over a link of 10 Mbit/s:\n%s", m[1], out)
	}
}
