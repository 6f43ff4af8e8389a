package ofp

// MeterMod changes the meter table (OpenFlow 1.3.5 §7.3.4.4).
type MeterMod struct {
	Command uint16 // MeterAdd...
	Flags   MeterFlags
	MeterID uint32 // MeterAll with MeterDelete: every meter
	Bands   []MeterBand
}

// Type is TypeMeterMod.
func (*MeterMod) Type() Type { return TypeMeterMod }

// Len is the body's length.
func (m *MeterMod) Len() int { return 8 + meterBandsLen(m.Bands) }

// Append encodes the body.
func (m *MeterMod) Append(b []byte) []byte {
	b = be.AppendUint16(b, m.Command)
	b = be.AppendUint16(b, uint16(m.Flags))
	b = be.AppendUint32(b, m.MeterID)
	return appendMeterBands(b, m.Bands)
}

// meterBandsMax is the number of bands that fit into a meter-stats reply; those
// of a meter-config reply are more. What could never be reported is refused.
const meterBandsMax = (MaxLen - multipartHeaderLen - meterStatsLen) / meterBandStatsLen

// decodeMeterMod reads a meter-mod. Flags and bands make a meter: a deletion
// has none, and what stands in their place is passed over.
func decodeMeterMod(b []byte) (Message, error) {
	m := &MeterMod{Command: be.Uint16(b), MeterID: be.Uint32(b[4:])}
	if m.Command > MeterDelete {
		return nil, MeterModFailedBadCommand.Errorf("meter-mod command %d, want 0 to 2", m.Command)
	}
	if m.Command == MeterDelete {
		return m, nil
	}
	m.Flags = MeterFlags(be.Uint16(b[2:]))
	if bad := m.Flags &^ meterFlagsAll; bad != 0 {
		return nil, MeterModFailedBadFlags.Errorf("meter flags %#x: %#x is not defined in OpenFlow 1.3", uint16(m.Flags), uint16(bad))
	}
	if m.Flags&(MeterFlagKBPS|MeterFlagPKTPS) == MeterFlagKBPS|MeterFlagPKTPS {
		return nil, MeterModFailedBadFlags.Errorf("meter flags %#x: the unit is kbit/s and packets/s", uint16(m.Flags))
	}
	var err error
	if m.Bands, err = decodeMeterBands(b[8:], false); err != nil {
		return nil, err
	}
	if len(m.Bands) > meterBandsMax {
		return nil, MeterModFailedOutOfBands.Errorf("meter-mod with %d bands: more than %d cannot be given back in meter statistics", len(m.Bands), meterBandsMax)
	}
	return m, nil
}
