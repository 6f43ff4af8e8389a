package isolate

import (
	"errors"
	"strings"
	"testing"
)

func TestParseMode(t *testing.T) {
	for in, want := range map[string]Mode{"": Auto, "auto": Auto, "tcx": TCX, "nft": NFT, "off": Off} {
		if got, err := ParseMode(in); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"on", "TCX", "iptables"} {
		if _, err := ParseMode(in); err == nil {
			t.Errorf("%q is a mode", in)
		}
	}
	if _, err := attach(1, "lo", "iptables", func() {}); err == nil {
		t.Error("attach takes any mode")
	}
}

func TestOff(t *testing.T) {
	i, err := attach(-1, "none", Off, func() {})
	if err != nil || i.Method() != "off" {
		t.Fatalf("%v, %v", i, err)
	}
	if err := errors.Join(i.Close(), i.Close()); err != nil {
		t.Error(err)
	}
}

func TestManualRulesNameDeviceAndMark(t *testing.T) {
	r := ManualRules("eth7")
	for _, want := range []string{"hook ingress device \"eth7\"", "hook egress device \"eth7\"", "meta mark 0x6f667377 accept"} {
		if !strings.Contains(r, want) {
			t.Errorf("%q is missing in\n%s", want, r)
		}
	}
}
