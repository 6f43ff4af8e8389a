package vlog

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// text logs a line of a level after some settings, and says where it came.
func text(t *testing.T, set string, level slog.Level) (onConsole, inFile bool) {
	t.Helper()
	var b bytes.Buffer
	name := filepath.Join(t.TempDir(), "log")
	l, err := New(Options{Console: &b, File: name, Level: slog.LevelInfo})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for spec := range strings.SplitSeq(set, ";") {
		if err := l.Set(spec); err != nil {
			t.Fatalf("%q: %v", spec, err)
		}
	}
	slog.New(l.Handler()).With("a", 1).WithGroup("g").Log(t.Context(), level, "hello", "b", 2)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want := "msg=hello a=1 g.b=2"
	return strings.Contains(b.String(), want), strings.Contains(string(data), want)
}

// TestLevels holds what is logged where. The test's own module is the daemon's.
func TestLevels(t *testing.T) {
	for _, c := range []struct {
		set           string
		level         slog.Level
		console, file bool
	}{
		{"console:off", slog.LevelInfo, false, true},
		{"console:off", slog.LevelDebug, false, false},
		{"any:any:dbg", slog.LevelDebug, true, true},
		{"dbg,file", slog.LevelDebug, false, true},
		{"ofswitchd:console:warn", slog.LevelWarn, true, true},
		{"ofswitchd:console:warn", slog.LevelInfo, false, true},
		{"ofconn:console:dbg", slog.LevelError, false, true},
		{"console:off;OFSWITCHD file err", slog.LevelWarn, false, false},
		{"ofswitchd", slog.LevelDebug, true, true},
		{"off", slog.LevelError + 4, false, false},
		{"emer", slog.LevelError, false, false},
	} {
		console, file := text(t, c.set, c.level)
		if console != c.console || file != c.file {
			t.Errorf("%q, level %v: console %v, file %v; want %v, %v", c.set, c.level, console, file, c.console, c.file)
		}
	}
}

// TestSetRefuses holds that a wrong word changes nothing.
func TestSetRefuses(t *testing.T) {
	l, err := New(Options{Console: &bytes.Buffer{}})
	if err != nil {
		t.Fatal(err)
	}
	before := l.List()
	for _, spec := range []string{"foo", "bridge:console:xx", "PATTERN:file:%m", strings.Repeat("x", 1<<16), "dbg:\x00"} {
		if err := l.Set(spec); err == nil || len(err.Error()) > 300 {
			t.Errorf("%.50q: error %.400v", spec, err)
		}
	}
	if got := l.List(); got != before {
		t.Errorf("refused settings made of\n%s\n%s", before, got)
	}
	if err := l.Reopen(); err == nil {
		t.Error("a log without a file was opened again")
	}
}

// TestReopen holds that a file that was moved away is made anew, and what
// vlog/list says.
func TestReopen(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	l, err := New(Options{Console: &bytes.Buffer{}, File: name})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(l.Handler())
	log.Info("one")
	if err := os.Rename(name, name+".1"); err != nil {
		t.Fatal(err)
	}
	log.Info("two")
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	log.Info("three")
	if err := l.CloseFile(); err != nil {
		t.Fatal(err)
	}
	log.Info("four")
	for file, want := range map[string]int{name: 1, name + ".1": 2} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(data, []byte("\n")); n != want {
			t.Errorf("%s has %d lines, want %d", file, n, want)
		}
	}
	if want := "\nofconn             OFF        OFF       INFO\n"; !strings.Contains(l.List(), want) {
		t.Errorf("no line %q in\n%s", want, l.List())
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestModules holds that every package of the daemon that logs has a module.
func TestModules(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "../cmd/ofswitchd").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if !strings.HasPrefix(words[0], "ofswitch/") || !slices.Contains(words[1:], "log/slog") || words[0] == "ofswitch/vlog" {
			continue
		}
		seen++
		if name := path.Base(words[0]); !slices.Contains(Modules, name) {
			t.Errorf("%s logs, and is no module", words[0])
		}
	}
	if seen < 5 {
		t.Errorf("%d packages log: did go list run?", seen)
	}
}
