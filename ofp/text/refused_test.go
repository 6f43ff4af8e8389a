package text

import (
	"errors"
	"strings"
	"testing"

	"ofswitch/flow"
)

// wantRefused checks that reading a text gave an error about a field that says
// what would be right.
func wantRefused(t *testing.T, text string, err error, field, want string) {
	t.Helper()
	e := (*flow.ParseError)(nil)
	if !errors.As(err, &e) || e.Field != field || !strings.Contains(e.Want, want) {
		t.Errorf("%q: %v; want an error about field %q, and %q in it", text, err, field, want)
	}
}
