package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange brings a command line into the order that package cli wants: verb,
// options, "--", arguments. So options may stand anywhere, as with getopt, and an
// argument may begin with a dash once "--" has been seen.
//
// Values stand behind "=", in the next word, or right behind a letter (-T5).
// --sort, --rsort take theirs behind "=" only; both become --sort with the
// direction in front of the field, since their order among each other matters.
//
// Options of the daemon's commands are arguments here: the daemon knows them.
func arrange(app *cli.App, args []string) ([]string, error) {
	takes := valueOptions(app)
	daemon := asksDaemon(args, takes)
	var options, words []string
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			words = append(words, args[i+1:]...)
			i = len(args)
		case len(a) < 2 || a[0] != '-':
			words = append(words, a)
		default:
			name, value, has := strings.Cut(strings.TrimLeft(a, "-"), "=")
			if daemon && !ownOption(name) && !(a[1] != '-' && ownOption(a[1:2]) && takes[a[1:2]]) {
				words = append(words, a)
				continue
			}
			if s := sortOption(name, value, has); s != "" {
				options = append(options, s)
				continue
			}
			if !has && a[1] != '-' && len(a) > 2 && takes[a[1:2]] {
				options = append(options, a[:2]+"="+a[2:])
				continue
			}
			if !has && takes[name] && i+1 < len(args) {
				i++
				a += "=" + args[i]
			}
			options = append(options, a)
		}
	}
	if len(words) == 0 {
		return options, nil // --help, --version, or nothing
	}
	out := append([]string{words[0]}, options...)
	return append(append(out, "--"), words[1:]...), nil
}

// asksDaemon says whether the verb is one whose arguments the daemon reads.
func asksDaemon(args []string, takes map[string]bool) bool {
	for i := 0; i < len(args); i++ {
		a := args[i]
		if len(a) < 2 || a[0] != '-' {
			return a == verbTrace || a == verbAppctl || strings.Contains(a, "/")
		}
		if name := strings.TrimLeft(a, "-"); takes[name] {
			i++
		}
	}
	return false
}

// ownOption says whether an option of a daemon's verb is ours.
func ownOption(name string) bool {
	switch name {
	case "run-dir", "timeout", "T", "target", "t", "help", "h":
		return true
	}
	return false
}

// sortOption is the one word that stands for --sort and --rsort; "" for other
// options.
func sortOption(name, value string, has bool) string {
	if !has {
		value = "priority"
	}
	switch name {
	case "sort":
		return "--sort=+" + value
	case "rsort":
		return "--sort=-" + value
	}
	return ""
}

// valueOptions are the names of the options that have values.
func valueOptions(app *cli.App) map[string]bool {
	takes := make(map[string]bool)
	for _, c := range app.Commands {
		for _, f := range c.Flags {
			if _, isBool := f.(*cli.BoolFlag); isBool {
				continue
			}
			for _, n := range f.Names() {
				takes[n] = true
			}
		}
	}
	return takes
}

// argument is an argument that may be left out.
func argument(args []string, i int, otherwise string) string {
	if i < len(args) {
		return args[i]
	}
	return otherwise
}
