// Package ofp is OpenFlow 1.3.5 on the wire: messages as Go structs, their
// encoding and decoding, and the error codes.
//
// # Layout
//
// A message is a struct with its file: FlowMod in flow_mod.go, PacketIn in
// packet_in.go; a multipart body FlowStats in mp_flow.go. Each has Len and
// Append, which writes exactly Len bytes and never fails, and a decoder in the
// table of decode.go (messages) or multipart.go (multipart bodies). The tables
// state the shape of each body, and a body of another length is refused
// (BAD_LEN) before its decoder runs.
//
// What messages have in common: header.go frames them, match.go and oxm.go
// hold the match, which reads all it knows of a field from flow.Table,
// action.go and instruction.go the actions and instructions, group.go buckets,
// meter.go bands, error_codes.go and error_text.go the 111 error codes.
//
// # Both directions
//
// Everything is encoded and decoded, since a switch and a client (ofctl) both
// use the package.
//
// # Experimenters
//
// Experimenters' messages and multiparts are read in a second step:
// Experimenter.Parse, MultipartRequest.Parse and MultipartReply.Parse, with the
// tables of experimenter.go. Known are ONF's bundles (extension 230), role
// status (191) and flow monitors (187), Nicira's flow monitors and
// SetPacketInFormat. error_experimenter.go has the error codes that belong to
// them.
//
// # Errors
//
// Decode refuses with an *Error that has the type and code of the
// specification; ErrorFor makes the message of it that goes back. A message is
// decoded whole or not at all. Padding is not looked at.
//
// # Memory
//
// Decoded messages own their bytes: the buffer that was decoded can be used
// again at once. Framing (ReadMessage) and dispatch do not allocate; decoding
// allocates what the message keeps.
//
// # Thread-safety
//
// The functions keep no state. Messages are plain data; actions are values and
// nobody writes to them once they are decoded.
package ofp
