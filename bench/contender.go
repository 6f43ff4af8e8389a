package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/netlab"
)

// contender is a switch as it is started for a line.
type contender struct {
	name  string
	start starter // nil: there is no switch
}

// options are what the command line chose.
type options struct {
	bin      string // absolute directory of ofswitchd and ofctl
	base     string // the same of another revision; empty: none
	testdata string
	rounds   int           // 0: what the line says
	length   time.Duration // of one measurement; 0: what the line says
	cpu      int           // the generator's processor
	small    bool          // tests: a hundredth of the flows where a line counts flows
	source   string        // absolute directory of the module, for the Go benchmarks
	ruleSets string        // directory of ClassBench's sets
	locality float64       // of traces of their frames; 0: each is a new flow

	temp     string            // of test programs; empty: none was needed yet
	programs map[string]string // these, by package
}

// scaled is n flows, or fewer in a test.
func (o *options) scaled(n int) int {
	if o.small {
		return n / 100
	}
	return n
}

// errMissing is the error of a contender that cannot be had here.
type errMissing struct{ why string }

func (e errMissing) Error() string { return e.why }

// once measures one line once with a fresh switch between fresh hosts.
func once(ctx context.Context, o *options, l *line, c contender) (m measured, err error) {
	s := &setup{ctx: ctx, opt: o, contender: c}
	length := l.length
	if o.length != 0 {
		length = o.length
	}
	if l.bare {
		return l.measure(s, length)
	}
	if s.lab, err = netlab.New(l.hostCount()); err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if s.dir, err = os.MkdirTemp("", "ofswitch-bench-"); err != nil {
		return m, err
	}
	if l.before != nil {
		if err := l.before(s); err != nil {
			return m, err
		}
	}
	if c.start != nil {
		if err := c.start(s); err != nil {
			return m, err
		}
	}
	return l.measure(s, length)
}

// startOurs starts ofswitchd with options of its ports and flags of its bridge, as
// a learning switch or, with failMode "secure", one without flows.
func startOurs(failMode, portOptions string, args ...string) starter {
	return func(s *setup) error { return s.startOurs(s.opt.bin, failMode, portOptions, args...) }
}

// startBase starts the other revision's.
func startBase(failMode, portOptions string, args ...string) starter {
	return func(s *setup) error { return s.startOurs(s.opt.base, failMode, portOptions, args...) }
}

func (s *setup) startOurs(bin, failMode, portOptions string, more ...string) error {
	args := []string{"--run-dir", s.dir, "--db", "none", "--log-file", filepath.Join(s.dir, "log")}
	args = append(args, "--bridge", "br0", "--fail-mode", failMode)
	args = append(args, more...)
	for i, h := range s.lab.Hosts {
		args = append(args, "--port", fmt.Sprintf("%s@%d%s", h.Port, i+1, portOptions))
	}
	if err := s.spawn(filepath.Join(bin, "ofswitchd"), nil, args...); err != nil {
		return err
	}
	s.mgmt = filepath.Join(s.dir, "br0.mgmt")
	return s.awaitPorts()
}

// startOVS starts Open vSwitch with its userspace datapath. tso has it take the
// work that hosts leave to their devices: without, TCP between hosts with default
// settings does not work at all.
func startOVS(failMode string, tso bool) starter {
	return func(s *setup) error { return s.startOVS(failMode, tso) }
}

func (s *setup) startOVS(failMode string, tso bool) error {
	if _, err := os.Stat(ovsDaemon); err != nil {
		return errMissing{"install the package openvswitch-switch"}
	}
	env := s.ovsEnv()
	db := filepath.Join(s.dir, "db.sock")
	vsctl := func(args ...string) error {
		return s.ovsTool("ovs-vsctl", append([]string{"--timeout=20", "--db=unix:" + db}, args...)...)
	}
	if err := s.ovsTool("ovsdb-tool", "create", s.dir+"/conf.db", "/usr/share/openvswitch/vswitch.ovsschema"); err != nil {
		return err
	}
	if err := s.spawn("/usr/sbin/ovsdb-server", env, s.dir+"/conf.db", "--remote=punix:"+db, "--unixctl="+s.dir+"/db.ctl", "-vconsole:off"); err != nil {
		return err
	}
	// The socket is there before it is listened at.
	err := s.retry(func() error {
		nc, err := net.Dial("unix", db)
		if err == nil {
			err = nc.Close()
		}
		return err
	})
	if err != nil {
		return err
	}
	init := []string{"--no-wait", "init"}
	if tso {
		init = append(init, "--", "set", "Open_vSwitch", ".", "other_config:userspace-tso-enable=true")
	}
	if err := vsctl(init...); err != nil {
		return err
	}
	if err := s.spawn(ovsDaemon, env, "unix:"+db, "--unixctl="+s.dir+"/vs.ctl", "-vconsole:off", "--disable-system"); err != nil {
		return err
	}
	args := []string{"add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev", "protocols=OpenFlow10,OpenFlow13", "fail_mode=" + failMode}
	for i, h := range s.lab.Hosts {
		args = append(args, "--", "add-port", "br0", h.Port, "--", "set", "Interface", h.Port, fmt.Sprintf("ofport_request=%d", i+1))
	}
	if failMode == "secure" {
		args = append(args, "--", "set-controller", "br0", "ptcp:"+openflowPort+":127.0.0.1")
	}
	if err := vsctl(args...); err != nil {
		return err
	}
	s.mgmt = filepath.Join(s.dir, "br0.mgmt")
	return s.awaitPorts()
}

// ovsEnv is the environment that has Open vSwitch's programs use the setup's directory.
func (s *setup) ovsEnv() []string {
	return []string{"OVS_RUNDIR=" + s.dir, "OVS_DBDIR=" + s.dir, "OVS_LOGDIR=" + s.dir, "PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin"}
}

// ovsTool runs one of Open vSwitch's tools.
func (s *setup) ovsTool(name string, args ...string) error {
	cmd := exec.CommandContext(s.ctx, name, args...)
	cmd.Env = append(os.Environ(), s.ovsEnv()...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %v: %w\n%s", name, args, err, out)
	}
	return err
}

// startBridge has the kernel forward.
func startBridge(s *setup) error {
	script := "ip link add br0 type bridge && ip link set br0 up"
	for _, h := range s.lab.Hosts {
		script += " && ip link set " + h.Port + " master br0"
	}
	if out, err := s.lab.Switch.Run("sh", "-c", script); err != nil {
		return fmt.Errorf("a Linux bridge: %w: %s", err, out)
	}
	return nil
}

// ovsDaemon is the distribution's; ovs-vswitchd need not be in the path.
const ovsDaemon = "/usr/sbin/ovs-vswitchd"

// peerVersion is the version of Open vSwitch, empty if it is not there.
func peerVersion() string {
	out, err := exec.Command(ovsDaemon, "--version").Output()
	if err != nil {
		return ""
	}
	return regexp.MustCompile(`[0-9]+\.[0-9.]+`).FindString(string(out))
}

// awaitPorts waits until the switch's ports forward.
func (s *setup) awaitPorts() error {
	return s.retry(func() error {
		out, err := s.ofctl("dump-ports-desc")
		if err == nil {
			for _, h := range s.lab.Hosts {
				if !strings.Contains(out, "("+h.Port+")") {
					err = fmt.Errorf("%s is no port yet: %s", h.Port, out)
				}
			}
		}
		return err
	})
}

// ofctl runs a stock ovs-ofctl with the switch's bridge.
func (s *setup) ofctl(command string, args ...string) (string, error) {
	return s.ofctlAt("OpenFlow13", command, args...)
}

// ofctlAt is ofctl in a version of OpenFlow.
func (s *setup) ofctlAt(version, command string, args ...string) (string, error) {
	args = append([]string{"-O", version, "-t", "300", command, "unix:" + s.mgmt}, args...)
	out, err := exec.CommandContext(s.ctx, "ovs-ofctl", args...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return "", errMissing{"install the package openvswitch-common"}
	}
	if err != nil {
		err = fmt.Errorf("ovs-ofctl %s: %w: %.500s", command, err, out)
	}
	return string(out), err
}

// addFlows adds flow entries, one a line.
func (s *setup) addFlows(flows string) error {
	file := filepath.Join(s.dir, "flows")
	if err := os.WriteFile(file, []byte(flows), 0o600); err != nil {
		return err
	}
	_, err := s.ofctl("add-flows", file)
	return err
}

// retry calls fn until it has no error, within startTimeout, and while the
// switch's processes run.
func (s *setup) retry(fn func() error) error {
	for end := time.Now().Add(startTimeout); ; time.Sleep(10 * time.Millisecond) {
		err := fn()
		var missing errMissing
		if err == nil || errors.As(err, &missing) {
			return err
		}
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		if died := s.died(); died != nil {
			return died
		}
		if time.Now().After(end) {
			return err
		}
	}
}

// died says which process of the switch has ended, with the end of its log.
func (s *setup) died() error {
	for _, p := range s.procs {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, p.Process.Pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if err != nil || info.Signo == 0 {
			continue
		}
		// All that it has said is here when that has been read to its end. That it ended is no
		// news, and how does not matter.
		_ = p.Wait()
		said := p.Stderr.(*tail).String()
		if log, err := os.ReadFile(filepath.Join(s.dir, "log")); err == nil {
			said += string(log)
		}
		return errMissing{fmt.Sprintf("%s has ended: %s", filepath.Base(p.Path), strings.TrimSpace(said[max(0, len(said)-1000):]))}
	}
	return nil
}

// cpu is what the threads of the switch have run so far, in seconds, with what
// the kernel does for them when they call it: sending through a veth pair ends in
// the other end's receipt, sink included.
func (s *setup) cpu() (float64, error) {
	ran, _, err := s.runTime()
	return ran.Seconds(), err
}
