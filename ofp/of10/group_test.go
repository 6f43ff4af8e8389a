package of10

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"ofswitch/ofp"
)

// sentGroupMods are group-mods as ovs-ofctl 3.1 sends them without -O, each with the
// command that it was given.
var sentGroupMods = []struct{ command, hex string }{
	{"add-group group_id=1,type=select,bucket=weight:5,output:1,bucket=weight:7,mod_vlan_vid:5,output:2", "0104005800000006000023200000001f000001000000000100380000ffffffff0018000800000000000000080001000000000008000500000020001000000001000100080005000000000008000200000000000800070000"},
	{"add-group group_id=2,type=ff,bucket=watch_port:1,output:1,bucket=watch_group:1,output:2", "0104005000000006000023200000001f000003000000000200300000ffffffff001800080000000000000008000100000001000800000001001800080000000100000008000200000002000800000001"},
	{"add-group group_id=3,type=all,bucket=output:1,bucket=group:1", "0104004800000006000023200000001f000000000000000300280000ffffffff001000080000000000000008000100000018001000000001ffff0010000023200028000000000001"},
	{"add-group group_id=6,type=all,bucket=bucket_id:5,output:1", "0104003000000006000023200000001f000000000000000600100000ffffffff00100008000000050000000800010000"},
	{"mod-group group_id=3,type=all,bucket=output:2", "0104003000000006000023200000001f000100000000000300100000ffffffff00100008000000000000000800020000"},
	{"--may-create mod-group group_id=13,type=all,bucket=output:2", "0104003000000006000023200000001f800000000000000d00100000ffffffff00100008000000000000000800020000"},
	{"insert-buckets group_id=3,command_bucket_id=last,bucket=bucket_id:7,output:3", "0104003000000006000023200000001f000300000000000300100000fffffffe00100008000000070000000800030000"},
	{"remove-buckets group_id=3,command_bucket_id=first", "0104002000000006000023200000001f000500000000000300000000fffffffd"},
	{"del-groups group_id=3", "0104002000000006000023200000001f000200000000000300000000ffffffff"},
	{"del-groups", "0104002000000006000023200000001f00020000fffffffc00000000ffffffff"},
}

// TestGroupMods reads what ovs-ofctl sends: what it says stands in the message again,
// and the buckets are written as they were.
func TestGroupMods(t *testing.T) {
	for _, tt := range sentGroupMods {
		b := decodeHex(t, tt.hex)
		h, m, err := decode(new(Codec), b)
		if err != nil {
			t.Errorf("%s: %v", tt.command, err)
			continue
		}
		if kind, err := Kind(h, b[ofp.HeaderLen:]); err != nil || kind != ofp.TypeGroupMod {
			t.Errorf("%s: of kind %v, %v", tt.command, kind, err)
		}
		gm := m.(*ofp.GroupMod)
		body := b[ofp.HeaderLen+vendorHeaderLen:]
		if gm.Command != be.Uint16(body) || uint8(gm.GroupType) != body[2] || gm.GroupID != be.Uint32(body[4:]) || gm.CommandBucket != be.Uint32(body[12:]) {
			t.Errorf("%s: %+v", tt.command, gm)
		}
		desc := appendGroupDesc(nil, &ofp.GroupDesc{GroupType: gm.GroupType, GroupID: gm.GroupID, Buckets: gm.Buckets, BucketIDs: gm.BucketIDs})
		if got := desc[groupDescLen:]; !bytes.Equal(got, body[groupModLen:]) || int(be.Uint16(desc)) != len(desc) || be.Uint16(desc[8:]) != be.Uint16(body[8:]) {
			t.Errorf("%s: described by % x", tt.command, desc)
		}
	}
}

func TestGroupModRefusals(t *testing.T) {
	const one = "0010 0008 00000001 0000 0008 0001 0000"
	for _, tt := range []struct {
		name, body string
		code       ofp.Code
	}{
		{"cut off", "0000 00 00 00000001 0000 0000 ffffff", ofp.BadRequestBadLen},
		{"command", "0004 00 00 00000001 0000 0000 ffffffff", ofp.GroupModFailedBadCommand},
		{"type", "0000 04 00 00000001 0000 0000 ffffffff", ofp.GroupModFailedBadType},
		{"buckets missing", "0000 00 00 00000001 0018 0000 ffffffff" + one, ofp.GroupModFailedBadBucket},
		{"property", "0000 00 00 00000001 0010 0000 ffffffff" + one + "ffff 0008 00000000", ofp.BadRequestBadExpType},
		{"bucket cut off", "0000 00 00 00000001 0014 0000 ffffffff" + one + "0010 0008", ofp.GroupModFailedBadBucket},
		{"bucket of no length", "0000 00 00 00000001 0008 0000 ffffffff 0000 0000 00000001", ofp.GroupModFailedBadBucket},
		{"bucket too long", "0000 00 00 00000001 0008 0000 ffffffff 0010 0000 00000001", ofp.GroupModFailedBadBucket},
		{"more actions than bucket", "0000 00 00 00000001 0010 0000 ffffffff 0010 0010 00000001 0000 0008 0001 0000", ofp.GroupModFailedBadBucket},
		{"action cut off", "0000 00 00 00000001 0010 0000 ffffffff 0010 0008 00000001 0000 0010 0001 0000", ofp.BadActionBadLen},
		{"one number twice", "0000 00 00 00000001 0020 0000 ffffffff" + one + one, ofp.GroupModFailedBadBucket},
		{"number", "0000 00 00 00000001 0008 0000 ffffffff 0008 0000 ffffff01", ofp.GroupModFailedBadBucket},
		{"bucket's property cut off", "0000 00 00 00000001 000c 0000 ffffffff 000c 0000 00000001 0001 0004", ofp.GroupModFailedBadBucket},
		{"bucket's property too long", "0000 00 00 00000001 0010 0000 ffffffff 0010 0000 00000001 0001 0010 00000001", ofp.GroupModFailedBadBucket},
		{"unknown property", "0000 00 00 00000001 0010 0000 ffffffff 0010 0000 00000001 0003 0008 00000001", ofp.GroupModFailedBadBucket},
		{"goto table", "0000 00 00 00000001 0018 0000 ffffffff 0018 0010 00000001 ffff 0010 00002320 000e fff8 01 000000", ofp.BadActionBadArgument},
	} {
		_, err := decodeGroupMod(decodeHex(t, strings.ReplaceAll(tt.body, " ", "")))
		var e *ofp.Error
		if !errors.As(err, &e) || e.Code != tt.code {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.code)
		}
	}
}

func TestGroupStatsRequests(t *testing.T) {
	for _, tt := range []struct {
		hex  string
		kind uint16 // 0: BAD_LEN
		body ofp.MultipartBody
	}{
		{"01100020 00000002 ffff0000 00002320 00000007 00000000 fffffffc 00000000", ofp.MultipartGroup, &ofp.GroupStatsRequest{GroupID: ofp.GroupAll}},
		{"01100020 00000002 ffff0000 00002320 00000008 00000000 00000003 00000000", ofp.MultipartGroupDesc, &ofp.GroupStatsRequest{GroupID: 3}},
		{"01100018 00000002 ffff0000 00002320 00000009 00000000", ofp.MultipartGroupFeatures, nil},
		{"0110001c 00000002 ffff0000 00002320 00000008 00000000 00000003", 0, nil},
		{"0110001c 00000002 ffff0000 00002320 00000009 00000000 00000003", 0, nil},
	} {
		_, m, err := decode(new(Codec), decodeHex(t, strings.ReplaceAll(tt.hex, " ", "")))
		if tt.kind == 0 {
			var e *ofp.Error
			if !errors.As(err, &e) || e.Code != ofp.BadRequestBadLen {
				t.Errorf("%s: %+v, %v", tt.hex, m, err)
			}
			continue
		}
		if r, ok := m.(*ofp.MultipartRequest); !ok || r.Kind != tt.kind || !reflect.DeepEqual(r.Body, tt.body) {
			t.Errorf("%s: %+v, %v", tt.hex, m, err)
		}
	}
}

// TestGroupReplies writes what Open vSwitch writes, and leaves out a group that no
// message has room for.
func TestGroupReplies(t *testing.T) {
	long := &ofp.GroupDesc{GroupID: 9, GroupType: ofp.GroupTypeSelect, Buckets: make([]ofp.Bucket, 3000)}
	for _, tt := range []struct {
		kind  uint16
		entry []ofp.MultipartBody
		want  string
	}{
		{ofp.MultipartGroupDesc, []ofp.MultipartBody{&ofp.GroupDesc{GroupID: 3}}, "01110028 00000002 ffff0000 00002320 00000008 00000000 0010 00 00 00000003 0000 000000000000"},
		{ofp.MultipartGroupDesc, []ofp.MultipartBody{long, &ofp.GroupDesc{GroupID: 13, Buckets: []ofp.Bucket{{WatchPort: ofp.PortAny, WatchGroup: ofp.GroupAny, Actions: []ofp.Action{ofp.Output{Port: 2}}}}}},
			"01110038 00000002 ffff0000 00002320 00000008 00000000 0020 00 00 0000000d 0010 000000000000 0010 0008 00000000 0000 0008 0002 0000"},
		{ofp.MultipartGroup, []ofp.MultipartBody{&ofp.GroupStats{GroupID: 3, RefCount: 1, DurationSec: 5}},
			"01110040 00000002 ffff0000 00002320 00000007 00000000 0028 0000 00000003 00000001 00000000 0000000000000000 0000000000000000 00000005 00000000"},
		{ofp.MultipartGroupFeatures, []ofp.MultipartBody{&ofp.GroupFeatures{Types: 1, Capabilities: 7, MaxGroups: [4]uint32{9}, Actions: [4]uint32{1 << ofp.ActionOutput}}},
			"01110040 00000002 ffff0000 00002320 00000009 00000000 00000001 00000007 00000009 000000000000000000000000 00000fff 000000000000000000000000"},
	} {
		var got []byte
		w := (&Codec{stats: formNXM}).Writer(tt.kind, 2, func(b []byte) error {
			got = append(got, b...)
			return nil
		})
		for _, e := range tt.entry {
			if err := w.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if want := decodeHex(t, strings.ReplaceAll(tt.want, " ", "")); !bytes.Equal(got, want) {
			t.Errorf("kind %d: % x\nwant % x", tt.kind, got, want)
		}
	}
}
