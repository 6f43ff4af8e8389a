package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (e *env) snoopCommand() *cli.Command {
	return &cli.Command{
		Name:      "snoop",
		Usage:     "print what a bridge and its controller say to each other",
		ArgsUsage: "SWITCH",
		Flags:     []cli.Flag{moreFlag},
		Action: command(1, 1, func(c *cli.Context, o common, args []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return snoop(ctx, e.out, snoopOptions{o, args[0], c.Bool("more")})
		}),
	}
}

type snoopOptions struct {
	common
	Switch string
	More   bool // hex dumps of frames
}

// snoop prints messages as they come, until ctx ends or the switch hangs up. Echo
// requests are the controller's, not ours to answer.
func snoop(ctx context.Context, w io.Writer, o snoopOptions) error {
	t, err := parseTarget(o.Switch, o.common, ".snoop")
	if err != nil {
		return err
	}
	if t.bridge {
		if _, err := os.Stat(t.addr); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: the switch has no socket for snooping: %s does not exist; ofctl monitor prints what the switch sends by itself", t.text, t.addr)
		}
	}
	c, err := connect(t, o.Timeout)
	if err != nil {
		return err
	}
	defer c.Close()
	format := text.Options{Stats: true}
	if o.More {
		format.Verbosity = 3
	}
	return c.follow(ctx, w, format, func(ofp.Header, []byte) error { return nil })
}
