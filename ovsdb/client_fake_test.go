package ovsdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"ofswitch/internal/testutil"
	"ofswitch/jsonrpc"
)

// fakeServer answers a client as the test says, connection by connection.
type fakeServer struct {
	t *testing.T
	// replies by method; a missing one is refused as an unknown method. A string
	// is JSON.
	replies map[string]func(f *fakeConn, m *jsonrpc.Message) string
	conns   chan *fakeConn

	mu     sync.Mutex
	wg     sync.WaitGroup
	seen   []string // methods
	refuse error    // of the next dials
}

// fakeConn is one connection to a fakeServer.
type fakeConn struct {
	*jsonrpc.Peer
	nc    net.Conn
	asked chan *jsonrpc.Message
}

const noUUID = `"00000000-0000-0000-0000-000000000000"`

// newFake serves the schema of the tests and an empty database, by the methods
// that ovsdb-server had in the beginning.
func newFake(t *testing.T) *fakeServer {
	t.Helper()
	schema, err := os.ReadFile("testdata/test.ovsschema")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeServer{t: t, conns: make(chan *fakeConn, 100)}
	f.replies = map[string]func(*fakeConn, *jsonrpc.Message) string{
		"get_schema": func(_ *fakeConn, m *jsonrpc.Message) string {
			if strings.Contains(string(m.Params), "_Server") {
				return ""
			}
			return string(schema)
		},
		"monitor": func(*fakeConn, *jsonrpc.Message) string { return "{}" },
		"lock":    func(*fakeConn, *jsonrpc.Message) string { return `{"locked":true}` },
	}
	t.Cleanup(f.wg.Wait)
	return f
}

// on sets the reply to a method.
func (f *fakeServer) on(method, reply string) {
	f.replies[method] = func(*fakeConn, *jsonrpc.Message) string { return reply }
}

func (f *fakeServer) dial(context.Context) (net.Conn, error) {
	f.mu.Lock()
	err := f.refuse
	f.mu.Unlock()
	if err != nil {
		return nil, err
	}
	ours, theirs := net.Pipe()
	c := &fakeConn{nc: ours, asked: make(chan *jsonrpc.Message, 100)}
	conn := jsonrpc.NewConn(ours, jsonrpc.Options{})
	c.Peer = jsonrpc.NewPeer(conn, func(m *jsonrpc.Message) {
		f.mu.Lock()
		f.seen = append(f.seen, m.Method)
		f.mu.Unlock()
		if m.Kind != jsonrpc.KindRequest {
			c.asked <- m
			return
		}
		reply := ""
		if fn := f.replies[m.Method]; fn != nil {
			reply = fn(c, m)
		}
		var err error
		switch reply {
		case "":
			err = conn.ReplyError(m.ID, "unknown method")
		case "silence":
			c.asked <- m
		default:
			err = conn.Reply(m.ID, json.RawMessage(reply))
		}
		if err != nil {
			f.t.Logf("reply to %s: %v", m.Method, err)
		}
	})
	f.wg.Go(func() { _ = c.Serve() })
	select {
	case f.conns <- c:
	default: // the client has come a hundred times: the test has seen enough
	}
	return theirs, nil
}

func (f *fakeServer) client(o ClientOptions) *Client {
	f.t.Helper()
	o.Dial = f.dial
	o.MaxBackoff = time.Millisecond
	return startClient(f.t, o)
}

// conn is the next connection.
func (f *fakeServer) conn() *fakeConn {
	f.t.Helper()
	select {
	case c := <-f.conns:
		return c
	case <-time.After(testutil.Patience):
		f.t.Fatal("no connection in time")
		return nil
	}
}

func (c *fakeConn) notify(t *testing.T, method, params string) {
	t.Helper()
	if err := c.Conn().Notify(method, json.RawMessage(params)); err != nil {
		t.Error(err)
	}
}

// newLines is a log that is kept.
func newLines() (*testutil.Output, *slog.Logger) {
	l := new(testutil.Output)
	return l, slog.New(slog.NewTextHandler(l, nil))
}

const aRow = "11111111-1111-4111-8111-111111111111"

// The best method of the server is used, of those that each generation had.
func TestClientMonitorMethods(t *testing.T) {
	row := `{"Free":{"` + aRow + `":{"initial":{"n":1}}}}`
	for _, tt := range []struct{ method, reply, update, params string }{
		{"monitor", `{"Free":{"` + aRow + `":{"new":{"n":1,"must":["set",[]]}}}}`,
			"update", `["copy",{"Free":{"` + aRow + `":{"old":{"n":1},"new":{"n":2,"must":["set",[]]}}}}]`},
		{"monitor_cond", row, "update2", `["copy",{"Free":{"` + aRow + `":{"modify":{"n":2}}}}]`},
		{"monitor_cond_since", `[false,` + noUUID + `,` + row + `]`,
			"update3", `["copy",` + noUUID + `,{"Free":{"` + aRow + `":{"modify":{"n":2}}}}]`},
	} {
		f := newFake(t)
		delete(f.replies, "monitor")
		f.on(tt.method, tt.reply)
		c := f.client(ClientOptions{Columns: map[string][]string{"Free": {"n", "must"}}})
		awaitConnected(t, c)
		if got := fmt.Sprint(c.values("Free", "n")); got != "[1]" {
			t.Errorf("%s: the copy has %s", tt.method, got)
		}
		f.conn().notify(t, tt.update, tt.params)
		await(t, c, tt.update, func() bool { return fmt.Sprint(c.values("Free", "n")) == "[2]" })
	}
}

// A server that can resume is asked to, and gives only what is new; rows that
// did not change are the same ones. One that cannot gives all anew, and still
// rows that are equal stay the same.
func TestClientResumes(t *testing.T) {
	const u1, u2 = "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
	f := newFake(t)
	f.replies["monitor_cond_since"] = func(_ *fakeConn, m *jsonrpc.Message) string {
		var params []json.RawMessage
		if err := json.Unmarshal(m.Params, &params); err != nil {
			t.Error(err)
		}
		switch string(params[3]) {
		case noUUID:
			return `[false,"` + u1 + `",{"Free":{"` + aRow + `":{"initial":{"n":1}}}}]`
		case `"` + u2 + `"`:
			return `[true,"` + u1 + `",{"Free":{"` + u2 + `":{"insert":{"n":3}}}}]`
		case `"` + u1 + `"`:
			return `[false,"` + u1 + `",{"Free":{"` + aRow + `":{"initial":{"n":2}},"` + u1 + `":{"initial":{}}}}]`
		}
		t.Errorf("asked for what came since %s", params[3])
		return ""
	}
	c := f.client(ClientOptions{Columns: map[string][]string{"Free": {"n"}}})
	awaitConnected(t, c)
	conn := f.conn()
	conn.notify(t, "update3", `["copy","`+u2+`",{"Free":{"`+aRow+`":{"modify":{"n":2}}}}]`)
	await(t, c, "the update", func() bool { return fmt.Sprint(c.values("Free", "n")) == "[2]" })
	row := func() (r *Row) {
		u, _ := ParseUUID(aRow)
		c.Do(func(db *Database) { r = db.Row("Free", u) })
		return r
	}
	was := row()
	conn.nc.Close()
	await(t, c, "resumed", func() bool { return fmt.Sprint(c.values("Free", "n")) == "[2 3]" })
	conn = f.conn()
	awaitConnected(t, c)
	conn.nc.Close()
	await(t, c, "anew", func() bool { return fmt.Sprint(c.values("Free", "n")) == "[2 []]" })
	if row() != was {
		t.Error("a row that did not change is another")
	}
}

// What makes no sense ends the connection with one line in the log, however
// often it comes, and the copy is what it was before.
func TestClientGarbage(t *testing.T) {
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	for _, tt := range []struct{ method, params, want string }{
		{"update", `[]`, "parameters"},
		{"update", `["copy",3]`, "no object"},
		{"update", `["other",{}]`, "no monitor of ours"},
		{"update2", `["copy",{}]`, "no monitor of ours"},
		{"update3", `["copy",` + noUUID + `,{}]`, "no monitor of ours"},
		{"update", `["copy",{"Nope":{}}]`, "not asked for"},
		{"update", `["copy",{"Free":[]}]`, "no object"},
		{"update", `["copy",{"Free":{"x":{}}}]`, "no UUID"},
		{"update", `["copy",{"Free":{"` + aRow + `":3}}]`, "no object"},
		{"update", `["copy",{"Free":{"` + aRow + `":{"new":3}}}]`, "no object"},
		{"update", `["copy",{"Free":{"` + aRow + `":{"new":{"zz":3}}}}]`, "not asked for"},
		{"update", `["copy",{"Free":{"` + aRow + `":{"new":{"n":1e400}}}}]`, "column n"},
		{"update", `["copy",{"Free":{"` + aRow + `":{"new":{"n":123456789012345678901234567890}}}}]`, "column n"},
		{"update", `["copy",{"Free":{"` + aRow + `":{"new":{"watch":["named-uuid","x"]}}}}]`, "column watch"},
		{"update", `["copy",{"Free":{"` + aRow + `":{"new":{"n":2}},"00000000-0000-4000-8000-000000000001":{"new":{"n":"x"}}}}]`, "column n"},
		{"update", `["copy",{"Free":{"00000000-0000-4000-8000-000000000001":{"old":{"n":2}}}}]`, "was not there"},
		{"update", `["copy",` + deep + `]`, "nested too deeply"},
		{"locked", `["l"]`, "not asked for"},
		{"stolen", `[]`, "not the name of a lock"},
		{"monitor_canceled", `["copy"]`, "no longer has the database"},
	} {
		f := newFake(t)
		f.on("monitor", `{"Free":{"`+aRow+`":{"new":{"n":1}}}}`)
		log, logger := newLines()
		c := f.client(ClientOptions{Logger: logger})
		for range 3 {
			awaitConnected(t, c)
			conn := f.conn()
			conn.notify(t, tt.method, tt.params)
			await(t, c, tt.want, func() bool { return len(f.conns) > 0 })
			if got := fmt.Sprint(c.values("Free", "n")); got != "[1]" {
				t.Errorf("%s %s: the copy has %s", tt.method, tt.params, got)
			}
		}
		if n := log.Count("level=WARN"); n == 0 || n > 3 || log.Count(tt.want) != n {
			t.Errorf("%s %s: %d lines, %s", tt.method, tt.params, n, log)
		}
	}
}

// Replies that make no sense: the client keeps trying, and says why once.
func TestClientBadReplies(t *testing.T) {
	for _, tt := range []struct{ method, reply, want string }{
		{"get_schema", `3`, "schema of database"},
		{"get_schema", `{"name":"Test","tables":{"T":{"columns":{"c":{"type":{"key":{"type":"uuid","refTable":"U"}}}}}}}`, "schema of database"},
		{"get_schema", `{"name":"Test"}`, "schema of database"},
		{"monitor", `3`, "no object"},
		{"monitor_cond_since", `3`, "three parts"},
		{"monitor_cond_since", `[true,` + noUUID + `,{}]`, "never were"},
		{"monitor_cond_since", `[false,"x",{}]`, "no UUID"},
		{"monitor_cond_since", `[1,2,3]`, "no sense"},
		{"lock", `{}`, "does not say"},
		{"lock", ``, "unknown method"},
	} {
		f := newFake(t)
		f.on(tt.method, tt.reply)
		log, logger := newLines()
		c := f.client(ClientOptions{Logger: logger, Lock: "l"})
		for range 3 {
			f.conn()
		}
		await(t, c, tt.want, func() bool { return strings.Contains(c.Status().LastError, tt.want) })
		if n := log.Count("level=WARN"); n != 1 || c.Status().Connected {
			t.Errorf("%s %s: %d lines, %+v", tt.method, tt.reply, n, c.Status())
		}
	}
}

// Columns and tables that the server does not have are left out, and told once.
func TestClientMissingColumns(t *testing.T) {
	f := newFake(t)
	log, logger := newLines()
	c := f.client(ClientOptions{Logger: logger, Columns: map[string][]string{
		"Free": {"n", "future", "_uuid"}, "Later": {"x"}, "Child": {}, "Root": nil}})
	for range 3 {
		awaitConnected(t, c)
		f.conn().nc.Close()
		await(t, c, "again", func() bool { return len(f.conns) > 0 })
	}
	awaitConnected(t, c)
	if n, m := log.Count("column future of table Free"), log.Count("table Later"); n != 1 || m != 1 {
		t.Errorf("told %d and %d times", n, m)
	}
	c.Do(func(db *Database) {
		tables := db.Schema().Tables
		if len(tables) != 3 || len(tables["Free"].Columns) != 1 || len(tables["Child"].Columns) != 0 || len(tables["Root"].Columns) != 12 {
			t.Errorf("copied: %v", tables)
		}
		if d := (&Row{}).Get(tables["Free"].Column("future")); d.Len() != 0 {
			t.Errorf("a column that is not there has %v", d)
		}
	})
}

// The copy stays while the database is away, transactions fail at once and say
// why; a transaction whose reply was lost says that it may have been carried out.
func TestClientDisconnected(t *testing.T) {
	f := newFake(t)
	f.on("monitor", `{"Free":{"`+aRow+`":{"new":{"n":1}}}}`)
	f.on("transact", "silence")
	c := f.client(ClientOptions{})
	awaitConnected(t, c)
	conn := f.conn()
	f.mu.Lock()
	f.refuse = errors.New("nobody there")
	f.mu.Unlock()
	failed := make(chan error, 1)
	go func() { _, err := c.Transact(context.Background(), Comment("x")); failed <- err }()
	<-conn.asked
	conn.nc.Close()
	if err := <-failed; !errors.Is(err, ErrDisconnected) || !strings.Contains(err.Error(), "may have been carried out") {
		t.Errorf("in progress: %v", err)
	}
	await(t, c, "away", func() bool { return strings.Contains(c.Status().LastError, "nobody there") })
	if _, err := c.Transact(t.Context(), Comment("x")); !errors.Is(err, ErrDisconnected) || !strings.Contains(err.Error(), "nobody there") {
		t.Errorf("away: %v", err)
	}
	if got := fmt.Sprint(c.values("Free", "n")); got != "[1]" {
		t.Errorf("the copy has %s", got)
	}
}

// A transaction that is given up is cancelled at the server.
func TestClientCancels(t *testing.T) {
	f := newFake(t)
	f.on("transact", "silence")
	c := f.client(ClientOptions{})
	awaitConnected(t, c)
	conn := f.conn()
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() { _, err := c.Transact(ctx, Comment("x")); failed <- err }()
	asked := <-conn.asked
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if m := <-conn.asked; m.Method != "cancel" || string(m.Params) != "["+string(asked.ID)+"]" {
		t.Errorf("%s %s", m.Method, m.Params)
	}
	if !c.Status().Connected {
		t.Error("the connection is gone with it")
	}
}

// Replies to transactions that make no sense end the connection.
func TestClientBadResults(t *testing.T) {
	for _, reply := range []string{`3`, `{}`, `[]`, `[3]`, `[{},{},{}]`, `[null]`, `[{},{}]`, `[{"count":-1}]`, `[{"count":1e30}]`, `[{"uuid":"x"}]`, `[{"rows":[{"zz":1}]}]`, `[{"rows":[3]}]`, `[{"rows":3}]`} {
		f := newFake(t)
		f.on("transact", reply)
		c := f.client(ClientOptions{})
		awaitConnected(t, c)
		f.conn()
		if _, err := c.Transact(t.Context(), Select("Free", nil)); !errors.Is(err, ErrDisconnected) {
			t.Errorf("%s: %v", reply, err)
		}
		f.conn()
	}
}

// A server that says nothing is asked, and given up if it does not answer; one
// that asks is answered.
func TestClientProbes(t *testing.T) {
	f := newFake(t)
	f.on("echo", "silence")
	c := f.client(ClientOptions{Probe: 10 * time.Millisecond})
	conn := f.conn()
	if _, err := conn.Call(t.Context(), "echo", []any{"there?"}); err != nil {
		t.Error(err)
	}
	f.conn()
	await(t, c, "silent", func() bool { return strings.Contains(c.Status().LastError, errServerSilent.Error()) })
}

// The lock is asked for on every connection; that another has it is told once.
func TestClientLock(t *testing.T) {
	f := newFake(t)
	held := `{"locked":false}`
	f.replies["lock"] = func(*fakeConn, *jsonrpc.Message) string { return held }
	f.on("transact", `[{},{}]`)
	log, logger := newLines()
	c := f.client(ClientOptions{Lock: "l", Logger: logger})
	for range 2 {
		awaitConnected(t, c)
		f.conn().nc.Close()
		await(t, c, "again", func() bool { return len(f.conns) > 0 })
	}
	awaitConnected(t, c)
	conn := f.conn()
	if n := log.Count("holds the lock"); n != 1 || c.Status().HasLock {
		t.Errorf("told %d times, %+v", n, c.Status())
	}
	conn.notify(t, "locked", `["l"]`)
	await(t, c, "lock", func() bool { return c.Status().HasLock })
	if r, err := c.Transact(t.Context(), Comment("x")); err != nil || len(r) != 1 {
		t.Errorf("%v %v: the assertion of the lock is not its caller's", r, err)
	}
	conn.notify(t, "stolen", `["l"]`)
	await(t, c, "no lock", func() bool { return !c.Status().HasLock })
	held = `{"locked":true}`
	conn.nc.Close()
	await(t, c, "lock again", func() bool { return c.Status().HasLock })
}
