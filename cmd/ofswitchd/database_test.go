package main

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestParseDB(t *testing.T) {
	existing := filepath.Join(t.TempDir(), "conf.db")
	if err := os.WriteFile(existing, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(existing))
	for _, c := range []struct {
		text string
		want dbOption
	}{
		{"none", dbOption{}},
		{defaultDB, dbOption{file: defaultDB}},
		{"./new.db", dbOption{file: "./new.db"}},
		{"conf.db", dbOption{file: "conf.db"}},
		{"unix:/run/openvswitch/db.sock", dbOption{targets: []string{"unix:/run/openvswitch/db.sock"}}},
		{"ssl:192.0.2.1", dbOption{targets: []string{"ssl:192.0.2.1"}}},
		{"tcp:192.0.2.1:6641,tcp:[2001:db8::1],tcp:192.0.2.3", dbOption{targets: []string{"tcp:192.0.2.1:6641", "tcp:[2001:db8::1]", "tcp:192.0.2.3"}}},
	} {
		if got, err := parseDB(c.text); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("--db %s: got %+v, %v; want %+v", c.text, got, err, c.want)
		}
	}
}
