package vsctl

import (
	"fmt"
	"sort"
	"strings"

	"ofswitch/ovsdb"
)

// recordID is a way to name a row of a table besides its UUID: the row itself,
// or the one that refers to it, has the name.
type recordID struct {
	table string // that has the name
	name  string // column of the name; empty: the table's only row is "."
	ref   string // column that refers to the row; empty: it is the row
}

// recordIDs are by table. The others' rows have their UUID alone.
var recordIDs = map[string]recordID{
	"AutoAttach":                {"Bridge", "name", "auto_attach"},
	"Bridge":                    {"Bridge", "name", ""},
	"Controller":                {"Bridge", "name", "controller"},
	"Flow_Sample_Collector_Set": {"Flow_Sample_Collector_Set", "id", ""},
	"Flow_Table":                {"Flow_Table", "name", ""},
	"IPFIX":                     {"Bridge", "name", "ipfix"},
	"Interface":                 {"Interface", "name", ""},
	"Manager":                   {"Manager", "target", ""},
	"Mirror":                    {"Mirror", "name", ""},
	"NetFlow":                   {"Bridge", "name", "netflow"},
	"Open_vSwitch":              {"Open_vSwitch", "", ""},
	"Port":                      {"Port", "name", ""},
	"QoS":                       {"Port", "name", "qos"},
	"SSL":                       {"Open_vSwitch", "", "ssl"},
	"sFlow":                     {"Bridge", "name", "sflow"},
}

// matches says how well a word names something: 0, not; more for longer
// beginnings; most for the whole name. Case, "-" and "_" do not matter.
func matches(name, word string) int {
	same := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }
	switch n, w := same(name), same(word); {
	case name == word:
		return 1 << 30
	case n == w:
		return 1<<30 - 1
	case strings.HasPrefix(n, w):
		return len(w)
	}
	return 0
}

// best is the one name that a word means, or the several, in order.
func best(names []string, word string) (one string, several []string) {
	top := 0
	for _, n := range names {
		switch m := matches(n, word); {
		case m > top:
			top, several = m, []string{n}
		case m == top && m > 0:
			several = append(several, n)
		}
	}
	if len(several) == 1 {
		return several[0], nil
	}
	return "", several
}

// table is a table by its name or a beginning of it.
func (r *run) table(word string) (*ovsdb.Table, error) {
	var names []string
	for n := range r.schema.Tables {
		names = append(names, n)
	}
	sort.Strings(names)
	one, several := best(names, word)
	switch {
	case one != "":
		return r.schema.Tables[one], nil
	case len(several) > 0:
		return nil, fmt.Errorf("%q matches multiple table names: %s", word, strings.Join(several, ", "))
	}
	return nil, fmt.Errorf("unknown table %q", word)
}

// column is a column by its name or a beginning of it.
func column(t *ovsdb.Table, word string) (*ovsdb.Column, error) {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	one, several := best(names, word)
	switch {
	case one != "":
		return t.Column(one), nil
	case len(several) > 0:
		return nil, fmt.Errorf("%s contains more than one column whose name matches %q: %s", t.Name, word, strings.Join(several, ", "))
	}
	return nil, fmt.Errorf("%s does not contain a column whose name matches %q", t.Name, word)
}

// record is the row that a word names: by its UUID, by what the table's rows are
// named by, or by the first four digits or more of its UUID. nil: there is none;
// an error, if there must be one.
func (r *run) record(t *ovsdb.Table, word string, mustExist bool) (*row, error) {
	if u, ok := ovsdb.ParseUUID(word); ok {
		if found := r.txn.row(t.Name, u); found != nil {
			return found, nil
		}
	}
	if id, ok := recordIDs[t.Name]; ok {
		found, err := r.recordByID(t, id, word)
		if found != nil || err != nil {
			return found, err
		}
	}
	if isUUIDPrefix(word) {
		var found *row
		for _, x := range r.txn.all(t.Name) {
			if !strings.HasPrefix(x.uuid.String(), strings.ToLower(word)) {
				continue
			}
			if found != nil {
				return nil, fmt.Errorf("%s contains 2 or more rows whose UUIDs begin with %s: at least %s and %s", t.Name, word, found.uuid, x.uuid)
			}
			found = x
		}
		if found != nil {
			return found, nil
		}
	}
	if mustExist {
		return nil, fmt.Errorf("no row %q in table %s", word, t.Name)
	}
	return nil, nil
}

// isUUIDPrefix says whether a word is the beginning of a UUID, and no less than
// four digits.
func isUUIDPrefix(s string) bool {
	if len(s) < 4 || len(s) > 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') {
			return false
		}
		if c != '-' && !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
			return false
		}
	}
	return true
}

func (r *run) recordByID(t *ovsdb.Table, id recordID, word string) (*row, error) {
	var named *row
	switch {
	case id.name == "":
		if list := r.txn.all(id.table); word == "." && len(list) == 1 {
			named = list[0]
		}
	default:
		c := r.schema.Tables[id.table].Column(id.name)
		want, err := c.Type.Key.ParseText(word, nil)
		if c.Type.Key.Type == ovsdb.String {
			want, err = ovsdb.Str(word), nil
		}
		if err != nil {
			return nil, nil // no such name can be
		}
		for _, x := range r.txn.all(id.table) {
			if d := x.get(id.name); d.Len() == 1 && d.Keys[0] == want {
				if named != nil {
					return nil, fmt.Errorf("multiple rows in %s match %q", t.Name, word)
				}
				named = x
			}
		}
	}
	if named == nil || id.ref == "" {
		return named, nil
	}
	named.verify(id.ref)
	if refs := named.refs(id.ref); len(refs) == 1 {
		return r.txn.row(t.Name, refs[0]), nil
	}
	return nil, nil
}

// needRecord notes what naming a row of a table takes.
func (r *run) needRecord(t *ovsdb.Table) {
	r.need(t.Name)
	if id, ok := recordIDs[t.Name]; ok {
		r.need(id.table, id.name, id.ref)
	}
}
