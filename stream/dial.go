package stream

import (
	"context"
	"fmt"
	"net"
)

// Dial connects to e, without TLS: see Credentials.Client.
func Dial(ctx context.Context, e Endpoint) (net.Conn, error) {
	var d net.Dialer
	if e.Local != "" {
		ip, err := net.ResolveIPAddr("ip", e.Local)
		if err != nil {
			return nil, fmt.Errorf("cannot connect from %s: %w", e.Local, err)
		}
		d.LocalAddr = &net.TCPAddr{IP: ip.IP, Zone: ip.Zone}
	}
	nc, err := d.DialContext(ctx, e.Network, e.Address)
	if err != nil {
		return nil, fmt.Errorf("cannot connect: %w", err)
	}
	return nc, nil
}

// Listen listens at e, without TLS: see Credentials.Server.
func Listen(e Endpoint) (net.Listener, error) {
	if e.Network == "unix" {
		return ListenUnix(e.Address)
	}
	var lc net.ListenConfig
	return lc.Listen(context.Background(), e.Network, e.Address)
}
