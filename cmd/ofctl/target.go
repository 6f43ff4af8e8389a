package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"
)

// maxSocketPath is the longest path that fits into a Unix socket's address.
const maxSocketPath = 107

// target is where a switch is reached.
type target struct {
	text    string // as the user wrote it
	network string // "unix", "tcp"
	addr    string
	bridge  bool // text is a bridge's name, addr its management socket
}

// parseTarget reads BRIDGE, PATH, unix:PATH or tcp:HOST[:PORT]. ending is that of
// a bridge's socket, ".mgmt".
func parseTarget(s, runDir, ending string) (target, error) {
	t := target{text: s}
	scheme, rest, ok := strings.Cut(s, ":")
	switch {
	case s == "":
		return t, errors.New("which switch? Name a bridge, unix:PATH or tcp:HOST[:PORT]")
	case ok && scheme == "unix":
		t.network, t.addr = "unix", rest
	case ok && scheme == "tcp":
		t.network, t.addr = "tcp", rest
		if _, _, err := net.SplitHostPort(rest); err != nil {
			t.addr = net.JoinHostPort(strings.Trim(rest, "[]"), defaultPort)
		}
	case ok:
		return t, fmt.Errorf("%s: want a bridge's name, unix:PATH or tcp:HOST[:PORT]", s)
	case strings.Contains(s, "/"):
		t.network, t.addr = "unix", s
	default:
		t.network, t.addr, t.bridge = "unix", filepath.Join(runDir, s+ending), true
	}
	if t.network == "unix" && len(t.addr) > maxSocketPath {
		return t, fmt.Errorf("%s: the socket's path has %d bytes, and a Unix socket's may have %d: choose a shorter run directory", t.addr, len(t.addr), maxSocketPath)
	}
	return t, nil
}

// dial connects. The error says why it could not, and what to look at.
func (t target) dial(timeout time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: timeout}
	nc, err := d.DialContext(context.Background(), t.network, t.addr)
	if err == nil {
		return nc, nil
	}
	var timedOut interface{ Timeout() bool }
	switch {
	case errors.Is(err, fs.ErrNotExist) && t.bridge:
		return nil, fmt.Errorf("%s: there is no bridge of that name: %s does not exist; %s", t.text, t.addr, bridgesIn(filepath.Dir(t.addr)))
	case errors.Is(err, fs.ErrNotExist) && t.network == "unix":
		return nil, fmt.Errorf("%s: there is no such socket", t.addr)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%s: no permission to connect to %s; run ofctl as the switch's user", t.text, t.addr)
	case errors.Is(err, syscall.ECONNREFUSED) && t.network == "unix":
		return nil, fmt.Errorf("%s: nobody listens on %s any more: the switch that made it is not running", t.text, t.addr)
	case errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("%s: nobody listens on %s", t.text, t.addr)
	case errors.As(err, &timedOut) && timedOut.Timeout():
		return nil, fmt.Errorf("%s: %s did not answer within %v", t.text, t.addr, timeout)
	}
	return nil, fmt.Errorf("%s: %w", t.text, err)
}

// bridgesIn says which bridges have a socket in the run directory.
func bridgesIn(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "is ofswitchd running, and with this run directory? (--run-dir, OFSWITCH_RUNDIR)"
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".mgmt"); ok {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "no bridge has a socket in that directory: is ofswitchd running, and with this run directory? (--run-dir, OFSWITCH_RUNDIR)"
	}
	sort.Strings(names)
	return "bridges there: " + strings.Join(names, ", ")
}
