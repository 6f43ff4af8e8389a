package bridge

import (
	"strings"

	"ofswitch/ofp"
)

const watchPort1 = "00000001 ffffffff"

func groupRefusals() []refusal {
	out := bucketHex(0, watchNothing, outHex)
	live := bucketHex(0, watchPort1, outHex)
	to := func(group string) string { return bucketHex(0, watchNothing, "0016 0008"+group) }
	one := []ofp.Message{groupOf("add group_id=1,type=all,bucket=actions=output:1")}
	chain := append(one[:1:1], groupOf("add group_id=2,type=all,bucket=actions=group:1"))
	guard := append(one[:1:1], groupOf("add group_id=2,type=ff,bucket=watch_group:1,actions=output:1"))
	return []refusal{
		{ofp.GroupModFailedGroupExists, "add of a number in use", one, groupRaw(ofp.GroupAdd, 0, 1, out), nil},
		{ofp.GroupModFailedGroupExists, "add of a number in use, of another type", one, groupRaw(ofp.GroupAdd, 1, 1), nil},
		{ofp.GroupModFailedInvalidGroup, "number above OFPG_MAX", nil, groupRaw(ofp.GroupAdd, 0, 0xffffff01, out), nil},
		{ofp.GroupModFailedInvalidGroup, "add of ALL", nil, groupRaw(ofp.GroupAdd, 0, 0xfffffffc, out), nil},
		{ofp.GroupModFailedInvalidGroup, "indirect without a bucket", nil, groupRaw(ofp.GroupAdd, 2, 1), nil},
		{ofp.GroupModFailedInvalidGroup, "indirect with two buckets", nil, groupRaw(ofp.GroupAdd, 2, 1, out, out), nil},
		{ofp.GroupModFailedInvalidGroup, "weight in a group that is not select", nil, groupRaw(ofp.GroupAdd, 0, 1, bucketHex(1, watchNothing, outHex)), nil},
		{ofp.GroupModFailedInvalidGroup, "fast failover bucket that watches nothing", nil, groupRaw(ofp.GroupAdd, 3, 1, live, out), nil},
		{ofp.GroupModFailedInvalidGroup, "modified to two buckets in an indirect group", one, groupRaw(ofp.GroupModify, 2, 1, out, out), nil},
		{ofp.GroupModFailedOutOfGroups, "262145 groups of a type", nil, groupRaw(ofp.GroupAdd, 0, 1<<18),
			func(i uint32) ofp.Message { return &ofp.GroupMod{GroupID: i} }},
		{ofp.GroupModFailedOutOfBuckets, "1025 buckets", nil, groupRaw(ofp.GroupAdd, 0, 1, strings.Repeat(out, 1025)), nil},
		{ofp.GroupModFailedOutOfBuckets, "more buckets than statistics can tell of", nil, groupRaw(ofp.GroupAdd, 0, 1, strings.Repeat(bucketHex(0, watchNothing, ""), 4092)), nil},
		{ofp.GroupModFailedWatchUnsupported, "bucket of an all group that watches a port", nil, groupRaw(ofp.GroupAdd, 0, 1, live), nil},
		{ofp.GroupModFailedLoop, "group that sends to itself", nil, groupRaw(ofp.GroupAdd, 0, 1, to("00000001")), nil},
		{ofp.GroupModFailedLoop, "ring of two groups", chain, groupRaw(ofp.GroupModify, 0, 1, to("00000002")), nil},
		{ofp.GroupModFailedLoop, "group that watches itself", nil, groupRaw(ofp.GroupAdd, 3, 1, bucketHex(0, "ffffffff 00000001", outHex)), nil},
		{ofp.GroupModFailedUnknownGroup, "modify of a group that there is not", nil, groupRaw(ofp.GroupModify, 0, 1, out), nil},
		{ofp.GroupModFailedUnknownGroup, "bucket to a group that there is not", nil, groupRaw(ofp.GroupAdd, 0, 1, to("00000063")), nil},
		{ofp.GroupModFailedUnknownGroup, "modified to a bucket to a group that there is not", one, groupRaw(ofp.GroupModify, 0, 1, to("00000063")), nil},
		{ofp.GroupModFailedChainedGroup, "delete of a group that another one sends to", chain, groupRaw(ofp.GroupDelete, 0, 1), nil},
		{ofp.GroupModFailedChainedGroup, "delete of a group that another one watches", guard, groupRaw(ofp.GroupDelete, 0, 1), nil},
		{ofp.GroupModFailedBadType, "type 4", nil, groupRaw(ofp.GroupAdd, 4, 1, out), nil},
		{ofp.GroupModFailedBadCommand, "command 3", nil, groupRaw(3, 0, 1, out), nil},
		{ofp.GroupModFailedBadBucket, "bucket of 8 bytes", nil, groupRaw(ofp.GroupAdd, 0, 1, "0008 0000 ffffffff"), nil},
		{ofp.GroupModFailedBadBucket, "bucket longer than the message", nil, groupRaw(ofp.GroupAdd, 0, 1, "0020 0000 ffffffff ffffffff 00000000"), nil},
		{ofp.GroupModFailedBadBucket, "bucket of 20 bytes", nil, groupRaw(ofp.GroupAdd, 0, 1, "0014 0000 ffffffff ffffffff 00000000 0000000000000000"), nil},
		{ofp.GroupModFailedBadWatch, "port that there is not", nil, groupRaw(ofp.GroupAdd, 3, 1, bucketHex(0, "00000063 ffffffff", outHex)), nil},
		{ofp.GroupModFailedBadWatch, "group that there is not", nil, groupRaw(ofp.GroupAdd, 3, 1, bucketHex(0, "ffffffff 00000063", outHex)), nil},
		{ofp.GroupModFailedBadWatch, "port CONTROLLER", nil, groupRaw(ofp.GroupAdd, 3, 1, bucketHex(0, "fffffffd ffffffff", outHex)), nil},
	}
}

const dropHex = "0001 0010 00000064 00000000 00000000"

func meterRefusals() []refusal {
	one := []ofp.Message{meterOf("meter=1,kbps,band=type=drop,rate=1")}
	return []refusal{
		{ofp.MeterModFailedMeterExists, "add of a number in use", one, meterRaw(ofp.MeterAdd, 1, 1, dropHex), nil},
		{ofp.MeterModFailedInvalidMeter, "number 0", nil, meterRaw(ofp.MeterAdd, 1, 0, dropHex), nil},
		{ofp.MeterModFailedInvalidMeter, "number above OFPM_MAX", nil, meterRaw(ofp.MeterAdd, 1, 0xffff0001, dropHex), nil},
		{ofp.MeterModFailedInvalidMeter, "add of ALL", nil, meterRaw(ofp.MeterAdd, 1, 0xffffffff, dropHex), nil},
		{ofp.MeterModFailedInvalidMeter, "flow with a meter that there is not", one, flowRaw("", "0006 0008 00000002"), nil},
		{ofp.MeterModFailedInvalidMeter, "flow with meter 0", one, flowRaw("", "0006 0008 00000000"), nil},
		{ofp.MeterModFailedUnknownMeter, "modify of a meter that there is not", one, meterRaw(ofp.MeterModify, 1, 2, dropHex), nil},
		{ofp.MeterModFailedUnknownMeter, "statistics of a meter that there is not", one, multipartRaw(ofp.MultipartMeter, "00000002 00000000"), nil},
		{ofp.MeterModFailedUnknownMeter, "configuration of a meter that there is not", one, multipartRaw(ofp.MultipartMeterConfig, "00000002 00000000"), nil},
		{ofp.MeterModFailedBadCommand, "command 3", nil, meterRaw(3, 1, 1, dropHex), nil},
		{ofp.MeterModFailedBadFlags, "flag 16", nil, meterRaw(ofp.MeterAdd, 16, 1, dropHex), nil},
		{ofp.MeterModFailedBadFlags, "rates in both units", one, meterRaw(ofp.MeterModify, 3, 1, dropHex), nil},
		{ofp.MeterModFailedBadRate, "rate 0", nil, meterRaw(ofp.MeterAdd, 1, 1, "0001 0010 00000000 00000000 00000000"), nil},
		{ofp.MeterModFailedBadBand, "band of type 3", nil, meterRaw(ofp.MeterAdd, 1, 1, "0003 0010 00000064 00000000 00000000"), nil},
		{ofp.MeterModFailedBadBand, "band of an unknown experimenter", one, meterRaw(ofp.MeterModify, 1, 1, "ffff 0010 00000064 00000000 00abcdef"), nil},
		{ofp.MeterModFailedBadBandValue, "drop precedence up by 3", nil, meterRaw(ofp.MeterAdd, 1, 1, "0002 0010 00000064 00000000 03 000000"), nil},
		{ofp.MeterModFailedOutOfMeters, "262145 meters", nil, meterRaw(ofp.MeterAdd, 1, 1<<18+1, dropHex),
			func(i uint32) ofp.Message {
				return &ofp.MeterMod{Flags: ofp.MeterFlagKBPS, MeterID: i + 1, Bands: []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: 1}}}
			}},
		{ofp.MeterModFailedOutOfBands, "17 bands", nil, meterRaw(ofp.MeterAdd, 1, 1, strings.Repeat(dropHex, 17)), nil},
		{ofp.MeterModFailedOutOfBands, "no band", one, meterRaw(ofp.MeterModify, 1, 1), nil},
		{ofp.BadRequestBadLen, "meter band of 24 bytes", nil, meterRaw(ofp.MeterAdd, 1, 1, "0001 0018 00000064 00000000 00000000 0000000000000000"), nil},
	}
}
