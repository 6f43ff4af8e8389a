package text

import (
	"strings"
	"testing"

	"ofswitch/ofp"
)

func TestParseFlowMonitor(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", " id=0 flags=initial,add,delete,modify,actions,own"},
		{"!initial,table=1,ip,out_port=p1", " id=0 flags=add,delete,modify,actions,own out_port=1 table=1 ip"},
		{"!own,!actions,!modify,!delete,in_port=p2,tcp,tp_dst=80", " id=0 flags=initial,add tcp,in_port=2,tp_dst=80"},
	} {
		m, err := ParseFlowMonitor(c.in, testPorts.Number)
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if got := formatFlowMonitor(m, Options{}); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.in, got, c.want)
		}
	}
	for _, c := range []struct{ in, field, want string }{
		{"!bar", "watch", "!initial"},
		{"!add=1", "watch", "!initial"},
		{"!add,!delete,!modify", "watch", "at least"},
		{"table=255", "table", "254"},
		{"out_port=nosuch", "out_port", "port"},
		{"out_group=1", "out_group", "OpenFlow 1.4"},
		{"foo=1", "foo", ""},
		{`in_port="x`, "in_port", "quote"},
	} {
		_, err := ParseFlowMonitor(c.in, testPorts.Number)
		wantRefused(t, c.in, err, c.field, c.want)
	}
}

// FuzzParseFlowMonitor: no text makes the parser panic, and what it takes can be
// sent.
func FuzzParseFlowMonitor(f *testing.F) {
	for _, s := range []string{"", "!initial,table=1,ip,out_port=p1", "!own,!add=1", `in_port="eth 0",!modify`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseFlowMonitor(s, testPorts.Number)
		if err != nil {
			return
		}
		req := &ofp.MultipartRequest{Kind: ofp.MultipartExperimenter, Body: &ofp.FlowMonitors{Experimenter: ofp.ExperimenterONF, Monitors: []ofp.FlowMonitor{*m}}}
		if text := FormatBytes(ofp.Encode(1, req), Options{}); strings.Contains(text, "decode error") {
			t.Fatalf("%q is sent as a request that cannot be read: %s", s, text)
		}
	})
}
