package packet

// GSO types, as in struct virtio_net_hdr (linux/virtio_net.h).
const (
	GSONone  = 0    // not a GSO frame
	GSOTCPv4 = 1    // TCP over IPv4
	GSOUDP   = 3    // UDP fragmentation offload (obsolete, may still arrive)
	GSOTCPv6 = 4    // TCP over IPv6
	GSOUDPL4 = 5    // UDP segmentation (USO), IPv4 or IPv6; Linux 6.2
	GSOECN   = 0x80 // or'ed: TCP with ECN, CWR only in the first segment

	// GSORefragment is our own, and never in a virtio-net header: the frame was put
	// together from IP fragments, see Fragment. It is one frame, no GSO frame.
	GSORefragment = 0x7e
)

// Offload is the state of a frame whose sender left work to the device. Field
// meanings are those of struct virtio_net_hdr; offsets count from the start of
// the frame, in bytes.
type Offload struct {
	NeedsCsum  bool   // the checksum at CsumStart+CsumOffset covers CsumStart to the end and holds only the pseudo header's sum
	CsumValid  bool   // the receiver need not verify it
	GSOType    uint8  // GSO*
	CsumStart  uint16 // first byte covered
	CsumOffset uint16 // place of the checksum, from CsumStart
	HdrLen     uint16 // all headers of a GSO frame, in bytes (a hint: may be 0)
	GSOSize    uint16 // payload bytes of each segment

	// With GSORefragment: the longest IP packet that the sender has sent of it, in
	// bytes (0: not known), and the identification of its fragments (IPv6).
	FragmentMax uint16
	FragmentID  uint32
}

// IsGSO says whether the frame stands for several on the wire.
func (o *Offload) IsGSO() bool { return o.GSOType&^GSOECN != GSONone && o.GSOSize != 0 }

// IsCRC32c says whether the partial checksum is SCTP's CRC32c, for which the
// virtio-net header has no name: the kernel would take it for an Internet
// checksum, so it must be finished before a frame is handed on. No other
// transport keeps its checksum at this offset.
func (o *Offload) IsCRC32c() bool { return o.NeedsCsum && o.CsumOffset == sctpChecksum }

// shift moves the offsets by n bytes. What would leave the range of an offset
// can only be a neighbour's lie; it saturates where the checks of
// FinishChecksum find it.
func (o *Offload) shift(n int) {
	if o.NeedsCsum {
		o.CsumStart = moved(o.CsumStart, n)
	}
	if o.HdrLen != 0 {
		o.HdrLen = moved(o.HdrLen, n)
	}
}

func moved(at uint16, n int) uint16 {
	if to := int(at) + n; to >= 0 && to <= 0xffff {
		return uint16(to)
	}
	return 0xffff
}
