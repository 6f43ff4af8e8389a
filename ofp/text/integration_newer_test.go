package text

import (
	"math/rand/v2"
	"strings"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// TestIntegrationOvsOfctlNewerMessages compares the table with what ovs-ofctl
// prints.
func TestIntegrationOvsOfctlNewerMessages(t *testing.T) {
	var msgs []byte
	want := ""
	for _, c := range newerMessages {
		msgs = ofp.AppendMessage(msgs, 5, c.m)
		want += c.want
	}
	differences(t, want, printAll(t, msgs))
}

// TestIntegrationOvsOfctlErrors compares the names of all codes.
func TestIntegrationOvsOfctlErrors(t *testing.T) {
	var msgs []byte
	got := ""
	for typ := range ofp.ErrorType(14) {
		for code := range uint16(16) {
			m := &ofp.ErrorMsg{ErrType: typ, Code: code, Data: ofp.Encode(7, &ofp.BarrierRequest{})}
			if strings.Contains(m.ErrCode().String(), " ") || typ == ofp.ErrHelloFailed {
				continue // a code that does not exist
			}
			msg := ofp.Encode(5, m)
			msgs = append(msgs, msg...)
			got += FormatBytes(msg, Options{})
		}
	}
	differences(t, got, printAll(t, msgs))
}

// ovsFields are the match fields that Open vSwitch knows.
func ovsFields(r *rand.Rand, mask bool) (list []ofp.OXMID) {
	for i := range flow.Table {
		f := &flow.Table[i]
		switch f.ID {
		case flow.InPhyPort, flow.PBBISID, flow.IPv6Exthdr:
			continue
		}
		if r.IntN(2) == 0 {
			list = append(list, ofp.FieldID(f, mask && f.Maskable && r.IntN(2) == 0))
		}
	}
	return list
}

// randomTable makes features out of few choices, so that tables are often alike.
func randomTable(r *rand.Rand, id ofp.TableID, before *ofp.TableFeatures) *ofp.TableFeatures {
	t := &ofp.TableFeatures{Table: id, Name: []string{"", "", "a", "b c"}[r.IntN(4)]}
	if r.IntN(2) == 0 {
		t.MetadataMatch, t.MetadataWrite, t.MaxEntries = uint64(r.IntN(2))<<40, uint64(r.IntN(2)), uint32(r.IntN(2)*1000)
	}
	ids := func(of ...uint16) (list []ofp.FeatureID) {
		for _, typ := range of {
			if r.IntN(2) == 0 {
				list = append(list, ofp.FeatureID{Type: typ})
			}
		}
		return list
	}
	for _, typ := range []ofp.TablePropertyType{0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 14, 15} {
		if typ&1 == 1 && r.IntN(3) > 0 {
			continue
		}
		if before != nil && r.IntN(8) > 0 {
			if p := before.Property(typ); p != nil {
				t.Properties = append(t.Properties, *p)
				continue
			}
		}
		p := ofp.TableProperty{Type: typ}
		switch typ {
		case ofp.TableInstructions, ofp.TableInstructionsMiss:
			p.IDs = ids(1, 2, 3, 4, 5, 6)
		case ofp.TableWriteActions, ofp.TableWriteActionsMiss, ofp.TableApplyActions, ofp.TableApplyActionsMiss:
			p.IDs = ids(0, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25)
		case ofp.TableNextTables, ofp.TableNextTablesMiss:
			for n := range 255 {
				if r.IntN(2) == 0 {
					p.Tables = append(p.Tables, ofp.TableID(n))
				}
			}
		default:
			p.Fields = ovsFields(r, typ == ofp.TableMatch)
		}
		// Write and apply are often alike.
		if alike := map[ofp.TablePropertyType]ofp.TablePropertyType{6: 4, 14: 12}[typ]; alike != 0 && r.IntN(2) == 0 {
			p.IDs, p.Fields = t.Property(alike).IDs, t.Property(alike).Fields
		}
		t.Properties = append(t.Properties, p)
	}
	return t
}

// TestIntegrationOvsOfctlTableFeatures compares random features, a few tables in
// each reply.
func TestIntegrationOvsOfctlTableFeatures(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var msgs []byte
	got := ""
	for range 150 {
		m := reply(ofp.MultipartTableFeatures, uint16(r.IntN(2)))
		var before *ofp.TableFeatures
		for id := range 1 + r.IntN(12) {
			if before == nil || r.IntN(3) == 0 {
				before = randomTable(r, ofp.TableID(id), before)
			} else {
				same := *before
				same.Table, before = ofp.TableID(id), &same
				if r.IntN(2) == 0 {
					same.Name = ""
				}
			}
			m.Entries = append(m.Entries, before)
		}
		msg := ofp.Encode(5, m)
		msgs = append(msgs, msg...)
		got += FormatBytes(msg, Options{})
	}
	differences(t, got, printAll(t, msgs))
}

// randomGroup makes a group that the text can tell.
func randomGroup(r *rand.Rand) *ofp.GroupMod {
	gm := &ofp.GroupMod{Command: uint16(r.IntN(2)), GroupType: ofp.GroupType(r.IntN(4)), GroupID: r.Uint32N(ofp.GroupMax + 1)}
	n := r.IntN(5)
	if gm.GroupType == ofp.GroupTypeIndirect {
		n = 1
	}
	for range n {
		k := ofp.Bucket{Weight: defaultWeight(gm.GroupType), WatchPort: ofp.PortAny, WatchGroup: ofp.GroupAny}
		if gm.GroupType == ofp.GroupTypeSelect {
			k.Weight = uint16(r.IntN(4))
		}
		if gm.GroupType == ofp.GroupTypeFastFailover || gm.GroupType == ofp.GroupTypeSelect && r.IntN(2) == 0 {
			k.WatchPort = ofp.PortNo(r.IntN(100))
			if r.IntN(2) == 0 {
				k.WatchGroup = r.Uint32N(ofp.GroupMax + 1)
			}
		}
		if r.IntN(4) > 0 {
			for _, a := range randomActions(r, flow.Match{}, false) {
				if f := (&ofp.FlowMod{Instructions: ofp.Instructions{Apply: []ofp.Action{a}}}); ovsHas(f) {
					k.Actions = append(k.Actions, a)
				}
			}
		}
		gm.Buckets = append(gm.Buckets, k)
	}
	return gm
}

func randomMeter(r *rand.Rand) *ofp.MeterMod {
	mm := &ofp.MeterMod{Command: uint16(r.IntN(2)), MeterID: 1 + r.Uint32N(ofp.MeterMax), Flags: []ofp.MeterFlags{1, 2}[r.IntN(2)] | ofp.MeterFlags(r.IntN(4)<<2)}
	if r.IntN(4) == 0 {
		mm.MeterID = []uint32{ofp.MeterController, ofp.MeterSlowpath}[r.IntN(2)]
	}
	for range 1 + r.IntN(4) {
		d := ofp.MeterBand{Type: ofp.MeterBandDrop, Rate: 1 + r.Uint32()>>1}
		if mm.Flags&ofp.MeterFlagBurst != 0 {
			d.BurstSize = 1 + r.Uint32()>>1
		}
		if r.IntN(2) == 0 {
			d.Type, d.PrecLevel = ofp.MeterBandDSCPRemark, uint8(1+r.IntN(255))
		}
		mm.Bands = append(mm.Bands, d)
	}
	return mm
}

// TestIntegrationOvsOfctlGroupsMeters compares random groups and meters, as
// changes and as descriptions.
func TestIntegrationOvsOfctlGroupsMeters(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var msgs []byte
	got := ""
	for range 500 {
		gm, mm := randomGroup(r), randomMeter(r)
		gm2, mm2 := randomGroup(r), randomMeter(r)
		for _, m := range []ofp.Message{gm, mm,
			reply(ofp.MultipartGroupDesc, 0, &ofp.GroupDesc{GroupType: gm.GroupType, GroupID: gm.GroupID, Buckets: gm.Buckets}, &ofp.GroupDesc{GroupType: gm2.GroupType, GroupID: gm2.GroupID, Buckets: gm2.Buckets}),
			reply(ofp.MultipartMeterConfig, 0, &ofp.MeterConfig{Flags: mm.Flags, MeterID: mm.MeterID, Bands: mm.Bands}, &ofp.MeterConfig{Flags: mm2.Flags, MeterID: mm2.MeterID, Bands: mm2.Bands}),
		} {
			msg := ofp.Encode(5, m)
			msgs = append(msgs, msg...)
			got += FormatBytes(msg, Options{})
		}
	}
	differences(t, got, printAll(t, msgs))
}
