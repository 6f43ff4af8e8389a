package ofp

import "ofswitch/ofp/internal/octets"

// Desc is the one entry of the DESC reply (OpenFlow 1.3.5 §7.3.5.1). Each text
// is cut off at 255 bytes, Serial at 31.
type Desc struct{ Mfr, HW, SW, Serial, DP string }

const (
	descStrLen   = 256
	descSerLen   = 32
	descLen      = 4*descStrLen + descSerLen
	descSerialAt = 3 * descStrLen
	descDPAt     = descSerialAt + descSerLen
)

// Len is the entry's length.
func (*Desc) Len() int { return descLen }

// Append encodes the entry.
func (d *Desc) Append(b []byte) []byte {
	b = octets.AppendString(b, d.Mfr, descStrLen)
	b = octets.AppendString(b, d.HW, descStrLen)
	b = octets.AppendString(b, d.SW, descStrLen)
	b = octets.AppendString(b, d.Serial, descSerLen)
	return octets.AppendString(b, d.DP, descStrLen)
}

func decodeDesc(b []byte) (MultipartBody, int, error) {
	return &Desc{
		Mfr:    cString(b[:descStrLen]),
		HW:     cString(b[descStrLen : 2*descStrLen]),
		SW:     cString(b[2*descStrLen : descSerialAt]),
		Serial: cString(b[descSerialAt:descDPAt]),
		DP:     cString(b[descDPAt:descLen]),
	}, descLen, nil
}
