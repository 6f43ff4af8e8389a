package text

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ofswitch/ofp"
)

// formatQueueID prints a queue's number; all ones is every queue.
func formatQueueID(id uint32) string {
	if id == ofp.QueueAll {
		return "ALL"
	}
	return fmt.Sprint(id)
}

// FormatQueueStats prints a queue's counters as queue-stats does, with a newline
// at the end.
func FormatQueueStats(s *ofp.QueueStats, o Options) string {
	return fmt.Sprintf("  port %s queue %s: bytes=%s, pkts=%s, errors=%s, duration=%s\n", FormatPortNo(s.Port, o.Names), formatQueueID(s.QueueID),
		counter(s.TxBytes), counter(s.TxPackets), counter(s.TxErrors), duration(s.DurationSec, s.DurationNsec))
}

// formatQueueConfig prints the queues of a port by their numbers. As with
// ovs-ofctl, a port without queues is not named.
func formatQueueConfig(m *ofp.QueueGetConfigReply, o Options) string {
	if len(m.Queues) == 0 {
		return ""
	}
	queues := slices.Clone(m.Queues)
	slices.SortStableFunc(queues, func(a, b ofp.PacketQueue) int { return cmp.Compare(a.QueueID, b.QueueID) })
	var b strings.Builder
	b.WriteString(" port=" + FormatPortNo(m.Port, o.Names) + "\n")
	for i := range queues {
		b.WriteString(formatQueue(&queues[i]))
	}
	return b.String()
}

func formatQueue(q *ofp.PacketQueue) string {
	rates := map[ofp.QueuePropertyType]uint16{ofp.QueueMinRate: ofp.QueueRateUnset, ofp.QueueMaxRate: ofp.QueueRateUnset}
	for _, p := range q.Properties {
		if _, ok := rates[p.Type]; ok {
			rates[p.Type] = p.Rate
		}
	}
	s := fmt.Sprintf("queue %d:", q.QueueID)
	for _, t := range []ofp.QueuePropertyType{ofp.QueueMinRate, ofp.QueueMaxRate} {
		switch rate := rates[t]; {
		case rate == ofp.QueueRateUnset:
		case rate > ofp.QueueRateMax:
			s += fmt.Sprintf(" %v:(disabled)", t)
		default:
			s += fmt.Sprintf(" %v:%d.%d%%", t, rate/10, rate%10)
		}
	}
	return s + "\n"
}
