package ovsdb

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ofswitch/internal/testutil"
	"ofswitch/jsonrpc"
)

// startOurs serves db at a Unix socket until the test ends.
func startOurs(t *testing.T, db *Database, o ServerOptions) (s *Server, socket string) {
	t.Helper()
	s, err := NewServer(db, o)
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.Serve(nc) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.Close()
		wg.Wait()
	})
	return s, socket
}

// client speaks JSON-RPC by hand.
type client struct {
	t    *testing.T
	nc   net.Conn
	dec  *json.Decoder
	next int
}

func dial(t *testing.T, socket string) *client {
	t.Helper()
	nc, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return dialOver(t, nc)
}

func dialOver(t *testing.T, nc net.Conn) *client {
	t.Helper()
	if err := nc.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bufio.NewReader(nc))
	d.UseNumber()
	return &client{t: t, nc: nc, dec: d}
}

func (c *client) write(text string) {
	c.t.Helper()
	if _, err := c.nc.Write([]byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) read() map[string]any {
	c.t.Helper()
	for {
		var m map[string]any
		if err := c.dec.Decode(&m); err != nil {
			c.t.Fatal(err)
		}
		if m["method"] == "echo" { // a probe
			b, _ := json.Marshal(map[string]any{"id": m["id"], "result": []any{}, "error": nil})
			c.write(string(b))
			continue
		}
		return m
	}
}

// ask sends a request and gives its reply, with what came before it.
func (c *client) ask(method, params string) (before []map[string]any, reply map[string]any) {
	c.t.Helper()
	c.next++
	c.write(fmt.Sprintf(`{"method":%q,"params":%s,"id":%d}`, method, params, c.next))
	for {
		m := c.read()
		if m["method"] == nil && fmt.Sprint(m["id"]) == fmt.Sprint(c.next) {
			return before, m
		}
		before = append(before, m)
	}
}

// conversation is what two servers are asked, request by request. Rows get
// UUIDs that the client chose.
var conversation = [][2]string{
	{"list_dbs", `[]`}, {"get_schema", `["Nope"]`}, {"get_schema", `[]`}, {"get_schema", `[3]`}, {"get_schema", `["_Server"]`}, {"get_schema", `["Test"]`},
	{"nothing", `[]`}, {"transact", `[]`}, {"transact", `["Nope"]`}, {"transact", `["Test"]`}, {"transact", `["Test",3]`}, {"echo", `[1,"a"]`},
	{"lock", `["l"]`}, {"lock", `["l"]`}, {"lock", `[]`}, {"lock", `["9l"]`}, {"steal", `["l"]`}, {"unlock", `["l"]`}, {"unlock", `["l"]`},
	{"monitor", `["Test","m1",{"Free":{}}]`}, {"monitor", `["Test","m1",{"Free":{}}]`}, {"monitor", `["Test","m2",{"Nope":{}}]`},
	{"monitor", `["Test","m2",{"Free":{"columns":["zz"]}}]`}, {"monitor", `["Test","m2",{"Free":[{"columns":["n"]},{"columns":["n","must"]}]}]`},
	{"monitor", `["Test","m3",{"Free":{"where":[]}}]`}, {"monitor", `["Test","m4",{"Free":{"select":{"x":1}}}]`}, {"monitor", `["Test","m5",3]`},
	{"monitor", `["Test","m6",{"Free":{"columns":["n"],"select":{"modify":false}}}]`},
	{"transact", `["Test",{"op":"insert","table":"Free","row":{"n":5},"uuid":"00000000-0000-4000-8000-000000000001"}]`},
	{"transact", `["Test",{"op":"update","table":"Free","row":{"n":6},"where":[]}]`},
	{"monitor_cond", `["Test","c1",{"Free":[{"where":[["n","==",6]]}]}]`},
	{"monitor_cond", `["Test","c2",{"Free":[{"columns":["n","watch"],"where":[["n","==",7]]}]}]`},
	{"monitor_cond_since", `["Test","s1",{"Free":[{"where":[]}],"Root":[{"columns":["options","numbers","mode"]}]},"00000000-0000-0000-0000-000000000000"]`},
	{"monitor_cond_since", `["Test","s2",{"Free":[{"where":[]}]},"x"]`},
	{"transact", `["Test",{"op":"update","table":"Free","row":{"n":7},"where":[]}]`},
	{"transact", `["Test",{"op":"insert","table":"Root","row":{"numbers":["set",[1,2]],"options":["map",[["a","1"],["b","2"]]]},"uuid":"00000000-0000-4000-8000-000000000002"}]`},
	{"transact", `["Test",{"op":"mutate","table":"Root","mutations":[["numbers","insert",3],["numbers","delete",1],["options","delete",["set",["a"]]],["options","insert",["map",[["c","3"]]]],["mode","insert","one"]],"where":[]}]`},
	{"transact", `["Test",{"op":"mutate","table":"Root","mutations":[["options","delete",["set",["b"]]],["mode","delete","one"]],"where":[]},{"op":"mutate","table":"Root","mutations":[["options","insert",["map",[["b","9"]]]]],"where":[]}]`},
	{"transact", `["Test",{"op":"update","table":"Root","row":{"flag":true},"where":[]}]`},
	{"transact", `["Test",{"op":"mutate","table":"Free","mutations":[["n","delete",7]],"where":[]}]`},
	{"monitor_cond_change", `["c2","c3",{"Free":[{"where":[true]}]}]`}, {"monitor_cond_change", `["c2","c3",{"Free":[{"where":[true]}]}]`},
	{"monitor_cond_change", `["c3","c3",{"Free":[{"where":[false]}]}]`}, {"monitor_cond_change", `["c3","c3",{"Free":[{"where":[["n","==",["set",[]]]]}]}]`},
	{"monitor_cancel", `["m1"]`}, {"monitor_cancel", `["m1"]`}, {"set_db_change_aware", `[true]`}, {"set_db_change_aware", `[]`}, {"set_db_change_aware", `[3]`},
	{"monitor_cond", `["_Server","srv",{"Database":[{"columns":["name","model","connected","leader","sid","cid","index"]}]}]`},
	{"transact", `["_Server",{"op":"delete","table":"Database","where":[]}]`},
	{"cancel", `[1]`}, {"transact", `["Test",{"op":"delete","table":"Free","where":[]}]`},
	{"transact", `["Test",{"op":"wait","timeout":1,"table":"Free","where":[],"columns":["n"],"until":"!=","rows":[]}]`},
}

// The same conversation with ovsdb-server and with us: the same messages, but
// for the words of errors and the order of notifications before a reply.
func TestIntegrationConversation(t *testing.T) {
	real := startReal(t, "testdata/test.ovsschema")
	_, socket := startOurs(t, testDB(t), ServerOptions{})
	ours, theirs := dial(t, socket), dial(t, real.socket)
	for _, c := range conversation {
		text := func(cl *client) string {
			before, reply := cl.ask(c[0], c[1])
			var list []string
			for _, m := range append(before, reply) {
				e := m["error"]
				if o, ok := e.(map[string]any); ok {
					m["error"] = o["error"]
				}
				r := normal(m["result"])
				if s, ok := r.(map[string]any); ok && s["cksum"] != nil {
					// As the file has it; ours is in one form, for all.
					b, err := json.Marshal(m["result"])
					if err != nil {
						t.Fatal(err)
					}
					schema, err := ParseSchema(b)
					if err != nil {
						t.Fatal(err)
					}
					r = json.RawMessage(mustJSON(t, schema))
				}
				b := mustJSON(t, []any{m["method"], normal(m["params"]), r, m["error"]})
				list = append(list, versionless(b))
			}
			slices.Sort(list[:len(list)-1])
			return strings.Join(list, "\n")
		}
		o, th := text(ours), text(theirs)
		if strings.Contains(c[1], "_Server") {
			// Its rows have UUIDs that nobody chose.
			o, th = anonymous(o), anonymous(th)
		}
		if o != th {
			t.Errorf("%s %s\nours   %s\ntheirs %s", c[0], c[1], o, th)
		}
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// versionless drops the versions of rows, which normal leaves in updates.
func versionless(b []byte) string {
	return regexp.MustCompile(`"_version":\["uuid","[^"]*"\],?`).ReplaceAllString(string(b), "")
}

var initialRow = regexp.MustCompile(`"[-0-9a-f]{36}":({"initial":{[^}]*}}),?`)

// anonymous has the rows of an initial update without their UUIDs, in order.
func anonymous(s string) string {
	var rows []string
	for _, m := range initialRow.FindAllStringSubmatch(s, -1) {
		rows = append(rows, m[1])
	}
	slices.Sort(rows)
	return initialRow.ReplaceAllString(s, "") + strings.Join(rows, "\n")
}

// A wait that does not hold holds up its own client's transaction only; it goes
// on when another's commit makes it true, and can be cancelled.
func TestServerWait(t *testing.T) {
	_, socket := startOurs(t, testDB(t), ServerOptions{})
	a, b := dial(t, socket), dial(t, socket)
	wait := `{"method":"transact","params":["Test",{"op":"wait","table":"Free","where":[],"columns":["n"],"until":"!=","rows":[]},{"op":"mutate","table":"Free","where":[],"mutations":[["n","+=",1]]}],"id":%q}`
	a.write(fmt.Sprintf(wait, "w1"))
	a.write(fmt.Sprintf(wait, "w2"))
	if _, r := a.ask("echo", `["still there"]`); r["error"] != nil {
		t.Fatal(r)
	}
	a.write(`{"method":"cancel","params":["w2"],"id":null}`)
	if m := a.read(); m["id"] != "w2" || m["error"] != "canceled" {
		t.Errorf("cancelled: %v", m)
	}
	if _, r := b.ask("transact", `["Test",{"op":"insert","table":"Free","row":{"n":1}}]`); r["error"] != nil {
		t.Fatal(r)
	}
	if m := a.read(); m["id"] != "w1" || fmt.Sprint(m["result"]) != "[map[] map[count:1]]" {
		t.Errorf("went on: %v", m)
	}
	if _, r := b.ask("transact", `["Test",{"op":"select","table":"Free","where":[],"columns":["n"]}]`); fmt.Sprint(r["result"]) != "[map[rows:[map[n:2]]]]" {
		t.Errorf("afterwards: %v", r)
	}
}

// Locks go to the next in line when their owner leaves or is robbed.
func TestServerLocks(t *testing.T) {
	_, socket := startOurs(t, testDB(t), ServerOptions{})
	a, b, c := dial(t, socket), dial(t, socket), dial(t, socket)
	locked := func(cl *client, method string, want bool) {
		t.Helper()
		if _, r := cl.ask(method, `["l"]`); fmt.Sprint(r["result"]) != fmt.Sprintf("map[locked:%v]", want) {
			t.Errorf("%s: %v", method, r)
		}
	}
	assert := func(cl *client, want string) {
		t.Helper()
		if _, r := cl.ask("transact", `["Test",{"op":"assert","lock":"l"}]`); !strings.Contains(fmt.Sprint(r["result"]), want) {
			t.Errorf("assert: %v", r)
		}
	}
	locked(a, "lock", true)
	locked(b, "lock", false)
	assert(a, "[map[]]")
	assert(b, "not owner")
	locked(c, "steal", true)
	if m := a.read(); m["method"] != "stolen" {
		t.Errorf("a hears %v", m)
	}
	assert(c, "[map[]]")
	assert(a, "not owner")
	c.nc.Close()
	// a was before b in line.
	if m := a.read(); m["method"] != "locked" {
		t.Errorf("a hears %v", m)
	}
	if _, r := a.ask("unlock", `["l"]`); r["error"] != nil {
		t.Error(r)
	}
	if m := b.read(); m["method"] != "locked" {
		t.Errorf("b hears %v", m)
	}
}

// A client that says nothing is asked, and is gone if it does not answer.
func TestServerProbes(t *testing.T) {
	_, socket := startOurs(t, testDB(t), ServerOptions{Probe: 10 * time.Millisecond})
	nc, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c := jsonrpc.NewConn(nc, jsonrpc.Options{})
	m, err := c.Read()
	if err != nil || m.Method != "echo" {
		t.Fatalf("%+v, %v; want an echo request", m, err)
	}
	for {
		if _, err := c.Read(); err != nil {
			break // closed
		}
	}
}

// ovs-vsctl and ovsdb-client work on our server as they are.
func TestIntegrationServerTools(t *testing.T) {
	vsctl := testutil.NeedProgram(t, "ovs-vsctl", "openvswitch-common")
	ovsdbClient := testutil.NeedProgram(t, "ovsdb-client", "openvswitch-common")
	schema := loadSchema(t, "/usr/share/openvswitch/vswitch.ovsschema")
	db := NewDatabase(schema)
	s, socket := startOurs(t, db, ServerOptions{})
	r := s.Transact(ParseRequest(raw(t, `[{"op":"insert","table":"Open_vSwitch","row":{}}]`)))
	if r.Changes == nil {
		t.Fatalf("%s", r.Reply)
	}
	run := func(prog string, args ...string) string {
		t.Helper()
		out, err := exec.Command(prog, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", filepath.Base(prog), args, err, out)
		}
		return string(out)
	}
	ctl := func(args ...string) string {
		t.Helper()
		return run(vsctl, append([]string{"--db=unix:" + socket, "--no-wait", "-t", "30"}, args...)...)
	}
	ctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev")
	ctl("add-port", "br0", "p1", "tag=5", "--", "add-port", "br0", "p2", "--", "set", "interface", "p2", "type=internal", "options:a=b")
	ctl("set-controller", "br0", "tcp:127.0.0.1:6653", "ssl:10.0.0.1:6653")
	if got := ctl("list-ports", "br0"); got != "p1\np2\n" {
		t.Errorf("list-ports: %q", got)
	}
	if got := ctl("get", "interface", "p2", "options:a"); strings.TrimSpace(got) != "b" {
		t.Errorf("options: %q", got)
	}
	ctl("del-port", "p1")
	if out, err := exec.Command(vsctl, "--db=unix:"+socket, "--no-wait", "add-br", "br0").CombinedOutput(); err == nil {
		t.Errorf("a second br0: %s", out)
	}
	shown := ctl("show")
	for _, want := range []string{"Bridge br0", `Controller "tcp:127.0.0.1:6653"`, "Port p2", "type: internal"} {
		if !strings.Contains(shown, want) {
			t.Errorf("show lacks %q:\n%s", want, shown)
		}
	}
	ctl("del-br", "br0")
	s.Do(func(db *Database) {
		db.check(t)
		for _, table := range []string{"Bridge", "Port", "Interface", "Controller"} {
			if n := db.Len(table); n != 0 {
				t.Errorf("%d rows left in %s", n, table)
			}
		}
	})
	if got := run(ovsdbClient, "list-dbs", "unix:"+socket); got != "Open_vSwitch\n_Server\n" {
		t.Errorf("list-dbs: %q", got)
	}
	run(ovsdbClient, "dump", "unix:"+socket)
	run(ovsdbClient, "backup", "unix:"+socket)
	if got := run(ovsdbClient, "get-schema-version", "unix:"+socket); got != "8.3.1\n" {
		t.Errorf("version: %q", got)
	}
}
