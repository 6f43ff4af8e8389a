package of10

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"ofswitch/ofp"
)

func TestSetAsync2(t *testing.T) {
	before := ofp.AsyncConfig{PacketIn: [2]uint32{1, 2}, PortStatus: [2]uint32{3, 4}, FlowRemoved: [2]uint32{5, 6}}
	for _, tt := range []struct {
		name, body string
		code       ofp.Code // 0: none
		want       ofp.AsyncConfig
	}{
		{"nothing", "", 0, before},
		{"packet-ins of a master", "0001 0008 00000007", 0, ofp.AsyncConfig{PacketIn: [2]uint32{7, 2}, PortStatus: before.PortStatus, FlowRemoved: before.FlowRemoved}},
		{"all", "0000 0008 00000001 0001 0008 00000000 0002 0008 00000002 0003 0008 00000007 0004 0008 00000004 0005 0008 0000000f", 0,
			ofp.AsyncConfig{PacketIn: [2]uint32{0, 1}, PortStatus: [2]uint32{7, 2}, FlowRemoved: [2]uint32{15, 4}}},
		{"what is never sent", "0006 0008 00000007 0009 0008 00000018 000b 0008 00000003", 0, before},
		{"unknown reason", "0001 0008 00000008", ofp.SwitchConfigFailedBadFlags, before},
		{"unknown kind", "000c 0008 00000001", ofp.SwitchConfigFailedBadFlags, before},
		{"cut off", "0001 0008 0000", ofp.BadRequestBadLen, before},
		{"too long", "0001 000c 00000001 00000000", ofp.BadRequestBadLen, before},
	} {
		body := decodeHex(t, strings.ReplaceAll("00002320 0000001b"+tt.body, " ", ""))
		m, err := new(Codec).Decode(ofp.Header{Version: Version, Type: typeVendor}, body)
		if tt.code != 0 {
			var e *ofp.Error
			if !errors.As(err, &e) || e.Code != tt.code {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.code)
			}
			continue
		}
		a, ok := m.(*SetAsync2)
		if !ok || a.Change(before) != tt.want {
			t.Errorf("%s: %+v, %v", tt.name, m, err)
			continue
		}
		if b := a.Append(nil); !bytes.Equal(b, body) || len(b) != a.Len() {
			t.Errorf("%s: encoded to % x", tt.name, b)
		}
	}
}
