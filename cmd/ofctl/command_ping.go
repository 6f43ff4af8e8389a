package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
)

func (e *env) pingCommand() *cli.Command {
	return &cli.Command{
		Name:      "ping",
		Usage:     "time ten echo requests of N bytes",
		ArgsUsage: "SWITCH [N]",
		Action: command(1, 2, func(c *cli.Context, o common, args []string) error {
			opts := pingOptions{common: o, Switch: args[0], Bytes: defaultPing}
			if len(args) > 1 {
				n, err := strconv.Atoi(args[1])
				if err != nil || n < 0 || n > maxPing {
					return fmt.Errorf("ping %s: want a payload from 0 to %d bytes", args[1], maxPing)
				}
				opts.Bytes = n
			}
			return ping(e.out, opts)
		}),
	}
}

const (
	defaultPing = 64 // bytes of payload, as ovs-ofctl ping
	maxPing     = ofp.MaxLen - ofp.HeaderLen
	pingCount   = 10
)

type pingOptions struct {
	common
	Switch string
	Bytes  int // of payload
}

func ping(w io.Writer, o pingOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	for range pingCount {
		xid, took, err := s.echo(o.Bytes)
		if err != nil {
			return err
		}
		ms := float64(took) / float64(time.Millisecond)
		if _, err := fmt.Fprintf(w, "%d bytes from %s: xid=%08x time=%.1f ms\n", o.Bytes, s.target.text, xid, ms); err != nil {
			return fmt.Errorf("output: %w", err)
		}
	}
	return nil
}

// echo sends one echo request with n random bytes, and checks the answer.
func (s *session) echo(n int) (xid uint32, took time.Duration, err error) {
	c, err := s.client()
	if err != nil {
		return 0, 0, err
	}
	data := make([]byte, n)
	if _, err := rand.Read(data); err != nil {
		return 0, 0, fmt.Errorf("random bytes: %w", err)
	}
	start := time.Now()
	h, m, err := c.request(&ofp.EchoRequest{Data: data})
	if err != nil {
		return 0, 0, s.explain("an echo request", err)
	}
	took = time.Since(start)
	r, ok := m.(*ofp.EchoReply)
	if !ok {
		return 0, 0, fmt.Errorf("%s: the answer to an echo request is a %v", s.target.text, m.Type())
	}
	if !bytes.Equal(r.Data, data) {
		return 0, 0, fmt.Errorf("%s: the echo's %d bytes came back as other %d bytes", s.target.text, n, len(r.Data))
	}
	return h.XID, took, nil
}
