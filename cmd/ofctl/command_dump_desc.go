package main

import (
	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
)

func (e *env) dumpDescCommand() *cli.Command {
	return e.dumpCommand("dump-desc", "print a switch's description", ofp.MultipartDesc, "its description")
}

// dumpCommand makes a verb that prints the answer to a multipart request without a
// body.
func (e *env) dumpCommand(name, usage string, kind uint16, what string) *cli.Command {
	return &cli.Command{
		Name:      name,
		Usage:     usage,
		ArgsUsage: "SWITCH",
		Action: command(1, 1, func(c *cli.Context, o common, args []string) error {
			return printAnswer(e.out, o, args[0], kind, nil, what)
		}),
	}
}
