package ofconn

import (
	"reflect"
	"testing"

	"ofswitch/ofp"
)

// The fake switch has group 1 and group 2, and meter 1 and meter 2.

func (s *fakeSwitch) GroupMod(m *ofp.GroupMod) error {
	if err := s.call("GroupMod"); err != nil {
		return err
	}
	if m.Command == ofp.GroupAdd && m.GroupID <= 2 {
		return ofp.GroupModFailedGroupExists.Errorf("group %d", m.GroupID)
	}
	return nil
}

func (s *fakeSwitch) MeterMod(m *ofp.MeterMod) error {
	if err := s.call("MeterMod"); err != nil {
		return err
	}
	if m.Command == ofp.MeterModify && m.MeterID > 2 {
		return ofp.MeterModFailedUnknownMeter.Errorf("meter %d", m.MeterID)
	}
	return nil
}

// eachOf calls fn for the numbers of things that id asks for.
func eachOf(id, all uint32, fn func(id uint32) error) error {
	for have := uint32(1); have <= 2; have++ {
		if id != all && id != have {
			continue
		}
		if err := fn(have); err != nil {
			return err
		}
	}
	return nil
}

func (s *fakeSwitch) GroupStats(id uint32, fn func(*ofp.GroupStats) error) error {
	if err := s.call("GroupStats"); err != nil {
		return err
	}
	return eachOf(id, ofp.GroupAll, func(id uint32) error {
		return fn(&ofp.GroupStats{GroupID: id, RefCount: 3, PacketCount: 4, Buckets: []ofp.BucketStats{{PacketCount: 4}}})
	})
}

func (s *fakeSwitch) GroupDescs(fn func(*ofp.GroupDesc) error) error {
	if err := s.call("GroupDescs"); err != nil {
		return err
	}
	return eachOf(ofp.GroupAll, ofp.GroupAll, func(id uint32) error { return fn(&ofp.GroupDesc{GroupType: ofp.GroupTypeSelect, GroupID: id}) })
}

func (s *fakeSwitch) GroupFeatures() *ofp.GroupFeatures {
	return &ofp.GroupFeatures{Types: 0xf, Capabilities: 0xf}
}

func (s *fakeSwitch) MeterStats(id uint32, fn func(*ofp.MeterStats) error) error {
	if err := s.call("MeterStats"); err != nil {
		return err
	}
	return eachOf(id, ofp.MeterAll, func(id uint32) error { return fn(&ofp.MeterStats{MeterID: id, FlowCount: 5}) })
}

func (s *fakeSwitch) MeterConfigs(id uint32, fn func(*ofp.MeterConfig) error) error {
	if err := s.call("MeterConfigs"); err != nil {
		return err
	}
	return eachOf(id, ofp.MeterAll, func(id uint32) error {
		return fn(&ofp.MeterConfig{MeterID: id, Flags: ofp.MeterFlagKBPS, Bands: []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: 7}}})
	})
}

func (s *fakeSwitch) MeterFeatures() *ofp.MeterFeatures {
	return &ofp.MeterFeatures{MaxMeters: 6, BandTypes: 6, Capabilities: 15, MaxBands: 8, MaxColor: 2}
}

// TestGroupsAndMeters: each message arrives, and each question is answered by
// what the switch says, as a whole.
func TestGroupsAndMeters(t *testing.T) {
	tests := []struct {
		name  string
		msg   ofp.Message
		code  ofp.Code // none: taken
		call  string
		reply any // entries of the reply, field by field; nil: no reply
	}{
		{"add a group", &ofp.GroupMod{GroupID: 3}, none, "GroupMod", nil},
		{"add a group that exists", &ofp.GroupMod{GroupID: 1}, ofp.GroupModFailedGroupExists, "GroupMod", nil},
		{"group of type 4", &ofp.GroupMod{GroupType: 4, GroupID: 3}, ofp.GroupModFailedBadType, "", nil},
		{"group command 3", &ofp.GroupMod{Command: 3, GroupID: 3}, ofp.GroupModFailedBadCommand, "", nil},
		{"short group-mod", raw(ofp.TypeGroupMod, 7), ofp.BadRequestBadLen, "", nil},
		{"modify a meter", &ofp.MeterMod{Command: ofp.MeterModify, MeterID: 2}, none, "MeterMod", nil},
		{"modify an unknown meter", &ofp.MeterMod{Command: ofp.MeterModify, MeterID: 3}, ofp.MeterModFailedUnknownMeter, "MeterMod", nil},
		{"meter command 3", &ofp.MeterMod{Command: 3, MeterID: 3}, ofp.MeterModFailedBadCommand, "", nil},
		{"short meter-mod", raw(ofp.TypeMeterMod, 7), ofp.BadRequestBadLen, "", nil},
		{"all groups' statistics", multipart(ofp.MultipartGroup, &ofp.GroupStatsRequest{GroupID: ofp.GroupAll}), none, "GroupStats", []uint32{1, 2}},
		{"a group's statistics", multipart(ofp.MultipartGroup, &ofp.GroupStatsRequest{GroupID: 2}), none, "GroupStats", []uint32{2}},
		{"an unknown group's statistics", multipart(ofp.MultipartGroup, &ofp.GroupStatsRequest{GroupID: 9}), none, "GroupStats", []uint32{}},
		{"group descriptions", multipart(ofp.MultipartGroupDesc, nil), none, "GroupDescs", []uint32{1, 2}},
		{"group features", multipart(ofp.MultipartGroupFeatures, nil), none, "", []uint32{0xf}},
		{"all meters' statistics", multipart(ofp.MultipartMeter, &ofp.MeterRequest{MeterID: ofp.MeterAll}), none, "MeterStats", []uint32{1, 2}},
		{"a meter's statistics", multipart(ofp.MultipartMeter, &ofp.MeterRequest{MeterID: 1}), none, "MeterStats", []uint32{1}},
		{"an unknown meter's statistics", multipart(ofp.MultipartMeter, &ofp.MeterRequest{MeterID: 9}), none, "MeterStats", []uint32{}},
		{"all meters", multipart(ofp.MultipartMeterConfig, &ofp.MeterRequest{MeterID: ofp.MeterAll}), none, "MeterConfigs", []uint32{1, 2}},
		{"a meter", multipart(ofp.MultipartMeterConfig, &ofp.MeterRequest{MeterID: 2}), none, "MeterConfigs", []uint32{2}},
		{"an unknown meter", multipart(ofp.MultipartMeterConfig, &ofp.MeterRequest{MeterID: 9}), none, "MeterConfigs", []uint32{}},
		{"meter features", multipart(ofp.MultipartMeterFeatures, nil), none, "", []uint32{6}},
		{"group statistics without body", multipart(ofp.MultipartGroup, nil), ofp.BadRequestBadLen, "", nil},
		{"meter statistics without body", multipart(ofp.MultipartMeter, nil), ofp.BadRequestBadLen, "", nil},
		{"group descriptions with body", multipart(ofp.MultipartGroupDesc, make(ofp.RawBody, 8)), ofp.BadRequestBadLen, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sw := &fakeSwitch{}
			p := connected(t, newManager(t, sw, Options{}), connOptions{})
			b := ofp.Encode(7, tt.msg)
			p.raw(b)
			if tt.code != none {
				p.wantError(7, tt.code, b)
			}
			if tt.reply != nil {
				ids := []uint32{}
				for _, e := range p.want(7, ofp.TypeMultipartReply).(*ofp.MultipartReply).Entries {
					ids = append(ids, entryID(t, e))
				}
				if !reflect.DeepEqual(ids, tt.reply) {
					t.Errorf("the reply is about %v, want %v", ids, tt.reply)
				}
			}
			p.alive()
			for _, method := range []string{"GroupMod", "MeterMod", "GroupStats", "GroupDescs", "MeterStats", "MeterConfigs"} {
				want := 0
				if method == tt.call {
					want = 1
				}
				if got := sw.count(method); got != want {
					t.Errorf("%s was called %d times, want %d", method, got, want)
				}
			}
		})
	}
}

// entryID is a number that tells entries of a reply apart.
func entryID(t *testing.T, e ofp.MultipartBody) uint32 {
	t.Helper()
	switch e := e.(type) {
	case *ofp.GroupStats:
		return e.GroupID
	case *ofp.GroupDesc:
		return e.GroupID
	case *ofp.GroupFeatures:
		return e.Types
	case *ofp.MeterStats:
		return e.MeterID
	case *ofp.MeterConfig:
		return e.MeterID
	case *ofp.MeterFeatures:
		return e.MaxMeters
	}
	t.Fatalf("entry %T", e)
	return 0
}
