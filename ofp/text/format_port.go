package text

import (
	"fmt"
	"strings"

	"ofswitch/ofp"
)

type bitName struct {
	bit  uint32
	name string
}

var portConfigNames = []bitName{
	{uint32(ofp.PortConfigDown), "PORT_DOWN"},
	{uint32(ofp.PortConfigNoRecv), "NO_RECV"},
	{uint32(ofp.PortConfigNoFwd), "NO_FWD"},
	{uint32(ofp.PortConfigNoPacketIn), "NO_PACKET_IN"},
}

var portStateNames = []bitName{
	{uint32(ofp.PortStateLinkDown), "LINK_DOWN"},
	{uint32(ofp.PortStateBlocked), "BLOCKED"},
	{uint32(ofp.PortStateLive), "LIVE"},
}

// featureNames are OFPPF_*, from bit 0 (OpenFlow 1.3.5 §7.2.1).
var featureNames = strings.Fields(`10MB-HD 10MB-FD 100MB-HD 100MB-FD 1GB-HD 1GB-FD 10GB-FD 40GB-FD 100GB-FD
	1TB-FD OTHER COPPER FIBER AUTO_NEG AUTO_PAUSE AUTO_PAUSE_ASYM`)

var capabilityNames = []bitName{
	{ofp.CapFlowStats, "FLOW_STATS"},
	{ofp.CapTableStats, "TABLE_STATS"},
	{ofp.CapPortStats, "PORT_STATS"},
	{ofp.CapGroupStats, "GROUP_STATS"},
	{ofp.CapIPReasm, "IP_REASM"},
	{ofp.CapQueueStats, "QUEUE_STATS"},
	{ofp.CapPortBlocked, "PORT_BLOCKED"},
}

// bits joins the names of the bits of v; bits without a name do not show, and
// no bit with a name is "0", as ovs-ofctl has it.
func bits(v uint32, names []bitName) string {
	var s []string
	for _, n := range names {
		if v&n.bit != 0 {
			s = append(s, n.name)
		}
	}
	if len(s) == 0 {
		return "0"
	}
	return strings.Join(s, " ")
}

func features(v uint32) string {
	var s []string
	for i, n := range featureNames {
		if v&(1<<i) != 0 {
			s = append(s, n)
		}
	}
	return strings.Join(s, " ")
}

// FormatPort prints a port's description as show and dump-ports-desc do, with a
// newline at the end.
func FormatPort(p *ofp.PortDesc) string {
	var b strings.Builder
	b.WriteString(" " + FormatPortNo(p.Port, nil) + "(" + printable(p.Name) + "): addr:" + formatMAC(p.HWAddr) + "\n")
	fmt.Fprintf(&b, "     config:     %s\n", bits(uint32(p.Config), portConfigNames))
	fmt.Fprintf(&b, "     state:      %s\n", bits(uint32(p.State), portStateNames))
	for _, f := range []struct {
		label string
		value uint32
	}{{"current:   ", p.Curr}, {"advertised:", p.Advertised}, {"supported: ", p.Supported}, {"peer:      ", p.Peer}} {
		if s := features(f.value); s != "" {
			fmt.Fprintf(&b, "     %s %s\n", f.label, s)
		}
	}
	fmt.Fprintf(&b, "     speed: %d Mbps now, %d Mbps max\n", p.CurrSpeed/1000, p.MaxSpeed/1000)
	return b.String()
}

// printable leaves out of a switch's string what would act on a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return -1
		}
		return r
	}, s)
}

// FormatPortStats prints a port's counters as dump-ports does, with a newline at
// the end.
func FormatPortStats(s *ofp.PortStats, o Options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  port %s: rx pkts=%s, bytes=%s, drop=%s, errs=%s, frame=%s, over=%s, crc=%s\n",
		padPort(s.Port, o.Names), counter(s.RxPackets), counter(s.RxBytes), counter(s.RxDropped), counter(s.RxErrors),
		counter(s.RxFrameErr), counter(s.RxOverErr), counter(s.RxCRCErr))
	fmt.Fprintf(&b, "           tx pkts=%s, bytes=%s, drop=%s, errs=%s, coll=%s\n",
		counter(s.TxPackets), counter(s.TxBytes), counter(s.TxDropped), counter(s.TxErrors), counter(s.Collisions))
	if d := duration(s.DurationSec, s.DurationNsec); d != "?" {
		fmt.Fprintf(&b, "           duration=%s\n", d)
	}
	return b.String()
}

// TableStatsPrinter prints tables one after the other, and a run of equal ones as
// "tables 2...5: ditto". The zero value is ready for use.
type TableStatsPrinter struct {
	prev        ofp.TableStats // of the last block printed in full
	started     bool
	first, last ofp.TableID // the run not printed yet
	pending     bool
}

// Add takes the next table and gives the text that is ready to be printed.
func (p *TableStatsPrinter) Add(s *ofp.TableStats) string {
	if p.started && s.ActiveCount == p.prev.ActiveCount && s.LookupCount == p.prev.LookupCount && s.MatchedCount == p.prev.MatchedCount {
		if !p.pending {
			p.first = s.Table
		}
		p.last, p.pending = s.Table, true
		return ""
	}
	out := p.Flush()
	if p.started {
		out += "\n"
	}
	p.prev, p.started = *s, true
	return out + fmt.Sprintf("  table %d:\n    active=%d, lookup=%d, matched=%d\n", s.Table, s.ActiveCount, s.LookupCount, s.MatchedCount)
}

// Flush gives the text of a run that has ended.
func (p *TableStatsPrinter) Flush() string {
	if !p.pending {
		return ""
	}
	p.pending = false
	if p.first == p.last {
		return fmt.Sprintf("\n  table %d: ditto\n", p.first)
	}
	return fmt.Sprintf("\n  tables %d...%d: ditto\n", p.first, p.last)
}
