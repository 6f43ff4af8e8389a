package ovsdb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"ofswitch/jsonrpc"
)

// handshakeLimit is how long a server may take to give its schema and the rows
// that are to be copied.
const handshakeLimit = time.Minute

// maxOwed is how many replies to its probes a server may wait for.
const maxOwed = 64

var (
	errServerSilent = errors.New("the server does not answer")
	errServerAsks   = errors.New("the server asks and does not read the answers")
	errLost         = errors.New("the connection was lost before the reply")
)

// Ids of the monitors of a session.
var (
	serverMonitor = json.RawMessage(`"_Server"`)
	copyMonitor   = json.RawMessage(`"copy"`)
)

// clientSession is one connection to a server. Its reader applies what the
// server tells, in order; its keeper answers the server's probes and sends ours.
type clientSession struct {
	c     *Client
	peer  *jsonrpc.Peer
	owed  chan *jsonrpc.Message // for the keeper to send
	heard *atomic.Int64         // when something came last, ns since 1970
	since time.Time             // when the copy came to be up to date; zero: it has not

	// The reader's own, from the first reply that sets them on.
	about  *replica // of _Server; nil: there is none
	schema *string  // of the database, as _Server has it
	copied *replica
	form   updateForm
	method string // of updates of the copy

	ended  chan struct{}
	once   sync.Once
	reason error
}

// heardConn notes when something came.
type heardConn struct {
	net.Conn
	at atomic.Int64
}

func (h *heardConn) Read(b []byte) (int, error) {
	n, err := h.Conn.Read(b)
	if n > 0 {
		h.at.Store(time.Now().UnixNano())
	}
	return n, err
}

func newClientSession(c *Client, nc net.Conn) *clientSession {
	h := &heardConn{Conn: nc}
	h.at.Store(time.Now().UnixNano())
	s := &clientSession{c: c, owed: make(chan *jsonrpc.Message, maxOwed), heard: &h.at, ended: make(chan struct{})}
	o := jsonrpcOptions
	o.WriteTimeout = max(c.o.Probe, 0) * 6 // a slow line is no dead one
	s.peer = jsonrpc.NewPeer(jsonrpc.NewConn(h, o), s.handle)
	return s
}

// end closes the connection. The first reason counts.
func (s *clientSession) end(reason error) {
	s.once.Do(func() {
		s.reason = reason
		close(s.ended)
		_ = s.peer.Conn().Close() // what matters is the reason
	})
}

// run speaks until the connection ends and gives the reason.
func (s *clientSession) run() error {
	stop := context.AfterFunc(s.c.ctx, func() { s.end(s.c.ctx.Err()) })
	defer stop()
	var both sync.WaitGroup
	both.Go(func() { s.end(s.peer.Serve()) })
	both.Go(s.keep)
	ctx, cancel := context.WithTimeout(s.c.ctx, handshakeLimit)
	err := s.begin(ctx)
	cancel()
	if err != nil && !errors.Is(err, errLost) { // the reader knows why that was
		s.end(err)
	}
	<-s.ended
	both.Wait()
	return s.reason
}

// keep sends what is owed, and asks whether the server is there.
func (s *clientSession) keep() {
	var probe <-chan time.Time
	if s.c.o.Probe > 0 {
		t := time.NewTicker(s.c.o.Probe)
		defer t.Stop()
		probe = t.C
	}
	asked := false
	for {
		var err error
		select {
		case <-s.ended:
			return
		case m := <-s.owed:
			err = s.peer.Conn().Send(m)
		case now := <-probe:
			switch silent := now.UnixNano()-s.heard.Load() >= int64(s.c.o.Probe); {
			case !silent:
				asked = false
			case asked:
				err = errServerSilent
			default:
				asked = true
				_, err = s.peer.Start("echo", nil, func(*jsonrpc.Message) {})
			}
		}
		if err != nil {
			s.end(err)
			return
		}
	}
}

// owe has the keeper send a message, so that the reader never waits for a
// server that does not read.
func (s *clientSession) owe(m *jsonrpc.Message) {
	select {
	case s.owed <- m:
	default:
		s.end(errServerAsks)
	}
}

// call sends a request, waits until its reply has come, and gives what take
// says of it, which sees it before whatever came after. An error of the reply
// is a *jsonrpc.ReplyError.
func (s *clientSession) call(ctx context.Context, method string, params any, take func(json.RawMessage) error) error {
	result := make(chan error, 1)
	_, err := s.peer.Start(method, params, func(m *jsonrpc.Message) {
		switch {
		case m == nil:
			result <- errLost
		case m.Kind == jsonrpc.KindError:
			result <- &jsonrpc.ReplyError{Raw: m.Error}
		default:
			result <- take(m.Result)
		}
	})
	if err != nil {
		return err
	}
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return fmt.Errorf("no reply to %s within %v", method, handshakeLimit)
	}
}

func ignoreReply(json.RawMessage) error { return nil }

// refusedByServer says whether an error is what the server replied.
func refusedByServer(err error) bool {
	var re *jsonrpc.ReplyError
	return errors.As(err, &re)
}

// begin learns what server it is, fills the copy and asks for the lock.
func (s *clientSession) begin(ctx context.Context) error {
	// Or the server would hang up when another of its databases comes or goes.
	if err := s.call(ctx, "set_db_change_aware", []bool{true}, ignoreReply); err != nil && !refusedByServer(err) {
		return err // servers before Open vSwitch 2.9 do not know it
	}
	if err := s.monitorServer(ctx); err != nil {
		return err
	}
	var text []byte
	if err := s.call(ctx, "get_schema", []string{s.c.o.Database}, func(r json.RawMessage) error { text = r; return nil }); err != nil {
		return fmt.Errorf("the schema of database %s: %w", s.c.o.Database, err)
	}
	copied, err := s.c.replicaFor(text)
	if err != nil {
		return fmt.Errorf("the schema of database %s: %w", s.c.o.Database, err)
	}
	if err := s.monitorCopy(ctx, copied); err != nil {
		return fmt.Errorf("monitor of database %s: %w", s.c.o.Database, err)
	}
	if lock := s.c.o.Lock; lock != "" {
		if err := s.call(ctx, "lock", []string{lock}, s.lockReply); err != nil {
			return fmt.Errorf("lock %s: %w", lock, err)
		}
	}
	s.since = time.Now()
	s.c.connected(s)
	return nil
}

// replicaFor is the copy for a schema: the one that there is, if the schema is
// the same.
func (c *Client) replicaFor(text []byte) (*replica, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.copied != nil && bytes.Equal(c.copied.text, text) {
		return c.copied, nil
	}
	r, missing, err := newReplica(text, c.o.Columns)
	if err != nil {
		return nil, err
	}
	for _, what := range missing {
		if !c.missing[what] {
			c.missing[what] = true
			c.log.Warn("the schema of the database lacks what the switch could use; it goes on without", "database", c.o.Database, "version", r.schema.Version, "lacks", what)
		}
	}
	return r, nil
}

// monitorCopy fills the copy, by the best method that the server knows.
func (s *clientSession) monitorCopy(ctx context.Context, r *replica) error {
	params := []any{s.c.o.Database, copyMonitor, r.requests()}
	fill := func(method string, form updateForm, updates func(json.RawMessage) (text json.RawMessage, resumed bool, err error)) func(json.RawMessage) error {
		return func(reply json.RawMessage) error {
			s.c.mu.Lock()
			defer s.c.mu.Unlock()
			text, resumed, err := updates(reply)
			switch {
			case err != nil:
				return err
			case resumed:
				err = r.apply(text, form)
			default:
				err = r.refill(text, form)
			}
			if err != nil {
				r.last = UUID{}
				return err
			}
			s.copied, s.form, s.method = r, form, method
			s.c.log.Debug("database copied", "target", s.c.status.Target, "by", method, "resumed", resumed)
			s.c.copied = r
			s.c.tell()
			return nil
		}
	}
	whole := func(reply json.RawMessage) (json.RawMessage, bool, error) {
		r.last = UUID{}
		return reply, false, nil
	}
	s.c.mu.Lock()
	last := r.last.String()
	s.c.mu.Unlock()
	err := s.call(ctx, "monitor_cond_since", append(params[:len(params):len(params)], last), fill("update3", updateDiff, r.since))
	if refusedByServer(err) {
		err = s.call(ctx, "monitor_cond", params, fill("update2", updateDiff, whole))
	}
	if refusedByServer(err) {
		err = s.call(ctx, "monitor", params, fill("update", updatePlain, whole))
	}
	return err
}

// since reads the reply to monitor_cond_since (ovsdb-server(7) §4.1.15):
// whether it goes on from the last transaction that we know, the last that it
// tells of, and the updates.
func (r *replica) since(reply json.RawMessage) (updates json.RawMessage, resumed bool, err error) {
	var parts []json.RawMessage
	var last string
	if err := json.Unmarshal(reply, &parts); err != nil || len(parts) != 3 {
		return nil, false, errors.New("its reply is not of three parts")
	}
	if json.Unmarshal(parts[0], &resumed) != nil || json.Unmarshal(parts[1], &last) != nil {
		return nil, false, errors.New("its reply makes no sense")
	}
	u, ok := ParseUUID(last)
	if !ok {
		return nil, false, fmt.Errorf("its transaction %q is no UUID", last)
	}
	if resumed && (r.last.IsZero() || !r.full) {
		return nil, false, errors.New("it goes on from where we never were")
	}
	r.last = u
	return parts[2], resumed, nil
}

// handle takes what the server says on its own.
func (s *clientSession) handle(m *jsonrpc.Message) {
	if m.Kind == jsonrpc.KindRequest {
		if m.Method == "echo" {
			s.owe(&jsonrpc.Message{Kind: jsonrpc.KindReply, ID: m.ID, Result: m.Params})
			return
		}
		s.owe(&jsonrpc.Message{Kind: jsonrpc.KindError, ID: m.ID, Error: json.RawMessage(`"` + ErrUnknownMethod + `"`)})
		return
	}
	var err error
	switch m.Method {
	case "update", "update2", "update3":
		err = s.update(m)
	case "locked", "stolen":
		err = s.lockChanged(m)
	case "monitor_canceled":
		err = errors.New("the server no longer has the database")
	}
	if err != nil {
		s.end(fmt.Errorf("%q from the server: %w", m.Method, err))
	}
}

// update applies an update of the copy, or of what the server says of itself.
func (s *clientSession) update(m *jsonrpc.Message) error {
	var params []json.RawMessage
	if err := json.Unmarshal(m.Params, &params); err != nil {
		return err
	}
	want := 2
	if m.Method == "update3" {
		want = 3
	}
	if len(params) != want {
		return fmt.Errorf("%d parameters in place of %d", len(params), want)
	}
	updates := params[want-1]
	switch {
	case s.about != nil && m.Method == "update2" && sameJSON(params[0], serverMonitor):
		if err := s.about.apply(updates, updateDiff); err != nil {
			return err
		}
		return s.checkServer()
	case s.copied == nil || m.Method != s.method || !sameJSON(params[0], copyMonitor):
		return fmt.Errorf("it is of no monitor of ours: %s", params[0])
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	err := s.copied.apply(updates, s.form)
	s.copied.last = UUID{}
	if err != nil {
		return err
	}
	if want == 3 {
		var last string
		if err := json.Unmarshal(params[1], &last); err != nil {
			return err
		}
		u, ok := ParseUUID(last)
		if !ok {
			return fmt.Errorf("transaction %q is no UUID", last)
		}
		s.copied.last = u
	}
	s.c.tell()
	return nil
}

// transact sends a transaction and waits for its results: see Client.Transact.
func (s *clientSession) transact(ctx context.Context, ops []Operation) ([]OpResult, error) {
	sent := ops
	if lock := s.c.o.Lock; lock != "" {
		sent = append(ops[:len(ops):len(ops)], Assert(lock))
	}
	replied := make(chan *jsonrpc.Message, 1)
	server := s.copied.server // never changes while the session lasts
	id, err := s.peer.Start("transact", transactParams(s.c.o.Database, server, sent), func(m *jsonrpc.Message) { replied <- m })
	if err != nil {
		return nil, disconnected("%v", err)
	}
	var m *jsonrpc.Message
	select {
	case m = <-replied:
	case <-ctx.Done():
		s.owe(&jsonrpc.Message{Kind: jsonrpc.KindNotify, Method: "cancel", Params: append(append(json.RawMessage("["), id...), ']')})
		return nil, fmt.Errorf("no reply to a transaction, which may yet have been carried out: %w", ctx.Err())
	}
	switch {
	case m == nil:
		return nil, disconnected("%v of a transaction, which may have been carried out", errLost)
	case m.Kind == jsonrpc.KindError:
		if e := refusal(m.Error); e != nil {
			return nil, e
		}
		return nil, &jsonrpc.ReplyError{Raw: m.Error}
	}
	results, refused, err := parseResults(m.Result, server, sent)
	if err != nil {
		s.end(fmt.Errorf("the reply to a transaction makes no sense: %w", err))
		return nil, disconnected("%v", err)
	}
	results = results[:len(ops)]
	if refused != nil {
		return results, refused
	}
	return results, nil
}

func disconnected(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrDisconnected, fmt.Sprintf(format, a...))
}
