package database

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ofswitch/bridge"
	"ofswitch/internal/testutil"
	"ofswitch/ofconn"
	"ofswitch/ofp"
	"ofswitch/ovsdb"
	"ofswitch/ovsdb/vswitch"
	"ofswitch/ports"
)

// fakeSwitch opens every port, but those whose names begin with "no".
type fakeSwitch struct {
	conf    bridge.Config
	applied int
	packets uint64
	conns   []ofconn.ConnStatus
}

func (f *fakeSwitch) Apply(c bridge.Config) error {
	f.conf = c
	f.applied++
	return nil
}

func (f *fakeSwitch) State(stats bool) (s bridge.State) {
	for _, b := range f.conf.Bridges {
		st := bridge.BridgeState{Name: b.Name, DatapathID: 0xabc, Controllers: f.conns}
		for i, p := range b.Ports {
			ps := bridge.PortState{Type: p.Type}
			ps.Name, ps.OFPort, ps.Open = p.Name, ofp.PortNo(i+1), !strings.HasPrefix(p.Name, "no")
			ps.Waiting = !ps.Open
			if ps.Open {
				ps.Device = ports.Status{Ifindex: 10 + i, MAC: net.HardwareAddr{2, 0, 0, 0, 0, byte(i)}, MTU: 1500, AdminUp: true, LinkUp: true, SpeedMbps: 1000, Duplex: "full"}
			}
			if stats && ps.Open {
				ps.Stats = f.Counters(b.Name, ps.OFPort)
			}
			st.Ports = append(st.Ports, ps)
		}
		s.Bridges = append(s.Bridges, st)
	}
	return s
}

func (f *fakeSwitch) Counters(string, ofp.PortNo) *ofp.PortStats {
	return &ofp.PortStats{RxPackets: f.packets, Collisions: ports.Uncounted}
}

// rig is a database with a fake switch.
type rig struct {
	t      testing.TB
	server *ovsdb.Server
	client *ovsdb.Client
	sw     *fakeSwitch
	r      *Reconciler

	mu      sync.Mutex
	commits []*ovsdb.Changes
}

func newRig(t testing.TB, ops ...ovsdb.Operation) *rig {
	t.Helper()
	g := &rig{t: t, sw: &fakeSwitch{}}
	log := slog.New(slog.DiscardHandler)
	var err error
	g.server, err = ovsdb.NewServer(newRows(t, ops...), ovsdb.ServerOptions{Logger: log, OnCommit: func(c *ovsdb.Changes) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.commits = append(g.commits, c)
	}})
	if err != nil {
		t.Fatal(err)
	}
	g.client = g.connect()
	g.r = New(Options{Client: g.client, Switch: g.sw, Changed: make(chan struct{}), RunDir: "/run/x", Logger: log})
	t.Cleanup(func() {
		if err := g.client.Close(); err != nil {
			t.Error(err)
		}
		g.server.Close()
	})
	testutil.Wait(t, "the lock and the copy", func() bool { return leads(g.client) })
	return g
}

// leads says whether a client may work: it may have the lock before the copy.
func leads(c *ovsdb.Client) bool {
	s := c.Status()
	return s.HasLock && s.Connected
}

func (g *rig) connect() *ovsdb.Client {
	return ovsdb.NewClient(ovsdb.ClientOptions{
		Database: vswitch.Name, Lock: Lock, Logger: slog.New(slog.DiscardHandler),
		Dial: func(context.Context) (net.Conn, error) { return g.server.Connect(), nil },
	})
}

// edit is a transaction of a user's, who waits for it as ovs-vsctl does.
func (g *rig) edit(ops ...ovsdb.Operation) {
	g.t.Helper()
	ops = append(ops, ovsdb.Mutate("Open_vSwitch", nil, ovsdb.Mutation{Column: "next_cfg", Mutator: "+=", Value: number(1)}))
	if _, err := g.client.Transact(g.t.Context(), ops...); err != nil {
		g.t.Fatal(err)
	}
}

// round makes one, and gives the commits that came of it.
func (g *rig) round(stats bool) []*ovsdb.Changes {
	g.t.Helper()
	g.mu.Lock()
	g.commits = nil
	g.mu.Unlock()
	if _, ok := g.r.round(g.t.Context(), stats); !ok {
		g.t.Fatal("no round")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.commits
}

// changed lists what a commit changed, as TABLE.COLUMN.
func changed(c *ovsdb.Changes) []string {
	var list []string
	for i := range c.Rows {
		for _, col := range c.Rows[i].Table.Columns {
			if c.Rows[i].Changed(col) {
				list = append(list, c.Rows[i].Table.Name+"."+col.Name)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// row is the row of a table with a name or target.
func (g *rig) row(table, name string) (found row) {
	g.t.Helper()
	g.client.Do(func(db *ovsdb.Database) {
		db.Each(table, func(r *ovsdb.Row) bool {
			c := row{r, db.Schema().Tables[table]}
			if c.text("name") == name || c.table.Column("target") != nil && c.text("target") == name {
				found = c
			}
			return true
		})
	})
	if found.Row == nil {
		g.t.Fatalf("table %s has no row %s", table, name)
	}
	return found
}

func (g *rig) want(table, name string, values map[string]string) {
	g.t.Helper()
	r := g.row(table, name)
	for column, want := range values {
		if got := r.datum(column).String(); got != want {
			g.t.Errorf("%s %s: %s is %s, want %s", table, name, column, got, want)
		}
	}
}

// Numbers, errors and cur_cfg are one commit; writing back makes neither another
// Apply nor another commit.
func TestRoundIsOneCommit(t *testing.T) {
	g := newRig(t, rootRow(nil))
	g.round(true)
	if g.sw.applied != 1 {
		t.Fatalf("applied %d times at the start", g.sw.applied)
	}
	g.edit(ovsdb.Update("Open_vSwitch", nil, ovsdb.Values{"bridges": refTo("b_br0")}),
		bridgeRow("br0", nil, "br0", "eth0", "nodev", "bad"), portRow("br0", nil), ifaceRow("br0", nil), portRow("eth0", nil), ifaceRow("eth0", nil),
		portRow("nodev", nil), ifaceRow("nodev", nil), portRow("bad", nil), ifaceRow("bad", ovsdb.Values{"type": text("vhost")}))
	commits := g.round(false)
	if len(commits) != 1 {
		t.Fatalf("%d commits", len(commits))
	}
	list := changed(commits[0])
	for _, c := range []string{"Open_vSwitch.cur_cfg", "Interface.ofport", "Interface.error", "Interface.statistics", "Bridge.datapath_id"} {
		if !slices.Contains(list, c) {
			t.Errorf("the commit has no %s: %v", c, list)
		}
	}
	g.want("Bridge", "br0", map[string]string{"datapath_id": "0000000000000abc", "datapath_version": "<built-in>"})
	g.want("Interface", "eth0", map[string]string{
		"ofport": "2", "error": "[]", "mac_in_use": "02:00:00:00:00:01", "admin_state": "up", "link_state": "up", "link_speed": "1000000000",
		"duplex": "full", "mtu": "1500", "ifindex": "11", "link_resets": "0",
		"statistics": "{rx_bytes=0, rx_crc_err=0, rx_dropped=0, rx_errors=0, rx_frame_err=0, rx_over_err=0, rx_packets=0, tx_bytes=0, tx_dropped=0, tx_errors=0, tx_packets=0}",
	})
	g.want("Interface", "nodev", map[string]string{"ofport": "-1", "error": "could not open network device nodev (No such device)", "ifindex": "[]"})
	g.want("Interface", "bad", map[string]string{"ofport": "-1", "error": "could not open network device bad (Address family not supported by protocol)"})
	applied := g.sw.applied
	for range 3 {
		if more := g.round(false); len(more) != 0 || g.sw.applied != applied {
			t.Fatalf("an idle round commits %v, applies %d times", changed(more[0]), g.sw.applied-applied)
		}
	}
	if more := g.round(true); len(more) != 0 {
		t.Errorf("statistics that are as they were are written: %v", changed(more[0]))
	}
	g.sw.packets = 7
	if more := g.round(false); len(more) != 0 {
		t.Errorf("statistics are written before they are due: %v", changed(more[0]))
	}
	more := g.round(true)
	if len(more) != 1 || !slices.Equal(changed(more[0]), []string{"Interface.statistics"}) || g.sw.applied != applied {
		t.Errorf("statistics: %d commits", len(more))
	}
}

// A user who waits is answered, though nothing is to be done.
func TestRoundWithoutChange(t *testing.T) {
	g := newRig(t, rootRow(nil))
	g.round(false)
	g.edit()
	commits := g.round(false)
	if len(commits) != 1 || !slices.Equal(changed(commits[0]), []string{"Open_vSwitch.cur_cfg"}) {
		t.Errorf("commits: %v", commits)
	}
}

// What the daemon tells of itself fills what nobody has set, and stays.
func TestIdentity(t *testing.T) {
	g := newRig(t, rootRow(ovsdb.Values{"external_ids": pairs("hostname", "given", "other", "1")}))
	g.round(true)
	root := func() map[string]string { return g.root().pairs("external_ids") }
	first := root()
	if first["hostname"] != "given" || first["other"] != "1" || first["rundir"] != "/run/x" || len(first["system-id"]) != 36 {
		t.Errorf("external_ids %v", first)
	}
	g.edit(ovsdb.Update("Open_vSwitch", nil, ovsdb.Values{"system_type": text("mine")}))
	g.round(true)
	if again := root(); again["system-id"] != first["system-id"] {
		t.Errorf("system-id %s, then %s", first["system-id"], again["system-id"])
	}
	r := g.root()
	for column, want := range map[string]string{"ovs_version": Release, "db_version": vswitch.Version, "system_type": "mine", "dpdk_initialized": "false",
		"datapath_types": "[netdev, system]", "iface_types": "[internal, patch, system, tap]", "cur_cfg": "1"} {
		if got := r.datum(column).String(); got != want {
			t.Errorf("%s is %s, want %s", column, got, want)
		}
	}
}

func (g *rig) root() (r row) {
	g.client.Do(func(db *ovsdb.Database) { r, _ = view{db}.openVSwitch() })
	return r
}

// The machine's statistics come when they are asked for, and go again.
func TestSystemStatistics(t *testing.T) {
	g := newRig(t, rootRow(ovsdb.Values{"other_config": pairs("enable-statistics", "true")}))
	g.round(true)
	stats := g.root().pairs("statistics")
	for key, fields := range map[string]int{"cpu": 1, "load_average": 3, "memory": 5, "process_ofswitchd": 6} {
		if n := len(strings.Split(stats[key], ",")); stats[key] == "" || n != fields {
			t.Errorf("%s=%q has %d fields, want %d", key, stats[key], n, fields)
		}
	}
	g.edit(ovsdb.Update("Open_vSwitch", nil, ovsdb.Values{"other_config": pairs()}))
	g.round(true)
	if left := g.root().pairs("statistics"); left != nil {
		t.Errorf("left: %v", left)
	}
}

// A controller's state is told at once, its age with the statistics.
func TestControllerStatus(t *testing.T) {
	g := newRig(t, rootRow(nil, "br0"), bridgeRow("br0", ovsdb.Values{"controller": refTo("c")}),
		ovsdb.Insert("Controller", "c", ovsdb.Values{"target": text("tcp:192.0.2.1")}))
	ago := func(n int) time.Time { return time.Now().Add(-time.Duration(n) * time.Second) }
	g.sw.conns = []ofconn.ConnStatus{{Target: "tcp:192.0.2.1", State: ofconn.StateBackoff, LastError: "cannot connect: connection refused", LastErrno: 111}}
	g.round(false)
	g.want("Controller", "tcp:192.0.2.1", map[string]string{"is_connected": "false", "role": "[]", "status": "{last_error=Connection refused, state=BACKOFF}"})
	for _, s := range []struct {
		role ofp.Role
		want string
	}{{ofp.RoleEqual, "other"}, {ofp.RoleMaster, "master"}, {ofp.RoleSlave, "slave"}} {
		g.sw.conns = []ofconn.ConnStatus{
			{Target: "tcp:192.0.2.1", State: ofconn.StateActive, Role: s.role, Connected: ago(100), Disconnected: ago(200)},
			{Target: "tcp:192.0.2.1", Auxiliary: 1, State: ofconn.StateBackoff},
		}
		if n := len(g.round(false)); n != 1 {
			t.Errorf("role %s: %d commits", s.want, n)
		}
		g.want("Controller", "tcp:192.0.2.1", map[string]string{"is_connected": "true", "role": s.want})
	}
	before := g.row("Controller", "tcp:192.0.2.1").pairs("status")
	g.sw.conns[0].Connected = ago(1000)
	if n := len(g.round(false)); n != 0 {
		t.Errorf("that time passes is %d commits", n)
	}
	g.round(true)
	after := g.row("Controller", "tcp:192.0.2.1").pairs("status")
	if before["state"] != "ACTIVE" || before["sec_since_connect"] >= "11" || len(after["sec_since_connect"]) != 4 || len(after["sec_since_disconnect"]) != 3 {
		t.Errorf("status %v, then %v", before, after)
	}
}

// What a peer has put into an error, a database takes.
func TestErrorOfAnyBytes(t *testing.T) {
	g := newRig(t, rootRow(nil, "br0"), bridgeRow("br0", ovsdb.Values{"controller": refTo("c")}),
		ovsdb.Insert("Controller", "c", ovsdb.Values{"target": text("ssl:192.0.2.1")}))
	g.sw.conns = []ofconn.ConnStatus{{Target: "ssl:192.0.2.1", LastError: "certificate of \xff\x00\"x"}}
	g.round(false)
	g.want("Controller", "ssl:192.0.2.1", map[string]string{"status": "{last_error=certificate of \ufffd\ufffd\"x, state=BACKOFF}"})
}

// Who has not the lock does nothing; who gets it does all.
func TestLock(t *testing.T) {
	g := newRig(t, rootRow(nil, "br0"), bridgeRow("br0", nil))
	second := &Reconciler{}
	*second = *New(Options{Client: g.connect(), Switch: &fakeSwitch{}, Changed: make(chan struct{}), Logger: slog.New(slog.DiscardHandler)})
	defer second.o.Client.Close()
	testutil.Wait(t, "the copy", func() bool { return second.o.Client.Do(func(*ovsdb.Database) {}) })
	if _, ok := second.round(t.Context(), true); ok || second.o.Switch.(*fakeSwitch).applied != 0 {
		t.Error("a switch without the lock goes by the database")
	}
	g.round(false)
	if err := g.client.Close(); err != nil {
		t.Error(err)
	}
	testutil.Wait(t, "the lock for the second", func() bool { return leads(second.o.Client) })
	if _, ok := second.round(t.Context(), true); !ok || len(second.o.Switch.(*fakeSwitch).conf.Bridges) != 1 {
		t.Error("a switch with the lock does not go by the database")
	}
}

// Run follows edits by itself, and ends when it is told to.
func TestRun(t *testing.T) {
	g := newRig(t, rootRow(nil))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.r.Run(ctx)
	}()
	<-g.r.Ready()
	for i := range 20 {
		name := fmt.Sprintf("br%d", i)
		g.edit(bridgeRow(name, nil), ovsdb.Mutate("Open_vSwitch", nil, ovsdb.Mutation{Column: "bridges", Mutator: "insert", Value: refTo("b_" + name)}))
	}
	testutil.Wait(t, "cur_cfg", func() bool { n, _ := g.root().number("cur_cfg"); return n == 20 })
	cancel()
	<-done
	if len(g.sw.conf.Bridges) != 20 {
		t.Errorf("%d bridges", len(g.sw.conf.Bridges))
	}
}

// A manager's state says what Open vSwitch says of it: errors of the system in its
// words, and ages only of what has been.
func TestManagerStatusColumn(t *testing.T) {
	ago := time.Now().Add(-100 * time.Second)
	for _, tt := range []struct {
		status ovsdb.RemoteStatus
		want   map[string]string
	}{
		{ovsdb.RemoteStatus{State: "BACKOFF", Since: ago, LastError: "cannot connect: connection refused", LastErrno: 111},
			map[string]string{"state": "BACKOFF", "last_error": "Connection refused"}},
		{ovsdb.RemoteStatus{State: "BACKOFF", Connected: ago, Disconnected: ago, LastError: "the manager closed the connection"},
			map[string]string{"state": "BACKOFF", "last_error": "the manager closed the connection", "sec_since_connect": "100", "sec_since_disconnect": "100"}},
		{ovsdb.RemoteStatus{State: "ACTIVE", Connections: 1, Connected: ago}, map[string]string{"state": "ACTIVE", "sec_since_connect": "100"}},
		{ovsdb.RemoteStatus{State: "LISTENING", Connections: 2, Connected: ago, Address: "[::]:6640"},
			map[string]string{"bound_port": "6640", "n_connections": "2", "sec_since_connect": "100"}},
	} {
		got := managerStatus(&tt.status)
		for k := range got {
			if strings.HasPrefix(k, agePrefix) && len(got[k]) == 3 {
				got[k] = "100" // or later, on a busy machine
			}
		}
		if !maps.Equal(got, tt.want) {
			t.Errorf("%+v: %v, want %v", tt.status, got, tt.want)
		}
	}
}

// deaf is a connection to a database on which transactions get lost.
type deaf struct{ net.Conn }

func (d deaf) Write(b []byte) (int, error) {
	if strings.Contains(string(b), `"transact"`) {
		return len(b), nil
	}
	return d.Conn.Write(b)
}

// A database that does not reply to transactions is no reason not to do what it says.
func TestRoundWithoutReply(t *testing.T) {
	g := newRig(t, rootRow(nil))
	if err := g.client.Close(); err != nil {
		t.Fatal(err)
	}
	client := ovsdb.NewClient(ovsdb.ClientOptions{
		Database: vswitch.Name, Lock: Lock, Logger: slog.New(slog.DiscardHandler),
		Dial: func(context.Context) (net.Conn, error) { return deaf{g.server.Connect()}, nil },
	})
	defer client.Close()
	testutil.Wait(t, "the lock and the copy", func() bool { return leads(client) })
	var log strings.Builder
	g.r = New(Options{Client: client, Switch: g.sw, Changed: make(chan struct{}), RunDir: "/run/x", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	g.r.limit = time.Millisecond
	g.round(true)
	change(t, func(r *ovsdb.Request, _ int64) ovsdb.Result { return g.server.Transact(r) },
		ovsdb.Mutate("Open_vSwitch", nil, ovsdb.Mutation{Column: "next_cfg", Mutator: "+=", Value: number(1)}))
	testutil.Wait(t, "the edit", func() (seen bool) {
		client.Do(func(db *ovsdb.Database) { seen = read(db, newRecall()).next == 1 })
		return seen
	})
	g.round(false)
	if g.sw.applied != 2 || strings.Count(log.String(), "does not reply") != 1 {
		t.Errorf("applied %d times, want 2; the log says %s", g.sw.applied, log.String())
	}
}
