package vsctl

import (
	"strings"
	"testing"
)

// Claims: whose command line is it?
func TestClaims(t *testing.T) {
	for line, want := range map[string]bool{
		"show":                             true,
		"show br0":                         false,
		"show -- list-br":                  true,
		"list-br":                          true,
		"--timeout 5 list-br":              true,
		"-t 5 list-br":                     true,
		"--if-exists del-br br0":           true,
		"-- --columns list bridge":         true,
		"--columns name list bridge":       true,
		"dump-flows br0":                   false,
		"-O OpenFlow13 dump-flows br0":     false,
		"fdb/show br0":                     false,
		"--help":                           false,
		"":                                 false,
		"--oneline -- -- list-br -- foo":   true,
		"--run-dir /tmp/x add-port br0 e0": true,
		"--names dump-flows list-br":       false,
	} {
		if got := Claims(strings.Fields(line)); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}

func TestParse(t *testing.T) {
	l, err := Parse(strings.Fields("--oneline --if-exists get bridge br0 name -- --id=@q create queue dscp=1"))
	if err != nil {
		t.Fatal(err)
	}
	if !l.oneLine || len(l.calls) != 2 || !l.calls[0].has("--if-exists") || l.calls[1].options["--id"] != "@q" || l.calls[1].args[0] != "queue" {
		t.Errorf("%+v", l)
	}
	if s := l.calls[0].String(); s != "--if-exists get bridge br0 name" {
		t.Errorf("%q", s)
	}
	if _, err := Parse(strings.Fields("add-br br0 x y z")); err == nil || !strings.Contains(err.Error(), "at most 3 arguments") {
		t.Errorf("too many arguments: %v", err)
	}
}
