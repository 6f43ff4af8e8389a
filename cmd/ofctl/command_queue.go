package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (e *env) queueStatsCommand() *cli.Command {
	return &cli.Command{
		Name:      "queue-stats",
		Usage:     "print the counters of queues",
		ArgsUsage: "SWITCH [PORT [QUEUE]]",
		Action: command(1, 3, func(c *cli.Context, o common, args []string) error {
			return queueStats(e.out, newQueueOptions(o, args))
		}),
	}
}

func (e *env) queueGetConfigCommand() *cli.Command {
	return &cli.Command{
		Name:      "queue-get-config",
		Usage:     "print the rates of queues",
		ArgsUsage: "SWITCH [PORT [QUEUE]]",
		Action: command(1, 3, func(c *cli.Context, o common, args []string) error {
			return queueGetConfig(e.out, newQueueOptions(o, args))
		}),
	}
}

// queueOptions are those of the verbs about queues.
type queueOptions struct {
	common
	Switch      string
	Port, Queue string // "ALL" or "ANY": all
}

func newQueueOptions(o common, args []string) queueOptions {
	return queueOptions{o, args[0], argument(args, 1, "ALL"), argument(args, 2, "ALL")}
}

// parse reads which queues are meant.
func (o *queueOptions) parse(s *session) (*ofp.QueueStatsRequest, error) {
	r := &ofp.QueueStatsRequest{Port: ofp.PortAny, QueueID: ofp.QueueAll}
	all := func(word string) bool { return strings.EqualFold(word, "all") || strings.EqualFold(word, "any") }
	if !all(o.Port) {
		port, err := s.port(o.Port)
		if err != nil {
			return nil, err
		}
		r.Port = port
	}
	if !all(o.Queue) {
		n, err := strconv.ParseUint(o.Queue, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("queue %s: want a number from 0 to 4294967294, or ALL", o.Queue)
		}
		r.QueueID = uint32(n)
	}
	return r, nil
}

// ask opens a session for a question about queues.
func (o *queueOptions) ask(fn func(s *session, req *ofp.QueueStatsRequest, format text.Options) error) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	req, err := o.parse(s)
	if err != nil {
		return err
	}
	format, err := s.format(true)
	if err != nil {
		return err
	}
	return fn(s, req, format)
}

func queueStats(w io.Writer, o queueOptions) error {
	return o.ask(func(s *session, req *ofp.QueueStatsRequest, format text.Options) error {
		return s.printMultipart(w, ofp.MultipartQueue, req, "queue statistics", format)
	})
}

// queueGetConfig asks for the queues of one port, or of all. A single queue cannot
// be asked for in OpenFlow 1.3; the others are left out here.
func queueGetConfig(w io.Writer, o queueOptions) error {
	return o.ask(func(s *session, req *ofp.QueueStatsRequest, format text.Options) error {
		c, err := s.client()
		if err != nil {
			return err
		}
		h, m, err := c.request(&ofp.QueueGetConfigRequest{Port: req.Port})
		if err != nil {
			return s.explain("the configuration of queues", err)
		}
		if r, ok := m.(*ofp.QueueGetConfigReply); ok && req.QueueID != ofp.QueueAll {
			r.Queues = slices.DeleteFunc(r.Queues, func(q ofp.PacketQueue) bool { return q.QueueID != req.QueueID })
		}
		_, err = io.WriteString(w, text.FormatMessage(h, m, format))
		return err
	})
}
