package database

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ofswitch/bridge"
	"ofswitch/internal/testutil"
	"ofswitch/ovsdb/vswitch"
)

// columnsInCode are the strings of this package's code that could name columns:
// used, or given to unsupported, which complains of them.
func columnsInCode(t *testing.T) (used map[string]bool) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	used = map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "unsupported" {
					return false
				}
				if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "policing" {
					if s, err := strconv.Unquote(n.Args[1].(*ast.BasicLit).Value); err == nil {
						used["ingress_policing_"+s] = true
					}
				}
			case *ast.BasicLit:
				if s, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
					used[s] = true
				}
			}
			return true
		})
	}
	return used
}

// manPage reads ofswitch.conf.db(5): the words of each list, by table and heading,
// and the keys of other_config and options by table.
func manPage(t *testing.T) (columns map[string]map[string][]string, text string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(testutil.Root(t), "docs", "ofswitch.conf.db.5"))
	if err != nil {
		t.Fatal(err)
	}
	columns = map[string]map[string][]string{}
	table, heading := "", ""
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, ".SS "):
			table, heading = line[4:], ""
			columns[table] = map[string][]string{}
		case table != "" && strings.HasPrefix(line, ".B "):
			heading = line[3:]
		case strings.HasPrefix(line, "."):
			heading = ""
		case heading != "":
			columns[table][heading] = append(columns[table][heading], strings.FieldsFunc(line, func(r rune) bool { return r == ',' || r == ' ' })...)
		}
	}
	return columns, strings.Join(strings.Fields(string(b)), " ")
}

// TestManPage: the manual has every column of the schema once, and says of each
// what the code does with it.
func TestManPage(t *testing.T) {
	page, text := manPage(t)
	used := columnsInCode(t)
	elsewhere := map[string]int{} // tables in which a name is said to have a use
	for _, lists := range page {
		for _, c := range slices.Concat(lists["Heeded"], lists["Reported"]) {
			elsewhere[c]++
		}
	}
	schema := vswitch.Schema()
	for name, table := range schema.Tables {
		lists, ok := page[name]
		if !ok {
			t.Errorf("no table %s in the manual", name)
			continue
		}
		all := map[string]string{}
		for heading, list := range lists {
			if !slices.Contains([]string{"Heeded", "Reported", "Ignored"}, heading) {
				t.Errorf("table %s: heading %q", name, heading)
			}
			for _, c := range list {
				if all[c] != "" {
					t.Errorf("%s.%s is %s and %s", name, c, all[c], heading)
				}
				all[c] = heading
				switch {
				case table.Column(c) == nil:
					t.Errorf("table %s has no column %s", name, c)
				case heading != "Ignored" && !used[c]:
					t.Errorf("%s.%s is said to be %s, and the code does not know it", name, c, heading)
				case heading == "Ignored" && used[c] && elsewhere[c] == 0:
					t.Errorf("%s.%s is said to be ignored, and the code knows it", name, c)
				}
			}
		}
		for _, column := range table.Columns {
			c := column.Name
			if all[c] == "" {
				t.Errorf("no column %s.%s in the manual", name, c)
			}
		}
	}
	for name := range page {
		if schema.Tables[name] == nil {
			t.Errorf("the schema has no table %s", name)
		}
	}

	// Keys of Bridge's other_config, as the configuration itself lists them.
	_, known, ok := strings.Cut(bridge.CheckOtherConfig("?", "").Error(), "known are ")
	if !ok {
		t.Fatalf("CheckOtherConfig: %v", bridge.CheckOtherConfig("?", ""))
	}
	keys := append(strings.Split(known, ", "), "datapath-id")
	slices.Sort(keys)
	if want := "other_config: " + strings.Join(keys, ", ") + "."; !strings.Contains(text, want) {
		t.Errorf("table Bridge: the manual should have %q", want)
	}
}
