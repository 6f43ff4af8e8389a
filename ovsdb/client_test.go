package ovsdb

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"testing"
	"time"

	"ofswitch/internal/testutil"
)

// quiet takes log lines that no test looks at.
var quiet = slog.New(slog.DiscardHandler)

// newClient connects to s within the process until the test ends.
func newClient(t *testing.T, s *Server, o ClientOptions) *Client {
	t.Helper()
	o.Dial = func(context.Context) (net.Conn, error) { return s.Connect(), nil }
	return startClient(t, o)
}

func startClient(t *testing.T, o ClientOptions) *Client {
	t.Helper()
	if o.Database == "" {
		o.Database = "Test"
	}
	if o.Logger == nil {
		o.Logger = quiet
	}
	c := NewClient(o)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func newTestServer(t *testing.T) *Server {
	t.Helper()
	s, err := NewServer(testDB(t), ServerOptions{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// await waits for something to become true of a client.
func await(t *testing.T, c *Client, what string, ok func() bool) {
	t.Helper()
	limit := time.After(testutil.Patience)
	for !ok() {
		select {
		case <-c.Changed():
		case <-limit:
			t.Fatalf("not so in time: %s; %+v", what, c.Status())
		}
	}
}

func awaitConnected(t *testing.T, c *Client) {
	t.Helper()
	await(t, c, "connected", func() bool { return c.Status().Connected })
}

// values of a column of all rows of a table, in order.
func (c *Client) values(table, column string) []string {
	var list []string
	c.Do(func(db *Database) {
		db.Each(table, func(r *Row) bool {
			list = append(list, r.Get(db.Schema().Tables[table].Column(column)).String())
			return true
		})
	})
	slices.Sort(list)
	return list
}

func transact(t *testing.T, c *Client, ops ...Operation) []OpResult {
	t.Helper()
	r, err := c.Transact(t.Context(), ops...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Every operation, its typed result, and the copy that has it when the call
// returns.
func TestClientTransact(t *testing.T) {
	s := newTestServer(t)
	c := newClient(t, s, ClientOptions{})
	awaitConnected(t, c)
	r := transact(t, c,
		Insert("Root", "r", Values{"numbers": Set(Int(3), Int(1)), "options": Map(map[string]string{"a": "b"})}),
		Insert("Free", "", Values{"n": Set(Int(7))}),
		Comment("both"), Commit(true))
	if r[0].UUID.IsZero() || r[1].UUID.IsZero() || len(r) != 4 {
		t.Fatalf("%+v", r)
	}
	if got := c.values("Root", "numbers"); !slices.Equal(got, []string{"[1, 3]"}) {
		t.Errorf("the copy has %v", got)
	}
	root := ByUUID(r[0].UUID)
	r = transact(t, c,
		Update("Root", root, Values{"options": {}, "flag": Set(Bool(true))}),
		Mutate("Root", root, Mutation{"numbers", "insert", Set(Int(9))}, Mutation{"numbers", "delete", Set(Int(1))}),
		Select("Root", root, "numbers", "options", "_uuid"),
		Wait("Free", nil, []string{"n"}, "==", 0, Values{"n": Set(Int(7))}),
		Delete("Free", Where("n", "==", Set(Int(7)))))
	if r[0].Count != 1 || r[1].Count != 1 || r[4].Count != 1 || len(r[2].Rows) != 1 {
		t.Fatalf("%+v", r)
	}
	if row := r[2].Rows[0]; row["numbers"].String() != "[3, 9]" || row["options"].Len() != 0 || row["_uuid"].Len() != 1 {
		t.Errorf("selected %v", row)
	}
	if n, m := c.values("Root", "numbers"), c.values("Free", "n"); !slices.Equal(n, []string{"[3, 9]"}) || len(m) != 0 {
		t.Errorf("the copy has %v, %v", n, m)
	}
}

// What is refused gives the *Error of the operation that was.
func TestClientRefused(t *testing.T) {
	c := newClient(t, newTestServer(t), ClientOptions{})
	awaitConnected(t, c)
	for _, tt := range []struct {
		op  Operation
		tag string
	}{
		{Insert("Nope", "", nil), ErrSyntax},
		{Insert("Free", "", Values{"zz": Set(Int(1))}), ErrUnknownColumn},
		{Wait("Free", nil, []string{"n"}, "!=", 0), ErrTimedOut},
		{Assert("l"), ErrNotOwner},
		{Abort(), ErrAborted},
		{Update("Root", nil, Values{"name": Set(Str("x"))}), ErrConstraint},
	} {
		r, err := c.Transact(t.Context(), Comment("first"), tt.op, Comment("not tried"))
		var e *Error
		if !errors.As(err, &e) || e.Tag != tt.tag || len(r) != 3 || r[1].Err != e {
			t.Errorf("%s: %v, %+v; want %q", tt.op.Name(), err, r, tt.tag)
		}
	}
	// The commit as a whole.
	r, err := c.Transact(t.Context(), Insert("Free", "", Values{"must": Set(Ref(NewUUID()))}))
	var e *Error
	if !errors.As(err, &e) || e.Tag != ErrReference || len(r) != 1 || r[0].Err != nil {
		t.Errorf("dangling: %v %+v", err, r)
	}
	if _, err := c.Transact(t.Context(), Insert("Free", "", Values{"must": Set(NamedRef("nobody"))})); !errors.As(err, &e) {
		t.Errorf("a name that nobody has: %v", err)
	}
}
