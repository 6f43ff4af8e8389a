package jsonrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"
)

func TestDecoder(t *testing.T) {
	tests := []struct {
		name, in string
		max      int
		depth    int
		want     []string
		err      error
	}{
		{name: "empty", in: "", err: io.EOF},
		{name: "space", in: " \r\n\t", err: io.EOF},
		{name: "one", in: `{"a":1}`, want: []string{`{"a":1}`}, err: io.EOF},
		{name: "two joined", in: `{"a":1}{"b":2}`, want: []string{`{"a":1}`, `{"b":2}`}, err: io.EOF},
		{name: "spaces between", in: " {} \n {} ", want: []string{`{}`, `{}`}, err: io.EOF},
		{name: "braces in strings", in: `{"}":"{[\"}\\"}`, want: []string{`{"}":"{[\"}\\"}`}, err: io.EOF},
		{name: "nested", in: `{"a":[{"b":[]}]}`, want: []string{`{"a":[{"b":[]}]}`}, err: io.EOF},
		{name: "cut off", in: `{}{"a"`, want: []string{`{}`}, err: io.ErrUnexpectedEOF},
		{name: "array", in: `[]`, err: ErrSyntax},
		{name: "text", in: `{}x`, want: []string{`{}`}, err: ErrSyntax},
		{name: "size just right", in: `{"a":1}`, max: 7, want: []string{`{"a":1}`}, err: io.EOF},
		{name: "too large", in: `{"a":1}`, max: 6, err: ErrTooLarge},
		{name: "endless string", in: `{"` + strings.Repeat("x", 100000), max: 5000, err: ErrTooLarge},
		{name: "depth just right", in: `{"a":[[]]}`, depth: 3, want: []string{`{"a":[[]]}`}, err: io.EOF},
		{name: "too deep", in: `{"a":[[]]}`, depth: 2, err: ErrTooDeep},
		{name: "large over many reads", in: `{"a":"` + strings.Repeat("x", 20000) + `"}`, want: []string{`{"a":"` + strings.Repeat("x", 20000) + `"}`}, err: io.EOF},
	}
	for _, tt := range tests {
		for _, slow := range []bool{false, true} {
			var r io.Reader = strings.NewReader(tt.in)
			if slow {
				r = iotest.OneByteReader(r)
			}
			d := NewDecoder(r, tt.max, tt.depth)
			var got []string
			var err error
			for {
				var b []byte
				if b, err = d.Next(); err != nil {
					break
				}
				got = append(got, string(b))
			}
			if !errors.Is(err, tt.err) {
				t.Errorf("%s: error %v, want %v", tt.name, err, tt.err)
			}
			if strings.Join(got, "|") != strings.Join(tt.want, "|") {
				t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
			}
			if _, again := d.Next(); again != err {
				t.Errorf("%s: a second error %v after %v", tt.name, again, err)
			}
		}
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		in   string
		kind Kind // 0: refused
	}{
		{`{"id":0,"method":"a","params":[]}`, KindRequest},
		{`{"params":["x"],"method":"a","id":"s"}`, KindRequest},
		{`{"id":null,"method":"a","params":[1]}`, KindNotify},
		{`{"method":"a","params":[1]}`, KindNotify},
		{`{"id":0,"method":"a","params":[],"error":null}`, KindRequest},
		{`{"id":0,"result":"r","error":null}`, KindReply},
		{`{"id":0,"result":null,"error":null}`, KindReply},
		{`{"id":0,"result":{}}`, KindReply},
		{`{"id":0,"result":null,"error":"e"}`, KindError},
		{`{"id":0,"error":{"error":"e"}}`, KindError},
		{`{}`, 0},
		{`{"id":0}`, 0},
		{`{"id":0,"method":1,"params":[]}`, 0},
		{`{"id":0,"method":null,"params":[]}`, 0},
		{`{"id":0,"method":"a"}`, 0},
		{`{"id":0,"method":"a","params":{}}`, 0},
		{`{"id":0,"Method":"a","params":[]}`, 0},
		{`{"id":0,"method":"a","params":[],"result":1}`, 0},
		{`{"id":0,"result":1,"error":1}`, 0},
		{`{"id":0,"result":1,"params":[]}`, 0},
		{`{"id":null,"result":1}`, 0},
		{`{"id":0,"result":1,"x":1}`, 0},
		{`{"id":0,"result":1]`, 0},
		{`{"id":0,"result":"\ud83d\ude00 \\ud83d \u00e9"}`, KindReply},
		{`{"id":0,"result":"\ud83d"}`, 0},
		{`{"id":0,"result":"\ude00\ud83d"}`, 0},
		{`{"id":0,"result":"\ud83d\\ude00"}`, 0},
		{`{"id":0,"result":"\ud83d\n\ude00"}`, 0},
		{"{\"id\":0,\"result\":\"\xff\"}", 0},
	}
	for _, tt := range tests {
		m, err := Parse([]byte(tt.in))
		if tt.kind == 0 {
			if !errors.Is(err, ErrSyntax) {
				t.Errorf("%s: error %v, want ErrSyntax", tt.in, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.in, err)
			continue
		}
		if m.Kind != tt.kind {
			t.Errorf("%s: %v, want %v", tt.in, m.Kind, tt.kind)
		}
	}
}

func TestMessageAppend(t *testing.T) {
	tests := []struct {
		m    Message
		want string
	}{
		{Message{Kind: KindRequest, ID: json.RawMessage("0"), Method: "a<b", Params: json.RawMessage(`["x"]`)}, `{"id":0,"method":"a<b","params":["x"]}`},
		{Message{Kind: KindRequest, ID: json.RawMessage("0"), Method: "a"}, `{"id":0,"method":"a","params":[]}`},
		{Message{Kind: KindNotify, Method: "a"}, `{"id":null,"method":"a","params":[]}`},
		{Message{Kind: KindReply, ID: json.RawMessage(`"q"`), Result: json.RawMessage(`1`)}, `{"id":"q","result":1,"error":null}`},
		{Message{Kind: KindError, ID: json.RawMessage("7"), Error: json.RawMessage(`"e"`)}, `{"id":7,"result":null,"error":"e"}`},
	}
	for _, tt := range tests {
		b, err := tt.m.Append(nil)
		if err != nil || string(b) != tt.want {
			t.Errorf("%+v: %s %v, want %s", tt.m, b, err, tt.want)
		}
		if _, err := Parse(b); err != nil {
			t.Errorf("%s does not parse: %v", b, err)
		}
	}
	for _, m := range []Message{{}, {Kind: KindReply, ID: json.RawMessage("}")}} {
		if b, err := m.Append(nil); err == nil {
			t.Errorf("%+v was encoded as %s", m, b)
		}
	}
}

// Large messages share a budget, which each gives back; small ones need none. So
// many values are refused before they are parsed.
func TestConnBounds(t *testing.T) {
	budget := NewBudget(100 << 10)
	open := func() (c *Conn, other net.Conn) {
		a, b := net.Pipe()
		c = NewConn(a, Options{Budget: budget, MaxValues: 10})
		t.Cleanup(func() { _, _ = c.Close(), b.Close() })
		return c, b
	}
	text := func(n int) string { return `{"id":0,"result":"` + strings.Repeat("x", n) + `"}` }
	read := func(c *Conn, other net.Conn, text string) error {
		// What is not read any more is of no interest.
		go func() { _, _ = io.WriteString(other, text) }()
		_, err := c.Read()
		return err
	}
	c1, o1 := open()
	c2, o2 := open()
	c3, o3 := open()
	if err := read(c1, o1, text(120<<10)); err != nil {
		t.Fatal(err)
	}
	if err := read(c2, o2, text(120<<10)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("beyond the budget: %v", err)
	}
	if err := read(c3, o3, text(60<<10)); err != nil {
		t.Errorf("a small message: %v", err)
	}
	if err := read(c1, o1, text(10)); err != nil {
		t.Fatal(err)
	}
	if err := read(c3, o3, text(120<<10)); err != nil {
		t.Errorf("what the others took is free again: %v", err)
	}
	if err := read(c1, o1, `{"id":0,"result":[1,2,3,"a,b,c,d,e,f,g,h",5,6,7]}`); err != nil {
		t.Errorf("ten values: %v", err)
	}
	if err := read(c1, o1, `{"id":0,"result":[[],[],[],[],[],[],[]]}`); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too many values: %v", err)
	}
	c3.EndRead()
	if n := budget.used.Load(); n != 0 {
		t.Errorf("%d bytes are never given back", n)
	}
}

// pair joins two peers over a pipe; the cleanup waits for both readers.
func pair(t *testing.T, ha, hb func(*Peer, *Message)) (a, b *Peer) {
	ca, cb := net.Pipe()
	bind := func(c net.Conn, h func(*Peer, *Message)) *Peer {
		var p *Peer
		var handle func(*Message)
		if h != nil {
			handle = func(m *Message) { h(p, m) }
		}
		p = NewPeer(NewConn(c, Options{}), handle)
		done := make(chan struct{})
		go func() { defer close(done); _ = p.Serve() }()
		t.Cleanup(func() { _ = p.Conn().Close(); <-done })
		return p
	}
	return bind(ca, ha), bind(cb, hb)
}

func TestPeer(t *testing.T) {
	notified := make(chan string, 1)
	a, b := pair(t, nil, func(p *Peer, m *Message) {
		switch {
		case m.Kind == KindNotify:
			notified <- m.Method
		case m.Method == "fail":
			if err := p.Conn().ReplyError(m.ID, "no such thing"); err != nil {
				t.Error(err)
			}
		case m.Method == "silent":
		default:
			if err := p.Conn().Reply(m.ID, m.Params); err != nil {
				t.Error(err)
			}
		}
	})
	ctx := context.Background()
	got, err := a.Call(ctx, "echo", []any{1, "<x>"})
	if err != nil || string(got) != `[1,"<x>"]` {
		t.Fatalf("echo: %s %v", got, err)
	}
	var re *ReplyError
	if _, err = a.Call(ctx, "fail", nil); !errors.As(err, &re) || re.Error() != "no such thing" {
		t.Fatalf("fail: %v", err)
	}
	if err := a.Conn().Notify("tell", []string{"x"}); err != nil {
		t.Fatal(err)
	}
	if got := <-notified; got != "tell" {
		t.Fatalf("notified of %q", got)
	}
	// The other direction has no handler: an error reply, not silence.
	if _, err = b.Call(ctx, "x", nil); !errors.As(err, &re) {
		t.Fatalf("call without handler: %v", err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err = a.Call(gone, "silent", nil); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled call: %v", err)
	}
	a.mu.Lock()
	waiting := len(a.calls)
	a.mu.Unlock()
	if waiting != 0 {
		t.Fatalf("%d calls are remembered after all ended", waiting)
	}
	result := make(chan error, 1)
	go func() { _, err := a.Call(ctx, "silent", nil); result <- err }()
	_ = b.Conn().Close()
	if err := <-result; err == nil || errors.As(err, &re) {
		t.Fatalf("call over a closed connection: %v", err)
	}
}

func TestConnStopsAtGarbage(t *testing.T) {
	a, b := net.Pipe()
	c := NewConn(a, Options{MaxMessage: 100})
	go func() { _, _ = b.Write([]byte(`{"id":1,"bogus":2}{"id":0,"result":1}`)) }()
	if _, err := c.Read(); !errors.Is(err, ErrSyntax) {
		t.Fatalf("error %v, want ErrSyntax", err)
	}
	if _, err := c.Read(); !errors.Is(err, ErrSyntax) {
		t.Fatalf("second read: error %v, want the first one again", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Notify("x", nil); err == nil {
		t.Fatal("a closed connection takes messages")
	}
	_ = b.Close()
}

func FuzzDecoder(f *testing.F) {
	for _, s := range []string{`{"id":0,"method":"a","params":[]}`, `{"id":0,"result":"}","error":null} {}`, `{"a":"\\"}`, `[`, `{"a":[{`, ` {}x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := NewDecoder(bytes.NewReader(b), 1<<16, 20)
		for {
			raw, err := d.Next()
			if err != nil {
				return
			}
			m, err := Parse(raw)
			if err != nil {
				continue
			}
			enc, err := m.Append(nil)
			if err != nil {
				t.Fatalf("%s parses but cannot be encoded: %v", raw, err)
			}
			again, err := Parse(enc)
			if err != nil {
				t.Fatalf("%s became %s: %v", raw, enc, err)
			}
			if again.Kind != m.Kind || again.Method != m.Method || !bytes.Equal(again.ID, m.ID) ||
				!bytes.Equal(again.Params, m.Params) || !bytes.Equal(again.Result, m.Result) || !bytes.Equal(again.Error, m.Error) {
				t.Fatalf("%s became %s", raw, enc)
			}
		}
	})
}
