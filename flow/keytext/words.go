package keytext

import (
	"fmt"
	"strconv"
	"strings"

	"ofswitch/flow"
)

// Hex is C's %#x: zero has no prefix.
func Hex(v uint64) string {
	if v == 0 {
		return "0"
	}
	return fmt.Sprintf("%#x", v)
}

// Shorten keeps what is repeated in an error readable.
func Shorten(s string) string {
	const most = 200
	if len(s) > most {
		return fmt.Sprintf("%q... (%d bytes)", s[:most], len(s))
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return strconv.Quote(s)
	}
	return s
}

// fragBits are the words for fragments.
var fragBits = map[string]uint64{"no": 0, "first": flow.FragAny, "later": flow.FragAny | flow.FragLater}

// fragText is the word for the fragment bits in a frame's word.
func fragText(ip uint64) string {
	switch {
	case ip&flow.FragLater != 0:
		return "later"
	case ip&flow.FragAny != 0:
		return "first"
	}
	return "no"
}

// tcpFlagNames are the flags of TCP from the lowest bit.
var tcpFlagNames = []string{"fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns"}

// parseTCPFlags reads a number, or names with "|" or "+" between them.
func parseTCPFlags(s string) (v uint64, err error) {
	if v, err = strconv.ParseUint(s, 0, 12); err == nil {
		return v, nil
	}
	for _, name := range strings.FieldsFunc(s, func(r rune) bool { return r == '|' || r == '+' }) {
		bit := uint64(0)
		for i, n := range tcpFlagNames {
			if n == name {
				bit = 1 << i
			}
		}
		if bit == 0 {
			return 0, fmt.Errorf("bad value for tcp_flags (%s): want a number, or %s with | between them", Shorten(s), strings.Join(tcpFlagNames, ", "))
		}
		v |= bit
	}
	return v, nil
}

// formatTCPFlags is the reverse.
func formatTCPFlags(v uint64) string {
	if v == 0 {
		return "0"
	}
	var names []string
	for i, n := range tcpFlagNames {
		if v&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	if rest := v >> len(tcpFlagNames); rest != 0 {
		names = append(names, fmt.Sprintf("%#x", rest<<len(tcpFlagNames)))
	}
	return strings.Join(names, "|")
}
