package flowtable

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ofswitch/ofp"
)

func (s *story) tryMeter(m *ofp.MeterMod) (*Change, error) {
	s.v++
	return s.ApplyMeter(m, s.v, s.now, able(s.Tables))
}

func (s *story) meter(m *ofp.MeterMod) *Change {
	s.Helper()
	c, err := s.tryMeter(m)
	if err != nil {
		s.Fatalf("%+v: %v", *m, err)
	}
	return c
}

func (s *story) dumpMeters() string {
	var lines []string
	s.EachMeter(ofp.MeterAll, s.v, func(m *Meter) bool {
		lines = append(lines, fmt.Sprintf("%#x %v %d bands, %d flows", m.ID, m.Flags, len(m.Bands), m.Flows()))
		return true
	})
	return strings.Join(lines, "; ")
}

func (s *story) wantMeters(want string) {
	s.Helper()
	if got := s.dumpMeters(); got != want {
		s.Errorf("meters are %q, want %q", got, want)
	}
}

func throughMeter(id uint32) func(*ofp.FlowMod) {
	return instructions(ofp.Instructions{Has: 1 << ofp.InstrMeter, Meter: id})
}

func TestMeterRefusals(t *testing.T) {
	b := dropBand(10, 0)
	for _, tc := range []struct {
		what string
		m    *ofp.MeterMod
		want ofp.Code
	}{
		{"command", meterMod(3, 1, kbps, b), ofp.MeterModFailedBadCommand},
		{"good", meterMod(ofp.MeterAdd, 1, kbps, b), ok},
		{"all flags", meterMod(ofp.MeterAdd, 1, kbps|burst|ofp.MeterFlagStats, b), ok},
		{"no unit", meterMod(ofp.MeterAdd, 1, 0, b), ok},
		{"both units", meterMod(ofp.MeterAdd, 1, kbps|pktps, b), ofp.MeterModFailedBadFlags},
		{"unknown flag", meterMod(ofp.MeterAdd, 1, 16, b), ofp.MeterModFailedBadFlags},
		{"highest number", meterMod(ofp.MeterAdd, ofp.MeterMax, kbps, b), ok},
		{"number 0", meterMod(ofp.MeterAdd, 0, kbps, b), ofp.MeterModFailedInvalidMeter},
		{"number 0", meterMod(ofp.MeterModify, 0, kbps, b), ofp.MeterModFailedInvalidMeter},
		{"reserved", meterMod(ofp.MeterAdd, ofp.MeterMax+1, kbps, b), ofp.MeterModFailedInvalidMeter},
		{"all", meterMod(ofp.MeterAdd, ofp.MeterAll, kbps, b), ofp.MeterModFailedInvalidMeter},
		{"modify all", meterMod(ofp.MeterModify, ofp.MeterAll, kbps, b), ofp.MeterModFailedInvalidMeter},
		{"controller", meterMod(ofp.MeterAdd, ofp.MeterController, pktps, b), ok},
		{"slow path", meterMod(ofp.MeterAdd, ofp.MeterSlowpath, pktps, b), ok},
		{"modify controller", meterMod(ofp.MeterModify, ofp.MeterController, pktps, b), ofp.MeterModFailedUnknownMeter},
		{"exists", meterMod(ofp.MeterAdd, 50, kbps, b), ofp.MeterModFailedMeterExists},
		{"unknown", meterMod(ofp.MeterModify, 51, kbps, b), ofp.MeterModFailedUnknownMeter},
		{"modify", meterMod(ofp.MeterModify, 50, pktps, b), ok},
		{"no band", meterMod(ofp.MeterAdd, 1, kbps), ofp.MeterModFailedOutOfBands},
		{"no band", meterMod(ofp.MeterModify, 50, kbps), ofp.MeterModFailedOutOfBands},
		{"16 bands", meterMod(ofp.MeterAdd, 1, kbps, slices.Repeat([]ofp.MeterBand{b}, 16)...), ok},
		{"17 bands", meterMod(ofp.MeterAdd, 1, kbps, slices.Repeat([]ofp.MeterBand{b}, 17)...), ofp.MeterModFailedOutOfBands},
		{"rate 0", meterMod(ofp.MeterAdd, 1, kbps, b, dropBand(0, 1)), ofp.MeterModFailedBadRate},
		{"rate 0", meterMod(ofp.MeterModify, 50, kbps, dropBand(0, 1)), ofp.MeterModFailedBadRate},
		{"band type 0", meterMod(ofp.MeterAdd, 1, kbps, ofp.MeterBand{Rate: 1}), ofp.MeterModFailedBadBand},
		{"band type 3", meterMod(ofp.MeterAdd, 1, kbps, ofp.MeterBand{Type: 3, Rate: 1}), ofp.MeterModFailedBadBand},
		{"band of an experimenter", meterMod(ofp.MeterAdd, 1, kbps, ofp.MeterBand{Type: ofp.MeterBandExperimenter, Rate: 1}), ofp.MeterModFailedBadBand},
		{"remark by 0", meterMod(ofp.MeterAdd, 1, kbps, remarkBand(1, 0, 0)), ok},
		{"remark by 2", meterMod(ofp.MeterAdd, 1, kbps, remarkBand(1, 0, 2)), ok},
		{"remark by 3", meterMod(ofp.MeterAdd, 1, kbps, remarkBand(1, 0, 3)), ofp.MeterModFailedBadBandValue},
		{"burst 0 with the flag", meterMod(ofp.MeterAdd, 1, kbps|burst, b), ok},

		{"delete unknown", meterMod(ofp.MeterDelete, 1, 0), ok},
		{"delete 0", meterMod(ofp.MeterDelete, 0, 0), ok},
		{"delete all", meterMod(ofp.MeterDelete, ofp.MeterAll, 0), ok},
		{"delete with anything", meterMod(ofp.MeterDelete, 50, 0xffff, ofp.MeterBand{}), ok},
	} {
		t.Run(tc.what, func(t *testing.T) {
			s := newStory(t)
			s.meter(meterMod(ofp.MeterAdd, 50, kbps, b))
			if tc.want == ok {
				s.meter(tc.m)
				return
			}
			before := s.dumpMeters()
			if c, err := s.tryMeter(tc.m); code(err) != tc.want || c != nil {
				t.Errorf("%+v: answered %v and %v, want %v", *tc.m, c, err, tc.want)
			}
			s.wantMeters(before)
		})
	}
}

func TestMeterLimits(t *testing.T) {
	b := dropBand(10, 0)
	for _, tc := range []struct {
		what string
		lim  func(*Limits)
		m    *ofp.MeterMod
		want ofp.Code
	}{
		{"default", func(l *Limits) { *l = DefaultLimits() }, meterMod(ofp.MeterAdd, 1, 0, b), ofp.MeterModFailedBadBand},
		{"default", func(l *Limits) { *l = DefaultLimits() }, meterMod(ofp.MeterDelete, ofp.MeterAll, 0), ok},
		{"full", func(l *Limits) { l.Meters.Max = 1 }, meterMod(ofp.MeterAdd, 1, kbps, b), ofp.MeterModFailedOutOfMeters},
		{"full, virtual", func(l *Limits) { l.Meters.Max = 1 }, meterMod(ofp.MeterAdd, ofp.MeterController, kbps, b), ok},
		{"full, modify", func(l *Limits) { l.Meters.Max = 1 }, meterMod(ofp.MeterModify, 50, kbps, b), ok},
		{"bands", func(l *Limits) { l.Meters.MaxBands = 1 }, meterMod(ofp.MeterAdd, 1, kbps, b, b), ofp.MeterModFailedOutOfBands},
		{"type", func(l *Limits) { l.Meters.BandTypes = 1 << ofp.MeterBandDrop }, meterMod(ofp.MeterAdd, 1, kbps, remarkBand(1, 0, 1)), ofp.MeterModFailedBadBand},
		{"flags", func(l *Limits) { l.Meters.Flags = kbps }, meterMod(ofp.MeterAdd, 1, pktps, b), ofp.MeterModFailedBadFlags},
	} {
		t.Run(tc.what, func(t *testing.T) {
			tables := NewTables()
			l := able(tables)
			for _, id := range []uint32{50, ofp.MeterSlowpath} {
				if _, err := tables.ApplyMeter(meterMod(ofp.MeterAdd, id, kbps, b), 1, 0, l); err != nil {
					t.Fatal(err)
				}
			}
			tc.lim(&l)
			if _, err := tables.ApplyMeter(tc.m, 2, 0, l); code(err) != tc.want {
				t.Errorf("%+v: %v, want %v", *tc.m, err, tc.want)
			}
		})
	}
	// A meter that went leaves room.
	tables := NewTables()
	l := able(tables)
	l.Meters.Max = 1
	for i, m := range []*ofp.MeterMod{meterMod(ofp.MeterAdd, 1, kbps, b), meterMod(ofp.MeterDelete, 1, 0), meterMod(ofp.MeterAdd, 2, kbps, b)} {
		if _, err := tables.ApplyMeter(m, 1, 0, l); err != nil {
			t.Errorf("step %d: %v", i, err)
		}
	}
}

func TestMeterDeleteRemovesFlows(t *testing.T) {
	s := newStory(t)
	s.meter(meterMod(ofp.MeterAdd, 1, kbps, dropBand(10, 0)))
	s.meter(meterMod(ofp.MeterAdd, 2, kbps, dropBand(10, 0)))
	s.meter(meterMod(ofp.MeterAdd, ofp.MeterController, kbps, dropBand(10, 0)))
	s.add(1, "tcp", throughMeter(1), flags(ofp.FlowSendFlowRem))
	s.add(2, "tcp", throughMeter(1), table(4))
	s.add(3, "tcp", throughMeter(2))
	s.add(4, "tcp")
	for _, id := range []uint32{0, 3, ofp.MeterController, ofp.MeterAll} {
		s.wantRefusal(s.mod(ofp.FlowAdd, 9, "", throughMeter(id)), ofp.MeterModFailedInvalidMeter)
		s.wantRefusal(s.mod(ofp.FlowModify, 9, "", throughMeter(id)), ofp.MeterModFailedInvalidMeter)
	}
	s.wantMeters("0x1 kbps 1 bands, 2 flows; 0x2 kbps 1 bands, 1 flows; 0xfffffffe kbps 1 bands, 0 flows")
	s.do(s.mod(ofp.FlowModifyStrict, 4, "tcp", throughMeter(1)))
	s.do(s.mod(ofp.FlowModifyStrict, 1, "tcp", throughMeter(2)))
	s.do(s.mod(ofp.FlowDeleteStrict, 3, "tcp"))
	s.wantMeters("0x1 kbps 1 bands, 2 flows; 0x2 kbps 1 bands, 1 flows; 0xfffffffe kbps 1 bands, 0 flows")
	c := s.meter(meterMod(ofp.MeterDelete, 2, 0))
	if len(c.Removed) != 1 || c.Removed[0].Reason != ofp.RemovedDelete || !c.Removed[0].Notify() {
		t.Errorf("removed %+v", c.Removed)
	}
	s.wantDump("0/4 tcp; 4/2 tcp")
	c = s.meter(meterMod(ofp.MeterDelete, ofp.MeterAll, 0))
	if len(c.Removed) != 2 || len(c.Meters) != 2 {
		t.Errorf("changed %+v", c)
	}
	s.wantDump("")
	s.wantMeters("")
}

func TestMeterStats(t *testing.T) {
	s := newStory(t)
	bands := []ofp.MeterBand{remarkBand(100, 7, 1), dropBand(200, 0)}
	flags := pktps | ofp.MeterFlagStats
	s.meter(meterMod(ofp.MeterAdd, 9, flags, bands...))
	s.meter(meterMod(ofp.MeterAdd, 3, kbps, dropBand(1, 0)))
	s.add(1, "", throughMeter(9))
	m := s.Meter(9, s.v)
	for range 20 {
		m.Run(s.now, 1, 100)
	}
	want := &ofp.MeterStats{MeterID: 9, FlowCount: 1, PacketInCount: 20, ByteInCount: 2000, DurationSec: 2, DurationNsec: 500e6,
		Bands: []ofp.MeterBandStats{{PacketCount: 5, ByteCount: 500}, {PacketCount: 10, ByteCount: 1000}}}
	if got := m.Stats(s.now + 5*second/2); !reflect.DeepEqual(got, want) {
		t.Errorf("statistics are %+v, want %+v", got, want)
	}
	// As it was sent, for a controller that compares.
	if got := m.Config(); !reflect.DeepEqual(got, &ofp.MeterConfig{Flags: flags, MeterID: 9, Bands: bands}) {
		t.Errorf("configuration is %+v", got)
	}
	// A modify continues the meter's counters, begins those of the bands, and
	// leaves the duration.
	s.now += second
	c := s.meter(meterMod(ofp.MeterModify, 9, kbps, dropBand(5, 0)))
	m.Run(s.now, 1, 1) // still under way in the old edition
	want = &ofp.MeterStats{MeterID: 9, FlowCount: 1, PacketInCount: 21, ByteInCount: 2001, DurationSec: 1, Bands: []ofp.MeterBandStats{{}}}
	if got := s.Meter(9, s.v).Stats(s.now); !reflect.DeepEqual(got, want) {
		t.Errorf("statistics are %+v after a modify, want %+v", got, want)
	}
	if s.Meter(9, s.v-1) != m || m.VisibleAt(s.v) || !s.MeterChanged(s.v-1, s.v, 9) || s.MeterChanged(s.v, s.v, 9) || s.MeterChanged(s.v-1, s.v, 3) {
		t.Error("editions are not told apart by version")
	}
	s.UnlinkAll(c)
	if s.Meter(9, s.v-1) != nil || s.Meter(9, s.v) == nil {
		t.Error("the old edition is not unlinked")
	}
	for _, tc := range []struct {
		id   uint32
		want string
	}{{ofp.MeterAll, "[3 9]"}, {9, "[9]"}, {4, "[]"}} {
		ids := []uint32{}
		found := s.EachMeter(tc.id, s.v, func(m *Meter) bool { ids = append(ids, m.ID); return true })
		if got := fmt.Sprint(ids); got != tc.want || found != (len(ids) > 0) {
			t.Errorf("request for %#x: %s and %v, want %s", tc.id, got, found, tc.want)
		}
	}
	lim := DefaultMeterLimits()
	if got, want := lim.MeterFeatures(), (&ofp.MeterFeatures{MaxMeters: 1 << 18, BandTypes: 6, Capabilities: 15, MaxBands: 16, MaxColor: 2}); *got != *want {
		t.Errorf("features are %+v, want %+v", got, want)
	}
	if got := new(MeterLimits).MeterFeatures(); *got != (ofp.MeterFeatures{}) {
		t.Errorf("features of a switch without meters are %+v", got)
	}
}

// A modify is no way to a new burst, where rate and burst stay.
func TestMeterModifyKeepsBuckets(t *testing.T) {
	s := newStory(t)
	s.meter(meterMod(ofp.MeterAdd, 1, pktps|burst, dropBand(10, 3)))
	run := func() (passed int) {
		for range 5 {
			if drop, _ := s.Meter(1, s.v).Run(s.now, 1, 100); !drop {
				passed++
			}
		}
		return passed
	}
	for i, tc := range []struct {
		bands []ofp.MeterBand
		flags ofp.MeterFlags
		want  int
	}{
		{nil, 0, 3},
		{[]ofp.MeterBand{dropBand(10, 3)}, pktps | burst, 0},
		{[]ofp.MeterBand{remarkBand(20, 9, 1), dropBand(10, 3)}, pktps | burst, 0},
		{[]ofp.MeterBand{dropBand(10, 4)}, pktps | burst, 4},
		{[]ofp.MeterBand{dropBand(11, 4)}, pktps | burst, 4},
		{[]ofp.MeterBand{dropBand(11, 4)}, kbps | burst, 5},
	} {
		if tc.bands != nil {
			s.meter(meterMod(ofp.MeterModify, 1, tc.flags, tc.bands...))
		}
		if got := run(); got != tc.want {
			t.Errorf("step %d: %d packets passed, want %d", i, got, tc.want)
		}
	}
}
