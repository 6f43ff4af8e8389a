package text

import (
	"fmt"
	"strings"
)

// hexDump prints bytes as ovs-ofctl does, 16 a line:
//
//	00000000  04 1e 00 08 00 00 00 05-                        |........        |
func hexDump(data []byte, ascii bool) string {
	var b strings.Builder
	for off := 0; off < len(data); off += 16 {
		line := data[off:min(off+16, len(data))]
		fmt.Fprintf(&b, "%08x ", off)
		for i, c := range line {
			sep := " "
			if i == 8 {
				sep = "-"
			}
			fmt.Fprintf(&b, "%s%02x", sep, c)
		}
		if len(line) == 8 {
			b.WriteByte('-')
		} else if ascii {
			b.WriteByte(' ')
		}
		if ascii {
			b.WriteString(strings.Repeat("   ", 16-len(line)))
			b.WriteByte('|')
			for _, c := range line {
				if c < ' ' || c > '~' {
					c = '.'
				}
				b.WriteByte(c)
			}
			b.WriteString(strings.Repeat(" ", 16-len(line)) + "|")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// escape prints bytes that should be text, others as octal escapes.
func escape(data []byte) string {
	var b strings.Builder
	for _, c := range data {
		switch {
		case c == '\\' || c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
