package bridge

import "testing"

func TestCoalesceDefaults(t *testing.T) {
	for _, c := range []struct {
		typ, option string
		want, fails bool
	}{
		{TypeSystem, "", false, false}, {TypeInternal, "", true, false}, {TypeTap, "", true, false},
		{TypeSystem, "on", true, false}, {TypeInternal, "off", false, false}, {TypeTap, "off", false, false},
		{TypeSystem, "maybe", false, true}, {TypeTap, "maybe", false, true},
	} {
		p := Port{Name: "p", Type: c.typ, Options: map[string]string{"coalesce": c.option}}
		if got, err := p.coalesces(); got != c.want || (err != nil) != c.fails {
			t.Errorf("type %q, coalesce=%q: %v, %v; want %v", c.typ, c.option, got, err, c.want)
		}
	}
}
