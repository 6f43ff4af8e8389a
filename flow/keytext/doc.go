// Package keytext reads and writes what a whole frame is as text: every field of its key,
// also those that OpenFlow 1.3 has no name for (TTLs, fragments, TCP flags, further tags and
// labels), in the two syntaxes of Open vSwitch.
//
//   - The syntax of datapaths is that of `ovs-appctl dpctl/dump-flows`:
//     in_port(1),eth(src=...,dst=...),eth_type(0x0800),ipv4(...). It is nested as headers are.
//   - The syntax of OpenFlow is that of matches, as `ovs-appctl ofproto/trace` reads and
//     prints it: in_port=1,tcp,nw_dst=10.0.0.1,nw_ttl=64.
//
// Each writer has a parser that reads back what it writes of one frame.
package keytext
