package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

var strictFlag = &cli.BoolFlag{Name: "strict", Usage: "only the flow with exactly this match and priority"}

func (e *env) addFlowCommand() *cli.Command {
	return &cli.Command{
		Name:      "add-flow",
		Usage:     "add a flow",
		ArgsUsage: "SWITCH FLOW",
		Flags:     []cli.Flag{bundleFlag},
		Action: command(2, 2, func(c *cli.Context, o common, args []string) error {
			return flowMod(e.in, flowModOptions{common: o, Switch: args[0], Flow: args[1], Command: ofp.FlowAdd, Bundle: c.Bool("bundle")})
		}),
	}
}

func (e *env) addFlowsCommand() *cli.Command {
	return &cli.Command{
		Name:      "add-flows",
		Usage:     "add the flows of a file, one a line; - is the standard input",
		ArgsUsage: "SWITCH FILE",
		Flags:     []cli.Flag{bundleFlag},
		Action: command(2, 2, func(c *cli.Context, o common, args []string) error {
			return flowMod(e.in, flowModOptions{common: o, Switch: args[0], File: args[1], Command: ofp.FlowAdd, Bundle: c.Bool("bundle")})
		}),
	}
}

func (e *env) modFlowsCommand() *cli.Command {
	return &cli.Command{
		Name:      "mod-flows",
		Usage:     "change the actions of matching flows",
		ArgsUsage: "SWITCH FLOW",
		Flags:     []cli.Flag{strictFlag, bundleFlag},
		Action: command(2, 2, func(c *cli.Context, o common, args []string) error {
			opts := flowModOptions{common: o, Switch: args[0], Flow: args[1], Command: ofp.FlowModify, Bundle: c.Bool("bundle")}
			if c.Bool("strict") {
				opts.Command = ofp.FlowModifyStrict
			}
			return flowMod(e.in, opts)
		}),
	}
}

func (e *env) delFlowsCommand() *cli.Command {
	return &cli.Command{
		Name:      "del-flows",
		Usage:     "delete matching flows, or all",
		ArgsUsage: "SWITCH [FLOW]",
		Flags:     []cli.Flag{strictFlag, bundleFlag},
		Action: command(1, 2, func(c *cli.Context, o common, args []string) error {
			opts := flowModOptions{common: o, Switch: args[0], Flow: argument(args, 1, ""), Command: ofp.FlowDelete, Bundle: c.Bool("bundle")}
			if c.Bool("strict") {
				opts.Command = ofp.FlowDeleteStrict
			}
			return flowMod(e.in, opts)
		}),
	}
}

// flowModOptions are those of the verbs that send flow-mods. Flow "-" reads the
// flows from the standard input, as File "-" does.
type flowModOptions struct {
	common
	Switch  string
	Flow    string // one flow
	File    string // or a file of flows
	Command uint8  // of lines that do not say another
	Bundle  bool   // all at once, or nothing
}

// flowMod parses all there is to send, sends it, and waits until the switch has
// done it. Nothing is sent when something cannot be parsed.
func flowMod(in io.Reader, o flowModOptions) error {
	s, err := newSession(o.common, o.Switch)
	if err != nil {
		return err
	}
	defer s.Close()
	if o.Flow == "-" && o.File == "" {
		o.File = "-"
	}
	var lines []flowLine
	if o.File != "" {
		lines, err = readFlows(in, o.File, text.ParseOptions{Command: o.Command, AnyCommand: true, Ports: s.resolver(), Tables: s.tableResolver()})
	} else {
		var fm *ofp.FlowMod
		fm, err = text.ParseFlow(o.Flow, text.ParseOptions{Command: o.Command, Ports: s.resolver(), Tables: s.tableResolver()})
		lines = []flowLine{{"", o.Flow, fm}}
	}
	if err != nil {
		return s.parsed(err)
	}
	return s.sendFlows(lines, o.Bundle)
}

// flowLine is one flow as it was written.
type flowLine struct {
	where string // "FILE:LINE", or empty
	text  string
	fm    *ofp.FlowMod
}

// maxLine is the longest line of a file of flows, in bytes.
const maxLine = 1 << 20

// readFlows reads a file of flows: one a line, "#" begins a comment, empty lines
// do not count. So does the heading that dump-flows prints. An error names file
// and line.
func readFlows(in io.Reader, name string, o text.ParseOptions) ([]flowLine, error) {
	var lines []flowLine
	err := readLines(in, name, "flows", "OFPST_FLOW reply ", func(where, line string) error {
		fm, err := text.ParseFlow(line, o)
		lines = append(lines, flowLine{where, line, fm})
		return err
	})
	if err != nil {
		return nil, err
	}
	return lines, nil
}

// readLines hands the lines of a file of flows, groups or meters to fn: without
// comments, empty lines and the heading (if any) that is printed before them. What fn says
// is wrong is told with file and line.
func readLines(in io.Reader, name, what, heading string, fn func(where, line string) error) error {
	if name == "-" {
		name = "<stdin>"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", what, err)
		}
		defer f.Close()
		in = f
	}
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, maxLine)
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(uncomment(sc.Text()))
		if line == "" || heading != "" && strings.HasPrefix(line, heading) {
			continue
		}
		where := fmt.Sprintf("%s:%d", name, n)
		if err := fn(where, line); err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// uncomment cuts off what follows a "#" outside double quotes.
func uncomment(line string) string {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == '#' && !quoted:
			return line[:i]
		}
	}
	return line
}

// maxReported is how many refused flows are named one by one.
const maxReported = 10

// modLine is a message, and how it was written.
type modLine struct {
	where string // "FILE:LINE", or empty
	text  string
	msg   ofp.Message
}

// messages are the messages of the lines.
func messages(lines []modLine) []ofp.Message {
	msgs := make([]ofp.Message, len(lines))
	for i, l := range lines {
		msgs[i] = l.msg
	}
	return msgs
}

// sendFlows sends flow-mods and waits until they are done.
func (s *session) sendFlows(lines []flowLine, bundle bool) error {
	mods := make([]modLine, len(lines))
	for i, l := range lines {
		mods[i] = modLine{l.where, l.text, l.fm}
	}
	return s.sendMods(mods, bundle)
}

// sendMods sends messages that are not answered, as a bundle or followed by a
// barrier. Each one that the switch refuses is named with the reason.
func (s *session) sendMods(lines []modLine, bundle bool) error {
	if bundle {
		return s.sendBundle(lines)
	}
	c, err := s.client()
	if err != nil {
		return err
	}
	refused, err := c.transact(messages(lines))
	return s.refusals(lines, refused, err)
}

// refusals makes one error of what was refused, and of err.
func (s *session) refusals(lines []modLine, refused []refusal, err error) error {
	var all []error
	for i, r := range refused {
		if i == maxReported {
			all = append(all, fmt.Errorf("%s: and %d more", s.target.text, len(refused)-i))
			break
		}
		l := lines[r.n]
		where := s.target.text
		if l.where != "" {
			where = l.where
		}
		all = append(all, fmt.Errorf("%s: the switch refused %q: %s", where, l.text, errorText(r.err)))
	}
	return errors.Join(append(all, err)...)
}
