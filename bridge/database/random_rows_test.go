package database

import (
	"math/rand/v2"
	"testing"

	"ofswitch/ovsdb"
	"ofswitch/ovsdb/vswitch"
)

// Whatever values rows have that the schema allows, reading them neither fails nor
// asks for a bridge or port twice.
func TestReadRandomRows(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 2))
	schema := vswitch.Schema()
	for range 300 {
		tables := map[string]bool{"Bridge": true, "Port": true, "Interface": true, "Controller": true, "Mirror": true, "QoS": true, "Queue": true,
			"Flow_Table": true, "Manager": true, "SSL": true}
		ids := map[string][]string{}
		for _, name := range sortedKeys(tables) {
			for range 1 + rnd.IntN(3) {
				if name == "SSL" && len(ids[name]) > 0 {
					continue
				}
				ids[name] = append(ids[name], name+string(rune('a'+len(ids[name]))))
			}
		}
		ops := []ovsdb.Operation{ovsdb.Insert("Open_vSwitch", "root", randomRow(rnd, schema.Tables["Open_vSwitch"], ids))}
		for _, name := range sortedKeys(tables) {
			for _, id := range ids[name] {
				row := randomRow(rnd, schema.Tables[name], ids)
				for _, unique := range []string{"name", "target"} {
					if schema.Tables[name].Column(unique) != nil {
						row[unique] = text(id + randomText(rnd))
					}
				}
				ops = append(ops, ovsdb.Insert(name, id, row))
			}
		}
		d := read(newRows(t, ops...), newRecall())
		seen := map[string]bool{}
		for _, b := range d.config.Bridges {
			if seen["bridge "+b.Name] {
				t.Errorf("seed %d: bridge %s twice", seed, b.Name)
			}
			seen["bridge "+b.Name] = true
			for _, p := range b.Ports {
				if seen[p.Name] {
					t.Errorf("seed %d: port %s twice", seed, p.Name)
				}
				seen[p.Name] = true
			}
		}
	}
}

// randomRow gives some columns of a row values; references are to ids, by table.
func randomRow(rnd *rand.Rand, t *ovsdb.Table, ids map[string][]string) ovsdb.Values {
	row := ovsdb.Values{}
	for _, c := range t.Columns {
		if c.Type.Min == 0 && rnd.IntN(3) == 0 {
			continue
		}
		var d ovsdb.Datum
		n := 1 + rnd.IntN(2)
		if c.Type.Max == 1 {
			n = 1
		}
		used := map[ovsdb.Atom]bool{}
		for range n {
			k, ok := randomAtom(rnd, &c.Type.Key, ids)
			if !ok || used[k] {
				continue
			}
			used[k] = true
			if c.Type.IsMap() {
				v, ok := randomAtom(rnd, &c.Type.Value, ids)
				if !ok {
					continue
				}
				d.Values = append(d.Values, v)
			}
			d.Keys = append(d.Keys, k)
		}
		if d.Len() > 0 {
			row[c.Name] = d
		}
	}
	return row
}

// randomAtom is false where there is no row to refer to.
func randomAtom(rnd *rand.Rand, b *ovsdb.BaseType, ids map[string][]string) (ovsdb.Atom, bool) {
	if b.Enum != nil {
		return b.Enum.Keys[rnd.IntN(b.Enum.Len())], true
	}
	switch b.Type {
	case ovsdb.Integer:
		least, most := max(b.MinInt, -1<<40), min(b.MaxInt, 1<<40)
		return ovsdb.Int([]int64{least, most, least + rnd.Int64N(most-least+1)}[rnd.IntN(3)]), true
	case ovsdb.Boolean:
		return ovsdb.Bool(rnd.IntN(2) == 0), true
	case ovsdb.String:
		return ovsdb.Str(randomText(rnd)), true
	case ovsdb.UUIDType:
		if list := ids[b.RefTable]; len(list) > 0 {
			return ovsdb.NamedRef(list[rnd.IntN(len(list))]), true
		}
	}
	return ovsdb.Atom{}, false
}

func randomText(rnd *rand.Rand) string {
	return []string{
		"", "x", "true", "0", "-1", "9999999999999999999", "netdev", "internal", "patch", "tap", "linux-htb", "peer", "io", "max-rate", "tcp:192.0.2.1",
		"ptcp:", "p", "ssl:[", "02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "a/b", "%d", "\u00fc\n", "datapath-id", "00000000000000ff", "stats-update-interval", "hwaddr",
	}[rnd.IntN(27)]
}
