package ovsdb

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
)

// killSchema has a counter for each client and a row for each of its last
// transactions.
const killSchema = `{"name":"Kill","version":"1.0.0","tables":{
 "Counter":{"isRoot":true,"columns":{"client":{"type":"integer"},"n":{"type":"integer"}},"indexes":[["client"]]},
 "Done":{"isRoot":true,"columns":{"client":{"type":"integer"},"k":{"type":"integer"},"text":{"type":"string"}}}}}`

// TestServedFile is the program that other tests start to kill it: it serves a
// file until its input ends. For itself it has nothing to test.
func TestServedFile(t *testing.T) {
	file, socket := os.Getenv("OVSDB_TEST_FILE"), os.Getenv("OVSDB_TEST_SOCKET")
	if file == "" {
		return
	}
	if size := os.Getenv("OVSDB_TEST_TMPFS"); size != "" {
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("none", filepath.Dir(file), "tmpfs", 0, "size="+size); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := ParseSchema([]byte(killSchema))
	if err != nil {
		t.Fatal(err)
	}
	db, l, err := OpenLog(file, schema, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l.rule = compactRule{bytes: 1, records: 150, age: time.Hour}
	s, err := NewServer(db, ServerOptions{Logger: slog.New(slog.DiscardHandler), Log: l})
	if err != nil {
		t.Fatal(err)
	}
	r := NewRemotes(s, nil)
	if err := r.Set([]Remote{{Target: "punix:" + socket}}); err != nil {
		t.Fatal(err)
	}
	fmt.Println("ready")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() { // a new size for the tmpfs
		if err := unix.Mount("none", filepath.Dir(file), "tmpfs", unix.MS_REMOUNT, "size="+in.Text()); err != nil {
			t.Fatal(err)
		}
		fmt.Println("ready")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	s.Close()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// servedFile is that program at work.
type servedFile struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Scanner
	socket string
}

func serveFile(t *testing.T, file, tmpfs string) *servedFile {
	t.Helper()
	f := &servedFile{t: t, socket: filepath.Join(t.TempDir(), "s")}
	f.cmd = exec.Command(os.Args[0], "-test.run=^TestServedFile$")
	f.cmd.Env = append(os.Environ(), "OVSDB_TEST_FILE="+file, "OVSDB_TEST_SOCKET="+f.socket, "OVSDB_TEST_TMPFS="+tmpfs)
	f.cmd.Stderr = os.Stderr
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if tmpfs != "" {
		f.cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWNS
	}
	var err error
	if f.in, err = f.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := f.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	f.out = bufio.NewScanner(out)
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.kill)
	f.ready()
	return f
}

func (f *servedFile) ready() {
	f.t.Helper()
	if !f.out.Scan() || f.out.Text() != "ready" {
		f.t.Fatalf("the served file says %q", f.out.Text())
	}
}

func (f *servedFile) kill() {
	if f.cmd.ProcessState == nil {
		f.cmd.Process.Kill()
		f.cmd.Wait()
	}
}

// transactOver runs operations for a client that may lose its connection.
func transactOver(c *json.Decoder, w io.Writer, id int, ops string) (result []map[string]any, err error) {
	if _, err := fmt.Fprintf(w, `{"method":"transact","params":["Kill",%s],"id":%d}`, ops, id); err != nil {
		return nil, err
	}
	for {
		var m struct {
			Method string
			ID     any
			Result []map[string]any
			Error  any
		}
		if err := c.Decode(&m); err != nil {
			return nil, err
		}
		if m.Method == "" {
			if m.Error != nil {
				return nil, fmt.Errorf("refused: %v", m.Error)
			}
			return m.Result, nil
		}
	}
}

const (
	killClients = 4
	killKept    = 20 // how many of its last transactions a client leaves rows of
)

// killedWriter is one client, as far as it knows what the file must hold.
type killedWriter struct {
	client int
	acked  int // transactions of which it heard that they are done
}

// write goes on until the connection ends. It tells of each transaction done.
func (w *killedWriter) write(t *testing.T, socket string, seed uint64, done func()) {
	nc, err := dialSocket(socket)
	if err != nil {
		t.Error(err)
		return
	}
	defer nc.Close()
	rng := rand.New(rand.NewPCG(seed, uint64(w.client)))
	dec := json.NewDecoder(nc)
	for {
		k := w.acked + 1
		ops := fmt.Sprintf(`{"op":"mutate","table":"Counter","where":[["client","==",%d]],"mutations":[["n","+=",1]]},`+
			`{"op":"insert","table":"Done","row":{"client":%d,"k":%d,"text":%q}},`+
			`{"op":"delete","table":"Done","where":[["client","==",%d],["k","<=",%d]]},{"op":"commit","durable":%v}`,
			w.client, w.client, k, strings.Repeat("x", rng.IntN(200)), w.client, k-killKept, rng.IntN(3) == 0)
		result, err := transactOver(dec, nc, k, ops)
		if err != nil {
			return
		}
		if len(result) != 4 || fmt.Sprint(result[0]["count"]) != "1" {
			t.Errorf("client %d, transaction %d: %v", w.client, k, result)
			return
		}
		w.acked = k
		done()
	}
}

// check compares what the file holds with what was acknowledged, and goes on from
// there.
func (w *killedWriter) check(t *testing.T, db *Database) {
	t.Helper()
	n := -1
	db.Each("Counter", func(r *Row) bool {
		if c := db.schema.Tables["Counter"]; r.Get(c.Column("client")).Keys[0].Int == int64(w.client) {
			n = int(r.Get(c.Column("n")).Keys[0].Int)
		}
		return true
	})
	if n != w.acked && n != w.acked+1 {
		t.Errorf("client %d: %d transactions were acknowledged, the file has %d", w.client, w.acked, n)
	}
	got, want := make(map[int]bool), make(map[int]bool)
	db.Each("Done", func(r *Row) bool {
		if c := db.schema.Tables["Done"]; r.Get(c.Column("client")).Keys[0].Int == int64(w.client) {
			got[int(r.Get(c.Column("k")).Keys[0].Int)] = true
		}
		return true
	})
	for k := max(1, n-killKept+1); k <= n; k++ {
		want[k] = true
	}
	if !maps.Equal(got, want) {
		t.Errorf("client %d: after %d transactions there are rows of %v", w.client, n, got)
	}
	w.acked = n
}

// A server that is killed while several clients write loses nothing that it
// acknowledged, and does nothing by halves; compactions go on all the time. What it
// leaves is a file for ovsdb-tool.
func TestIntegrationKill(t *testing.T) {
	tool := testutil.NeedProgram(t, "ovsdb-tool", "openvswitch-common")
	file := filepath.Join(t.TempDir(), "conf.db")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	writers := make([]*killedWriter, killClients)
	for i := range writers {
		writers[i] = &killedWriter{client: i}
	}
	halves := 0
	for round := range 12 {
		f := serveFile(t, file, "")
		if round == 0 {
			nc, err := dialSocket(f.socket)
			if err != nil {
				t.Fatal(err)
			}
			var ops []string
			for i := range writers {
				ops = append(ops, fmt.Sprintf(`{"op":"insert","table":"Counter","row":{"client":%d}}`, i))
			}
			if _, err := transactOver(json.NewDecoder(nc), nc, 0, strings.Join(ops, ",")); err != nil {
				t.Fatal(err)
			}
			nc.Close()
		}
		var wg sync.WaitGroup
		var left atomic.Int64
		left.Store(100 + rng.Int64N(500))
		enough := make(chan struct{})
		for _, w := range writers {
			wg.Go(func() {
				w.write(t, f.socket, seed+uint64(round), func() {
					if left.Add(-1) == 0 {
						close(enough)
					}
				})
			})
		}
		select {
		case <-enough: // the others are in the middle of theirs
		case <-time.After(time.Minute):
			t.Fatalf("%d transactions are missing after a minute", left.Load())
		}
		if round%2 == 1 {
			// In the middle of a compaction, if it is caught.
			for until := time.Now().Add(time.Second); time.Now().Before(until); {
				if _, err := os.Stat(file + ".tmp"); err == nil {
					break
				}
			}
		}
		f.kill()
		wg.Wait()
		if _, err := os.Stat(file + ".tmp"); err == nil {
			halves++
		}
		db := readCopy(t, file)
		for _, w := range writers {
			w.check(t, db)
		}
		if t.Failed() {
			return
		}
		for _, args := range [][]string{{"db-version", file}, {"show-log", file}, {"needs-conversion", file, schemaFile(t, killSchema)},
			{"query", file, `["Kill",{"op":"select","table":"Counter","where":[]}]`}} {
			if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
				t.Fatalf("ovsdb-tool %v: %v\n%s", args, err, out)
			}
		}
		if round%4 == 3 {
			if out, err := exec.Command(tool, "compact", file).CombinedOutput(); err != nil {
				t.Fatalf("ovsdb-tool compact: %v\n%s", err, out)
			}
		}
	}
	sum := 0
	for _, w := range writers {
		sum += w.acked
	}
	t.Logf("%d transactions, %d compactions cut short", sum, halves)
	if sum < 1000 {
		t.Errorf("only %d transactions in all: the test shows little", sum)
	}
}

// A full disk refuses what changes the database, and nothing else; when there is
// room again it goes on, and the file holds just what was acknowledged.
func TestIntegrationServerDiskFull(t *testing.T) {
	testutil.NeedRoot(t)
	file := filepath.Join(t.TempDir(), "conf.db")
	f := serveFile(t, file, "64k")
	nc, err := dialSocket(f.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	dec := json.NewDecoder(nc)
	insert := func(k int) error {
		result, err := transactOver(dec, nc, k, fmt.Sprintf(`{"op":"insert","table":"Done","row":{"k":%d,"text":%q}},{"op":"commit","durable":%v}`,
			k, strings.Repeat("y", 3000), k%2 == 0))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range result {
			if r["error"] != nil {
				return fmt.Errorf("%v: %v", r["error"], r["details"])
			}
		}
		return nil
	}
	rows := func() int {
		result, err := transactOver(dec, nc, 0, `{"op":"select","table":"Done","where":[],"columns":["k"]}`)
		if err != nil {
			t.Fatal(err)
		}
		list, _ := result[0]["rows"].([]any)
		return len(list)
	}
	done := 0
	for done < 1000 {
		err := insert(done)
		if err != nil {
			if !strings.Contains(err.Error(), ErrIO) || !strings.Contains(err.Error(), "no space left") {
				t.Errorf("refused with %v", err)
			}
			break
		}
		done++
	}
	if err := insert(done); err == nil {
		t.Error("a commit went through although the disk is full")
	}
	if n := rows(); n != done || done < 5 || done == 1000 {
		t.Errorf("%d commits were acknowledged, there are %d rows", done, n)
	}
	if _, err := fmt.Fprintln(f.in, "1m"); err != nil {
		t.Fatal(err)
	}
	f.ready()
	if err := insert(done); err != nil {
		t.Errorf("there is room again: %v", err)
	}
	db := readCopy(t, "/proc/"+strconv.Itoa(f.cmd.Process.Pid)+"/root"+file)
	if n := db.Len("Done"); n != done+1 {
		t.Errorf("%d commits were acknowledged, the file has %d rows", done+1, n)
	}
}
