package process

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReportMissingCapabilities(t *testing.T) {
	const initial = "         0          0 4294967295\n"
	all := []int{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_BPF}
	for _, c := range []struct {
		name  string
		has   []int
		idMap string
		want  []string // begin of each line, after the level
	}{
		{"all", all, initial, nil},
		{"root of the machine", []int{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_SYS_ADMIN}, initial, nil},
		{"a container", []int{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW}, initial, []string{`INFO msg="no CAP_BPF: `}},
		{"a user namespace", all, "0 100000 65536\n", []string{`INFO msg="CAP_BPF has no effect in a user namespace: `}},
		{"no raw sockets", []int{unix.CAP_NET_ADMIN, unix.CAP_BPF}, initial, []string{`ERROR msg="no CAP_NET_RAW: `}},
		{"nothing", nil, initial, []string{`ERROR msg="no CAP_NET_ADMIN: `, `ERROR msg="no CAP_NET_RAW: `, `INFO msg="no CAP_BPF: `}},
	} {
		var out bytes.Buffer
		reportMissing(slog.New(slog.NewTextHandler(&out, nil)), func(bit int) bool { return slices.Contains(c.has, bit) }, c.idMap)
		lines := slices.Collect(strings.Lines(out.String()))
		if len(lines) != len(c.want) {
			t.Errorf("%s: %d lines, want %d:\n%s", c.name, len(lines), len(c.want), out.String())
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(lines[i], "level="+want) {
				t.Errorf("%s: line %q, want one with %q", c.name, lines[i], want)
			}
		}
	}
}
