package unixctl

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"ofswitch/jsonrpc"
	"ofswitch/stream"
)

const (
	// MaxConnections is how many clients may be connected at once; more are
	// closed unanswered. A tool holds one for the time of one command.
	MaxConnections = 64
	// maxRequest is the largest request in bytes: a command line.
	maxRequest = 1 << 20
	// maxRequestDepth: an object with an array of strings.
	maxRequestDepth = 4
	// replyTimeout is how long a client may take to read its reply.
	replyTimeout = 10 * time.Second
	// closeGrace is how long Close waits for a command in progress.
	closeGrace = 2 * time.Second
)

// Server takes commands for this process.
type Server struct {
	runDir string
	prog   string
	pid    *pidFile
	ln     net.Listener
	path   string
	done   chan struct{} // closed by Close
	wg     sync.WaitGroup

	runMu sync.Mutex // serialises commands

	mu       sync.Mutex
	commands map[string]*command
	version  string
	conns    map[*jsonrpc.Conn]bool // true: a command is being answered
	closed   bool
	closeErr error
	received uint64        // commands
	released chan struct{} // closed when both files are gone
}

// NewServer claims prog in runDir, which it creates if missing, and listens.
// If another live process holds PROG.pid the error wraps ErrRunning and says
// which. Files that dead processes left are replaced and removed.
func NewServer(runDir, prog string) (*Server, error) {
	if prog == "" || strings.ContainsRune(prog, '/') {
		return nil, fmt.Errorf("program name %q cannot name a pid file", prog)
	}
	if err := MakeRunDir(runDir); err != nil {
		return nil, err
	}
	pid, err := createPIDFile(filepath.Join(runDir, prog+".pid"))
	if err != nil {
		return nil, err
	}
	s := &Server{
		runDir:   runDir,
		prog:     prog,
		pid:      pid,
		path:     socketPath(runDir, prog, os.Getpid()),
		done:     make(chan struct{}),
		commands: make(map[string]*command),
		version:  prog + " " + buildVersion(),
		conns:    make(map[*jsonrpc.Conn]bool),
		released: make(chan struct{}),
	}
	// Only the holder of the pid file comes here, so whatever sockets of this
	// name are left are stale, unless somebody answers on them.
	removeStaleSockets(runDir, prog)
	if s.ln, err = listen(s.path); err != nil {
		return nil, errors.Join(err, pid.release())
	}
	s.builtin()
	s.wg.Add(1)
	go s.accept()
	return s, nil
}

func socketPath(runDir, prog string, pid int) string {
	return filepath.Join(runDir, prog+"."+strconv.Itoa(pid)+".ctl")
}

func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// removeStaleSockets removes PROG.PID.ctl files that nobody listens on.
func removeStaleSockets(runDir, prog string) {
	entries, err := os.ReadDir(runDir)
	if err != nil {
		return // nothing to be done; listening will say what is wrong
	}
	for _, e := range entries {
		id, ok := strings.CutPrefix(e.Name(), prog+".")
		if !ok {
			continue
		}
		if id, ok = strings.CutSuffix(id, ".ctl"); !ok {
			continue
		}
		if _, err := strconv.ParseUint(id, 10, 31); err != nil {
			continue
		}
		path := filepath.Join(runDir, e.Name())
		if stale, _ := stream.Stale(path); stale {
			// A file that stays behind does no harm: names hold the pid.
			_ = os.Remove(path)
		}
	}
}

// listen makes the socket, which only its owner and group may use, since
// commands change the switch.
func listen(path string) (net.Listener, error) {
	if len(path) > stream.MaxSocketPath {
		return nil, errSocketPath(path)
	}
	ln, err := stream.ListenUnix(path)
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	return ln, nil
}

// SetVersion sets what the command "version" answers, in place of the
// program's name and the module version that it was built from.
func (s *Server) SetVersion(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version = text
}

// Path is the socket's path.
func (s *Server) Path() string { return s.path }

func (s *Server) accept() {
	defer s.wg.Done()
	for {
		c, err := s.ln.Accept()
		if err != nil {
			select {
			case <-s.done:
				return
			case <-time.After(100 * time.Millisecond):
				// Out of descriptors, commonly; they may come back.
				continue
			}
		}
		conn := jsonrpc.NewConn(c, jsonrpc.Options{MaxMessage: maxRequest, MaxDepth: maxRequestDepth, WriteTimeout: replyTimeout})
		s.mu.Lock()
		if s.closed || len(s.conns) >= MaxConnections {
			s.mu.Unlock()
			_ = conn.Close() // the client sees the end of the stream
			continue
		}
		s.conns[conn] = false
		s.wg.Add(1)
		s.mu.Unlock()
		go s.serve(conn)
	}
}

// serve answers one client until it leaves or sends what is no request.
func (s *Server) serve(conn *jsonrpc.Conn) {
	defer s.wg.Done()
	defer func() {
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
		// The client is gone or misbehaved: nobody is left to hear of it.
		_ = conn.Close()
	}()
	for {
		m, err := conn.Read()
		if err != nil || m.Kind != jsonrpc.KindRequest {
			return
		}
		if !s.begin(conn) {
			return
		}
		result, err := s.run(m)
		if err != nil {
			err = conn.ReplyError(m.ID, newline(err.Error()))
		} else {
			err = conn.Reply(m.ID, newline(result))
		}
		if !s.end(conn) || err != nil {
			return
		}
	}
}

// begin marks conn busy, unless the server is closing.
func (s *Server) begin(conn *jsonrpc.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[conn] = true
	return true
}

func (s *Server) end(conn *jsonrpc.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[conn] = false
	return !s.closed
}

// newline ends text with a newline, as tools print it unchanged.
func newline(text string) string {
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text
}

func (s *Server) run(m *jsonrpc.Message) (string, error) {
	s.mu.Lock()
	c := s.commands[m.Method]
	s.received++
	s.mu.Unlock()
	var raw []json.RawMessage
	if err := json.Unmarshal(m.Params, &raw); err != nil {
		return "", fmt.Errorf("%q command: bad arguments: %w", m.Method, err)
	}
	if err := c.check(m.Method, len(raw)); err != nil {
		return "", err
	}
	args := make([]string, len(raw))
	for i, r := range raw {
		if len(r) == 0 || r[0] != '"' || json.Unmarshal(r, &args[i]) != nil {
			return "", fmt.Errorf("%q command has non-string argument", m.Method)
		}
	}
	s.runMu.Lock()
	defer s.runMu.Unlock()
	return c.run(m.Method, args)
}

// Received is how many commands have come.
func (s *Server) Received() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.received
}

// Released is closed when Close has removed both files, and not yet ended the
// commands in progress: the command that ends the program waits for it, so that who
// gave it may start another.
func (s *Server) Released() <-chan struct{} { return s.released }

// Close stops listening, removes both files, waits for commands in progress to be
// answered (a moment at most), and closes the connections. It must not
// be called from within a command: one that ends the program tells another
// goroutine to do so.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.wg.Wait()
		return s.closeErr
	}
	s.closed = true
	for conn, busy := range s.conns {
		if !busy {
			_ = conn.Close() // its reader ends
		}
	}
	s.mu.Unlock()
	close(s.done)
	err := s.ln.Close() // removes the socket too
	// From here on another process may take the name. What waits for that is answered.
	s.closeErr = errors.Join(err, s.pid.release())
	close(s.released)

	answered := make(chan struct{})
	go func() { s.wg.Wait(); close(answered) }()
	select {
	case <-answered:
	case <-time.After(closeGrace):
		s.mu.Lock()
		for conn := range s.conns {
			_ = conn.Close()
		}
		s.mu.Unlock()
		<-answered
	}
	return s.closeErr
}

var _ io.Closer = (*Server)(nil)
