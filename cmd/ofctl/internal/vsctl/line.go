package vsctl

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Line is a command line that makes sense so far.
type Line struct {
	words []string // as it was given, for the database's log
	calls []*call

	database string // --db
	runDir   string
	usual    bool // the database is the one of the run directory
	noWait   bool
	dryRun   bool
	oneLine  bool
	retry    bool
	timeout  time.Duration // 0: none
	timeSet  bool
	key      string
	cert     string
	ca       string
	style    style
	help     bool
	version  bool
}

// option is one of the command line as a whole. It may also stand before a
// command, as far as the first is concerned.
type option struct {
	name   string
	letter byte // 0: none
	arg    string
	usage  string
	set    func(l *Line, value string) error
}

func flag(f func(*Line) *bool) func(*Line, string) error {
	return func(l *Line, _ string) error {
		*f(l) = true
		return nil
	}
}

func text(f func(*Line) *string) func(*Line, string) error {
	return func(l *Line, v string) error {
		*f(l) = v
		return nil
	}
}

func ignored(*Line, string) error { return nil }

// options of all command lines. Those for ovs-vsctl's own log and for what a
// client of the database here does anyhow are taken and do nothing.
var options = []option{
	{"db", 0, "DATABASE", "where the database is; unix:RUN-DIR/db.sock unless given", text(func(l *Line) *string { return &l.database })},
	{"run-dir", 0, "DIR", "where the switch has its sockets", text(func(l *Line) *string { return &l.runDir })},
	{"no-syslog", 0, "", "taken and ignored", ignored},
	{"no-wait", 0, "", "do not wait until the switch has taken over the change", flag(func(l *Line) *bool { return &l.noWait })},
	{"dry-run", 0, "", "do not change the database", flag(func(l *Line) *bool { return &l.dryRun })},
	{"oneline", 0, "", "print exactly one line for each command", flag(func(l *Line) *bool { return &l.oneLine })},
	{"timeout", 't', "SECONDS", "give up after so many seconds; 0: never", setTimeout},
	{"retry", 0, "", "try on to connect to the database", flag(func(l *Line) *bool { return &l.retry })},
	{"help", 'h', "", "print how this is used", flag(func(l *Line) *bool { return &l.help })},
	{"leader-only", 0, "", "taken and ignored", ignored},
	{"no-leader-only", 0, "", "taken and ignored", ignored},
	{"shuffle-remotes", 0, "", "taken and ignored", ignored},
	{"no-shuffle-remotes", 0, "", "taken and ignored", ignored},
	{"version", 'V', "", "print the version", flag(func(l *Line) *bool { return &l.version })},
	{"format", 'f', "FORMAT", "print tables as table, list, html, csv or json", setFormat},
	{"data", 'd', "FORMAT", "print values as string, bare or json", setData},
	{"no-headings", 0, "", "print no headings", flag(func(l *Line) *bool { return &l.style.noHeadings })},
	{"pretty", 0, "", "print JSON on several lines", flag(func(l *Line) *bool { return &l.style.pretty })},
	{"bare", 0, "", "--format=list --data=bare --no-headings", setBare},
	{"max-column-width", 0, "N", "cut columns of a table off after N characters", setWidth},
	{"private-key", 'p', "FILE", "PEM file of our private key, for ssl:", text(func(l *Line) *string { return &l.key })},
	{"certificate", 'c', "FILE", "PEM file of our certificate", text(func(l *Line) *string { return &l.cert })},
	{"ca-cert", 'C', "FILE", "PEM file of the CA that has signed the server's certificate", text(func(l *Line) *string { return &l.ca })},
}

func setTimeout(l *Line, v string) error {
	n, err := strconv.ParseUint(v, 10, 31)
	if err != nil {
		return fmt.Errorf("value %s on -t or --timeout is invalid", v)
	}
	l.timeout, l.timeSet = time.Duration(n)*time.Second, true
	return nil
}

func setWidth(l *Line, v string) error {
	n, err := strconv.ParseUint(v, 10, 31)
	if err != nil {
		return fmt.Errorf("value %s on --max-column-width is invalid", v)
	}
	l.style.maxWidth = int(n)
	return nil
}

func setFormat(l *Line, v string) error {
	if _, ok := printers[v]; !ok {
		return fmt.Errorf("unknown output format %q", v)
	}
	l.style.format = v
	return nil
}

func setData(l *Line, v string) error {
	if v != "string" && v != "bare" && v != "json" {
		return fmt.Errorf("unknown data format %q", v)
	}
	l.style.data = v
	return nil
}

func setBare(l *Line, _ string) error {
	l.style.format, l.style.data, l.style.noHeadings = "list", "bare", true
	return nil
}

// Claims says whether a command line is one of this language: its first command
// is. A "show" that names a switch is not.
func Claims(args []string) bool {
	chained := false // from "--" on, values of options stand behind "="
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			chained = true
		case len(a) < 2 || a[0] != '-':
			if a == "show" {
				return len(args) == i+1 || args[i+1] == "--"
			}
			return commandByName(a) != nil
		case chained:
		case strings.HasPrefix(a, "--"):
			name, _, has := strings.Cut(a[2:], "=")
			if o, err := optionByName(name); err == nil && o.arg != "" && !has {
				i++
			}
		case len(a) == 2:
			if o := optionByLetter(a[1]); o != nil && o.arg != "" {
				i++
			}
		}
	}
	return false
}

// Parse reads a command line, without the program's name.
func Parse(args []string) (*Line, error) {
	l := &Line{words: args, style: style{format: "list", data: "string"}}
	local, rest, err := l.parseOptions(args)
	if err != nil || l.help || l.version {
		return l, err
	}
	start := 0
	for i := 0; i <= len(rest); i++ {
		if i < len(rest) && rest[i] != "--" {
			continue
		}
		if i > start {
			c, err := parseCall(rest[start:i], local)
			if err != nil {
				return nil, err
			}
			l.calls = append(l.calls, c)
			local = nil
		} else if len(local) > 0 {
			return nil, errNoCommand
		}
		start = i + 1
	}
	if len(l.calls) == 0 {
		return nil, errNoCommand
	}
	return l, nil
}

var errNoCommand = errors.New("missing command name (use --help for help)")

// parseOptions reads the options before the first command. Those that are the
// command's are local.
func (l *Line) parseOptions(args []string) (local map[string]string, rest []string, err error) {
	local = make(map[string]string)
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			return local, args[i+1:], nil
		case len(a) < 2 || a[0] != '-':
			return local, args[i:], nil
		case strings.HasPrefix(a, "--"):
			name, value, has := strings.Cut(a[2:], "=")
			o, err := optionByName(name)
			if err != nil {
				return nil, nil, err
			}
			switch {
			case o.arg == "" && has:
				return nil, nil, fmt.Errorf("option '--%s' doesn't allow an argument", o.name)
			case o.arg != "" && !has:
				if i++; i == len(args) {
					return nil, nil, fmt.Errorf("option '--%s' requires an argument", o.name)
				}
				value = args[i]
			}
			if o.set == nil {
				if _, twice := local["--"+o.name]; twice && o.arg != "" {
					return nil, nil, fmt.Errorf("'%s' option specified multiple times", o.name)
				}
				local["--"+o.name] = value
			} else if err := o.set(l, value); err != nil {
				return nil, nil, err
			}
		default:
			for j := 1; j < len(a); j++ {
				o := optionByLetter(a[j])
				if o == nil {
					return nil, nil, fmt.Errorf("unrecognized option '%c'", a[j])
				}
				value := ""
				if o.arg != "" {
					if value = a[j+1:]; value == "" {
						if i++; i == len(args) {
							return nil, nil, fmt.Errorf("option requires an argument -- '%c'", a[j])
						}
						value = args[i]
					}
					j = len(a)
				}
				if err := o.set(l, value); err != nil {
					return nil, nil, err
				}
			}
		}
	}
	return local, nil, nil
}

// optionByName finds an option, also one of a command, by its name or a
// beginning of it that no other has. One of a command has no set.
func optionByName(name string) (*option, error) {
	var found []*option
	add := func(o *option) bool {
		if strings.HasPrefix(o.name, name) {
			for _, f := range found {
				if f.name == o.name {
					return false
				}
			}
			found = append(found, o)
		}
		return o.name == name
	}
	for i := range options {
		if add(&options[i]) {
			return &options[i], nil
		}
	}
	for _, c := range commands {
		for _, s := range c.options {
			o := &option{name: strings.TrimSuffix(s[2:], "=")}
			if strings.HasSuffix(s, "=") {
				o.arg = "ARG"
			}
			if add(o) {
				return o, nil
			}
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("unrecognized option '--%s'", name)
	case 1:
		return found[0], nil
	}
	var names []string
	for _, o := range found {
		names = append(names, "'--"+o.name+"'")
	}
	return nil, fmt.Errorf("option '--%s' is ambiguous; possibilities: %s", name, strings.Join(names, " "))
}

func optionByLetter(c byte) *option {
	if c == 'T' { // as everywhere else in ofctl
		c = 't'
	}
	for i := range options {
		if options[i].letter == c {
			return &options[i]
		}
	}
	return nil
}

// parseCall reads one command with its options. local are options of the first
// that stood before "--".
func parseCall(words []string, local map[string]string) (*call, error) {
	c := &call{options: make(map[string]string), words: words}
	hasValue := make(map[string]bool)
	var given []string
	for name, v := range local {
		c.options[name], hasValue[name] = v, v != ""
		given = append(given, name)
	}
	i := 0
	for ; i < len(words) && strings.HasPrefix(words[i], "-"); i++ {
		name, value, has := strings.Cut(words[i], "=")
		if _, twice := c.options[name]; twice {
			return nil, fmt.Errorf("'%s' option specified multiple times", words[i])
		}
		c.options[name], hasValue[name] = value, has
		given = append(given, name)
	}
	if i == len(words) {
		return nil, errNoCommand
	}
	name := words[i]
	if c.command = commandByName(name); c.command == nil {
		return nil, fmt.Errorf("unknown command '%s'; use --help for help", name)
	}
	for _, o := range given {
		takes, known := false, false
		for _, s := range c.command.options {
			if s == o || s == o+"=" {
				takes, known = s != o, true
			}
		}
		switch {
		case !known:
			return nil, fmt.Errorf("'%s' command has no '%s' option", name, o)
		case takes && !hasValue[o]:
			if _, early := local[o]; !early { // an empty value is one
				return nil, fmt.Errorf("missing argument to '%s' option on '%s' command", o, name)
			}
		case !takes && hasValue[o]:
			return nil, fmt.Errorf("'%s' option on '%s' does not accept an argument", o, name)
		}
	}
	c.args = words[i+1:]
	if n := len(c.args); n < c.min {
		return nil, fmt.Errorf("'%s' command requires at least %d arguments", name, c.min)
	} else if n > c.max {
		for _, a := range c.args {
			if strings.HasPrefix(a, "-") {
				return nil, fmt.Errorf("'%s' command takes at most %d arguments (note that options must precede command names and follow a \"--\" argument)", name, c.max)
			}
		}
		return nil, fmt.Errorf("'%s' command takes at most %d arguments", name, c.max)
	}
	return c, nil
}

// String is the command with its options, for messages.
func (c *call) String() string {
	words := make([]string, 0, len(c.words))
	for _, o := range c.command.options {
		if name := strings.TrimSuffix(o, "="); c.has(name) {
			words = append(words, name)
		}
	}
	return escapeWords(append(append(words, c.name), c.args...))
}

// escapeWords joins words, in quotes where they would fall apart without.
func escapeWords(words []string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		if !strings.ContainsAny(w, " \t\r\n\v\\'\"") {
			b.WriteString(w)
			continue
		}
		b.WriteByte('"')
		b.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(w))
		b.WriteByte('"')
	}
	return b.String()
}
