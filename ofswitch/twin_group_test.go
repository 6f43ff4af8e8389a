package ofswitch

import (
	"fmt"
	"slices"

	"ofswitch/flow"
	"ofswitch/flowtable"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// twinGroup is a group with what it counted, and its buckets.
type twinGroup struct {
	mod    *ofp.GroupMod
	counts [][2]uint64 // the group's, then each bucket's
}

// twinMeter lets a number of packets pass: its rate is so low that no other
// comes for the rest of the round.
type twinMeter struct {
	left           uint32
	band           ofp.MeterBand
	packets, bytes uint64
	caught         uint64
}

func (b *twinBridge) live(watch ofp.PortNo, group uint32) bool {
	if watch == ofp.PortAny && group == ofp.GroupAny {
		return true
	}
	if p := b.ports[watch]; p != nil && !p.down {
		return true
	}
	if g := b.groups[group]; g != nil {
		for _, k := range g.mod.Buckets {
			if b.live(k.WatchPort, k.WatchGroup) {
				return true
			}
		}
	}
	return false
}

// group sends copies through buckets. Which bucket of a select group it is, the
// hash says: what it must hold is another test's business.
func (s *twin) group(w *twinWalk, id uint32) {
	g := w.b.groups[id]
	if g == nil || w.depth >= maxDepth {
		return
	}
	count := func(i int) {
		g.counts[i][0]++
		g.counts[i][1] += uint64(w.wire)
	}
	count(0)
	var chosen []int
	for i, k := range g.mod.Buckets {
		if g.mod.GroupType != ofp.GroupTypeFastFailover || w.b.live(k.WatchPort, k.WatchGroup) {
			chosen = append(chosen, i)
		}
	}
	switch g.mod.GroupType {
	case ofp.GroupTypeFastFailover:
		chosen = chosen[:min(1, len(chosen))]
	case ofp.GroupTypeSelect:
		var k flow.Key
		var wide flow.Wide
		flow.Extract(packet.FromBytes(w.frame), 0, &k)
		wide.SetKey(&k)
		i := s.real[w.b.name].tables.Group(id, s.real[w.b.name].d.Version()).Select(flowtable.SelectHash(&wide, nil), flowtable.Liveness{
			Port:  func(no ofp.PortNo) bool { return w.b.live(no, ofp.GroupAny) },
			Group: func(id uint32) bool { return w.b.live(0, id) }, // no bridge has a port 0
		})
		if chosen = nil; i >= 0 {
			chosen = []int{i}
		}
	}
	for _, i := range chosen {
		if s.steps++; s.steps > maxSteps/2 {
			s.wild = true
			return
		}
		count(i + 1)
		in := *w
		in.frame, in.set, in.entry, in.setMiss = slices.Clone(w.frame), nil, nil, false
		in.depth++
		for _, a := range g.mod.Buckets[i].Actions {
			in.writeAction(a)
		}
		s.actionSet(&in)
	}
}

// meter says whether the frame goes on.
func (m *twinMeter) meter(w *twinWalk) bool {
	m.packets++
	m.bytes += uint64(w.wire)
	if m.left > 0 {
		m.left--
		return true
	}
	m.caught++
	if m.band.Type == ofp.MeterBandDrop {
		return false
	}
	v := look(w.frame)
	if d, ok := v.value[flow.IPDSCP]; ok {
		class, drop := d.Lo>>3, d.Lo>>1&3
		if d.Lo&1 == 0 && class >= 1 && class <= 4 && drop != 0 {
			drop = min(3, drop+uint64(m.band.PrecLevel))
			v.change(flow.IPDSCP, flow.Value{Lo: class<<3 | drop<<1})
		}
	}
	return true
}

// uses says whether the entry refers to a group.
func (e *twinEntry) uses(id uint32) bool {
	for _, list := range [][]ofp.Action{e.ins.Apply, e.ins.Write} {
		if slices.Contains(list, ofp.Action(ofp.Group{GroupID: id})) {
			return true
		}
	}
	return false
}

// groupMod makes a random group-mod to both switches.
func (c *contest) groupMod(b *Bridge, tb *twinBridge) {
	m := &ofp.GroupMod{GroupID: uint32(c.IntN(6)), Command: pick[uint16](c.gen, ofp.GroupAdd, ofp.GroupAdd, ofp.GroupModify, ofp.GroupModify, ofp.GroupDelete),
		GroupType: ofp.GroupType(c.IntN(4))}
	n := 1
	if m.GroupType != ofp.GroupTypeIndirect {
		n = c.IntN(4)
	}
	for range n {
		k := ofp.Bucket{WatchPort: ofp.PortAny, WatchGroup: ofp.GroupAny}
		if m.GroupType == ofp.GroupTypeSelect {
			k.Weight = uint16(c.IntN(4))
		}
		if m.GroupType == ofp.GroupTypeFastFailover || m.GroupType == ofp.GroupTypeSelect && c.chance(40) {
			k.WatchPort = pick[ofp.PortNo](c.gen, 1, 2, 10)
			if c.chance(20) {
				k.WatchGroup = uint32(c.IntN(6))
			}
		}
		for c.chance(45) {
			k.Actions = append(k.Actions, pick[ofp.Action](c.gen, ofp.PushVLAN{EtherType: 0x8100}, ofp.PopVLAN{}, ofp.DecNwTTL{}, ofp.PushMPLS{EtherType: 0x8847},
				ofp.PopMPLS{EtherType: 0x0800}, ofp.SetField{Field: flow.EthSrc, Value: c.value(flow.EthSrc)},
				ofp.SetField{Field: flow.IPv4Dst, Value: c.value(flow.IPv4Dst)}, ofp.Group{GroupID: uint32(c.IntN(6))}))
		}
		if c.chance(85) {
			k.Actions = append(k.Actions, c.out())
		}
		m.Buckets = append(m.Buckets, k)
	}
	if err := c.tell(b).GroupMod(m); err != nil {
		c.tally.groupsRefused++
		return
	}
	c.tally.groups++
	old := tb.groups[m.GroupID]
	if m.Command == ofp.GroupDelete {
		delete(tb.groups, m.GroupID)
		tb.entries = slices.DeleteFunc(tb.entries, func(e *twinEntry) bool { return old != nil && e.uses(m.GroupID) })
		return
	}
	g := &twinGroup{mod: m, counts: make([][2]uint64, 1+len(m.Buckets))}
	if old != nil {
		g.counts[0] = old.counts[0]
	}
	tb.groups[m.GroupID] = g
}

// meterMod makes a random meter-mod to both switches.
func (c *contest) meterMod(b *Bridge, tb *twinBridge) {
	m := &ofp.MeterMod{MeterID: uint32(1 + c.IntN(3)), Command: pick[uint16](c.gen, ofp.MeterAdd, ofp.MeterAdd, ofp.MeterModify, ofp.MeterDelete),
		Flags: ofp.MeterFlagPKTPS | ofp.MeterFlagBurst | ofp.MeterFlagStats}
	band := ofp.MeterBand{Type: pick(c.gen, ofp.MeterBandDrop, ofp.MeterBandDSCPRemark), Rate: 1, BurstSize: uint32(1 + c.IntN(10))}
	if band.Type == ofp.MeterBandDSCPRemark {
		band.PrecLevel = uint8(c.IntN(3))
	}
	if !c.still { // none that catches anything
		band.Rate, band.BurstSize = 1<<31, 1<<31
	}
	m.Bands = []ofp.MeterBand{band}
	if err := c.tell(b).MeterMod(m); err != nil {
		c.tally.groupsRefused++
		return
	}
	c.tally.meters++
	old := tb.meters[m.MeterID]
	if m.Command == ofp.MeterDelete {
		delete(tb.meters, m.MeterID)
		tb.entries = slices.DeleteFunc(tb.entries, func(e *twinEntry) bool {
			return e.ins.Has.Contains(ofp.InstrMeter) && e.ins.Meter == m.MeterID
		})
		return
	}
	t := &twinMeter{left: band.BurstSize, band: band}
	if old != nil {
		t.packets, t.bytes = old.packets, old.bytes
		if old.band.BurstSize == band.BurstSize {
			t.left = old.left
		}
	}
	tb.meters[m.MeterID] = t
}

// link takes a port's link away or gives it back.
func (c *contest) link(b *Bridge, tb *twinBridge) {
	no := pick[ofp.PortNo](c.gen, 1, 2)
	p := tb.ports[no]
	p.down = !p.down
	st := c.mems[fmt.Sprintf("%s/%d", tb.name, no)].Status()
	st.LinkUp = !p.down
	st.AdminUp = p.config&ofp.PortConfigDown == 0
	b.PortChanged(no, st)
}

// groupCounters compares what groups and meters counted.
func (c *contest) groupCounters() error {
	for name, b := range c.real {
		tb := c.twin.bridges[name]
		n := 0
		err := b.GroupStats(ofp.GroupAll, func(s *ofp.GroupStats) error {
			n++
			got := [][2]uint64{{s.PacketCount, s.ByteCount}}
			for _, k := range s.Buckets {
				got = append(got, [2]uint64{k.PacketCount, k.ByteCount})
			}
			if g := tb.groups[s.GroupID]; g == nil || !slices.Equal(got, g.counts) {
				return fmt.Errorf("group %d of bridge %s counted %d, want %+v", s.GroupID, name, got, g)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if n != len(tb.groups) {
			return fmt.Errorf("bridge %s has %d groups, want %d", name, n, len(tb.groups))
		}
		err = b.MeterStats(ofp.MeterAll, func(s *ofp.MeterStats) error {
			m := tb.meters[s.MeterID]
			if m == nil || s.PacketInCount != m.packets || s.ByteInCount != m.bytes || s.Bands[0].PacketCount != m.caught {
				return fmt.Errorf("meter %d of bridge %s counted %+v, want %+v", s.MeterID, name, s, m)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
