package stream

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// MaxSocketPath is the longest path, in bytes, that fits into a Unix socket's
// address.
const MaxSocketPath = 107

// Endpoint is where something listens, or may be reached.
type Endpoint struct {
	// Network is "tcp" or "unix".
	Network string
	// Address is host:port, with an IPv6 host in brackets, or a path. An empty
	// host is every address.
	Address string
	// TLS says that TLS is spoken there.
	TLS bool
	// Local is the IP address to connect from; "" leaves it to the kernel.
	Local string
}

// ParseActive reads "tcp:HOST[:PORT]", "ssl:HOST[:PORT]" or "unix:PATH". what
// names the peer in errors.
func ParseActive(what, target string, defaultPort int) (Endpoint, error) {
	kind, rest, _ := strings.Cut(target, ":")
	switch kind {
	case "tcp", "ssl":
		host, port, err := splitHostPort(kind, rest, defaultPort)
		if err != nil {
			return Endpoint{}, fmt.Errorf("%s %q: %w", what, target, err)
		}
		if port == 0 {
			return Endpoint{}, fmt.Errorf("%s %q: port 0 cannot be connected to", what, target)
		}
		return Endpoint{Network: "tcp", Address: net.JoinHostPort(host, strconv.Itoa(port)), TLS: kind == "ssl"}, nil
	case "unix":
		return unixEndpoint(what, target, rest)
	case "ptcp", "punix", "pssl":
		return Endpoint{}, fmt.Errorf("%s %q: %s: listens, it does not connect; tcp:, ssl: and unix: do", what, target, kind)
	}
	return Endpoint{}, fmt.Errorf("%s %q: want tcp:HOST[:PORT], ssl:HOST[:PORT] or unix:PATH", what, target)
}

// ParsePassive reads "ptcp:[PORT][:ADDRESS]", "pssl:[PORT][:ADDRESS]" or
// "punix:PATH". what names the listener in errors.
func ParsePassive(what, target string, defaultPort int) (Endpoint, error) {
	kind, rest, _ := strings.Cut(target, ":")
	switch kind {
	case "ptcp", "pssl":
		portText, host, _ := strings.Cut(rest, ":")
		port := defaultPort
		if portText != "" {
			var err error
			if port, err = parsePort(portText); err != nil {
				return Endpoint{}, fmt.Errorf("%s %q: %w", what, target, err)
			}
		}
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
		return Endpoint{Network: "tcp", Address: net.JoinHostPort(host, strconv.Itoa(port)), TLS: kind == "pssl"}, nil
	case "punix":
		return unixEndpoint(what, target, rest)
	case "tcp", "unix", "ssl":
		return Endpoint{}, fmt.Errorf("%s %q: %s: connects, it does not listen; ptcp:, pssl: and punix: do", what, target, kind)
	}
	return Endpoint{}, fmt.Errorf("%s %q: want ptcp:[PORT][:ADDRESS], pssl:[PORT][:ADDRESS] or punix:PATH", what, target)
}

// UsesTLS says whether a target, active or passive, is one over TLS.
func UsesTLS(target string) bool {
	kind, _, _ := strings.Cut(target, ":")
	return kind == "ssl" || kind == "pssl"
}

func unixEndpoint(what, target, path string) (Endpoint, error) {
	switch {
	case path == "":
		return Endpoint{}, fmt.Errorf("%s %q: the path is missing", what, target)
	case len(path) > MaxSocketPath:
		return Endpoint{}, fmt.Errorf("%s %q: %w", what, target, pathTooLong(path))
	}
	return Endpoint{Network: "unix", Address: path}, nil
}

func pathTooLong(path string) error {
	return fmt.Errorf("the path has %d bytes, and a Unix socket's may have %d: choose a shorter one", len(path), MaxSocketPath)
}

// splitHostPort reads HOST, HOST:PORT, [IPv6] or [IPv6]:PORT.
func splitHostPort(kind, s string, defaultPort int) (host string, port int, err error) {
	port = defaultPort
	portText := ""
	if inner, ok := strings.CutPrefix(s, "["); ok {
		var rest string
		if host, rest, ok = strings.Cut(inner, "]"); !ok {
			return "", 0, errors.New("']' is missing after the IPv6 address")
		}
		if rest != "" && !strings.HasPrefix(rest, ":") {
			return "", 0, fmt.Errorf("%q after the address: want :PORT", rest)
		}
		portText = strings.TrimPrefix(rest, ":")
	} else if strings.Count(s, ":") > 1 {
		return "", 0, fmt.Errorf("an IPv6 address is written in brackets: %s:[ADDRESS]:PORT", kind)
	} else {
		host, portText, _ = strings.Cut(s, ":")
	}
	if host == "" {
		return "", 0, errors.New("the host is missing")
	}
	if portText != "" {
		if port, err = parsePort(portText); err != nil {
			return "", 0, err
		}
	}
	return host, port, nil
}

func parsePort(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("port %q: want a number from 0 to 65535", s)
	}
	return int(n), nil
}
