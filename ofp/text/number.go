package text

import (
	"fmt"
	"strconv"
	"strings"

	"ofswitch/flow"
)

// number reads a decimal or 0x number of at most so many bits.
func number(s string, bits int) (uint64, bool) {
	base, digits := 10, s
	if len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		base, digits = 16, s[2:]
	}
	if digits == "" || digits[0] == '+' || strings.ContainsRune(digits, '_') {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, base, bits)
	return n, err == nil
}

// field reads the number given for a keyword, from min to max.
func field(key, value string, min, max uint64) (uint64, error) {
	n, ok := number(value, 64)
	if !ok || n < min || n > max {
		return 0, &flow.ParseError{Field: key, Value: value, Want: fmt.Sprintf("a number from %d to %d", min, max)}
	}
	return n, nil
}

// wide reads a 64-bit number; -1 is all ones.
func wide(key, value string) (uint64, error) {
	if value == "-1" {
		return ^uint64(0), nil
	}
	n, ok := number(value, 64)
	if !ok {
		return 0, &flow.ParseError{Field: key, Value: value, Want: "a number of at most 64 bits"}
	}
	return n, nil
}

// masked reads "value" or "value/mask", 64 bits each.
func masked(key, value string) (v, mask uint64, has bool, err error) {
	s, m, has := strings.Cut(value, "/")
	if v, err = wide(key, s); err != nil {
		return 0, 0, false, err
	}
	if mask = ^uint64(0); has {
		mask, err = wide(key+" mask", m)
	}
	return v, mask, has, err
}

// etherType reads an EtherType for the keyword.
func etherType(key, value string) (uint16, error) {
	n, ok := number(value, 16)
	if !ok {
		return 0, &flow.ParseError{Field: key, Value: value, Want: "an EtherType such as 0x0800"}
	}
	return uint16(n), nil
}
