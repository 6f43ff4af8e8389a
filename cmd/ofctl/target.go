package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"ofswitch/stream"
)

// target is where a switch is reached.
type target struct {
	text    string // as the user wrote it
	network string // "unix", "tcp"
	addr    string
	tls     *stream.Credentials // what to show over TLS; nil for none
	bridge  bool                // text is a bridge's name, addr its management socket
}

// parseTarget reads BRIDGE, PATH, unix:PATH, tcp:HOST[:PORT] or ssl:HOST[:PORT],
// for which the options name the files. ending is that of a bridge's socket,
// ".mgmt".
func parseTarget(s string, o common, ending string) (target, error) {
	t := target{text: s}
	scheme, rest, ok := strings.Cut(s, ":")
	switch {
	case s == "":
		return t, errors.New("which switch? Name a bridge, unix:PATH, tcp:HOST[:PORT] or ssl:HOST[:PORT]")
	case ok && scheme == "unix":
		t.network, t.addr = "unix", rest
	case ok && (scheme == "tcp" || scheme == "ssl"):
		e, err := stream.ParseActive("switch", s, defaultPort)
		if err != nil {
			return t, err
		}
		t.network, t.addr = e.Network, e.Address
		if e.TLS {
			t.tls = stream.NewCredentials(nil)
			if err = o.TLS.Check(); err == nil {
				err = t.tls.Set(o.TLS)
			}
			if err != nil {
				return t, fmt.Errorf("%s: %w", s, err)
			}
		}
	case ok:
		return t, fmt.Errorf("%s: want a bridge's name, unix:PATH, tcp:HOST[:PORT] or ssl:HOST[:PORT]", s)
	case strings.Contains(s, "/"):
		t.network, t.addr = "unix", s
	default:
		t.network, t.addr, t.bridge = "unix", filepath.Join(o.RunDir, s+ending), true
	}
	if t.network == "unix" && len(t.addr) > stream.MaxSocketPath {
		return t, fmt.Errorf("%s: the socket's path has %d bytes, and a Unix socket's may have %d: choose a shorter run directory", t.addr, len(t.addr), stream.MaxSocketPath)
	}
	return t, nil
}

// dial connects. The error says why it could not, and what to look at.
func (t target) dial(timeout time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: timeout}
	nc, err := d.DialContext(context.Background(), t.network, t.addr)
	if err == nil {
		return t.secure(nc, timeout)
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

// secure puts TLS on a connection to the target, where it is to have it.
func (t target) secure(nc net.Conn, timeout time.Duration) (net.Conn, error) {
	if t.tls == nil {
		return nc, nil
	}
	if timeout == 0 {
		timeout = math.MaxInt64
	}
	secure, err := t.tls.Client(nc, stream.Endpoint{Network: t.network, Address: t.addr, TLS: true})
	if err == nil {
		err = stream.Handshake(context.Background(), secure, timeout)
	}
	if err != nil {
		_ = nc.Close() // nothing was said on it
		return nil, fmt.Errorf("%s: %w", t.text, err)
	}
	return secure, nil
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
