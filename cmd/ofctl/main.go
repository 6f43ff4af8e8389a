// Command ofctl looks into and changes OpenFlow 1.3 switches, and the ofswitchd
// on this machine. Verbs, flow syntax and output are those of "ovs-ofctl -O
// OpenFlow13"; docs/ofctl.8 describes them.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ofswitch/stream"
	"ofswitch/unixctl"
)

func main() {
	e := &env{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	os.Exit(e.run(os.Args[1:]))
}

// Exit statuses.
const (
	exitOK      = 0
	exitFailure = 1
	exitDiffers = 2 // diff-flows: the sources differ
)

// errDiffers is diff-flows' answer when there were differences: they are the
// message.
var errDiffers = errors.New("the flows differ")

// env is where a command reads and writes.
type env struct {
	in       io.Reader
	out, err io.Writer
}

// run executes one command line, without the program's name.
func (e *env) run(args []string) int {
	if isDatabaseLine(args) {
		return e.database(args)
	}
	app := e.app()
	argv, err := arrange(app, args)
	if err == nil && (len(argv) == 0 || argv[0][0] == '-' && !slices.ContainsFunc(argv, asksForHelp)) {
		err = errors.New("which verb? ofctl --help lists them")
	}
	if err == nil && len(argv) > 0 && strings.Contains(argv[0], "/") && app.Command(argv[0]) == nil {
		app.Commands = append(app.Commands, e.finish(e.daemonCommand(argv[0], "[ARGUMENT]...", "a command of the daemon")))
	}
	if err == nil {
		err = app.Run(append([]string{"ofctl"}, argv...))
	}
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errDiffers):
		return exitDiffers
	}
	fmt.Fprintf(e.err, "ofctl: %v\n", err)
	return exitFailure
}

// asksForHelp says whether a word is an option that needs no verb.
func asksForHelp(s string) bool {
	return s == "--help" || s == "-h" || s == "--version" || s == "-V"
}

// app describes the program. Every verb has the common options; the options of
// the program itself are --help and --version only.
func (e *env) app() *cli.App {
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Aliases: []string{"V"}, Usage: "print the version"}
	app := &cli.App{
		Name:           "ofctl",
		Usage:          "look into and change OpenFlow switches",
		UsageText:      "ofctl [OPTIONS] VERB [SWITCH] [ARGUMENTS]\n\nSWITCH is a bridge's name, unix:PATH, tcp:HOST[:PORT] or ssl:HOST[:PORT]. Options may stand anywhere; -- ends them.",
		Version:        programVersion(),
		Reader:         e.in,
		Writer:         e.out,
		ErrWriter:      e.err,
		ExitErrHandler: func(*cli.Context, error) {}, // run prints and decides on the status
		Suggest:        true,
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			return fmt.Errorf("%w; ofctl --help lists verbs and options", err)
		},
		Action: func(c *cli.Context) error {
			return fmt.Errorf("there is no verb %q; ofctl --help lists them", c.Args().First())
		},
	}
	app.Commands = append(app.Commands, e.switchCommands()...)
	app.Commands = append(app.Commands, e.daemonCommands()...)
	app.Commands = append(app.Commands, e.completionCommand())
	for _, c := range app.Commands {
		e.finish(c)
	}
	app.Commands = append(app.Commands, databaseCommands()...)
	return app
}

// finish gives a verb what all verbs have.
func (e *env) finish(c *cli.Command) *cli.Command {
	c.Flags = append(c.Flags, commonFlags()...)
	c.HideHelpCommand = true
	name := c.Name
	c.OnUsageError = func(_ *cli.Context, err error, _ bool) error {
		if option, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
			err = fmt.Errorf("there is no option --%s", strings.TrimLeft(option, "-"))
		}
		return fmt.Errorf("%s: %w; ofctl %s --help lists its options", name, err, name)
	}
	return c
}

func (e *env) switchCommands() []*cli.Command {
	return []*cli.Command{
		e.showCommand(),
		e.dumpDescCommand(),
		e.dumpTablesCommand(),
		e.dumpFlowsCommand(),
		e.dumpAggregateCommand(),
		e.addFlowCommand(),
		e.addFlowsCommand(),
		e.modFlowsCommand(),
		e.delFlowsCommand(),
		e.replaceFlowsCommand(),
		e.diffFlowsCommand(),
		e.dumpPortsCommand(),
		e.dumpPortsDescCommand(),
		e.modPortCommand(),
		e.packetOutCommand(),
		e.monitorCommand(),
		e.snoopCommand(),
		e.probeCommand(),
		e.pingCommand(),
		e.getFragsCommand(),
		e.setFragsCommand(),
		e.queueStatsCommand(),
		e.queueGetConfigCommand(),
		e.dumpTableFeaturesCommand(),
		e.modTableCommand(),
		e.addGroupCommand(),
		e.addGroupsCommand(),
		e.modGroupCommand(),
		e.delGroupsCommand(),
		e.dumpGroupsCommand(),
		e.dumpGroupStatsCommand(),
		e.dumpGroupFeaturesCommand(),
		e.laterBucketsCommand("insert-buckets"),
		e.laterBucketsCommand("remove-buckets"),
		e.bundleCommand(),
		e.addMeterCommand(),
		e.modMeterCommand(),
		e.delMetersCommand(),
		e.dumpMetersCommand(),
		e.meterStatsCommand(),
		e.meterFeaturesCommand(),
	}
}

// version is set by the linker; without it, programVersion asks the build.
var version string

// programVersion is the version, and the revision that the program was built from.
func programVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && !strings.Contains(v, s.Value[:min(7, len(s.Value))]) {
			v += " " + s.Value
		}
	}
	return v
}

// Defaults of the common options.
const (
	defaultTimeout = 10 * time.Second
	defaultPort    = 6653 // OpenFlow 1.3.5 §6.3.3
	openFlow13     = "OpenFlow13"
)

// common are the options of all verbs.
type common struct {
	RunDir  string
	Timeout time.Duration // longest silence of the peer
	Names   bool          // print port names
	NoNames bool          // neither print nor read them
	TLS     stream.Files  // for ssl: targets
}

func commonFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "run-dir", Value: unixctl.DefaultRunDir, EnvVars: []string{"OFSWITCH_RUNDIR"}, Usage: "`DIR` where the switch has its sockets"},
		&cli.StringFlag{Name: "timeout", Aliases: []string{"T"}, Value: "10", Usage: "give up after so many seconds without an answer; 0: never"},
		&cli.StringFlag{Name: "protocols", Aliases: []string{"O"}, Value: openFlow13, Usage: "OpenFlow versions; " + openFlow13 + " must be one"},
		&cli.StringFlag{Name: "private-key", Aliases: []string{"p"}, Usage: "PEM `FILE` of our private key, for ssl:"},
		&cli.StringFlag{Name: "certificate", Aliases: []string{"c"}, Usage: "PEM `FILE` of our certificate"},
		&cli.StringFlag{Name: "ca-cert", Aliases: []string{"C"}, Usage: "PEM `FILE` of the CA that has signed the switch's certificate"},
		&cli.BoolFlag{Name: "names", Usage: "print port names instead of numbers"},
		&cli.BoolFlag{Name: "no-names", Usage: "neither print nor read port names"},
	}
}

// commonOptions reads the common options of a command line.
func commonOptions(c *cli.Context) (common, error) {
	o := common{RunDir: c.String("run-dir"), Names: c.Bool("names"), NoNames: c.Bool("no-names")}
	o.TLS = stream.Files{PrivateKey: c.String("private-key"), Certificate: c.String("certificate"), CACert: c.String("ca-cert")}
	var err error
	if o.Timeout, err = parseTimeout(c.String("timeout")); err != nil {
		return o, err
	}
	if o.Names && o.NoNames {
		return o, errors.New("--names and --no-names together: choose one")
	}
	for _, p := range strings.FieldsFunc(c.String("protocols"), func(r rune) bool { return r == ',' || r == ' ' }) {
		if strings.EqualFold(p, openFlow13) {
			return o, nil
		}
	}
	return o, fmt.Errorf("--protocols=%s: ofctl speaks %s", c.String("protocols"), openFlow13)
}

// parseTimeout reads seconds, or a duration such as 500ms.
func parseTimeout(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil {
		d, err = time.ParseDuration(s + "s")
	}
	if err != nil || d < 0 {
		return 0, fmt.Errorf("--timeout=%s: want a number of seconds, such as 5 or 0.5", s)
	}
	return d, nil
}

// positional checks the number of a verb's arguments. usage names them.
func positional(c *cli.Context, min, max int) ([]string, error) {
	args := c.Args().Slice()
	switch n := len(args); {
	case n < min:
		return nil, fmt.Errorf("%s: too few arguments; usage: ofctl %s %s", c.Command.Name, c.Command.Name, c.Command.ArgsUsage)
	case max >= 0 && n > max:
		return nil, fmt.Errorf("%s: %q is one argument too many; usage: ofctl %s %s", c.Command.Name, args[max], c.Command.Name, c.Command.ArgsUsage)
	}
	return args, nil
}

// command makes a verb's action: it reads the common options, checks the number
// of arguments (max -1: any), and calls fn.
func command(min, max int, fn func(c *cli.Context, o common, args []string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		args, err := positional(c, min, max)
		if err != nil {
			return err
		}
		o, err := commonOptions(c)
		if err != nil {
			return err
		}
		return fn(c, o, args)
	}
}
