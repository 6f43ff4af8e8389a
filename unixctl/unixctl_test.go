package unixctl

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
)

const prog = "ofswitchd"

// runDir is a short one, since t.TempDir may be too long for a socket.
func runDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "uc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func serve(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := NewServer(dir, prog)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	s.SetVersion("ofswitchd (ofswitch) 1.2.3")
	s.Register("fdb/show", "bridge", 1, 1, func(args []string) (string, error) {
		if args[0] != "br0" {
			return "", fmt.Errorf("no such bridge %q", args[0])
		}
		return " port  VLAN  MAC                Age\n", nil
	})
	s.Register("echo", "[text...]", 0, 3, func(args []string) (string, error) {
		return strings.Join(args, ","), nil
	})
	return s
}

func TestCommands(t *testing.T) {
	dir := runDir(t)
	s := serve(t, dir)
	c, err := DialProgram(dir, prog)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tests := []struct {
		cmd  string
		args []string
		want string
		err  string
	}{
		{cmd: "version", want: "ofswitchd (ofswitch) 1.2.3\n"},
		{cmd: "list-commands", want: "The available commands are:\n" +
			"  echo                    [text...]\n" +
			"  fdb/show                bridge\n" +
			"  list-commands           \n" +
			"  version                 \n"},
		{cmd: "fdb/show", args: []string{"br0"}, want: " port  VLAN  MAC                Age\n"},
		{cmd: "fdb/show", args: []string{"br1"}, err: `no such bridge "br1"`},
		{cmd: "fdb/show", err: `"fdb/show" command requires at least 1 arguments`},
		{cmd: "echo", args: []string{"1", "2", "3", "4"}, err: `"echo" command takes at most 3 arguments`},
		{cmd: "echo", want: ""},
		{cmd: "echo", args: []string{"a b", `"<&>"`}, want: "a b,\"<&>\"\n"},
		{cmd: "foo", err: `"foo" is not a valid command (use "list-commands" to see a list of valid commands)`},
	}
	for _, tt := range tests {
		got, err := c.Call(tt.cmd, tt.args...)
		var ce *CommandError
		switch {
		case tt.err == "" && err != nil:
			t.Errorf("%s %q: %v", tt.cmd, tt.args, err)
		case tt.err != "" && (!errors.As(err, &ce) || ce.Error() != tt.err):
			t.Errorf("%s %q: error %v, want %s", tt.cmd, tt.args, err, tt.err)
		case got != tt.want:
			t.Errorf("%s %q: %q, want %q", tt.cmd, tt.args, got, tt.want)
		}
	}
	st, err := os.Stat(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode().Perm()&0o007 != 0 {
		t.Errorf("others may use the control socket: mode %v", st.Mode())
	}
	byPath, err := Dial(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer byPath.Close()
	if _, err := byPath.Call("version"); err != nil {
		t.Error(err)
	}
}

func TestGarbage(t *testing.T) {
	s := serve(t, runDir(t))
	for _, in := range []string{
		"x", "[]", `{"id":0,"method":"version"}`, `{"id":null,"method":"version","params":[]}`, `{"id":0,"result":"x","error":null}`,
		`{"id":0,"method":"version","params":[[[[[[[]]]]]]]}`, `{"id":0,"method":"` + strings.Repeat("x", maxRequest) + `","params":[]}`,
	} {
		c, err := net.Dial("unix", s.Path())
		if err != nil {
			t.Fatal(err)
		}
		// The server may close before it has taken all of it.
		_, _ = c.Write([]byte(in))
		b, err := io.ReadAll(c)
		if len(b) != 0 || err != nil && !errors.Is(err, unix.ECONNRESET) {
			t.Errorf("%.40q is answered by %q, error %v", in, b, err)
		}
		_ = c.Close()
	}
	c, err := net.Dial("unix", s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte(`{"id":7,"method":"echo","params":[1]}`)); err != nil {
		t.Fatal(err)
	}
	want := `{"id":7,"result":null,"error":"\"echo\" command has non-string argument\n"}`
	b := make([]byte, len(want))
	if _, err := io.ReadFull(c, b); err != nil || string(b) != want {
		t.Errorf("got %s %v, want %s", b, err, want)
	}
}

func TestConnectionLimit(t *testing.T) {
	s := serve(t, runDir(t))
	var clients []*Client
	defer func() {
		for _, c := range clients {
			_ = c.Close()
		}
	}()
	for range MaxConnections {
		c, err := Dial(s.Path())
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
		if _, err := c.Call("version"); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Dial(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if text, err := c.Call("version"); err == nil {
		t.Fatalf("connection %d is answered: %q", MaxConnections+1, text)
	}
	if _, err := clients[0].Call("version"); err != nil {
		t.Errorf("an older connection: %v", err)
	}
}

func TestCloseAnswersTheCommandInProgress(t *testing.T) {
	s := serve(t, runDir(t))
	closed := make(chan error, 1)
	s.Register("exit", "", 0, 0, func([]string) (string, error) {
		go func() { closed <- s.Close() }()
		<-s.done // the server is closing while this command still runs
		return "bye", nil
	})
	idle, err := Dial(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	c, err := Dial(s.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if text, err := c.Call("exit"); err != nil || text != "bye\n" {
		t.Errorf("exit: %q %v", text, err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	for _, path := range []string{s.Path(), s.pid.path} {
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left behind: %v", path, err)
		}
	}
}

// TestMain lets the test program be a second process that holds a pid file.
func TestMain(m *testing.M) {
	if dir := os.Getenv("UNIXCTL_TEST_HOLD"); dir != "" {
		_, err := NewServer(dir, prog)
		fmt.Printf("%d %v\n", os.Getpid(), err)
		_, _ = io.Copy(io.Discard, os.Stdin) // until the parent lets go
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// holder is a process that tries to be prog.
type holder struct {
	out  *bufio.Reader
	stop func() // kills it hard
}

func startHolder(t *testing.T, dir string) *holder {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "UNIXCTL_TEST_HOLD="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := &holder{out: bufio.NewReader(stdout), stop: sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = stdin.Close()
	})}
	t.Cleanup(h.stop)
	return h
}

// said waits for the process to have tried, and gives its pid and the error text
// of its NewServer.
func (h *holder) said() (pid int, result string, err error) {
	line, err := h.out.ReadString('\n')
	if err != nil {
		return 0, "", err
	}
	id, result, _ := strings.Cut(strings.TrimSpace(line), " ")
	pid, err = strconv.Atoi(id)
	return pid, result, err
}

func hold(t *testing.T, dir string) (pid int, result string, stop func()) {
	t.Helper()
	h := startHolder(t, dir)
	pid, result, err := h.said()
	if err != nil {
		t.Fatal(err)
	}
	return pid, result, h.stop
}

func TestPIDFile(t *testing.T) {
	dir := runDir(t)
	path := filepath.Join(dir, prog+".pid")
	if _, err := ReadPID(path); !errors.Is(err, ErrNotRunning) {
		t.Errorf("no file: %v", err)
	}
	pid, result, stop := hold(t, dir)
	if result != "<nil>" {
		t.Fatal(result)
	}
	if got, err := ReadPID(path); err != nil || got != pid {
		t.Errorf("the holder's pid is %d, read %d, %v", pid, got, err)
	}
	if _, err := NewServer(dir, prog); !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), strconv.Itoa(pid)) {
		t.Errorf("second server beside pid %d: %v", pid, err)
	}
	// The attempt must not have disturbed the holder.
	if got, err := ReadPID(path); err != nil || got != pid {
		t.Errorf("afterwards: %d, %v", got, err)
	}
	stop()
	if _, err := ReadPID(path); !errors.Is(err, ErrNotRunning) {
		t.Errorf("the holder was killed: %v", err)
	}
	stale := socketPath(dir, prog, pid)
	if _, err := os.Lstat(stale); err != nil {
		t.Fatalf("the killed holder's socket: %v", err)
	}
	s := serve(t, dir)
	if _, err := os.Lstat(stale); !os.IsNotExist(err) {
		t.Errorf("stale socket: %v", err)
	}
	if got, err := ReadPID(path); err != nil || got != os.Getpid() {
		t.Errorf("own pid file: %d, %v", got, err)
	}
	if _, err := NewServer(dir, prog); !errors.Is(err, ErrRunning) {
		t.Errorf("second server in this process: %v", err)
	}
	// Reading and refusing must not have dropped our lock: ask from outside.
	if _, result, _ := hold(t, dir); !strings.Contains(result, "already running as pid "+strconv.Itoa(os.Getpid())) {
		t.Errorf("another process is told %q", result)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 {
		t.Errorf("files in the run directory: %v, want pid file and socket", entries)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if entries, err = os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestPIDFileStartsAtOnce(t *testing.T) {
	dir := runDir(t)
	// A stale file, and several that want to replace it.
	if err := os.WriteFile(filepath.Join(dir, prog+".pid"), []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var holders []*holder
	for range 4 {
		holders = append(holders, startHolder(t, dir))
	}
	winner := 0
	for _, h := range holders {
		pid, result, err := h.said()
		if err != nil {
			t.Fatal(err)
		}
		if result == "<nil>" {
			if winner != 0 {
				t.Errorf("both %d and %d hold the pid file", winner, pid)
			}
			winner = pid
		}
	}
	if got, err := ReadPID(filepath.Join(dir, prog+".pid")); err != nil || got != winner {
		t.Errorf("pid file says %d, %v; the winner is %d", got, err, winner)
	}
}

func TestLongPath(t *testing.T) {
	dir := filepath.Join(runDir(t), strings.Repeat("d", 100))
	if _, err := NewServer(dir, prog); err == nil || !strings.Contains(err.Error(), "shorter") {
		t.Errorf("error %v", err)
	}
	if _, err := ReadPID(filepath.Join(dir, prog+".pid")); !errors.Is(err, ErrNotRunning) {
		t.Errorf("the pid file is still there: %v", err)
	}
}

func TestIntegrationAppctl(t *testing.T) {
	appctl := testutil.NeedProgram(t, "ovs-appctl", "openvswitch-common")
	dir := runDir(t)
	s := serve(t, dir)
	run := func(target string, args ...string) (string, error) {
		cmd := exec.Command(appctl, append([]string{"-T", "10", "-t", target}, args...)...)
		cmd.Env = append(os.Environ(), "OVS_RUNDIR="+dir)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, target := range []string{prog, s.Path()} {
		out, err := run(target, "list-commands")
		if err != nil || !strings.HasPrefix(out, "The available commands are:\n  echo  ") {
			t.Errorf("%s list-commands: %v\n%s", target, err, out)
		}
		out, err = run(target, "fdb/show", "br0")
		if err != nil || out != " port  VLAN  MAC                Age\n" {
			t.Errorf("%s fdb/show br0: %v\n%s", target, err, out)
		}
		out, err = run(target, "foo")
		if err == nil || !strings.Contains(out, `"foo" is not a valid command (use "list-commands" to see a list of valid commands)`+"\n") {
			t.Errorf("%s foo: %v\n%s", target, err, out)
		}
	}
	out, err := run(prog, "version")
	if err != nil || out != "ofswitchd (ofswitch) 1.2.3\n" {
		t.Errorf("version: %v\n%s", err, out)
	}
}

// A run directory that cannot be written to is named, with what to do.
func TestRunDirNotWritable(t *testing.T) {
	const dir = "/sys" // refuses files to root, too
	s, err := NewServer(dir, "prog")
	if err == nil {
		t.Fatalf("a server in %s: %v", dir, s.Close())
	}
	for _, want := range []string{"run directory " + dir, "not writable", "permission denied", "run as root"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q, want %q in it", err, want)
		}
	}
}

func TestDialErrorSaysWhatToDo(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", unix.EACCES)}
	for err, want := range map[error]string{
		refused:           "cannot connect to x by its control socket /run/x.ctl (permission denied): run as root, or as the user whose the socket is",
		unix.ECONNREFUSED: "cannot connect to x: connection refused",
	} {
		if got := dialError("x", "/run/x.ctl", err); got.Error() != want || errors.Is(got, os.ErrPermission) != errors.Is(err, os.ErrPermission) {
			t.Errorf("%v gives %q, want %q", err, got, want)
		}
	}
}
