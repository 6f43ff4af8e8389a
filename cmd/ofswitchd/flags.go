package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ofswitch/bridge"
	"ofswitch/cmd/internal/completion"
	"ofswitch/ofconn"
	"ofswitch/ofp"
	"ofswitch/ofswitch"
	"ofswitch/stream"
	"ofswitch/unixctl"
)

// options are the command line, read.
type options struct {
	runDir       string
	threads      bridge.Threads
	noKernelPath bool
	detach       bool
	logFile      string
	logLevel     slog.Level
	db           dbOption
	config       bridge.Config
}

// errDone: the command line asked for help or the version, which were printed.
var errDone = errors.New("done")

const description = `A software switch in userspace that speaks OpenFlow 1.3 and 1.0.

--bridge opens a group: the flags --datapath-id, --port, --qos, --queue,
--controller, --listen, --other-config, --protocols and --fail-mode that follow
belong to it, up to the next --bridge.

Example: a switch between two devices, learning by itself:

   ofswitchd --db none --bridge br0 --port eth1 --port eth2

The same under a controller:

   ofswitchd --db none --bridge br0 --port eth1 --port eth2 \
      --controller tcp:127.0.0.1:6653 --fail-mode secure`

// parseArgs reads the command line. Help and version go to stdout.
func parseArgs(args []string, stdout io.Writer) (*options, error) {
	o := &options{}
	g := &groups{}
	var db, level, shell string
	ran := false
	app := &cli.App{
		Name:            program,
		Usage:           "a software OpenFlow switch",
		Description:     description,
		UsageText:       "ofswitchd --db none --bridge NAME [--port DEVICE]... [flags]",
		Version:         version,
		Writer:          stdout,
		ErrWriter:       io.Discard, // errors are printed once, by run
		HideHelpCommand: true,
		OnUsageError:    func(_ *cli.Context, err error, _ bool) error { return usageError(err) },
		ExitErrHandler:  func(*cli.Context, error) {},
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "run-dir", Value: unixctl.DefaultRunDir, EnvVars: []string{"OFSWITCH_RUNDIR"}, Usage: "`DIR` of sockets and pid file, created if missing", Destination: &o.runDir},
			&cli.StringFlag{Name: "db", Value: defaultDB, Usage: "configuration `DATABASE`: a file, made if missing and served on db.sock in the run directory; or a server, unix:PATH, tcp:HOST[:PORT] or ssl:HOST[:PORT], several of a cluster with commas; or none: the flags below are the configuration", Destination: &db},
			&cli.BoolFlag{Name: "detach", Usage: "return when the switch is ready, which goes on in the background", Destination: &o.detach},
			&cli.IntFlag{Name: "workers", Usage: "`N` forwarding threads; by default one, or one for each processor of --cpu-mask (other_config:n-workers in the database comes first)", Action: func(_ *cli.Context, n int) error { return checkWorkers(n) }, Destination: &o.threads.Workers},
			&cli.StringFlag{Name: "cpu-mask", Usage: "bind forwarding threads to the processors of the hexadecimal `MASK` (other_config:pmd-cpu-mask comes first)", Action: o.cpuMask},
			&cli.BoolFlag{Name: "busy-poll", Usage: "forwarding threads look for frames without end and never sleep: each takes a processor (other_config:pmd-busy-poll)", Destination: &o.threads.BusyPoll},
			&cli.StringFlag{Name: "kernel-path", Value: "on", Usage: "`on` or off: whether the kernel forwards hot flows by itself (other_config:kernel-path=false turns it off, too)", Action: o.kernelPath},
			&cli.StringFlag{Name: "log-file", Usage: "append the log to `FILE`; by default it goes to standard error, and with --detach nowhere once the switch is ready", Destination: &o.logFile},
			&cli.StringFlag{Name: "log-level", Value: "info", Usage: "`LEVEL`: debug, info, warn or error", Destination: &level},
			&cli.StringFlag{Name: "completion", Usage: "print the script with which the `SHELL` bash, zsh or fish completes these flags, and end", Destination: &shell},
			&cli.StringFlag{Name: "private-key", Usage: "PEM `FILE` of our private key, for ssl: and pssl:", Destination: &g.config.TLS.PrivateKey},
			&cli.StringFlag{Name: "certificate", Usage: "PEM `FILE` of our certificate", Destination: &g.config.TLS.Certificate},
			&cli.StringFlag{Name: "ca-cert", Usage: "PEM `FILE` of the CA that has signed the certificates of controllers", Destination: &g.config.TLS.CACert},
			g.flag("bridge", "`NAME` of a bridge; opens a group", g.bridge),
			g.flag("datapath-id", "16 hex `DIGITS` that controllers see; by default made of the bridge's MAC address", g.datapathID),
			g.flag("port", "`DEVICE[@N][,COLUMN=VALUE]...`: a port, OpenFlow number N or the next free one; columns type (internal, patch, tap), mac, mtu_request, ofport_request, options:KEY", g.port),
			g.flag("qos", "`PORT[,COLUMN=VALUE]...`: the rate that the queues of a port share; columns type (linux-htb), max-rate (bits/s, by default the device's speed)", g.qos),
			g.flag("queue", "`PORT,ID[,COLUMN=VALUE]...`: a queue of a port; columns min-rate, max-rate (bits/s), burst (bits), priority", g.queue),
			g.flag("controller", "`TARGET[,COLUMN=VALUE]...`: tcp:HOST[:PORT], ssl:HOST[:PORT] or unix:PATH; columns max_backoff, inactivity_probe (milliseconds), connection_mode (in-band, out-of-band), controller_rate_limit, controller_burst_limit (packet-ins per second)", g.controller),
			g.flag("listen", "`TARGET`: ptcp:[PORT[:ADDR]], pssl:[PORT[:ADDR]] or punix:PATH, where controllers may connect to the bridge", g.listen),
			g.flag("other-config", "`KEY=VALUE[,KEY=VALUE]...` of the bridge: aux-connections (to each controller, besides the main one), packet-buffers (frames kept for controllers)", g.otherConfig),
			g.flag("protocols", "`LIST` of the versions of OpenFlow that may be spoken: OpenFlow10,OpenFlow13 (the default), or one of them", g.protocols),
			g.flag("fail-mode", "`MODE` without a controller: standalone (learning switch, the default) or secure", g.failMode),
		},
		Action: func(c *cli.Context) error {
			ran = true
			if c.NArg() > 0 {
				return fmt.Errorf("argument %q is not expected; everything is given by flags, see ofswitchd --help", c.Args().First())
			}
			return nil
		},
	}
	if err := app.Run(args); err != nil {
		return nil, err
	}
	if !ran {
		return nil, errDone
	}
	if shell != "" {
		if err := completion.Write(stdout, shell, app, choices); err != nil {
			return nil, fmt.Errorf("--completion: %w", err)
		}
		return nil, errDone
	}
	if g.err != nil {
		return nil, g.err
	}
	if err := o.logLevel.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level %s: use debug, info, warn or error", level)
	}
	var err error
	if o.db, err = parseDB(db); err != nil {
		return nil, err
	}
	if len(g.config.Bridges) > 0 && !o.db.none() {
		return nil, fmt.Errorf("--bridge %s: bridges are in the database, --db %s: make them by ovs-vsctl or ofctl, or add --db none, and the flags are the configuration", g.config.Bridges[0].Name, db)
	}
	if len(g.config.Bridges) == 0 && o.db.none() {
		return nil, errors.New("no bridge: add --bridge NAME, for example --bridge br0 --port eth1 --port eth2")
	}
	if o.runDir == "" {
		return nil, errors.New("--run-dir: want the path of a directory")
	}
	if err := checkTLS(&g.config); err != nil {
		return nil, err
	}
	o.config = g.config
	return o, nil
}

// checkWorkers refuses a number of threads that cannot be.
func checkWorkers(n int) error {
	if err := ofswitch.CheckWorkers(n); err != nil {
		return fmt.Errorf("--workers: %w", err)
	}
	return nil
}

// kernelPath reads --kernel-path.
func (o *options) kernelPath(_ *cli.Context, value string) error {
	if value != "on" && value != "off" {
		return fmt.Errorf("--kernel-path %s: use on or off", value)
	}
	o.noKernelPath = value == "off"
	return nil
}

// cpuMask reads --cpu-mask.
func (o *options) cpuMask(_ *cli.Context, mask string) (err error) {
	if o.threads.CPUs, err = bridge.ParseCPUMask(mask); err != nil {
		return fmt.Errorf("--cpu-mask: %w", err)
	}
	return nil
}

// checkTLS refuses TLS files named in part, and TLS targets without them.
func checkTLS(c *bridge.Config) error {
	target := c.NeedsTLS()
	if target == "" && c.TLS == (stream.Files{}) {
		return nil
	}
	err := c.TLS.Check()
	if err != nil && target != "" {
		return fmt.Errorf("%s: %w", target, err)
	}
	return err
}

// usageError says in our words what the flag package found.
func usageError(err error) error {
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		return fmt.Errorf("there is no flag --%s; ofswitchd --help lists those that there are", strings.TrimPrefix(name, "-"))
	}
	if name, ok := strings.CutPrefix(err.Error(), "flag needs an argument: -"); ok {
		return fmt.Errorf("--%s needs a value; ofswitchd --help says which", strings.TrimPrefix(name, "-"))
	}
	if m := wrongValue.FindStringSubmatch(err.Error()); m != nil {
		want := "a number"
		if m[1] != "" {
			want = "true or false, or nothing"
		}
		return fmt.Errorf("--%s=%.100s: want %s", m[3], m[2], want)
	}
	return err
}

// wrongValue is what the flag package says of a value that is no number, or neither true nor false.
var wrongValue = regexp.MustCompile(`^invalid (boolean )?value "(.*)" for (?:flag )?-([a-z-]+): `)

// groups builds the configuration from flags in the order given, which a flag
// package's own values would lose.
type groups struct {
	config bridge.Config
	err    error
}

// orderedFlag is a flag.Value that hands each occurrence to a function.
type orderedFlag struct{ set func(string) error }

func (f *orderedFlag) Set(s string) error { return f.set(s) }
func (f *orderedFlag) String() string     { return "" }

func (g *groups) flag(name, usage string, set func(string) error) cli.Flag {
	return &cli.GenericFlag{Name: name, Usage: usage, Value: &orderedFlag{func(s string) error {
		if err := set(s); err != nil && g.err == nil {
			g.err = fmt.Errorf("--%s %s: %w", name, s, err)
		}
		return nil // reported once, in our own words
	}}}
}

func (g *groups) current() (*bridge.Bridge, error) {
	if len(g.config.Bridges) == 0 {
		return nil, errors.New("it belongs to a bridge: put --bridge NAME before it")
	}
	return &g.config.Bridges[len(g.config.Bridges)-1], nil
}

func (g *groups) bridge(s string) error {
	g.config.Bridges = append(g.config.Bridges, bridge.Bridge{Name: s, FailMode: bridge.Standalone})
	return nil
}

func (g *groups) datapathID(s string) error {
	b, err := g.current()
	if err != nil {
		return err
	}
	id, err := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 64)
	if err != nil || id == 0 {
		return errors.New("want 1 to 16 hex digits, not all zero, as 0000000000000001")
	}
	b.DatapathID = id
	return nil
}

func (g *groups) failMode(s string) error {
	b, err := g.current()
	if err != nil {
		return err
	}
	switch m := bridge.FailMode(s); m {
	case bridge.Standalone, bridge.Secure:
		b.FailMode = m
		return nil
	}
	return errors.New("want standalone or secure")
}

// otherConfig reads KEY=VALUE[,KEY=VALUE]...; a key given again has its last
// value.
func (g *groups) otherConfig(s string) error {
	b, err := g.current()
	if err != nil {
		return err
	}
	for _, pair := range strings.Split(s, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("%q is no KEY=VALUE", pair)
		}
		err := bridge.CheckOtherConfig(key, value)
		if wrong := (*bridge.SettingError)(nil); errors.As(err, &wrong) {
			return fmt.Errorf("%s: %s", wrong.Setting, wrong.Want) // nothing is used instead: there is no switch
		}
		if err != nil {
			return err
		}
		if b.OtherConfig == nil {
			b.OtherConfig = map[string]string{}
		}
		b.OtherConfig[key] = value
	}
	return nil
}

func (g *groups) protocols(s string) error {
	b, err := g.current()
	if err != nil {
		return err
	}
	names := strings.Split(s, ",")
	if _, err := ofconn.ParseProtocols(names); err != nil {
		return err
	}
	b.Protocols = names
	return nil
}

func (g *groups) listen(s string) error {
	b, err := g.current()
	if err != nil {
		return err
	}
	l := bridge.Listener{}
	columns, err := splitColumns(s, &l.Target)
	if err != nil {
		return err
	}
	if _, err := stream.ParsePassive("listener", l.Target, ofconn.DefaultPort); err != nil {
		return err
	}
	for _, c := range columns {
		if c.name != "inactivity_probe" {
			return fmt.Errorf("column %s is not known for --listen; known is inactivity_probe", c.name)
		}
		if l.InactivityProbe, err = milliseconds(c); err != nil {
			return err
		}
	}
	b.Listeners = append(b.Listeners, l)
	return nil
}

// perSecond reads a number of packet-ins per second.
func perSecond(c column) (uint32, error) {
	n, err := strconv.ParseUint(c.value, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%s=%s: want packet-ins per second, as 1000", c.name, c.value)
	}
	return uint32(n), nil
}

func (g *groups) controller(s string) error {
	b, err := g.current()
	if err != nil {
		return err
	}
	var t bridge.Controller
	columns, err := splitColumns(s, &t.Target)
	if err != nil {
		return err
	}
	if _, err := stream.ParseActive("controller", t.Target, ofconn.DefaultPort); err != nil {
		return err
	}
	for _, c := range columns {
		switch c.name {
		case "max_backoff":
			t.MaxBackoff, err = milliseconds(c)
		case "inactivity_probe":
			if t.InactivityProbe, err = milliseconds(c); err == nil && t.InactivityProbe == 0 {
				t.InactivityProbe = -1 // column value 0: no probes
			}
		case "connection_mode":
			if t.OutOfBand = c.value == "out-of-band"; !t.OutOfBand && c.value != "in-band" {
				err = fmt.Errorf("connection_mode=%s: want in-band or out-of-band", c.value)
			}
		case "controller_rate_limit":
			t.RateLimit, err = perSecond(c)
		case "controller_burst_limit":
			t.BurstLimit, err = perSecond(c)
		default:
			err = fmt.Errorf("column %s is not known for --controller; known are max_backoff, inactivity_probe, connection_mode, controller_rate_limit and controller_burst_limit", c.name)
		}
		if err != nil {
			return err
		}
	}
	b.Controllers = append(b.Controllers, t)
	return nil
}

func (g *groups) port(s string) error {
	b, err := g.current()
	if err != nil {
		return err
	}
	var p bridge.Port
	columns, err := splitColumns(s, &p.Name)
	if err != nil {
		return err
	}
	if name, no, ok := strings.Cut(p.Name, "@"); ok {
		p.Name = name
		if p.Request, err = portNumber(no); err != nil {
			return err
		}
	}
	for _, c := range columns {
		option, isOption := strings.CutPrefix(c.name, "options:")
		switch {
		case isOption:
			if p.Options == nil {
				p.Options = map[string]string{}
			}
			p.Options[option] = c.value
		case c.name == "type":
			p.Type = c.value
			if p.Type == "system" {
				p.Type = bridge.TypeSystem
			}
		case c.name == "ofport_request":
			p.Request, err = portNumber(c.value)
		case c.name == "mac":
			if p.MAC, err = net.ParseMAC(c.value); err != nil || len(p.MAC) != 6 {
				err = fmt.Errorf("mac=%s: want six bytes, as 02:00:00:00:00:01", c.value)
			}
		case c.name == "mtu_request":
			if p.MTU, err = strconv.Atoi(c.value); err != nil || p.MTU < 68 || p.MTU > 65535 {
				err = fmt.Errorf("mtu_request=%s: want 68 to 65535 bytes", c.value)
			}
		default:
			err = fmt.Errorf("column %s is not known for --port; known are type, mac, mtu_request, ofport_request and options:KEY", c.name)
		}
		if err != nil {
			return err
		}
	}
	b.Ports = append(b.Ports, p)
	return nil
}

func portNumber(s string) (ofp.PortNo, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 0 || ofp.PortNo(n) > ofp.PortMax {
		return 0, fmt.Errorf("OpenFlow number %q: want 1 to %d", s, uint32(ofp.PortMax))
	}
	return ofp.PortNo(n), nil
}

// column is one KEY=VALUE after a name.
type column struct{ name, value string }

// splitColumns reads NAME[,COLUMN=VALUE]...
func splitColumns(s string, name *string) ([]column, error) {
	parts := strings.Split(s, ",")
	*name = parts[0]
	var out []column
	for _, part := range parts[1:] {
		k, v, ok := strings.Cut(part, "=")
		if !ok {
			return nil, fmt.Errorf("%q is no COLUMN=VALUE", part)
		}
		out = append(out, column{k, v})
	}
	return out, nil
}

func milliseconds(c column) (time.Duration, error) {
	n, err := strconv.ParseUint(c.value, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%s=%s: want milliseconds", c.name, c.value)
	}
	return time.Duration(n) * time.Millisecond, nil
}
