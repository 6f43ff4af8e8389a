package completion

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// kind is what may stand in a place of the command line.
type kind string

const (
	anything kind = ""        // nothing that a shell could know
	bridges  kind = "bridges" // those of the run directory
	devices  kind = "devices" // of the network
	files    kind = "files"
	words    kind = "words" // those in option.words
)

// option is a flag.
type option struct {
	names []string // with dashes, the longest first
	help  string
	takes bool // a value
	kind  kind // of the value
	words []string
}

// verb is a command of the program.
type verb struct {
	name, help string
	options    []option
	places     []kind // of its arguments
	more       bool   // the last place may repeat
}

// table is a program. Without verbs its options are in common.
type table struct {
	name   string
	common []option // of all verbs
	verbs  []verb
}

// describe reads the command line of app. choices are the values that options,
// by their long names, may have.
func describe(app *cli.App, choices map[string][]string) table {
	t := table{name: app.Name}
	if len(app.Commands) == 0 {
		t.common = options(app.Flags, choices)
		return t
	}
	uses := map[string]int{}
	for _, c := range app.Commands {
		for _, f := range c.Flags {
			uses[f.Names()[0]]++
		}
	}
	isCommon := func(f cli.Flag) bool { return uses[f.Names()[0]] == len(app.Commands) }
	for _, c := range app.Commands {
		if c.Hidden {
			continue
		}
		v := verb{name: c.Name, help: c.Usage}
		v.places, v.more = places(c.ArgsUsage)
		own := slices.DeleteFunc(slices.Clone(c.Flags), isCommon)
		v.options = options(own, choices)
		if t.common == nil {
			t.common = options(slices.DeleteFunc(slices.Clone(c.Flags), func(f cli.Flag) bool { return !isCommon(f) }), choices)
		}
		t.verbs = append(t.verbs, v)
	}
	return t
}

func options(flags []cli.Flag, choices map[string][]string) []option {
	var list []option
	for _, f := range flags {
		o := option{}
		names := slices.Clone(f.Names())
		slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
		for _, n := range names {
			if len(n) == 1 {
				o.names = append(o.names, "-"+n)
			} else {
				o.names = append(o.names, "--"+n)
			}
		}
		if d, ok := f.(cli.DocGenerationFlag); ok {
			o.takes = d.TakesValue()
			placeholder, help := unquote(d.GetUsage())
			o.help = help
			if o.takes {
				o.kind = kindOf(placeholder)
			}
		}
		if w := choices[names[0]]; len(w) > 0 {
			o.kind, o.words = words, w
		}
		list = append(list, o)
	}
	return list
}

// unquote takes the name of the value, in back quotes, out of a usage text.
func unquote(usage string) (placeholder, text string) {
	before, rest, ok := strings.Cut(usage, "`")
	if !ok {
		return "", usage
	}
	placeholder, after, _ := strings.Cut(rest, "`")
	return placeholder, before + placeholder + after
}

// places reads the usage text of a verb's arguments: a kind for each word.
func places(usage string) (list []kind, more bool) {
	usage, _, _ = strings.Cut(usage, " | ") // the first form stands for all
	for word := range strings.FieldsSeq(usage) {
		more = strings.HasSuffix(word, "...")
		list = append(list, kindOf(word))
	}
	return list, more
}

// kindOf is what a name in a usage text stands for.
func kindOf(name string) kind {
	first, _, _ := strings.Cut(strings.Trim(name, "[]."), "|")
	first, _, _ = strings.Cut(first, "[")
	switch first {
	case "SWITCH", "BRIDGE", "PARENT":
		return bridges
	case "DEVICE", "INTERFACE", "PORT":
		return devices
	case "FILE", "DIR":
		return files
	}
	return anything
}
