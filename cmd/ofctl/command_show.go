package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (e *env) showCommand() *cli.Command {
	return &cli.Command{
		Name:      "show",
		Usage:     "print a switch's features, ports and configuration",
		ArgsUsage: "SWITCH",
		Action: command(0, 1, func(c *cli.Context, o common, args []string) error {
			if len(args) == 0 {
				return errors.New("show has options of switches and names none: ofctl show BRIDGE, or ofctl show alone for the configuration database")
			}
			return show(e.out, showOptions{o, args[0]})
		}),
	}
}

type showOptions struct {
	common
	Switch string
}

// show prints three messages, as ovs-ofctl does. The transaction ids are its,
// too: it opens a new connection, with a hello of its own, for the last.
func show(w io.Writer, o showOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	c, err := s.client()
	if err != nil {
		return err
	}
	h, m, err := c.request(&ofp.FeaturesRequest{})
	if err != nil {
		return s.explain("features", err)
	}
	if _, err := io.WriteString(w, text.FormatMessage(h, m, text.Options{})); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	if err := s.printMultipart(w, ofp.MultipartPortDesc, nil, "port descriptions", text.Options{}); err != nil {
		return err
	}
	c.xid++
	h, m, err = c.request(&ofp.GetConfigRequest{})
	if err != nil {
		return s.explain("its configuration", err)
	}
	if _, err := io.WriteString(w, text.FormatMessage(h, m, text.Options{})); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	return nil
}

// printAnswer prints a switch's answer to a multipart request that needs no names
// of ports.
func printAnswer(w io.Writer, o common, name string, kind uint16, body ofp.MultipartBody, what string) error {
	s, err := newSession(o, name)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.printMultipart(w, kind, body, what, text.Options{})
}

// printMultipart prints every message of a multipart answer as it comes.
func (s *session) printMultipart(w io.Writer, kind uint16, body ofp.MultipartBody, what string, o text.Options) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	err = c.multipart(kind, body, func(h ofp.Header, m *ofp.MultipartReply) error {
		if _, err := io.WriteString(w, text.FormatMessage(h, m, o)); err != nil {
			return fmt.Errorf("output: %w", err)
		}
		return nil
	})
	return s.explain(what, err)
}
