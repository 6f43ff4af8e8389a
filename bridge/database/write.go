package database

import (
	"context"
	"maps"
	"slices"
	"strings"

	"ofswitch/bridge"
	"ofswitch/ovsdb"
)

// writer gathers what a transaction is to change.
type writer struct {
	view
	ops []ovsdb.Operation
}

// set has columns of a row be values, unless they are, or the row is gone.
func (w *writer) set(of row, values ovsdb.Values) {
	now := w.db.Row(of.table.Name, of.UUID)
	if now == nil {
		return
	}
	maps.DeleteFunc(values, func(column string, d ovsdb.Datum) bool {
		c := of.table.Column(column)
		return c == nil || now.Get(c).Equal(d)
	})
	if len(values) > 0 {
		w.ops = append(w.ops, ovsdb.Update(of.table.Name, ovsdb.ByUUID(of.UUID), values))
	}
}

// write tells the database how the switch is, as far as that is new.
func (r *Reconciler) write(ctx context.Context, d *desired, stats bool) {
	if d.root.Row == nil {
		return
	}
	report := &report{desired: d, recall: r.recall, state: bridgesByName(r.o.Switch.State(stats)), stats: stats}
	r.countNew(report)
	if r.o.Embedded != nil {
		report.managers = r.o.Embedded.Managers()
	}
	if stats {
		report.system = r.system(d)
	}
	var ops []ovsdb.Operation
	r.o.Client.Do(func(db *ovsdb.Database) { ops = report.operations(db, r.facts(db)) })
	if len(ops) > 0 {
		_ = r.transact(ctx, ops) // logged
	}
}

// countNew reads the counters of ports whose rows have none yet.
func (r *Reconciler) countNew(p *report) {
	for i := range p.bridges {
		b := &p.bridges[i]
		st := p.state[b.name]
		if st == nil || p.stats {
			continue
		}
		fresh := map[string]bool{}
		for _, w := range b.interfaces {
			if w.problem == "" && w.row.datum("statistics").Len() == 0 {
				fresh[w.name] = true
			}
		}
		for j := range st.Ports {
			if port := &st.Ports[j]; port.Open && fresh[port.Name] {
				port.Stats = r.o.Switch.Counters(b.name, port.OFPort)
			}
		}
	}
}

func bridgesByName(s bridge.State) map[string]*bridge.BridgeState {
	m := make(map[string]*bridge.BridgeState, len(s.Bridges))
	for i := range s.Bridges {
		m[s.Bridges[i].Name] = &s.Bridges[i]
	}
	return m
}

// Data of columns.

func noValue() ovsdb.Datum          { return ovsdb.Datum{} }
func text(s string) ovsdb.Datum     { return ovsdb.Set(ovsdb.Str(valid(s))) }
func number(n int64) ovsdb.Datum    { return ovsdb.Set(ovsdb.Int(n)) }
func boolean(b bool) ovsdb.Datum    { return ovsdb.Set(ovsdb.Bool(b)) }
func optional(s string) ovsdb.Datum { return when(s != "", text(s)) }

// valid is a text that a database takes: what a peer has put into an error may be
// anything.
func valid(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
}

// pairsOf is a map of texts.
func pairsOf(m map[string]string) ovsdb.Datum {
	for k, v := range m {
		m[k] = valid(v)
	}
	return ovsdb.Map(m)
}

// when is d if it holds, and no value otherwise.
func when(holds bool, d ovsdb.Datum) ovsdb.Datum {
	if holds {
		return d
	}
	return noValue()
}

func texts(list ...string) ovsdb.Datum {
	atoms := make([]ovsdb.Atom, len(list))
	for i, s := range list {
		atoms[i] = ovsdb.Str(s)
	}
	return ovsdb.Set(atoms...)
}

func numbers(m map[string]uint64) ovsdb.Datum {
	var d ovsdb.Datum
	for _, k := range slices.Sorted(maps.Keys(m)) {
		d.Keys = append(d.Keys, ovsdb.Str(k))
		d.Values = append(d.Values, ovsdb.Int(int64(m[k])))
	}
	return d
}
