package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (e *env) addGroupCommand() *cli.Command {
	return &cli.Command{
		Name:      "add-group",
		Usage:     "add a group",
		ArgsUsage: "SWITCH GROUP",
		Flags:     []cli.Flag{bundleFlag},
		Action: command(2, 2, func(c *cli.Context, o common, args []string) error {
			return groupMod(e.in, groupModOptions{common: o, Switch: args[0], Group: args[1], Command: ofp.GroupAdd, Bundle: c.Bool("bundle")})
		}),
	}
}

func (e *env) addGroupsCommand() *cli.Command {
	return &cli.Command{
		Name:      "add-groups",
		Usage:     "add the groups of a file, one a line; - is the standard input",
		ArgsUsage: "SWITCH FILE",
		Flags:     []cli.Flag{bundleFlag},
		Action: command(2, 2, func(c *cli.Context, o common, args []string) error {
			return groupMod(e.in, groupModOptions{common: o, Switch: args[0], File: args[1], Command: ofp.GroupAdd, Bundle: c.Bool("bundle")})
		}),
	}
}

func (e *env) modGroupCommand() *cli.Command {
	return &cli.Command{
		Name:      "mod-group",
		Usage:     "change a group's type and buckets",
		ArgsUsage: "SWITCH GROUP",
		Flags:     []cli.Flag{bundleFlag},
		Action: command(2, 2, func(c *cli.Context, o common, args []string) error {
			return groupMod(e.in, groupModOptions{common: o, Switch: args[0], Group: args[1], Command: ofp.GroupModify, Bundle: c.Bool("bundle")})
		}),
	}
}

func (e *env) delGroupsCommand() *cli.Command {
	return &cli.Command{
		Name:      "del-groups",
		Usage:     "delete a group (group_id=N), or all",
		ArgsUsage: "SWITCH [GROUP]",
		Flags:     []cli.Flag{bundleFlag},
		Action: command(1, 2, func(c *cli.Context, o common, args []string) error {
			opts := groupModOptions{common: o, Switch: args[0], Group: argument(args, 1, ""), Command: ofp.GroupDelete, Bundle: c.Bool("bundle")}
			return groupMod(e.in, opts)
		}),
	}
}

// laterBucketsCommand is a verb of ovs-ofctl that needs OpenFlow 1.5.
func (e *env) laterBucketsCommand(name string) *cli.Command {
	return &cli.Command{
		Name:      name,
		Usage:     "not in OpenFlow 1.3; mod-group changes all buckets of a group",
		ArgsUsage: "SWITCH GROUP",
		Action: func(*cli.Context) error {
			return fmt.Errorf("%s needs OpenFlow 1.5, and ofctl speaks 1.3; mod-group gives a group other buckets, all of them at once", name)
		},
	}
}

// groupModOptions are those of the verbs that send group-mods. Group "-" reads the
// groups from the standard input, as File "-" does.
type groupModOptions struct {
	common
	Switch  string
	Group   string // one group
	File    string // or a file of groups
	Command uint16 // of lines that do not say another
	Bundle  bool   // all at once, or nothing
}

// groupMod parses all there is to send, sends it, and waits until the switch has
// done it. Nothing is sent when something cannot be parsed.
func groupMod(in io.Reader, o groupModOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	if o.Group == "-" && o.File == "" {
		o.File = "-"
	}
	parse := text.GroupOptions{Command: o.Command, Ports: s.resolver()}
	var lines []modLine
	if o.File != "" {
		parse.AnyCommand = true
		err = readLines(in, o.File, "groups", "OFPST_GROUP_DESC reply ", func(where, line string) error {
			gm, err := text.ParseGroup(line, parse)
			lines = append(lines, modLine{where, line, gm})
			return err
		})
	} else {
		var gm *ofp.GroupMod
		gm, err = text.ParseGroup(o.Group, parse)
		lines = []modLine{{"", o.Group, gm}}
	}
	if err != nil {
		return s.parsed(err)
	}
	return s.sendMods(lines, o.Bundle)
}
