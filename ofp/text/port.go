package text

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// Resolver finds a port's number by its name. ok is false if there is no such
// port, or more than one.
type Resolver func(name string) (port uint32, ok bool)

// Ports knows the names of a switch's ports.
type Ports struct {
	names   map[uint32]string
	numbers map[string]uint32
}

// NewPorts takes the names from port descriptions. A name that two ports have
// is no name: names are cut to 15 bytes on the wire. Nor is one that is not
// UTF-8, since it could not be written so that it can be read back.
func NewPorts(descs []ofp.PortDesc) *Ports {
	p := &Ports{names: make(map[uint32]string, len(descs)), numbers: make(map[string]uint32, len(descs))}
	twice := make(map[string]bool)
	for _, d := range descs {
		if d.Name == "" || twice[d.Name] || !utf8.ValidString(d.Name) {
			continue
		}
		if other, ok := p.numbers[d.Name]; ok && other != uint32(d.Port) {
			twice[d.Name] = true
			delete(p.numbers, d.Name)
			delete(p.names, other)
			continue
		}
		p.names[uint32(d.Port)], p.numbers[d.Name] = d.Name, uint32(d.Port)
	}
	return p
}

// Name is the port's name, "" when it has none. It may be Options.Names.
func (p *Ports) Name(port uint32) string { return p.names[port] }

// Number finds a port by name. It is a Resolver.
func (p *Ports) Number(name string) (uint32, bool) {
	n, ok := p.numbers[name]
	return n, ok
}

// ParsePort reads a port as flow.ParsePort does: a number, a reserved name, or
// one that resolve (which may be nil) knows.
func ParsePort(s string, resolve Resolver) (ofp.PortNo, error) {
	return portValue("port", s, resolve)
}

// portValue is ParsePort for a keyword.
func portValue(key, value string, resolve Resolver) (ofp.PortNo, error) {
	port, ok := flow.ParsePort(value, resolve)
	if ok {
		return ofp.PortNo(port), nil
	}
	want := "a port's number, or a reserved port such as LOCAL"
	if resolve != nil {
		want = "the number or name of a port of this switch, or a reserved port such as LOCAL"
	}
	return 0, &flow.ParseError{Field: key, Value: value, Want: want}
}

// FormatPortNo prints a port as flow.PortText does.
func FormatPortNo(port ofp.PortNo, names func(uint32) string) string {
	return flow.PortText(uint32(port), names)
}

// unquote reads the JSON string that s begins with. n is its length with the
// quotes.
func unquote(s string) (v string, n int, err error) {
	for n = 1; n < len(s); n++ {
		switch s[n] {
		case '\\':
			n++
		case '"':
			n++
			if err := json.Unmarshal([]byte(s[:n]), &v); err != nil {
				return "", 0, &flow.ParseError{Field: "name", Value: s[:n], Want: "a string as in JSON"}
			}
			return v, n, nil
		}
	}
	return "", 0, &flow.ParseError{Field: "name", Value: s, Want: "a closing double quote"}
}

// padPort prints a port as ovs-ofctl's tables do, where numbers below ten are
// indented by one.
func padPort(port ofp.PortNo, names func(uint32) string) string {
	s := FormatPortNo(port, names)
	if port < 10 {
		return " " + s
	}
	return s
}

func formatMAC(m [6]byte) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}
