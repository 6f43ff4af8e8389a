package configuration

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"ofswitch/internal/testutil"
	"ofswitch/ovsdb"
	"ofswitch/ovsdb/vswitch"
)

// system is a database and a switch in a network namespace of their own, and the
// program that configures them.
type system struct {
	t       *testing.T
	name    string
	ns      *testutil.NS
	dir     string
	program string // ovs-vsctl or ofctl
	path    string // of program
	env     []string
	db      *ovsdb.Client
	labels  map[string]string // of all rows there have been, by UUID
}

// devices are in every namespace: network devices that ports are made of.
var devices = []string{"e0", "e1", "e2", "e3", "e4"}

func newSystem(t *testing.T, name, program string) *system {
	t.Helper()
	dir, err := os.MkdirTemp("", "cfg") // sockets have short paths
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &system{t: t, name: name, program: program, dir: dir, ns: testutil.NewNS(t), labels: make(map[string]string)}
	s.ns.NoIPv6()
	if program == "ofctl" {
		s.path = testutil.Binary(t, "./cmd/ofctl")
	} else {
		s.path = testutil.NeedProgram(t, program, "openvswitch-switch")
	}
	for i, d := range devices {
		link := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: "x" + d}
		link.Name, link.HardwareAddr = d, net.HardwareAddr{2, 0, 0, 0, 0, byte(i + 1)}
		if err := s.ns.Netlink.LinkAdd(link); err != nil {
			t.Fatal(err)
		}
		s.ns.Up(d)
		s.ns.Up(link.PeerName)
	}
	s.env = append(os.Environ(), "OVS_RUNDIR="+dir, "OVS_DBDIR="+dir, "OVS_LOGDIR="+dir, "OFSWITCH_RUNDIR="+dir, "TZ=UTC")
	return s
}

func (s *system) at(name string) string { return filepath.Join(s.dir, name) }

func (s *system) socket() string { return "unix:" + s.at("db.sock") }

// start starts a program in the namespace, which is stopped when the test ends.
func (s *system) start(path string, args ...string) {
	s.t.Helper()
	cmd := exec.Command(path, args...)
	cmd.Env = s.env
	var said bytes.Buffer
	cmd.Stderr = &said
	s.ns.Start(cmd)
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if s.t.Failed() {
			b := said.Bytes()
			s.t.Logf("%s said:\n%s", path, b[max(0, len(b)-3000):])
		}
	})
}

// theirs is ovsdb-server with ovs-vswitchd.
func theirs(t *testing.T, program string) *system {
	t.Helper()
	vswitchd := testutil.NeedProgram(t, "ovs-vswitchd", "openvswitch-switch")
	server := testutil.NeedProgram(t, "ovsdb-server", "openvswitch-switch")
	s := newSystem(t, "Open vSwitch", program)
	if out, err := exec.Command("ovsdb-tool", "create", s.at("conf.db"), "/usr/share/openvswitch/vswitch.ovsschema").CombinedOutput(); err != nil {
		t.Fatalf("ovsdb-tool: %v\n%s", err, out)
	}
	s.start(server, s.at("conf.db"), "--remote=p"+s.socket(), "--remote=db:Open_vSwitch,Open_vSwitch,manager_options", "--log-file="+s.at("ovsdb.log"), "-vconsole:warn")
	s.connect()
	if out, err := exec.Command("ovs-vsctl", "--no-wait", "--db="+s.socket(), "init").CombinedOutput(); err != nil {
		t.Fatalf("ovs-vsctl init: %v\n%s", err, out)
	}
	// The start script of Open vSwitch writes these.
	if out, err := exec.Command("ovs-vsctl", "--no-wait", "--db="+s.socket(), "set", "Open_vSwitch", ".", "ovs_version=3.1.0").CombinedOutput(); err != nil {
		t.Fatalf("ovs-vsctl set: %v\n%s", err, out)
	}
	s.start(vswitchd, s.socket(), "--disable-system", "--log-file="+s.at("vswitchd.log"), "-vconsole:err")
	s.awaitSwitch()
	return s
}

// ours is ofswitchd with its own database.
func ours(t *testing.T, program string) *system {
	t.Helper()
	s := newSystem(t, "ofswitchd", program)
	s.start(testutil.Binary(t, "./cmd/ofswitchd"), "--run-dir", s.dir, "--db", s.at("conf.db"))
	s.connect()
	s.awaitSwitch()
	return s
}

// connect keeps a copy of the database, for comparisons.
func (s *system) connect() {
	s.t.Helper()
	testutil.Eventually(s.t, "the database's socket of "+s.name, func() error { _, err := os.Stat(s.at("db.sock")); return err })
	s.db = ovsdb.NewClient(ovsdb.ClientOptions{Targets: []string{s.socket()}, Database: vswitch.Name, Logger: slog.New(slog.DiscardHandler)})
	s.t.Cleanup(func() { s.db.Close() })
	testutil.Wait(s.t, "a connection to the database of "+s.name, func() bool { return s.db.Status().Connected })
}

// awaitSwitch waits until the switch has written what it is.
func (s *system) awaitSwitch() {
	s.t.Helper()
	testutil.Wait(s.t, "the switch of "+s.name, func() bool {
		ready := false
		s.db.Do(func(db *ovsdb.Database) {
			c := db.Schema().Tables["Open_vSwitch"].Column("iface_types")
			db.Each("Open_vSwitch", func(r *ovsdb.Row) bool { ready = r.Get(c).Len() > 0; return true })
		})
		return ready
	})
}

// answer is what a program said.
type answer struct {
	status   int
	out, err string
}

func (a answer) String() string { return fmt.Sprintf("status %d\n%s%s", a.status, a.out, a.err) }

// limit is how long a program may take that is not to wait for ever.
const limit = 20 * time.Second

// commandLine is the program of a step and its arguments, as they stand there.
func (s *system) commandLine(st step) (path string, args []string) {
	if st.tool != "" {
		return st.tool, words(st.line)
	}
	return s.path, words("--timeout=10 " + st.line)
}

// command is a program with words in which the names of rows stand for their
// UUIDs, not started.
func (s *system) command(path string, words []string) *exec.Cmd {
	for i, w := range words {
		words[i] = s.expand(w)
	}
	cmd := exec.Command(path, words...)
	cmd.Env = s.env
	return cmd
}

// run runs a step to its end, in the namespace. It may be called from any
// goroutine.
func (s *system) run(st step) (answer, error) {
	cmd := s.command(s.commandLine(st))
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := s.ns.Namespace.Start(cmd); err != nil {
		return answer{}, err
	}
	timer := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait() // its status says it
	timer.Stop()
	if err := s.sync(); err != nil {
		return answer{}, fmt.Errorf("%s: %w", s.name, err)
	}
	s.learn()
	return answer{cmd.ProcessState.ExitCode(), s.normal(out.String()), s.normal(errs.String())}, nil
}

// sync returns when the copy has what was changed before. A conversion ends the
// connection, so it may take a second attempt.
func (s *system) sync() error {
	for patience := time.After(limit); ; {
		_, err := s.db.Transact(s.t.Context(), ovsdb.Select("Open_vSwitch", nil, "next_cfg"))
		if !errors.Is(err, ovsdb.ErrDisconnected) {
			return err
		}
		select {
		case <-s.db.Changed():
		case <-patience:
			return err
		}
	}
}

// expand puts UUIDs and paths into a word: ROW(Port p1), {DIR}.
func (s *system) expand(w string) string {
	w = strings.NewReplacer("{DIR}", s.dir, "SERVER", s.socket()).Replace(w)
	const begin = "ROW("
	for {
		i := strings.Index(w, begin)
		if i < 0 {
			return w
		}
		j := strings.Index(w[i:], ")") + i
		found := ""
		for u, label := range s.labels {
			if label == "<"+w[i+len(begin):j]+">" {
				found = u
			}
		}
		if found == "" {
			s.t.Errorf("%s: %s: there is no such row", s.name, w)
			return w[:i]
		}
		w = w[:i] + found + w[j+1:]
	}
}
