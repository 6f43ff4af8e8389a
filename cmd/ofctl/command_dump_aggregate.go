package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (e *env) dumpAggregateCommand() *cli.Command {
	return &cli.Command{
		Name:      "dump-aggregate",
		Usage:     "print how many flows match, and the sums of their counters",
		ArgsUsage: "SWITCH [FLOW]",
		Action: command(1, 2, func(c *cli.Context, o common, args []string) error {
			return dumpAggregate(e.out, dumpAggregateOptions{o, args[0], argument(args, 1, "")})
		}),
	}
}

type dumpAggregateOptions struct {
	common
	Switch string
	Filter string // a match; "": all flows
}

func dumpAggregate(w io.Writer, o dumpAggregateOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	req, err := s.filter(o.Filter)
	if err != nil {
		return err
	}
	return s.printMultipart(w, ofp.MultipartAggregate, req, "aggregate statistics", text.Options{})
}
