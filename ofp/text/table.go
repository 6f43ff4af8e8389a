package text

import (
	"unicode/utf8"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// TableResolver finds a flow table by its name. ok is false if there is no such
// table, or more than one.
type TableResolver func(name string) (table ofp.TableID, ok bool)

// Tables knows the names of a switch's flow tables.
type Tables struct {
	names   map[ofp.TableID]string
	numbers map[string]ofp.TableID
}

// NewTables takes the names from table features. A name that two tables have is
// no name, nor is one that is not UTF-8.
func NewTables(features []*ofp.TableFeatures) *Tables {
	t := &Tables{names: map[ofp.TableID]string{}, numbers: map[string]ofp.TableID{}}
	twice := map[string]bool{}
	for _, f := range features {
		if f.Name == "" || twice[f.Name] || !utf8.ValidString(f.Name) {
			continue
		}
		if other, ok := t.numbers[f.Name]; ok {
			twice[f.Name] = true
			delete(t.numbers, f.Name)
			delete(t.names, other)
			continue
		}
		t.names[f.Table], t.numbers[f.Name] = f.Name, f.Table
	}
	return t
}

// Name is the table's name, "" when it has none. It may be Options.Tables.
func (t *Tables) Name(table ofp.TableID) string { return t.names[table] }

// Number finds a table by name. It is a TableResolver.
func (t *Tables) Number(name string) (ofp.TableID, bool) {
	n, ok := t.numbers[name]
	return n, ok
}

// tableValue reads a table for a keyword: a number up to most, or a name that
// resolve (which may be nil) knows.
func tableValue(key, value string, most uint64, resolve TableResolver) (ofp.TableID, error) {
	n, err := field(key, value, 0, most)
	if err == nil || resolve == nil {
		return ofp.TableID(n), err
	}
	name := value
	if len(name) > 0 && name[0] == '"' {
		if name, _, err = unquote(value); err != nil {
			return 0, err
		}
	}
	if t, ok := resolve(name); ok {
		return t, nil
	}
	if e, ok := err.(*flow.ParseError); ok {
		e.Want += ", or the name of a table of this switch"
	}
	return 0, err
}

// tableText is the table's number, or its name, in quotes where it needs them.
func (o *Options) tableText(t ofp.TableID) string {
	return flow.PortText(uint32(t), func(uint32) string {
		if o.Tables == nil {
			return ""
		}
		return o.Tables(t)
	})
}
