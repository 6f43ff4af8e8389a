package stream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// explain says in terms of peers and certificates what went wrong with TLS.
// What is no matter of TLS stays as it is.
func explain(err error) error {
	var header tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	var op *net.OpError
	switch {
	case errors.As(err, &header):
		return fmt.Errorf("the peer does not speak TLS (%w): it may use tcp: or ptcp: where ssl: or pssl: is meant", err)
	case errors.As(err, &verify):
		return fmt.Errorf("the peer's certificate%s is not accepted: %w", subject(verify.UnverifiedCertificates), explainVerify(verify.Err))
	case errors.As(err, &op) && op.Op == "remote error":
		return fmt.Errorf("the peer refuses our TLS handshake: %w", op.Err)
	}
	switch text := err.Error(); {
	case strings.Contains(text, "didn't provide a certificate"):
		return fmt.Errorf("the peer presents no certificate: give it one that our CA has signed (%w)", err)
	case strings.Contains(text, "unsupported versions"), strings.Contains(text, "protocol version not supported"):
		return fmt.Errorf("the peer offers no TLS 1.2 or later (%w)", err)
	case strings.Contains(text, "bad record MAC"):
		// OpenSSL's clients send this alert in the clear when our end of
		// the handshake is encrypted already.
		return fmt.Errorf("the peer broke off without a reason that can be read: it may not accept our certificate (%w)", err)
	}
	return err
}

// explainVerify says what is wrong with a peer's certificate.
func explainVerify(err error) error {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("our CA has not signed it (%w)", err)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		if now := time.Now(); now.Before(invalid.Cert.NotBefore) {
			return fmt.Errorf("it is valid only from %s: is the clock right? (%w)", invalid.Cert.NotBefore.Format(time.RFC3339), err)
		}
		return fmt.Errorf("it expired on %s (%w)", invalid.Cert.NotAfter.Format(time.RFC3339), err)
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		return fmt.Errorf("its extended key usage does not allow this end of a connection (%w)", err)
	}
	return err
}

// subject names a certificate, in brackets; what a peer sent is quoted.
func subject(certs []*x509.Certificate) string {
	if len(certs) == 0 {
		return ""
	}
	name := certs[0].Subject.String()
	if len(name) > 128 {
		name = name[:128]
	}
	return fmt.Sprintf(" %q", name)
}
