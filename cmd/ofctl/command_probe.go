package main

import "github.com/urfave/cli/v2"

func (e *env) probeCommand() *cli.Command {
	return &cli.Command{
		Name:      "probe",
		Usage:     "say by the exit status whether a switch answers",
		ArgsUsage: "SWITCH",
		Action: command(1, 1, func(c *cli.Context, o common, args []string) error {
			return probe(probeOptions{o, args[0]})
		}),
	}
}

type probeOptions struct {
	common
	Switch string
}

// probe sends one echo request without data.
func probe(o probeOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	_, _, err = s.echo(0)
	return err
}
