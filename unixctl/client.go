package unixctl

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ofswitch/jsonrpc"
	"ofswitch/stream"
)

const (
	// DefaultRunDir is where programs are looked for without OFSWITCH_RUNDIR.
	DefaultRunDir = "/run/ofswitch"
	// DefaultTimeout bounds Dial, and each Call of a Client that does not set
	// its own: a tool must not hang when the program does.
	DefaultTimeout = 30 * time.Second
	// maxReply is the largest reply in bytes; large tables are dumped as text.
	maxReply = 1 << 30
)

func errSocketPath(path string) error {
	return fmt.Errorf("control socket %s: the path has %d bytes, and a Unix socket's may have %d: choose a shorter run directory", path, len(path), stream.MaxSocketPath)
}

// CommandError is what the program answered a command that failed.
type CommandError struct{ Text string }

func (e *CommandError) Error() string { return strings.TrimRight(e.Text, "\n") }

// Client is a connection to a program. Not for concurrent use.
type Client struct {
	// Timeout bounds each Call; 0 means none.
	Timeout time.Duration

	target string
	nc     net.Conn
	conn   *jsonrpc.Conn
	next   int
}

// RunDir is the directory that OFSWITCH_RUNDIR names, or DefaultRunDir.
func RunDir() string {
	if dir := os.Getenv("OFSWITCH_RUNDIR"); dir != "" {
		return dir
	}
	return DefaultRunDir
}

// MakeRunDir creates the run directory if it is missing. The error says what to
// do.
func MakeRunDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("run directory %s cannot be made (%w): run as root, or choose another with --run-dir", dir, errors.Unwrap(err))
	}
	return nil
}

// Dial connects to the socket at target if there is a slash in it, or else to
// the program named target in RunDir.
func Dial(target string) (*Client, error) {
	if strings.ContainsRune(target, '/') {
		return dial(target, target)
	}
	return DialProgram(RunDir(), target)
}

// DialProgram connects to the program named prog of this run directory. If it
// does not run the error wraps ErrNotRunning.
func DialProgram(runDir, prog string) (*Client, error) {
	pid, err := ReadPID(filepath.Join(runDir, prog+".pid"))
	if err != nil {
		return nil, fmt.Errorf("cannot find %s: %w", prog, err)
	}
	return dial(prog, socketPath(runDir, prog, pid))
}

func dial(target, path string) (*Client, error) {
	if len(path) > stream.MaxSocketPath {
		return nil, errSocketPath(path)
	}
	nc, err := net.DialTimeout("unix", path, DefaultTimeout)
	if err != nil {
		return nil, dialError(target, path, err)
	}
	return &Client{
		Timeout: DefaultTimeout,
		target:  target,
		nc:      nc,
		conn:    jsonrpc.NewConn(nc, jsonrpc.Options{MaxMessage: maxReply}),
	}, nil
}

// dialError says what to do where the socket is not for everybody.
func dialError(target, path string, err error) error {
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("cannot connect to %s by its control socket %s (%w): run as root, or as the user whose the socket is", target, path, os.ErrPermission)
	}
	return fmt.Errorf("cannot connect to %s: %w", target, err)
}

// Call runs a command and gives its text. What the program refuses is a
// *CommandError; after any other error the Client is of no more use.
func (c *Client) Call(cmd string, args ...string) (string, error) {
	if args == nil {
		args = []string{}
	}
	var deadline time.Time
	if c.Timeout > 0 {
		deadline = time.Now().Add(c.Timeout)
	}
	if err := c.nc.SetDeadline(deadline); err != nil {
		return "", fmt.Errorf("%s: %w", c.target, err)
	}
	id := json.RawMessage(fmt.Sprint(c.next))
	c.next++
	if err := c.conn.Request(id, cmd, args); err != nil {
		return "", fmt.Errorf("%s: %w", c.target, err)
	}
	m, err := c.conn.Read()
	switch {
	case errors.Is(err, io.EOF):
		return "", fmt.Errorf("%s closed the connection without an answer to %q", c.target, cmd)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "", fmt.Errorf("%s did not answer %q within %v", c.target, cmd, c.Timeout)
	case err != nil:
		return "", fmt.Errorf("%s: %w", c.target, err)
	case string(m.ID) != string(id):
		return "", fmt.Errorf("%s answered a question that was not asked (id %s)", c.target, m.ID)
	}
	var text string
	switch m.Kind {
	case jsonrpc.KindReply:
		if err := json.Unmarshal(m.Result, &text); err != nil {
			return "", fmt.Errorf("%s: result of %q is not text: %w", c.target, cmd, err)
		}
		return text, nil
	case jsonrpc.KindError:
		if err := json.Unmarshal(m.Error, &text); err != nil {
			return "", fmt.Errorf("%s: error of %q is not text: %w", c.target, cmd, err)
		}
		return "", &CommandError{Text: text}
	}
	return "", fmt.Errorf("%s sent a %v in place of an answer", c.target, m.Kind)
}

// Close ends the connection.
func (c *Client) Close() error { return c.conn.Close() }
