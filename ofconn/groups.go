package ofconn

import "ofswitch/ofp"

func (c *conn) handleGroupMod(h ofp.Header, msg []byte, m ofp.Message) error {
	return c.result(h, msg, c.m.sw.GroupMod(m.(*ofp.GroupMod)))
}

func (c *conn) handleMeterMod(h ofp.Header, msg []byte, m ofp.Message) error {
	return c.result(h, msg, c.m.sw.MeterMod(m.(*ofp.MeterMod)))
}

// Multiparts of groups and meters (OpenFlow 1.3.5 §7.3.5.9 to §7.3.5.14). A
// filter that names no group gets an empty reply: the specification has no error,
// nor has Open vSwitch.

func groupStats(sw Switch, body ofp.MultipartBody, add func(ofp.MultipartBody) error) error {
	return sw.GroupStats(body.(*ofp.GroupStatsRequest).GroupID, func(s *ofp.GroupStats) error { return add(s) })
}

func groupDescs(sw Switch, _ ofp.MultipartBody, add func(ofp.MultipartBody) error) error {
	return sw.GroupDescs(func(d *ofp.GroupDesc) error { return add(d) })
}

func groupFeatures(sw Switch, _ ofp.MultipartBody, add func(ofp.MultipartBody) error) error {
	return add(sw.GroupFeatures())
}

func meterStats(sw Switch, body ofp.MultipartBody, add func(ofp.MultipartBody) error) error {
	return sw.MeterStats(body.(*ofp.MeterRequest).MeterID, func(s *ofp.MeterStats) error { return add(s) })
}

func meterConfigs(sw Switch, body ofp.MultipartBody, add func(ofp.MultipartBody) error) error {
	return sw.MeterConfigs(body.(*ofp.MeterRequest).MeterID, func(c *ofp.MeterConfig) error { return add(c) })
}

func meterFeatures(sw Switch, _ ofp.MultipartBody, add func(ofp.MultipartBody) error) error {
	return add(sw.MeterFeatures())
}
