package completion

import (
	"fmt"
	"strings"
)

func (t *table) zsh(b *strings.Builder) {
	text := b.String()
	b.Reset()
	fmt.Fprintf(b, "#compdef %s\n%s", t.name, text)
	f := "_" + t.name
	fmt.Fprintf(b, "%s() {\n", f)
	b.WriteString("\tlocal cur=${words[CURRENT]} verb= n=0 i w kind= list= option=\n")
	b.WriteString("\tfor ((i = 2; i < CURRENT; i++)); do\n\t\tw=${words[i]}\n\t\toption=\n\t\tcase $w in\n")
	t.caseWalk(b)
	b.WriteString("\t\tif [[ -n $option ]] && ((++i < CURRENT)); then\n\t\t\toption=\n\t\tfi\n\tdone\n")
	// --option=VALUE is one word here.
	b.WriteString("\tif [[ -z $option && $cur == --*=* ]]; then\n\t\toption=${cur%%=*}\n\t\tcompset -P '*='\n\tfi\n")
	t.caseKinds(b)
	b.WriteString("\tcase $kind in\n")
	b.WriteString("\tbridges) list=$(print -l -- ${OFSWITCH_RUNDIR:-/run/ofswitch}/*.mgmt(N:t:r)) ;;\n")
	b.WriteString("\tdevices) list=$(print -l -- /sys/class/net/*(N:t)) ;;\n")
	b.WriteString("\tfiles)\n\t\t_files\n\t\treturn\n\t\t;;\n\tesac\n")
	if len(t.verbs) > 0 {
		b.WriteString("\tif [[ -z $verb && -z $option && $cur != -* ]]; then\n\t\tlocal -a verbs=(\n")
		for _, v := range t.verbs {
			fmt.Fprintf(b, "\t\t\t%s\n", quote(v.name+":"+v.help))
		}
		b.WriteString("\t\t)\n\t\t_describe verb verbs\n\t\treturn\n\tfi\n")
	}
	b.WriteString("\tcompadd -- ${=list}\n}\n")
	fmt.Fprintf(b, "%s \"$@\"\n", f)
}
