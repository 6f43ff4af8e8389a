package database

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ofswitch/bridge"
	"ofswitch/internal/testutil"
	"ofswitch/ovsdb"
	"ofswitch/ovsdb/vswitch"
)

// bench is a real switch in a namespace with an embedded database in a file.
type bench struct {
	t        *testing.T
	ns       *testutil.NS
	file     string
	dir      string
	log      *slog.Logger
	embedded *Embedded
	client   *ovsdb.Client
	sw       *bridge.Switch
	r        *Reconciler
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := socketDir(t)
	return &bench{t: t, ns: testutil.NewNS(t), file: filepath.Join(dir, "conf.db"), dir: dir, log: quiet}
}

func (b *bench) start() {
	b.t.Helper()
	log := b.log
	var err error
	b.ns.Do(func() { b.sw, err = bridge.New(bridge.Options{RunDir: b.dir, Logger: log}) })
	if err != nil {
		b.t.Fatal(err)
	}
	if b.embedded, err = Open(b.file, filepath.Join(b.dir, "db.sock"), nil, b.sw.Credentials(), log); err != nil {
		b.t.Fatal(err)
	}
	b.client = ovsdb.NewClient(ovsdb.ClientOptions{
		Database: vswitch.Name, Lock: Lock, Logger: log,
		Dial: func(context.Context) (net.Conn, error) { return b.embedded.server.Connect(), nil },
	})
	b.r = New(Options{Client: b.client, Switch: b.sw, Embedded: b.embedded, Changed: make(chan struct{}), RunDir: b.dir, Logger: log})
	testutil.Wait(b.t, "the lock and the copy", func() bool { return leads(b.client) })
	b.round()
}

// round runs where the switch's devices are.
func (b *bench) round() {
	b.t.Helper()
	b.ns.Do(func() {
		if _, ok := b.r.round(b.t.Context(), false); !ok {
			b.t.Error("no round")
		}
	})
}

func (b *bench) stop() {
	b.t.Helper()
	if err := b.client.Close(); err != nil {
		b.t.Error(err)
	}
	b.ns.Do(b.sw.Close)
	if err := b.embedded.Close(); err != nil {
		b.t.Error(err)
	}
}

// edit is a transaction; what the database refuses is left out.
func (b *bench) edit(ops ...ovsdb.Operation) {
	_, _ = b.client.Transact(b.t.Context(), ops...) // a name that is taken, for instance
}

// summary is all that the switch and the database tell which does not depend on time.
func (b *bench) summary() string {
	var out strings.Builder
	for _, br := range b.sw.State(false).Bridges {
		fmt.Fprintf(&out, "bridge %s id %016x\n", br.Name, br.DatapathID)
		ports := map[string]string{}
		for _, p := range br.Ports {
			if p.Waiting {
				// Its number is kept as long as the switch lives, and its row tells none.
				p.OFPort, p.Error = 0, ""
			}
			ports[p.Name] = fmt.Sprintf("  port %s type %q number %d open %v waiting %v mtu %d error %q\n", p.Name, p.Type, p.OFPort, p.Open, p.Waiting, p.Device.MTU, p.Error)
		}
		for _, name := range sortedKeys(ports) {
			out.WriteString(ports[name])
		}
		for _, c := range br.Controllers {
			fmt.Fprintf(&out, "  controller %s\n", c.Target)
		}
		for _, l := range br.Listeners {
			fmt.Fprintf(&out, "  listener %s\n", strings.TrimPrefix(l.Target, "punix:"+b.dir))
		}
	}
	b.client.Do(func(db *ovsdb.Database) {
		rows := map[string]string{}
		t := db.Schema().Tables["Interface"]
		db.Each("Interface", func(r *ovsdb.Row) bool {
			i := row{r, t}
			rows[i.text("name")] = fmt.Sprintf("row %s ofport %s error %s mtu %s\n", i.text("name"), i.datum("ofport"), i.datum("error"), i.datum("mtu"))
			return true
		})
		for _, name := range sortedKeys(rows) {
			out.WriteString(rows[name])
		}
	})
	return out.String()
}

// Whatever edits lead there, in whatever order, the switch is in the end what a new
// one makes of the database, and says the same in it.
func TestIntegrationRandomEdits(t *testing.T) {
	for range 3 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			b := newBench(t)
			b.start()
			rnd := rand.New(rand.NewPCG(seed, 1))
			var history []string
			for range 80 {
				history = append(history, b.randomEdit(rnd))
				if rnd.IntN(3) > 0 {
					b.round()
				}
			}
			b.round()
			b.round()
			first := b.summary()
			links := b.links()
			b.stop()
			if left := b.links(); left != "lo" {
				t.Errorf("devices left: %s", left)
			}
			b.start()
			if second := b.summary(); first != second {
				t.Errorf("seed %d: after\n%s\nthe switch was\n%s\nanother one is\n%s", seed, strings.Join(history, "\n"), first, second)
			}
			if again := b.links(); again != links {
				t.Errorf("seed %d: devices %s, then %s", seed, links, again)
			}
			b.stop()
		})
	}
}

func (b *bench) links() string {
	b.t.Helper()
	list, err := b.ns.Namespace.Links()
	if err != nil {
		b.t.Fatal(err)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// randomEdit makes one edit and says which.
func (b *bench) randomEdit(rnd *rand.Rand) string {
	bridges := []string{"br0", "br1", "br2"}
	ports := []string{"v0", "v1", "v2", "v3", "v4", "v5"}
	br, port := bridges[rnd.IntN(len(bridges))], ports[rnd.IntN(len(ports))]
	ofBridge := ovsdb.Where("name", "==", text(br))
	ofPort := ovsdb.Where("name", "==", text(port))
	insertInto := func(name string) ovsdb.Operation {
		return ovsdb.Mutate("Bridge", ofBridge, ovsdb.Mutation{Column: "ports", Mutator: "insert", Value: refTo(name)})
	}
	what := ""
	switch rnd.IntN(9) {
	case 0, 1:
		what = "add-br " + br
		b.edit(portRow(br, nil), ifaceRow(br, ovsdb.Values{"type": text("internal")}), bridgeRow(br, nil, br),
			ovsdb.Mutate("Open_vSwitch", nil, ovsdb.Mutation{Column: "bridges", Mutator: "insert", Value: refTo("b_" + br)}))
	case 2:
		if rnd.IntN(3) > 0 {
			return "nothing"
		}
		what = "del-br " + br
		b.edit(ovsdb.Mutate("Open_vSwitch", nil, ovsdb.Mutation{Column: "bridges", Mutator: "delete", Value: b.refs("Bridge", br)}))
	case 3, 4:
		iface := ovsdb.Values{"type": text("internal")}
		switch rnd.IntN(4) {
		case 0:
			iface = ovsdb.Values{"type": text("patch"), "options": pairs("peer", ports[rnd.IntN(len(ports))])}
		case 1:
			iface = ovsdb.Values{} // a device that is not there
		}
		if _, there := iface["type"]; there && rnd.IntN(3) == 0 {
			iface["ofport_request"] = number(int64(10 + rnd.IntN(4)))
		}
		what = fmt.Sprintf("add-port %s %s %v", br, port, iface)
		b.edit(portRow(port, nil), ifaceRow(port, iface), insertInto("p_"+port))
	case 5:
		what = "del-port " + port
		b.edit(ovsdb.Mutate("Bridge", nil, ovsdb.Mutation{Column: "ports", Mutator: "delete", Value: b.refs("Port", port)}))
	case 6:
		request := noValue()
		if rnd.IntN(3) > 0 {
			request = number(int64(10 + rnd.IntN(4)))
		}
		what = fmt.Sprintf("%s ofport_request %s", port, request)
		// Only of those with a device: of two that wait for theirs and ask for the same,
		// the one that asked first has it, which the database does not tell.
		b.edit(ovsdb.Update("Interface", append(ofPort, ovsdb.Clause{Column: "type", Function: "!=", Value: text("")}), ovsdb.Values{"ofport_request": request}))
	case 7:
		mtu := int64(1400 + rnd.IntN(3)*100)
		what = fmt.Sprintf("%s mtu_request %d", port, mtu)
		b.edit(ovsdb.Update("Interface", ofPort, ovsdb.Values{"mtu_request": number(mtu)}))
	case 8:
		id := fmt.Sprintf("%016x", 1+rnd.IntN(3))
		target := []string{"tcp:192.0.2.1", "punix:" + filepath.Join(b.dir, br+".x"), "nonsense"}[rnd.IntN(3)]
		what = br + " datapath-id " + id + " controller " + target
		b.edit(ovsdb.Insert("Controller", "c", ovsdb.Values{"target": text(target)}),
			ovsdb.Update("Bridge", ofBridge, ovsdb.Values{"controller": refTo("c"), "other_config": pairs("datapath-id", id), "fail_mode": text("secure")}))
	}
	return what
}

// refs is the set of the rows of this name: one, or none.
func (b *bench) refs(table, name string) (d ovsdb.Datum) {
	b.client.Do(func(db *ovsdb.Database) {
		c := db.Schema().Tables[table].Column("name")
		db.Each(table, func(r *ovsdb.Row) bool {
			if r.Get(c).Keys[0].Str == name {
				d = ovsdb.Set(ovsdb.Ref(r.UUID))
			}
			return d.Len() == 0
		})
	})
	return d
}
