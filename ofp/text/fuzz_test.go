package text

import (
	"testing"

	"ofswitch/ofp"
)

// FuzzParsePacketOut: no text makes the parser panic, and what it takes is printed
// in a form that means the same.
func FuzzParsePacketOut(f *testing.F) {
	for _, s := range []string{
		"in_port=1,packet=0011223344556677889900aa0800,actions=2",
		"packet=ffffffffffff020202020202080045000020000000024011000001020304050607080001000200030004,actions=set_field:5->udp_src,output:p1",
		"in_port=\"eth 0\" packet=ffffffffffff0202020202028100a0050806 actions=mod_vlan_vid:5,mod_tp_dst:7,controller(max_len=5)",
		"in_port=LOCAL,packet=ff ff,actions=drop", "packet=0", "actions=", "in_port=any,packet=ffffffffffff02020202020288470001014086dd,actions=TABLE",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParsePacketOut(s, testPorts.Number)
		if err != nil {
			return
		}
		if err := ofp.Check(m); err != nil {
			return // longer than a message can be
		}
		text := FormatActions(m.Actions, Options{Names: testPorts.Name})
		if text == "drop" {
			text = ""
		}
		again, err := ParseActions(text, testPorts.Number)
		if err != nil {
			t.Fatalf("%q: the actions are printed as %q: %v", s, text, err)
		}
		if string(ofp.AppendActions(nil, again)) != string(ofp.AppendActions(nil, m.Actions)) {
			t.Fatalf("%q: the actions are printed as %q, which are others", s, text)
		}
	})
}

// FuzzParseFlowFilter: no text makes the parser panic, and what it takes can be
// sent.
func FuzzParseFlowFilter(f *testing.F) {
	for _, s := range []string{"", "table=1,tcp,tp_dst=80", "out_port=p1,out_group=3,cookie=5/7", "cookie=0x5/-1,in_port=LOCAL", "table=255,dl_vlan=0xffff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		body, err := ParseFlowFilter(s, ParseOptions{Ports: testPorts.Number})
		if err != nil {
			return
		}
		b := ofp.Encode(1, &ofp.MultipartRequest{Kind: ofp.MultipartFlow, Body: body})
		h, err := ofp.ParseHeader(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ofp.Decode(h, b[ofp.HeaderLen:]); err != nil {
			t.Fatalf("%q is sent as a request that cannot be read: %v", s, err)
		}
	})
}
