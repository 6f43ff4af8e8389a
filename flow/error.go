package flow

import "fmt"

// ParseError says what is wrong with a piece of flow text.
type ParseError struct {
	Field string // the field or keyword
	Value string // what was written for it; may be empty
	Want  string // what would have been right
}

// Error names the field, its value and what was expected.
func (e *ParseError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: want %s", e.Field, e.Want)
	}
	return fmt.Sprintf("%s=%s: want %s", e.Field, e.Value, e.Want)
}

func hexValue(v Value) string {
	if v.Hi != 0 {
		return fmt.Sprintf("%#x%016x", v.Hi, v.Lo)
	}
	return fmt.Sprintf("%#x", v.Lo)
}
