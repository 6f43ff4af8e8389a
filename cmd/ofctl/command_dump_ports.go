package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
)

func (e *env) dumpPortsCommand() *cli.Command {
	return &cli.Command{
		Name:      "dump-ports",
		Usage:     "print the counters of one port or all",
		ArgsUsage: "SWITCH [PORT]",
		Action: command(1, 2, func(c *cli.Context, o common, args []string) error {
			return dumpPorts(e.out, dumpPortsOptions{o, args[0], argument(args, 1, "ANY")})
		}),
	}
}

// dumpPortsOptions are those of the verbs that print ports.
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
	port, err := s.port(o.Port)
	if err != nil {
		return err
	}
	format, err := s.format(true)
	if err != nil {
		return err
	}
	return s.printMultipart(w, ofp.MultipartPortStats, &ofp.PortStatsRequest{Port: port}, "port statistics", format)
}
