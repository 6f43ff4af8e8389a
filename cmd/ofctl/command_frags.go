package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
)

func (e *env) getFragsCommand() *cli.Command {
	return &cli.Command{
		Name:      "get-frags",
		Usage:     "print how the switch treats IP fragments",
		ArgsUsage: "SWITCH",
		Action: command(1, 1, func(c *cli.Context, o common, args []string) error {
			return getFrags(e.out, fragsOptions{common: o, Switch: args[0]})
		}),
	}
}

func (e *env) setFragsCommand() *cli.Command {
	return &cli.Command{
		Name:      "set-frags",
		Usage:     "set how the switch treats IP fragments: normal, drop or reassemble",
		ArgsUsage: "SWITCH MODE",
		Action: command(2, 2, func(c *cli.Context, o common, args []string) error {
			return setFrags(fragsOptions{o, args[0], args[1]})
		}),
	}
}

type fragsOptions struct {
	common
	Switch, Mode string
}

// fragModes are the words for OFPC_FRAG_*. The last is Open vSwitch's: it is
// printed, and not set.
var fragModes = [...]string{ofp.FragNormal: "normal", ofp.FragDrop: "drop", ofp.FragReasm: "reassemble", 3: "nx-match"}

// config asks for the switch's configuration.
func (s *session) config() (*ofp.GetConfigReply, error) {
	c, err := s.client()
	if err != nil {
		return nil, err
	}
	_, m, err := c.request(&ofp.GetConfigRequest{})
	if err != nil {
		return nil, s.explain("its configuration", err)
	}
	cfg, ok := m.(*ofp.GetConfigReply)
	if !ok {
		return nil, fmt.Errorf("%s: the answer to a request for the configuration is a %v", s.target.text, m.Type())
	}
	return cfg, nil
}

func getFrags(w io.Writer, o fragsOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	cfg, err := s.config()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, fragModes[cfg.Flags&ofp.FragMask])
	return err
}

// setFrags sets the mode, and asks whether it has been set: a switch need not have
// each of them.
func setFrags(o fragsOptions) error {
	var mode uint16
	switch o.Mode {
	case fragModes[ofp.FragNormal]:
		mode = ofp.FragNormal
	case fragModes[ofp.FragDrop]:
		mode = ofp.FragDrop
	case fragModes[ofp.FragReasm]:
		mode = ofp.FragReasm
	default:
		return fmt.Errorf("set-frags %s: want normal, drop or reassemble", o.Mode)
	}
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	cfg, err := s.config()
	if err != nil || cfg.Flags&ofp.FragMask == mode {
		return err
	}
	refused, err := s.c.transact([]ofp.Message{&ofp.SetConfig{Flags: cfg.Flags&^ofp.FragMask | mode, MissSendLen: cfg.MissSendLen}})
	if err == nil && len(refused) > 0 {
		err = refused[0].err
	}
	if err != nil {
		return s.explain("the fragment mode "+o.Mode, err)
	}
	if cfg, err = s.config(); err != nil {
		return err
	}
	if cfg.Flags&ofp.FragMask != mode {
		return fmt.Errorf("%s: the switch keeps the fragment mode %s: it does not have %s", s.target.text, fragModes[cfg.Flags&ofp.FragMask], o.Mode)
	}
	return nil
}
