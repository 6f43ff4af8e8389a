package ovsdb

import (
	"encoding/json"
	"errors"
)

// errConverted is why clients that do not know of such changes lose their
// connection: what they know of the database is no longer true.
var errConverted = errors.New("the database has another schema now; connect again")

// ErrParameters is the tag of a request whose parameters do not fit together.
const ErrParameters = "invalid parameters"

// convert gives a database another schema (ovsdb-server(7) §4.1.18, "convert").
func (c *session) convert(id json.RawMessage, method string, params []json.RawMessage) any {
	h, err := c.db(method, params)
	if err != nil {
		return err
	}
	if len(params) != 2 {
		return syntaxf(raws(params), "%s request params must be <db-name> and <database-schema>", method)
	}
	j, bad := decodeJSON(params[1])
	if bad != nil {
		return errorf(ErrSyntax, "%v", bad)
	}
	schema, err := parseSchema(j)
	if err != nil {
		return err
	}
	if was := h.Database.schema.Name; schema.Name != was {
		return errorf(ErrParameters, "new schema name (%s) does not match database name (%s)", schema.Name, was)
	}
	if h.readOnly {
		return errorf(ErrNotAllowed, "database %s cannot be converted", schema.Name)
	}
	if err := c.s.convert(h, schema); err != nil {
		return err
	}
	c.reply(id, json.RawMessage("{}"))
	for other := range c.s.sessions {
		if !other.aware {
			other.leave(errConverted)
		}
	}
	return nil
}

// convert replaces a database by one with another schema. Its monitors end, and
// transactions that wait are cancelled. The server is locked.
func (s *Server) convert(h *hosted, schema *Schema) *Error {
	text, err := schema.MarshalJSON()
	if err != nil {
		return errorf(ErrOther, "%v", err)
	}
	db, bad := h.Database.convert(schema)
	if bad != nil {
		return bad
	}
	if s.o.Log != nil {
		if err := s.o.Log.rewrite(db, "converted to schema version "+schema.Version); err != nil {
			return errorf(ErrIO, "%v", err)
		}
	}
	was := h.Database
	h.Database, h.schema = db, text
	for c := range s.sessions {
		c.dropMonitors(was)
	}
	waiting := s.waiting
	s.waiting = nil
	for _, w := range waiting {
		if w.db != h {
			s.waiting = append(s.waiting, w)
			continue
		}
		w.stop()
		w.from.refuse(w.id, "canceled")
	}
	return s.describe(schema, text)
}

// describe puts a database's new schema into "_Server".
func (s *Server) describe(schema *Schema, text []byte) *Error {
	about := s.dbs[serverName].Database
	x := about.begin()
	t := about.tables["Database"]
	about.Each(t.Name, func(r *Row) bool {
		if r.Get(t.Column("name")).Has(Str(schema.Name)) {
			x.edit(t, r.UUID)[t.Column("schema").Index] = Set(Str(string(text)))
		}
		return true
	})
	changes, err := x.commit(nil)
	if err != nil || changes == nil {
		return err
	}
	s.tell(about, changes)
	s.retry()
	return nil
}

// convert is a copy of db in another schema: tables and columns that both have,
// the values checked anew. What refers to rows of tables that are gone, or does not
// fit, is an error.
func (db *Database) convert(schema *Schema) (*Database, *Error) {
	to := NewDatabase(schema)
	x := to.begin()
	for name, t := range to.tables {
		from := db.tables[name]
		if from == nil {
			continue
		}
		for u, r := range from.rows {
			row := x.insert(t, u)
			for _, c := range t.Columns {
				was := from.Column(c.Name)
				if was == nil {
					continue
				}
				d, err := c.Type.convert(&was.Type, r.Get(was))
				if err != nil {
					return nil, err
				}
				row.Columns[c.Index] = d
			}
		}
	}
	if _, err := x.commit(nil); err != nil {
		return nil, err
	}
	return to, nil
}

// convert reads a value of another type as one of this type.
func (t *ColumnType) convert(from *ColumnType, d Datum) (Datum, *Error) {
	j, err := decodeJSON(from.appendJSON(nil, d))
	if err != nil {
		return Datum{}, errorf(ErrOther, "%v", err)
	}
	return t.parseDatum(j, nil)
}
