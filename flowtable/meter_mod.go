package flowtable

import (
	"ofswitch/classifier"
	"ofswitch/ofp"
)

// MeterLimits say what meters the switch can do. The zero MeterLimits have none.
type MeterLimits struct {
	Max       int // meters, virtual ones apart
	MaxBands  int // of one meter, at most 255
	BandTypes uint32
	Flags     ofp.MeterFlags
	// MaxColor is the highest drop precedence, beginning with 0: a DSCP_REMARK
	// band cannot raise it by more.
	MaxColor uint8
}

// DefaultMeterLimits are those of a switch that can do all of OpenFlow 1.3's
// meters. Drop precedence has three levels (RFC 2597).
func DefaultMeterLimits() MeterLimits {
	return MeterLimits{
		Max:       1 << 18,
		MaxBands:  16,
		BandTypes: 1<<ofp.MeterBandDrop | 1<<ofp.MeterBandDSCPRemark,
		Flags:     ofp.MeterFlagKBPS | ofp.MeterFlagPKTPS | ofp.MeterFlagBurst | ofp.MeterFlagStats,
		MaxColor:  2,
	}
}

// MeterChange is what a meter-mod did to one meter. Old is nil if it was added,
// New if it was deleted.
type MeterChange struct{ Old, New *Meter }

// ApplyMeter does what a meter-mod says, as of version v, which is not published
// yet (OpenFlow 1.3.5 §6.6). now is nanoseconds of the datapath's clock. Flows
// that use a deleted meter are removed with it and stand in the change.
//
// A refusal is an *ofp.Error and changes nothing.
func (t *Tables) ApplyMeter(m *ofp.MeterMod, v classifier.Version, now int64, sw Limits) (*Change, error) {
	lim := &sw.Meters
	c := new(Change)
	switch m.Command {
	case ofp.MeterAdd, ofp.MeterModify:
		if err := checkMeter(m, lim); err != nil {
			return nil, err
		}
		old := t.meters.current(m.MeterID)
		if m.Command == ofp.MeterAdd && old != nil {
			return nil, ofp.MeterModFailedMeterExists.Errorf("meter %d exists", m.MeterID)
		}
		if m.Command == ofp.MeterModify && old == nil {
			return nil, ofp.MeterModFailedUnknownMeter.Errorf("meter %d cannot be modified: it does not exist", m.MeterID)
		}
		if err := checkBands(m, lim); err != nil {
			return nil, err
		}
		if old == nil && m.MeterID <= ofp.MeterMax && t.realMeters >= lim.Max {
			return nil, ofp.MeterModFailedOutOfMeters.Errorf("meter %d: there are %d meters already", m.MeterID, lim.Max)
		}
		t.putMeter(m, old, v, now, c)
	case ofp.MeterDelete:
		t.deleteMeters(m.MeterID, v, c)
	default:
		return nil, ofp.MeterModFailedBadCommand.Errorf("meter-mod command %d: there are 0 (add), 1 (modify) and 2 (delete)", m.Command)
	}
	t.log(c, v)
	return c, nil
}

// checkMeter checks the number, the flags, and that the bands are of a kind that
// we have.
func checkMeter(m *ofp.MeterMod, lim *MeterLimits) error {
	if bad := m.Flags &^ lim.Flags; bad != 0 {
		return ofp.MeterModFailedBadFlags.Errorf("meter %d: flags %#x are not supported", m.MeterID, uint16(bad))
	}
	if both := ofp.MeterFlagKBPS | ofp.MeterFlagPKTPS; m.Flags&both == both {
		return ofp.MeterModFailedBadFlags.Errorf("meter %d: rates are in kbit/s or in packets/s, not both", m.MeterID)
	}
	for i := range m.Bands {
		if t := m.Bands[i].Type; t > 31 || lim.BandTypes&(1<<t) == 0 {
			return ofp.MeterModFailedBadBand.Errorf("meter %d, band %d: type %v is not supported", m.MeterID, i, t)
		}
	}
	if id := m.MeterID; id == 0 || id > ofp.MeterMax && id != ofp.MeterController && id != ofp.MeterSlowpath {
		return ofp.MeterModFailedInvalidMeter.Errorf("there can be no meter %#x: numbers are 1 to %#x, CONTROLLER and SLOWPATH", id, ofp.MeterMax)
	}
	if len(m.Bands) > lim.MaxBands {
		return ofp.MeterModFailedOutOfBands.Errorf("meter %d: %d bands; a meter may have %d", m.MeterID, len(m.Bands), lim.MaxBands)
	}
	return nil
}

// checkBands checks the bands of a meter that may be put in place. A burst of 0
// asks for one that suits the rate, and no burst is too large: OFPMMFC_BAD_BURST
// cannot occur.
func checkBands(m *ofp.MeterMod, lim *MeterLimits) error {
	if len(m.Bands) == 0 {
		return ofp.MeterModFailedOutOfBands.Errorf("meter %d has no band: it needs one at least", m.MeterID)
	}
	for i := range m.Bands {
		b := &m.Bands[i]
		if b.Rate == 0 {
			return ofp.MeterModFailedBadRate.Errorf("meter %d, band %d: rate 0", m.MeterID, i)
		}
		if b.Type == ofp.MeterBandDSCPRemark && b.PrecLevel > lim.MaxColor {
			return ofp.MeterModFailedBadBandValue.Errorf("meter %d, band %d: drop precedence cannot rise by %d levels; %d at most", m.MeterID, i, b.PrecLevel, lim.MaxColor)
		}
	}
	return nil
}

func (t *Tables) putMeter(m *ofp.MeterMod, old *slot[Meter], v classifier.Version, now int64, c *Change) {
	mt := newMeter(m, now)
	change := MeterChange{New: mt}
	if old != nil {
		change.Old = old.now().value
		mt.succeed(change.Old)
		t.countMeter(change.Old, -1)
	}
	t.countMeter(mt, 1)
	mt.edition = t.meters.put(m.MeterID, mt, v)
	c.Meters = append(c.Meters, change)
}

// deleteMeters removes one meter or all. A number that has none is no error. In
// OpenFlow 1.3 the flows go with the reason DELETE.
func (t *Tables) deleteMeters(id uint32, v classifier.Version, c *Change) {
	var victims []*slot[Meter]
	if id == ofp.MeterAll {
		t.meters.slots.each(func(_ uint32, s *slot[Meter]) bool {
			if s.now() != nil {
				victims = append(victims, s)
			}
			return true
		})
	} else if s := t.meters.current(id); s != nil {
		victims = append(victims, s)
	}
	for _, s := range victims {
		for e := range s.flows {
			t.remove(e, ofp.RemovedDelete, v, c)
		}
		old := s.now().value
		t.meters.end(s, v)
		t.countMeter(old, -1)
		c.Meters = append(c.Meters, MeterChange{Old: old})
	}
}

// countMeter keeps the number of meters, virtual ones apart.
func (t *Tables) countMeter(m *Meter, n int) {
	if m.ID <= ofp.MeterMax {
		t.realMeters += n
	}
}
