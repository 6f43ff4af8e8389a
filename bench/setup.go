package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"ofswitch/internal/netlab"
)

// setup is one switch between two hosts, with an address on its local port.
type setup struct {
	lab   *netlab.Lab
	dir   string
	procs []*exec.Cmd
}

// starter starts a switch with bridge br0 and a port a host in s.
type starter func(s *setup) error

// startTimeout bounds how long a switch may take to be there.
const startTimeout = 30 * time.Second

// once measures one line once on a fresh switch.
func once(start starter, l line, seconds int) (v float64, err error) {
	lab, err := netlab.New(2)
	if err != nil {
		return 0, err
	}
	s := &setup{lab: lab}
	defer func() { err = errors.Join(err, s.close()) }()
	if s.dir, err = os.MkdirTemp("", "ofswitch-bench-"); err != nil {
		return 0, err
	}
	if err := start(s); err != nil {
		return 0, err
	}
	err = retry(func() error {
		out, err := lab.Switch.Run("ip", "link", "set", "br0", "up")
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, cidr := range []string{localIP.String() + "/24", localIP6.String() + "/64"} {
		if err := lab.Switch.AddAddress("br0", cidr); err != nil {
			return 0, err
		}
	}
	return l.measure(s, seconds)
}

// spawn starts a process of the switch in its namespace.
func (s *setup) spawn(name string, env []string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	if err := s.lab.Switch.Start(cmd); err != nil {
		return err
	}
	s.procs = append(s.procs, cmd)
	return nil
}

func (s *setup) close() error {
	for i := len(s.procs) - 1; i >= 0; i-- {
		s.procs[i].Process.Kill() // it may have ended by itself
		s.procs[i].Wait()         // killed: how it ended says nothing
	}
	return errors.Join(s.lab.Close(), os.RemoveAll(s.dir))
}

// startOurs starts ofswitchd as a learning switch with default settings.
func startOurs(path string) starter {
	return func(s *setup) error {
		args := []string{"--run-dir", s.dir, "--db", "none", "--log-file", filepath.Join(s.dir, "log"), "--bridge", "br0"}
		for _, h := range s.lab.Hosts {
			args = append(args, "--port", h.Port)
		}
		return s.spawn(path, nil, args...)
	}
}

// startOVS starts Open vSwitch with its userspace datapath and segmentation
// offload on, the setting in which TCP between hosts works at its best.
func startOVS(s *setup) error {
	env := []string{"OVS_RUNDIR=" + s.dir, "OVS_DBDIR=" + s.dir, "OVS_LOGDIR=" + s.dir, "PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin"}
	db := filepath.Join(s.dir, "db.sock")
	tool := func(name string, args ...string) error {
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%s %v: %w\n%s", name, args, err, out)
		}
		return err
	}
	vsctl := func(args ...string) error {
		return tool("ovs-vsctl", append([]string{"--timeout=20", "--db=unix:" + db}, args...)...)
	}
	if err := tool("ovsdb-tool", "create", s.dir+"/conf.db", "/usr/share/openvswitch/vswitch.ovsschema"); err != nil {
		return err
	}
	if err := s.spawn("/usr/sbin/ovsdb-server", env, s.dir+"/conf.db", "--remote=punix:"+db, "--unixctl="+s.dir+"/db.ctl", "-vconsole:off"); err != nil {
		return err
	}
	if err := retry(func() error { _, err := os.Stat(db); return err }); err != nil {
		return err
	}
	if err := vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".", "other_config:userspace-tso-enable=true"); err != nil {
		return err
	}
	if err := s.spawn("/usr/sbin/ovs-vswitchd", env, "unix:"+db, "--unixctl="+s.dir+"/vs.ctl", "-vconsole:off"); err != nil {
		return err
	}
	args := []string{"add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=netdev"}
	for _, h := range s.lab.Hosts {
		args = append(args, "--", "add-port", "br0", h.Port)
	}
	return vsctl(args...)
}

// retry calls fn until it has no error, within startTimeout.
func retry(fn func() error) error {
	var err error
	for end := time.Now().Add(startTimeout); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = fn(); err == nil {
			return nil
		}
	}
	return err
}
