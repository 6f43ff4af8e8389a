package text

import (
	"errors"
	"fmt"
	"strings"

	"ofswitch/ofp"
)

// FormatBytes prints a whole message, header included, as ovs-ofctl ofp-print
// does. What cannot be decoded is printed with the reason, and as a hex dump.
func FormatBytes(msg []byte, o Options) string {
	h, err := ofp.ParseHeader(msg)
	if err != nil {
		return fmt.Sprintf("OpenFlow packet too short (only %d bytes):\n", len(msg)) + hexDump(msg, true)
	}
	if int(h.Length) > len(msg) {
		return fmt.Sprintf("%s\n(***truncated to %d bytes from %d***)\n", heading(h, h.Type.String()), len(msg), h.Length) + hexDump(msg, true)
	}
	m, err := ofp.Decode(h, msg[ofp.HeaderLen:h.Length])
	if err != nil {
		return decodeError(h, msg[:h.Length], err)
	}
	s := FormatMessage(h, m, o)
	if n := len(msg) - int(h.Length); n > 0 {
		s += fmt.Sprintf("(***only uses %d bytes out of %d***)\n", h.Length, len(msg)) + hexDump(msg[h.Length:], true)
	}
	return s
}

func decodeError(h ofp.Header, msg []byte, err error) string {
	code := err.Error()
	if e := (*ofp.Error)(nil); errors.As(err, &e) {
		code = errorName(e.Code)
	}
	s := "***decode error: " + code + "***\n" + hexDump(msg, true)
	if h.Type <= ofp.TypeMeterMod && h.Type != ofp.TypeMultipartRequest && h.Type != ofp.TypeMultipartReply {
		s = heading(h, h.Type.String()) + " " + s
	}
	return s
}

// heading is how every message's text begins: "OFPT_HELLO (OF1.3) (xid=0x1):".
func heading(h ofp.Header, name string) string {
	version := fmt.Sprintf("OF 0x%02x", h.Version)
	if h.Version >= 1 && h.Version <= 6 {
		version = fmt.Sprintf("OF1.%d", h.Version-1)
	}
	return fmt.Sprintf("%s (%s) (xid=%#x):", name, version, h.XID)
}

// FormatMessage prints a message as ovs-ofctl's monitor does. There is a newline
// at the end.
func FormatMessage(h ofp.Header, m ofp.Message, o Options) string {
	head := heading(h, h.Type.String())
	switch m := m.(type) {
	case *ofp.MultipartRequest:
		return formatMultipartRequest(h, m, o)
	case *ofp.MultipartReply:
		return formatMultipartReply(h, m, o)
	case *ofp.Experimenter:
		return formatExperimenter(h, m, o)
	}
	s := head + formatBody(h, m, o)
	if !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	return s
}

// formatBody prints what stands behind the heading.
func formatBody(h ofp.Header, m ofp.Message, o Options) string {
	switch m := m.(type) {
	case *ofp.Hello:
		return formatHello(h, m)
	case *ofp.ErrorMsg:
		return formatErrorMsg(m, o)
	case *ofp.EchoRequest:
		return formatEcho(m.Data)
	case *ofp.EchoReply:
		return formatEcho(m.Data)
	case *ofp.FeaturesReply:
		return formatFeatures(m)
	case *ofp.GetConfigReply:
		return formatConfig(m.Flags, m.MissSendLen)
	case *ofp.SetConfig:
		return formatConfig(m.Flags, m.MissSendLen)
	case *ofp.PacketIn:
		return formatPacketIn(m, o)
	case *ofp.FlowRemoved:
		return formatFlowRemoved(m, o)
	case *ofp.PortStatus:
		return formatPortStatus(m)
	case *ofp.PacketOut:
		return formatPacketOut(m, o)
	case *ofp.FlowMod:
		return " " + FormatFlowMod(m, o)
	case *ofp.PortMod:
		return formatPortMod(m, o)
	case *ofp.TableMod:
		if m.Table == ofp.TableAll {
			return " table_id: ALL_TABLES"
		}
		return fmt.Sprintf(" table_id=%d", m.Table)
	}
	return formatNewerBody(m, o)
}

// formatNewerBody prints the bodies of the messages that OpenFlow 1.0 did not have.
func formatNewerBody(m ofp.Message, o Options) string {
	switch m := m.(type) {
	case *ofp.GroupMod:
		return "\n " + FormatGroupMod(m, o)
	case *ofp.MeterMod:
		return " " + FormatMeterMod(m)
	case *ofp.QueueGetConfigRequest:
		return " port=" + FormatPortNo(m.Port, o.Names)
	case *ofp.QueueGetConfigReply:
		return formatQueueConfig(m, o)
	case *ofp.RoleRequest:
		return formatRole(m.Role, m.GenerationID, true)
	case *ofp.RoleReply:
		return formatRole(m.Role, m.GenerationID, false)
	case *ofp.GetAsyncReply:
		return formatAsync(&m.AsyncConfig)
	case *ofp.SetAsync:
		return formatAsync(&m.AsyncConfig)
	}
	return "" // the messages without a body
}

func formatHello(h ofp.Header, m *ofp.Hello) string {
	versions := m.Versions
	if len(versions) == 0 { // OpenFlow 1.3.5 §7.5.1: all up to the header's
		for v := uint8(1); v <= h.Version && v < 32; v++ {
			versions = ofp.VersionBitmap(1, h.Version)
			versions[0] |= 1<<(v+1) - 2
		}
	}
	var names []string
	for i, w := range versions[:min(len(versions), 8)] { // version numbers have 8 bits
		for b := 0; b < 32; b++ {
			if w&(1<<b) != 0 {
				names = append(names, fmt.Sprintf("0x%02x", i*32+b))
			}
		}
	}
	return "\n version bitmap: " + strings.Join(names, ", ") + "\n"
}

// formatErrorMsg prints the code, and the message that was refused.
func formatErrorMsg(m *ofp.ErrorMsg, o Options) string {
	s := " " + errorName(m.ErrCode()) + "\n"
	if m.ErrType == ofp.ErrHelloFailed {
		return s + escape(m.Data) + "\n"
	}
	if len(m.Data) >= ofp.HeaderLen && ofp.Type(m.Data[1]) == ofp.TypeError {
		// Errors are not answered with errors. Who nests them a thousand deep wants
		// to keep us busy.
		return s + hexDump(m.Data, true)
	}
	return s + FormatBytes(m.Data, o)
}

func formatEcho(data []byte) string {
	return fmt.Sprintf(" %d bytes of payload\n", len(data)) + hexDump(data, true)
}

func formatFeatures(m *ofp.FeaturesReply) string {
	s := fmt.Sprintf(" dpid:%016x\nn_tables:%d, n_buffers:%d", m.DatapathID, m.NumTables, m.NumBuffers)
	if m.AuxiliaryID != 0 {
		s += fmt.Sprintf(", auxiliary_id:%d", m.AuxiliaryID)
	}
	return s + "\ncapabilities: " + bits(m.Capabilities, capabilityNames) + "\n"
}

// fragNames are OFPC_FRAG_*; the fourth is Open vSwitch's.
var fragNames = [...]string{ofp.FragNormal: "normal", ofp.FragDrop: "drop", ofp.FragReasm: "reassemble", 3: "nx-match"}

func formatConfig(flags, missSendLen uint16) string {
	return fmt.Sprintf(" frags=%s miss_send_len=%d", fragNames[flags&ofp.FragMask], missSendLen)
}

// packetInReasons are OFPR_*; those after the third are of later versions.
var packetInReasons = []string{"no_match", "action", "invalid_ttl", "action_set", "group", "packet_out"}

// removedReasons are OFPRR_*; those after the fourth are of later versions.
var removedReasons = []string{"idle", "hard", "delete", "group_delete", "meter_delete", "eviction"}

// reasonName looks a reason up; one without a name is its number.
func reasonName(names []string, n uint8) string {
	if int(n) < len(names) {
		return names[n]
	}
	return fmt.Sprint(n)
}

func formatPacketIn(m *ofp.PacketIn, o Options) string {
	var b strings.Builder
	if m.Table != 0 {
		fmt.Fprintf(&b, " table_id=%d", m.Table)
	}
	if m.Cookie != ^uint64(0) {
		fmt.Fprintf(&b, " cookie=%#x", m.Cookie)
	}
	fmt.Fprintf(&b, " total_len=%d %s (via %s) data_len=%d", m.TotalLen, FormatMatch(&m.Match, o), reasonName(packetInReasons, m.Reason), len(m.Data))
	if m.BufferID == ofp.NoBuffer {
		b.WriteString(" (unbuffered)")
		if int(m.TotalLen) != len(m.Data) {
			b.WriteString(" (***total_len != data_len***)")
		}
	} else {
		fmt.Fprintf(&b, " buffer=0x%08x", m.BufferID)
		if int(m.TotalLen) < len(m.Data) {
			b.WriteString(" (***total_len < data_len***)")
		}
	}
	return b.String() + "\n" + FormatPacket(m.Data, o)
}

func formatPacketOut(m *ofp.PacketOut, o Options) string {
	s := " in_port=" + FormatPortNo(m.InPort, o.Names) + " actions=" + FormatActions(m.Actions, o)
	if m.BufferID != ofp.NoBuffer {
		return s + fmt.Sprintf(" buffer=0x%08x\n", m.BufferID)
	}
	s += fmt.Sprintf(" data_len=%d\n", len(m.Data))
	if len(m.Data) == 0 {
		return s
	}
	return s + FormatPacket(m.Data, o)
}

func formatFlowRemoved(m *ofp.FlowRemoved, o Options) string {
	s := " " + priorityMatch(m.Priority, &m.Match, o) + " reason=" + reasonName(removedReasons, m.Reason)
	s += fmt.Sprintf(" table_id=%d", m.Table)
	if m.Cookie != 0 {
		s += fmt.Sprintf(" cookie:%#x", m.Cookie)
	}
	s += " duration" + duration(m.DurationSec, m.DurationNsec) + fmt.Sprintf(" idle%d", m.IdleTimeout)
	if m.HardTimeout != 0 {
		s += fmt.Sprintf(" hard%d", m.HardTimeout)
	}
	return s + fmt.Sprintf(" pkts%d bytes%d\n", m.PacketCount, m.ByteCount)
}

func formatPortStatus(m *ofp.PortStatus) string {
	return " " + reasonName([]string{"ADD", "DEL", "MOD"}, m.Reason) + ":" + FormatPort(&m.Desc)
}

func formatPortMod(m *ofp.PortMod, o Options) string {
	advertise := features(m.Advertise)
	if advertise == "" {
		advertise = "UNCHANGED"
	}
	return fmt.Sprintf(" port: %s: addr:%s\n     config: %s\n     mask:   %s\n     advertise: %s\n",
		FormatPortNo(m.Port, o.Names), formatMAC(m.HWAddr), bits(uint32(m.Config), portConfigNames), bits(uint32(m.Mask), portConfigNames), advertise)
}
