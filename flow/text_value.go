package flow

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// FormatValue writes a value of the field, and the mask unless it is full, as
// ovs-ofctl does in set_field: "10.0.0.0/8", "02:00:00:00:00:01", "0x5".
func FormatValue(f *Field, v, mask Value) string { return string(appendValue(nil, f, v, mask)) }

func appendValue(b []byte, f *Field, v, mask Value) []byte {
	full := mask == f.Full()
	switch f.Format {
	case FormatMAC:
		b = appendMAC(b, v.Lo)
		if !full {
			b = appendMAC(append(b, '/'), mask.Lo)
		}
	case FormatIPv4:
		b = appendIPv4(b, uint32(v.Lo))
		if m := uint32(mask.Lo); !full {
			b = append(b, '/')
			if ones := bits.LeadingZeros32(^m); m == ^(^uint32(0) >> ones) {
				b = strconv.AppendInt(b, int64(ones), 10)
			} else {
				b = appendIPv4(b, m)
			}
		}
	case FormatIPv6:
		b = appendIPv6(b, v)
		if !full {
			b = append(b, '/')
			if ones := onesBefore(mask); mask == prefix(ones) {
				b = strconv.AppendInt(b, int64(ones), 10)
			} else {
				b = appendIPv6(b, mask)
			}
		}
	case FormatPort:
		b = appendPort(b, uint32(v.Lo), nil)
	case FormatExthdr:
		b = appendExthdr(b, uint16(v.Lo), uint16(mask.Lo), full)
	case FormatHex:
		b = appendHex(b, v.Lo)
		if !full {
			b = appendHex(append(b, '/'), mask.Lo)
		}
	default:
		if full {
			b = strconv.AppendUint(b, v.Lo, 10)
		} else {
			b = fmt.Appendf(b, "0x%x/0x%x", v.Lo, mask.Lo)
		}
	}
	return b
}

// appendHex writes C's %#x: zero has no prefix.
func appendHex(b []byte, v uint64) []byte {
	if v == 0 {
		return append(b, '0')
	}
	return strconv.AppendUint(append(b, "0x"...), v, 16)
}

func appendMAC(b []byte, v uint64) []byte {
	const hex = "0123456789abcdef"
	for s := 40; s >= 0; s -= 8 {
		b = append(b, hex[v>>s>>4&15], hex[v>>s&15])
		if s != 0 {
			b = append(b, ':')
		}
	}
	return b
}

func appendIPv4(b []byte, v uint32) []byte {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, v))).AppendTo(b)
}

// appendIPv6 writes RFC 5952 as inet_ntop does: the IPv4-compatible addresses
// of RFC 4291 §2.5.5.1 are written with dots, too.
func appendIPv6(b []byte, v Value) []byte {
	if v.Hi == 0 && v.Lo>>32 == 0 && v.Lo>>16 != 0 {
		return appendIPv4(append(b, "::"...), uint32(v.Lo))
	}
	a := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, v.Hi), v.Lo)
	return netip.AddrFrom16([16]byte(a)).AppendTo(b)
}

// prefix is the mask of n leading ones.
func prefix(n int) Value {
	if n <= 64 {
		return Value{Hi: ^(^uint64(0) >> n)}
	}
	return Value{Hi: ^uint64(0), Lo: ^(^uint64(0) >> (n - 64))}
}

// onesBefore counts the ones before the first zero.
func onesBefore(v Value) int {
	if v.Hi != ^uint64(0) {
		return bits.LeadingZeros64(^v.Hi)
	}
	return 64 + bits.LeadingZeros64(^v.Lo)
}

// Names of the reserved ports (OpenFlow 1.3.5 §7.2.1).
var portNames = map[uint32]string{
	0xfffffff8: "IN_PORT",
	0xfffffff9: "TABLE",
	0xfffffffa: "NORMAL",
	0xfffffffb: "FLOOD",
	0xfffffffc: "ALL",
	0xfffffffd: "CONTROLLER",
	0xfffffffe: "LOCAL",
	0xffffffff: "ANY",
}

// PortText writes an OpenFlow port number: reserved ones by their names,
// others by what names gives (quoted where it must be), or as a number when
// names is nil or gives "".
func PortText(port uint32, names func(port uint32) string) string {
	return string(appendPort(nil, port, names))
}

func appendPort(b []byte, port uint32, names func(port uint32) string) []byte {
	if s, ok := portNames[port]; ok {
		return append(b, s...)
	}
	if names != nil {
		if s := names(port); s != "" {
			return appendName(b, s)
		}
	}
	if oldReserved(uint64(port)) {
		// In decimal these would be read as the reserved ports of OpenFlow 1.0.
		return appendHex(b, uint64(port))
	}
	return strconv.AppendUint(b, uint64(port), 10)
}

// oldReserved says whether v is a reserved port of OpenFlow 1.0, which
// ovs-ofctl still reads as such.
func oldReserved(v uint64) bool { return v >= 0xfff8 && v <= 0xffff }

// ParsePort reads an OpenFlow port number: decimal, hexadecimal, or a reserved
// name in either case. 65528 to 65535 in decimal are the reserved ports of
// OpenFlow 1.0, as in Open vSwitch. Other names go to resolve, which may be nil.
func ParsePort(s string, resolve func(name string) (uint32, bool)) (uint32, bool) {
	if v, err := parseUint(s); err == nil && v <= 0xffffffff {
		if oldReserved(v) && !strings.HasPrefix(s, "0") {
			v |= 0xffff0000
		}
		return uint32(v), true
	}
	for v, name := range portNames {
		if strings.EqualFold(name, s) {
			return v, true
		}
	}
	if strings.EqualFold(s, "NONE") {
		return 0xffffffff, true
	}
	if resolve == nil {
		return 0, false
	}
	if s != "" && s[0] == '"' {
		var name string
		if json.Unmarshal([]byte(s), &name) != nil {
			return 0, false
		}
		s = name
	}
	return resolve(s)
}

// appendName writes a name, with quotes around it unless it is plain letters
// and digits, begins with a letter and is no reserved port's name.
func appendName(b []byte, s string) []byte {
	plain := true
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		letter := c >= 'a' && c <= 'z'
		plain = plain && (letter || i > 0 && s[i] >= '0' && s[i] <= '9')
	}
	if plain {
		if _, reserved := ParsePort(s, nil); !reserved {
			return append(b, s...)
		}
	}
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = fmt.Appendf(b, "\\u%04x", c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

var exthdrNames = [...]string{"nonext", "esp", "auth", "dest", "frag", "router", "hop", "unrep", "unseq"}

// appendExthdr writes the header bits as ovs-ofctl writes flags: joined by "|"
// when all count, "+set-unset" when only some do.
func appendExthdr(b []byte, v, mask uint16, full bool) []byte {
	if full && v == 0 {
		return append(b, '0')
	}
	start := len(b)
	for i, name := range exthdrNames {
		set := v>>i&1 != 0
		switch {
		case mask>>i&1 == 0 || full && !set:
			continue
		case !full && set:
			b = append(b, '+')
		case !full:
			b = append(b, '-')
		case len(b) > start:
			b = append(b, '|')
		}
		b = append(b, name...)
	}
	return b
}

func parseExthdr(s string) (v, mask uint64, ok bool) {
	bit := func(name string) uint64 {
		for i, n := range exthdrNames {
			if n == name {
				return 1 << i
			}
		}
		return 0
	}
	if s == "" {
		return 0, 0, false
	}
	if s[0] != '+' && s[0] != '-' {
		for _, name := range strings.Split(s, "|") {
			b := bit(name)
			if b == 0 {
				return 0, 0, false
			}
			v |= b
		}
		return v, IPv6Exthdr.Field().Full().Lo, true
	}
	for s != "" {
		end := 1 + strings.IndexAny(s[1:], "+-")
		if end == 0 {
			end = len(s)
		}
		b := bit(s[1:end])
		if b == 0 || mask&b != 0 {
			return 0, 0, false
		}
		mask |= b
		if s[0] == '+' {
			v |= b
		}
		s = s[end:]
	}
	return v, mask, true
}
