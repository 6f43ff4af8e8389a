package ovsdb

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ofswitch/internal/testutil"
)

const testSchema = "testdata/test.ovsschema"

// standalone runs one ovsdb-server with the database of the tests.
func standalone(t *testing.T) *testutil.OVSDBServer {
	t.Helper()
	s := testutil.NewOVSDBServer(t, testSchema)
	s.Start()
	return s
}

// selected is what the server holds, as the client's copy would: it must be
// whole.
func (c *Client) selected(t *testing.T) string {
	t.Helper()
	var schema *Schema
	if !c.Do(func(db *Database) { schema = db.Schema() }) {
		t.Fatal("there is no copy")
	}
	var ops []Operation
	for _, name := range schema.tableNames() {
		ops = append(ops, Select(name, nil))
	}
	db := NewDatabase(schema)
	for i, r := range transact(t, c, ops...) {
		td := db.tables[schema.tableNames()[i]]
		for _, values := range r.Rows {
			row := td.newRow(values["_uuid"].Keys[0].UUID)
			for _, col := range td.Columns {
				row.Columns[col.Index] = values[col.Name]
			}
			td.rows[row.UUID] = row
		}
	}
	return db.everything()
}

func (c *Client) everything() (s string) {
	c.Do(func(db *Database) { s = db.everything() })
	return s
}

// fill puts a few rows of all kinds of column into an empty database.
func fill(t *testing.T, c *Client) {
	t.Helper()
	transact(t, c,
		Insert("Root", "a", Values{"name": Set(Str("a")), "number": Set(Int(3)), "options": Map(map[string]string{"k": "v", "l": ""}), "children": Set(NamedRef("x"), NamedRef("y")), "favourite": Set(NamedRef("x")), "mode": Set(Str("two"))}),
		Insert("Child", "x", Values{"label": Set(Str("é\"\n")), "needs": Set(Int(1))}),
		Insert("Child", "y", Values{"next": Set(NamedRef("x")), "needs": Set(Int(1), Int(-9))}),
		Insert("Free", "", Values{"watch": Set(NamedRef("a")), "n": {}, "must": Set(NamedRef("y"))}),
		InsertAs("Free", NewUUID(), Values{"n": Set(Int(1 << 62))}))
}

// Our operations mean to ovsdb-server what they say, its updates make the copy
// what it holds, over its restart too, and it is there again as soon as the
// transaction's call returns.
func TestIntegrationClientOfOVSDBServer(t *testing.T) {
	real := standalone(t)
	c := startClient(t, ClientOptions{Targets: []string{real.Target()}, MaxBackoff: 10 * time.Millisecond, Lock: "l"})
	await(t, c, "lock", func() bool { return c.Status().Connected && c.Status().HasLock })
	fill(t, c)
	if ours, theirs := c.everything(), c.selected(t); ours != theirs || strings.Count(ours, "_uuid") != 5 {
		t.Fatalf("the copy has\n%s\nthe server\n%s", ours, theirs)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range 200 {
		// Not numbers: ovsdb-server cannot read back a difference with more
		// elements than the column may have.
		column := []string{"options", "reals", "flag", "mode", "volatile"}[rng.IntN(5)]
		n := int64(rng.IntN(10))
		value := map[string]Datum{
			"options": Map(map[string]string{fmt.Sprint(n % 3): fmt.Sprint(i)}), "reals": Set(RealAtom(float64(n)/4), RealAtom(-1)),
			"flag": Set(Bool(n < 5)), "mode": Set(Str([]string{"one", "two", "three"}[n%3])), "volatile": {Keys: []Atom{Str("x")}, Values: []Atom{Int(n)}},
		}[column]
		if n == 9 && column != "flag" {
			value = Datum{}
		}
		op := Update("Root", Where("name", "==", Set(Str("a"))), Values{column: value})
		if rng.IntN(2) == 0 && column != "flag" {
			op = Mutate("Root", nil, Mutation{column, []string{"insert", "delete"}[rng.IntN(2)], value})
		}
		// Too many options are refused.
		if r, err := c.Transact(t.Context(), op); err != nil && r[0].Err == nil {
			t.Fatalf("%s %s %v: %v", op.Name(), column, value, err)
		}
		if ours, theirs := c.everything(), c.selected(t); ours != theirs {
			t.Fatalf("after %s %s %v the copy has\n%s\nthe server\n%s", op.Name(), column, value, ours, theirs)
		}
	}
	real.Kill()
	await(t, c, "away", func() bool { return !c.Status().Connected })
	if c.Status().HasLock || strings.Count(c.everything(), "_uuid") != 5 {
		t.Errorf("away: %+v %s", c.Status(), c.everything())
	}
	real.Start()
	await(t, c, "back", func() bool { return c.Status().Connected && c.Status().HasLock })
	if ours, theirs := c.everything(), c.selected(t); ours != theirs {
		t.Errorf("after a restart the copy has\n%s\nthe server\n%s", ours, theirs)
	}
}

// Of two clients that want a lock, one has it and the other's transactions are
// refused; it goes to the other when the first leaves.
func TestIntegrationClientLock(t *testing.T) {
	real := standalone(t)
	o := ClientOptions{Targets: []string{real.Target()}, Lock: "ovs_vswitchd"}
	first := NewClient(ClientOptions{Targets: o.Targets, Lock: o.Lock, Database: "Test", Logger: quiet})
	await(t, first, "lock", func() bool { return first.Status().HasLock })
	log, logger := newLines()
	o.Logger = logger
	second := startClient(t, o)
	awaitConnected(t, second)
	_, err := second.Transact(t.Context(), Insert("Free", "", nil))
	if e, ok := err.(*Error); !ok || e.Tag != ErrNotOwner {
		t.Errorf("without the lock: %v", err)
	}
	transact(t, first, Insert("Free", "", nil))
	await(t, second, "the row", func() bool { return len(second.values("Free", "n")) == 1 })
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, second, "lock", func() bool { return second.Status().HasLock })
	transact(t, second, Insert("Free", "", nil))
	if n := log.Count("holds the lock"); n != 1 {
		t.Errorf("told %d times", n)
	}
}

// The client finds a cluster's leader, goes to the next when it is killed, goes
// on with its copy from where it was, and lets no follower do.
func TestIntegrationClientCluster(t *testing.T) {
	members := testutil.NewOVSDBCluster(t, 3, "Test", testSchema)
	var targets []string
	for _, m := range members {
		m.Start()
		targets = append(targets, m.Target())
	}
	log := new(testutil.Output)
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c := startClient(t, ClientOptions{Targets: targets, MaxBackoff: 100 * time.Millisecond, Lock: "l", Logger: logger})
	await(t, c, "lock", func() bool { return c.Status().Connected && c.Status().HasLock })
	fill(t, c)
	was := c.everything()
	st := c.Status()
	if !st.Leader || st.Cluster.IsZero() {
		t.Fatalf("%+v", st)
	}
	var leader *testutil.OVSDBServer
	for _, m := range members {
		if m.Target() == st.Target {
			leader = m
			continue
		}
		// It has joined when it has what the leader has.
		any := startClient(t, ClientOptions{Targets: []string{m.Target()}, AnyMember: true, MaxBackoff: 100 * time.Millisecond})
		await(t, any, "what the leader has", func() bool { return any.everything() == was })
		if any.Status().Leader {
			t.Errorf("%+v", any.Status())
		}
	}
	leader.Kill()
	await(t, c, "another leader", func() bool {
		now := c.Status()
		return now.Connected && now.HasLock && now.Target != st.Target
	})
	if c.everything() != was || c.Status().Cluster != st.Cluster {
		t.Errorf("the copy has\n%s\nand had\n%s", c.everything(), was)
	}
	if log.Count("resumed=true") == 0 {
		t.Errorf("the copy was fetched anew:\n%s", log)
	}
	transact(t, c, Mutate("Root", nil, Mutation{"options", "delete", Set(Str("k"))}))
	if ours, theirs := c.everything(), c.selected(t); ours != theirs || ours == was {
		t.Errorf("the copy has\n%s\nthe server\n%s", ours, theirs)
	}
	// Without a majority there is no leader, and the copy stays.
	second := c.Status().Target
	for _, m := range members {
		if m.Target() == second {
			m.Kill()
		}
	}
	now := c.everything()
	await(t, c, "away", func() bool { return !c.Status().Connected })
	leader.Start()
	await(t, c, "a majority again", func() bool { return c.Status().Connected && c.Status().HasLock })
	if c.everything() != now || c.selected(t) != now {
		t.Errorf("the copy has\n%s\nand had\n%s", c.everything(), now)
	}
}
