package text

import (
	"fmt"
	"strconv"
	"strings"

	"ofswitch/flow"
	"ofswitch/ofp"
)

// Options say how things are to be printed. The zero value prints ports as
// numbers, and flows without statistics.
type Options struct {
	// Stats adds what changes while a flow is in use: cookie 0, table 0,
	// duration and counters are printed too.
	Stats bool
	// Names gives a port's name, or "". Nil: numbers.
	Names func(port uint32) string
	// Tables gives a flow table's name, or "". Nil: numbers.
	Tables func(table ofp.TableID) string
	// Verbosity 3 and more adds a hex dump to packets, as ovs-ofctl -mmm does.
	Verbosity int
}

// FormatMatch prints a match; the empty string is the match of all frames.
func FormatMatch(m *flow.Match, o Options) string {
	return m.Format(o.Names)
}

// priorityMatch prints priority and match. The default priority is not printed.
func priorityMatch(priority uint16, m *flow.Match, o Options) string {
	s := FormatMatch(m, o)
	if priority == defaultPriority {
		return s
	}
	if s != "" {
		s = "," + s
	}
	return fmt.Sprintf("priority=%d%s", priority, s)
}

// duration prints seconds and nanoseconds as ovs-ofctl does: no trailing zeros,
// but whole milliseconds have three digits; "?" when the switch does not know.
func duration(sec, nsec uint32) string {
	if sec == 0xffffffff {
		return "?"
	}
	return exactDuration(sec, nsec)
}

// exactDuration is duration where the switch must know.
func exactDuration(sec, nsec uint32) string {
	s := strconv.FormatUint(uint64(sec), 10)
	switch {
	case nsec == 0:
	case nsec%1e6 == 0:
		s += fmt.Sprintf(".%03d", nsec/1e6)
	default:
		s += strings.TrimRight(fmt.Sprintf(".%09d", nsec), "0")
	}
	return s + "s"
}

// counter prints a count; all ones is "not known".
func counter(n uint64) string {
	if n == ^uint64(0) {
		return "?"
	}
	return strconv.FormatUint(n, 10)
}

// flagText prints the flags, each followed by a space.
func flagText(flags ofp.FlowFlags) string {
	var b strings.Builder
	for _, f := range flagWords {
		if flags&f.flag != 0 {
			b.WriteString(f.word + " ")
			flags &^= f.flag
		}
	}
	if flags != 0 {
		fmt.Fprintf(&b, "flags:%#x ", uint16(flags))
	}
	return b.String()
}

// FormatFlowStats prints a flow as dump-flows does, with a space in front and no
// newline:
//
//	cookie=0x0, duration=1.234s, table=0, n_packets=1, n_bytes=98, priority=10,in_port=1 actions=output:2
func FormatFlowStats(fs *ofp.FlowStats, o Options) string {
	var b strings.Builder
	b.WriteByte(' ')
	if o.Stats || fs.Cookie != 0 {
		fmt.Fprintf(&b, "cookie=%#x, ", fs.Cookie)
	}
	if o.Stats {
		b.WriteString("duration=" + duration(fs.DurationSec, fs.DurationNsec) + ", ")
	}
	if o.Stats || fs.Table != 0 {
		fmt.Fprintf(&b, "table=%s, ", o.tableText(fs.Table))
	}
	if o.Stats {
		b.WriteString("n_packets=" + counter(fs.PacketCount) + ", n_bytes=" + counter(fs.ByteCount) + ", ")
	}
	if fs.IdleTimeout != 0 {
		fmt.Fprintf(&b, "idle_timeout=%d, ", fs.IdleTimeout)
	}
	if fs.HardTimeout != 0 {
		fmt.Fprintf(&b, "hard_timeout=%d, ", fs.HardTimeout)
	}
	b.WriteString(flagText(fs.Flags))
	if m := priorityMatch(fs.Priority, &fs.Match, o); m != "" {
		b.WriteString(m + " ")
	}
	b.WriteString("actions=" + FormatInstructions(&fs.Instructions, o))
	return b.String()
}

// FormatFlow prints a flow-mod as ParseFlow reads it, without its command.
func FormatFlow(fm *ofp.FlowMod, o Options) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	del := fm.Command == ofp.FlowDelete || fm.Command == ofp.FlowDeleteStrict
	if del && fm.Table != ofp.TableAll || !del && fm.Table != 0 {
		add("table=%s", o.tableText(fm.Table))
	}
	if m := priorityMatch(fm.Priority, &fm.Match, o); m != "" {
		add("%s", m)
	}
	if fm.CookieMask != 0 {
		add("cookie=%#x/%#x", fm.Cookie, fm.CookieMask)
	} else if fm.Cookie != 0 {
		add("cookie=%#x", fm.Cookie)
	}
	if fm.IdleTimeout != 0 {
		add("idle_timeout=%d", fm.IdleTimeout)
	}
	if fm.HardTimeout != 0 {
		add("hard_timeout=%d", fm.HardTimeout)
	}
	if del && fm.OutPort != ofp.PortAny {
		add("out_port=%s", FormatPortNo(fm.OutPort, o.Names))
	}
	if del && fm.OutGroup != ofp.GroupAny {
		add("out_group=%d", fm.OutGroup)
	}
	if s := strings.TrimSpace(flagText(fm.Flags)); s != "" {
		add("%s", strings.ReplaceAll(s, " ", ","))
	}
	if !del {
		add("actions=%s", FormatInstructions(&fm.Instructions, o))
	}
	return strings.Join(parts, ",")
}

// FormatFlowMod prints a flow-mod as ovs-ofctl prints that message:
//
//	ADD table:1 priority=10,in_port=1 cookie:0x5 idle:60 send_flow_rem actions=output:2
func FormatFlowMod(fm *ofp.FlowMod, o Options) string {
	var b strings.Builder
	switch fm.Command {
	case ofp.FlowAdd:
		b.WriteString("ADD")
	case ofp.FlowModify:
		b.WriteString("MOD")
	case ofp.FlowModifyStrict:
		b.WriteString("MOD_STRICT")
	case ofp.FlowDelete:
		b.WriteString("DEL")
	case ofp.FlowDeleteStrict:
		b.WriteString("DEL_STRICT")
	default:
		fmt.Fprintf(&b, "cmd:%d", fm.Command)
	}
	if fm.Table != 0 {
		fmt.Fprintf(&b, " table:%d", fm.Table)
	}
	b.WriteByte(' ')
	if m := priorityMatch(fm.Priority, &fm.Match, o); m != "" {
		b.WriteString(m + " ")
	}
	switch {
	case fm.Command == ofp.FlowAdd && fm.Cookie != 0:
		fmt.Fprintf(&b, "cookie:%#x ", fm.Cookie)
	case fm.Command != ofp.FlowAdd && fm.CookieMask != 0:
		fmt.Fprintf(&b, "cookie:%#x/%#x ", fm.Cookie, fm.CookieMask)
	}
	if fm.IdleTimeout != 0 {
		fmt.Fprintf(&b, "idle:%d ", fm.IdleTimeout)
	}
	if fm.HardTimeout != 0 {
		fmt.Fprintf(&b, "hard:%d ", fm.HardTimeout)
	}
	if fm.BufferID != ofp.NoBuffer {
		fmt.Fprintf(&b, "buf:%#x ", fm.BufferID)
	}
	if fm.OutPort != ofp.PortAny {
		b.WriteString("out_port:" + FormatPortNo(fm.OutPort, o.Names) + " ")
	}
	b.WriteString(flagText(fm.Flags))
	b.WriteString("actions=" + FormatInstructions(&fm.Instructions, o))
	return b.String()
}

// FormatFlowDiff prints a flow as diff-flows does:
//
//	table=1 priority=5,ip cookie=0x5 idle_timeout=60 actions=LOCAL
func FormatFlowDiff(fm *ofp.FlowMod, o Options) string {
	var b strings.Builder
	if fm.Table != 0 {
		fmt.Fprintf(&b, "table=%d ", fm.Table)
	}
	if m := priorityMatch(fm.Priority, &fm.Match, o); m != "" {
		b.WriteString(m + " ")
	}
	if fm.Cookie != 0 {
		fmt.Fprintf(&b, "cookie=%#x ", fm.Cookie)
	}
	if fm.IdleTimeout != 0 {
		fmt.Fprintf(&b, "idle_timeout=%d ", fm.IdleTimeout)
	}
	if fm.HardTimeout != 0 {
		fmt.Fprintf(&b, "hard_timeout=%d ", fm.HardTimeout)
	}
	b.WriteString("actions=" + FormatInstructions(&fm.Instructions, o))
	return b.String()
}
