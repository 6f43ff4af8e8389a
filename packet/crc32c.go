package packet

import (
	"hash/crc32"
	"math/bits"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ChecksumSCTP is the CRC32c of an SCTP packet as if its checksum field were
// zero, in the order in which SCTP.SetChecksum writes it (RFC 9260 §6.8,
// appendix A). b holds the common header at least.
func ChecksumSCTP(b []byte) uint32 {
	c := crc32.Update(0, castagnoli, b[:sctpChecksum])
	c = crc32.Update(c, castagnoli, blank)
	c = crc32.Update(c, castagnoli, b[SCTPMinLen:])
	return bits.ReverseBytes32(c) // the CRC goes onto the wire with its low byte first
}

// blank stands for the checksum field while the CRC is computed. It is never
// written; on the stack it would be an allocation each time.
var blank = make([]byte, SCTPMinLen-sctpChecksum)
