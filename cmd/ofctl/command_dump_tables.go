package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (e *env) dumpTablesCommand() *cli.Command {
	return &cli.Command{
		Name:      "dump-tables",
		Usage:     "print the statistics of the flow tables",
		ArgsUsage: "SWITCH",
		Action: command(1, 1, func(c *cli.Context, o common, args []string) error {
			return dumpTables(e.out, dumpTablesOptions{o, args[0]})
		}),
	}
}

type dumpTablesOptions struct {
	common
	Switch string
}

func dumpTables(w io.Writer, o dumpTablesOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.printMultipart(w, ofp.MultipartTable, nil, "table statistics", text.Options{})
}
