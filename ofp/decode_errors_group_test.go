package ofp

import (
	"fmt"
	"strings"
	"testing"
)

// inBucket puts actions into the only bucket of a group-mod.
func inBucket(t *testing.T, actions string) []byte {
	return inMessage(TypeGroupMod)(t, fmt.Sprintf("0000 00 00 00000001 %04x 0000 ffffffff ffffffff 00000000 %s", bucketLen+len(wire(t, actions)), actions))
}

// inMeter puts bands into a meter-mod.
func inMeter(t *testing.T, bands string) []byte {
	return inMessage(TypeMeterMod)(t, "0000 0001 00000001"+bands)
}

// Every refusal that decoding messages about groups, meters, queues and roles
// can produce, except those of TestDecodeErrors.
func TestDecodeErrorsOfGroups(t *testing.T) {
	reply := inMessage(TypeMultipartReply)
	group, meter := inMessage(TypeGroupMod), inMessage(TypeMeterMod)
	queues := inMessage(TypeQueueGetConfigReply)
	const band = ` 0001 0010 000003e8 0000000a 00000000`
	for _, tt := range []decodeError{
		{"group mod with 4 bytes more", group, `0000 00 00 00000001 00000000`, BadRequestBadLen},
		{"group mod command 3", group, `0003 00 00 00000001`, GroupModFailedBadCommand},
		{"group mod command 0xffff", group, `ffff 00 00 00000001`, GroupModFailedBadCommand},
		{"group mod type 4", group, `0000 04 00 00000001`, GroupModFailedBadType},
		{"group mod, deletion of type 4", group, `0002 04 00 00000001`, GroupModFailedBadType},
		{"bucket of 8 bytes", group, `0000 00 00 00000001 0008 0000 ffffffff`, GroupModFailedBadBucket},
		{"bucket length 0", group, `0000 00 00 00000001 0000 0000 ffffffff ffffffff 00000000`, GroupModFailedBadBucket},
		{"bucket length 15", group, `0000 00 00 00000001 000f 0000 ffffffff ffffffff 00000000`, GroupModFailedBadBucket},
		{"bucket length 20", group, `0000 00 00 00000001 0014 0000 ffffffff ffffffff 00000000 00*8`, GroupModFailedBadBucket},
		{"bucket longer than the message", group, `0000 00 00 00000001 0018 0000 ffffffff ffffffff 00000000`, GroupModFailedBadBucket},
		{"second bucket cut off", group, `0000 00 00 00000001 0010 0000 ffffffff ffffffff 00000000 0010 0000 ffffffff`, GroupModFailedBadBucket},
		{"bucket in a deletion", group, `0002 00 00 00000001 0000 0000 ffffffff ffffffff 00000000`, GroupModFailedBadBucket},
		{"action longer than its bucket", inBucket, `0000 0018 00000001 00*8`, BadActionBadLen},
		{"action type 28 in a bucket", inBucket, `001c 0008 00000000`, BadActionBadType},
		{"experimenter action in a bucket", inBucket, `ffff 0008 00001111`, BadActionBadExperimenter},
		{"push_vlan 0x0800 in a bucket", inBucket, `0011 0008 0800 0000`, BadActionBadArgument},
		{"set_field of basic field 40 in a bucket", inBucket, `0019 0010 80005004 00*8`, BadActionBadSetType},
		{"set_field of a wrong length in a bucket", inBucket, `0019 0010 80000c04 00*8`, BadActionBadSetLen},
		{"set_field of in_port in a bucket", inBucket, `0019 0010 80000004 00*8`, BadActionBadSetArgument},
		{"group mod with buckets that cannot be counted", group, `0000 00 00 00000001` + strings.Repeat(` 0010000000000000 0000000000000000`, groupBucketsCount+1), GroupModFailedOutOfBuckets},
		{"group mod with buckets that cannot be described", inBucket, strings.Repeat(` 0000001000000001 0000000000000000`, 4093) + ` 0012 0008 00*4`, GroupModFailedOutOfBuckets},

		{"group reply, entry length 0", reply, `0006 0000 00000000 0000 00*38`, BadRequestBadLen},
		{"group reply, half a bucket", reply, `0006 0000 00000000 0030 00*46`, BadRequestBadLen},
		{"group reply, entry longer than the message", reply, `0006 0000 00000000 0038 00*38`, BadRequestBadLen},
		{"group reply, entry cut off", reply, `0006 0000 00000000 0020 00*30`, BadRequestBadLen},
		{"group reply of 39 bytes", reply, `0006 0000 00000000 0027 00*37`, BadRequestBadLen},
		{"group desc reply, entry length 0", reply, `0007 0000 00000000 0000 0000 00000001`, BadRequestBadLen},
		{"group desc reply, bucket longer than its entry", reply, `0007 0000 00000000 0018 0000 00000001 0018 00*22`, GroupModFailedBadBucket},
		{"group desc reply, wrong action", reply, `0007 0000 00000000 0020 0000 00000001 0018 00*14 001c 0008 00000000`, BadActionBadType},
		{"group features reply cut off", reply, `0008 0000 00000000 00*32`, BadRequestBadLen},

		{"meter mod with 4 bytes more", meter, `0000 0001 00000001 00000000`, BadRequestBadLen},
		{"meter mod command 3", meter, `0003 0001 00000001`, MeterModFailedBadCommand},
		{"meter mod of kbit/s and packets/s", meter, `0000 0003 00000001` + band, MeterModFailedBadFlags},
		{"meter mod flag 4", meter, `0001 0010 00000001` + band, MeterModFailedBadFlags},
		{"meter band of 8 bytes", inMeter, `0001 0008 000003e8`, BadRequestBadLen},
		{"meter band length 0", inMeter, `0001 0000 000003e8 0000000a 00000000`, BadRequestBadLen},
		{"meter band length 12", inMeter, `0001 000c 000003e8 0000000a 00000000`, BadRequestBadLen},
		{"meter band length 20", inMeter, `0001 0014 000003e8 0000000a 00000000 00*8`, BadRequestBadLen},
		{"meter band longer than the message", inMeter, `0001 0018 000003e8 0000000a 00000000`, BadRequestBadLen},
		{"drop band of 24 bytes", inMeter, `0001 0018 000003e8 0000000a 00000000 00*8`, BadRequestBadLen},
		{"remark band of 24 bytes", inMeter, `0002 0018 000003e8 0000000a 00000000 00*8`, BadRequestBadLen},
		{"second band cut off", inMeter, band + ` 0001 0010 000003e8`, BadRequestBadLen},
		{"meter band type 0", inMeter, `0000 0010 000003e8 0000000a 00000000`, MeterModFailedBadBand},
		{"meter band type 3", inMeter, `0003 0010 000003e8 0000000a 00000000`, MeterModFailedBadBand},
		{"experimenter's meter band", inMeter, `ffff 0018 000003e8 0000000a 00002320 00*8`, MeterModFailedBadBand},
		{"meter mod with bands that cannot be counted", inMeter, strings.Repeat(band, meterBandsMax+1), MeterModFailedOutOfBands},

		{"meter reply, entry length 0", reply, `0009 0000 00000000 00000001 0000 00*34`, BadRequestBadLen},
		{"meter reply, half a band", reply, `0009 0000 00000000 00000001 0030 00*42`, BadRequestBadLen},
		{"meter reply, entry longer than the message", reply, `0009 0000 00000000 00000001 0038 00*34`, BadRequestBadLen},
		{"meter config reply, entry length 4", reply, `000a 0000 00000000 0004 0001 00000001`, BadRequestBadLen},
		{"meter config reply, band longer than its entry", reply, `000a 0000 00000000 0018 0001 00000001 0001 0018 00*12`, BadRequestBadLen},
		{"meter config reply, band type 3", reply, `000a 0000 00000000 0018 0001 00000001 0003 0010 00*12`, MeterModFailedBadBand},
		{"meter features reply cut off", reply, `000b 0000 00000000 00*8`, BadRequestBadLen},

		{"queue reply of half an entry", reply, `0005 0000 00000000 00*20`, BadRequestBadLen},
		{"queue config reply with 4 bytes more", queues, `00000001 00000000 00*4`, BadRequestBadLen},
		{"queue cut off", queues, `00000001 00000000 00*8`, BadRequestBadLen},
		{"queue length 8", queues, `00000001 00000000 00000001 00000001 0008 00*6`, BadRequestBadLen},
		{"queue longer than the message", queues, `00000001 00000000 00000001 00000001 0018 00*6`, BadRequestBadLen},
		{"queue property length 0", queues, `00000001 00000000 00000001 00000001 0018 00*6 0009 0000 00*4`, BadRequestBadLen},
		{"rate of 8 bytes", queues, `00000001 00000000 00000001 00000001 0018 00*6 0001 0008 00*4`, BadRequestBadLen},
		{"rate of 24 bytes", queues, `00000001 00000000 00000001 00000001 0028 00*6 0001 0018 00*20`, BadRequestBadLen},
		{"queue property longer than its queue", queues, `00000001 00000000 00000001 00000001 0020 00*6 0001 0018 00*12`, BadRequestBadLen},

		{"role 4", inMessage(TypeRoleRequest), `00000004 00000000 00*8`, RoleRequestFailedBadRole},
		{"role 0xffffffff", inMessage(TypeRoleRequest), `ffffffff 00000000 00*8`, RoleRequestFailedBadRole},
	} {
		t.Run(tt.name, tt.test)
	}
}

// A deletion has no flags and no bands, whatever stands there.
func TestMeterDeleteIgnoresTheRest(t *testing.T) {
	for _, s := range []string{`0002 0000 00000005`, `0002 ffff 00000005`, `0002 0001 00000005 0009 0009 00000000`} {
		_, m, err := decodeAll(inMessage(TypeMeterMod)(t, s))
		if got, ok := m.(*MeterMod); err != nil || !ok || got.Command != MeterDelete || got.MeterID != 5 || got.Flags != 0 || got.Bands != nil {
			t.Errorf("%s: %+v, %v", s, m, err)
		}
	}
}

// What is just taken can be given back in one message.
func TestLongestGroupAndMeter(t *testing.T) {
	most := &GroupMod{GroupType: GroupTypeAll, GroupID: 1, Buckets: make([]Bucket, groupBucketsCount)}
	long := &GroupMod{GroupType: GroupTypeAll, GroupID: 1, Buckets: []Bucket{{Actions: make([]Action, (groupBucketsMax-bucketLen)/actionShortLen)}}}
	for i := range long.Buckets[0].Actions {
		long.Buckets[0].Actions[i] = DecNwTTL{}
	}
	meter := &MeterMod{MeterID: 1, Flags: MeterFlagKBPS, Bands: make([]MeterBand, meterBandsMax)}
	for i := range meter.Bands {
		meter.Bands[i].Type = MeterBandDrop
	}
	for _, m := range []Message{most, long, meter} {
		if _, _, err := decodeAll(Encode(1, m)); err != nil {
			t.Errorf("%v of %d bytes: %v", m.Type(), m.Len(), err)
		}
	}
	for kind, e := range map[uint16]MultipartBody{
		MultipartGroup:       &GroupStats{Buckets: make([]BucketStats, len(most.Buckets))},
		MultipartGroupDesc:   &GroupDesc{Buckets: long.Buckets},
		MultipartMeter:       &MeterStats{Bands: make([]MeterBandStats, len(meter.Bands))},
		MultipartMeterConfig: &MeterConfig{Bands: meter.Bands},
	} {
		w, msgs := collect(kind)
		if err := w.Add(e); err != nil {
			t.Errorf("%s: %v", MultipartName(kind), err)
		}
		if err := w.Close(); err != nil || len(*msgs) != 1 {
			t.Errorf("%s: %v, %d messages", MultipartName(kind), err, len(*msgs))
			continue
		}
		if _, m, err := decodeAll((*msgs)[0]); err != nil || len(m.(*MultipartReply).Entries) != 1 {
			t.Errorf("%s: %v", MultipartName(kind), err)
		}
	}
}
