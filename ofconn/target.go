package ofconn

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// DefaultPort is OpenFlow's TCP port (OpenFlow 1.3.5 §6.3.3).
const DefaultPort = 6653

// maxSocketPath is the longest path that fits into a Unix address.
const maxSocketPath = 107

// endpoint is a parsed target.
type endpoint struct {
	network string // "tcp" or "unix"
	address string // host:port or path
}

// parseActive reads "tcp:HOST[:PORT]" or "unix:PATH".
func parseActive(target string) (endpoint, error) {
	kind, rest, _ := strings.Cut(target, ":")
	switch kind {
	case "tcp":
		host, port, err := splitHostPort(rest)
		if err != nil {
			return endpoint{}, fmt.Errorf("controller %q: %w", target, err)
		}
		if port == 0 {
			return endpoint{}, fmt.Errorf("controller %q: port 0 cannot be connected to", target)
		}
		return endpoint{"tcp", net.JoinHostPort(host, strconv.Itoa(port))}, nil
	case "unix":
		return unixEndpoint("controller", target, rest)
	case "ssl":
		return endpoint{}, fmt.Errorf("controller %q: %w: use tcp:HOST:PORT or unix:PATH", target, ErrTLS)
	case "ptcp", "punix", "pssl":
		return endpoint{}, fmt.Errorf("controller %q: %s: listens; give it as a listener", target, kind)
	}
	return endpoint{}, fmt.Errorf("controller %q: want tcp:HOST[:PORT] or unix:PATH", target)
}

// parsePassive reads "ptcp:[PORT][:ADDRESS]" or "punix:PATH".
func parsePassive(target string) (endpoint, error) {
	kind, rest, _ := strings.Cut(target, ":")
	switch kind {
	case "ptcp":
		portText, host, _ := strings.Cut(rest, ":")
		port := DefaultPort
		if portText != "" {
			var err error
			if port, err = parsePort(portText); err != nil {
				return endpoint{}, fmt.Errorf("listener %q: %w", target, err)
			}
		}
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
		return endpoint{"tcp", net.JoinHostPort(host, strconv.Itoa(port))}, nil
	case "punix":
		return unixEndpoint("listener", target, rest)
	case "pssl":
		return endpoint{}, fmt.Errorf("listener %q: %w: use ptcp:PORT[:ADDRESS] or punix:PATH", target, ErrTLS)
	case "tcp", "unix", "ssl":
		return endpoint{}, fmt.Errorf("listener %q: %s: connects; give it as a controller", target, kind)
	}
	return endpoint{}, fmt.Errorf("listener %q: want ptcp:[PORT][:ADDRESS] or punix:PATH", target)
}

func unixEndpoint(what, target, path string) (endpoint, error) {
	switch {
	case path == "":
		return endpoint{}, fmt.Errorf("%s %q: the path is missing", what, target)
	case len(path) > maxSocketPath:
		return endpoint{}, fmt.Errorf("%s %q: the path has %d bytes, and a Unix socket's may have %d", what, target, len(path), maxSocketPath)
	}
	return endpoint{"unix", path}, nil
}

// splitHostPort reads HOST, HOST:PORT, [IPv6] or [IPv6]:PORT.
func splitHostPort(s string) (host string, port int, err error) {
	port = DefaultPort
	portText := ""
	if inner, ok := strings.CutPrefix(s, "["); ok {
		var rest string
		if host, rest, ok = strings.Cut(inner, "]"); !ok {
			return "", 0, fmt.Errorf("']' is missing after the IPv6 address")
		}
		if rest != "" && !strings.HasPrefix(rest, ":") {
			return "", 0, fmt.Errorf("%q after the address: want :PORT", rest)
		}
		portText = strings.TrimPrefix(rest, ":")
	} else if strings.Count(s, ":") > 1 {
		return "", 0, fmt.Errorf("an IPv6 address is written in brackets: tcp:[ADDRESS]:PORT")
	} else {
		host, portText, _ = strings.Cut(s, ":")
	}
	if host == "" {
		return "", 0, fmt.Errorf("the host is missing")
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
