package text

import (
	"errors"
	"fmt"
	"strings"

	"ofswitch/ofp"
)

// formatExperimenter prints an experimenter's message: one that is known by its
// name, others with the reason why not, and as a hex dump.
func formatExperimenter(h ofp.Header, m *ofp.Experimenter, o Options) string {
	known, err := m.Parse(h.XID)
	if err != nil {
		return experimenterError(h, m, err)
	}
	head := heading(h, m.Name())
	switch k := known.(type) {
	case *ofp.BundleControl:
		return head + fmt.Sprintf("\n bundle_id=%s type=%v flags=%v\n", altHex(uint64(k.BundleID)), k.Op, k.Flags)
	case *ofp.BundleAdd:
		return formatBundleAdd(h, m, k, o)
	case *ofp.RoleStatus:
		return head + formatRoleStatus(k) + "\n"
	case *ofp.FlowMonitorCancel:
		return head + fmt.Sprintf(" id=%d\n", k.ID)
	case *ofp.SetPacketInFormat:
		return head + " format=" + reasonName(packetInFormats, uint8(min(k.Format, 255))) + "\n"
	}
	return head + "\n" // the messages without a body
}

// experimenterError prints a message that cannot be read. Its name stands in front
// if it has one, and the right length.
func experimenterError(h ofp.Header, m *ofp.Experimenter, err error) string {
	msg := ofp.Encode(h.XID, m)
	msg[0] = h.Version
	code := err.Error()
	if e := (*ofp.Error)(nil); errors.As(err, &e) {
		code = errorName(e.Code)
		switch e.Code {
		case ofp.BadRequestBadExperimenter, ofp.BadRequestBadExpType, ofp.BadRequestBadLen:
			return "***decode error: " + code + "***\n" + hexDump(msg, true)
		}
	}
	return heading(h, m.Name()) + " ***decode error: " + code + "***\n" + hexDump(msg, true)
}

// packetInFormats are NXPIF_*.
var packetInFormats = []string{ofp.PacketInStandard: "standard", ofp.PacketInNicira: "nxt_packet_in", ofp.PacketInNicira2: "nxt_packet_in2"}

// formatBundleAdd prints the message that is added, too. Only those that can be in
// a bundle are: they do not hold messages themselves.
func formatBundleAdd(h ofp.Header, m *ofp.Experimenter, k *ofp.BundleAdd, o Options) string {
	switch k.Header().Type {
	case ofp.TypeFlowMod, ofp.TypeGroupMod, ofp.TypePortMod, ofp.TypePacketOut, ofp.TypeMeterMod, ofp.TypeTableMod:
	default:
		return experimenterError(h, m, ofp.BundleFailedMsgUnsup.Errorf("%v is not for a bundle", k.Header().Type))
	}
	s := heading(h, m.Name()) + fmt.Sprintf("\n bundle_id=%s flags=%v\n", altHex(uint64(k.BundleID)), k.Flags)
	return s + FormatBytes(k.Message, o)
}

// formatFlowMonitor prints what a flow monitor reports.
func formatFlowMonitor(m *ofp.FlowMonitor, o Options) string {
	s := fmt.Sprintf(" id=%d flags=%v", m.ID, m.Flags)
	if m.OutPort != ofp.PortAny {
		s += " out_port=" + FormatPortNo(m.OutPort, o.Names)
	}
	if m.Table != ofp.TableAll {
		s += fmt.Sprintf(" table=%d", m.Table)
	}
	if match := FormatMatch(&m.Match, o); match != "" {
		s += " " + match
	}
	return s
}

// FormatFlowUpdate prints what a flow monitor tells about one flow, with a space
// in front and no newline.
func FormatFlowUpdate(u *ofp.FlowUpdate, o Options) string {
	if u.Event == ofp.FlowEventAbbrev {
		return fmt.Sprintf(" event=ABBREV xid=%s", altHex(uint64(u.XID)))
	}
	var b strings.Builder
	b.WriteString(" event=" + reasonName([]string{"ADDED", "DELETED", "MODIFIED"}, uint8(min(u.Event, 255))))
	if u.Event == ofp.FlowEventDeleted {
		b.WriteString(" reason=" + reasonName(removedReasons, uint8(min(u.Reason, 255))))
	}
	fmt.Fprintf(&b, " table=%d", u.Table)
	if u.IdleTimeout != 0 {
		fmt.Fprintf(&b, " idle_timeout=%d", u.IdleTimeout)
	}
	if u.HardTimeout != 0 {
		fmt.Fprintf(&b, " hard_timeout=%d", u.HardTimeout)
	}
	fmt.Fprintf(&b, " cookie=%s ", altHex(u.Cookie))
	match := FormatMatch(&u.Match, o)
	b.WriteString(match)
	if u.Instructions.Has != 0 {
		if match != "" {
			b.WriteByte(' ')
		}
		b.WriteString("actions=" + FormatInstructions(&u.Instructions, o))
	}
	return b.String()
}

// formatExperimenterRequest prints an experimenter's multipart request.
func formatExperimenterRequest(h ofp.Header, m *ofp.MultipartRequest, o Options) string {
	body, err := m.Parse()
	monitors, ok := body.(*ofp.FlowMonitors)
	if err != nil || !ok {
		return multipartError(h, m, err)
	}
	s := heading(h, flowMonitorName(monitors.Experimenter)+" request")
	for i := range monitors.Monitors {
		s += "\n" + formatFlowMonitor(&monitors.Monitors[i], o)
	}
	return s + "\n"
}

// formatExperimenterReply prints an experimenter's multipart reply.
func formatExperimenterReply(h ofp.Header, m *ofp.MultipartReply, o Options) string {
	bodies, err := m.Parse()
	if err != nil || len(bodies) == 0 {
		return multipartError(h, m, err)
	}
	s := ""
	for i, body := range bodies {
		updates, ok := body.(*ofp.FlowUpdates)
		if !ok {
			return multipartError(h, m, nil)
		}
		if i == 0 {
			s = multipartHeading(h, m, flowMonitorName(updates.Experimenter))
		}
		for j := range updates.Updates {
			s += "\n" + FormatFlowUpdate(&updates.Updates[j], o)
		}
	}
	return endLine(strings.TrimSuffix(s, " "))
}

func flowMonitorName(experimenter uint32) string {
	if experimenter == ofp.ExperimenterNicira {
		return "NXST_FLOW_MONITOR"
	}
	return "ONFST_FLOW_MONITOR"
}

// multipartError prints an experimenter's multipart that cannot be read.
func multipartError(h ofp.Header, m ofp.Message, err error) string {
	msg := ofp.Encode(h.XID, m)
	msg[0] = h.Version
	if err == nil {
		err = ofp.BadRequestBadLen.Errorf("no experimenter")
	}
	return decodeError(h, msg, err)
}
