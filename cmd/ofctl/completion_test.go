package main

import (
	"bytes"
	"strings"
	"testing"

	"ofswitch/cmd/internal/completion"
)

// Each shell's script has every verb and every option of the program.
func TestCompletionNamesAll(t *testing.T) {
	for _, shell := range completion.Shells {
		var out, errs bytes.Buffer
		e := &env{out: &out, err: &errs}
		if status := e.run([]string{"completion", shell}); status != exitOK {
			t.Fatalf("completion %s: status %d: %s", shell, status, errs.String())
		}
		script := out.String()
		for _, c := range e.app().Commands {
			if !strings.Contains(script, c.Name) {
				t.Errorf("%s: no verb %s", shell, c.Name)
			}
			for _, f := range c.Flags {
				name := f.Names()[0]
				if want := map[bool]string{true: " -l " + name, false: "--" + name}[shell == "fish"]; !strings.Contains(script, want) {
					t.Errorf("%s: no option %s", shell, name)
				}
			}
		}
	}
}
