package text

import (
	"fmt"
	"strings"

	"ofswitch/ofp"
)

// FormatMeter prints a meter as dump-meters does, and as ParseMeter reads it. The
// bands stand on lines of their own; there is a newline at the end.
//
//	meter=1 kbps burst stats bands=
//	type=drop rate=1000 burst_size=100
func FormatMeter(c *ofp.MeterConfig) string {
	var b strings.Builder
	fmt.Fprintf(&b, "meter=%s ", formatMeter(c.MeterID))
	if c.Flags != 0 {
		b.WriteString(bitsOrRest(uint32(c.Flags), meterFlagNames) + " ")
	}
	b.WriteString("bands=\n")
	for i := range c.Bands {
		d := &c.Bands[i]
		fmt.Fprintf(&b, "type=%s rate=%d", formatBandType(d.Type), d.Rate)
		if c.Flags&ofp.MeterFlagBurst != 0 {
			fmt.Fprintf(&b, " burst_size=%d", d.BurstSize)
		}
		switch d.Type {
		case ofp.MeterBandDSCPRemark:
			fmt.Fprintf(&b, " prec_level=%d", d.PrecLevel)
		case ofp.MeterBandExperimenter:
			fmt.Fprintf(&b, " experimenter=%#x", d.Experimenter)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// formatBandType prints a band's type; one without a name is its number.
func formatBandType(t ofp.MeterBandType) string {
	switch t {
	case ofp.MeterBandDrop, ofp.MeterBandDSCPRemark, ofp.MeterBandExperimenter:
		return t.String()
	}
	return fmt.Sprint(uint16(t))
}

var meterFlagNames = []bitName{
	{uint32(ofp.MeterFlagKBPS), "kbps"},
	{uint32(ofp.MeterFlagPKTPS), "pktps"},
	{uint32(ofp.MeterFlagBurst), "burst"},
	{uint32(ofp.MeterFlagStats), "stats"},
}

var meterBandNames = []bitName{
	{1 << ofp.MeterBandDrop, "drop"},
	{1 << ofp.MeterBandDSCPRemark, "dscp_remark"},
}

// bitsOrRest joins the names of the bits of v; what has no name is a number at the
// end, and nothing at all is "0".
func bitsOrRest(v uint32, names []bitName) string {
	var s []string
	for _, n := range names {
		if v&n.bit != 0 {
			s = append(s, n.name)
			v &^= n.bit
		}
	}
	if v != 0 {
		s = append(s, fmt.Sprintf("%#x", v))
	}
	if len(s) == 0 {
		return "0"
	}
	return strings.Join(s, " ")
}

// meterCommands are the meter-mod commands, as ovs-ofctl prints them.
var meterCommands = [...]string{ofp.MeterAdd: "ADD", ofp.MeterModify: "MOD", ofp.MeterDelete: "DEL"}

// FormatMeterMod prints a meter-mod as ovs-ofctl prints that message, with a
// newline at the end.
func FormatMeterMod(m *ofp.MeterMod) string {
	command := fmt.Sprintf("cmd:%d", m.Command)
	if int(m.Command) < len(meterCommands) {
		command = meterCommands[m.Command]
	}
	return command + " " + FormatMeter(&ofp.MeterConfig{Flags: m.Flags, MeterID: m.MeterID, Bands: m.Bands})
}

// FormatMeterStats prints a meter's counters as meter-stats does, with a newline
// at the end.
func FormatMeterStats(s *ofp.MeterStats) string {
	var b strings.Builder
	fmt.Fprintf(&b, "meter:%s flow_count:%d packet_in_count:%d byte_in_count:%d duration:%s bands:\n",
		formatMeter(s.MeterID), s.FlowCount, s.PacketInCount, s.ByteInCount, exactDuration(s.DurationSec, s.DurationNsec))
	for i, d := range s.Bands {
		fmt.Fprintf(&b, "%d: packet_count:%d byte_count:%d\n", i, d.PacketCount, d.ByteCount)
	}
	return b.String()
}

// FormatMeterFeatures prints what meters can do as meter-features does, with a
// newline at the end.
func FormatMeterFeatures(f *ofp.MeterFeatures) string {
	return fmt.Sprintf("max_meter:%d max_bands:%d max_color:%d\nband_types: %s\ncapabilities: %s\n",
		f.MaxMeters, f.MaxBands, f.MaxColor, bitsOrRest(f.BandTypes, meterBandNames), bitsOrRest(f.Capabilities, meterFlagNames))
}
