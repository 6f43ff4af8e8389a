package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"ofswitch/cmd/ofctl/internal/vsctl"
	"ofswitch/unixctl"
)

// database carries out a command line of ovs-vsctl's language. Its options stand
// before the command, and chains of commands have "--" between, so package cli has
// no part in it.
func (e *env) database(args []string) int {
	const program = "ofctl"
	line, err := vsctl.Parse(args)
	if err != nil {
		fmt.Fprintf(e.err, "%s: %v\n", program, err)
		return exitFailure
	}
	dir := os.Getenv("OFSWITCH_RUNDIR")
	if dir == "" {
		dir = unixctl.DefaultRunDir
	}
	return line.Run(vsctl.Env{Out: e.out, Err: e.err, Program: program, RunDir: dir, Serving: func(runDir string) bool {
		c, err := unixctl.DialProgram(runDir, "ofswitchd")
		return err == nil && c.Close() == nil
	}})
}

// isDatabaseLine says whether a command line is one of ovs-vsctl's language, and
// asks for more than help.
func isDatabaseLine(args []string) bool {
	return vsctl.Claims(args) && !slices.ContainsFunc(args, asksForHelp)
}

// databaseCommands describe the verbs of that language for help, completions
// and the manual.
func databaseCommands() []*cli.Command {
	var list []*cli.Command
	for _, v := range vsctl.Verbs() {
		if v.Name == "show" {
			continue // of switches, too
		}
		c := &cli.Command{Name: v.Name, Usage: v.Usage, ArgsUsage: v.Args, Category: "the configuration database", HideHelpCommand: true,
			Action: func(*cli.Context) error {
				return fmt.Errorf("%s: its options stand before it; see ofctl %s --help", v.Name, v.Name)
			}}
		for _, o := range v.Options {
			name := strings.TrimPrefix(o, "--")
			if bare, takes := strings.CutSuffix(name, "="); takes {
				c.Flags = append(c.Flags, &cli.StringFlag{Name: bare, Usage: "see ofctl(8)"})
			} else {
				c.Flags = append(c.Flags, &cli.BoolFlag{Name: name, Usage: "see ofctl(8)"})
			}
		}
		list = append(list, c)
	}
	return list
}
