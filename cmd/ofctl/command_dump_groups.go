package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (e *env) dumpGroupsCommand() *cli.Command {
	return &cli.Command{
		Name:      "dump-groups",
		Usage:     "print one group or all",
		ArgsUsage: "SWITCH [GROUP]",
		Action: command(1, 2, func(c *cli.Context, o common, args []string) error {
			return dumpGroups(e.out, newGroupOptions(o, args))
		}),
	}
}

func (e *env) dumpGroupStatsCommand() *cli.Command {
	return &cli.Command{
		Name:      "dump-group-stats",
		Usage:     "print the counters of one group or all",
		ArgsUsage: "SWITCH [GROUP]",
		Action: command(1, 2, func(c *cli.Context, o common, args []string) error {
			return dumpGroupStats(e.out, newGroupOptions(o, args))
		}),
	}
}

func (e *env) dumpGroupFeaturesCommand() *cli.Command {
	return e.dumpCommand("dump-group-features", "print what groups the switch can have", ofp.MultipartGroupFeatures, "group features")
}

// groupOptions are those of the verbs that print groups.
type groupOptions struct {
	common
	Switch string
	Group  string // a number, or "all"
}

func newGroupOptions(o common, args []string) groupOptions {
	return groupOptions{o, args[0], argument(args, 1, "all")}
}

// dumpGroups asks for all groups, since OpenFlow 1.3 has no other request, and
// prints one or all.
func dumpGroups(w io.Writer, o groupOptions) error {
	id, err := text.ParseGroupID(o.Group)
	if err != nil {
		return err
	}
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	format, err := s.format(false)
	if err != nil {
		return err
	}
	if id == ofp.GroupAll || id == ofp.GroupAny {
		return s.printMultipart(w, ofp.MultipartGroupDesc, nil, "group descriptions", format)
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	groups, err := entries[*ofp.GroupDesc](c, ofp.MultipartGroupDesc, nil)
	if err != nil {
		return s.explain("group descriptions", err)
	}
	for _, g := range groups {
		if g.GroupID == id {
			_, err := io.WriteString(w, " "+text.FormatGroup(g, format)+"\n")
			return err
		}
	}
	return fmt.Errorf("%s: there is no group %d; dump-groups lists them", s.target.text, id)
}

func dumpGroupStats(w io.Writer, o groupOptions) error {
	id, err := text.ParseGroupID(o.Group)
	if err != nil {
		return err
	}
	return printAnswer(w, o.common, o.Switch, ofp.MultipartGroup, &ofp.GroupStatsRequest{GroupID: id}, "group statistics")
}
