package main

import (
	"errors"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

var bundleFlag = &cli.BoolFlag{Name: "bundle", Usage: "all of it at once, or nothing (ONF bundle extension)"}

func (e *env) bundleCommand() *cli.Command {
	return &cli.Command{
		Name:      "bundle",
		Usage:     "carry out the flows, groups and packet-outs of a file at once, or nothing of it",
		ArgsUsage: "SWITCH FILE",
		Action: command(2, 2, func(c *cli.Context, o common, args []string) error {
			return bundle(e.in, bundleOptions{o, args[0], args[1]})
		}),
	}
}

type bundleOptions struct {
	common
	Switch, File string
}

// bundle parses all there is to send and sends it as one bundle.
func bundle(in io.Reader, o bundleOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	var lines []modLine
	err = readLines(in, o.File, "the bundle", "", func(where, line string) error {
		m, err := parseBundled(line, s.resolver(), s.tableResolver())
		lines = append(lines, modLine{where, line, m})
		return err
	})
	if err != nil {
		return s.parsed(err)
	}
	return s.sendBundle(lines)
}

// parseBundled reads one line: "flow", "group" or "packet-out", and what follows.
func parseBundled(line string, ports text.Resolver, tables text.TableResolver) (ofp.Message, error) {
	n := strings.IndexAny(line, " \t")
	if n < 0 {
		n = len(line)
	}
	switch word, rest := line[:n], line[n:]; word {
	case "flow":
		return text.ParseFlow(rest, text.ParseOptions{Command: ofp.FlowAdd, AnyCommand: true, Ports: ports, Tables: tables})
	case "group":
		return text.ParseGroup(rest, text.GroupOptions{Command: ofp.GroupAdd, AnyCommand: true, Ports: ports})
	case "packet-out":
		return text.ParsePacketOut(rest, ports)
	}
	return nil, errors.New("a line of a bundle begins with flow, group or packet-out")
}

// sendBundle sends messages as one bundle. Each one that the switch refuses is
// named with the reason.
func (s *session) sendBundle(lines []modLine) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	refused, err := c.bundle(messages(lines))
	return s.refusals(lines, refused, s.explain("the bundle, and did nothing of it", err))
}
