package main

import (
	"errors"
	"strings"
	"testing"

	"ofswitch/cmd/internal/completion"
)

func TestCompletion(t *testing.T) {
	for _, shell := range completion.Shells {
		var out strings.Builder
		if _, err := parseArgs([]string{"ofswitchd", "--completion", shell}, &out); !errors.Is(err, errDone) {
			t.Errorf("--completion %s: %v", shell, err)
		}
		for _, want := range []string{"bridge", "fail-mode", "standalone secure", "detach"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("--completion %s: nothing of %s", shell, want)
			}
		}
	}
	if _, err := parse("--completion", "csh"); err == nil || !strings.Contains(err.Error(), "bash, zsh, fish") {
		t.Errorf("--completion csh: %v", err)
	}
}
