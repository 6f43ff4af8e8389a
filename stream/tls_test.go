package stream

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ofswitch/internal/testutil"
)

// limit bounds handshakes that go through.
const limit = time.Minute

// tcpPair is a connection over loopback: who dialled, who accepted.
func tcpPair(t *testing.T) (dialled, accepted net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if dialled, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if accepted, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close(); accepted.Close() })
	return dialled, accepted
}

func credentials(t *testing.T, id testutil.Identity, ca *testutil.CA) *Credentials {
	t.Helper()
	c := NewCredentials(slog.New(slog.DiscardHandler))
	if err := c.Set(Files{PrivateKey: id.Key, Certificate: id.Cert, CACert: ca.File}); err != nil {
		t.Fatal(err)
	}
	return c
}

// Each end by our own credentials against Go's plain TLS, which we did not
// configure: what is accepted, what is refused, and for which reason.
func TestHandshake(t *testing.T) {
	ca, other := testutil.NewCA(t, "ours"), testutil.NewCA(t, "other")
	us := credentials(t, ca.Issue("switch"), ca)
	usage := func(u x509.ExtKeyUsage) testutil.CertTweak {
		return func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{u} }
	}
	peer := func(ca *testutil.CA, tweaks ...testutil.CertTweak) *tls.Config {
		c := ca.Config(ca.Issue("peer", tweaks...))
		c.VerifyConnection = nil // it is our opinion that counts
		c.ClientAuth = tls.RequireAnyClientCert
		return c
	}
	with := func(c *tls.Config, f func(*tls.Config)) *tls.Config { f(c); return c }
	for _, tt := range []struct {
		name string
		peer *tls.Config
		// What we say as a server and as a client, "" if it must work. "-": not
		// tested.
		server, client string
	}{
		{"a certificate of the CA", peer(ca), "", ""},
		{"TLS 1.2", with(peer(ca), func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }), "", ""},
		{"TLS 1.1", with(peer(ca), func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }), "offers no TLS 1.2 or later", "protocol version not supported"},
		{"another CA", peer(other), `certificate "CN=peer" is not accepted: our CA has not signed it`, `certificate "CN=peer" is not accepted: our CA has not signed it`},
		{"expired", peer(ca, testutil.Expired), "it expired on 20", "it expired on 20"},
		{"not yet valid", peer(ca, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), "it is valid only from", "it is valid only from"},
		{"no certificate", with(peer(ca), func(c *tls.Config) {
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &tls.Certificate{}, nil }
		}), "presents no certificate: give it one", "-"},
		{"for servers only", peer(ca, usage(x509.ExtKeyUsageServerAuth)), "extended key usage", ""},
		{"for clients only", peer(ca, usage(x509.ExtKeyUsageClientAuth)), "", "extended key usage"},
		{"it wants another CA of us", with(peer(ca), func(c *tls.Config) {
			pool := x509.NewCertPool()
			pool.AppendCertsFromPEM(must(os.ReadFile(other.File)))
			c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, pool
		}), "-", "refuses our TLS handshake: tls: "},
	} {
		check := func(t *testing.T, ours net.Conn, theirs *tls.Conn, want string) {
			done := make(chan error, 1)
			go func() {
				err := theirs.Handshake()
				if err == nil {
					_, err = theirs.Write([]byte("hello"))
				}
				// As a peer does that is refused, and one that refuses.
				_ = theirs.SetReadDeadline(time.Now().Add(limit))
				if err != nil {
					_ = theirs.Close()
				}
				done <- err
			}()
			err := Handshake(context.Background(), ours, limit)
			if err == nil {
				// TLS 1.3: the other end may refuse us only now.
				b := make([]byte, 5)
				if _, err = io.ReadFull(ours, b); err == nil && string(b) != "hello" {
					t.Errorf("got %q", b)
				}
			}
			_ = ours.Close()
			peerErr := <-done
			switch {
			case want == "" && (err != nil || peerErr != nil):
				t.Errorf("ours: %v; theirs: %v", err, peerErr)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("error %v, want %q", err, want)
			}
		}
		if tt.server != "-" {
			t.Run("server/"+tt.name, func(t *testing.T) {
				dialled, accepted := tcpPair(t)
				check(t, us.Server(accepted), tls.Client(dialled, tt.peer), tt.server)
			})
		}
		if tt.client != "-" {
			t.Run("client/"+tt.name, func(t *testing.T) {
				dialled, accepted := tcpPair(t)
				ours, err := us.Client(dialled, Endpoint{Network: "tcp", Address: "192.0.2.1:6653", TLS: true})
				if err != nil {
					t.Fatal(err)
				}
				check(t, ours, tls.Server(accepted, tt.peer), tt.client)
			})
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// What is no TLS at all at the other end.
func TestHandshakeStrangers(t *testing.T) {
	ca := testutil.NewCA(t, "ours")
	us := credentials(t, ca.Issue("switch"), ca)
	t.Run("plain", func(t *testing.T) {
		dialled, accepted := tcpPair(t)
		if _, err := dialled.Write([]byte{4, 0, 0, 8, 0, 0, 0, 1}); err != nil {
			t.Fatal(err)
		}
		if err := Handshake(context.Background(), us.Server(accepted), limit); err == nil || !strings.Contains(err.Error(), "does not speak TLS") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("hangs up", func(t *testing.T) {
		dialled, accepted := tcpPair(t)
		_ = dialled.Close()
		if err := Handshake(context.Background(), us.Server(accepted), limit); err == nil || !strings.Contains(err.Error(), "hung up during the TLS handshake") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("silent", func(t *testing.T) {
		_, accepted := tcpPair(t)
		if err := Handshake(context.Background(), us.Server(accepted), time.Millisecond); err == nil || !strings.Contains(err.Error(), "no TLS handshake from the peer within 1ms") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("not TLS, not touched", func(t *testing.T) {
		_, accepted := tcpPair(t)
		if err := Handshake(context.Background(), accepted, time.Millisecond); err != nil {
			t.Errorf("error %v", err)
		}
	})
}

// A peer that closes without a word has closed, and no more.
func TestClosedWithoutLeave(t *testing.T) {
	ca := testutil.NewCA(t, "ours")
	id := ca.Issue("switch")
	us := credentials(t, id, ca)
	for _, leave := range []bool{false, true} {
		dialled, accepted := tcpPair(t)
		theirs := tls.Client(dialled, ca.Config(id))
		ours := us.Server(accepted)
		go func() {
			_ = theirs.Handshake() // ours says if it fails
			if leave {
				_ = theirs.CloseWrite()
			} else {
				_ = dialled.Close()
			}
		}()
		if err := Handshake(context.Background(), ours, limit); err != nil {
			t.Fatal(err)
		}
		if _, err := ours.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("leave %v: error %v", leave, err)
		}
		if leave {
			// Their half is closed, ours is not.
			if _, err := ours.Write([]byte("x")); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestFiles(t *testing.T) {
	ca := testutil.NewCA(t, "ours")
	id, second := ca.Issue("switch"), ca.Issue("second")
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	locked := file("locked.pem", string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}})))
	text := file("text.pem", "just text")
	broken := file("broken.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1, 2, 3}})))
	huge := file("huge.pem", strings.Repeat("x", maxFile+1))
	chain := file("chain.pem", "some text first\n"+string(must(os.ReadFile(ca.File)))+string(must(os.ReadFile(ca.File))))
	for _, tt := range []struct {
		key, cert, ca string
		want          []string // parts of the error; none: it must work
	}{
		{id.Key, id.Cert, ca.File, nil},
		{id.Key, id.Cert, chain, nil},
		{"", id.Cert, ca.File, []string{"needed together", "--private-key is missing"}},
		{id.Key, "", "", []string{"--certificate and --ca-cert is missing"}},
		{filepath.Join(dir, "none.pem"), id.Cert, ca.File, []string{"private key", "none.pem", "no such file"}},
		{id.Key, dir, ca.File, []string{"certificate " + dir, "no regular file"}},
		{id.Cert, id.Key, ca.File, []string{"private key " + id.Cert, "holds no PRIVATE KEY but CERTIFICATE", "--private-key"}},
		{id.Key, text, ca.File, []string{"certificate " + text, "holds no PEM text", "--certificate"}},
		{id.Key, id.Cert, text, []string{"CA certificate " + text, "--ca-cert"}},
		{id.Key, id.Cert, broken, []string{"CA certificate " + broken, "cannot be read"}},
		{id.Key, broken, ca.File, []string{broken, "cannot be used"}},
		{id.Key, id.Cert, huge, []string{"has more than 4 MiB"}},
		{locked, id.Cert, ca.File, []string{locked, "passphrase", "openssl pkey"}},
		{second.Key, id.Cert, ca.File, []string{second.Key, id.Cert, "is not that of certificate"}},
	} {
		c := NewCredentials(slog.New(slog.DiscardHandler))
		err := c.Set(Files{tt.key, tt.cert, tt.ca})
		if (err == nil) != (tt.want == nil) {
			t.Errorf("%q %q %q: %v, want %q", tt.key, tt.cert, tt.ca, err, tt.want)
			continue
		}
		for _, part := range tt.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q %q %q: %v, want %q", tt.key, tt.cert, tt.ca, err, part)
			}
		}
	}
	c := NewCredentials(nil)
	if err := c.Ready(); !errors.Is(err, ErrNotConfigured) {
		t.Errorf("without files: %v", err)
	}
	if err := c.Set(Files{}); err != nil {
		t.Errorf("no files: %v", err)
	}
}

// Files that change under us, one after the other, and into what cannot be used.
func TestReload(t *testing.T) {
	ca, other := testutil.NewCA(t, "first"), testutil.NewCA(t, "second")
	id := ca.Issue("switch one")
	var lines bytes.Buffer
	c := NewCredentials(slog.New(slog.NewTextHandler(&lines, nil)))
	files := Files{id.Key, id.Cert, filepath.Join(t.TempDir(), "ca.pem")}
	copyFile(t, files.CACert, ca.File)
	if err := c.Set(files); err != nil {
		t.Fatal(err)
	}
	// name is who we are to a client of a CA; "" if we do not get on.
	name := func(ca *testutil.CA) string {
		dialled, accepted := tcpPair(t)
		theirs := tls.Client(dialled, ca.Config(ca.Issue("peer")))
		done := make(chan error, 1)
		go func() { done <- Handshake(context.Background(), c.Server(accepted), limit) }()
		err := theirs.Handshake()
		if ours := <-done; err != nil || ours != nil {
			return ""
		}
		return theirs.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	want := func(step string, ca *testutil.CA, who string) {
		t.Helper()
		if got := name(ca); got != who {
			t.Errorf("%s: we are %q, want %q", step, got, who)
		}
	}
	want("at first", ca, "switch one")
	want("at first, to strangers", other, "")

	two := ca.Issue("switch two")
	copyFile(t, files.PrivateKey, two.Key)
	want("the key is new, the certificate is not yet", ca, "switch one")
	want("and again", ca, "switch one")
	if n := strings.Count(lines.String(), "going on with what they held before"); n != 1 {
		t.Errorf("said %d times:\n%s", n, lines.String())
	}
	copyFile(t, files.Certificate, two.Cert)
	want("both are new", ca, "switch two")

	if err := os.Remove(files.CACert); err != nil {
		t.Fatal(err)
	}
	want("no CA file", ca, "switch two")
	if err := c.Set(files); err != nil {
		t.Errorf("the same files, which were good: %v", err)
	}
	if n := strings.Count(lines.String(), "no such file"); n != 1 {
		t.Errorf("said %d times:\n%s", n, lines.String())
	}
	copyFile(t, files.CACert, other.File)
	want("another CA: its peers do not know us yet", other, "")
	other.IssueTo(id, "switch three")
	want("and a certificate of it", other, "switch three")
	want("the first CA's peers", ca, "")
	if n := strings.Count(lines.String(), "TLS files have changed"); n != 3 {
		t.Errorf("taken on %d times, want 3:\n%s", n, lines.String())
	}

	// An expired certificate of our own is used, since nobody has a better
	// one, and complained of.
	other.IssueTo(id, "switch four", testutil.Expired)
	if err := c.Ready(); err != nil || !strings.Contains(lines.String(), "our TLS certificate expired on") {
		t.Errorf("%v\n%s", err, lines.String())
	}
}

func copyFile(t *testing.T, to, from string) {
	t.Helper()
	if err := os.WriteFile(to, must(os.ReadFile(from)), 0o600); err != nil {
		t.Fatal(err)
	}
}
