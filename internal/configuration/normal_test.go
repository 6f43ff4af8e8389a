package configuration

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"

	"ofswitch/ovsdb"
)

// facts are the columns that hold what a machine, a process or the time gives,
// not the configuration.
var facts = map[string][]string{
	"Open_vSwitch": {"ovs_version", "db_version", "system_type", "system_version", "datapath_types", "iface_types", "statistics", "external_ids", "dpdk_version", "dpdk_initialized", "datapaths", "next_cfg", "cur_cfg"},
	"Bridge":       {"datapath_version", "datapath_id", "status", "rstp_status"},
	"Port":         {"statistics", "status", "rstp_statistics", "rstp_status", "bond_active_slave"},
	"Interface":    {"statistics", "status", "ifindex", "mac_in_use", "link_resets", "link_state", "link_speed", "duplex", "admin_state"},
	"Controller":   {"status", "is_connected"},
	"Manager":      {"status", "is_connected"},
	"Mirror":       {"statistics"},
	"Datapath":     {"capabilities", "datapath_version"},
}

var nameColumns = []string{"name", "target", "id"}

// learn gives every row that is there a label: its table, with its name, or
// with the column and label of the row that refers to it.
func (s *system) learn() {
	s.db.Do(func(db *ovsdb.Database) {
		names := tables(db)
		label := func(u ovsdb.UUID, l string) {
			if _, ok := s.labels[u.String()]; !ok {
				s.labels[u.String()] = strings.ReplaceAll(l, s.dir, "{DIR}")
			}
		}
		for _, t := range names {
			db.Each(t.Name, func(r *ovsdb.Row) bool {
				if t.Name == "Open_vSwitch" {
					label(r.UUID, "<Open_vSwitch>")
				}
				for _, c := range nameColumns {
					if d := r.Get(t.Column(c)); d.Len() == 1 {
						label(r.UUID, fmt.Sprintf("<%s %s>", t.Name, d.Keys[0]))
						break
					}
				}
				return true
			})
		}
		for range 3 { // references to references
			for _, t := range names {
				db.Each(t.Name, func(r *ovsdb.Row) bool {
					from, ok := s.labels[r.UUID.String()]
					if !ok {
						return true
					}
					for _, c := range t.Columns {
						for i, k := range r.Get(c).Keys {
							to := c.Type.Key.RefTable
							if c.Type.IsMap() {
								to, k = c.Type.Value.RefTable, r.Get(c).Values[i]
							}
							if to != "" {
								label(k.UUID, fmt.Sprintf("<%s of %s>", to, strings.Trim(from, "<>")))
							}
						}
					}
					return true
				})
			}
		}
		// What nothing refers to is called by what it holds.
		for _, t := range names {
			db.Each(t.Name, func(r *ovsdb.Row) bool {
				var b strings.Builder
				for _, c := range t.Columns {
					if d := r.Get(c); !c.Type.IsDefault(d) && !slices.Contains(facts[t.Name], c.Name) && c.Type.Key.RefTable == "" && c.Type.Value.RefTable == "" {
						fmt.Fprintf(&b, " %s=%s", c.Name, c.Type.Text(d))
					}
				}
				label(r.UUID, "<"+t.Name+b.String()+">")
				return true
			})
		}
	})
}

func tables(db *ovsdb.Database) []*ovsdb.Table {
	var list []*ovsdb.Table
	for _, t := range db.Schema().Tables {
		list = append(list, t)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Name < list[j].Name })
	return list
}

// contents are all values that are not the default, apart from facts: a line
// each.
func (s *system) contents() []string {
	var lines []string
	s.db.Do(func(db *ovsdb.Database) {
		for _, t := range tables(db) {
			db.Each(t.Name, func(r *ovsdb.Row) bool {
				row := s.labels[r.UUID.String()]
				lines = append(lines, row)
				for _, c := range t.Columns {
					d := r.Get(c)
					if c.Type.IsDefault(d) || slices.Contains(facts[t.Name], c.Name) {
						continue
					}
					text := s.normal(c.Type.Text(d))
					if c.Name == "ofport" && d.Keys[0].Int > 0 {
						text = "a number" // they are given out in different orders
					}
					lines = append(lines, row+" "+c.Name+": "+text)
				}
				return true
			})
		}
	})
	sort.Strings(lines)
	return lines
}

var (
	uuidText = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	uuidLink = regexp.MustCompile(`>[0-9a-f]{8}</a>`) // in HTML
	uuidName = regexp.MustCompile(`row[0-9a-f]{8}_[0-9a-f_]{27}`)
	setOf    = regexp.MustCompile(`\[<[^]]*>\]`)
	jsonSet  = regexp.MustCompile(`\["set",\[(\["uuid","[^]]*"\],?)*\]\]`)
	logLine  = regexp.MustCompile(`(?m)^[0-9TZ:.-]+\|[0-9]+\|(\w+)\|(\w+)\|(.*)\n`)
)

// normal is a text without what differs from system to system: UUIDs become
// labels, and sets of them are sorted; directories become {DIR}; lines of the
// tools' own log become messages or go.
func (s *system) normal(text string) string {
	text = uuidText.ReplaceAllStringFunc(text, func(u string) string {
		if l, ok := s.labels[u]; ok {
			return l
		}
		return "<uuid>"
	})
	text = uuidLink.ReplaceAllString(text, "></a>")
	text = uuidName.ReplaceAllString(text, "<row>")
	text = setOf.ReplaceAllStringFunc(text, func(set string) string {
		words := strings.Split(strings.Trim(set, "[]"), ", ")
		slices.Sort(words)
		return "[" + strings.Join(words, ", ") + "]"
	})
	text = jsonSet.ReplaceAllStringFunc(text, func(set string) string {
		words := strings.Split(set[len(`["set",[`):len(set)-len("]]")], `],[`)
		for i := range words {
			words[i] = strings.Trim(words[i], "[]")
		}
		slices.Sort(words)
		return `["set",[[` + strings.Join(words, `],[`) + `]]]`
	})
	text = strings.ReplaceAll(text, s.dir, "{DIR}")
	return logLine.ReplaceAllStringFunc(text, func(line string) string {
		m := logLine.FindStringSubmatch(line)
		if m[1] == "vsctl" || m[1] == "db_ctl_base" {
			return "ovs-vsctl: " + m[3] + "\n"
		}
		return "" // told again without the time
	})
}

// blocks sorts what blank lines separate: the records of a list, which come in
// no order.
func blocks(text string) string {
	parts := strings.Split(strings.TrimSuffix(text, "\n"), "\n\n")
	slices.Sort(parts)
	return strings.Join(parts, "\n\n")
}

// lines sorts lines behind the first n.
func lines(n int) func(string) string {
	return func(text string) string {
		all := strings.Split(text, "\n")
		if len(all) > n {
			slices.Sort(all[n:])
		}
		return strings.Join(all, "\n")
	}
}

// tree sorts what is indented alike below the same line.
func tree(text string) string {
	type node struct {
		line  string
		below []*node
	}
	root := &node{}
	path := []*node{root}
	for line := range strings.Lines(text) {
		depth := (len(line) - len(strings.TrimLeft(line, " "))) / 4
		n := &node{line: line}
		if depth+1 > len(path) {
			return text
		}
		path = append(path[:depth+1], n)
		path[depth].below = append(path[depth].below, n)
	}
	var print func(*node) []byte
	print = func(n *node) []byte {
		var parts [][]byte
		for _, b := range n.below {
			parts = append(parts, print(b))
		}
		slices.SortFunc(parts, bytes.Compare)
		return append([]byte(n.line), bytes.Join(parts, nil)...)
	}
	return string(print(root))
}
