package integration

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
)

// patience is how long this package waits for what must happen.
const patience = testutil.Patience

// newLab makes n hosts around a switch namespace for the time of the test.
func newLab(t *testing.T, n int) *netlab.Lab {
	t.Helper()
	testutil.NeedRoot(t)
	l, err := netlab.New(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// daemon is a running ofswitchd.
type daemon struct {
	t     *testing.T
	ns    *netlab.Namespace
	dir   string // its run directory
	cmd   *exec.Cmd
	log   *logReader
	ended chan struct{} // closed when the process is gone
	err   error         // how it ended; valid after ended
	ofctl string        // path of the program
}

// startSwitch starts ofswitchd in the lab's switch namespace with one bridge
// br0 and a port a host, and more flags, and waits until it is ready. At the end
// of the test it is stopped, and must leave nothing.
func startSwitch(t *testing.T, l *netlab.Lab, flags ...string) *daemon {
	t.Helper()
	args := []string{"--bridge", "br0"}
	for _, h := range l.Hosts {
		args = append(args, "--port", h.Port)
	}
	d := startDaemon(t, l.Switch, append(args, flags...)...)
	d.awaitLog("msg=ready")
	return d
}

// startDaemon starts ofswitchd in ns with --run-dir and --db none before args.
func startDaemon(t *testing.T, ns *netlab.Namespace, args ...string) *daemon {
	t.Helper()
	return startDaemonBy(t, ns, nil, args...)
}

// startDaemonBy is startDaemon with a command before the program's name, which
// must become the program in the end.
func startDaemonBy(t *testing.T, ns *netlab.Namespace, by []string, args ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, ns: ns, dir: t.TempDir(), ended: make(chan struct{}), ofctl: testutil.Binary(t, "./cmd/ofctl")}
	before, err := ns.Links()
	if err != nil {
		t.Fatal(err)
	}
	argv := append(slices.Clone(by), testutil.Binary(t, "./cmd/ofswitchd"), "--run-dir", d.dir, "--db", "none")
	argv = append(argv, args...)
	d.cmd = exec.Command(argv[0], argv[1:]...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	d.cmd.Stderr = w
	d.log = newLogReader(r)
	if err := ns.Start(d.cmd); err != nil {
		t.Fatal(err)
	}
	w.Close()
	go func() {
		d.err = d.cmd.Wait()
		close(d.ended)
	}()
	t.Cleanup(func() {
		d.stop()
		if t.Failed() {
			t.Logf("log of ofswitchd:\n%s", d.log.text())
		}
		d.checkNothingLeft(before)
	})
	return d
}

// stop asks the daemon to end and waits for it; no effect if it has.
func (d *daemon) stop() {
	d.t.Helper()
	select {
	case <-d.ended:
		return
	default:
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Error(err)
	}
	select {
	case <-d.ended:
		if d.err != nil {
			d.t.Errorf("ofswitchd after SIGTERM: %v", d.err)
		}
	case <-time.After(patience):
		d.t.Errorf("ofswitchd has not ended after SIGTERM")
		d.kill()
	}
}

// kill is kill -9.
func (d *daemon) kill() {
	d.t.Helper()
	if err := d.cmd.Process.Kill(); err != nil {
		d.t.Error(err)
	}
	<-d.ended
}

// checkNothingLeft fails when a clean end left a device, a socket, a qdisc, a
// program or an nftables table.
func (d *daemon) checkNothingLeft(before []string) {
	d.t.Helper()
	if d.err != nil {
		return // killed: only what belongs to the process can go with it
	}
	after, err := d.ns.Links()
	if err != nil {
		d.t.Fatal(err)
	}
	if a, b := strings.Join(after, " "), strings.Join(before, " "); a != b {
		d.t.Errorf("devices before: %s; left after: %s", b, a)
	}
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range entries {
		d.t.Errorf("left in the run directory: %s", e.Name())
	}
	if out, err := d.ns.Run("nft", "list", "tables"); err == nil && strings.Contains(out, "ofswitch") {
		d.t.Errorf("nftables left: %s", out)
	}
}

// awaitLog waits for a line of the log that contains text and returns it.
func (d *daemon) awaitLog(text string) string {
	d.t.Helper()
	line, ok := d.log.await(text)
	if !ok {
		d.t.Fatalf("no line %q in the log of ofswitchd:\n%s", text, d.log.text())
	}
	return line
}

// mgmt is the bridge's management socket as tools name it.
func (d *daemon) mgmt(bridge string) string {
	return "unix:" + filepath.Join(d.dir, bridge+".mgmt")
}

// ctl runs ofctl and fails the test if that fails.
func (d *daemon) ctl(args ...string) string {
	d.t.Helper()
	out, err := d.tryCtl(args...)
	if err != nil {
		d.t.Fatalf("ofctl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// tryCtl runs ofctl and returns what it printed and how it ended.
func (d *daemon) tryCtl(args ...string) (string, error) {
	cmd := exec.Command(d.ofctl, args...)
	cmd.Env = append(os.Environ(), "OFSWITCH_RUNDIR="+d.dir)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// mustRun runs a program in a namespace and fails the test if that fails.
func mustRun(t *testing.T, ns *netlab.Namespace, name string, args ...string) string {
	t.Helper()
	out, err := ns.Run(name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// ping fails the test unless to answers from within a few tries.
func ping(t *testing.T, from *netlab.Host, to string) {
	t.Helper()
	testutil.NeedProgram(t, "ping", "iputils-ping")
	var out string
	for range 10 {
		var err error
		if out, err = from.Run("ping", "-n", "-c", "1", "-W", "3", to); err == nil {
			return
		}
	}
	t.Fatalf("%s gets no answer from %s:\n%s", from.Name, to, out)
}

// noPing fails the test if to answers.
func noPing(t *testing.T, from *netlab.Host, to string) {
	t.Helper()
	if out, err := from.Run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", to); err == nil {
		t.Fatalf("%s gets an answer from %s:\n%s", from.Name, to, out)
	}
}

// logReader gathers the lines of a process and lets tests wait for one.
type logReader struct {
	mu    sync.Mutex
	cond  *sync.Cond
	lines []string
	ended bool
}

func newLogReader(r io.ReadCloser) *logReader {
	l := &logReader{}
	l.cond = sync.NewCond(&l.mu)
	go func() {
		defer r.Close()
		for s := bufio.NewScanner(r); s.Scan(); {
			l.mu.Lock()
			l.lines = append(l.lines, s.Text())
			l.mu.Unlock()
			l.cond.Broadcast()
		}
		l.mu.Lock()
		l.ended = true
		l.mu.Unlock()
		l.cond.Broadcast()
	}()
	return l
}

// await waits for a line with text, however often asked: it looks at all lines
// from the first. It gives up when the process has ended or after patience.
func (l *logReader) await(text string) (string, bool) {
	return l.awaitAfter(0, text)
}

// awaitAfter is await for the lines from number n on.
func (l *logReader) awaitAfter(n int, text string) (string, bool) {
	end := time.AfterFunc(patience, l.cond.Broadcast)
	defer end.Stop()
	deadline := time.Now().Add(patience)
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for ; n < len(l.lines); n++ {
			if strings.Contains(l.lines[n], text) {
				return l.lines[n], true
			}
		}
		if l.ended || !time.Now().Before(deadline) {
			return "", false
		}
		l.cond.Wait()
	}
}

func (l *logReader) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.lines)
}

func (l *logReader) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
