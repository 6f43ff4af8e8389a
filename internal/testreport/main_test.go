package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	const in = `{"Action":"output","Package":"p","Test":"TestIntegrationX","Output":"    x_test.go:3: needs ovs-ofctl\n"}
{"Action":"skip","Package":"p","Test":"TestIntegrationX"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Elapsed":0.5}
`
	const failing = `{"Action":"output","Package":"q","Test":"TestB","Output":"why\n"}
{"Action":"fail","Package":"q","Test":"TestB"}
{"Action":"fail","Package":"q"}
`
	for _, c := range []struct {
		name, in string
		ci, ok   bool
		want     string
	}{
		{"skip is said", in, false, true, "p TestIntegrationX: needs ovs-ofctl"},
		{"skip fails CI", in, true, false, "count as failed"},
		{"any skip fails CI", strings.ReplaceAll(in, "TestIntegrationX", "TestX"), true, false, "count as failed"},
		{"skip without a reason", `{"Action":"skip","Package":"p","Test":"TestX"}`, false, false, "give no reason"},
		{"failure is shown", failing, false, false, "FAIL q TestB\nwhy"},
		{"broken package", `{"Action":"fail","Package":"q"}`, false, false, "FAIL q"},
	} {
		var out strings.Builder
		r := newReport(&out)
		r.read(strings.NewReader(c.in))
		if ok := r.finish(c.ci); ok != c.ok || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: ok %v, want %v; output:\n%s", c.name, ok, c.ok, out.String())
		}
	}
}

// Without a C compiler, and only then, a run with -race is skipped.
func TestNoRace(t *testing.T) {
	for _, c := range []struct {
		cgo  string
		args []string
		skip bool
	}{
		{"0", []string{"go", "test", "-race", "./..."}, true},
		{"0", []string{"go", "test", "./..."}, false},
		{"1", []string{"go", "test", "-race", "./..."}, false},
	} {
		t.Setenv("CGO_ENABLED", c.cgo)
		if why := noRace(c.args); (why != "") != c.skip || c.skip && !strings.Contains(why, "gcc") {
			t.Errorf("CGO_ENABLED=%s %v: %q", c.cgo, c.args, why)
		}
	}
}
