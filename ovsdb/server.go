package ovsdb

import (
	"encoding/json"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ofswitch/jsonrpc"
)

// Server answers clients (RFC 7047 §4.1, and ovsdb-server(7) for what Open
// vSwitch adds). Its databases are one of the owner's and "_Server", which
// describes it.
//
// One lock guards databases, monitors, locks and waiting transactions: what a
// commit changes is in the queues of all who monitor it before anybody else may
// commit, and before the reply of who did.
type Server struct {
	o   ServerOptions
	log *slog.Logger
	id  UUID

	mu       sync.Mutex
	closed   bool
	dbs      map[string]*hosted
	sessions map[*session]struct{}
	locks    locks
	waiting  []*waiter
	retrying bool // see retry
	again    bool
	unsynced []unsynced // see answer
	syncing  bool
	refused  error // why the log did not take the last commit; nil: it did

	limits    limits
	receiving *jsonrpc.Budget
	large     sync.Mutex   // taken before mu: a large request is being carried out
	backlog   atomic.Int64 // bytes that wait for clients

	done sync.WaitGroup
}

// hosted is a database of a server.
type hosted struct {
	*Database
	readOnly bool
	schema   []byte // JSON
}

// ServerOptions are a server's settings.
type ServerOptions struct {
	// Logger takes what is worth a line; nil: slog.Default.
	Logger *slog.Logger
	// Log keeps the database; nil: it is kept nowhere.
	Log *Log
	// OnCommit is called after each commit of the database, in order, with the
	// server locked: it must not block nor call the server.
	OnCommit func(*Changes)
	// Probe is after how much silence a client is asked whether it is there;
	// after as much again it is gone. 0: DefaultProbe; less: never.
	Probe time.Duration
	// MaxSessions is how many clients may be connected at once; 0:
	// DefaultMaxSessions.
	MaxSessions int
}

// Defaults of ServerOptions.
const (
	DefaultProbe       = 5 * time.Second
	DefaultMaxSessions = 2048
)

// NewServer serves db, from now on by its own lock: see Do and Transact.
func NewServer(db *Database, o ServerOptions) (*Server, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Probe == 0 {
		o.Probe = DefaultProbe
	}
	if o.MaxSessions == 0 {
		o.MaxSessions = DefaultMaxSessions
	}
	s := &Server{o: o, log: o.Logger, id: NewUUID(), limits: defaultLimits, receiving: jsonrpc.NewBudget(int64(defaultLimits.receiving)), dbs: make(map[string]*hosted), sessions: make(map[*session]struct{})}
	about, err := serverDatabase(db)
	if err != nil {
		return nil, err
	}
	for _, h := range []*hosted{{Database: db}, {Database: about, readOnly: true}} {
		if h.schema, err = h.Database.schema.MarshalJSON(); err != nil {
			return nil, err
		}
		s.dbs[h.Database.schema.Name] = h
	}
	return s, nil
}

// Serve speaks to one client until it or the server ends the connection. The
// error is why.
func (s *Server) Serve(nc net.Conn) error { return s.serve(nc, s.o.Probe) }

// serve is Serve with another ServerOptions.Probe.
func (s *Server) serve(nc net.Conn, probe time.Duration) error {
	c := newSession(s, nc, probe)
	s.mu.Lock()
	if s.closed || len(s.sessions) >= s.o.MaxSessions {
		closed := s.closed
		s.mu.Unlock()
		_ = nc.Close() // it has not been spoken to
		if closed {
			return errServerClosed
		}
		return errTooMany
	}
	s.sessions[c] = struct{}{}
	s.done.Add(1)
	s.mu.Unlock()
	defer s.done.Done()
	err := c.run()
	s.mu.Lock()
	s.remove(c)
	s.mu.Unlock()
	return err
}

// remove forgets a client: its monitors, locks and waiting transactions.
func (s *Server) remove(c *session) {
	delete(s.sessions, c)
	s.waiting = slices.DeleteFunc(s.waiting, func(w *waiter) bool {
		if w.from != c {
			return false
		}
		w.stop()
		return true
	})
	for _, name := range s.locks.of(c) {
		if winner, _ := s.locks.release(name, c); winner != nil {
			winner.notify("locked", []string{name})
		}
	}
}

// Close ends all connections and waits for their end.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	for c := range s.sessions {
		c.end(errServerClosed)
	}
	s.mu.Unlock()
	s.done.Wait()
}

// Do calls fn with the database, which nobody changes meanwhile.
func (s *Server) Do(fn func(*Database)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.dbs {
		if !h.readOnly {
			fn(h.Database)
		}
	}
}

// Transact runs a request of the owner's own.
func (s *Server) Transact(r *Request) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.dbs {
		if h.readOnly {
			continue
		}
		res := s.run(h, r, 0)
		if s.o.Log != nil && res.Changes != nil && res.Changes.Durable {
			if err := s.o.Log.Sync(); err != nil {
				res.Reply = withError(res.Reply, s.rescue(err))
			}
		}
		return res
	}
	return Result{}
}

// run tries a request, keeps what it commits, and tells who monitors it. The
// server is locked.
func (s *Server) run(h *hosted, r *Request, elapsedMS int64) Result {
	r.ReadOnly = h.readOnly
	r.Check = func(c *Changes) error {
		if s.o.Log == nil {
			return nil
		}
		s.refused = s.o.Log.Append(c)
		return s.refused
	}
	res := h.Run(r, elapsedMS)
	if res.Changes != nil {
		s.committed(h, res.Changes)
	}
	return res
}

// tell sends a commit to all who monitor the database.
func (s *Server) tell(db *Database, c *Changes) {
	told := make(map[string]json.RawMessage)
	for client := range s.sessions {
		client.tell(db, c, told)
	}
	s.shed()
}

func (s *Server) committed(h *hosted, c *Changes) {
	s.tell(h.Database, c)
	if s.o.OnCommit != nil {
		s.o.OnCommit(c)
	}
	if s.o.Log != nil && s.o.Log.ShouldCompact() {
		if err := s.o.Log.Compact(h.Database); err != nil {
			s.log.Error("the database could not be compacted; it goes on as it is", "err", err)
		}
	}
	s.retry()
}

// waiter is a transaction whose "wait" does not hold yet.
type waiter struct {
	from    *session
	id      []byte
	db      *hosted
	request *Request
	size    int // in bytes
	since   time.Time
	limitMS int64
	timer   *time.Timer // nil: it waits for ever
	woken   bool        // its time is up
}

// stop is called once, when it waits no more.
func (w *waiter) stop() {
	w.from.waits--
	w.from.kept -= w.size
	if w.timer != nil {
		w.timer.Stop()
	}
}

// transact runs a client's request and replies, now or when it can. The server
// is locked.
func (s *Server) transact(c *session, id []byte, h *hosted, r *Request) {
	r.HoldsLock = func(name string) bool { return s.locks.holds(name, c) }
	res := s.run(h, r, 0)
	if res.WaitMS == 0 {
		s.answer(c, id, res)
		return
	}
	if c.waits >= maxOfEach {
		c.refuse(id, errorf(ErrResourcesExhausted, "%d transactions of this connection wait already", maxOfEach))
		return
	}
	if c.kept+c.size > maxKept {
		c.refuse(id, errorf(ErrResourcesExhausted, "the monitors and waiting transactions of this connection are too large"))
		return
	}
	c.waits++
	c.kept += c.size
	w := &waiter{from: c, id: id, db: h, request: r, size: c.size, since: time.Now(), limitMS: res.WaitMS}
	if res.WaitMS != Forever {
		w.timer = time.AfterFunc(time.Duration(min(res.WaitMS, 1<<40))*time.Millisecond, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			w.woken = true
			s.retry()
		})
	}
	s.waiting = append(s.waiting, w)
}

// retry runs waiting transactions again, until none gets further: each commit
// may be what another waits for.
func (s *Server) retry() {
	// What run commits comes back here: the outermost call does it all.
	if s.retrying {
		s.again = true
		return
	}
	s.retrying = true
	defer func() { s.retrying = false }()
	for s.again = true; s.again; {
		s.again = false
		for _, w := range slices.Clone(s.waiting) {
			if !slices.Contains(s.waiting, w) {
				continue
			}
			elapsed := time.Since(w.since).Milliseconds()
			if w.woken {
				elapsed = max(elapsed, w.limitMS) // the clock that counts is the timer's
			}
			res := s.run(w.db, w.request, elapsed)
			if res.WaitMS > 0 {
				continue
			}
			s.waiting = slices.DeleteFunc(s.waiting, func(o *waiter) bool { return o == w })
			w.stop()
			s.answer(w.from, w.id, res)
		}
	}
}

// jsonrpcOptions bound what the other end may send, whichever it is.
var jsonrpcOptions = jsonrpc.Options{MaxMessage: defaultLimits.message}

// Parameters of more than largeRequest bytes are parsed one request at a time,
// since what comes of them takes many times the memory. Only transactions have more
// than maxOtherRequest.
const (
	largeRequest    = 8 << 10
	maxOtherRequest = 1 << 20
)
