package flowtable

import (
	"ofswitch/classifier"
	"ofswitch/ofp"
)

// EachMeter calls fn for the meter with this number, or for all of them with
// ofp.MeterAll, by number, as they are at version v, until it returns false. It
// says whether there was one to call it for.
func (t *Tables) EachMeter(id uint32, v classifier.Version, fn func(*Meter) bool) bool {
	return t.meters.some(id, id == ofp.MeterAll, v, fn)
}

// Stats is the meter's entry of a METER reply (OpenFlow 1.3.5 §7.3.5.12).
// Packets and bytes, the bands' too, are from one moment.
func (m *Meter) Stats(now int64) *ofp.MeterStats {
	s := &ofp.MeterStats{
		MeterID:   m.ID,
		FlowCount: uint32(m.Flows()),
		Bands:     make([]ofp.MeterBandStats, len(m.gates)),
	}
	s.DurationSec, s.DurationNsec = since(m.Created, now)
	m.life.mu.Lock()
	defer m.life.mu.Unlock()
	s.PacketInCount, s.ByteInCount = m.life.packets, m.life.bytes
	for i := range m.gates {
		g := &m.gates[i]
		s.Bands[g.band] = ofp.MeterBandStats{PacketCount: g.packets, ByteCount: g.bytes}
	}
	return s
}

// Config is the meter's entry of a METER_CONFIG reply (OpenFlow 1.3.5
// §7.3.5.13): flags and bands as they were sent.
func (m *Meter) Config() *ofp.MeterConfig {
	return &ofp.MeterConfig{Flags: m.Flags, MeterID: m.ID, Bands: m.Bands}
}

// MeterFeatures fills the METER_FEATURES reply (OpenFlow 1.3.5 §7.3.5.14).
func (l *MeterLimits) MeterFeatures() *ofp.MeterFeatures {
	return &ofp.MeterFeatures{
		MaxMeters:    uint32(l.Max),
		BandTypes:    l.BandTypes,
		Capabilities: uint32(l.Flags),
		MaxBands:     uint8(l.MaxBands),
		MaxColor:     l.MaxColor,
	}
}

// RaiseDrop raises the drop precedence in a DSCP value by some levels, at most to the
// highest: what a DSCP_REMARK band does. Only the twelve values of assured
// forwarding have a drop precedence (RFC 2597 §6); others stay as they are.
func RaiseDrop(dscp, levels uint8) uint8 {
	class, precedence := dscp>>3, dscp>>1&3
	if dscp > 63 || dscp&1 != 0 || class < 1 || class > 4 || precedence == 0 {
		return dscp
	}
	return class<<3 | min(precedence+min(levels, 3), 3)<<1
}
