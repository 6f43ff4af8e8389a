package completion

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// Shells are those that Write knows.
var Shells = []string{"bash", "zsh", "fish"}

// Write writes the script of a shell for a program. choices are the values that
// options, by their long names, may have.
func Write(w io.Writer, shell string, app *cli.App, choices map[string][]string) error {
	t := describe(app, choices)
	var b strings.Builder
	fmt.Fprintf(&b, "# Completion of %s for %s, which has written this by itself.\n", t.name, shell)
	switch shell {
	case "bash":
		t.bash(&b)
	case "zsh":
		t.zsh(&b)
	case "fish":
		t.fish(&b)
	default:
		return fmt.Errorf("completions are there for %s, not for %q", strings.Join(Shells, ", "), shell)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// quote makes s one word of a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// names are all names of options.
func names(list []option) (all []string) {
	for _, o := range list {
		all = append(all, o.names...)
	}
	return all
}

// every is all options of the program, each once.
func (t *table) every() []option {
	list := append([]option(nil), t.common...)
	seen := map[string]bool{}
	for _, v := range t.verbs {
		for _, o := range v.options {
			if !seen[o.names[0]] {
				seen[o.names[0]] = true
				list = append(list, o)
			}
		}
	}
	return list
}
