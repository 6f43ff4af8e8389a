package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (e *env) dumpPortsDescCommand() *cli.Command {
	return &cli.Command{
		Name:      "dump-ports-desc",
		Usage:     "print the descriptions of one port or all",
		ArgsUsage: "SWITCH [PORT]",
		Action: command(1, 2, func(c *cli.Context, o common, args []string) error {
			return dumpPortsDesc(e.out, dumpPortsOptions{o, args[0], argument(args, 1, "ANY")})
		}),
	}
}

// dumpPortsDesc asks for all ports, since OpenFlow 1.3 has no other request, and
// prints one or all.
func dumpPortsDesc(w io.Writer, o dumpPortsOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	port, err := s.port(o.Port)
	if err != nil {
		return err
	}
	if port == ofp.PortAny {
		return s.printMultipart(w, ofp.MultipartPortDesc, nil, "port descriptions", text.Options{})
	}
	d, err := s.portDesc(port)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text.FormatPort(d))
	return err
}

// portDesc finds the description of one port.
func (s *session) portDesc(port ofp.PortNo) (*ofp.PortDesc, error) {
	descs, err := s.portDescs()
	if err != nil {
		return nil, err
	}
	for i := range descs {
		if descs[i].Port == port {
			return &descs[i], nil
		}
	}
	return nil, fmt.Errorf("%s: there is no port %v; dump-ports-desc lists them", s.target.text, port)
}
