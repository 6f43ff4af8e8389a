package bridge

import "testing"

// Controllers that are dialled at an address over TCP have entries for in-band control,
// unless they are out of band.
func TestInBandControllers(t *testing.T) {
	for _, c := range []struct {
		controller Controller
		want       string // "": none
	}{
		{Controller{Target: "tcp:10.0.0.1"}, "10.0.0.1:6653"},
		{Controller{Target: "ssl:10.0.0.1:7000"}, "10.0.0.1:7000"},
		{Controller{Target: "tcp:[fd00::1]:6633"}, "[fd00::1]:6633"},
		{Controller{Target: "tcp:10.0.0.1", OutOfBand: true}, ""},
		{Controller{Target: "tcp:controller.example"}, ""},
		{Controller{Target: "unix:/run/x"}, ""},
		{Controller{Target: "nonsense"}, ""},
	} {
		got, ok := c.controller.inBand()
		if ok != (c.want != "") || ok && got.String() != c.want {
			t.Errorf("%+v: %v, %v, want %q", c.controller, got, ok, c.want)
		}
	}
}
