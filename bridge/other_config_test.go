package bridge

import (
	"strings"
	"testing"
)

func TestOtherConfig(t *testing.T) {
	for _, c := range []struct {
		key, value string
		number     int
		err        string // part of it; "" for none
	}{
		{KeyAuxConnections, "0", 0, ""},
		{KeyAuxConnections, "255", 255, ""},
		{KeyAuxConnections, "256", 0, "want a number from 0 to 255; 0 is used"},
		{KeyAuxConnections, "-1", 0, "want a number from 0 to 255"},
		{KeyPacketBuffers, "65535", 65535, ""},
		{KeyPacketBuffers, "65536", 0, "want a number from 0 to 65535"},
		{KeyAuxConnections, "two", 0, "want a number from 0 to 255"},
		{"colour", "red", 0, "other_config:colour is not known; known are aux-connections"},
	} {
		b := &Bridge{Name: "br0", OtherConfig: map[string]string{c.key: c.value}}
		if got := b.otherNumber(c.key); got != c.number {
			t.Errorf("%s=%s: number %d, want %d", c.key, c.value, got, c.number)
		}
		errs := b.checkOther()
		switch {
		case c.err == "" && len(errs) != 0:
			t.Errorf("%s=%s: %v", c.key, c.value, errs)
		case c.err != "" && (len(errs) != 1 || !strings.Contains(errs[0].Error(), c.err)):
			t.Errorf("%s=%s: errors %v, want %q", c.key, c.value, errs, c.err)
		}
	}
}
