package of10

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

func TestFlowMonitorRequests(t *testing.T) {
	const head = "ffff 0000 00002320 00000002 00000000 "
	for _, tt := range []struct {
		name, body string
		code       ofp.Code // 0: it is in order
	}{
		{"one", head + "00000007 001f ffff 0006 ff 0000000000 00000002 0001 0000", 0},
		{"two", head + "00000007 001f ffff 0000 ff 0000000000" + "00000008 0002 0003 0000 01 0000000000", 0},
		{"cut off", head + "00000007 001f ffff 0000 ff 00000000", ofp.BadRequestBadLen},
		{"no events", head + "00000007 0001 ffff 0000 ff 0000000000", ofp.FlowMonitorFailedBadFlags},
		{"unknown flag", head + "00000007 0042 ffff 0000 ff 0000000000", ofp.FlowMonitorFailedBadFlags},
		{"match too long", head + "00000007 001f ffff 0010 ff 0000000000 00000002 0001 0000", ofp.BadMatchBadLen},
		{"cookie", head + "00000007 001f ffff 000c ff 0000000000 00013c08 0000000000000009 00000000", ofp.BadMatchBadField},
	} {
		b := decodeHex(t, strings.ReplaceAll(tt.body, " ", ""))
		m, err := new(Codec).Decode(ofp.Header{Version: Version, Type: typeStatsRequest}, b)
		var e *ofp.Error
		switch {
		case tt.code != 0:
			if !errors.As(err, &e) || e.Code != tt.code {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.code)
			}
			continue
		case err != nil:
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		r := m.(*ofp.MultipartRequest)
		first := r.Body.(*ofp.FlowMonitors).Monitors[0]
		if r.Kind != ofp.MultipartExperimenter || first.ID != 7 || first.OutPort != ofp.PortAny || first.Table != ofp.TableAll || first.Flags != flowMonitorFlags&^ofp.FlowMonitorOwn {
			t.Errorf("%s: %+v", tt.name, first)
		}
	}
}

func TestFlowUpdates(t *testing.T) {
	var got []byte
	w := NewUpdateWriter(9, func(b []byte) error {
		got = append(got, b...)
		return nil
	})
	u := &ofp.FlowUpdate{Event: ofp.FlowEventAdded, Priority: 5, Table: 2, Cookie: 7,
		Instructions: ofp.Instructions{Has: 1 << ofp.InstrApplyActions, Apply: []ofp.Action{ofp.SetVLANVID{VID: 4}}}}
	u.Match.Set(flow.InPort, flow.Value{Lo: 1})
	for _, u := range []*ofp.FlowUpdate{u, {Event: ofp.FlowEventAbbrev, XID: 0x1234}} {
		if err := w.Add(u); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := "01110048 00000009 ffff0000 00002320 00000002 00000000" +
		"0028 0000 0000 0005 0000 0000 0006 02 00 0000000000000007 00000002 0001 0000 0001 0008 0004 0000" +
		"0008 0003 00001234"
	if want = strings.ReplaceAll(want, " ", ""); hex.EncodeToString(got) != want {
		t.Errorf("got\n%x, want\n%s", got, want)
	}
}
