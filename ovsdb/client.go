package ovsdb

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"ofswitch/stream"
)

// ClientOptions are a client's settings.
type ClientOptions struct {
	// Targets are servers of one database, "tcp:HOST[:PORT]", "ssl:HOST[:PORT]"
	// or "unix:PATH": the members of a cluster, commonly, or just one.
	Targets []string
	// Dial connects to the server instead: see Server.Connect.
	Dial func(context.Context) (net.Conn, error)
	// TLS is for "ssl:" targets; nil: they cannot be reached.
	TLS *stream.Credentials
	// Database is the name of the database.
	Database string
	// Columns are those to copy, by table; nil: all of all tables. A table whose
	// list is nil is copied whole, one with an empty list without columns: which
	// rows it has. What the server's schema lacks is left out, and logged once.
	Columns map[string][]string
	// Lock is the name of a lock to ask for on every connection (RFC 7047
	// §4.1.8); empty: none. With a lock, every transaction asserts it.
	Lock string
	// AnyMember takes any member of a cluster, not its leader alone: its copy
	// may lag behind.
	AnyMember bool
	// Probe is after how much silence the server is asked whether it is there;
	// after as much again the connection is given up. 0: DefaultProbe, or never
	// with Dial; less: never.
	Probe time.Duration
	// MaxBackoff is the longest wait between attempts to connect; 0: 8 s.
	MaxBackoff time.Duration
	// Logger takes what is worth a line; nil: slog.Default.
	Logger *slog.Logger
}

// ClientStatus is how a client fares.
type ClientStatus struct {
	Connected bool      // the copy is up to date, and transactions are taken
	HasLock   bool      // of ClientOptions.Lock
	Target    string    // of the connection, or of the last attempt; "embedded" with Dial
	Leader    bool      // the server leads its cluster, or is in none
	Cluster   UUID      // of the server's cluster; zero: it is in none
	LastError string    // why there was no connection, last
	Since     time.Time // when Connected became what it is
}

// ErrDisconnected is wrapped by the errors of transactions that no server was
// there for, or whose connection was lost before the reply: whether those were
// carried out is not known then, and the error says so.
var ErrDisconnected = errors.New("the database is not connected")

// Client keeps a copy of a database up to date, connects again when it must,
// and sends transactions. Its methods may be called from any goroutine.
type Client struct {
	o         ClientOptions
	log       *slog.Logger
	ctx       context.Context
	cancel    context.CancelFunc
	done      sync.WaitGroup
	changed   chan struct{} // room for one
	endpoints []endpoint

	mu      sync.Mutex
	copied  *replica       // nil: there was no connection yet
	session *clientSession // nil unless Status.Connected
	status  ClientStatus
	missing map[string]bool // told already
	waits   bool            // that another holds the lock was told already
	again   bool            // the last connection was lost at once, as the one before

	// Of the cluster, guarded by mu.
	cluster  UUID
	minIndex int64
}

// NewClient makes a client, which connects on its own. Close it in the end.
func NewClient(o ClientOptions) *Client {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Probe == 0 && o.Dial == nil {
		o.Probe = DefaultProbe
	}
	if o.MaxBackoff <= 0 {
		o.MaxBackoff = defaultMaxBackoff
	}
	c := &Client{o: o, log: o.Logger, changed: make(chan struct{}, 1), missing: make(map[string]bool)}
	c.endpoints = c.parseTargets()
	c.status = ClientStatus{Target: c.endpoints[0].target, LastError: "no connection yet", Since: time.Now()}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.done.Go(c.run)
	return c
}

// Close ends the connection and waits for its end. The copy stays readable.
func (c *Client) Close() error {
	c.cancel()
	c.done.Wait()
	return nil
}

// Changed has an element when the copy, the connection or the lock has changed
// since the last was taken.
func (c *Client) Changed() <-chan struct{} { return c.changed }

func (c *Client) tell() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// Do calls fn with the copy, which does not change meanwhile; rows and data may
// be kept. While the database is away it is what it was last. fn must only read
// it, and must not call the client. Do is false, and fn not called, as long as
// there was no copy yet.
func (c *Client) Do(fn func(db *Database)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.copied == nil || !c.copied.full {
		return false
	}
	fn(c.copied.db)
	return true
}

// Status says how the client fares.
func (c *Client) Status() ClientStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// connected makes s the session that transactions go to.
func (c *Client) connected(s *clientSession) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = s
	c.status.Connected, c.status.Since = true, time.Now()
	if !c.again {
		c.log.Info("database connected", "target", c.status.Target, "database", c.o.Database, "version", s.copied.schema.Version)
	}
	c.tell()
}

// Transact sends a transaction and waits for its results, one an operation. When
// it returns, the copy has what the transaction changed. Transactions of one
// goroutine are carried out in order.
//
// The error is an *Error of the first operation that was refused, or of the
// commit as a whole, and nothing was changed; or it wraps ErrDisconnected; or it
// is ctx's: whether the transaction was carried out is not known then, but a
// "wait" in it is given up.
func (c *Client) Transact(ctx context.Context, ops ...Operation) ([]OpResult, error) {
	c.mu.Lock()
	s, why := c.session, c.status.LastError
	c.mu.Unlock()
	if s == nil {
		return nil, disconnected("%s", why)
	}
	return s.transact(ctx, ops)
}
