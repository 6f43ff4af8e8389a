package ofswitch_test

import (
	"go/parser"
	"go/token"
	"testing"
)

// hasPackageComment says whether the file documents its package.
func hasPackageComment(t *testing.T, path string) bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		t.Fatal(err)
	}
	return f.Doc != nil
}
