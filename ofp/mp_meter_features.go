package ofp

// MeterFeatures is the one entry of the METER_FEATURES reply (OpenFlow 1.3.5
// §7.3.5.14). The request has no body.
type MeterFeatures struct {
	MaxMeters    uint32
	BandTypes    uint32 // bit 1<<MeterBandDrop...
	Capabilities uint32 // bits of MeterFlags
	MaxBands     uint8  // of one meter
	MaxColor     uint8  // highest drop precedence
}

const meterFeaturesLen = 16

// Len is the entry's length.
func (*MeterFeatures) Len() int { return meterFeaturesLen }

// Append encodes the entry.
func (f *MeterFeatures) Append(b []byte) []byte {
	b = be.AppendUint32(b, f.MaxMeters)
	b = be.AppendUint32(b, f.BandTypes)
	b = be.AppendUint32(b, f.Capabilities)
	return append(b, f.MaxBands, f.MaxColor, 0, 0)
}

func decodeMeterFeatures(b []byte) (MultipartBody, int, error) {
	return &MeterFeatures{
		MaxMeters:    be.Uint32(b),
		BandTypes:    be.Uint32(b[4:]),
		Capabilities: be.Uint32(b[8:]),
		MaxBands:     b[12],
		MaxColor:     b[13],
	}, meterFeaturesLen, nil
}
