package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/netlab"
)

// The line database measures what configuration by ovs-vsctl costs: ports added
// one by one, many bridges in one transaction, and with these bridges a restart,
// the memory, and the processor time of doing nothing. Less is better.

const (
	databaseLine = "database"
	// benchPorts are added one by one, each by an ovs-vsctl of its own.
	benchPorts = 500
	// benchBridges are added by one ovs-vsctl.
	benchBridges = 1000
	// configTimeout bounds one step, in seconds.
	configTimeout = 600
)

// configured is a switch whose database listens on db.sock in its run directory.
type configured struct {
	name string
	// start starts it, or starts it again; it returns when the database answers.
	start func(s *setup, ofswitchd string) error
	// programs are the names of its processes.
	programs []string
}

var configuredSwitches = []configured{
	{"ofswitch", startOursConfigured, []string{"ofswitchd"}},
	{"openvswitch", startOVSConfigured, []string{"ovsdb-server", "ovs-vswitchd"}},
}

// takesDatabase picks the line database out of names.
func takesDatabase(names []string) (ours bool, others []string) {
	for _, n := range names {
		if n == databaseLine {
			ours = true
		} else {
			others = append(others, n)
		}
	}
	return ours, others
}

// runDatabase measures both switches in turn, rounds times.
func runDatabase(ctx context.Context, bin string, rounds, seconds int) ([]result, error) {
	if os.Getuid() != 0 {
		return nil, errors.New("network namespaces need root")
	}
	ofswitchd, err := filepath.Abs(filepath.Join(bin, "ofswitchd"))
	if err != nil {
		return nil, err
	}
	if err := raiseDescriptors(); err != nil {
		return nil, err
	}
	results := []result{
		{Line: fmt.Sprintf("%d-ports", benchPorts), Unit: "s"},
		{Line: fmt.Sprintf("%d-bridges", benchBridges), Unit: "s"},
		{Line: "restart", Unit: "s"},
		{Line: "memory", Unit: "MiB"},
		{Line: "idle", Unit: "% CPU"},
	}
	for round := range rounds {
		for _, sw := range configuredSwitches {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			fmt.Fprintf(os.Stderr, "\r\033[Kdatabase, round %d/%d, %s", round+1, rounds, sw.name)
			values, err := measureDatabase(sw, ofswitchd, seconds)
			if err != nil {
				return nil, fmt.Errorf("database on %s: %w", sw.name, err)
			}
			for i, v := range values {
				into := &results[i].Ours
				if sw.name != configuredSwitches[0].name {
					into = &results[i].Theirs
				}
				*into = append(*into, v)
			}
		}
	}
	fmt.Fprint(os.Stderr, "\r\033[K")
	for i := range results {
		results[i].Ratio = median(results[i].Ours) / median(results[i].Theirs)
	}
	return results, nil
}

// raiseDescriptors lets the switches have as many descriptors as may be had: a
// thousand bridges take several thousand.
func raiseDescriptors() error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	l.Cur = l.Max
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &l)
}

// measureDatabase gives a value for each of the results, in their order.
func measureDatabase(sw configured, ofswitchd string, seconds int) ([]float64, error) {
	ports, err := withConfigured(sw, ofswitchd, measurePorts)
	if err != nil {
		return nil, err
	}
	rest, err := withConfigured(sw, ofswitchd, func(s *setup) ([]float64, error) {
		return measureBridges(s, sw, ofswitchd, seconds)
	})
	return append(ports, rest...), err
}

// withConfigured runs measure on a fresh switch without bridges.
func withConfigured(sw configured, ofswitchd string, measure func(s *setup) ([]float64, error)) (values []float64, err error) {
	lab, err := netlab.New(0)
	if err != nil {
		return nil, err
	}
	s := &setup{lab: lab}
	defer func() { err = errors.Join(err, s.close()) }()
	if s.dir, err = os.MkdirTemp("", "ofswitch-bench-"); err != nil {
		return nil, err
	}
	if err := sw.start(s, ofswitchd); err != nil {
		return nil, err
	}
	return measure(s)
}

func startOursConfigured(s *setup, ofswitchd string) error {
	err := s.spawn(ofswitchd, nil, "--run-dir", s.dir, "--db", filepath.Join(s.dir, "conf.db"), "--log-file", filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	return s.awaitSocket()
}

func startOVSConfigured(s *setup, _ string) error {
	db := filepath.Join(s.dir, "conf.db")
	if _, err := os.Stat(db); err != nil {
		if out, err := exec.Command("ovsdb-tool", "create", db, "/usr/share/openvswitch/vswitch.ovsschema").CombinedOutput(); err != nil {
			return fmt.Errorf("ovsdb-tool create: %w\n%s", err, out)
		}
	}
	env := []string{"OVS_RUNDIR=" + s.dir, "OVS_DBDIR=" + s.dir, "OVS_LOGDIR=" + s.dir}
	quiet := []string{"-vconsole:off", "-vsyslog:off", "--pidfile"}
	if err := s.spawn("/usr/sbin/ovsdb-server", env, append([]string{db, "--remote=punix:" + s.dir + "/db.sock"}, quiet...)...); err != nil {
		return err
	}
	if err := s.awaitSocket(); err != nil {
		return err
	}
	if err := s.vsctl("--no-wait", "init"); err != nil {
		return err
	}
	return s.spawn("/usr/sbin/ovs-vswitchd", env, append([]string{"unix:" + s.dir + "/db.sock", "--disable-system"}, quiet...)...)
}

func (s *setup) awaitSocket() error {
	return retry(func() error { _, err := os.Stat(filepath.Join(s.dir, "db.sock")); return err })
}

// vsctl runs a stock ovs-vsctl, which waits until the switch has done it.
func (s *setup) vsctl(args ...string) error {
	args = append([]string{"-vconsole:off", fmt.Sprintf("--timeout=%d", configTimeout), "--db=unix:" + filepath.Join(s.dir, "db.sock")}, args...)
	out, err := exec.Command("ovs-vsctl", args...).CombinedOutput()
	if err != nil || len(out) > 0 {
		return fmt.Errorf("ovs-vsctl %.200s: %w\n%.2000s", strings.Join(args, " "), errors.Join(err, errors.New("it should print nothing")), out)
	}
	return nil
}

// measurePorts adds veth devices to one bridge. Without IPv6 the other ends are
// silent: with it each says something as it comes up, and what would be measured
// is how a bridge floods that to 500 ports.
func measurePorts(s *setup) ([]float64, error) {
	if out, err := s.lab.Switch.Run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6"); err != nil {
		return nil, fmt.Errorf("turning IPv6 off: %w: %s", err, out)
	}
	var batch strings.Builder
	for i := range benchPorts {
		fmt.Fprintf(&batch, "link add p%d type veth peer name q%d\nlink set q%d up\n", i, i, i)
	}
	file := filepath.Join(s.dir, "links")
	if err := os.WriteFile(file, []byte(batch.String()), 0o600); err != nil {
		return nil, err
	}
	if out, err := s.lab.Switch.Run("ip", "-batch", file); err != nil {
		return nil, fmt.Errorf("ip -batch: %w: %s", err, out)
	}
	if err := s.vsctl("add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev"); err != nil {
		return nil, err
	}
	began := time.Now()
	for i := range benchPorts {
		if err := s.vsctl("add-port", "br0", fmt.Sprintf("p%d", i)); err != nil {
			return nil, err
		}
	}
	took := time.Since(began).Seconds()
	if out, err := exec.Command("ovs-ofctl", "dump-ports-desc", "unix:"+filepath.Join(s.dir, "br0.mgmt")).Output(); err != nil || strings.Count(string(out), "(p") < 1 {
		return nil, fmt.Errorf("after %d ports, ovs-ofctl dump-ports-desc: %w\n%.200s", benchPorts, err, out)
	}
	return []float64{took}, nil
}

// measureBridges adds bridges, measures with them, and restarts the switch.
func measureBridges(s *setup, sw configured, ofswitchd string, seconds int) ([]float64, error) {
	var args []string
	for i := range benchBridges {
		name := bridgeName(i)
		args = append(args, "--", "add-br", name, "--", "set", "Bridge", name, "datapath_type=netdev")
	}
	began := time.Now()
	if err := s.vsctl(args...); err != nil {
		return nil, err
	}
	adding := time.Since(began).Seconds()
	if err := s.awaitBridges(); err != nil {
		return nil, err
	}
	// Idle is what a switch is once it has come to rest, and what it keeps then is its size:
	// in the first seconds it tidies up after the work.
	time.Sleep(settleTime)
	if len(s.procs) != len(sw.programs) {
		return nil, fmt.Errorf("%s has %d processes, not %d", sw.name, len(s.procs), len(sw.programs))
	}
	memory := 0.0
	for _, p := range s.procs {
		v, err := residentMiB(p.Process.Pid)
		if err != nil {
			return nil, err
		}
		memory += v
	}
	before, err := s.cpu()
	if err != nil {
		return nil, err
	}
	began = time.Now()
	time.Sleep(time.Duration(seconds) * time.Second)
	after, err := s.cpu()
	if err != nil {
		return nil, err
	}
	idle := 100 * (after - before) / time.Since(began).Seconds()

	for i := len(s.procs) - 1; i >= 0; i-- {
		if err := s.procs[i].Process.Signal(unix.SIGTERM); err != nil {
			return nil, err
		}
		s.procs[i].Wait() // by a signal, with Open vSwitch
	}
	s.procs = nil
	began = time.Now()
	if err := sw.start(s, ofswitchd); err != nil {
		return nil, err
	}
	if err := s.awaitBridges(); err != nil {
		return nil, err
	}
	return []float64{adding, time.Since(began).Seconds(), memory, idle}, nil
}

func bridgeName(i int) string { return fmt.Sprintf("b%d", i) }

// awaitBridges waits until the management sockets of all bridges are there and
// the switch answers a command: one whose main thread is busy does not.
func (s *setup) awaitBridges() error {
	for end := time.Now().Add(configTimeout * time.Second); ; time.Sleep(5 * time.Millisecond) {
		missing := ""
		for i := range benchBridges {
			if _, err := os.Stat(filepath.Join(s.dir, bridgeName(i)+".mgmt")); err != nil {
				missing = bridgeName(i)
				break
			}
		}
		if missing == "" {
			break
		}
		if time.Now().After(end) {
			return fmt.Errorf("bridge %s is not there after %d seconds", missing, configTimeout)
		}
	}
	last := s.procs[len(s.procs)-1]
	ctl := filepath.Join(s.dir, filepath.Base(last.Path)+"."+strconv.Itoa(last.Process.Pid)+".ctl")
	return retry(func() error {
		out, err := exec.Command("ovs-appctl", "-t", ctl, "version").CombinedOutput()
		if err != nil {
			err = fmt.Errorf("ovs-appctl version: %w: %s", err, out)
		}
		return err
	})
}

// residentMiB is what a process has in memory.
func residentMiB(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseFloat(strings.Fields(kb)[0], 64)
			return n / 1024, err
		}
	}
	return 0, fmt.Errorf("process %d has no VmRSS", pid)
}
