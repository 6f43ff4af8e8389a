package packet

import "encoding/binary"

// FinishChecksum completes the partial checksum of f and clears
// Offload.NeedsCsum. A GSO frame becomes a valid packet of its own size. The
// caller has made sure that f is not shared. On error (ErrCsumRange) nothing
// changes.
func FinishChecksum(f *Frame) error {
	o := &f.Offload
	if !o.NeedsCsum {
		return nil
	}
	b := f.Bytes()
	start := int(o.CsumStart)
	at := start + int(o.CsumOffset)
	if start < EthernetLen || at+2 > len(b) {
		return ErrCsumRange
	}
	if o.IsCRC32c() {
		h, err := findHeaders(b)
		if err == nil && h.proto == ProtoSCTP && h.l4 == start && h.l4+SCTPMinLen <= h.end {
			p := SCTP(b[h.l4:h.end]) // padding does not count
			p.SetChecksum(ChecksumSCTP(p))
			o.clearCsum()
			return nil
		}
	}
	// The field holds the pseudo header's sum and is summed with the rest.
	c := Checksum(b[start:], 0)
	if o.CsumOffset == udpChecksum {
		c = udpSum(c)
	}
	binary.BigEndian.PutUint16(b[at:], c)
	o.clearCsum()
	return nil
}

func (o *Offload) clearCsum() { o.NeedsCsum, o.CsumStart, o.CsumOffset = false, 0, 0 }
