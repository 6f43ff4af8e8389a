package main

import (
	"net"
	"slices"

	"ofswitch/ofp"
)

// newer is what a fake switch has besides flows and ports: groups, meters, two
// queues on port 1 and two tables. It takes every group-mod and meter-mod unless
// refuseMod says otherwise.
type newer struct {
	groups    []*ofp.GroupDesc
	meters    []*ofp.MeterConfig
	tables    []*ofp.TableFeatures // nil: newTables
	part      []*ofp.TableFeatures // of a request of which there is more to come
	frags     uint16
	keepFrags bool // SetConfig changes nothing
	bundle    []bundled
	refuseMod *ofp.Error
}

// bundled is a message in a bundle.
type bundled struct {
	h   ofp.Header
	msg []byte
	m   ofp.Message
}

// newTables are tables with the properties that must be there.
func newTables(n int) (list []*ofp.TableFeatures) {
	for i := range n {
		t := &ofp.TableFeatures{Table: ofp.TableID(i)}
		for _, p := range []ofp.TablePropertyType{ofp.TableInstructions, ofp.TableNextTables, ofp.TableWriteActions, ofp.TableApplyActions,
			ofp.TableMatch, ofp.TableWildcards, ofp.TableWriteSetField, ofp.TableApplySetField} {
			t.Properties = append(t.Properties, ofp.TableProperty{Type: p})
		}
		list = append(list, t)
	}
	return list
}

// handleNewer answers what OpenFlow 1.0 did not have.
func (f *fakeSwitch) handleNewer(nc net.Conn, h ofp.Header, msg []byte, m ofp.Message) {
	switch m := m.(type) {
	case *ofp.GroupMod:
		if f.refuseMod != nil {
			f.write(nc, h.XID, ofp.ErrorFor(f.refuseMod, msg))
			return
		}
		f.groups = slices.DeleteFunc(f.groups, func(d *ofp.GroupDesc) bool { return m.GroupID == ofp.GroupAll || d.GroupID == m.GroupID })
		if m.Command != ofp.GroupDelete {
			f.groups = append(f.groups, &ofp.GroupDesc{GroupType: m.GroupType, GroupID: m.GroupID, Buckets: m.Buckets})
		}
	case *ofp.MeterMod:
		if f.refuseMod != nil {
			f.write(nc, h.XID, ofp.ErrorFor(f.refuseMod, msg))
			return
		}
		f.meters = slices.DeleteFunc(f.meters, func(d *ofp.MeterConfig) bool { return m.MeterID == ofp.MeterAll || d.MeterID == m.MeterID })
		if m.Command != ofp.MeterDelete {
			f.meters = append(f.meters, &ofp.MeterConfig{Flags: m.Flags, MeterID: m.MeterID, Bands: m.Bands})
		}
	case *ofp.Experimenter:
		f.experimenter(nc, h, msg, m)
	case *ofp.SetConfig:
		if !f.keepFrags {
			f.frags = m.Flags
		}
	case *ofp.QueueGetConfigRequest:
		r := &ofp.QueueGetConfigReply{Port: m.Port}
		switch m.Port {
		case 1, ofp.PortAny:
			r.Queues = []ofp.PacketQueue{
				{QueueID: 2, Port: 1, Properties: []ofp.QueueProperty{{Type: ofp.QueueMinRate, Rate: 100}}},
				{QueueID: 1, Port: 1, Properties: []ofp.QueueProperty{{Type: ofp.QueueMaxRate, Rate: 905}}},
			}
		case 2, ofp.PortLocal:
		default:
			f.write(nc, h.XID, ofp.ErrorFor(ofp.QueueOpFailedBadPort.Errorf("no port"), msg))
			return
		}
		f.write(nc, h.XID, r)
	}
}

// experimenter handles bundles. A bundle is carried out, or refused, at its commit:
// first the message that is wrong, under its own transaction id, then the commit.
func (f *fakeSwitch) experimenter(nc net.Conn, h ofp.Header, msg []byte, m *ofp.Experimenter) {
	parsed, err := m.Parse(h.XID)
	if err != nil {
		f.write(nc, h.XID, ofp.ErrorFor(err, msg))
		return
	}
	switch p := parsed.(type) {
	case *ofp.BundleAdd:
		inner, err := p.Decode()
		if err != nil {
			f.write(nc, h.XID, ofp.ErrorFor(err, msg))
			return
		}
		f.bundle = append(f.bundle, bundled{p.Header(), p.Message, inner})
	case *ofp.BundleControl:
		if p.Op == ofp.BundleCommitRequest && !f.commit(nc) {
			f.write(nc, h.XID, ofp.ErrorFor(ofp.BundleFailedMsgFailed.Errorf("refused"), msg))
			return
		}
		f.write(nc, h.XID, &ofp.BundleControl{BundleID: p.BundleID, Op: p.Op + 1, Flags: p.Flags})
	}
}

func (f *fakeSwitch) commit(nc net.Conn) bool {
	for _, b := range f.bundle {
		if fm, ok := b.m.(*ofp.FlowMod); ok && f.refuse != nil {
			if err := f.refuse(fm); err != nil {
				f.write(nc, b.h.XID, ofp.ErrorFor(err, b.msg))
				return false
			}
		}
	}
	for _, b := range f.bundle {
		if fm, ok := b.m.(*ofp.FlowMod); ok {
			f.flowMod(fm)
		} else {
			f.handleNewer(nc, b.h, b.msg, b.m)
		}
	}
	f.bundle = nil
	return true
}

// multipartNewer makes the answer to a request, the last part of it; ok is false
// when there is none yet, or it is an error and has been sent.
func (f *fakeSwitch) multipartNewer(nc net.Conn, xid uint32, msg []byte, m *ofp.MultipartRequest, r *ofp.MultipartReply) (ok bool) {
	switch m.Kind {
	case ofp.MultipartTableFeatures:
		if f.tables == nil {
			f.tables = newTables(2)
		}
		if set, ok := m.Body.(ofp.TableFeaturesRequest); ok {
			f.part = append(f.part, set...)
			if m.Flags&ofp.MultipartMore != 0 {
				return false
			}
			f.tables, f.part = f.part, nil
		}
		// One table to a message.
		for i, t := range f.tables {
			if i == len(f.tables)-1 {
				r.Entries = append(r.Entries, t)
				break
			}
			f.write(nc, xid, &ofp.MultipartReply{Kind: m.Kind, Flags: ofp.MultipartMore, Entries: []ofp.MultipartBody{t}})
		}
	case ofp.MultipartExperimenter:
		body, err := m.Parse()
		if err != nil {
			f.write(nc, xid, ofp.ErrorFor(err, msg))
			return false
		}
		// All flows are in the answer, and a change follows it.
		u := &ofp.FlowUpdates{Experimenter: body.(*ofp.FlowMonitors).Experimenter}
		for _, fm := range f.flows {
			u.Updates = append(u.Updates, ofp.FlowUpdate{Event: ofp.FlowEventAdded, Table: fm.Table, Cookie: fm.Cookie, Match: fm.Match, Instructions: fm.Instructions})
		}
		r.Entries = append(r.Entries, u)
		f.write(nc, xid, r)
		f.write(nc, 0, &ofp.MultipartReply{Kind: m.Kind, Entries: []ofp.MultipartBody{&ofp.FlowUpdates{Experimenter: u.Experimenter,
			Updates: []ofp.FlowUpdate{{Event: ofp.FlowEventDeleted, Reason: ofp.RemovedIdle, Table: 7}}}}})
		return false
	case ofp.MultipartGroupDesc:
		for _, d := range f.groups {
			r.Entries = append(r.Entries, d)
		}
	case ofp.MultipartGroup:
		want := m.Body.(*ofp.GroupStatsRequest).GroupID
		for _, d := range f.groups {
			if want == ofp.GroupAll || want == d.GroupID {
				r.Entries = append(r.Entries, &ofp.GroupStats{GroupID: d.GroupID, DurationSec: 3, PacketCount: 7, Buckets: make([]ofp.BucketStats, len(d.Buckets))})
			}
		}
	case ofp.MultipartGroupFeatures:
		r.Entries = append(r.Entries, &ofp.GroupFeatures{Types: 0xf, Capabilities: 1, MaxGroups: [4]uint32{1, 2, 3, 4}, Actions: [4]uint32{1, 1, 1, 1}})
	case ofp.MultipartMeterConfig, ofp.MultipartMeter:
		want := m.Body.(*ofp.MeterRequest).MeterID
		found := want == ofp.MeterAll
		for _, d := range f.meters {
			if want != ofp.MeterAll && want != d.MeterID {
				continue
			}
			found = true
			if m.Kind == ofp.MultipartMeterConfig {
				r.Entries = append(r.Entries, d)
			} else {
				r.Entries = append(r.Entries, &ofp.MeterStats{MeterID: d.MeterID, DurationSec: 3, Bands: make([]ofp.MeterBandStats, len(d.Bands))})
			}
		}
		if !found {
			f.write(nc, xid, ofp.ErrorFor(ofp.MeterModFailedUnknownMeter.Errorf("no meter"), msg))
			return false
		}
	case ofp.MultipartMeterFeatures:
		r.Entries = append(r.Entries, &ofp.MeterFeatures{MaxMeters: 10, BandTypes: 6, Capabilities: 15, MaxBands: 8})
	case ofp.MultipartQueue:
		want := m.Body.(*ofp.QueueStatsRequest)
		for q := range uint32(2) {
			if (want.Port == ofp.PortAny || want.Port == 1) && (want.QueueID == ofp.QueueAll || want.QueueID == q) {
				r.Entries = append(r.Entries, &ofp.QueueStats{Port: 1, QueueID: q, TxPackets: 5})
			}
		}
		if len(r.Entries) == 0 {
			f.write(nc, xid, ofp.ErrorFor(ofp.QueueOpFailedBadQueue.Errorf("no queue"), msg))
			return false
		}
	}
	return true
}
