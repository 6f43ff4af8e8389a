package differential

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

// normal is a message without what is the switch's own: transaction id,
// durations, counters, the names and speeds of ports, and in errors all but type
// and code.
func normal(b []byte) string {
	b = withoutPacketType(b)
	h, err := ofp.ParseHeader(b)
	if err != nil {
		return fmt.Sprintf("no message: %v", err)
	}
	m, err := ofp.Decode(h, b[ofp.HeaderLen:])
	if err != nil {
		return fmt.Sprintf("%v that cannot be read: %v: %x", h.Type, err, b)
	}
	switch m := m.(type) {
	case *ofp.ErrorMsg:
		return fmt.Sprintf("error %d/%d %v", m.ErrType, m.Code, m.ErrCode())
	case *ofp.FeaturesReply:
		return "features"
	case *ofp.FlowRemoved:
		f := *m
		f.DurationSec, f.DurationNsec, f.PacketCount, f.ByteCount = 0, 0, 0, 0
		return fmt.Sprintf("flow-removed %+v", f)
	case *ofp.MultipartReply:
		list := make([]string, 0, len(m.Entries))
		for _, e := range m.Entries {
			if s := normalEntry(e); s != "" {
				list = append(list, s)
			}
		}
		slices.Sort(list)
		return fmt.Sprintf("%s:\n        %s", ofp.MultipartName(m.Kind), strings.Join(list, "\n        "))
	case *ofp.QueueGetConfigReply:
		return fmt.Sprintf("queues of port %d", m.Port)
	}
	h.XID = 0
	return text.FormatMessage(h, m, text.Options{})
}

// normalEntry is an entry of a multipart reply, or empty for what is not
// compared.
func normalEntry(e ofp.MultipartBody) string {
	switch e := e.(type) {
	case *ofp.Desc, *ofp.TableFeatures, *ofp.MeterFeatures, *ofp.GroupFeatures, *ofp.QueueStats:
		return "" // as it may be
	case *ofp.FlowStats:
		f := *e
		f.DurationSec, f.DurationNsec, f.PacketCount, f.ByteCount = 0, 0, 0, 0
		f.Instructions.Order = [6]uint8{}
		if len(f.Instructions.Write) == 0 {
			f.Instructions.Has &^= 1 << ofp.InstrWriteActions // Open vSwitch forgets it
		}
		return strings.TrimSpace(text.FormatFlowStats(&f, text.Options{}))
	case *ofp.AggregateStats:
		return fmt.Sprintf("%d flows", e.FlowCount)
	case *ofp.TableStats:
		if e.ActiveCount == 0 {
			return ""
		}
		return fmt.Sprintf("table %d: %d flows", e.Table, e.ActiveCount)
	case *ofp.PortStats:
		return fmt.Sprintf("port %d", e.Port)
	case *ofp.PortDesc:
		return fmt.Sprintf("port %d: config %#x", e.Port, e.Config)
	case *ofp.GroupStats:
		return fmt.Sprintf("group %d: %d buckets", e.GroupID, len(e.Buckets)) // Open vSwitch does not count the groups that refer to it
	case *ofp.GroupDesc:
		return text.FormatGroup(e, text.Options{})
	case *ofp.MeterStats:
		return fmt.Sprintf("meter %d: %d flows, %d bands", e.MeterID, e.FlowCount, len(e.Bands))
	case *ofp.MeterConfig:
		c := *e
		c.Bands = slices.Clone(c.Bands)
		for i := range c.Bands {
			if d := &c.Bands[i]; d.BurstSize == 0 && c.Flags&ofp.MeterFlagBurst != 0 {
				d.BurstSize = d.Rate // what Open vSwitch makes of it
			}
		}
		return text.FormatMeter(&c)
	}
	return fmt.Sprintf("%T %+v", e, e)
}

// normalAll is a list of answers; parts of a multipart reply are one.
func normalAll(replies [][]byte) string {
	var all []string
	var multi *ofp.MultipartReply
	for _, b := range replies {
		b = withoutPacketType(b)
		h, err := ofp.ParseHeader(b)
		if err == nil && h.Type == ofp.TypeMultipartReply {
			if m, err := ofp.Decode(h, b[ofp.HeaderLen:]); err == nil {
				part := m.(*ofp.MultipartReply)
				if multi != nil {
					part.Entries = append(multi.Entries, part.Entries...)
				}
				if multi = part; part.Flags&ofp.MultipartMore != 0 {
					continue
				}
				multi.Flags = 0
				b, multi = ofp.Encode(0, multi), nil
				if len(b) > ofp.MaxLen {
					all = append(all, "a long multipart reply")
					continue
				}
			}
		}
		all = append(all, normal(b))
	}
	if len(all) == 0 {
		return "no answer"
	}
	return strings.Join(all, "\n    and ")
}

// packetType is the field PACKET_TYPE, of OpenFlow 1.5, of an Ethernet frame.
var packetType = []byte{0x80, 0, 44 << 1, 4, 0, 0, 0, 0}

// withoutPacketType takes the field PACKET_TYPE out of the matches of flow
// statistics and of flow-removed messages: Open vSwitch puts it there.
func withoutPacketType(b []byte) []byte {
	if len(b) < 16 || !bytes.Contains(b, packetType) {
		return b
	}
	var out []byte
	switch {
	case ofp.Type(b[1]) == ofp.TypeFlowRemoved && len(b) >= 56:
		out = cutPacketType(b, 48)
	case ofp.Type(b[1]) == ofp.TypeMultipartReply && be.Uint16(b[8:]) == ofp.MultipartFlow:
		out = slices.Clone(b[:16])
		for b = b[16:]; len(b) >= 56; {
			n := int(be.Uint16(b))
			if n < 56 || n > len(b) {
				break
			}
			e := cutPacketType(b[:n], 48)
			be.PutUint16(e, uint16(len(e)))
			out = append(out, e...)
			b = b[n:]
		}
	default:
		return b
	}
	be.PutUint16(out[2:], uint16(len(out)))
	return out
}

// cutPacketType gives b without the field in the match that begins at an offset.
func cutPacketType(b []byte, match int) []byte {
	b = slices.Clone(b)
	size := int(be.Uint16(b[match+2:]))
	for at := match + 4; at+8 <= match+size && at+8 <= len(b); at += 4 + int(b[at+3]) {
		if bytes.Equal(b[at:at+8], packetType) {
			be.PutUint16(b[match+2:], uint16(size-8))
			return slices.Delete(b, at, at+8)
		}
	}
	return b
}
