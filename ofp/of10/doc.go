// Package of10 is OpenFlow 1.0 on the wire, with the Nicira extensions that
// ovs-ofctl and controllers of its time use over it (NXM matches, flow-mods
// with a table, packet-ins with a match, groups). It has no messages of its own for
// what OpenFlow 1.3 has too: it decodes into the values of package ofp and
// encodes these, so that a switch has one idea of a flow entry.
//
// # The Codec
//
// A Codec belongs to one connection. Kind says which message of OpenFlow 1.3 a
// message stands for, Decode reads it, Apply carries out what concerns the
// connection alone (formats), Encode writes replies and asynchronous messages,
// Writer the entries of statistics. AppendError turns the error codes of
// OpenFlow 1.3 into those of 1.0, and into Nicira's where 1.0 has none.
//
// # What is translated
//
//   - Ports have 16 bits. 0xff00 and up are the reserved ones; a port whose
//     number fits in no 16 bits does not exist for the peer.
//   - A match is a set of wildcards, or a list of NXM fields. Fields without
//     their prerequisites are left out of the former, as Open vSwitch does, and
//     refused in the latter.
//   - A flow-mod is Legacy (see ofp.FlowMod): a modify adds what it does not find
//     and sets the cookie, and actions need not fit the match.
//   - SET_VLAN_VID and the like, which push a tag if there is none, are the
//     actions of ofp that OpenFlow 1.3 has no single number for.
//   - goto_table is, as with Open vSwitch, a resubmit that stands last.
//   - Groups have the form of OpenFlow 1.5: buckets have numbers, by which commands
//     insert and remove them (ofp.GroupInsertBuckets...).
//   - What has no counterpart in OpenFlow 1.0 (an action set, a meter) is left out
//     of what is sent: 1.3 shows the whole entry.
//
// # Errors
//
// Decode refuses with an *ofp.Error. A message is decoded whole or not at all.
//
// # Thread-safety
//
// A Codec is for the goroutine that reads its connection, but for the encoding of
// asynchronous messages (Encode of *ofp.PacketIn, *ofp.FlowRemoved and
// *ofp.PortStatus), which any goroutine may do.
package of10
