package ofswitch

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/ports"
)

// tally counts what the comparison has covered.
type tally struct {
	rules, refused, frames, packetOuts int
	lookups, hits                      int
	fields                             [flow.NumFields]int // rules with a match on it
	sets                               [flow.NumFields]int // rules with a set-field of it
	actions                            map[ofp.ActionType]int
	outputs                            map[ofp.PortNo]int
	ins                                int
	wild                               int // rounds given up: loops that double
}

// contest is one round of the real switch against the twin.
type contest struct {
	*gen
	d       *Datapath
	rec     *recorder
	real    map[string]*Bridge
	mems    map[string]*ports.Mem
	twin    *twin
	tally   *tally
	cookies uint64
	flips   *gen // its own, as it depends on hash seeds how much it takes
	masks   bool // hold the record of wildcards against flipped keys
}

func newContest(seed uint64, t *tally, p *plant) (*contest, error) {
	now := int64(1)
	d, err := NewDatapath(Options{Manual: true, Workers: 2, MicroflowEntries: 64, Clock: func() int64 { now++; return now }, plant: p})
	if err != nil {
		return nil, err
	}
	c := &contest{gen: &gen{Rand: rand.New(rand.NewPCG(seed, 1))}, d: d, rec: &recorder{}, flips: &gen{Rand: rand.New(rand.NewPCG(seed, 2))},
		real: map[string]*Bridge{}, mems: map[string]*ports.Mem{}, tally: t,
		twin: &twin{bridges: map[string]*twinBridge{}, byPort: map[string][]string{}}}
	for _, name := range []string{"a", "b"} {
		b, err := d.AddBridge(name, BridgeOptions{Controllers: c.rec})
		if err != nil {
			return nil, err
		}
		tb := &twinBridge{name: name, ports: map[ofp.PortNo]*twinPort{}, macs: map[[2]uint64]ofp.PortNo{}}
		c.real[name], c.twin.bridges[name] = b, tb
		numbers := []ofp.PortNo{1, 2, 3, 4, ofp.PortLocal}
		if name == "b" {
			numbers = []ofp.PortNo{1, 2}
		}
		for _, no := range numbers {
			at := fmt.Sprintf("%s/%d", name, no)
			c.mems[at] = ports.NewMemWith(at, ports.MemOptions{MTU: 9000})
			if err := b.AddPort(no, c.mems[at]); err != nil {
				return nil, err
			}
			tb.ports[no] = &twinPort{no: no, bridge: tb}
		}
		if err := b.AddPatch(10, name+"-patch"); err != nil {
			return nil, err
		}
		tb.ports[10] = &twinPort{no: 10, bridge: tb, patch: true}
	}
	if err := c.real["a"].ConnectPatch(10, c.real["b"], 10); err != nil {
		return nil, err
	}
	pa, pb := c.twin.bridges["a"].ports[10], c.twin.bridges["b"].ports[10]
	pa.peer, pb.peer = pb, pa
	for range 20 {
		c.pool = append(c.pool, c.frame())
	}
	return c, nil
}

func (c *contest) close() error {
	for _, name := range []string{"a", "b"} {
		if err := c.d.RemoveBridge(name); err != nil {
			return err
		}
	}
	c.d.Close()
	for _, m := range c.mems {
		if err := m.Close(); err != nil {
			return err
		}
	}
	return nil
}

// actionList makes 1 to 5 actions for frames like v, and the fields whose
// prerequisites the rule's match must hold.
func (c *contest) actionList(v *view, set flow.ID, packetOut bool) (list []ofp.Action, needs []flow.ID) {
	tags := 0
	if v.tag {
		tags = 1
	}
	structure := false // headers may have changed: prerequisites are unclear
	setField := func(id flow.ID) {
		list = append(list, ofp.SetField{Field: id, Value: c.value(id)})
		needs = append(needs, id)
		structure = structure || id == flow.EthType || id == flow.IPProto || id == flow.ICMPv6Type || id == flow.ICMPv6Code
	}
	if set != flow.NumFields {
		setField(set)
	}
	for n := c.IntN(4); n >= 0; n-- {
		switch c.IntN(12) {
		case 0:
			list = append(list, ofp.PushVLAN{EtherType: pick[uint16](c.gen, 0x8100, 0x88a8)})
			tags++
		case 1, 2:
			if tags > 0 {
				list = append(list, ofp.PopVLAN{})
				if tags--; tags == 0 && v.tag {
					needs = append(needs, flow.VLANPCP)
				}
			}
		case 3:
			if v.ttl != 0 && !structure {
				list = append(list, ofp.SetNwTTL{TTL: pick[uint8](c.gen, 0, 1, 2, 64)})
				needs = append(needs, flow.IPProto)
			}
		case 4:
			if v.ttl != 0 && !structure {
				list = append(list, ofp.DecNwTTL{})
				needs = append(needs, flow.IPProto)
			}
		case 5, 6, 7:
			if !structure {
				ids := c.writable(v, tags > 0)
				setField(ids[c.IntN(len(ids))])
			}
		default:
			if packetOut && c.chance(40) {
				list = append(list, ofp.Output{Port: ofp.PortTable})
			} else {
				list = append(list, c.out())
			}
		}
	}
	return append(list, c.out()), needs
}

// rule makes a flow-mod that adds, and its twin.
func (c *contest) rule(b *twinBridge) (*ofp.FlowMod, *twinEntry) {
	c.cookies++
	e := &twinEntry{table: pick[ofp.TableID](c.gen, 0, 0, 0, 1, 1, 2, 253), cookie: c.cookies}
	m := &ofp.FlowMod{Command: ofp.FlowAdd, Table: e.table, Cookie: e.cookie, BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	ins := &m.Instructions
	focus, set := flow.ID(c.IntN(flow.NumFields)), flow.ID(flow.NumFields)
	if c.chance(12) {
		focus = pick[flow.ID](c.gen, flow.IPv6NDTarget, flow.IPv6NDSll, flow.IPv6NDTll, flow.ICMPv4Type, flow.ICMPv4Code, flow.SCTPSrc, flow.SCTPDst)
	}
	v := c.find(focus)
	if c.chance(60) {
		set = pick(c.gen, c.settable()...)
		if c.chance(28) {
			set = pick[flow.ID](c.gen, flow.PBBISID, flow.ICMPv4Type, flow.ICMPv4Code, flow.IPv6NDSll, flow.IPv6NDTll, flow.IPv6NDSll, flow.IPv6NDTll, flow.IPv6NDTarget, flow.SCTPSrc, flow.SCTPDst)
		}
		if sv := c.find(set); sv != nil && (sv.tag || set != flow.VLANVID && set != flow.VLANPCP) {
			v = sv
			if !v.has(focus) {
				focus = set
			}
		} else {
			set = flow.NumFields
		}
	}
	if v == nil {
		return nil, nil
	}
	var needs []flow.ID
	if c.chance(75) {
		ins.Has |= 1 << ofp.InstrApplyActions
		ins.Apply, needs = c.actionList(v, set, false)
	}
	if c.chance(35) || ins.Has == 0 {
		ins.Has |= 1 << ofp.InstrWriteActions
		var more []flow.ID
		ins.Write, more = c.actionList(v, flow.NumFields, false)
		needs = append(needs, more...)
	}
	if c.chance(10) {
		ins.Has |= 1 << ofp.InstrClearActions
	}
	if c.chance(20) {
		ins.Has |= 1 << ofp.InstrWriteMetadata
		ins.Metadata, ins.MetadataMask = uint64(c.IntN(4)), pick(c.gen, ^uint64(0), 1, 2)
	}
	if e.table != 253 && c.chance(40) {
		ins.Has |= 1 << ofp.InstrGotoTable
		ins.Goto = map[ofp.TableID]ofp.TableID{0: 1, 1: 2, 2: 253}[e.table]
	}
	if c.chance(6) {
		m.Flags = pick(c.gen, ofp.FlowNoPktCounts, ofp.FlowNoBytCounts)
	}
	e.flags = m.Flags
	for {
		m.Priority = uint16(1 + c.IntN(60000))
		if !slices.ContainsFunc(b.entries, func(o *twinEntry) bool { return o.table == e.table && o.priority == m.Priority }) {
			break
		}
	}
	if c.chance(4) && len(needs) == 0 {
		m.Priority = 0 // table-miss
	} else {
		e.terms = c.matchFor(focus, needs, v)
	}
	e.priority = m.Priority
	for _, t := range e.terms {
		if t.mask == t.id.Field().Full() {
			m.Match.Set(t.id, t.value)
		} else {
			m.Match.SetMasked(t.id, t.value, t.mask)
		}
	}
	e.ins = *ins
	return m, e
}

func (c *contest) settable() (ids []flow.ID) {
	for i := range flow.Table {
		if flow.Table[i].Writable {
			ids = append(ids, flow.ID(i))
		}
	}
	return ids
}

// matchFor is a match with the focus and the prerequisites of needs.
func (c *contest) matchFor(focus flow.ID, needs []flow.ID, v *view) []twinTerm {
	saved := c.pool
	c.pool = [][]byte{v.b}
	terms, _ := c.terms(focus, needs)
	c.pool = saved
	return terms
}

// change makes a random change to both switches.
func (c *contest) change() error {
	name := pick(c.gen, "a", "a", "b")
	b, tb := c.real[name], c.twin.bridges[name]
	var old *twinEntry
	if len(tb.entries) > 0 {
		old = pick(c.gen, tb.entries...)
	}
	switch n := c.IntN(100); {
	case n < 50 || old == nil:
		m, e := c.rule(tb)
		if m == nil {
			return nil
		}
		if err := b.FlowMod(m); err != nil {
			c.tally.refused++
			return nil
		}
		c.count(e)
		tb.entries = slices.DeleteFunc(tb.entries, func(o *twinEntry) bool {
			if o.table == e.table && o.priority == e.priority && o.miss() && e.miss() {
				e.packets, e.bytes = o.packets, o.bytes
				return true
			}
			return false
		})
		tb.entries = append(tb.entries, e)
	case n < 65:
		return c.strict(b, tb, old, ofp.FlowDeleteStrict, ofp.Instructions{})
	case n < 68: // delete a fourth of all
		k := uint64(c.IntN(4))
		tb.entries = slices.DeleteFunc(tb.entries, func(o *twinEntry) bool { return o.cookie&3 == k })
		return b.FlowMod(&ofp.FlowMod{Command: ofp.FlowDelete, Table: ofp.TableAll, Cookie: k, CookieMask: 3,
			BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny})
	case n < 82:
		ins := apply(c.out())
		if old.table != 253 && c.chance(50) {
			ins = then(ins, 253)
		}
		return c.strict(b, tb, old, ofp.FlowModifyStrict, ins)
	case n < 86:
		no := pick[ofp.PortNo](c.gen, 1, 2, 10)
		config := pick(c.gen, 0, 0, 0, ofp.PortConfigNoRecv, ofp.PortConfigNoFwd, ofp.PortConfigNoPacketIn)
		tb.ports[no].config = config
		return b.PortMod(&ofp.PortMod{Port: no, HWAddr: b.conf.Load().ports[no].desc().HWAddr, Config: config, Mask: ofp.PortConfigAll})
	case n < 88:
		tb.frag = pick[uint16](c.gen, ofp.FragNormal, ofp.FragNormal, ofp.FragDrop)
		return b.SetFragFlags(tb.frag)
	case n < 89:
		clear(tb.macs)
		b.FlushMACs()
	default:
		return c.packetOut(b, tb)
	}
	return nil
}

func (c *contest) strict(b *Bridge, tb *twinBridge, e *twinEntry, command uint8, ins ofp.Instructions) error {
	m := &ofp.FlowMod{Command: command, Table: e.table, Priority: e.priority, Instructions: ins,
		BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	for _, t := range e.terms {
		m.Match.SetMasked(t.id, t.value, t.mask)
	}
	if command == ofp.FlowDeleteStrict {
		tb.entries = slices.DeleteFunc(tb.entries, func(o *twinEntry) bool { return o == e })
	} else {
		e.ins = ins
	}
	return b.FlowMod(m)
}

func (c *contest) packetOut(b *Bridge, tb *twinBridge) error {
	data := pick(c.gen, c.pool...)
	list, _ := c.actionList(look(data), flow.NumFields, true)
	in := pick(c.gen, ofp.PortController, ofp.PortAny, 1, 2)
	err := b.PacketOut(&ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: in, Actions: list, Data: slices.Clone(data)})
	c.d.upcalls.drain()
	if err != nil {
		c.tally.refused++
		return nil
	}
	c.tally.packetOuts++
	w := &twinWalk{b: tb, in: tb.ports[in], inPort: in, frame: slices.Clone(data), wire: len(data), packet: true}
	c.twin.begin()
	c.twin.actions(w, list)
	if c.twin.wild {
		return nil
	}
	return c.compare("packet-out")
}

func (c *contest) count(e *twinEntry) {
	t := c.tally
	t.rules++
	for _, term := range e.terms {
		t.fields[term.id]++
	}
	seen := map[string]bool{}
	for _, list := range [][]ofp.Action{e.ins.Apply, e.ins.Write} {
		for _, a := range list {
			key := fmt.Sprint(a.ActionType())
			switch a := a.(type) {
			case ofp.SetField:
				if k := key + a.Field.String(); !seen[k] {
					seen[k] = true
					t.sets[a.Field]++
				}
			case ofp.Output:
				if k := key + fmt.Sprint(a.Port); !seen[k] {
					seen[k] = true
					t.outputs[a.Port]++
				}
			}
			if !seen[key] {
				seen[key] = true
				t.actions[a.ActionType()]++
			}
		}
	}
}

// traffic sends some frames into one port of both switches.
func (c *contest) send() error {
	at, p := "", (*twinPort)(nil)
	if c.chance(75) {
		no := pick[ofp.PortNo](c.gen, 1, 1, 2, 2, 3, ofp.PortLocal)
		at, p = fmt.Sprintf("a/%d", no), c.twin.bridges["a"].ports[no]
	} else {
		no := pick[ofp.PortNo](c.gen, 1, 2)
		at, p = fmt.Sprintf("b/%d", no), c.twin.bridges["b"].ports[no]
	}
	var what string
	for n := pick(c.gen, 1, 1, 2, 3, 6); n > 0; n-- {
		f := c.traffic()
		c.tally.frames++
		c.mems[at].InjectBytes(f)
		c.twin.receive(p, f)
		what += fmt.Sprintf("%s %x\n", at, f)
		if c.chance(50) && n > 1 { // again: from the cache
			n--
			c.tally.frames++
			c.mems[at].InjectBytes(f)
			c.twin.receive(p, f)
			what += fmt.Sprintf("%s %x\n", at, f)
		}
	}
	if len(c.twin.ins) > upcallsPerPort/2 {
		c.twin.wild = true // the real switch may drop some
	}
	if c.twin.wild {
		return nil
	}
	for c.d.Poll() > 0 {
	}
	if err := c.compare(what); err != nil {
		return err
	}
	if c.masks && c.chance(25) {
		return c.flip()
	}
	return nil
}

// compare holds what the two switches sent against each other.
func (c *contest) compare(what string) error {
	for at, m := range c.mems {
		var got []string
		for _, f := range m.Sent() {
			got = append(got, string(f.Bytes()))
		}
		want := c.twin.byPort[at]
		if !slices.Equal(got, want) {
			return fmt.Errorf("after\n%sport %s sent %d frames, want %d:\n got %x\nwant %x", what, at, len(got), len(want), got, want)
		}
	}
	clear(c.twin.byPort)
	var got []string
	for _, in := range c.rec.takeIns() {
		got = append(got, c.text(in))
	}
	want := c.twin.ins
	c.twin.ins = nil
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		return fmt.Errorf("after\n%spacket-ins\n got %q\nwant %q", what, got, want)
	}
	c.tally.ins += len(got)
	return nil
}

// text is a packet-in as the twin writes it. The bridge is known by its
// recorder; both have the same, so the match tells.
func (c *contest) text(in PacketIn) string {
	meta, _, _ := in.Msg.Match.Get(flow.Metadata)
	tunnel, _, _ := in.Msg.Match.Get(flow.TunnelID)
	port, _, _ := in.Msg.Match.Get(flow.InPort)
	return fmt.Sprintf("in %d table %d reason %d cookie %#x max %d meta %#x tunnel %#x %x",
		port.Lo, in.Msg.Table, in.Msg.Reason, in.Msg.Cookie, in.MaxLen, meta.Lo, tunnel.Lo, in.Msg.Data)
}

// counters compares what every entry counted.
func (c *contest) counters() error {
	for name, b := range c.real {
		got := map[uint64][2]uint64{}
		err := b.FlowStats(&ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, func(s *ofp.FlowStats) error {
			got[s.Cookie] = [2]uint64{s.PacketCount, s.ByteCount}
			return nil
		})
		if err != nil {
			return err
		}
		tb := c.twin.bridges[name]
		if len(got) != len(tb.entries) {
			return fmt.Errorf("bridge %s has %d entries, want %d", name, len(got), len(tb.entries))
		}
		for _, e := range tb.entries {
			want := [2]uint64{e.packets, e.bytes}
			if e.flags&ofp.FlowNoPktCounts != 0 {
				want[0] = ^uint64(0)
			}
			if e.flags&ofp.FlowNoBytCounts != 0 {
				want[1] = ^uint64(0)
			}
			if got[e.cookie] != want {
				return fmt.Errorf("entry %#x of bridge %s counted %d, want %d", e.cookie, name, got[e.cookie], want)
			}
		}
	}
	return nil
}

// flip takes a random cached program, changes bits of its key that are not in
// its mask, and translates again: the operations must be the same.
func (c *contest) flip() error {
	for _, w := range c.d.workers {
		var progs []*program
		w.begin()
		w.cache.Each(func(_ *flow.Key, p *program) bool {
			// Fresh ones only: translating another would learn.
			if p.stamp == w.stamp && p.key.W[flow.WRecirc] == 0 {
				progs = append(progs, p)
			}
			return true
		})
		if len(progs) == 0 {
			continue
		}
		// Made anew: that p is fresh says that it is right for its own key,
		// not that its mask is what it would be today.
		old := pick(c.flips, progs...)
		p := w.tr.translate(&old.key, old.in, nil)
		k := p.key
		for i := range k.W {
			if k.Bits>>i&1 != 0 {
				k.W[i] ^= c.flips.Uint64() & c.flips.Uint64() &^ p.mask[i]
			}
		}
		// Translation learns addresses; all it looked at is the same, so it
		// learns nothing new.
		q := w.tr.translate(&k, p.in, nil)
		if same, other := opsText(p), opsText(q); same != other {
			return fmt.Errorf("program of %x\nmask %x\n%s\nprogram of %x\nmask %x\n%s", p.key.W, p.mask, same, k.W, q.mask, other)
		}
	}
	return nil
}

// dump prints what the switch knows, to find what went wrong.
func (c *contest) dump() {
	for name, tb := range c.twin.bridges {
		for _, e := range tb.entries {
			var m flow.Match
			for _, t := range e.terms {
				m.SetMasked(t.id, t.value, t.mask)
			}
			fmt.Printf("%s table %d priority %d cookie %#x %v %+v\n", name, e.table, e.priority, e.cookie, m.String(), e.ins)
		}
		for no, p := range tb.ports {
			fmt.Printf("%s port %d config %d\n", name, no, p.config)
		}
		fmt.Println(tb.macs)
	}
	for _, w := range c.d.workers {
		w.cache.Each(func(_ *flow.Key, p *program) bool {
			fmt.Printf("program %x\n%s\n", p.key.W, opsText(p))
			return true
		})
	}
}

// opsText writes operations so that equal texts mean equal operations.
func opsText(p *program) (s string) {
	for i := range p.ops {
		o := &p.ops[i]
		s += fmt.Sprint(o.kind, o.share, o.field, o.arg, o.value)
		if o.port != nil {
			s += " port " + o.port.name
		}
		if o.in != nil {
			s += fmt.Sprint(" in ", o.in.bridge.name, o.in.inPort, o.in.maxLen, o.in.reason, o.in.table, o.in.cookie, o.in.match)
		}
		if f := o.frozen; f != nil {
			s += fmt.Sprint(" frozen ", f.walk.bridge.name, f.walk.table, f.walk.cookie, f.rest, f.tunnel, f.meta)
		}
		s += "\n"
	}
	return s + fmt.Sprint(len(p.credits))
}

// round runs one contest.
func round(seed uint64, t *tally, p *plant, steps int, masks bool) error {
	c, err := newContest(seed, t, p)
	if err != nil {
		return err
	}
	c.masks = masks
	for range 200 {
		if err := c.change(); err != nil {
			return err
		}
	}
	for i := range steps {
		if c.chance(40) {
			err = c.change()
		} else {
			err = c.send()
		}
		if c.twin.loop {
			if err != nil {
				t.wild++
				return c.close()
			}
			c.twin.loop = false
			for name, b := range c.real {
				b.FlushMACs()
				clear(c.twin.bridges[name].macs)
			}
		}
		if err != nil {
			if os.Getenv("TWIN_SEED") != "" {
				c.dump()
			}
			return fmt.Errorf("step %d: %w", i, err)
		}
		if c.twin.wild {
			t.wild++
			return c.close()
		}
		if c.chance(5) {
			c.d.Collect()
		}
	}
	t.lookups += c.twin.lookups
	t.hits += c.twin.hits
	if err := c.counters(); err != nil {
		return err
	}
	return c.close()
}

// TestTwin compares the switch with one that has no cache, over random rules
// and frames, with changes between them.
func TestTwin(t *testing.T) {
	rounds, steps := 300, 600
	if testing.Short() || raceEnabled {
		rounds = 15
	}
	seed := rand.Uint64()
	if s := os.Getenv("TWIN_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed, rounds = n, 1
	}
	total := &tally{actions: map[ofp.ActionType]int{}, outputs: map[ofp.PortNo]int{}}
	for i := range rounds {
		if err := round(seed+uint64(i), total, nil, steps, os.Getenv("NOFLIP") == ""); err != nil {
			t.Fatalf("TWIN_SEED=%#x: %v", seed+uint64(i), err)
		}
	}
	t.Logf("%d rules (%d refused), %d frames, %d packet-outs, %d lookups, %d hits, %d packet-ins, %d rounds given up",
		total.rules, total.refused, total.frames, total.packetOuts, total.lookups, total.hits, total.ins, total.wild)
	if rounds < 15 {
		return
	}
	if total.wild*10 > rounds {
		t.Errorf("%d of %d rounds given up because a frame looped; want few", total.wild, rounds)
	}
	if total.hits*2 < total.lookups {
		t.Errorf("%d of %d lookups hit an entry that is no table-miss entry; want half", total.hits, total.lookups)
	}
	if total.refused*4 > total.rules {
		t.Errorf("%d rules refused, %d taken: the generator is wrong", total.refused, total.rules)
	}
	for id, n := range total.fields {
		if n*100 < total.rules {
			t.Errorf("%v stands in %d of %d rules; want one of a hundred", flow.ID(id), n, total.rules)
		}
	}
	for id, n := range total.sets {
		if flow.Table[id].Writable && n*100 < total.rules {
			t.Errorf("%v is set in %d of %d rules; want one of a hundred", flow.ID(id), n, total.rules)
		}
	}
	for _, a := range []ofp.ActionType{ofp.ActionOutput, ofp.ActionSetField, ofp.ActionPushVLAN, ofp.ActionPopVLAN, ofp.ActionSetNwTTL, ofp.ActionDecNwTTL} {
		if total.actions[a]*100 < total.rules {
			t.Errorf("%v stands in %d of %d rules; want one of a hundred", a, total.actions[a], total.rules)
		}
	}
	for _, no := range []ofp.PortNo{1, 10, 99, ofp.PortLocal, ofp.PortInPort, ofp.PortAll, ofp.PortFlood, ofp.PortNormal, ofp.PortController} {
		if total.outputs[no]*100 < total.rules {
			t.Errorf("output to %#x stands in %d of %d rules; want one of a hundred", uint32(no), total.outputs[no], total.rules)
		}
	}
}
