package main

import (
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"testing"

	"ofswitch/internal/testutil"
)

// TestTLS: a switch behind TLS, and what is said where it does not like us, or
// we not it.
func TestTLS(t *testing.T) {
	f := newFakeSwitch(t)
	ca, other := testutil.NewCA(t, "ours"), testutil.NewCA(t, "other")
	us, switchID := ca.Issue("tool"), ca.Issue("switch")
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := tls.NewListener(tcp, ca.Config(switchID))
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Add(1)
			go func() {
				defer wg.Done()
				defer nc.Close()
				if nc.(*tls.Conn).Handshake() == nil {
					f.serve(nc)
				}
			}()
		}
	}()
	defer func() {
		l.Close()
		wg.Wait()
	}()
	target := "ssl:" + tcp.Addr().String()
	if out := f.ok("", "dump-desc", target, "-p", us.Key, "-c", us.Cert, "-C", ca.File); !strings.Contains(out, "Manufacturer: fake") {
		t.Errorf("got %q", out)
	}
	if out := f.ok("", "dump-desc", target, "--private-key="+us.Key, "--certificate="+us.Cert, "--ca-cert="+ca.File); !strings.Contains(out, "Manufacturer: fake") {
		t.Errorf("got %q", out)
	}
	stranger := other.Issue("stranger")
	for _, c := range []struct {
		target string
		id     testutil.Identity
		ca     *testutil.CA
		want   string
	}{
		{target, us, other, target + `: the peer's certificate "CN=switch" is not accepted: our CA has not signed it`},
		{target, stranger, ca, "the peer refuses our TLS handshake"},
		{target, testutil.Identity{Key: us.Key, Cert: stranger.Cert}, ca, "is not that of certificate " + stranger.Cert},
		{"ssl:[::1", us, ca, "']' is missing"},
	} {
		status, out, errs := runOfctl("", "probe", c.target, "-p", c.id.Key, "-c", c.id.Cert, "-C", c.ca.File)
		if status != exitFailure || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("probe %s: status %d, %q, %q; want %q", c.target, status, out, errs, c.want)
		}
	}
}
