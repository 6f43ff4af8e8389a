package ofconn

import (
	"context"

	"ofswitch/stream"
)

// handshakeTLS makes the TLS handshake, where there is one, within the time that
// the hello has after it.
func (c *conn) handshakeTLS(ctx context.Context) error {
	return stream.Handshake(ctx, c.nc, c.m.o.handshake)
}
