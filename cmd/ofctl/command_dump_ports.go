package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (e *env) dumpPortsCommand() *cli.Command {
	return &cli.Command{
		Name:      "dump-ports",
		Usage:     "print the counters of one port or all",
		ArgsUsage: "SWITCH [PORT]",
		Action: command(1, 2, func(c *cli.Context, o common, args []string) error {
			opts := dumpPortsOptions{common: o, Switch: args[0], Port: "ANY"}
			if len(args) > 1 {
				opts.Port = args[1]
			}
			return dumpPorts(e.out, opts)
		}),
	}
}

type dumpPortsOptions struct {
	common
	Switch string
	Port   string // number or name
}

func dumpPorts(w io.Writer, o dumpPortsOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	port, err := text.ParsePort(o.Port, s.resolver())
	if err != nil {
		return s.parsed(err)
	}
	format, err := s.format(true)
	if err != nil {
		return err
	}
	return s.printMultipart(w, ofp.MultipartPortStats, &ofp.PortStatsRequest{Port: port}, "port statistics", format)
}
