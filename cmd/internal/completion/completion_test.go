package completion

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"ofswitch/internal/testutil"
)

// example is a program with what ours have.
func example() *cli.App {
	common := []cli.Flag{
		&cli.StringFlag{Name: "run-dir", Usage: "`DIR` of sockets"},
		&cli.BoolFlag{Name: "names", Aliases: []string{"n"}, Usage: "the switch's own names"},
	}
	verb := func(name, args string, own ...cli.Flag) *cli.Command {
		return &cli.Command{Name: name, ArgsUsage: args, Usage: "what " + name + " does", Flags: append(own, common...)}
	}
	return &cli.App{Name: "prog", Commands: []*cli.Command{
		verb("show", "SWITCH"),
		verb("fdb/show", "[BRIDGE]"),
		verb("dump-flows", "SWITCH [FLOW]", &cli.BoolFlag{Name: "stats", Usage: "don't leave counters out"}),
		verb("add-flows", "SWITCH FILE"),
		verb("set-mode", "SWITCH", &cli.StringFlag{Name: "mode", Usage: "`MODE` of it"}),
		verb("add-bond", "BRIDGE NAME DEVICE..."),
		{Name: "secret", Hidden: true, Flags: common},
	}}
}

// flat is a program without verbs.
func flat() *cli.App {
	return &cli.App{Name: "prog", Flags: []cli.Flag{
		&cli.StringFlag{Name: "port", Usage: "`DEVICE[@N]...`: a port"},
		&cli.StringFlag{Name: "log-file", Usage: "log to `FILE`"},
		&cli.StringFlag{Name: "mode", Usage: "`MODE`"},
		&cli.BoolFlag{Name: "detach", Usage: "go on in the background"},
	}}
}

var exampleChoices = map[string][]string{"mode": {"standalone", "secure"}}

// cases are command lines, the last word at the cursor, and what is offered
// among others (or alone, for exactly).
var cases = []struct {
	app     func() *cli.App
	line    string
	want    []string
	without []string
}{
	{example, "prog ", []string{"show", "fdb/show", "dump-flows", "add-flows", "set-mode", "add-bond"}, []string{"secret"}},
	{example, "prog du", []string{"dump-flows"}, []string{"show"}},
	{example, "prog dump-flows --", []string{"--stats", "--run-dir", "--names"}, []string{"--mode"}},
	{example, "prog --names show ", []string{"br0", "br-1"}, []string{"show"}},
	{example, "prog --run-dir x show b", []string{"br0", "br-1"}, []string{"show"}},
	{example, "prog fdb/show ", []string{"br0"}, nil},
	{example, "prog add-flows br0 ./fl", []string{"./flows.txt"}, []string{"br0"}},
	{example, "prog add-bond br0 bond0 lo lo", []string{"lo"}, []string{"br0"}},
	{example, "prog set-mode --mode ", []string{"standalone", "secure"}, []string{"br0"}},
	{example, "prog set-mode --mode s br0 --", []string{"--mode"}, nil},
	{flat, "prog --d", []string{"--detach"}, []string{"--port"}},
	{flat, "prog --detach --port l", []string{"lo"}, nil},
	{flat, "prog --mode se", []string{"secure"}, []string{"standalone"}},
	{flat, "prog --log-file ./fl", []string{"./flows.txt"}, nil},
}

// rig is a run directory with bridges in which a shell is asked.
func rig(t *testing.T) (dir string) {
	dir = t.TempDir()
	for _, bridge := range []string{"br0", "br-1"} {
		ln, err := net.Listen("unix", filepath.Join(dir, bridge+".mgmt"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
	}
	if err := os.WriteFile(filepath.Join(dir, "flows.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// ask runs a shell on a script made of ours and more.
func ask(t *testing.T, dir, shell string, app *cli.App, args []string, more string) string {
	t.Helper()
	path := filepath.Join(dir, "completion")
	f, err := os.Create(path)
	if err == nil {
		err = Write(f, filepath.Base(shell), app, exampleChoices)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(shell, append(args, "-c", strings.ReplaceAll(more, "SCRIPT", path))...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "OFSWITCH_RUNDIR="+dir, "HOME="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", shell, err, out)
	}
	return string(out)
}

// check asks for each case and compares; offer gives what a shell offers.
func check(t *testing.T, offer func(dir string, app *cli.App, words []string, line string) string) {
	t.Helper()
	dir := rig(t)
	for _, c := range cases {
		got := offer(dir, c.app(), strings.Split(c.line, " "), c.line)
		list := strings.Fields(got)
		for _, want := range c.want {
			if !slices.Contains(list, want) {
				t.Errorf("%q: %s is not offered, but %q", c.line, want, list)
			}
		}
		for _, not := range c.without {
			if slices.Contains(list, not) {
				t.Errorf("%q: %s is offered", c.line, not)
			}
		}
	}
}

func TestIntegrationBash(t *testing.T) {
	bash := testutil.NeedProgram(t, "bash", "bash")
	check(t, func(dir string, app *cli.App, words []string, _ string) string {
		return ask(t, dir, bash, app, []string{"--norc"}, fmt.Sprintf("set -u; . SCRIPT; COMP_WORDS=(%s); COMP_CWORD=%d; _prog; echo \"${COMPREPLY[@]}\"", quoteAll(words), len(words)-1))
	})
	// bash parts words at "=".
	dir := rig(t)
	for _, words := range []string{"prog set-mode --mode =", "prog set-mode --mode = se"} {
		n := strings.Count(words, " ")
		got := ask(t, dir, bash, example(), []string{"--norc"}, fmt.Sprintf(". SCRIPT; COMP_WORDS=(%s); COMP_CWORD=%d; _prog; echo \"${COMPREPLY[@]}\"", words, n))
		if !strings.Contains(got, "secure") {
			t.Errorf("%q offers %q", words, got)
		}
	}
}

func TestIntegrationZsh(t *testing.T) {
	zsh := testutil.NeedProgram(t, "zsh", "zsh")
	// The functions of zsh's completion system, which works in its line editor
	// alone, stood in for by what prints.
	const stubs = `compadd() { shift; print -l -- ${(M)@:#$cur*} }; _describe() { print -l -- ${${(P)2}%%:*} | grep -- "^$cur" }
_files() { print -l -- $cur*(N) }; compset() { cur=${cur#*=} }; `
	check(t, func(dir string, app *cli.App, words []string, _ string) string {
		return ask(t, dir, zsh, app, []string{"-f"}, fmt.Sprintf("%s words=(%s); CURRENT=%d; . SCRIPT", stubs, quoteAll(words), len(words)))
	})
	dir := rig(t)
	if got := ask(t, dir, zsh, example(), []string{"-f"}, stubs+"words=(prog set-mode --mode=se); CURRENT=3; . SCRIPT"); got != "secure\n" {
		t.Errorf("--mode=se offers %q", got)
	}
}

func TestIntegrationFish(t *testing.T) {
	fish := testutil.NeedProgram(t, "fish", "fish")
	check(t, func(dir string, app *cli.App, _ []string, line string) string {
		out := ask(t, dir, fish, app, []string{"--no-config"}, "source SCRIPT; complete -C "+fishQuote(line))
		var words []string
		for l := range strings.Lines(out) {
			word, _, _ := strings.Cut(strings.TrimSpace(l), "\t")
			words = append(words, word)
		}
		return strings.Join(words, "\n")
	})
}

func TestUnknownShell(t *testing.T) {
	if err := Write(io.Discard, "csh", example(), nil); err == nil || !strings.Contains(err.Error(), "bash, zsh, fish") {
		t.Errorf("csh: %v", err)
	}
}

// quoteAll makes a list of words.
func quoteAll(list []string) string {
	var q []string
	for _, s := range list {
		q = append(q, quote(s))
	}
	return strings.Join(q, " ")
}
