package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"ofswitch/unixctl"
)

// daemonVerbs are what is asked of the daemon rather than of a switch. Verbs
// with a slash that are not here are handed to the daemon as they are, so that a
// newer daemon's commands can be used.
var daemonVerbs = []struct{ name, args, usage string }{
	{"list-commands", "", "list the daemon's commands"},
	{"version", "", "print the daemon's version"},
	{"exit", "", "end the daemon"},
	{"fdb/show", "BRIDGE", "print a bridge's MAC table"},
	{"fdb/flush", "[BRIDGE]", "forget a bridge's MAC addresses, or those of all bridges"},
	{"kernel-path/show", "[BRIDGE]", "print from and to which ports the kernel forwards by itself"},
	{"isolation/show", "[BRIDGE]", "print how the host's stack is kept out of each port"},
	{"worker/show", "", "print what each forwarding thread does"},
}

// Verbs of the daemon that are called otherwise there.
const (
	verbTrace  = "trace"
	verbAppctl = "appctl"
)

func (e *env) daemonCommands() []*cli.Command {
	list := []*cli.Command{
		e.daemonCommand(verbTrace, "BRIDGE FLOW [-generate | PACKET]", "tell what would become of a frame"),
		e.daemonCommand(verbAppctl, "COMMAND [ARGUMENT]...", "carry out a command of the daemon"),
	}
	for _, v := range daemonVerbs {
		list = append(list, e.daemonCommand(v.name, v.args, v.usage))
	}
	return list
}

func (e *env) daemonCommand(name, args, usage string) *cli.Command {
	return &cli.Command{
		Name:      name,
		Usage:     usage,
		ArgsUsage: args,
		Category:  "the daemon",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "target", Aliases: []string{"t"}, Value: "ofswitchd", Usage: "the daemon: its program's name, or the path of its control socket"},
		},
		Action: command(0, -1, func(c *cli.Context, o common, args []string) error {
			name := name
			switch name {
			case verbTrace:
				name = "ofproto/trace"
			case verbAppctl:
				if len(args) == 0 {
					return errors.New("appctl: which command? ofctl list-commands lists them")
				}
				name, args = args[0], args[1:]
			}
			return daemon(e.out, daemonOptions{o, c.String("target"), name, args})
		}),
	}
}

type daemonOptions struct {
	common
	Target  string
	Command string
	Args    []string
}

// daemon runs one command of the daemon and prints its text.
func daemon(w io.Writer, o daemonOptions) error {
	var c *unixctl.Client
	var err error
	if strings.Contains(o.Target, "/") {
		c, err = unixctl.Dial(o.Target)
	} else {
		c, err = unixctl.DialProgram(o.RunDir, o.Target)
	}
	if err != nil {
		return err
	}
	defer c.Close()
	c.Timeout = o.Timeout
	s, err := c.Call(o.Command, o.Args...)
	if err != nil {
		return err
	}
	if s != "" && !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	if _, err := io.WriteString(w, s); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	return nil
}
