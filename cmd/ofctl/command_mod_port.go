package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
)

func (e *env) modPortCommand() *cli.Command {
	return &cli.Command{
		Name:      "mod-port",
		Usage:     "change a port's configuration: up, down, [no-]receive, [no-]forward, [no-]packet-in",
		ArgsUsage: "SWITCH PORT ACTION",
		Action: command(3, 3, func(c *cli.Context, o common, args []string) error {
			return modPort(modPortOptions{o, args[0], args[1], args[2]})
		}),
	}
}

type modPortOptions struct {
	common
	Switch, Port, Action string
}

// portActions are the words of mod-port.
var portActions = []struct {
	word string
	bit  ofp.PortConfig
	set  bool
}{
	{"up", ofp.PortConfigDown, false},
	{"down", ofp.PortConfigDown, true},
	{"receive", ofp.PortConfigNoRecv, false},
	{"no-receive", ofp.PortConfigNoRecv, true},
	{"forward", ofp.PortConfigNoFwd, false},
	{"no-forward", ofp.PortConfigNoFwd, true},
	{"packet-in", ofp.PortConfigNoPacketIn, false},
	{"no-packet-in", ofp.PortConfigNoPacketIn, true},
}

// modPort finds the port's hardware address, which the switch wants to hear, and
// sends a port-mod.
func modPort(o modPortOptions) error {
	pm, err := portMod(o.Action)
	if err != nil {
		return err
	}
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	port, err := s.port(o.Port)
	if err != nil {
		return err
	}
	d, err := s.portDesc(port)
	if err != nil {
		return err
	}
	pm.Port, pm.HWAddr = d.Port, d.HWAddr
	c, err := s.client()
	if err != nil {
		return err
	}
	refused, err := c.transact([]ofp.Message{pm})
	if err == nil && len(refused) > 0 {
		err = refused[0].err
	}
	return s.explain(fmt.Sprintf("%s of port %s", o.Action, o.Port), err)
}

// portMod is the message for one word.
func portMod(action string) (*ofp.PortMod, error) {
	words := make([]string, len(portActions))
	for i, a := range portActions {
		if words[i] = a.word; a.word != action {
			continue
		}
		pm := &ofp.PortMod{Mask: a.bit}
		if a.set {
			pm.Config = a.bit
		}
		return pm, nil
	}
	switch strings.TrimPrefix(action, "no-") {
	case "stp", "receive-stp", "flood":
		return nil, fmt.Errorf("mod-port %s: OpenFlow 1.3 has no such setting, only 1.0 had; want one of %s", action, strings.Join(words, ", "))
	}
	return nil, fmt.Errorf("mod-port %s: want one of %s", action, strings.Join(words, ", "))
}
