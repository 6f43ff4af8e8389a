package garbage

import (
	"io"
	"math/rand/v2"
	"net"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
)

func seeds(t *testing.T) [][]byte {
	t.Helper()
	s, err := Seeds("../../testdata/ofp")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every message type has a seed, and every seed is a whole message.
func TestSeeds(t *testing.T) {
	seen := map[ofp.Type]int{}
	for _, s := range seeds(t) {
		h, err := ofp.ParseHeader(s)
		if err != nil || int(h.Length) != len(s) {
			t.Fatalf("% x is no whole message: %v, %v", s, h, err)
		}
		seen[h.Type]++
	}
	for typ := range ofp.TypeMeterMod + 1 {
		if seen[typ] == 0 {
			t.Errorf("no seed of %v", typ)
		}
	}
	if _, err := Seeds(t.TempDir()); err == nil {
		t.Error("seeds from an empty directory")
	}
}

func TestHarmless(t *testing.T) {
	mod := ofp.Encode(1, &ofp.FlowMod{BufferID: ofp.NoBuffer})
	broken := append([]byte(nil), mod...)
	broken[25] = 77 // the command
	for _, c := range []struct {
		name   string
		stream []byte
		want   bool
	}{
		{"nothing", nil, true},
		{"an echo", echo65000, true},
		{"a flow-mod", mod, false},
		{"a flow-mod after a hello", after(mod), false},
		{"a flow-mod cut short", after(mod[:len(mod)-1]), true},
		{"a flow-mod behind an impossible length", append(make([]byte, 8), mod...), true},
	} {
		if got := Harmless(c.stream); got != c.want {
			t.Errorf("%s: harmless is %v", c.name, got)
		}
	}
}

// The streams of every kind are there, many, and harmless.
func TestStreams(t *testing.T) {
	for name, c := range map[string]struct {
		make func(*rand.Rand, [][]byte) [][]byte
		want int // streams, at least
	}{
		"random":       {randomStreams, 100},
		"truncated":    {truncated, 150},
		"cutOff":       {cutOff, 8000},
		"wrongLengths": {wrongLengths, 1000},
		"mangled":      {mangled, 150},
		"millions":     {millions, 9},
	} {
		list := c.make(rand.New(rand.NewPCG(1, 1)), seeds(t))
		if len(list) < c.want {
			t.Errorf("%s: %d streams, want %d", name, len(list), c.want)
		}
		for _, s := range list {
			if !Harmless(s) {
				t.Fatalf("%s: a valid command in % x", name, s)
			}
		}
	}
	// Those of outOfOrder may hold commands, but never where a switch takes
	// them: before a hello.
	for _, s := range outOfOrder(nil, seeds(t)) {
		if s[1] == byte(ofp.TypeHello) && !Harmless(s) {
			t.Fatalf("outOfOrder: a valid command in % x", s)
		}
	}
}

// Every kind runs to its end against a peer that takes all, and Close leaves
// nothing open.
func TestKinds(t *testing.T) {
	for _, k := range Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			l, err := net.Listen("unix", t.TempDir()+"/s")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan struct{})
			go func() {
				defer close(served)
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						io.Copy(io.Discard, c)
						c.Close()
					}()
				}
			}()
			p := New(func() (net.Conn, error) { return net.Dial("unix", l.Addr().String()) }, seeds(t)[:20], 1)
			if err := k.Send(p); err != nil {
				t.Error(err)
			}
			testutil.Wait(t, "bytes to be sent", func() bool { return p.Bytes() > 0 })
			p.Close()
			if n := p.Conns(); n != 0 {
				t.Errorf("%d connections left", n)
			}
			l.Close()
			<-served
		})
	}
}
