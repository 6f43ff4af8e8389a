// Package packet holds Ethernet frames as the data path sees them: bytes with
// headroom, the work that a sender left to the device (partial checksums,
// segmentation), header views, checksums, and the writes that change a header
// field and its checksums together.
//
// # Frames
//
// A Frame is a view of memory that a port lends, a Pool owns or a test made.
// Only the thread that owns a frame touches it. Frame.Shared says that a
// transmit batch reads the same bytes: whoever wants to write clones first.
// No function here looks at Shared; that is the executor's policy.
//
// # Header views
//
// Ethernet, VLAN, PBB, MPLS, ARP, IPv4, IPv6, TCP, UDP, SCTP, ICMPv4 and ICMPv6 are
// byte slices with one getter and one setter per field. They check no lengths:
// whoever makes the view has checked that at least the MinLen bytes of the
// header are there. Their setters fix no checksums.
//
// # Setters of fields
//
// The functions Set* (SetIPv4Src, SetTCPDst, ...) take a Frame whose Layers
// are valid, check every length, and keep all checksums that cover the field
// right, by RFC 1624. A checksum that was wrong before is wrong afterwards by
// the same amount: the switch must not bless damaged packets. Where the
// checksum is partial (Offload.NeedsCsum) only the pseudo header's sum is
// adjusted. They report false, and change nothing, when the frame does not
// have the field.
//
// # Tags and TTLs
//
// PushVLAN, PopVLAN, PushMPLS, PopMPLS, PushPBB and PopPBB change what a frame
// is, CopyTTLOut, CopyTTLIn, DecIPTTL and DecMPLSTTL go from header to header.
// A push needs headroom. When one reports false on a frame with Headroom bytes
// before it, such as a clone, it is not for this frame. Offload moves along
// with the headers. Layers never point at a header that is not there; after a
// pop of a label or I-tag they say nothing of what came to light, and the frame
// is to be extracted again.
//
// # Offload
//
// A Reassembler puts IP fragments together within bounds of memory and time, and
// Fragment cuts what it made for the way out.
//
// FinishChecksum completes a partial checksum, Segment turns a GSO frame into
// the frames that it stands for. Both take offload state from a neighbour who
// may lie: the headers in the frame decide, and what cannot be right is an
// error, never a panic.
package packet
