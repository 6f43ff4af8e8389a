package ovsdb

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
)

func randomSet(rng *rand.Rand) Datum {
	var atoms []Atom
	for range rng.IntN(6) {
		atoms = append(atoms, Int(int64(rng.IntN(8))))
	}
	return Set(atoms...)
}

func randomMap(rng *rand.Rand) Datum {
	m := make(map[string]string)
	for range rng.IntN(5) {
		m[string(rune('a'+rng.IntN(6)))] = string(rune('x' + rng.IntN(3)))
	}
	return Map(m)
}

// What diff finds, patch applies; union, subtract and the rest agree with what
// Go's maps say.
func TestDatumOperations(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range 20000 {
		a, b := randomSet(rng), randomSet(rng)
		if rng.IntN(2) == 0 {
			a, b = randomMap(rng), randomMap(rng)
		}
		if got := a.patch(a.diff(b)); !got.Equal(b) {
			t.Fatalf("%v with the difference %v to %v is %v", a, a.diff(b), b, got)
		}
		u := a.Union(b)
		for i, k := range u.Keys {
			if i > 0 && u.Keys[i-1].Compare(k) >= 0 {
				t.Fatalf("the union of %v and %v is out of order: %v", a, b, u)
			}
			want, inA := a.Get(k)
			if !inA {
				want, _ = b.Get(k)
			}
			if got, _ := u.Get(k); got != want {
				t.Fatalf("the union of %v and %v has %v for %v, want %v", a, b, got, k, want)
			}
			if !a.Has(k) && !b.Has(k) {
				t.Fatalf("the union of %v and %v has %v", a, b, k)
			}
		}
		if !u.IncludesAll(a) {
			t.Fatalf("the union of %v and %v lacks something: %v", a, b, u)
		}
		s := a.Subtract(b)
		if !s.ExcludesAll(b) || !a.IncludesAll(s) {
			t.Fatalf("%v without %v is %v", a, b, s)
		}
		if got := s.Union(a); !got.Equal(a) {
			t.Fatalf("%v without %v lost what both have: %v", a, b, s)
		}
	}
}

func TestArithmetic(t *testing.T) {
	for _, c := range []struct {
		op   string
		a, b Atom
		want Atom
		tag  string
	}{
		{"+=", Int(2), Int(3), Int(5), ""},
		{"+=", Int(math.MaxInt64), Int(1), Atom{}, ErrRange},
		{"+=", Int(math.MinInt64), Int(-1), Atom{}, ErrRange},
		{"+=", Int(5), Int(0), Int(5), ""},
		{"-=", Int(2), Int(3), Int(-1), ""},
		{"-=", Int(math.MinInt64), Int(1), Atom{}, ErrRange},
		{"-=", Int(0), Int(math.MinInt64), Atom{}, ErrRange},
		{"*=", Int(-4), Int(5), Int(-20), ""},
		{"*=", Int(math.MaxInt64), Int(2), Atom{}, ErrRange},
		{"*=", Int(-1), Int(math.MinInt64), Atom{}, ErrRange},
		{"*=", Int(math.MinInt64), Int(-1), Atom{}, ErrRange},
		{"/=", Int(7), Int(-2), Int(-3), ""},
		{"/=", Int(math.MinInt64), Int(-1), Atom{}, ErrRange},
		{"/=", Int(7), Int(0), Atom{}, ErrDomain},
		{"%=", Int(7), Int(0), Atom{}, ErrDomain},
		{"/=", RealAtom(1), RealAtom(0), Atom{}, ErrDomain},
		{"%=", Int(-7), Int(2), Int(-1), ""},
		{"%=", Int(math.MinInt64), Int(-1), Int(0), ""},
		{"+=", RealAtom(1.5), RealAtom(2), RealAtom(3.5), ""},
		{"-=", RealAtom(1), RealAtom(1), RealAtom(0), ""},
		{"*=", RealAtom(math.MaxFloat64), RealAtom(2), Atom{}, ErrRange},
		{"/=", RealAtom(1), RealAtom(4), RealAtom(0.25), ""},
	} {
		got, err := arithmetic(c.op, c.a, c.b)
		if tag := tagOf(err); tag != c.tag || c.tag == "" && got != c.want {
			t.Errorf("%v %s %v: %v, %q; want %v, %q", c.a, c.op, c.b, got, tag, c.want, c.tag)
		}
	}
}

// A real is -0 only where arithmetic made it, which is then told; it equals 0.
func TestNegativeZero(t *testing.T) {
	a, err := arithmetic("*=", RealAtom(-5), RealAtom(0))
	if err != nil || a.String() != "-0" || a != RealAtom(0) || a.Compare(RealAtom(0)) != 0 {
		t.Errorf("-5 * 0 is %v, %v", a, err)
	}
	for _, text := range []string{"-0", "-0.0", "-0e7", "-1e-400"} {
		if a, err := parseAtom(Real, json.Number(text), nil); err != nil || a.String() != "0" {
			t.Errorf("%s is read as %v, %v", text, a, err)
		}
	}
}

func tagOf(err *Error) string {
	if err == nil {
		return ""
	}
	return err.Tag
}

func TestUUID(t *testing.T) {
	u := NewUUID()
	if got, ok := ParseUUID(u.String()); !ok || got != u {
		t.Errorf("%v is read as %v, %v", u, got, ok)
	}
	for _, s := range []string{"", "x", u.String() + "0", u.String()[:35] + "g", "00000000000000000000000000000000", "0000-0000-0000-0000-0000-0000-0000-0"} {
		if _, ok := ParseUUID(s); ok {
			t.Errorf("%q is a UUID", s)
		}
	}
}
