package stream

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// maxFile bounds what is read of a PEM file: a hundred certificates take less.
const maxFile = 4 << 20

// Files are PEM files: our private key, our certificate (and, behind it, what
// leads from it to the CA), and the CA's certificates.
type Files struct {
	PrivateKey, Certificate, CACert string
}

// ErrNotConfigured is wrapped by errors of Credentials without files.
var ErrNotConfigured = errors.New("TLS is not configured")

// Check says which of the files is not named: they are needed together.
func (f Files) Check() error {
	if f == (Files{}) {
		return fmt.Errorf("%w: it needs a private key, a certificate and a CA certificate (--private-key, --certificate, --ca-cert)", ErrNotConfigured)
	}
	var missing []string
	for _, x := range []struct{ path, flag string }{{f.PrivateKey, "--private-key"}, {f.Certificate, "--certificate"}, {f.CACert, "--ca-cert"}} {
		if x.path == "" {
			missing = append(missing, x.flag)
		}
	}
	if missing != nil {
		return fmt.Errorf("%w in full: private key, certificate and CA certificate are needed together, and %s is missing", ErrNotConfigured, strings.Join(missing, " and "))
	}
	return nil
}

// contents are the three files, as read.
type contents struct{ key, cert, ca []byte }

func (c contents) equal(o contents) bool {
	return bytes.Equal(c.key, o.key) && bytes.Equal(c.cert, o.cert) && bytes.Equal(c.ca, o.ca)
}

// read reads the files. Errors name file and role.
func (f Files) read() (c contents, err error) {
	if c.key, err = readFile("private key", f.PrivateKey); err != nil {
		return c, err
	}
	if c.cert, err = readFile("certificate", f.Certificate); err != nil {
		return c, err
	}
	c.ca, err = readFile("CA certificate", f.CACert)
	return c, err
}

func readFile(role, path string) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", role, err)
	}
	if !st.Mode().IsRegular() {
		// A pipe would have to be read again, and might never end.
		return nil, fmt.Errorf("%s %s is no regular file", role, path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", role, err)
	}
	b, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	_ = file.Close() // it was only read
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", role, err)
	case len(b) > maxFile:
		return nil, fmt.Errorf("%s %s has more than %d MiB: is it the right file?", role, path, maxFile>>20)
	}
	return b, nil
}

// material is what contents mean.
type material struct {
	from contents
	cert tls.Certificate
	ca   *x509.CertPool
}

// parse makes sense of c. Errors name the file and what to do.
func (f Files) parse(c contents) (*material, error) {
	if err := checkBlocks("private key", f.PrivateKey, c.key, "PRIVATE KEY", "--private-key"); err != nil {
		return nil, err
	}
	if err := checkBlocks("certificate", f.Certificate, c.cert, "CERTIFICATE", "--certificate"); err != nil {
		return nil, err
	}
	if err := checkBlocks("CA certificate", f.CACert, c.ca, "CERTIFICATE", "--ca-cert"); err != nil {
		return nil, err
	}
	m := &material{from: c, ca: x509.NewCertPool()}
	for rest := c.ca; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		if b.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, fmt.Errorf("CA certificate %s cannot be read: %w", f.CACert, err)
		}
		m.ca.AddCert(cert)
	}
	var err error
	if m.cert, err = tls.X509KeyPair(c.cert, c.key); err != nil {
		if strings.Contains(err.Error(), "does not match") {
			return nil, fmt.Errorf("private key %s is not that of certificate %s (%w): name the pair that was made together", f.PrivateKey, f.Certificate, err)
		}
		return nil, fmt.Errorf("private key %s and certificate %s cannot be used: %w", f.PrivateKey, f.Certificate, err)
	}
	return m, nil
}

// checkBlocks wants a PEM block in b whose type ends in want.
func checkBlocks(role, path string, b []byte, want, flag string) error {
	var seen []string
	for rest := b; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
			return fmt.Errorf("%s %s is protected by a passphrase, which nobody can type here: take it off with openssl pkey -in %s -out FILE", role, path, path)
		}
		if strings.HasSuffix(block.Type, want) {
			return nil
		}
		seen = append(seen, block.Type)
	}
	if seen != nil {
		return fmt.Errorf("%s %s holds no %s but %s: is it the file for %s?", role, path, want, strings.Join(seen, ", "), flag)
	}
	return fmt.Errorf("%s %s holds no PEM text (-----BEGIN %s-----): convert it with openssl, or name another file with %s", role, path, want, flag)
}

// validity says what peers will dislike about our own certificate at a time, or
// "".
func (m *material) validity(now time.Time) string {
	leaf := m.cert.Leaf
	switch {
	case leaf == nil:
		return ""
	case now.After(leaf.NotAfter):
		return fmt.Sprintf("expired on %s", leaf.NotAfter.Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return fmt.Sprintf("is valid only from %s", leaf.NotBefore.Format(time.RFC3339))
	}
	return ""
}
