package main

import (
	"slices"
	"strings"
	"testing"
)

func TestArrange(t *testing.T) {
	app := (&env{}).app()
	for _, c := range []struct{ in, want string }{
		{"dump-flows br0", "dump-flows -- br0"},
		{"-O OpenFlow13 dump-flows br0 ip --no-stats", "dump-flows -O=OpenFlow13 --no-stats -- br0 ip"},
		{"dump-flows -OOpenFlow13 br0 --timeout=5 -T7", "dump-flows -O=OpenFlow13 --timeout=5 -T=7 -- br0"},
		{"--timeout 5 dump-flows br0", "dump-flows --timeout=5 -- br0"},
		{"--sort dump-flows --rsort=in_port br0 --sort=nw_src", "dump-flows --sort=+priority --sort=-in_port --sort=+nw_src -- br0"},
		{"add-flow br0 -- -x --strict", "add-flow -- br0 -x --strict"},
		{"add-flows br0 -", "add-flows -- br0 -"},
		{"fdb/show br0 -t ofswitchd", "fdb/show -t=ofswitchd -- br0"},
		{"--help", "--help"},
		{"del-flows --help", "del-flows --help --"},
		{"", ""},
		{"-T", "-T"},
		{"--strict del-flows br0", "del-flows --strict -- br0"},
		{"monitor -m br0", "monitor -m -- br0"},
	} {
		got, err := arrange(app, strings.Fields(c.in))
		if err != nil || !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("arrange(%q) = %q, %v; want %q", c.in, strings.Join(got, " "), err, c.want)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	for _, c := range []struct {
		args, want string
	}{
		{"", "which verb?"},
		{"dump-flow br0", `no verb "dump-flow"`},
		{"dump-flows", "too few arguments; usage: ofctl dump-flows SWITCH [FLOW]"},
		{"dump-flows br0 ip tcp", `"tcp" is one argument too many`},
		{"dump-flows br0 --strict", "there is no option --strict; ofctl dump-flows --help"},
		{"dump-flows br0 -O OpenFlow10", "ofctl speaks OpenFlow13"},
		{"dump-flows br0 --timeout=x", "--timeout=x: want a number of seconds"},
		{"dump-flows br0 -T -1", "--timeout=-1"},
		{"dump-flows br0 --names --no-names", "choose one"},
		{"dump-flows br0 --sort=foo", "--sort=foo: want priority"},
		{"dump-flows udp:127.0.0.1", "want a bridge's name, unix:PATH, tcp:HOST[:PORT] or ssl:HOST[:PORT]"},
		{"dump-flows ssl:127.0.0.1", "ssl:127.0.0.1: TLS is not configured: it needs a private key, a certificate and a CA certificate (--private-key, --certificate, --ca-cert)"},
		{"dump-flows ssl:127.0.0.1 -p key.pem -c cert.pem", "--ca-cert is missing"},
		{"dump-flows unix:" + strings.Repeat("x", 120), "120 bytes"},
		{"show", "db.sock: database connection failed (No such file or directory)"},
		{"show -O OpenFlow13", "configuration database"},
		{"monitor br0 70000", "0 to 65509"},
		{"monitor br0 65510", "0 to 65509"},
		{"monitor br0 foo", "invalid_ttl"},
		{"ping br0 65528", "0 to 65527"},
		{"packet-out br0 1 drop", "too few arguments"},
		{"mod-port br0 1 sideways", "no-packet-in"},
		{"mod-port br0 1 no-flood", "OpenFlow 1.3 has no such setting"},
	} {
		status, out, errs := runOfctl("", append([]string{"--run-dir", "/nonexistent"}, strings.Fields(c.args)...)...)
		if status != exitFailure || out != "" || !strings.HasPrefix(errs, "ofctl: ") || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("ofctl %s: status %d, %q, %q; want %q in one line", c.args, status, out, errs, c.want)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"help"}, {"dump-flows", "--help"}, {"--version"}} {
		if status, out, errs := runOfctl("", args...); status != exitOK || out == "" || errs != "" {
			t.Errorf("ofctl %q: status %d, %q, %q", args, status, out, errs)
		}
	}
}
