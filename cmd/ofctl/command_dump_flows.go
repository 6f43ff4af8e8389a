package main

import (
	"bufio"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (e *env) dumpFlowsCommand() *cli.Command {
	return &cli.Command{
		Name:      "dump-flows",
		Usage:     "print flows",
		ArgsUsage: "SWITCH [FLOW]",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "sort", Usage: "sort by a field, --sort[=FIELD]; default: priority. May be repeated; --rsort[=FIELD] sorts downwards"},
			&cli.BoolFlag{Name: "stats", Usage: "print durations and counters (the default)"},
			&cli.BoolFlag{Name: "no-stats", Usage: "print neither durations nor counters"},
		},
		Action: command(1, 2, func(c *cli.Context, o common, args []string) error {
			opts := dumpFlowsOptions{common: o, Switch: args[0], Filter: argument(args, 1, ""), Stats: c.Bool("stats") || !c.Bool("no-stats")}
			var err error
			if opts.Sort, err = parseSort(c.StringSlice("sort")); err != nil {
				return err
			}
			return dumpFlows(e.out, opts)
		}),
	}
}

type dumpFlowsOptions struct {
	common
	Switch string
	Filter string // a match; "": all flows
	Stats  bool
	Sort   []sortKey // none: in the switch's order
}

// dumpFlows prints flows. Without other options, each message of the answer is
// printed as it is, with its heading, like ovs-ofctl does.
func dumpFlows(w io.Writer, o dumpFlowsOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	req, err := s.filter(o.Filter)
	if err != nil {
		return err
	}
	format, err := s.flowFormat(o.Stats)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	switch {
	case len(o.Sort) > 0:
		err = s.sortedFlows(out, req, o.Sort, format)
	case o.Names || !o.Stats:
		err = s.eachFlow(req, func(fs *ofp.FlowStats) error {
			_, err := fmt.Fprintln(out, text.FormatFlowStats(fs, format))
			return err
		})
	default:
		err = s.printMultipart(out, ofp.MultipartFlow, req, "flow statistics", format)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// eachFlow calls fn for every flow that req selects, as they come.
func (s *session) eachFlow(req *ofp.FlowStatsRequest, fn func(*ofp.FlowStats) error) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	err = c.multipart(ofp.MultipartFlow, req, func(_ ofp.Header, m *ofp.MultipartReply) error {
		for _, e := range m.Entries {
			fs, ok := e.(*ofp.FlowStats)
			if !ok {
				return fmt.Errorf("%s: the answer to a flow request holds a %T", s.target.text, e)
			}
			if err := fn(fs); err != nil {
				return err
			}
		}
		return nil
	})
	return s.explain("flow statistics", err)
}

func (s *session) sortedFlows(w io.Writer, req *ofp.FlowStatsRequest, keys []sortKey, format text.Options) error {
	var flows []*ofp.FlowStats
	err := s.eachFlow(req, func(fs *ofp.FlowStats) error {
		flows = append(flows, fs)
		return nil
	})
	if err != nil {
		return err
	}
	sortFlows(flows, keys)
	for _, fs := range flows {
		if _, err := fmt.Fprintln(w, text.FormatFlowStats(fs, format)); err != nil {
			return err
		}
	}
	return nil
}
