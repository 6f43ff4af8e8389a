package testutil

import (
	"net"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// OVSDBServer is a real ovsdb-server with a database of its own.
type OVSDBServer struct {
	t            testing.TB
	file, socket string
	args         []string
	cmd          *exec.Cmd
	// Run starts the command; exec.Cmd.Start where it is nil.
	Run func(*exec.Cmd) error
}

// NewOVSDBServer makes a database in a file, by a schema file, for a server
// with more arguments. Start it.
func NewOVSDBServer(t testing.TB, schema string, args ...string) *OVSDBServer {
	t.Helper()
	s := newOVSDBServer(t, args)
	ovsdbTool(t, "create", s.file, schema)
	return s
}

// NewOVSDBCluster makes the database of a cluster, its name and n members to
// start.
func NewOVSDBCluster(t testing.TB, n int, name, schema string) []*OVSDBServer {
	t.Helper()
	list := make([]*OVSDBServer, n)
	for i := range list {
		list[i] = newOVSDBServer(t, nil)
		if i == 0 {
			ovsdbTool(t, "create-cluster", list[0].file, schema, list[0].raft())
		} else {
			ovsdbTool(t, "join-cluster", list[i].file, name, list[i].raft(), list[0].raft())
		}
	}
	return list
}

func newOVSDBServer(t testing.TB, args []string) *OVSDBServer {
	dir := t.TempDir()
	s := &OVSDBServer{t: t, file: filepath.Join(dir, "db"), socket: filepath.Join(dir, "s"), args: args}
	t.Cleanup(s.Kill)
	return s
}

func ovsdbTool(t testing.TB, args ...string) {
	t.Helper()
	tool := NeedProgram(t, "ovsdb-tool", "openvswitch-common")
	if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
		t.Fatalf("ovsdb-tool %v: %v\n%s", args, err, out)
	}
}

// raft is where the members of a cluster reach it.
func (s *OVSDBServer) raft() string { return "unix:" + s.socket + ".raft" }

// Target is where clients reach it.
func (s *OVSDBServer) Target() string { return "unix:" + s.socket }

// Start runs the server, until the test ends or Kill. It listens then.
func (s *OVSDBServer) Start() {
	s.t.Helper()
	program := NeedProgram(s.t, "ovsdb-server", "openvswitch-switch")
	args := append([]string{"--remote=p" + s.Target(), "--unixctl=" + s.socket + ".ctl", "--no-chdir", "-vconsole:off", s.file}, s.args...)
	s.cmd = exec.Command(program, args...)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	start := s.cmd.Start
	if s.Run != nil {
		start = func() error { return s.Run(s.cmd) }
	}
	if err := start(); err != nil {
		s.cmd = nil
		s.t.Fatal(err)
	}
	Eventually(s.t, "ovsdb-server listens", func() error {
		nc, err := net.Dial("unix", s.socket)
		if err != nil {
			return err
		}
		return nc.Close()
	})
}

// Kill is kill -9; no effect if it does not run.
func (s *OVSDBServer) Kill() {
	if s.cmd == nil {
		return
	}
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Error(err)
	}
	_ = s.cmd.Wait() // it says that it was killed
	s.cmd = nil
}
