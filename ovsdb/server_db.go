package ovsdb

import "encoding/json"

// serverSchema is that of the database "_Server" (ovsdb-server(5)), version
// 1.2.0: what databases a server has, and how they are.
const serverSchema = `{"name": "_Server", "version": "1.2.0", "cksum": "3009684573 744",
 "tables": {"Database": {"columns": {
  "name": {"type": "string"},
  "model": {"type": {"key": {"type": "string", "enum": ["set", ["standalone", "clustered", "relay"]]}}},
  "connected": {"type": "boolean"},
  "leader": {"type": "boolean"},
  "schema": {"type": {"key": "string", "min": 0}},
  "cid": {"type": {"key": "uuid", "min": 0}},
  "sid": {"type": {"key": "uuid", "min": 0}},
  "index": {"type": {"key": "integer", "min": 0}}}}}}`

// serverName is what every server calls the database about itself.
const serverName = "_Server"

// serverDatabase is the database about a server of db and itself.
func serverDatabase(db *Database) (*Database, error) {
	schema, err := ParseSchema([]byte(serverSchema))
	if err != nil {
		return nil, err
	}
	about := NewDatabase(schema)
	x := about.begin()
	for _, s := range []*Schema{db.schema, schema} {
		text, err := json.Marshal(s)
		if err != nil {
			return nil, err
		}
		t := about.tables["Database"]
		r := x.insert(t, NewUUID())
		for name, a := range map[string]Atom{
			"name": Str(s.Name), "model": Str("standalone"), "connected": Bool(true), "leader": Bool(true), "schema": Str(string(text)),
		} {
			r.Columns[t.Column(name).Index] = Set(a)
		}
	}
	if _, bad := x.commit(nil); bad != nil {
		return nil, bad
	}
	return about, nil
}
