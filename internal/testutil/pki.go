package testutil

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// CA is a certificate authority for one test, with its files in a directory of
// the test's.
type CA struct {
	t    testing.TB
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	// File is the PEM file of its certificate.
	File string
}

// Identity is a key with a certificate, as PEM files.
type Identity struct {
	Key, Cert string
}

// CertTweak changes a certificate before it is signed.
type CertTweak func(*x509.Certificate)

// Expired makes a certificate whose time is over.
func Expired(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
}

// NewCA makes a certificate authority of this name.
func NewCA(t testing.TB, name string) *CA {
	t.Helper()
	ca := &CA{t: t, dir: t.TempDir()}
	template := certTemplate(name)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	ca.key = newKey(t)
	ca.cert = sign(t, template, template, &ca.key.PublicKey, ca.key)
	ca.File = filepath.Join(ca.dir, "ca.pem")
	writePEM(t, ca.File, "CERTIFICATE", ca.cert.Raw)
	return ca
}

// Issue makes an identity, in new files.
func (ca *CA) Issue(name string, tweaks ...CertTweak) Identity {
	ca.t.Helper()
	dir := ca.t.TempDir()
	id := Identity{Key: filepath.Join(dir, "key.pem"), Cert: filepath.Join(dir, "cert.pem")}
	ca.IssueTo(id, name, tweaks...)
	return id
}

// IssueTo makes an identity in the files of another.
func (ca *CA) IssueTo(id Identity, name string, tweaks ...CertTweak) {
	ca.t.Helper()
	template := certTemplate(name)
	for _, f := range tweaks {
		f(template)
	}
	key := newKey(ca.t)
	cert := sign(ca.t, template, ca.cert, &key.PublicKey, ca.key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		ca.t.Fatal(err)
	}
	writePEM(ca.t, id.Key, "PRIVATE KEY", der)
	writePEM(ca.t, id.Cert, "CERTIFICATE", cert.Raw)
}

// Config is what a peer speaks TLS with: it shows id and checks the other end's
// certificate by the CA, not by name. Both ends may use it.
func (ca *CA) Config(id Identity) *tls.Config {
	ca.t.Helper()
	cert, err := tls.LoadX509KeyPair(id.Cert, id.Key)
	if err != nil {
		ca.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return &tls.Config{
		GetCertificate:       func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil },
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil },
		ClientAuth:           tls.RequireAndVerifyClientCert,
		ClientCAs:            pool,
		InsecureSkipVerify:   true, // names are not checked; the next does the rest
		VerifyConnection: func(s tls.ConnectionState) error {
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
			return err
		},
	}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func certTemplate(name string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		panic(err) // there is no randomness: nothing can go on
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
}

func sign(t testing.TB, template, parent *x509.Certificate, pub *ecdsa.PublicKey, key *ecdsa.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func writePEM(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
