package ofp

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// allCodes reads the constants out of error_codes.go: name and value.
func allCodes(t *testing.T) map[string]Code {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "error_codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]Code{}
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		or := v.Values[0].(*ast.BinaryExpr)
		var typ, num uint32
		fmt.Sscan(or.X.(*ast.BinaryExpr).X.(*ast.BasicLit).Value, &typ)
		fmt.Sscan(or.Y.(*ast.BasicLit).Value, &num)
		codes[v.Names[0].Name] = Code(typ<<16 | num)
		return true
	})
	return codes
}

// The names and sentences stand in a table of their own: both say the same.
func TestErrorTable(t *testing.T) {
	codes := allCodes(t)
	if len(codes) != 111 {
		t.Errorf("%d codes, OpenFlow 1.3 has 111", len(codes))
	}
	rows, sentences := 0, map[string]string{}
	for _, ty := range errorTypes {
		rows += len(ty.codes)
	}
	if rows != len(codes) {
		t.Errorf("%d rows for %d codes", rows, len(codes))
	}
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	for name, c := range codes {
		_, own, _ := strings.Cut(c.String(), "_")
		if got := plain(strings.TrimPrefix(c.Type().String(), "OFPET_") + own); got != strings.ToLower(name) {
			t.Errorf("%s is named %v, %v", name, c.Type(), c)
		}
		s := CodeText(c)
		if !strings.HasSuffix(s, ".") || s[0] < 'A' || s[0] > 'Z' {
			t.Errorf("%v: %q is no sentence", c, s)
		}
		key := fmt.Sprint(c.Type(), s)
		if other := sentences[key]; other != "" {
			t.Errorf("%v and %v have the same sentence", c, other)
		}
		sentences[key] = c.String()
	}
}

func TestErrorNames(t *testing.T) {
	for want, got := range map[string]fmt.Stringer{
		"OFPBMC_BAD_PREREQ":                BadMatchBadPrereq,
		"OFPET_BAD_MATCH":                  ErrBadMatch,
		"OFPBRC_MULTIPART_BUFFER_OVERFLOW": BadRequestMultipartBufferOverflow,
		"OFPTFFC_EPERM":                    TableFeaturesFailedEPerm,
		"OFPET_EXPERIMENTER":               ErrExperimenter,
		"error type 14":                    ErrorType(14),
		"OFPET_BAD_MATCH code 12":          Code(4<<16 | 12),
		"OFPET_EXPERIMENTER code 2600":     Code(0xffff<<16 | 2600),
	} {
		if got.String() != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if s := CodeText(4<<16 | 12); s != "" {
		t.Errorf("a code that does not exist means %q", s)
	}
}

func TestErrorFor(t *testing.T) {
	short := Encode(5, &SetConfig{Flags: 8})
	long := Encode(5, &EchoRequest{Data: bytes.Repeat([]byte{7}, 1000)})
	plain := errors.New("disk on fire")
	for _, tt := range []struct {
		name    string
		err     error
		request []byte
		want    Code
		data    int
	}{
		{"whole short request", SwitchConfigFailedBadFlags.Errorf("no"), short, SwitchConfigFailedBadFlags, 12},
		{"start of a long one", BadRequestBadLen.Errorf("no"), long, BadRequestBadLen, ErrorDataMax},
		{"wrapped", fmt.Errorf("port 3: %w", BadActionBadOutPort.Errorf("no")), short, BadActionBadOutPort, 12},
		{"no code, flow-mod", plain, Encode(1, &FlowMod{}), FlowModFailedUnknown, 56},
		{"no code, meter-mod", plain, Encode(1, &Raw{T: TypeMeterMod, Body: make([]byte, 8)}), MeterModFailedUnknown, 16},
		{"no code, port-mod", plain, Encode(1, &PortMod{}), PortModFailedEPerm, 40},
		{"no code, group-mod", plain, Encode(1, &Raw{T: TypeGroupMod, Body: make([]byte, 8)}), GroupModFailedEPerm, 16},
		{"no code, table-mod", plain, Encode(1, &TableMod{}), TableModFailedEPerm, 16},
		{"no code, set-config", plain, short, SwitchConfigFailedEPerm, 12},
		{"no code, role request", plain, Encode(1, &Raw{T: TypeRoleRequest, Body: make([]byte, 16)}), RoleRequestFailedUnsup, 24},
		{"no code, other", plain, Encode(1, &BarrierRequest{}), BadRequestEPerm, 8},
		{"no code, no request", plain, nil, BadRequestEPerm, 0},
	} {
		m := ErrorFor(tt.err, tt.request)
		if m.ErrCode() != tt.want || len(m.Data) != tt.data || !bytes.HasPrefix(tt.request, m.Data) {
			t.Errorf("%s: %v with %d bytes, want %v with %d", tt.name, m.ErrCode(), len(m.Data), tt.want, tt.data)
		}
		if len(m.Data) > 0 {
			m.Data[0] ^= 0xff
			if bytes.HasPrefix(tt.request, m.Data) {
				t.Errorf("%s: the data is the request's own memory", tt.name)
			}
		}
	}
	if ErrorDataMax < 64 {
		t.Errorf("%d bytes of a request are given back, at least 64 must", ErrorDataMax)
	}
}

func TestErrorTexts(t *testing.T) {
	if got, want := BadMatchBadValue.Errorf("x is %d", 5).Error(), "x is 5 (OFPBMC_BAD_VALUE)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := (&ErrorMsg{ErrType: ErrFlowModFailed, Code: 3}).Error(),
		"the peer answered OFPFMFC_OVERLAP: The new entry overlaps an entry of the same priority."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := (&ErrorMsg{ErrType: 99, Code: 3}).Error(), "the peer answered error type 99 code 3"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
