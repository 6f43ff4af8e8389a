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
		{KeyMACAgeing, "0", 300, "want a number from 1"},
		{KeyMACTableSize, "100", 100, ""},
		{KeyHWAddr, "02:00:00:00:00:01", 0, ""},
		{KeyHWAddr, "03:00:00:00:00:01", 0, "want the address of one station"},
		{KeyHWAddr, "00:00:00:00:00:00", 0, "want the address of one station"},
		{KeyHWAddr, "02:00:00:00:00:00:00:01", 0, "want the address of one station"},
		{KeyDisableInBand, "true", 0, ""},
		{KeyDisableInBand, "yes", 0, "want true or false"},
		{KeyInBandQueue, "4294967295", 0, ""},
		{KeyInBandQueue, "4294967296", 0, "want a queue"},
		{KeyDescription, strings.Repeat("x", 255), 0, ""},
		{KeyDescription, strings.Repeat("x", 256), 0, "at most 255 bytes"},
		{KeySerialNumber, strings.Repeat("x", 32), 0, "at most 31 bytes"},
		{"stp-priority", "1", 0, "other_config:stp-priority has no effect"},
		{"colour", "red", 0, "other_config:colour is not known; known are aux-connections"},
	} {
		b := &Bridge{Name: "br0", OtherConfig: map[string]string{c.key: c.value}}
		if _, is := otherNumbers[c.key]; is && b.otherNumber(c.key) != c.number {
			t.Errorf("%s=%s: number %d, want %d", c.key, c.value, b.otherNumber(c.key), c.number)
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
