package main

import (
	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (e *env) packetOutCommand() *cli.Command {
	return &cli.Command{
		Name:      "packet-out",
		Usage:     "let a switch carry out actions on a frame",
		ArgsUsage: "SWITCH in_port=PORT,packet=HEX,actions=ACTIONS | SWITCH PORT ACTIONS HEX...",
		Action: command(2, -1, func(c *cli.Context, o common, args []string) error {
			opts := packetOutOptions{common: o, Switch: args[0]}
			if len(args) == 2 {
				opts.Text = args[1]
				return packetOut(opts)
			}
			if _, err := positional(c, 4, -1); err != nil {
				return err
			}
			opts.InPort, opts.Actions, opts.Packets = args[1], args[2], args[3:]
			return packetOut(opts)
		}),
	}
}

type packetOutOptions struct {
	common
	Switch          string
	Text            string // all in one: in_port=...,packet=...,actions=...
	InPort, Actions string // or apart
	Packets         []string
}

func packetOut(o packetOutOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	var msgs []ofp.Message
	if o.Text != "" {
		po, err := text.ParsePacketOut(o.Text, s.resolver())
		if err != nil {
			return s.parsed(err)
		}
		msgs = append(msgs, po)
	}
	for _, p := range o.Packets {
		po, err := text.PacketOut(o.InPort, o.Actions, p, s.resolver())
		if err != nil {
			return s.parsed(err)
		}
		msgs = append(msgs, po)
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	refused, err := c.transact(msgs)
	if err == nil && len(refused) > 0 {
		err = refused[0].err
	}
	return s.explain("the packet-out", err)
}
