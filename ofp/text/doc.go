// Package text reads and writes OpenFlow as people do: in the syntax of
// "ovs-ofctl -O OpenFlow13".
//
// # Reading
//
// ParseFlow reads one flow ("table=1,priority=5,ip,nw_dst=10.0.0.0/8,actions=2"),
// ParseFlowFilter what dump-flows and dump-aggregate take, ParseActions and
// ParseInstructions what stands behind "actions=", ParsePacketOut and PacketOut
// the two ways of writing a packet-out. What ovs-ofctl translates for OpenFlow
// 1.3 is translated alike: mod_vlan_vid becomes a set_field, preceded by
// push_vlan where the match does not ask for a tag.
//
// ParseGroup reads one group, ParseMeter one meter, as add-group and add-meter
// take them, ParseFlowMonitor what stands behind "watch:" of the monitor verb.
//
// A wrong piece of text gives a *flow.ParseError that names the keyword, what
// was written for it, and what was expected. Three kinds of mistake that
// ovs-ofctl leaves to the switch, or lets pass, are found here: actions that do
// not fit the match ("tcp_dst is set, but the match does not ask for tcp"),
// numbers that are too large for their field, and Nicira extensions, which are
// named as such.
//
// # Writing
//
// FormatFlowStats, FormatActions, FormatPort and the like give ovs-ofctl's
// words for single things; FormatMessage and FormatBytes print a whole message
// as ovs-ofctl's monitor, snoop and ofp-print do. ParseFlow reads back what
// FormatFlowStats prints, and gets the same flow; so do ParseGroup and ParseMeter
// with what FormatGroup and FormatMeter print.
//
// # Thread-safety
//
// All functions are pure.
package text
