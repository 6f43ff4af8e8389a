package ofconn

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
	"ofswitch/stream"
)

// tlsRig is a Manager with TLS files of its own, and what it logs.
type tlsRig struct {
	t     *testing.T
	ca    *testutil.CA
	id    testutil.Identity // of the switch
	files stream.Files
	m     *Manager
	log   testutil.Output
}

func newTLSRig(t *testing.T, o Options) *tlsRig {
	r := &tlsRig{t: t, ca: testutil.NewCA(t, "ours")}
	r.id = r.ca.Issue("switch")
	r.files = stream.Files{PrivateKey: r.id.Key, Certificate: r.id.Cert, CACert: r.ca.File}
	o.Logger = slog.New(slog.NewTextHandler(&r.log, nil))
	o.TLS = stream.NewCredentials(o.Logger)
	if err := o.TLS.Set(r.files); err != nil {
		t.Fatal(err)
	}
	r.m = newManager(t, &fakeSwitch{}, o)
	return r
}

// listen makes the switch listen over TLS and gives the address.
func (r *tlsRig) listen() string {
	r.t.Helper()
	if err := r.m.SetListeners([]Listener{{Target: "pssl:0:127.0.0.1"}}); err != nil {
		r.t.Fatal(err)
	}
	return r.m.Listeners()[0].Address
}

// dial connects to the switch as one that shows id.
func (r *tlsRig) dial(address string, c *tls.Config) (*peer, error) {
	r.t.Helper()
	nc, err := tls.Dial("tcp", address, c)
	if err != nil {
		return nil, err
	}
	r.t.Cleanup(func() { nc.Close() })
	return newPeer(r.t, nc), nil
}

// controller is a controller that listens; each connection that the switch
// makes comes by conns, which is closed at the end of the test.
func (r *tlsRig) controller(c *tls.Config) (address string, conns chan *peer) {
	r.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	if c != nil {
		ln = tls.NewListener(ln, c)
	}
	conns = make(chan *peer, 10)
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			conns <- newPeer(r.t, nc)
		}
	}()
	r.t.Cleanup(func() {
		ln.Close()
		wg.Wait()
		close(conns)
		for p := range conns {
			p.nc.Close()
		}
	})
	return ln.Addr().String(), conns
}

// closed waits for the end of a connection.
func (p *peer) closed() {
	p.t.Helper()
	if err := p.nc.SetReadDeadline(time.Now().Add(testutil.Patience)); err != nil {
		p.t.Fatal(err)
	}
	if b, err := io.ReadAll(p.r); err == nil && len(b) == 0 {
		return
	} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
		p.t.Error("the connection stays open")
	}
}

// A listener takes those with a certificate of the CA, and says why it does not
// take the others, who hold up nobody.
func TestListenTLS(t *testing.T) {
	r := newTLSRig(t, Options{})
	address := r.listen()
	good := r.ca.Config(r.ca.Issue("controller"))

	silent, err := net.Dial("tcp", address) // for the whole test
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	plain, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := plain.Write(ofp.Encode(1, &ofp.Hello{})); err != nil {
		t.Fatal(err)
	}
	newPeer(t, plain).closed()
	other := testutil.NewCA(t, "other")
	stranger := other.Config(other.Issue("stranger"))
	stranger.VerifyConnection = nil
	if p, err := r.dial(address, stranger); err == nil {
		p.closed()
	}
	p, err := r.dial(address, good)
	if err != nil {
		t.Fatal(err)
	}
	p.shake()
	p.alive()
	for _, want := range []string{"does not speak TLS", `certificate \"CN=stranger\" is not accepted: our CA has not signed it`} {
		testutil.Eventually(t, want, func() error {
			if !strings.Contains(r.log.String(), want) {
				return errGarbage
			}
			return nil
		})
	}
	if s := r.m.Status(); len(s) != 2 {
		t.Errorf("status %+v", s)
	}

	// Half closed as by TCP: what was asked is still answered.
	p.send(5, &ofp.BarrierRequest{})
	if err := p.nc.(*tls.Conn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	p.want(5, ofp.TypeBarrierReply)
	p.closed()
}

// The handshake has a time limit.
func TestListenTLSLimit(t *testing.T) {
	r := newTLSRig(t, Options{handshake: 10 * time.Millisecond})
	nc, err := net.Dial("tcp", r.listen())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	newPeer(t, nc).closed()
	testutil.Eventually(t, "a line in the log", func() error {
		if !strings.Contains(r.log.String(), "no TLS handshake from the peer within 10ms") {
			return errGarbage
		}
		return nil
	})
}

// New files are for new connections; those that are up go on.
func TestReloadTLS(t *testing.T) {
	r := newTLSRig(t, Options{})
	address := r.listen()
	first, err := r.dial(address, r.ca.Config(r.ca.Issue("controller")))
	if err != nil {
		t.Fatal(err)
	}
	first.shake()

	other := testutil.NewCA(t, "other")
	if err := os.WriteFile(r.files.CACert, must(os.ReadFile(other.File)), 0o600); err != nil {
		t.Fatal(err)
	}
	other.IssueTo(r.id, "switch of tomorrow")
	second, err := r.dial(address, other.Config(other.Issue("controller")))
	if err != nil {
		t.Fatal(err)
	}
	second.shake()
	second.alive()
	if name := second.nc.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName; name != "switch of tomorrow" {
		t.Errorf("the switch is %q", name)
	}
	first.alive()
	if p, err := r.dial(address, r.ca.Config(r.ca.Issue("controller"))); err == nil {
		t.Errorf("the old CA's are still welcome: %v", p)
	}

	// What cannot be used changes nothing.
	if err := os.Truncate(r.files.Certificate, 10); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		third, err := r.dial(address, other.Config(other.Issue("controller")))
		if err != nil {
			t.Fatal(err)
		}
		third.shake()
		third.alive()
	}
	if n := strings.Count(r.log.String(), "holds no PEM text"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, r.log.String())
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A controller that we dial, with auxiliary connections over the same
// transport, from the same address and to the same one.
func TestDialReal(t *testing.T) {
	for _, scheme := range []string{"tcp:", "ssl:"} {
		t.Run(scheme, func(t *testing.T) {
			r := newTLSRig(t, Options{})
			var config *tls.Config
			if scheme == "ssl:" {
				config = r.ca.Config(r.ca.Issue("controller"))
			}
			address, conns := r.controller(config)
			// A name, which may be more than one address.
			_, port, _ := net.SplitHostPort(address)
			if err := r.m.SetControllers([]Controller{{Target: scheme + "localhost:" + port, AuxConnections: 2}}); err != nil {
				t.Fatal(err)
			}
			main := <-conns
			main.shake()
			seen := map[uint8]*peer{}
			for range 2 {
				p := <-conns
				_, _ = p.recv()
				p.send(1, &ofp.Hello{Versions: []uint32{0x72}})
				p.send(2, &ofp.FeaturesRequest{})
				f := p.want(2, ofp.TypeFeaturesReply).(*ofp.FeaturesReply)
				seen[f.AuxiliaryID] = p
				if a, b := host(p.nc.RemoteAddr()), host(main.nc.RemoteAddr()); a != b {
					t.Errorf("from %s, the main connection is from %s", a, b)
				}
				if c, ok := p.nc.(*tls.Conn); ok && (c.ConnectionState().Version < tls.VersionTLS12 || c.ConnectionState().PeerCertificates[0].Subject.CommonName != "switch") {
					t.Errorf("TLS %+v", c.ConnectionState())
				}
			}
			if seen[1] == nil || seen[2] == nil {
				t.Fatalf("auxiliary ids %v", seen)
			}
			main.alive()
			_ = main.nc.Close()
			seen[1].closed()
			seen[2].closed()
		})
	}
}

func host(a net.Addr) string {
	h, _, _ := net.SplitHostPort(a.String())
	return h
}

// A controller that speaks no TLS, or whom we do not trust: the status says so,
// and it is tried again.
func TestDialTLSRefused(t *testing.T) {
	r := newTLSRig(t, Options{})
	other := testutil.NewCA(t, "other")
	stranger := other.Config(other.Issue("stranger"))
	stranger.VerifyConnection, stranger.ClientAuth = nil, tls.RequireAnyClientCert
	addresses := map[string]string{} // by what must be said
	plain, plainConns := r.controller(nil)
	addresses["does not speak TLS"] = plain
	strange, strangeConns := r.controller(stranger)
	addresses["our CA has not signed it"] = strange
	go func() {
		for p := range plainConns {
			_, _ = p.nc.Write(ofp.Encode(1, &ofp.Hello{})) // as controllers do that speak first
		}
	}()
	go func() {
		for p := range strangeConns {
			_ = p.nc.(*tls.Conn).Handshake() // the switch says what is wrong
		}
	}()
	var list []Controller
	for _, address := range addresses {
		list = append(list, Controller{Target: "ssl:" + address, MaxBackoff: 10 * time.Millisecond})
	}
	if err := r.m.SetControllers(list); err != nil {
		t.Fatal(err)
	}
	for want, address := range addresses {
		testutil.Eventually(t, want, func() error {
			for _, s := range r.m.Status() {
				if s.Target == "ssl:"+address && s.Attempts > 1 && strings.Contains(s.LastError, want) {
					return nil
				}
			}
			return errGarbage
		})
	}
	if err := r.m.Close(); err != nil {
		t.Error(err)
	}
}
