package ovsdb

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ofswitch/internal/testutil"
)

// hostileServer is a server that asks nobody whether he is there.
func hostileServer(t testing.TB) *Server {
	t.Helper()
	s, err := NewServer(testDB(t), ServerOptions{Logger: slog.New(slog.DiscardHandler), Probe: -1})
	if err != nil {
		t.Fatal(err)
	}
	s.limits = limits{message: 4 << 20, values: 1 << 16, backlog: 1 << 20, backlogs: 3 << 20}
	t.Cleanup(s.Close)
	return s
}

// sessionCount is how many clients are connected.
func (s *Server) sessionCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions)
}

// over is a client of s by hand, through a pipe.
func over(t *testing.T, s *Server) *client {
	t.Helper()
	nc := s.Connect()
	t.Cleanup(func() { nc.Close() })
	return dialOver(t, nc)
}

// hear writes and gives all that comes back until the server closes the
// connection, or has answered an echo behind it.
func hear(t *testing.T, s *Server, text string) []string {
	t.Helper()
	c := over(t, s)
	defer c.nc.Close()
	wrote := make(chan struct{})
	go func() {
		defer close(wrote)
		// The server may close in the middle.
		if _, err := io.WriteString(c.nc, text); err == nil {
			_, _ = io.WriteString(c.nc, `{"method":"echo","params":[],"id":"end"}`)
		}
	}()
	defer func() { c.nc.Close(); <-wrote }()
	var list []string
	for {
		var m map[string]any
		if err := c.dec.Decode(&m); err != nil {
			return append(list, "closed")
		}
		if m["id"] == "end" {
			return list
		}
		list = append(list, fmt.Sprint(m["error"]))
	}
}

// What is no message ends its connection; what is one and wrong is answered.
// Neither touches the database or other clients.
func TestServerHostileMessages(t *testing.T) {
	s := hostileServer(t)
	other := over(t, s)
	other.ask("transact", `["Test",{"op":"insert","table":"Free","row":{"n":1}}]`)
	transact := func(op string) string { return `{"method":"transact","params":["Test",` + op + `],"id":1}` }
	insert := func(n string) string { return transact(`{"op":"insert","table":"Free","row":{"n":` + n + `}}`) }
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		name, text string
		want       string // in the first thing heard
	}{
		{"text", "hello", "closed"},
		{"HTTP", "GET / HTTP/1.1\r\n\r\n", "closed"},
		{"array", "[]", "closed"},
		{"no message", "{}", "closed"},
		{"unknown member", `{"method":"echo","params":[],"id":1,"x":1}`, "closed"},
		{"not UTF-8", "{\"method\":\"echo\",\"params\":[\"\xff\"],\"id\":1}", "closed"},
		{"overlong UTF-8", "{\"method\":\"echo\",\"params\":[\"\xc0\x80\"],\"id\":1}", "closed"},
		{"half a surrogate", `{"method":"echo","params":["\ud800"],"id":1}`, "closed"},
		{"nested too deeply", `{"method":"echo","params":` + deep(1000) + `,"id":1}`, "closed"},
		{"endlessly nested", `{"method":"echo","params":` + strings.Repeat(`[{"a":`, 100000), "closed"},
		{"reply to nothing", `{"id":77,"result":{},"error":null}`, "closed"},
		{"too many values", `{"method":"echo","params":[` + strings.Repeat("0,", s.limits.values+1) + `0],"id":1}`, "closed"},
		{"cut off number", `{"method":"echo","params":[1e],"id":1}`, "closed"},
		{"control character", "{\"method\":\"echo\",\"params\":[\"\n\"],\"id\":1}", "closed"},
		{"null byte", "\x00" + insert(`1`), "closed"},
		{"string with a null", transact(`{"op":"insert","table":"Root","row":{"name":"a\u0000b"}}`), "<nil>"},
		{"unknown method", `{"method":"` + strings.Repeat("x", 100000) + `","params":[],"id":1}`, ErrUnknownMethod},
		{"no params", `{"method":"transact","params":[],"id":1}`, ErrSyntax},
		{"other types", `{"method":"monitor","params":[{},[],3],"id":{"a":[1]}}`, ErrSyntax},
		{"names that are none", `{"method":"lock","params":["a b"],"id":1}`, ErrSyntax},
		{"large id", `{"method":"nothing","params":[],"id":"` + strings.Repeat("i", 100000) + `"}`, ErrUnknownMethod},
	} {
		got := hear(t, s, c.text)
		if len(got) == 0 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s: %.200q, want %q", c.name, got, c.want)
		}
		if _, r := other.ask("echo", `[]`); r["error"] != nil {
			t.Fatalf("%s: another client hears %v", c.name, r)
		}
	}
	// Operations that are wrong have their error in the result.
	for _, op := range []string{
		insert("1e400"), insert("1e-400"), insert("99999999999999999999"), insert(strings.Repeat("9", 100000)), insert("0." + strings.Repeat("1", 100000)),
		insert(deep(50)), insert(`"x"`), insert(`["set",[1,2]]`), insert(`["set",[` + strings.Repeat("1,", 5000) + `1]]`), insert(`["uuid",3]`),
		transact(`{"op":"insert","op":"delete","table":"Nope","table":"Nope","where":[]}`), transact(`{"op":"mutate","table":"Free","where":[],"mutations":[[]]}`),
		transact(`{"op":"insert","table":"Root","row":{"name":"\ufffe` + strings.Repeat("é", 1000) + `"},"uuid":"` + strings.Repeat("0", 36) + `"}`),
		transact(`null`), transact(`{"op":null}`), transact(`"op"`), transact(`{"op":"wait","timeout":-1e99,"table":"Free","where":[],"until":"==","rows":[]}`),
	} {
		c := over(t, s)
		c.write(op)
		if m := c.read(); m["error"] != nil || !strings.Contains(fmt.Sprint(m["result"]), "error") && !strings.Contains(op, "1e-400") {
			t.Errorf("%.200s: %.300v", op, m)
		}
		c.nc.Close()
	}
	s.Do(func(db *Database) { db.check(t) })
	if _, r := other.ask("transact", `["Test",{"op":"select","table":"Root","where":[]}]`); fmt.Sprint(r["result"]) != "[map[rows:[]]]" {
		t.Errorf("what was refused left %v", r)
	}
}

// Garbage at random places of requests: each is answered, or ends its connection.
func TestServerGarbage(t *testing.T) {
	s := hostileServer(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	other := over(t, s)
	for i := range 1500 {
		c := conversation[rng.IntN(len(conversation))]
		b := []byte(fmt.Sprintf(`{"method":%q,"params":%s,"id":1}`, c[0], c[1]))
		for range 1 + rng.IntN(3) {
			at := rng.IntN(len(b))
			switch rng.IntN(4) {
			case 0:
				b[at] = byte(rng.Uint32())
			case 1:
				b = slices.Delete(b, at, min(len(b), at+1+rng.IntN(4)))
			case 2:
				b = slices.Insert(b, at, []byte(`{}[],:"\0e9`)[rng.IntN(11)])
			case 3:
				b = slices.Insert(b, at, b[rng.IntN(at+1):at]...)
			}
			if len(b) == 0 {
				b = []byte(" ")
			}
		}
		// An object that does not end swallows what comes behind: this ends it.
		hearBounded(t, s, string(b))
		if i%100 == 0 {
			if _, r := other.ask("echo", `[]`); r["error"] != nil {
				t.Fatalf("after %q another client hears %v", b, r)
			}
			s.Do(func(db *Database) { db.check(t) })
		}
	}
}

// hearBounded writes, ends its side, and reads to the end.
func hearBounded(t *testing.T, s *Server, text string) {
	t.Helper()
	ours, theirs := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(theirs) // the reason is of no interest
	}()
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		d := json.NewDecoder(ours)
		for {
			var m map[string]any
			if err := d.Decode(&m); err != nil {
				return
			}
		}
	}()
	_, _ = io.WriteString(ours, text) // the server may close in the middle
	ours.Close()
	<-served
	<-heard
}

// A message that never ends, and one beyond the limit, end their connections; what
// they took is given back.
func TestServerLargeMessages(t *testing.T) {
	s := hostileServer(t)
	other := over(t, s)
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, c := range []struct {
		name, piece string
		want        string
	}{
		{"endless string", strings.Repeat("x", 1<<20), "closed"},
		{"endless text of numbers", strings.Repeat("1000000000,", 1<<17), "closed"},
	} {
		got := hear(t, s, `{"method":"echo","id":1,"params":["`+strings.Repeat(c.piece, 1+s.limits.message/len(c.piece)))
		if len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %.100q", c.name, got)
		}
		if _, r := other.ask("echo", `[]`); r["error"] != nil {
			t.Fatal(r)
		}
	}
	// As large as may be, and refused for what it says.
	got := hear(t, s, `{"method":"transact","id":1,"params":["Test",{"op":"`+strings.Repeat("x", s.limits.message-100)+`"}]}`)
	if len(got) != 1 || got[0] != "<nil>" {
		t.Errorf("a large request: %.100q", got)
	}
	var after runtime.MemStats
	testutil.Wait(t, "the memory to come back", func() bool {
		runtime.GC()
		runtime.ReadMemStats(&after)
		return after.HeapAlloc < before.HeapAlloc+1<<20 && s.backlog.Load() == 0
	})
}

// Who monitors and does not read is disconnected when too much waits for him, or
// for all of his kind together; others go on.
func TestServerClientsThatDoNotRead(t *testing.T) {
	s := hostileServer(t)
	writer := over(t, s)
	good := over(t, s)
	good.ask("monitor", `["Test","m",{"Root":[{"columns":["options"]}]}]`)
	writer.ask("transact", `["Test",{"op":"insert","table":"Root","row":{}}]`)
	good.read()
	commit := func(n int) {
		t.Helper()
		_, r := writer.ask("transact", fmt.Sprintf(`["Test",{"op":"update","table":"Root","where":[],"row":{"options":["map",[["k",%q]]]}}]`, strings.Repeat(string(rune('a'+n%26)), 30000)))
		if fmt.Sprint(r["result"]) != "[map[count:1]]" {
			t.Fatalf("%.300v", r)
		}
		good.read()            // what it monitors comes, one by one
		good.ask("echo", `[]`) // and counts no more
	}
	for _, c := range []struct{ clients, commits int }{{1, 30}, {20, 30}} {
		var silent []*client
		for range c.clients {
			l := over(t, s)
			l.ask("monitor", `["Test","m",{"Root":[{"columns":["options"]}]}]`)
			silent = append(silent, l)
		}
		for n := range c.commits {
			commit(n)
			if held := s.backlog.Load(); held > 4<<20 {
				t.Fatalf("%d bytes wait for clients", held)
			}
		}
		testutil.Wait(t, "those that do not read to be gone", func() bool { return s.sessionCount() <= 2+s.limits.backlogs/60000 })
		for _, l := range silent {
			l.nc.Close()
		}
		testutil.Wait(t, "all of them to be gone", func() bool { return s.sessionCount() == 2 })
	}
	if _, r := good.ask("echo", `["still here"]`); r["error"] != nil {
		t.Error(r)
	}
	testutil.Wait(t, "the queues to be empty", func() bool { return s.backlog.Load() == 0 })
}

// Thousands of clients: a bounded part of memory each, all of them told of a
// commit, one more than may be is turned away.
func TestServerManyClients(t *testing.T) {
	s := hostileServer(t)
	memory := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	before := memory()
	list := make([]net.Conn, s.o.MaxSessions)
	buf := make([]byte, 4096)
	for i := range list {
		list[i] = s.Connect()
		defer list[i].Close()
		if err := list[i].SetDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(list[i], `{"method":"monitor","params":["Test",null,{"Free":{}}],"id":1}`); err != nil {
			t.Fatal(err)
		}
		if n, err := list[i].Read(buf); err != nil || !strings.Contains(string(buf[:n]), `"result":{}`) {
			t.Fatalf("client %d: %s, %v", i, buf[:n], err)
		}
	}
	each := (memory() - before) / uint64(len(list))
	t.Logf("%d bytes for each of %d clients", each, len(list))
	if each > 64<<10 {
		t.Errorf("%d bytes for each client", each)
	}
	more := s.Connect()
	defer more.Close()
	if n, err := more.Read(buf); err != io.EOF {
		t.Errorf("one client more hears %q, %v", buf[:n], err)
	}
	var wg sync.WaitGroup
	for i, nc := range list {
		wg.Go(func() {
			d := json.NewDecoder(nc)
			var m struct{ Method string }
			if err := d.Decode(&m); err != nil || m.Method != "update" {
				t.Errorf("client %d hears %v, %v", i, m, err)
			}
		})
	}
	if res := s.Transact(ParseRequest(raw(t, `[{"op":"insert","table":"Free","row":{"n":1}}]`))); res.Changes == nil {
		t.Fatalf("%s", res.Reply)
	}
	wg.Wait()
}

// Nobody has monitors, locks and waiting transactions without end.
func TestServerBoundsWhatAClientHas(t *testing.T) {
	s := hostileServer(t)
	c := over(t, s)
	for _, what := range []struct{ method, params string }{
		{"monitor", `["Test",%d,{"Free":{}}]`},
		{"lock", `["l%d"]`},
	} {
		for i := range maxOfEach + 1 {
			_, r := c.ask(what.method, fmt.Sprintf(what.params, i))
			if refused := strings.Contains(fmt.Sprint(r["error"]), ErrResourcesExhausted); refused != (i == maxOfEach) {
				t.Fatalf("%s %d: %v", what.method, i, r)
			}
		}
	}
	for i := range maxOfEach + 1 {
		c.write(fmt.Sprintf(`{"method":"transact","id":"w%d","params":["Test",{"op":"wait","table":"Free","where":[],"columns":["n"],"until":"!=","rows":[]}]}`, i))
	}
	if m := c.read(); m["id"] != fmt.Sprintf("w%d", maxOfEach) || !strings.Contains(fmt.Sprint(m["error"]), ErrResourcesExhausted) {
		t.Errorf("one wait too many: %v", m)
	}
	// Nor of any size.
	big := strings.Repeat("b", maxKept)
	if _, r := c.ask("monitor", `["Test","`+big+`",{"Free":{}}]`); !strings.Contains(fmt.Sprint(r["error"]), ErrResourcesExhausted) {
		t.Errorf("a large monitor: %.300v", r)
	}
	d := over(t, s)
	wait := `{"method":"transact","id":"large","params":["Test",{"op":"comment","comment":"` + big[:maxKept*3/5] +
		`"},{"op":"wait","table":"Free","where":[],"columns":["n"],"until":"!=","rows":[]}]}`
	d.write(wait)
	d.write(wait)
	if m := d.read(); m["id"] != "large" || !strings.Contains(fmt.Sprint(m["error"]), ErrResourcesExhausted) {
		t.Errorf("large waits: %.300v", m)
	}
	// What is given up leaves room.
	d.write(`{"method":"cancel","params":["large"],"id":null}`)
	d.read()
	d.write(wait)
	if _, r := d.ask("echo", `[]`); r["error"] != nil {
		t.Error(r)
	}
	c.write(`{"method":"cancel","params":["w7"],"id":null}`)
	if m := c.read(); m["id"] != "w7" || m["error"] != "canceled" {
		t.Errorf("cancelled: %v", m)
	}
	if _, r := c.ask("unlock", `["l7"]`); r["error"] != nil {
		t.Error(r)
	}
	if _, r := c.ask("lock", `["l7"]`); r["error"] != nil {
		t.Error(r)
	}
	c.ask("monitor_cancel", `[7]`)
	if _, r := c.ask("monitor", `["Test",7,{"Free":{}}]`); r["error"] != nil {
		t.Error(r)
	}
}

// Whatever comes, the server lives, the database is whole, and what it says is
// JSON.
func FuzzServer(f *testing.F) {
	for _, c := range conversation {
		f.Add([]byte(fmt.Sprintf(`{"method":%q,"params":%s,"id":1}`, c[0], c[1])))
	}
	f.Add([]byte(`{"id":"echo","result":[],"error":null}{"method":"cancel","params":[1],"id":null}{"method":"`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := hostileServer(t)
		hearBounded(t, s, string(b))
		s.Do(func(db *Database) { db.check(t) })
		if n := s.backlog.Load(); n != 0 {
			t.Fatalf("%d bytes wait for nobody", n)
		}
		for c := range s.sessions {
			t.Errorf("a client is left that keeps %d bytes", c.kept)
		}
		if len(s.sessions) != 0 || len(s.waiting) != 0 || len(s.locks.lines) != 0 {
			t.Fatalf("left: %d sessions, %d waiting, %d locks", len(s.sessions), len(s.waiting), len(s.locks.lines))
		}
	})
}
