package bridge

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"ofswitch/ofp"
)

var updateDocs = flag.Bool("update-docs", false, "write the table of error codes into docs/conformance.md")

// refusal is one way to be refused: a row of the table.
type refusal struct {
	code   ofp.Code
	name   string
	before []ofp.Message // accepted first, on the same connection
	msg    []byte
	fill   func(i uint32) ofp.Message // the same, 262144 of them, by number
}

// refusals are all rows: each code of OpenFlow 1.3.5 §7.4.4 that can occur has
// one at least. HELLO_FAILED is not here, for want of a connection to refuse on.
func refusals(r *refusalRig) []refusal {
	return slices.Concat(requestRefusals(), bufferRefusals(r), actionRefusals(), matchRefusals(), instructionRefusals(), flowRefusals(),
		groupRefusals(), meterRefusals(), portRefusals(r), tableRefusals(), queueRefusals(), configRefusals(), featureRefusals())
}

// TestRefusals: what is refused gets the exact type and code, its own
// transaction id and its first bytes, once, and changes nothing (OpenFlow 1.3.5
// §7.4.4).
func TestRefusals(t *testing.T) {
	r := newRefusalRig(t)
	for _, row := range refusals(r) {
		t.Run(row.code.String()+"/"+row.name, func(t *testing.T) {
			defer func(old *testing.T) { r.t = old }(r.t)
			r.t = t
			r.clean()
			c := r.dial()
			defer c.nc.Close()
			c.must(row.before...)
			if row.fill != nil {
				all := make([]ofp.Message, 1<<18)
				for i := range all {
					all[i] = row.fill(uint32(i))
				}
				c.must(all...)
			}
			before := c.state()
			checkRefused(t, row.msg, row.code, c.ask(row.msg))
			if after := c.state(); after != before {
				t.Errorf("the refused message has changed the switch:\n%s", firstDifference(before, after))
			}
		})
	}
}

// checkRefused holds that the replies to msg are one error as the specification
// wants it.
func checkRefused(t *testing.T, msg []byte, want ofp.Code, replies [][]byte) {
	t.Helper()
	if len(replies) != 1 {
		t.Errorf("%d answers, want one error: %x", len(replies), replies)
		return
	}
	b := replies[0]
	h, err := ofp.ParseHeader(b)
	if err != nil || h.Type != ofp.TypeError {
		t.Errorf("answered %v, want the error %v", h, want)
		return
	}
	m, err := ofp.Decode(h, b[ofp.HeaderLen:])
	if err != nil {
		t.Fatal(err)
	}
	e := m.(*ofp.ErrorMsg)
	if e.ErrCode() != want {
		t.Errorf("refused with %v, want %v", e.ErrCode(), want)
	}
	if xid := binary.BigEndian.Uint32(msg[4:]); h.XID != xid {
		t.Errorf("the error has xid %#x, the message %#x", h.XID, xid)
	}
	if n := min(len(msg), 64); len(e.Data) < n || !bytes.HasPrefix(msg, e.Data) {
		t.Errorf("the error has data %x, want at least %d bytes of the message %x", e.Data, n, msg)
	}
}

// firstDifference is the first line in which two states differ.
func firstDifference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return "before: " + as[i] + "\nafter:  " + bs[i]
		}
	}
	return fmt.Sprintf("before: %d lines, after: %d", len(as), len(bs))
}

// TestRefusedHello: a hello without a common version is refused with an error
// that says so in words, and the connection ends (OpenFlow 1.3.5 §6.3.1).
func TestRefusedHello(t *testing.T) {
	r := newRefusalRig(t)
	for _, tc := range []struct {
		name string
		msg  []byte
	}{
		{"versions 1.1 and 1.2", append([]byte{3}, ofp.Encode(7, &ofp.Hello{Versions: []uint32{1<<2 | 1<<3}})[1:]...)},
		{"version 1.4 alone", append([]byte{5}, ofp.Encode(7, &ofp.Hello{Versions: []uint32{1 << 5}})[1:]...)},
		{"version 1.1, no list", append([]byte{2}, ofp.Encode(7, &ofp.Hello{})[1:]...)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := r.connect()
			before := r.observe.state()
			c.write(tc.msg)
			if h, _ := c.read(); h.Type != ofp.TypeHello {
				t.Fatalf("%v in place of the switch's hello", h)
			}
			h, b := c.read()
			if h.Type != ofp.TypeError || h.XID != 7 {
				t.Fatalf("answered %v, want an error with xid 7", h)
			}
			if code := ofp.Code(binary.BigEndian.Uint32(b[ofp.HeaderLen:])); code != ofp.HelloFailedIncompatible {
				t.Errorf("refused with %v, want %v", code, ofp.HelloFailedIncompatible)
			}
			if text := string(b[ofp.HeaderLen+4:]); !strings.Contains(text, "support") {
				t.Errorf("the error says %q, want what versions there are", text)
			}
			if n, err := c.nc.Read(make([]byte, 1)); err == nil {
				t.Errorf("%d bytes more, want the end of the connection", n)
			}
			if after := r.observe.state(); after != before {
				t.Errorf("the refused hello has changed the switch:\n%s", firstDifference(before, after))
			}
		})
	}
}

// allCodes are the 111 codes of OpenFlow 1.3.5.
func allCodes() (codes []ofp.Code) {
	for typ := ofp.ErrHelloFailed; typ <= ofp.ErrTableFeaturesFailed; typ++ {
		for n := ofp.Code(0); ofp.CodeText(ofp.Code(typ)<<16|n) != ""; n++ {
			codes = append(codes, ofp.Code(typ)<<16|n)
		}
	}
	return codes
}

// TestRefusalsAreAll: each of the 111 codes has a row, or a reason why it cannot
// occur here, and not both; and docs/conformance.md says the same.
func TestRefusalsAreAll(t *testing.T) {
	codes := allCodes()
	if len(codes) != 111 {
		t.Fatalf("%d error codes, OpenFlow 1.3.5 has 111", len(codes))
	}
	rows := map[ofp.Code][]string{ofp.HelloFailedIncompatible: {"no common version"}}
	names := map[string]bool{}
	for _, row := range refusals(&refusalRig{}) {
		rows[row.code] = append(rows[row.code], row.name)
		if name := row.code.String() + "/" + row.name; names[name] {
			t.Errorf("%s stands twice", name)
		} else {
			names[name] = true
		}
	}
	for _, c := range codes {
		switch has, reason := len(rows[c]) > 0, neverRefused[c]; {
		case !has && reason == "":
			t.Errorf("%v (type %d code %d): no row provokes it and no reason says why not", c, c.Type(), c.Number())
		case has && reason != "":
			t.Errorf("%v: provoked by %q, and yet %q", c, rows[c], reason)
		}
	}
	for c := range neverRefused {
		if !slices.Contains(codes, c) {
			t.Errorf("there is a reason for %v, which OpenFlow 1.3 has not", c)
		}
	}
	if t.Failed() {
		return
	}
	checkDocs(t, "error codes", func(out *strings.Builder) {
		fmt.Fprintf(out, "%d of the 111 codes can occur, each with the conditions that a test provokes; %d cannot.\n\n", len(rows), len(neverRefused))
		out.WriteString("| code | when |\n|---|---|\n")
		for _, c := range codes {
			if len(rows[c]) > 0 {
				fmt.Fprintf(out, "| %d/%d %v | %s |\n", c.Type(), c.Number(), c, conditions(rows[c]))
			}
		}
		out.WriteString("\n| code that cannot occur | why |\n|---|---|\n")
		for _, c := range codes {
			if neverRefused[c] != "" {
				fmt.Fprintf(out, "| %d/%d %v | %s |\n", c.Type(), c.Number(), c, neverRefused[c])
			}
		}
	})
}

// conditions lists names, of many only some.
func conditions(names []string) string {
	const enough = 8
	if len(names) <= enough {
		return strings.Join(names, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(names[:enough-1], "; "), len(names)-enough+1)
}

// checkDocs holds that docs/conformance.md has between the marks of a section
// what write writes.
func checkDocs(t *testing.T, section string, write func(*strings.Builder)) {
	t.Helper()
	const path = "../docs/conformance.md"
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+section+": checked by a test -->\n", "<!-- end of "+section+" -->\n"
	head, rest, found := strings.Cut(string(doc), begin)
	have, tail, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no section between %q and %q", path, begin, end)
	}
	var want strings.Builder
	write(&want)
	if have == want.String() {
		return
	}
	if !*updateDocs {
		t.Fatalf("%s does not say what the test does; run it with -update-docs. First difference:\n%s", path, firstDifference(have, want.String()))
	}
	if err := os.WriteFile(path, []byte(head+begin+want.String()+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
