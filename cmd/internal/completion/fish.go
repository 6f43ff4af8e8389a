package completion

import (
	"fmt"
	"strings"
)

func (t *table) fish(b *strings.Builder) {
	fmt.Fprintf(b, "complete -c %s -f\n", t.name)
	t.fishOptions(b, "", t.common)
	t.fishOptions(b, "", []option{{names: []string{"--help"}, help: "print help"}})
	if len(t.verbs) == 0 {
		return
	}
	var verbs []string
	for _, v := range t.verbs {
		verbs = append(verbs, v.name)
	}
	noVerb := "not __fish_seen_subcommand_from " + strings.Join(verbs, " ")
	for _, v := range t.verbs {
		fmt.Fprintf(b, "complete -c %s -n %s -a %s -d %s\n", t.name, fishQuote(noVerb), fishQuote(v.name), fishQuote(v.help))
		seen := "__fish_seen_subcommand_from " + v.name
		t.fishOptions(b, seen, v.options)
		done := map[kind]bool{}
		for _, k := range v.places {
			if !done[k] {
				done[k] = true
				fishPlace(b, t.name, seen, k)
			}
		}
	}
}

func fishPlace(b *strings.Builder, program, condition string, k kind) {
	if what := fishArguments(option{kind: k}); what != "" {
		fmt.Fprintf(b, "complete -c %s -n %s%s\n", program, fishQuote(condition), what)
	}
}

func (t *table) fishOptions(b *strings.Builder, condition string, list []option) {
	for _, o := range list {
		fmt.Fprintf(b, "complete -c %s", t.name)
		if condition != "" {
			fmt.Fprintf(b, " -n %s", fishQuote(condition))
		}
		for _, n := range o.names {
			if long, ok := strings.CutPrefix(n, "--"); ok {
				fmt.Fprintf(b, " -l %s", long)
			} else {
				fmt.Fprintf(b, " -s %s", n[1:])
			}
		}
		if o.takes {
			b.WriteString(" -r" + fishArguments(o))
		}
		fmt.Fprintf(b, " -d %s\n", fishQuote(o.help))
	}
}

// fishArguments are the flags of "complete" that offer values.
func fishArguments(o option) string {
	switch o.kind {
	case bridges:
		return ` -a '(set -q OFSWITCH_RUNDIR; or set -l OFSWITCH_RUNDIR /run/ofswitch; string replace -rf "^.*/(.+)\\.mgmt\$" "\$1" $OFSWITCH_RUNDIR/*.mgmt)'`
	case devices:
		return ` -a '(string replace -r "^.*/" "" /sys/class/net/*)'`
	case files:
		return " -F"
	case words:
		return " -a " + fishQuote(strings.Join(o.words, " "))
	}
	return ""
}

// fishQuote makes s one word of fish, which knows two escapes between quotes.
func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
