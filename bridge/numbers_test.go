package bridge

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"ofswitch/ofp"
)

// list makes ports of "name", "name@number", "name~preferred number" or "name@number~preferred number".
func list(names ...string) []Port {
	var out []Port
	for _, s := range names {
		p := Port{Name: s}
		for _, c := range []struct {
			mark string
			to   *ofp.PortNo
		}{{"~", &p.Prefer}, {"@", &p.Request}} {
			if name, no, ok := strings.Cut(p.Name, c.mark); ok {
				p.Name = name
				if _, err := fmt.Sscan(no, c.to); err != nil {
					panic(err)
				}
			}
		}
		out = append(out, p)
	}
	return out
}

func TestNumbers(t *testing.T) {
	type step struct {
		ports   []Port
		want    map[string]ofp.PortNo
		refused []string // names, with a part of the text after a colon
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"in the order given", []step{
			{list("a", "b", "c"), map[string]ofp.PortNo{"a": 1, "b": 2, "c": 3}, nil},
		}},
		{"those asked for come first, the others around them", []step{
			{list("a", "b@1", "c", "d@3", "e"), map[string]ofp.PortNo{"a": 2, "b": 1, "c": 4, "d": 3, "e": 5}, nil},
		}},
		{"kept when the order changes, and given again when one has gone", []step{
			{list("a", "b", "c"), map[string]ofp.PortNo{"a": 1, "b": 2, "c": 3}, nil},
			{list("c", "a"), map[string]ofp.PortNo{"a": 1, "c": 3}, nil},
			{list("x", "c", "a", "y"), map[string]ofp.PortNo{"a": 1, "x": 2, "c": 3, "y": 4}, nil},
		}},
		{"those of an earlier life, where nobody asks for them", []step{
			{list("a", "b~7", "c~1", "d@9", "e~9", "f~7"), map[string]ofp.PortNo{"a": 2, "b": 7, "c": 1, "d": 9, "e": 3, "f": 4}, nil},
			{list("b~1", "e~7"), map[string]ofp.PortNo{"b": 7, "e": 3}, nil},
		}},
		{"twice the same asked for", []step{
			{list("a@5", "b@5", "c"), map[string]ofp.PortNo{"a": 5, "b": 1, "c": 2}, []string{"b:5 belongs to port a"}},
		}},
		{"twice the same asked for, and one had it", []step{
			{list("a@5~3", "b@5~5", "c"), map[string]ofp.PortNo{"a": 3, "b": 5, "c": 1}, []string{"a:5 belongs to port b"}},
			{list("a@5~5", "b@5", "c"), map[string]ofp.PortNo{"a": 3, "b": 5, "c": 1}, []string{"a:5 belongs to port b"}},
		}},
		{"asked for while another has it unasked", []step{
			{list("a", "b"), map[string]ofp.PortNo{"a": 1, "b": 2}, nil},
			{list("a", "b", "c@2"), map[string]ofp.PortNo{"a": 1, "b": 3, "c": 2}, nil},
			{list("a", "c@2"), map[string]ofp.PortNo{"a": 1, "c": 2}, nil},
		}},
		{"asked for while another has asked for it", []step{
			{list("b@2"), map[string]ofp.PortNo{"b": 2}, nil},
			{list("c@2", "b@2"), map[string]ofp.PortNo{"b": 2, "c": 1}, []string{"c:2 belongs to port b"}},
			{list("a", "b@2", "d"), map[string]ofp.PortNo{"a": 1, "b": 2, "d": 3}, nil},
			{list("a", "b@2", "d@2"), map[string]ofp.PortNo{"a": 1, "b": 2, "d": 3}, []string{"d:2 belongs to port b"}},
			{list("a@3", "b@2", "d@2"), map[string]ofp.PortNo{"a": 3, "b": 2, "d": 1}, []string{"d:2 belongs to port b"}},
		}},
		{"exchanged", []step{
			{list("a@1", "b@2"), map[string]ofp.PortNo{"a": 1, "b": 2}, nil},
			{list("a@2", "b@1"), map[string]ofp.PortNo{"a": 2, "b": 1}, nil},
			{list("a@1", "b@2", "c@3"), map[string]ofp.PortNo{"a": 1, "b": 2, "c": 3}, nil},
			{list("a@2", "b@3", "c@1"), map[string]ofp.PortNo{"a": 2, "b": 3, "c": 1}, nil},
			{list("a@3", "b", "c@2"), map[string]ofp.PortNo{"a": 3, "b": 1, "c": 2}, nil},
		}},
		{"another number for a port that has one", []step{
			{list("a", "b"), map[string]ofp.PortNo{"a": 1, "b": 2}, nil},
			{list("a@9", "b"), map[string]ofp.PortNo{"a": 9, "b": 2}, nil},
			{list("a@9", "b", "c"), map[string]ofp.PortNo{"a": 9, "b": 2, "c": 1}, nil},
		}},
		{"a request withdrawn changes nothing", []step{
			{list("a@9"), map[string]ofp.PortNo{"a": 9}, nil},
			{list("a"), map[string]ofp.PortNo{"a": 9}, nil},
		}},
		{"the highest", []step{
			{list("a@4294967040", "b"), map[string]ofp.PortNo{"a": ofp.PortMax, "b": 1}, nil},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNumbers()
			for i, s := range c.steps {
				refused := n.assign(s.ports)
				if !maps.Equal(n.byName, s.want) {
					t.Errorf("step %d: %v, want %v", i, n.byName, s.want)
				}
				if len(n.taken) != len(n.byName) {
					t.Errorf("step %d: names %v, numbers %v", i, n.byName, n.taken)
				}
				for name, no := range n.byName {
					if n.taken[no] != name {
						t.Errorf("step %d: number %d is %q's, port %s has it", i, no, n.taken[no], name)
					}
				}
				var names []string
				for _, r := range s.refused {
					name, text, _ := strings.Cut(r, ":")
					names = append(names, name)
					if err := refused[name]; err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), "port "+name) {
						t.Errorf("step %d: port %s: %v, want it to say %q", i, name, err, text)
					}
				}
				if got := sortedKeys(refused); !slices.Equal(got, names) {
					t.Errorf("step %d: refused are %v, want %v", i, got, names)
				}
			}
		})
	}
}

// When all numbers that are given unasked are gone, a port is refused, and one
// that asks for a higher one is not.
func TestNumbersRunOut(t *testing.T) {
	n := newNumbers()
	var all []Port
	for i := range int(maxAutomatic) {
		all = append(all, Port{Name: fmt.Sprint("p", i)})
	}
	all = append(all, Port{Name: "late"}, Port{Name: "asks", Request: maxAutomatic + 1})
	refused := n.assign(all)
	if err := refused["late"]; len(refused) != 1 || err == nil || !strings.Contains(err.Error(), "ask for a higher one") {
		t.Errorf("refused: %v", refused)
	}
	if n.byName["asks"] != maxAutomatic+1 || n.taken[maxAutomatic] == "" {
		t.Errorf("asks has %d, the last automatic number is %q's", n.byName["asks"], n.taken[maxAutomatic])
	}
}
