package ovsdb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ofswitch/jsonrpc"
)

var (
	errServerClosed = errors.New("the server ends")
	errTooMany      = errors.New("too many clients are connected")
	errSlow         = errors.New("the client does not read what it asked to be told")
	errReconnect    = errors.New("clients are to connect again")
	errSilent       = errors.New("the client does not answer")
)

// maxOfEach is how many monitors, locks and waiting transactions one client may
// have, of each; maxKept what they may take, in bytes as the client gave them.
const (
	maxOfEach = 1000
	maxKept   = 1 << 20
)

// session is one client.
type session struct {
	s     *Server
	conn  *jsonrpc.Conn
	probe time.Duration // as ServerOptions.Probe

	// Guarded by Server.mu.
	monitors []*monitor
	locks    int      // that it has or waits for
	waits    int      // transactions that wait
	kept     int      // bytes of its monitors and waiting transactions
	request  *Request // of the "transact" that is being carried out
	size     int      // of the parameters of what is being carried out, in bytes
	aware    bool     // the client knows that databases may change, see setAware

	outMu   sync.Mutex
	out     []*jsonrpc.Message
	outSize int           // of out and what is being sent
	leaving error         // why the connection ends once all is sent; nil: it goes on
	wake    chan struct{} // room for one

	heard  atomic.Int64 // when the client last said something, ns since 1970
	ended  chan struct{}
	once   sync.Once
	reason error
}

func newSession(s *Server, nc net.Conn, probe time.Duration) *session {
	c := &session{s: s, probe: probe, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	o := jsonrpcOptions
	o.MaxMessage, o.MaxValues, o.Budget = s.limits.message, s.limits.values, s.receiving
	o.WriteTimeout = max(probe, 0) * 6 // a slow line is no dead one
	c.conn = jsonrpc.NewConn(nc, o)
	c.heard.Store(time.Now().UnixNano())
	return c
}

// end closes the connection. The first reason counts.
func (c *session) end(reason error) {
	c.once.Do(func() {
		c.reason = reason
		close(c.ended)
		_ = c.conn.Close() // what matters is the reason
	})
}

func (c *session) run() error {
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write()
	}()
	for {
		m, err := c.conn.Read()
		if err != nil {
			c.end(err)
			break
		}
		c.heard.Store(time.Now().UnixNano())
		if err := c.handle(m); err != nil {
			c.end(err)
			break
		}
	}
	c.conn.EndRead()
	<-written
	c.outMu.Lock()
	defer c.outMu.Unlock()
	c.resize(-c.outSize)
	c.leaving = c.reason // nothing is queued any more
	return c.reason
}

func (c *session) reply(id, result json.RawMessage) {
	c.send(&jsonrpc.Message{Kind: jsonrpc.KindReply, ID: id, Result: result})
}

func (c *session) replyValue(id json.RawMessage, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		c.refuse(id, errorf(ErrOther, "%v", err))
		return
	}
	c.reply(id, b)
}

// refuse answers by an error: an *Error or a string.
func (c *session) refuse(id json.RawMessage, e any) {
	b, err := json.Marshal(e)
	if err != nil {
		b = []byte(`"internal error"`)
	}
	c.send(&jsonrpc.Message{Kind: jsonrpc.KindError, ID: id, Error: b})
}

func (c *session) notify(method string, params any) {
	b, err := json.Marshal(params)
	if err != nil {
		return // names of locks are strings
	}
	c.send(&jsonrpc.Message{Kind: jsonrpc.KindNotify, Method: method, Params: b})
}

// tell sends a commit to the client's monitors. told has what monitors that ask
// the same were told already. The server is locked.
func (c *session) tell(db *Database, changes *Changes, told map[string]json.RawMessage) {
	for _, m := range c.monitors {
		if m.db != db {
			continue
		}
		u, known := told[m.asks]
		if !known {
			u = m.changed(changes)
			if m.asks != "" {
				told[m.asks] = u
			}
		}
		if u != nil {
			c.update(m, u)
		}
	}
}

// dropMonitors ends the monitors of a database that is no more, and tells the
// client, if it knows of such things. The server is locked.
func (c *session) dropMonitors(db *Database) {
	c.monitors = slices.DeleteFunc(c.monitors, func(m *monitor) bool {
		if m.db != db {
			return false
		}
		c.kept -= m.size
		if c.aware {
			c.notify("monitor_canceled", []json.RawMessage{m.id})
		}
		return true
	})
}

// noTxn is the id of the last transaction in an update3 of a server that
// remembers none: standalone ones never do.
var noTxn = json.RawMessage(`"` + UUID{}.String() + `"`)

func (c *session) update(m *monitor, updates json.RawMessage) {
	method := [...]string{"update", "update2", "update3"}[m.kind]
	var w jsonWriter
	w.open('[')
	w.raw(string(m.id))
	if m.kind == monitorSince {
		w.raw(string(noTxn))
	}
	w.raw(string(updates))
	w.close(']')
	c.send(&jsonrpc.Message{Kind: jsonrpc.KindNotify, Method: method, Params: w.b})
}

// handle carries out one message of the client. An error ends the connection.
func (c *session) handle(m *jsonrpc.Message) error {
	switch m.Kind {
	case jsonrpc.KindReply, jsonrpc.KindError:
		if string(m.ID) == `"echo"` {
			return nil
		}
		return fmt.Errorf("a reply to no request of ours, id %s", m.ID)
	case jsonrpc.KindNotify:
		if m.Method == "cancel" {
			c.cancel(m.Params)
		}
		return nil // others are ignored, as ovsdb-server does
	}
	var params []json.RawMessage
	if err := json.Unmarshal(m.Params, &params); err != nil {
		c.refuse(m.ID, errorf(ErrSyntax, "params: %v", err))
		return nil
	}
	method, known := methods[m.Method]
	if !known {
		c.refuse(m.ID, ErrUnknownMethod)
		return nil
	}
	var request *Request
	switch {
	case m.Method == "transact" && len(params) > 1:
		if len(m.Params) > largeRequest {
			c.s.large.Lock()
			defer c.s.large.Unlock()
		}
		request = ParseRequest(params[1:])
	case len(m.Params) > maxOtherRequest:
		c.refuse(m.ID, errorf(ErrResourcesExhausted, "a %s request of %d bytes is too large", m.Method, len(m.Params)))
		return nil
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.request, c.size = request, len(m.Params)
	if err := method(c, m.ID, m.Method, params); err != nil {
		c.refuse(m.ID, err)
	}
	c.s.shed()
	return nil
}

// methods are those of RFC 7047 §4.1 and ovsdb-server(7). They reply, or give
// an error to reply: an *Error or a string. The server is locked.
var methods map[string]func(c *session, id json.RawMessage, method string, params []json.RawMessage) any

func init() {
	// A literal would be an initialization cycle through transact.
	methods = map[string]func(*session, json.RawMessage, string, []json.RawMessage) any{
		"list_dbs":            (*session).listDBs,
		"get_schema":          (*session).getSchema,
		"transact":            (*session).transact,
		"convert":             (*session).convert,
		"monitor":             (*session).monitor,
		"monitor_cond":        (*session).monitor,
		"monitor_cond_since":  (*session).monitor,
		"monitor_cond_change": (*session).monitorChange,
		"monitor_cancel":      (*session).monitorCancel,
		"lock":                (*session).lock,
		"steal":               (*session).lock,
		"unlock":              (*session).unlock,
		"echo":                (*session).echo,
		"get_server_id":       (*session).serverID,
		"set_db_change_aware": (*session).setAware,
	}
}

func raws(params []json.RawMessage) json.RawMessage {
	b, err := json.Marshal(params)
	if err != nil || params == nil {
		return json.RawMessage("[]")
	}
	return b
}

// db is the database that a request's first parameter names.
func (c *session) db(method string, params []json.RawMessage) (*hosted, *Error) {
	var name string
	if len(params) == 0 || json.Unmarshal(params[0], &name) != nil {
		return nil, syntaxf(raws(params), "%s request params must begin with <db-name>", method)
	}
	h := c.s.dbs[name]
	if h == nil {
		return nil, syntaxTagged(raws(params), ErrUnknownDatabase, "%s request specifies unknown database %s", method, name)
	}
	return h, nil
}

func (c *session) listDBs(id json.RawMessage, _ string, _ []json.RawMessage) any {
	c.replyValue(id, slices.Sorted(maps.Keys(c.s.dbs)))
	return nil
}

func (c *session) getSchema(id json.RawMessage, method string, params []json.RawMessage) any {
	h, err := c.db(method, params)
	if err != nil {
		return err
	}
	c.reply(id, h.schema)
	return nil
}

func (c *session) transact(id json.RawMessage, method string, params []json.RawMessage) any {
	h, err := c.db(method, params)
	if err != nil {
		return err
	}
	if c.request == nil {
		c.request = ParseRequest(nil)
	}
	c.s.transact(c, id, h, c.request)
	c.request = nil
	return nil
}

// cancel gives up a transaction that waits (RFC 7047 §4.1.4).
func (c *session) cancel(params json.RawMessage) {
	var ids []json.RawMessage
	if json.Unmarshal(params, &ids) != nil || len(ids) != 1 {
		return
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	for i, w := range c.s.waiting {
		if w.from == c && sameJSON(w.id, ids[0]) {
			w.stop()
			c.s.waiting = slices.Delete(c.s.waiting, i, i+1)
			c.refuse(w.id, "canceled")
			return
		}
	}
}

// sameJSON compares two values as they are written, spaces apart.
func sameJSON(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

func (c *session) findMonitor(id json.RawMessage) int {
	return slices.IndexFunc(c.monitors, func(m *monitor) bool { return sameJSON(m.id, id) })
}

func (c *session) monitor(id json.RawMessage, method string, params []json.RawMessage) any {
	h, err := c.db(method, params)
	if err != nil {
		return err
	}
	kind, want := monitorPlain, 3
	switch method {
	case "monitor_cond":
		kind = monitorCond
	case "monitor_cond_since":
		kind, want = monitorSince, 4
	}
	if len(params) != want {
		return syntaxf(raws(params), "%s request has %d parameters, not %d", method, len(params), want)
	}
	if c.findMonitor(params[1]) >= 0 {
		return syntaxf(params[1], "duplicate monitor ID")
	}
	if len(c.monitors) >= maxOfEach {
		return errorf(ErrResourcesExhausted, "this connection has %d monitors already", maxOfEach)
	}
	if kind == monitorSince {
		var last string
		if json.Unmarshal(params[3], &last) != nil {
			return syntaxf(params[3], "last-txn-id must be string")
		}
		if _, ok := ParseUUID(last); !ok {
			return syntaxf(params[3], "last-txn-id must be UUID format")
		}
	}
	m, err := parseMonitor(h.Database, params[1], kind, params[2])
	if err != nil {
		return err
	}
	if c.kept += m.size; c.kept > maxKept {
		c.kept -= m.size
		return errorf(ErrResourcesExhausted, "the monitors and waiting transactions of this connection are too large")
	}
	c.monitors = append(c.monitors, m)
	if kind == monitorSince {
		c.replyValue(id, []any{false, noTxn, m.initial()})
		return nil
	}
	c.reply(id, m.initial())
	return nil
}

func (c *session) monitorChange(id json.RawMessage, method string, params []json.RawMessage) any {
	if len(params) != 3 {
		return syntaxf(raws(params), "%s request has %d parameters, not 3", method, len(params))
	}
	i := c.findMonitor(params[0])
	if i < 0 {
		return syntaxf(params[0], "unknown monitor session")
	}
	if j := c.findMonitor(params[1]); j >= 0 && j != i {
		return syntaxf(params[1], "duplicate monitor ID")
	}
	m := c.monitors[i]
	if c.kept-m.size+len(params[1])+len(params[2]) > maxKept {
		return errorf(ErrResourcesExhausted, "the monitors and waiting transactions of this connection are too large")
	}
	u, err := m.recondition(params[2])
	if err != nil {
		return err
	}
	m.id = params[1]
	c.kept -= m.size
	m.size = len(params[1]) + len(params[2])
	c.kept += m.size
	if u != nil {
		c.update(m, u)
	}
	c.reply(id, json.RawMessage("{}"))
	return nil
}

func (c *session) monitorCancel(id json.RawMessage, method string, params []json.RawMessage) any {
	if len(params) != 1 {
		return syntaxf(raws(params), "%s request has %d parameters, not 1", method, len(params))
	}
	i := c.findMonitor(params[0])
	if i < 0 {
		return "unknown monitor"
	}
	c.kept -= c.monitors[i].size
	c.monitors = slices.Delete(c.monitors, i, i+1)
	c.reply(id, json.RawMessage("{}"))
	return nil
}

func lockName(method string, params []json.RawMessage) (string, *Error) {
	var name string
	if len(params) != 1 || json.Unmarshal(params[0], &name) != nil || !isName(name) {
		return "", syntaxf(raws(params), "%s request params must be <id>", method)
	}
	return name, nil
}

func (c *session) lock(id json.RawMessage, method string, params []json.RawMessage) any {
	name, err := lockName(method, params)
	if err != nil {
		return err
	}
	if c.s.locks.inLine(name, c) {
		return syntaxf(raws(params), "must issue \"unlock\" before new %q", method)
	}
	if c.locks >= maxOfEach {
		return errorf(ErrResourcesExhausted, "this connection has %d locks already", maxOfEach)
	}
	c.locks++
	holds, loser := c.s.locks.request(name, c, method == "steal")
	if loser != nil {
		loser.notify("stolen", []string{name})
	}
	c.replyValue(id, map[string]bool{"locked": holds})
	return nil
}

func (c *session) unlock(id json.RawMessage, method string, params []json.RawMessage) any {
	name, err := lockName(method, params)
	if err != nil {
		return err
	}
	winner, was := c.s.locks.release(name, c)
	if !was {
		return syntaxf(raws(params), `"unlock" without "lock" or "steal"`)
	}
	c.locks--
	c.reply(id, json.RawMessage("{}"))
	if winner != nil {
		winner.notify("locked", []string{name})
	}
	return nil
}

func (c *session) echo(id json.RawMessage, _ string, params []json.RawMessage) any {
	c.reply(id, raws(params))
	return nil
}

func (c *session) serverID(id json.RawMessage, _ string, _ []json.RawMessage) any {
	c.replyValue(id, c.s.id.String())
	return nil
}

// setAware notes that the client knows that a database may get another schema;
// others are disconnected then (ovsdb-server(7) §4.1.17, "set_db_change_aware").
func (c *session) setAware(id json.RawMessage, method string, params []json.RawMessage) any {
	var aware bool
	if len(params) != 1 || json.Unmarshal(params[0], &aware) != nil {
		return syntaxf(raws(params), "%s: true or false parameter expected", method)
	}
	c.aware = aware
	c.reply(id, json.RawMessage("{}"))
	return nil
}
