package vsctl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"ofswitch/ovsdb"
)

// style is how tables are printed.
type style struct {
	format     string // of printers
	data       string // "string", "bare", "json"
	noHeadings bool
	pretty     bool
	maxWidth   int // of columns in format "table"; 0: any
}

// table is what list and find print.
type table struct {
	headings []string
	rows     [][]cell
}

type cell struct {
	t *ovsdb.ColumnType
	d ovsdb.Datum
}

func (c cell) text(s style) string {
	switch s.data {
	case "json":
		return string(c.t.JSON(c.d))
	case "bare":
		return c.t.Bare(c.d)
	}
	return c.t.Text(c.d)
}

// printers are the formats. later says that it is not the first table, which
// most formats separate.
var printers = map[string]func(b *strings.Builder, t *table, s style, later bool){
	"table": printTable,
	"list":  printList,
	"html":  printHTML,
	"csv":   printCSV,
	"json":  printJSON,
}

func printTable(b *strings.Builder, t *table, s style, later bool) {
	separate(b, later)
	texts := make([][]string, len(t.rows))
	widths := make([]int, len(t.headings))
	for i := range t.rows {
		for j, c := range t.rows[i] {
			text := c.text(s)
			texts[i] = append(texts[i], text)
			widths[j] = max(widths[j], utf8.RuneCountInString(text))
		}
	}
	for j, h := range t.headings {
		if s.maxWidth > 0 {
			widths[j] = min(widths[j], s.maxWidth)
		}
		if !s.noHeadings {
			widths[j] = max(widths[j], len(h))
		}
	}
	line := func(words []string, last int) {
		for j, w := range words {
			if j > 0 {
				b.WriteByte(' ')
			}
			runes := []rune(w)
			runes = runes[:min(len(runes), widths[j])]
			b.WriteString(string(runes))
			if j < last {
				b.WriteString(strings.Repeat(" ", widths[j]-len(runes)))
			}
		}
		b.WriteByte('\n')
	}
	last := len(t.headings) - 1
	if !s.noHeadings {
		line(t.headings, last)
		rules := make([]string, len(widths))
		for j, w := range widths {
			rules[j] = strings.Repeat("-", w)
		}
		line(rules, last)
	}
	for _, words := range texts {
		line(words, last)
	}
}

func separate(b *strings.Builder, later bool) {
	if later {
		b.WriteByte('\n')
	}
}

func printList(b *strings.Builder, t *table, s style, later bool) {
	separate(b, later)
	for i, cells := range t.rows {
		separate(b, i > 0)
		for j, c := range cells {
			if !s.noHeadings {
				fmt.Fprintf(b, "%-20s: ", t.headings[j])
			}
			b.WriteString(c.text(s) + "\n")
		}
	}
}

var escapeHTML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

func printHTML(b *strings.Builder, t *table, s style, _ bool) {
	b.WriteString("<table border=1>\n")
	if !s.noHeadings {
		b.WriteString("  <tr>\n")
		for _, h := range t.headings {
			b.WriteString("    <th>" + escapeHTML.Replace(h) + "</th>\n")
		}
		b.WriteString("  </tr>\n")
	}
	for _, cells := range t.rows {
		b.WriteString("  <tr>\n")
		for j, c := range cells {
			text := c.text(s)
			if t.headings[j] == "_uuid" {
				fmt.Fprintf(b, "    <td><a name=\"%s\">%s</a></td>\n", escapeHTML.Replace(text), escapeHTML.Replace(text[:min(8, len(text))]))
				continue
			}
			b.WriteString("    <td>")
			for text != "" {
				if len(text) >= 36 {
					if _, ok := ovsdb.ParseUUID(text[:36]); ok {
						fmt.Fprintf(b, `<a href="#%s">%s</a>`, text[:36], text[:8])
						text = text[36:]
						continue
					}
				}
				b.WriteString(escapeHTML.Replace(text[:1]))
				text = text[1:]
			}
			b.WriteString("</td>\n")
		}
		b.WriteString("  </tr>\n")
	}
	b.WriteString("</table>\n")
}

func printCSV(b *strings.Builder, t *table, s style, later bool) {
	separate(b, later)
	line := func(words []string) {
		for j, w := range words {
			if j > 0 {
				b.WriteByte(',')
			}
			if strings.ContainsAny(w, "\n\",") {
				w = `"` + strings.ReplaceAll(w, `"`, `""`) + `"`
			}
			b.WriteString(w)
		}
		b.WriteByte('\n')
	}
	if !s.noHeadings {
		line(t.headings)
	}
	for _, cells := range t.rows {
		words := make([]string, len(cells))
		for j, c := range cells {
			words[j] = c.text(s)
		}
		line(words)
	}
}

func printJSON(b *strings.Builder, t *table, s style, _ bool) {
	v := struct {
		Data     [][]json.RawMessage `json:"data"`
		Headings []string            `json:"headings"`
	}{Data: [][]json.RawMessage{}, Headings: t.headings}
	for _, cells := range t.rows {
		row := make([]json.RawMessage, len(cells))
		for j, c := range cells {
			row[j] = c.t.JSON(c.d)
		}
		v.Data = append(v.Data, row)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // made of values that were JSON
	}
	text := out.Bytes()
	if s.pretty {
		var indented bytes.Buffer
		if err := json.Indent(&indented, text, "", "  "); err != nil {
			panic(err)
		}
		text = closeOnLine(indented.Bytes())
	}
	b.Write(text)
}

// closeOnLine puts closing brackets behind what they close, without a line of
// their own, as Open vSwitch's tools do.
func closeOnLine(text []byte) []byte {
	var lines []string
	for _, line := range strings.Split(string(text), "\n") {
		if s := strings.TrimLeft(line, " "); s != "" && (s[0] == ']' || s[0] == '}') && len(lines) > 0 {
			lines[len(lines)-1] += s
		} else {
			lines = append(lines, line)
		}
	}
	return []byte(strings.Join(lines, "\n"))
}
