package text

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ofswitch/ofp"
)

// multipartName is ovs-ofctl's name, which is that of OpenFlow 1.0 where there
// is one: "OFPST_PORT" for OFPMP_PORT_STATS.
func multipartName(kind uint16) string {
	if kind == ofp.MultipartPortStats {
		return "OFPST_PORT"
	}
	return strings.Replace(ofp.MultipartName(kind), "OFPMP_", "OFPST_", 1)
}

func formatMultipartRequest(h ofp.Header, m *ofp.MultipartRequest, o Options) string {
	s := heading(h, multipartName(m.Kind)+" request")
	switch body := m.Body.(type) {
	case *ofp.FlowStatsRequest:
		if body.Table != ofp.TableAll {
			s += fmt.Sprintf(" table=%d", body.Table)
		}
		if body.OutPort != ofp.PortAny {
			s += " out_port=" + FormatPortNo(body.OutPort, o.Names)
		}
		if match := FormatMatch(&body.Match, o); match != "" {
			s += " " + match
		}
	case *ofp.PortStatsRequest:
		s += " port_no=" + FormatPortNo(body.Port, o.Names)
	case *ofp.QueueStatsRequest:
		s += " port=" + FormatPortNo(body.Port, o.Names) + " queue=" + formatQueueID(body.QueueID)
	case *ofp.GroupStatsRequest:
		s += " group_id=" + formatGroupID(body.GroupID)
	case *ofp.MeterRequest:
		s += " meter=" + formatMeter(body.MeterID)
	case ofp.TableFeaturesRequest:
		var p TableFeaturesPrinter
		for _, t := range body {
			s += p.Add(t)
		}
		return endLine(s + p.Flush())
	case nil:
		switch m.Kind {
		case ofp.MultipartPortDesc:
			s += " port=ANY"
		case ofp.MultipartGroupDesc:
			s += " group_id=ALL"
		}
	case ofp.RawBody:
		return formatExperimenterRequest(h, m, o)
	default:
		return s + "\n" + hexDump(body.Append(nil), true)
	}
	return s + "\n"
}

// multipartHeading begins the text of a reply message.
func multipartHeading(h ofp.Header, m *ofp.MultipartReply, name string) string {
	s := heading(h, name+" reply")
	if m.Flags != 0 {
		s += " flags="
		if m.Flags&ofp.MultipartMore != 0 {
			s += "[more]"
		}
		if rest := m.Flags &^ ofp.MultipartMore; rest != 0 {
			s += fmt.Sprintf("[***unknown flags 0x%04x***]", rest)
		}
	}
	return s
}

func formatMultipartReply(h ofp.Header, m *ofp.MultipartReply, o Options) string {
	if m.Kind == ofp.MultipartExperimenter {
		return formatExperimenterReply(h, m, o)
	}
	var b strings.Builder
	b.WriteString(multipartHeading(h, m, multipartName(m.Kind)))
	switch m.Kind {
	case ofp.MultipartPortStats:
		fmt.Fprintf(&b, " %d ports\n", len(m.Entries))
	case ofp.MultipartQueue:
		fmt.Fprintf(&b, " %d queues\n", len(m.Entries))
	case ofp.MultipartAggregate:
	case ofp.MultipartTableFeatures: // each table begins with a newline
		var p TableFeaturesPrinter
		for _, e := range m.Entries {
			if t, ok := e.(*ofp.TableFeatures); ok {
				b.WriteString(p.Add(t))
			}
		}
		return endLine(b.String() + p.Flush())
	default:
		b.WriteByte('\n')
	}
	o.Stats = true
	var tables TableStatsPrinter
	for i, e := range sortPorts(m) {
		if i > 0 && (m.Kind == ofp.MultipartMeter || m.Kind == ofp.MultipartMeterConfig) {
			b.WriteByte('\n')
		}
		switch e := e.(type) {
		case *ofp.Desc:
			b.WriteString(FormatDesc(e))
		case *ofp.FlowStats:
			b.WriteString(FormatFlowStats(e, o) + "\n")
		case *ofp.AggregateStats:
			b.WriteString(" " + FormatAggregate(e) + "\n")
		case *ofp.TableStats:
			b.WriteString(tables.Add(e))
		case *ofp.PortStats:
			b.WriteString(FormatPortStats(e, o))
		case *ofp.PortDesc:
			b.WriteString(FormatPort(e))
		case *ofp.QueueStats:
			b.WriteString(FormatQueueStats(e, o))
		case *ofp.GroupStats:
			b.WriteString(FormatGroupStats(e) + "\n")
		case *ofp.GroupDesc:
			b.WriteString(" " + FormatGroup(e, o) + "\n")
		case *ofp.GroupFeatures:
			b.WriteString(FormatGroupFeatures(e))
		case *ofp.MeterStats:
			b.WriteString(FormatMeterStats(e))
		case *ofp.MeterConfig:
			b.WriteString(FormatMeter(e))
		case *ofp.MeterFeatures:
			b.WriteString(FormatMeterFeatures(e))
		default: // the kinds that are not spelled out
			b.WriteString(hexDump(e.Append(nil), true))
		}
	}
	b.WriteString(tables.Flush())
	return b.String()
}

// endLine ends a text with one newline.
func endLine(s string) string { return strings.TrimSuffix(s, "\n") + "\n" }

// sortPorts gives the entries in the order in which they are printed: port
// descriptions by number, others as they came.
func sortPorts(m *ofp.MultipartReply) []ofp.MultipartBody {
	if m.Kind != ofp.MultipartPortDesc {
		return m.Entries
	}
	number := func(e ofp.MultipartBody) ofp.PortNo {
		if d, ok := e.(*ofp.PortDesc); ok {
			return d.Port
		}
		return ofp.PortAny
	}
	sorted := slices.Clone(m.Entries)
	slices.SortStableFunc(sorted, func(a, b ofp.MultipartBody) int { return cmp.Compare(number(a), number(b)) })
	return sorted
}

// FormatDesc prints the switch's description as dump-desc does.
func FormatDesc(d *ofp.Desc) string {
	return fmt.Sprintf("Manufacturer: %s\nHardware: %s\nSoftware: %s\nSerial Num: %s\nDP Description: %s\n",
		printable(d.Mfr), printable(d.HW), printable(d.SW), printable(d.Serial), printable(d.DP))
}

// FormatAggregate prints the sums as dump-aggregate does.
func FormatAggregate(s *ofp.AggregateStats) string {
	return fmt.Sprintf("packet_count=%d byte_count=%d flow_count=%d", s.PacketCount, s.ByteCount, s.FlowCount)
}
