package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

var moreFlag = &cli.BoolFlag{Name: "more", Aliases: []string{"m"}, Usage: "print frames in hexadecimal, too"}

func (e *env) monitorCommand() *cli.Command {
	return &cli.Command{
		Name:      "monitor",
		Usage:     "print what a switch tells its controllers, until interrupted",
		ArgsUsage: "SWITCH [MISS-LEN] [invalid_ttl] [watch:[SPEC]]...",
		Flags:     []cli.Flag{moreFlag},
		Action: command(1, -1, func(c *cli.Context, o common, args []string) error {
			opts := monitorOptions{common: o, Switch: args[0], More: c.Bool("more")}
			for _, a := range args[1:] {
				n, err := strconv.ParseUint(a, 10, 16)
				spec, watch := strings.CutPrefix(a, "watch:")
				switch {
				case watch:
					opts.Watch = append(opts.Watch, spec)
				case a == "invalid_ttl":
					opts.InvalidTTL = true
				case err == nil && (n <= ofp.ControllerMaxLenMax || n == ofp.ControllerNoBuffer):
					opts.MissLen = uint16(n)
				default:
					return fmt.Errorf("monitor %s: want a number of bytes from 0 to 65509, 65535 for whole frames, invalid_ttl, or watch: and what", a)
				}
			}
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return monitor(ctx, e.out, opts)
		}),
	}
}

type monitorOptions struct {
	common
	Switch string
	// MissLen is how many bytes of a frame the switch sends when no action says
	// so. Zero leaves the switch's setting, and the switch then sends a management
	// connection next to nothing.
	MissLen uint16
	// InvalidTTL asks for the frames whose TTL ran out, too.
	InvalidTTL bool
	More       bool // hex dumps of frames
	// Watch are flow monitors, as text.ParseFlowMonitor reads them.
	Watch []string
}

// monitor prints messages as they come, until ctx ends or the switch hangs up.
func monitor(ctx context.Context, w io.Writer, o monitorOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	monitors, err := s.flowMonitors(o.Watch)
	if err != nil {
		return err
	}
	format, err := s.format(true)
	if err != nil {
		return err
	}
	if o.More {
		format.Verbosity = 3
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	if err := s.subscribe(o); err != nil {
		return err
	}
	if len(monitors.Monitors) > 0 {
		if err := s.printMultipart(w, ofp.MultipartExperimenter, monitors, "the flow monitors", format); err != nil {
			return err
		}
	}
	return c.follow(ctx, w, format, func(h ofp.Header, msg []byte) error {
		if h.Type != ofp.TypeEchoRequest {
			return nil
		}
		return c.write(h.XID, &ofp.EchoReply{Data: msg[ofp.HeaderLen:]})
	})
}

// follow prints messages as they come, until ctx ends or the switch hangs up.
// printed is called after each.
func (c *client) follow(ctx context.Context, w io.Writer, format text.Options, printed func(ofp.Header, []byte) error) error {
	c.timeout = 0 // silence is no fault from here on
	stop := context.AfterFunc(ctx, func() { c.nc.Close() })
	defer stop()
	for {
		h, msg, err := c.read()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, text.FormatBytes(msg, format)); err != nil {
			return fmt.Errorf("output: %w", err)
		}
		if err := printed(h, msg); err != nil {
			return err
		}
	}
}

// flowMonitors reads what is to be watched. The monitors are numbered from 0.
func (s *session) flowMonitors(specs []string) (*ofp.FlowMonitors, error) {
	all := &ofp.FlowMonitors{Experimenter: ofp.ExperimenterONF}
	for i, spec := range specs {
		m, err := text.ParseFlowMonitor(spec, s.resolver())
		if err != nil {
			return nil, s.parsed(err)
		}
		m.ID = uint32(i)
		all.Monitors = append(all.Monitors, *m)
	}
	return all, nil
}

// subscribe sets what the switch is to send.
func (s *session) subscribe(o monitorOptions) error {
	if o.MissLen != 0 {
		cfg, err := s.config()
		if err != nil {
			return err
		}
		if _, err := s.c.send(&ofp.SetConfig{Flags: cfg.Flags, MissSendLen: o.MissLen}); err != nil {
			return err
		}
	}
	if o.InvalidTTL {
		if _, err := s.c.send(asyncWithInvalidTTL()); err != nil {
			return err
		}
	}
	return nil
}

// asyncWithInvalidTTL asks for everything that a controller gets by default, and
// for packet-ins with reason INVALID_TTL (OpenFlow 1.3.5 §7.3.10).
func asyncWithInvalidTTL() ofp.Message {
	ports := uint32(1<<ofp.PortAdd | 1<<ofp.PortDelete | 1<<ofp.PortModify)
	return &ofp.SetAsync{AsyncConfig: ofp.AsyncConfig{
		PacketIn:    [2]uint32{1<<ofp.PacketInNoMatch | 1<<ofp.PacketInAction | 1<<ofp.PacketInInvalidTTL, 0},
		PortStatus:  [2]uint32{ports, ports},
		FlowRemoved: [2]uint32{1<<ofp.RemovedIdle | 1<<ofp.RemovedHard | 1<<ofp.RemovedDelete | 1<<ofp.RemovedGroup, 0},
	}}
}
