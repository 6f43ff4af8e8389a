package stream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"
)

// Credentials are what a process shows over TLS and what it accepts. Its
// methods may be called from any goroutine.
type Credentials struct {
	log *slog.Logger

	mu        sync.Mutex
	files     Files
	good      *material // of these files, the last that could be used
	complaint string    // what was logged last
}

// NewCredentials makes credentials without files. log takes one line when new
// files are taken on and one when they cannot be; nil: slog.Default.
func NewCredentials(log *slog.Logger) *Credentials {
	if log == nil {
		log = slog.Default()
	}
	return &Credentials{log: log}
}

// Set names the files. The error says why there can be no TLS with them now; they
// are looked at again at each handshake all the same. Zero Files: no TLS.
func (c *Credentials) Set(f Files) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f != c.files {
		c.files, c.good, c.complaint = f, nil, ""
	}
	if f == (Files{}) {
		return nil
	}
	_, err := c.bestLocked()
	return err
}

// Ready says why there can be no TLS, or nil.
func (c *Credentials) Ready() error {
	_, err := c.load()
	return err
}

// load gives what the files hold now, or the last good if that cannot be used.
func (c *Credentials) load() (*material, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bestLocked()
}

func (c *Credentials) bestLocked() (*material, error) {
	m, err := c.loadLocked()
	if err == nil {
		return m, nil
	}
	if c.good == nil {
		return nil, err
	}
	if text := err.Error(); text != c.complaint {
		c.complaint = text
		c.log.Error("TLS files cannot be used; going on with what they held before", "error", err)
	}
	return c.good, nil
}

func (c *Credentials) loadLocked() (*material, error) {
	if err := c.files.Check(); err != nil {
		return nil, err
	}
	read, err := c.files.read()
	if err != nil {
		return nil, err
	}
	if c.good != nil && c.good.from.equal(read) {
		c.complaint = ""
		return c.good, nil
	}
	m, err := c.files.parse(read)
	if err != nil {
		return nil, err
	}
	if c.good != nil {
		c.log.Info("TLS files have changed; new connections use them", "certificate", c.files.Certificate)
	}
	if bad := m.validity(time.Now()); bad != "" {
		c.log.Warn("our TLS certificate "+bad+": peers will refuse it", "certificate", c.files.Certificate)
	}
	c.good, c.complaint = m, ""
	return m, nil
}

// Client puts TLS on a connection that we dialled to e. The handshake is still
// to be made: see Handshake. The error says why TLS cannot be had; nc is
// untouched then.
func (c *Credentials) Client(nc net.Conn, e Endpoint) (net.Conn, error) {
	m, err := c.load()
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(e.Address) // only for the peer to choose a certificate by
	return &conn{Conn: tls.Client(nc, &tls.Config{
		MinVersion: tls.VersionTLS12,
		ServerName: host,
		// Whatever authorities the peer names: it shall see who we are.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &m.cert, nil },
		// In place of Go's check, which wants a host name: verify does it.
		InsecureSkipVerify: true,
		VerifyConnection:   m.verify,
	}), raw: nc}, nil
}

// Server puts TLS on a connection that we accepted. The handshake is still to
// be made, and fails if TLS cannot be had: see Handshake.
func (c *Credentials) Server(nc net.Conn) net.Conn {
	return &conn{Conn: tls.Server(nc, &tls.Config{GetConfigForClient: c.serverConfig}), raw: nc}
}

// serverConfig is what a client that has said its hello is dealt with by.
func (c *Credentials) serverConfig(*tls.ClientHelloInfo) (*tls.Config, error) {
	m, err := c.load()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{m.cert},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    m.ca,
		// Each connection is checked by the files as they are then.
		SessionTicketsDisabled: true,
	}, nil
}

// verify checks that the CA has signed the server's certificate, and for a
// server.
func (m *material) verify(s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("tls: server sent no certificate")
	}
	o := x509.VerifyOptions{Roots: m.ca, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, cert := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(cert)
	}
	if _, err := s.PeerCertificates[0].Verify(o); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
	}
	return nil
}

// conn is a connection over TLS. Closing it closes the socket and cannot block;
// CloseWrite takes an orderly leave before.
type conn struct {
	*tls.Conn
	raw net.Conn
}

// Read treats a peer that closes without a word like one that takes leave: the
// protocols here notice by themselves when a message is cut short.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	switch {
	case err == io.ErrUnexpectedEOF:
		err = io.EOF
	case err != nil:
		err = explain(err)
	}
	return n, err
}

// Close closes the socket.
func (c *conn) Close() error { return c.raw.Close() }

// Handshake makes the TLS handshake of nc, if it is a connection of
// Credentials, within a time limit. Errors say who dislikes what.
func Handshake(ctx context.Context, nc net.Conn, limit time.Duration) error {
	c, ok := nc.(*conn)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := c.HandshakeContext(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() == context.DeadlineExceeded:
		return fmt.Errorf("no TLS handshake from the peer within %v", limit)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return fmt.Errorf("the peer hung up during the TLS handshake: %w", err)
	}
	return explain(err)
}
