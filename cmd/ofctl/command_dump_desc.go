package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (e *env) dumpDescCommand() *cli.Command {
	return &cli.Command{
		Name:      "dump-desc",
		Usage:     "print a switch's description",
		ArgsUsage: "SWITCH",
		Action: command(1, 1, func(c *cli.Context, o common, args []string) error {
			return dumpDesc(e.out, dumpDescOptions{o, args[0]})
		}),
	}
}

type dumpDescOptions struct {
	common
	Switch string
}

func dumpDesc(w io.Writer, o dumpDescOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.printMultipart(w, ofp.MultipartDesc, nil, "its description", text.Options{})
}
