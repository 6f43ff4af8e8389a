package database

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ovsdb"
)

// TLS files that are missing are told of once, although switch and managers use them: at
// first, and when they go while they are in use.
func TestIntegrationMissingTLSFile(t *testing.T) {
	b := newBench(t)
	var log bytes.Buffer
	b.log = slog.New(slog.NewTextHandler(&log, nil))
	b.start()
	defer b.stop()
	ca := testutil.NewCA(t, "ca")
	id := ca.Issue("switch")
	next := int64(0)
	edit := func(ops ...ovsdb.Operation) {
		t.Helper()
		next++
		b.edit(append(ops, ovsdb.Update("Open_vSwitch", nil, ovsdb.Values{"next_cfg": number(next)}))...)
		b.round()
	}
	told := func(when string, want int) {
		t.Helper()
		if n := strings.Count(log.String(), "no such file"); n != want {
			t.Errorf("%s: told %d times, want %d:\n%s", when, n, want, &log)
		}
	}
	away := id.Key + ".away"
	if err := os.Rename(id.Key, away); err != nil {
		t.Fatal(err)
	}
	edit(ovsdb.Insert("SSL", "ssl", ovsdb.Values{"private_key": text(id.Key), "certificate": text(id.Cert), "ca_cert": text(ca.File)}),
		ovsdb.Insert("Manager", "m", ovsdb.Values{"target": text("pssl:0:127.0.0.1")}),
		ovsdb.Update("Open_vSwitch", nil, ovsdb.Values{"ssl": refTo("ssl"), "manager_options": refTo("m")}))
	edit()
	told("at first", 1)
	if err := os.Rename(away, id.Key); err != nil {
		t.Fatal(err)
	}
	edit()
	if err := b.sw.Credentials().Ready(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(id.Key, away); err != nil {
		t.Fatal(err)
	}
	edit()
	edit()
	told("in use", 2)
}
