package ofp

// MeterConfig is one entry of the METER_CONFIG reply: a meter as it was set up
// (OpenFlow 1.3.5 §7.3.5.13). Its request is a MeterRequest.
type MeterConfig struct {
	Flags   MeterFlags
	MeterID uint32
	Bands   []MeterBand
}

const meterConfigLen = 8 // without bands

// Len is the entry's length.
func (c *MeterConfig) Len() int { return meterConfigLen + meterBandsLen(c.Bands) }

// Append encodes the entry.
func (c *MeterConfig) Append(b []byte) []byte {
	b = be.AppendUint16(b, uint16(c.Len()))
	b = be.AppendUint16(b, uint16(c.Flags))
	b = be.AppendUint32(b, c.MeterID)
	return appendMeterBands(b, c.Bands)
}

func decodeMeterConfig(b []byte) (MultipartBody, int, error) {
	n, err := entryLen("meter configuration", b, 0, meterConfigLen, 8)
	if err != nil {
		return nil, 0, err
	}
	c := &MeterConfig{Flags: MeterFlags(be.Uint16(b[2:])), MeterID: be.Uint32(b[4:])}
	if c.Bands, err = decodeMeterBands(b[meterConfigLen:n], true); err != nil {
		return nil, 0, err
	}
	return c, n, nil
}
