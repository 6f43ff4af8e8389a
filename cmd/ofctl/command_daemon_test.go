package main

import (
	"errors"
	"strings"
	"testing"

	"ofswitch/unixctl"
)

func TestDaemonVerbs(t *testing.T) {
	dir := t.TempDir()
	srv, err := unixctl.NewServer(dir, "ofswitchd")
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	answer := func(args []string) (string, error) { return "called with " + strings.Join(args, ","), nil }
	srv.Register("fdb/show", "BRIDGE", 1, 1, answer)
	srv.Register("fdb/flush", "[BRIDGE]", 0, 1, answer)
	srv.Register("other/thing", "", 0, 2, answer)
	srv.Register("ofproto/trace", "", 1, 5, answer)
	srv.Register("exit", "", 0, 0, func([]string) (string, error) { return "", errors.New("not today") })
	for _, c := range []struct{ args, want string }{
		{"fdb/show br0", "called with br0\n"},
		{"fdb/flush", "called with \n"},
		{"other/thing a b", "called with a,b\n"},
		{"-t ofswitchd fdb/show br0", "called with br0\n"},
		{"trace br0 in_port=1 -generate --names -T5", "called with br0,in_port=1,-generate,--names\n"},
		{"-T 5 appctl other/thing -m --sort", "called with -m,--sort\n"},
		{"other/thing -- -T -t", "called with -T,-t\n"},
		{"fdb/show br0 --target " + srv.Path(), "called with br0\n"},
	} {
		status, out, errs := runOfctl("", append([]string{"--run-dir", dir}, strings.Fields(c.args)...)...)
		if status != exitOK || out != c.want || errs != "" {
			t.Errorf("ofctl %s: status %d, %q, %q; want %q", c.args, status, out, errs, c.want)
		}
	}
	if _, out, _ := runOfctl("", "--run-dir", dir, "list-commands"); !strings.Contains(out, "fdb/show") {
		t.Errorf("list-commands: %q", out)
	}
	if status, out, _ := runOfctl("", "--run-dir", dir, "version"); status != exitOK || !strings.HasPrefix(out, "ofswitchd") {
		t.Errorf("version: %d, %q", status, out)
	}
	for _, c := range []struct{ args, want string }{
		{"exit", "not today"},
		{"fdb/show", "argument"},
		{"no/such", "no/such"},
		{"appctl", "which command"},
		{"fdb/show br0 -t other", "other"},
		{"fdb/show br0 -t " + dir + "/none.ctl", "none.ctl"},
	} {
		status, out, errs := runOfctl("", append([]string{"--run-dir", dir}, strings.Fields(c.args)...)...)
		if status != exitFailure || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("ofctl %s: status %d, %q, %q; want %q in the message", c.args, status, out, errs, c.want)
		}
	}
}
