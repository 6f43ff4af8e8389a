package database

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"ofswitch/ovsdb"
	"ofswitch/ovsdb/vswitch"
)

// The rows of a test are inserts, which name each other.

func ifaceRow(name string, more ovsdb.Values) ovsdb.Operation {
	return ovsdb.Insert("Interface", "i_"+id(name), with(more, "name", text(name)))
}

// portRow is a port with interfaces; none: one of its name.
func portRow(name string, more ovsdb.Values, interfaces ...string) ovsdb.Operation {
	if len(interfaces) == 0 {
		interfaces = []string{name}
	}
	return ovsdb.Insert("Port", "p_"+id(name), with(with(more, "name", text(name)), "interfaces", named("i_", interfaces)))
}

func bridgeRow(name string, more ovsdb.Values, ports ...string) ovsdb.Operation {
	return ovsdb.Insert("Bridge", "b_"+id(name), with(with(more, "name", text(name)), "ports", named("p_", ports)))
}

func rootRow(more ovsdb.Values, bridges ...string) ovsdb.Operation {
	return ovsdb.Insert("Open_vSwitch", "root", with(more, "bridges", named("b_", bridges)))
}

func id(name string) string { return strings.NewReplacer(".", "_", "-", "_", "/", "_").Replace(name) }

func with(v ovsdb.Values, column string, d ovsdb.Datum) ovsdb.Values {
	v = maps.Clone(v)
	if v == nil {
		v = ovsdb.Values{}
	}
	v[column] = d
	return v
}

// named are references to the rows of a transaction.
func named(prefix string, names []string) ovsdb.Datum {
	var d ovsdb.Datum // not Set: references by name have no order yet
	for _, n := range names {
		d.Keys = append(d.Keys, ovsdb.NamedRef(prefix+id(n)))
	}
	return d
}

// refTo is a reference to one row of the transaction.
func refTo(name string) ovsdb.Datum { return ovsdb.Datum{Keys: []ovsdb.Atom{ovsdb.NamedRef(name)}} }

// newRows is a database of one transaction.
func newRows(t testing.TB, ops ...ovsdb.Operation) *ovsdb.Database {
	t.Helper()
	db := ovsdb.NewDatabase(vswitch.Schema())
	change(t, db.Run, ops...)
	return db
}

// change carries out a transaction that must be taken.
func change(t testing.TB, run func(*ovsdb.Request, int64) ovsdb.Result, ops ...ovsdb.Operation) {
	t.Helper()
	var params []json.RawMessage
	for _, op := range ops {
		b, err := json.Marshal(op)
		if err != nil {
			t.Fatal(err)
		}
		params = append(params, b)
	}
	if res := run(ovsdb.ParseRequest(params), 0); strings.Contains(string(res.Reply), `"error"`) {
		t.Fatalf("the transaction is refused: %s", res.Reply)
	}
}
