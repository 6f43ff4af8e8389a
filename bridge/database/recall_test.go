package database

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"

	"ofswitch/bridge"
	"ofswitch/ofp"
	"ofswitch/ovsdb"
	"ofswitch/ovsdb/vswitch"
)

// Whatever edits there were, what is read with what was remembered is what is read
// without.
func TestRecallRandomEdits(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 3))
	schema := vswitch.Schema()
	tables := []string{"Bridge", "Port", "Interface", "QoS", "Queue"}
	for range 20 {
		ids := map[string][]string{}
		for _, name := range tables {
			for i := range 3 {
				ids[name] = append(ids[name], name+string(rune('a'+i)))
			}
		}
		ops := []ovsdb.Operation{ovsdb.Insert("Open_vSwitch", "root", randomRow(rnd, schema.Tables["Open_vSwitch"], ids))}
		for _, name := range tables {
			for _, id := range ids[name] {
				row := randomRow(rnd, schema.Tables[name], ids)
				if schema.Tables[name].Column("name") != nil {
					row["name"] = text(id)
				}
				ops = append(ops, ovsdb.Insert(name, id, row))
			}
		}
		db := newRows(t, ops...)
		m := newRecall()
		for range 40 {
			if now, fresh := read(db, m), read(db, newRecall()); !reflect.DeepEqual(now, fresh) {
				t.Fatalf("seed %d: with what was remembered %+v, without %+v", seed, now, fresh)
			}
			randomEdit(t, rnd, db, tables)
		}
	}
}

// randomEdit gives one column of a row another value, if the database takes it.
func randomEdit(t *testing.T, rnd *rand.Rand, db *ovsdb.Database, tables []string) {
	name := tables[rnd.IntN(len(tables))]
	table := db.Schema().Tables[name]
	var rows []*ovsdb.Row
	db.Each(name, func(r *ovsdb.Row) bool { rows = append(rows, r); return true })
	if len(rows) == 0 {
		return
	}
	c := table.Columns[rnd.IntN(len(table.Columns))]
	values := ovsdb.Values{c.Name: {}}
	if from := rows[rnd.IntN(len(rows))]; rnd.IntN(3) > 0 {
		values[c.Name] = from.Get(c) // what another has, references too
	} else if d, ok := randomRow(rnd, ovsdb.NewTable(name, &ovsdb.Column{Name: c.Name, Type: c.Type}), nil)[c.Name]; ok {
		values[c.Name] = d
	}
	op, err := json.Marshal(ovsdb.Update(name, ovsdb.ByUUID(rows[rnd.IntN(len(rows))].UUID), values))
	if err != nil {
		t.Fatal(err)
	}
	db.Run(ovsdb.ParseRequest([]json.RawMessage{op}), 0) // or refuses it
}

// A row that has been told a port's counters is told of others, not of the same.
func TestRecallCounters(t *testing.T) {
	stats := func(n uint64, age uint32) *ofp.PortStats { return &ofp.PortStats{RxBytes: n, DurationSec: age} }
	for _, c := range []struct {
		before, now *ofp.PortStats
		same        bool
	}{
		{nil, nil, true}, {stats(1, 0), nil, true}, {nil, stats(0, 0), false},
		{stats(1, 5), stats(1, 10), true}, {stats(1, 5), stats(2, 5), false},
	} {
		m, id, row := newRecall(), ovsdb.NewUUID(), &ovsdb.Row{}
		m.told[id] = told{row: row, state: bridge.PortState{Stats: c.before}}
		if got := m.nothingNew(id, &told{row: row, state: bridge.PortState{Stats: c.now}}); got != c.same {
			t.Errorf("%+v after %+v: nothing new %v", c.now, c.before, got)
		}
	}
}
