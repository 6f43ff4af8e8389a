package ofswitch

import "testing"

// TestVersion: controllers are told the version that the program was given when it was built; without
// one, some version.
func TestVersion(t *testing.T) {
	for _, version := range []string{"v1.2.3-4-g0123456", ""} {
		l := newLab(t, 1, func(o *Options) { o.Version = version })
		if got := l.b.Desc().SW; got == "" || version != "" && got != version {
			t.Errorf("%q, built as %q", got, version)
		}
	}
}
