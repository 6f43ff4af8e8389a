package completion

import (
	"fmt"
	"strings"
)

// bash and zsh walk over the words before the cursor in the same way: they find
// the verb and the number of its arguments so far. bash parts words at "=".

func (t *table) bash(b *strings.Builder) {
	f := "_" + t.name
	fmt.Fprintf(b, "%s() {\n", f)
	b.WriteString("\tlocal cur=${COMP_WORDS[COMP_CWORD]} verb= n=0 i w kind= list= option=\n")
	b.WriteString("\tCOMPREPLY=()\n")
	b.WriteString("\tfor ((i = 1; i < COMP_CWORD; i++)); do\n\t\tw=${COMP_WORDS[i]}\n\t\toption=\n")
	b.WriteString("\t\tcase $w in\n\t\t=)\n\t\t\t((i++))\n\t\t\t;;\n")
	t.caseWalk(b)
	b.WriteString("\t\tif [[ -n $option && ${COMP_WORDS[i + 1]} == = ]]; then\n\t\t\t((i++))\n\t\tfi\n")
	b.WriteString("\t\tif [[ -n $option ]] && ((++i < COMP_CWORD)); then\n\t\t\toption=\n\t\tfi\n\tdone\n")
	b.WriteString("\t[[ $cur != = ]] || cur=\n")
	t.caseKinds(b)
	b.WriteString(`	case $kind in
	bridges) list=$(cd "${OFSWITCH_RUNDIR:-/run/ofswitch}" 2>/dev/null && printf '%s\n' *.mgmt | sed -n 's/^\([^*].*\)\.mgmt$/\1/p') ;;
	devices) list=$(cd /sys/class/net 2>/dev/null && printf '%s\n' *) ;;
	files)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$list" -- "$cur")
}
`)
	fmt.Fprintf(b, "complete -F %s %s\n", f, t.name)
}

// caseWalk writes the rest of "case $w in" for a word before the cursor.
func (t *table) caseWalk(b *strings.Builder) {
	var takes []string
	for _, o := range t.every() {
		if o.takes {
			takes = append(takes, o.names...)
		}
	}
	if len(t.verbs) > 0 {
		b.WriteString("\t\t--)\n\t\t\tverb= n=0\n\t\t\t;;\n")
	}
	if len(takes) > 0 {
		fmt.Fprintf(b, "\t\t%s)\n\t\t\toption=$w\n\t\t\t;;\n", strings.Join(takes, "|"))
	}
	b.WriteString("\t\t-*) ;;\n\t\t*)\n")
	b.WriteString("\t\t\tif [[ -z $verb ]]; then verb=$w; else ((++n)); fi\n")
	b.WriteString("\t\t\t;;\n\t\tesac\n")
}

// caseKinds writes what sets kind, or list, for the word at the cursor.
func (t *table) caseKinds(b *strings.Builder) {
	b.WriteString("\tif [[ -n $option ]]; then\n\t\tcase $option in\n")
	for _, o := range t.every() {
		switch o.kind {
		case anything:
		case words:
			fmt.Fprintf(b, "\t\t%s) list=%s ;;\n", strings.Join(o.names, "|"), quote(strings.Join(o.words, " ")))
		default:
			fmt.Fprintf(b, "\t\t%s) kind=%s ;;\n", strings.Join(o.names, "|"), o.kind)
		}
	}
	b.WriteString("\t\tesac\n")
	fmt.Fprintf(b, "\telif [[ $cur == -* ]]; then\n\t\tlist=%s\n", quote(strings.Join(append(names(t.common), "--help"), " ")))
	if len(t.verbs) == 0 {
		b.WriteString("\tfi\n")
		return
	}
	b.WriteString("\t\tcase $verb in\n")
	for _, v := range t.verbs {
		if len(v.options) > 0 {
			fmt.Fprintf(b, "\t\t%s) list+=%s ;;\n", v.name, quote(" "+strings.Join(names(v.options), " ")))
		}
	}
	b.WriteString("\t\tesac\n\telif [[ -z $verb ]]; then\n")
	var verbs []string
	for _, v := range t.verbs {
		verbs = append(verbs, v.name)
	}
	fmt.Fprintf(b, "\t\tlist=%s\n", quote(strings.Join(verbs, " ")))
	b.WriteString("\telse\n\t\tcase $verb:$n in\n")
	for _, v := range t.verbs {
		for i, k := range v.places {
			if k == anything {
				continue
			}
			at := fmt.Sprint(i)
			if v.more && i == len(v.places)-1 {
				at = "*"
			}
			fmt.Fprintf(b, "\t\t%s:%s) kind=%s ;;\n", v.name, at, k)
		}
	}
	b.WriteString("\t\tesac\n\tfi\n")
}
