package ofp

import (
	"fmt"

	"ofswitch/ofp/internal/octets"
)

// Meter numbers (OpenFlow 1.3.5 §7.3.4.4). The virtual meters slow path and
// controller meter what is processed in software and what goes to controllers.
const (
	MeterMax        uint32 = 0xffff0000 // highest number of a meter of flows; the lowest is 1
	MeterSlowpath   uint32 = 0xfffffffd
	MeterController uint32 = 0xfffffffe
	MeterAll        uint32 = 0xffffffff // of requests and MeterDelete
)

// Meter-mod commands (OpenFlow 1.3.5 §7.3.4.4).
const (
	MeterAdd    = 0
	MeterModify = 1
	MeterDelete = 2
)

// MeterFlags is OFPMF_*.
type MeterFlags uint16

// Meter flags (OpenFlow 1.3.5 §7.3.4.4). Of the two units one at most is set;
// without any the unit is kbit/s.
const (
	MeterFlagKBPS  MeterFlags = 1 << 0 // rates in kbit/s
	MeterFlagPKTPS MeterFlags = 1 << 1 // rates in packets/s
	MeterFlagBurst MeterFlags = 1 << 2 // the bands' burst sizes count
	MeterFlagStats MeterFlags = 1 << 3 // statistics are wanted

	meterFlagsAll = MeterFlagKBPS | MeterFlagPKTPS | MeterFlagBurst | MeterFlagStats
)

var meterFlagNames = []bitName{
	{uint32(MeterFlagKBPS), "kbps"},
	{uint32(MeterFlagPKTPS), "pktps"},
	{uint32(MeterFlagBurst), "burst"},
	{uint32(MeterFlagStats), "stats"},
}

// String lists the flags as ovs-ofctl does; "0": none.
func (f MeterFlags) String() string { return bitNames(uint32(f), meterFlagNames) }

// MeterBandType is OFPMBT_*.
type MeterBandType uint16

// Meter band types (OpenFlow 1.3.5 §7.3.4.4).
const (
	MeterBandDrop         MeterBandType = 1
	MeterBandDSCPRemark   MeterBandType = 2
	MeterBandExperimenter MeterBandType = 0xffff
)

// String is the name as ovs-ofctl writes it: "dscp_remark".
func (t MeterBandType) String() string {
	switch t {
	case MeterBandDrop:
		return "drop"
	case MeterBandDSCPRemark:
		return "dscp_remark"
	case MeterBandExperimenter:
		return "experimenter"
	}
	return fmt.Sprintf("meter band type %d", uint16(t))
}

// MeterBand is what happens to packets above a rate (OpenFlow 1.3.5 §7.3.4.4).
type MeterBand struct {
	Type         MeterBandType
	Rate         uint32 // above it the band is used; in kbit/s or packets/s
	BurstSize    uint32 // in kbit or packets; counts with MeterFlagBurst
	PrecLevel    uint8  // of MeterBandDSCPRemark: by how much the drop precedence rises
	Experimenter uint32 // of MeterBandExperimenter
	Data         []byte // of MeterBandExperimenter, padded with zeros to a multiple of 8
}

const (
	meterBandLen      = 16 // with the 4 bytes that depend on the type
	meterBandStatsLen = 16
)

// Len is the band's length.
func (d *MeterBand) Len() int {
	if d.Type != MeterBandExperimenter {
		return meterBandLen
	}
	return meterBandLen + octets.Pad8(len(d.Data))
}

// Append encodes the band.
func (d *MeterBand) Append(b []byte) []byte {
	b = be.AppendUint16(b, uint16(d.Type))
	b = be.AppendUint16(b, uint16(d.Len()))
	b = be.AppendUint32(b, d.Rate)
	b = be.AppendUint32(b, d.BurstSize)
	if d.Type == MeterBandExperimenter {
		b = be.AppendUint32(b, d.Experimenter)
		b = append(b, d.Data...)
		return octets.Zeros(b, octets.Pad8(len(d.Data))-len(d.Data))
	}
	return append(b, d.PrecLevel, 0, 0, 0)
}

func meterBandsLen(bands []MeterBand) (n int) {
	for i := range bands {
		n += bands[i].Len()
	}
	return n
}

func appendMeterBands(b []byte, bands []MeterBand) []byte {
	for i := range bands {
		b = bands[i].Append(b)
	}
	return b
}

// decodeMeterBands reads bands that take all of b. Experimenters' bands are
// read only from a switch that has some: ours has none. There is no code of
// meters for lengths.
func decodeMeterBands(b []byte, experimenters bool) (bands []MeterBand, err error) {
	for len(b) > 0 {
		if len(b) < meterBandLen {
			return nil, BadRequestBadLen.Errorf("meter band %d cut off: %d bytes are left", len(bands), len(b))
		}
		d, n := MeterBand{Type: MeterBandType(be.Uint16(b)), Rate: be.Uint32(b[4:]), BurstSize: be.Uint32(b[8:])}, int(be.Uint16(b[2:]))
		if n < meterBandLen || n%8 != 0 || n > len(b) {
			return nil, BadRequestBadLen.Errorf("meter band %d says %d bytes, %d are left; want a multiple of 8, at least %d", len(bands), n, len(b), meterBandLen)
		}
		switch {
		case d.Type == MeterBandExperimenter && experimenters:
			d.Experimenter, d.Data = be.Uint32(b[12:]), octets.Clone(b[meterBandLen:n])
		case d.Type == MeterBandExperimenter:
			return nil, MeterModFailedBadBand.Errorf("meter band of experimenter %#x is not known", be.Uint32(b[12:]))
		case d.Type != MeterBandDrop && d.Type != MeterBandDSCPRemark:
			return nil, MeterModFailedBadBand.Errorf("meter band type %d does not exist in OpenFlow 1.3", uint16(d.Type))
		case n != meterBandLen:
			return nil, fixed(meterBandLen).errorf(BadRequestBadLen, d.Type.String()+" meter band", 0, n)
		case d.Type == MeterBandDSCPRemark:
			d.PrecLevel = b[12]
		}
		bands = append(bands, d)
		b = b[n:]
	}
	return bands, nil
}
