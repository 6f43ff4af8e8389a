package main

import (
	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (e *env) replaceFlowsCommand() *cli.Command {
	return &cli.Command{
		Name:      "replace-flows",
		Usage:     "make a switch's flows those of a file, changing only what differs",
		ArgsUsage: "SWITCH FILE",
		Flags:     []cli.Flag{&cli.BoolFlag{Name: "readd", Usage: "add the flows that are the same, too"}, bundleFlag},
		Action: command(2, 2, func(c *cli.Context, o common, args []string) error {
			return e.replaceFlows(replaceFlowsOptions{o, args[0], args[1], c.Bool("readd"), c.Bool("bundle")})
		}),
	}
}

type replaceFlowsOptions struct {
	common
	Switch, File string
	Readd        bool
	Bundle       bool // all at once, or nothing
}

// replaceFlows deletes the flows that are not in the file, and adds those that
// are not in the switch or differ there.
func (e *env) replaceFlows(o replaceFlowsOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	want, err := e.fileFlows(o.File, s.resolver(), s.tableResolver())
	if err != nil {
		return s.parsed(err)
	}
	have, err := s.switchFlows()
	if err != nil {
		return err
	}
	var dels, adds []flowLine
	for _, k := range keysOf(want, have) {
		w, h := want[k], have[k]
		switch {
		case w == nil:
			del := *h
			del.Command, del.Instructions, del.Cookie, del.Flags = ofp.FlowDeleteStrict, ofp.Instructions{}, 0, 0
			del.IdleTimeout, del.HardTimeout = 0, 0
			dels = append(dels, flowLine{text: text.FormatFlow(&del, text.Options{}), fm: &del})
		case h == nil || o.Readd || !sameFlow(w, h):
			adds = append(adds, flowLine{text: text.FormatFlow(w, text.Options{}), fm: w})
		}
	}
	return s.sendFlows(append(dels, adds...), o.Bundle)
}
