package ofp

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// Every constant has its row.
func TestExperimenterErrorTable(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "error_experimenter.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	constants := 0
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
			constants += len(g.Specs)
		}
	}
	if len(experimenterErrors) != constants {
		t.Errorf("%d rows for %d codes", len(experimenterErrors), constants)
	}
	sentences := map[string]bool{}
	for c, e := range experimenterErrors {
		if c.Type() != ErrExperimenter || c.String() != e.name || c.Experimenter() != e.experimenter {
			t.Errorf("%v: %v, %#x", c, c.Type(), c.Experimenter())
		}
		s := CodeText(c)
		if !strings.HasSuffix(s, ".") || s[0] < 'A' || s[0] > 'Z' || sentences[s] {
			t.Errorf("%v: %q is no sentence of its own", c, s)
		}
		sentences[s] = true
	}
	if id := BadRequestBadLen.Experimenter(); id != 0 {
		t.Errorf("BAD_LEN is of experimenter %#x", id)
	}
}

// The experimenter stands before the request.
func TestErrorForExperimenter(t *testing.T) {
	request := Encode(7, &BundleControl{BundleID: 1})
	want := wire(t, `04 01 0028 00000007 ffff 0902 4f4e4600 04 04 0018 00000007 4f4e4600 000008fc 00000001 0000 0000`)
	m := ErrorFor(BundleFailedBadType.Errorf("no"), request)
	if got := Encode(7, m); !bytes.Equal(got, want) {
		t.Errorf("encoded to %x, want %x", got, want)
	}
	if m.ErrCode() != BundleFailedBadType {
		t.Errorf("its code is %v", m.ErrCode())
	}
	if got, want := m.Error(), "the peer answered OFPBFC_BAD_TYPE: The bundle operation is unknown, or not one that a switch takes."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	m = ErrorFor(FlowMonitorFailedBadFlags.Errorf("no"), make([]byte, 1000))
	if len(m.Data) != 4+ErrorDataMax || be.Uint32(m.Data) != ExperimenterNicira {
		t.Errorf("%d bytes of data: %x", len(m.Data), m.Data)
	}
	for _, data := range [][]byte{{0, 0, 0x23, 0x20}, {1}, nil} {
		e := &ErrorMsg{ErrType: ErrExperimenter, Code: BundleFailedBadType.Number(), Data: data}
		if got, want := e.Error(), "the peer answered an experimenter's error 2306"; got != want {
			t.Errorf("%x: %q, want %q", data, got, want)
		}
	}
}

// The names are those that Open vSwitch knows.
func TestIntegrationExperimenterErrorNames(t *testing.T) {
	needOFPrint(t)
	for c := range experimenterErrors {
		text := ofpPrint(t, Encode(1, ErrorFor(c.Errorf("no"), Encode(1, &EchoRequest{}))))
		line, _, _ := strings.Cut(text, "\n")
		if want := "OFPT_ERROR (OF1.3) (xid=0x1): " + c.OVSName(); line != want {
			t.Errorf("%v: ovs-ofctl prints %q, want %q", c, line, want)
		}
	}
}
