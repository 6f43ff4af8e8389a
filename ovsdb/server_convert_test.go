package ovsdb

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
)

// rest gives what a client hears until the reply to an echo or the end of the
// connection, in a form that can be compared.
func (c *client) rest() []string {
	c.t.Helper()
	var list []string
	if _, err := io.WriteString(c.nc, `{"method":"echo","params":[],"id":"rest"}`); err != nil {
		list = append(list, "closed")
	}
	for {
		var m map[string]any
		if err := c.dec.Decode(&m); err != nil {
			return append(slices.DeleteFunc(list, func(s string) bool { return s == "closed" }), "closed")
		}
		if m["id"] == "rest" {
			return list
		}
		if o, ok := m["error"].(map[string]any); ok {
			m["error"] = o["error"]
		}
		list = append(list, versionless(mustJSON(c.t, []any{m["method"], normal(m["params"]), normal(m["result"]), m["error"]})))
	}
}

// A conversion on ovsdb-server and on ours: who hears what, who loses the
// connection, what the database holds.
func TestIntegrationConvert(t *testing.T) {
	const file = "testdata/test.ovsschema"
	real := startReal(t, file)
	path := filepath.Join(t.TempDir(), "conf.db")
	db, l := openLog(t, path, loadSchema(t, file))
	t.Cleanup(func() { closeLog(t, l) })
	_, socket := startOurs(t, db, ServerOptions{Log: l})
	schema := func(change func(root map[string]any)) string {
		j, err := decodeJSON(mustJSON(t, loadSchema(t, file)))
		if err != nil {
			t.Fatal(err)
		}
		s := j.(map[string]any)
		s["version"] = "2.0.0"
		change(s["tables"].(map[string]any)["Root"].(map[string]any)["columns"].(map[string]any))
		return string(mustJSON(t, s))
	}
	narrow := schema(func(root map[string]any) {
		root["number"] = map[string]any{"type": map[string]any{"key": map[string]any{"type": "integer", "minInteger": json.Number("10")}}}
	})
	wider := schema(func(root map[string]any) {
		delete(root, "ratio")
		root["extra"] = map[string]any{"type": "string"}
		root["number"] = map[string]any{"type": "integer"}
	})
	run := func(socket string) []string {
		var log []string
		say := func(who string, what ...string) { log = append(log, who+": "+strings.Join(what, " | ")) }
		aware, other, asks := dial(t, socket), dial(t, socket), dial(t, socket)
		for _, c := range []*client{aware, asks} {
			c.ask("set_db_change_aware", `[true]`)
		}
		for _, c := range []*client{aware, other} {
			c.ask("monitor_cond", `["Test","m",{"Free":[{}]}]`)
			c.ask("monitor", `["_Server","s",{"Database":[{"columns":["name"]}]}]`)
		}
		aware.write(`{"method":"transact","params":["Test",{"op":"wait","table":"Free","where":[],"columns":["n"],"until":"!=","rows":[]}],"id":"w"}`)
		say("at first", aware.rest()...)
		_, inserted := asks.ask("transact", `["Test",{"op":"insert","table":"Root","uuid":"00000000-0000-4000-8000-000000000001","row":{"name":"a","number":3,"ratio":1.5,"volatile":["map",[["a",1]]]}}]`)
		say("inserted", string(mustJSON(t, normal(inserted["result"]))))
		for _, params := range []string{`[]`, `["Test"]`, `["Test",3]`, `["Nope",` + wider + `]`, `["Test",` + strings.Replace(wider, `"Test"`, `"Tess"`, 1) + `]`,
			`["Test",{"name":"Test"}]`, `["_Server",` + wider + `]`, `["Test",` + wider + `,1]`, `["Test",` + narrow + `]`} {
			_, r := asks.ask("convert", params)
			tag, _ := r["error"].(map[string]any)
			say("refused", fmt.Sprint(tag["error"]))
		}
		say("still there", other.rest()...)
		// Not before: ovsdb-server ends where it has to give up a conversion of rows with references.
		asks.ask("transact", `["Test",{"op":"insert","table":"Child","uuid":"00000000-0000-4000-8000-000000000002","uuid-name":"c","row":{}},
			{"op":"update","table":"Root","where":[],"row":{"children":["named-uuid","c"]}}]`)
		_, r := asks.ask("convert", `["Test",`+wider+`]`)
		say("done", fmt.Sprint(r["result"], r["error"]))
		say("aware", aware.rest()...)
		say("other", other.rest()...)
		_, r = asks.ask("transact", `["Test",{"op":"select","table":"Root","where":[]},{"op":"select","table":"Child","where":[]}]`)
		say("holds", normalText(t, mustJSON(t, r["result"])))
		_, r = asks.ask("get_schema", `["Test"]`)
		s, err := ParseSchema(mustJSON(t, r["result"]))
		if err != nil {
			t.Fatal(err)
		}
		say("schema", string(mustJSON(t, s)))
		last := dial(t, socket)
		last.ask("convert", `["Test",`+wider+`]`)
		say("last", last.rest()...)
		return log
	}
	ours, theirs := run(socket), run(real.socket)
	if len(ours) != len(theirs) {
		t.Fatalf("ours   %q\ntheirs %q", ours, theirs)
	}
	for i := range ours {
		if ours[i] != theirs[i] {
			t.Errorf("ours   %s\ntheirs %s", ours[i], theirs[i])
		}
	}
	// Both files go on as they are.
	tool := testutil.NeedProgram(t, "ovsdb-tool", "openvswitch-common")
	var held []string
	for _, file := range []string{path, real.file} {
		out, err := command(t, tool, "query", file, `["Test",{"op":"select","table":"Root","where":[]},{"op":"select","table":"Child","where":[]}]`)
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		held = append(held, normalText(t, []byte(out)))
	}
	if held[0] != held[1] {
		t.Errorf("our file has\n%s\ntheirs\n%s", held[0], held[1])
	}
	// The tool's own way, back again.
	if out, err := command(t, testutil.NeedProgram(t, "ovsdb-client", "openvswitch-common"), "convert", "unix:"+socket, file); err != nil {
		t.Errorf("ovsdb-client convert: %v\n%s", err, out)
	}
	if out, err := command(t, tool, "db-version", path); err != nil || strings.TrimSpace(out) != "1.2.3" {
		t.Errorf("version after ovsdb-client convert: %s, %v", out, err)
	}
}
