package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"ofswitch/cmd/internal/completion"
)

func (e *env) completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the script with which a shell completes ofctl's command lines",
		ArgsUsage: strings.Join(completion.Shells, "|"),
		Action: command(1, 1, func(c *cli.Context, _ common, args []string) error {
			return completion.Write(e.out, args[0], e.app(), nil)
		}),
	}
}
