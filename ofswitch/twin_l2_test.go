package ofswitch

import (
	"encoding/binary"
	"fmt"
	"slices"

	"ofswitch/flow"
	"ofswitch/l2"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// What a twin's bridge does at NORMAL, and what it mirrors.

type twinMirror struct {
	L2Mirror
	src map[ofp.PortNo]bool
	out ofp.PortNo // 0: OutputVLAN
}

// frontTags are the first two tags of a frame; cut: it ends within one.
func frontTags(frame []byte) (tags l2.Tags, n int, cut bool) {
	for ; n < 2; n++ {
		b := frame[12+4*n:]
		if len(b) < 2 || !packet.IsVLAN(binary.BigEndian.Uint16(b)) {
			return tags, n, false
		}
		if len(b) < 6 {
			return tags, n, n == 0
		}
		tci := binary.BigEndian.Uint16(b[2:])
		tags[n] = l2.Tag{TPID: binary.BigEndian.Uint16(b), VID: tci & 0xfff, PCP: uint8(tci >> 13)}
	}
	return tags, n, false
}

// withTags is the frame with the n tags was in front replaced. What is the same at
// their ends stays as it is, with its drop eligible bit.
func withTags(frame []byte, was l2.Tags, n int, is l2.Tags, m int) []byte {
	for n > 0 && m > 0 && was[n-1] == is[m-1] {
		n--
		m--
	}
	frame = append(slices.Clone(frame[:12]), frame[12+4*n:]...)
	for ; m > 0; m-- {
		t := is[m-1]
		frame = tagged(frame, t.TPID, uint16(t.PCP)<<13|t.VID)
	}
	return frame
}

func (s *twin) normal(w *twinWalk) {
	v := look(w.frame)
	if !v.header {
		return
	}
	tags, _, cut := frontTags(w.frame)
	if cut {
		return
	}
	src, dst := v.value[flow.EthSrc].Lo, v.value[flow.EthDst].Lo
	if w.in != nil {
		if w.b.mirrorOut(w.in) || !w.in.l2.VLAN.Admits(tags[0].VID) {
			return
		}
		tags = w.in.l2.VLAN.Input(tags)
		if l2.MAC(dst).IsReserved() && !w.b.l2.ForwardBPDU {
			return
		}
	}
	vlan := uint64(tags[0].VID)
	flood := slices.Contains(w.b.l2.FloodVLANs, uint16(vlan))
	if w.in != nil && src>>40&1 == 0 && !flood {
		at := fmt.Sprint(w.b.name, vlan, src)
		if old, twice := s.learn[at]; twice && old != w.inPort || s.ask[at] {
			s.loop = true
		}
		s.learn[at] = w.inPort
		w.b.macs[[2]uint64{vlan, src}] = w.inPort
	}
	at := fmt.Sprint(w.b.name, vlan, dst)
	s.ask[at] = true
	if _, learnt := s.learn[at]; learnt && dst != src {
		s.loop = true // a set-field made it the sender's; see loop
	}
	if no, known := w.b.macs[[2]uint64{vlan, dst}]; known && dst>>40&1 == 0 && !flood {
		p := w.b.ports[no]
		if p != nil && p != w.in && !w.b.mirrorOut(p) && p.config&(ofp.PortConfigDown|ofp.PortConfigNoFwd) == 0 {
			s.leave(w, []*twinPort{p}, tags, 0)
		}
		return
	}
	var to []*twinPort
	for _, p := range w.b.sorted() {
		if p != w.in && !w.b.mirrorOut(p) && p.l2.VLAN.Carries(&tags) && p.config&(ofp.PortConfigDown|ofp.PortConfigNoFwd) == 0 {
			to = append(to, p)
		}
	}
	s.leave(w, to, tags, 0)
}

func (b *twinBridge) sorted() (list []*twinPort) {
	for _, p := range b.ports {
		list = append(list, p)
	}
	slices.SortFunc(list, func(x, y *twinPort) int { return int(int64(x.no) - int64(y.no)) })
	return list
}

func (b *twinBridge) mirrorOut(p *twinPort) bool {
	return slices.ContainsFunc(b.mirrors, func(m *twinMirror) bool { return m.out == p.no })
}

// leave sends the frame out of ports with the tags that it has there, first where it
// stays as it is, then ports of the same tags together.
func (s *twin) leave(w *twinWalk, to []*twinPort, tags l2.Tags, snap uint16) {
	base, have, _ := frontTags(w.frame)
	done := map[*twinPort]bool{}
	serve := func(want l2.Tags, m int) {
		for _, p := range to {
			out, n := p.l2.VLAN.Output(tags, base)
			if done[p] || out != want || n != m {
				continue
			}
			done[p] = true
			c := *w
			c.frame = withTags(w.frame, base, have, out, n)
			s.snap = snap
			s.send(&c, p)
			s.snap = 0
		}
	}
	serve(base, have)
	for _, p := range to {
		if !done[p] {
			serve(p.l2.VLAN.Output(tags, base))
		}
	}
}

// mirrorIn copies a frame that has come in by a device, and says whether it goes on.
func (s *twin) mirrorIn(w *twinWalk) bool {
	if w.b.mirrorOut(w.in) {
		return false
	}
	if len(w.frame) < packet.EthernetLen {
		return true
	}
	tags, _, _ := frontTags(w.frame)
	if !w.in.l2.VLAN.Admits(tags[0].VID) {
		return true
	}
	tags = w.in.l2.VLAN.Input(tags)
	served := map[[2]uint32]bool{}
	for _, m := range w.b.mirrors {
		to := [2]uint32{uint32(m.out), uint32(m.OutputVLAN)}
		if !m.src[w.in.no] || served[to] || len(m.VLANs) > 0 && !slices.Contains(m.VLANs, tags[0].VID) {
			continue
		}
		served[to] = true
		if m.out != 0 {
			s.leave(w, []*twinPort{w.b.ports[m.out]}, tags, m.SnapLen)
			continue
		}
		if tags[0].VID == m.OutputVLAN || l2.MAC(look(w.frame).value[flow.EthDst].Lo).IsReserved() {
			continue
		}
		there := tags
		there[0].VID = m.OutputVLAN
		var list []*twinPort
		for _, p := range w.b.sorted() {
			if !w.b.mirrorOut(p) && p.l2.VLAN.Carries(&there) {
				list = append(list, p)
			}
		}
		s.leave(w, list, there, m.SnapLen)
	}
	return true
}

// someVLANs are VLANs, none among them.
func (c *contest) someVLANs() []uint16 {
	var ids []uint16
	for range c.IntN(4) {
		ids = append(ids, pick[uint16](c.gen, 0, 1, 2, 3, 5, 6))
	}
	return ids
}

// l2 changes how a bridge forwards at NORMAL, and its mirrors.
func (c *contest) l2(b *Bridge, tb *twinBridge) {
	tb.l2 = L2{
		Ports:       map[ofp.PortNo]L2Port{},
		ForwardBPDU: c.chance(30),
	}
	if c.chance(20) {
		tb.l2.FloodVLANs = append(c.someVLANs(), 3)
	}
	keep := c.chance(30) // as most bridges are
	for _, p := range tb.sorted() {
		set := p.l2
		if c.chance(40) {
			set = L2Port{Protected: c.chance(10), VLAN: l2.VLAN{
				Mode: pick(c.gen, l2.Trunk, l2.Trunk, l2.Access, l2.NativeTagged, l2.NativeUntagged, l2.Tunnel),
				Tag:  pick[uint16](c.gen, 0, 1, 3, 5), Trunks: l2.NewVLANs(c.someVLANs()), CVLANs: l2.NewVLANs(c.someVLANs()),
				Priority: pick(c.gen, l2.PriorityNever, l2.PriorityIfNonzero, l2.PriorityAlways),
				TPID:     pick[uint16](c.gen, 0x8100, 0x88a8),
			}}
		}
		if keep {
			set = L2Port{}
		}
		tb.l2.Ports[p.no] = set
		set.VLAN = set.VLAN.Normalised()
		if set.Protected != p.l2.Protected || !set.VLAN.Equal(&p.l2.VLAN) {
			for at, no := range tb.macs {
				if no == p.no {
					delete(tb.macs, at)
				}
			}
		}
		p.l2 = set
	}
	tb.mirrors = nil
	names := map[ofp.PortNo]string{}
	for no, p := range b.conf.Load().ports {
		names[no] = p.name
	}
	if c.chance(40) {
		for i := range 1 + c.IntN(3) {
			m := &twinMirror{L2Mirror: L2Mirror{Name: fmt.Sprint("m", i), SnapLen: pick[uint16](c.gen, 0, 0, 0, 14, 30, 60)}, src: map[ofp.PortNo]bool{}}
			for _, p := range tb.sorted() {
				if !p.patch && c.chance(40) {
					m.src[p.no] = true
					m.Src = append(m.Src, names[p.no])
				}
			}
			if c.chance(40) {
				m.VLANs = c.someVLANs()
			}
			if c.chance(60) {
				m.out = pick[ofp.PortNo](c.gen, 1, 2)
				m.Output = names[m.out]
			} else {
				m.OutputVLAN = pick[uint16](c.gen, 1, 3, 5)
			}
			tb.mirrors = append(tb.mirrors, m)
			tb.l2.Mirrors = append(tb.l2.Mirrors, m.L2Mirror)
		}
	}
	c.tally.l2++
	// By names of their own, so that the order of their numbers is that of the list.
	c.l2s++
	for i := range tb.l2.Mirrors {
		tb.l2.Mirrors[i].Name = fmt.Sprint(c.l2s, "/", i)
	}
	b.SetL2(tb.l2)
}
