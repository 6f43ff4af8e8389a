package main

import (
	"bufio"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (e *env) diffFlowsCommand() *cli.Command {
	return &cli.Command{
		Name:      "diff-flows",
		Usage:     "compare the flows of two switches or files; exit status 2: they differ",
		ArgsUsage: "SWITCH|FILE SWITCH|FILE",
		Action: command(2, 2, func(c *cli.Context, o common, args []string) error {
			return e.diffFlows(e.out, diffFlowsOptions{o, [2]string{args[0], args[1]}})
		}),
	}
}

type diffFlowsOptions struct {
	common
	Sources [2]string
}

// diffFlows prints the flows that only the first source has with "-" in front,
// those that only the second has with "+", and both of those that differ.
func (e *env) diffFlows(w io.Writer, o diffFlowsOptions) error {
	var sessions []*session // of the sources that are switches
	var files [2]bool
	for i, src := range o.Sources {
		file, err := isFile(src)
		if err != nil {
			return err
		}
		if files[i] = file; file {
			continue
		}
		s, err := newSession(o.common, src)
		if err != nil {
			return err
		}
		defer s.Close()
		sessions = append(sessions, s)
	}
	// The names of ports and tables in a file are those of the first switch.
	var ports text.Resolver
	var tables text.TableResolver
	format := text.Options{}
	if len(sessions) > 0 {
		ports, tables = sessions[0].resolver(), sessions[0].tableResolver()
		var err error
		if format, err = sessions[0].format(false); err != nil {
			return err
		}
	}
	var sets [2]flowSet
	rest := sessions
	for i, src := range o.Sources {
		var err error
		if files[i] {
			sets[i], err = e.fileFlows(src, ports, tables)
			if err != nil && len(sessions) > 0 {
				err = sessions[0].parsed(err)
			}
		} else {
			sets[i], err = rest[0].switchFlows()
			rest = rest[1:]
		}
		if err != nil {
			return err
		}
	}
	return printDiff(w, sets, format)
}

// printDiff prints the differences; errDiffers if there are any.
func printDiff(w io.Writer, sets [2]flowSet, format text.Options) error {
	out := bufio.NewWriter(w)
	var result error
	for _, k := range keysOf(sets[0], sets[1]) {
		a, b := sets[0][k], sets[1][k]
		if a != nil && b != nil && sameFlow(a, b) {
			continue
		}
		result = errDiffers
		for _, side := range []struct {
			sign string
			fm   *ofp.FlowMod
		}{{"-", a}, {"+", b}} {
			if side.fm == nil {
				continue
			}
			if _, err := fmt.Fprintln(out, side.sign+text.FormatFlowDiff(side.fm, format)); err != nil {
				return err
			}
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return result
}
