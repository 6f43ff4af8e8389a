package ofswitch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"

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
	groups, meters, groupsRefused      int // of group-mods and meter-mods
	l2                                 int // changes of how bridges forward at NORMAL
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
	flips   *gen        // its own, as it depends on hash seeds how much it takes
	bridge  *twinBridge // that rules are made for
	l2s     int         // changes of how bridges forward at NORMAL
	masks   bool        // hold the record of wildcards against flipped keys
	pair    bool        // the twin is another contest's switch: nothing is compared with this one's

	names  [2]string               // of the bridges
	tell   func(b *Bridge) changer // how both are told of changes
	settle func()                  // has the switch forward all that it was given
	drain  func()                  // has it deliver its packet-ins
	still  bool                    // time stands still: meters do not fill up again
	over   func() bool             // nil: the round is run to its end
	kernel *fakeKernel             // nil: it forwards nothing by itself
	paths  map[string]*kernelMem   // mems as it knows them
	simple bool                    // most rules and frames are such as a kernel can deal with
}

// changer takes the messages that change a bridge.
type changer interface {
	FlowMod(*ofp.FlowMod) error
	GroupMod(*ofp.GroupMod) error
	MeterMod(*ofp.MeterMod) error
	PortMod(*ofp.PortMod) error
	PacketOut(*ofp.PacketOut) error
}

func newContest(seed uint64, t *tally, p *plant) (*contest, error) {
	return newContestWith(seed, t, p, nil, false)
}

// newContestWith is newContest of a switch with a kernel path, if there is one.
func newContestWith(seed uint64, t *tally, p *plant, k *fakeKernel, simple bool) (*contest, error) {
	now := int64(1)
	o := Options{Manual: true, Workers: 2, MicroflowEntries: 64, MegaflowEntries: 64, Clock: func() int64 { now++; return now }, plant: p, selectAlways: seed%2 == 0}
	if k != nil {
		o.kernel, o.kernelAlways = k, true
	}
	d, err := NewDatapath(o)
	if err != nil {
		return nil, err
	}
	c := contestOn(d, "", seed, t)
	c.kernel, c.simple = k, simple
	c.settle = func() {
		for d.Poll() > 0 {
		}
	}
	c.drain, c.still = d.upcalls.drain, true
	return c, c.build(func(string) Controllers { return c.rec })
}

// contestOn is a contest on a datapath that has other bridges, too; those of the
// contest are to be built.
func contestOn(d *Datapath, prefix string, seed uint64, t *tally) *contest {
	c := &contest{gen: &gen{Rand: rand.New(rand.NewPCG(seed, 1))}, d: d, rec: &recorder{}, flips: &gen{Rand: rand.New(rand.NewPCG(seed, 2))},
		real: map[string]*Bridge{}, mems: map[string]*ports.Mem{}, paths: map[string]*kernelMem{}, tally: t, names: [2]string{prefix + "a", prefix + "b"},
		twin: &twin{bridges: map[string]*twinBridge{}, byPort: map[string][]string{}}}
	c.twin.real = c.real
	c.tell = func(b *Bridge) changer { return b }
	return c
}

// build makes the bridges and ports of both switches, and the frames.
func (c *contest) build(controllers func(name string) Controllers) error {
	for _, name := range c.names {
		b, err := c.d.AddBridge(name, BridgeOptions{Controllers: controllers(name)})
		if err != nil {
			return err
		}
		tb := &twinBridge{name: name, ports: map[ofp.PortNo]*twinPort{}, macs: map[[2]uint64]ofp.PortNo{}, groups: map[uint32]*twinGroup{}, meters: map[uint32]*twinMeter{}}
		c.real[name], c.twin.bridges[name] = b, tb
		numbers := []ofp.PortNo{1, 2, 3, 4, ofp.PortLocal}
		if name == c.names[1] {
			numbers = []ofp.PortNo{1, 2}
		}
		for _, no := range numbers {
			at := fmt.Sprintf("%s/%d", name, no)
			c.mems[at] = ports.NewMemWith(at, ports.MemOptions{MTU: 9000})
			if err := b.AddPort(no, c.device(at)); err != nil {
				return err
			}
			tb.ports[no] = &twinPort{no: no, bridge: tb}
		}
		if err := b.AddPatch(10, name+"-patch"); err != nil {
			return err
		}
		tb.ports[10] = &twinPort{no: 10, bridge: tb, patch: true}
	}
	if err := c.real[c.names[0]].ConnectPatch(10, c.real[c.names[1]], 10); err != nil {
		return err
	}
	pa, pb := c.twin.bridges[c.names[0]].ports[10], c.twin.bridges[c.names[1]].ports[10]
	pa.peer, pb.peer = pb, pa
	for len(c.pool) < 20 {
		f := c.frame()
		if _, ok := fakeKey(f); ok || !c.simple || c.chance(25) {
			c.pool = append(c.pool, f)
		}
	}
	return nil
}

func (c *contest) close() error {
	if err := c.remove(); err != nil {
		return err
	}
	c.d.Close()
	return nil
}

// remove takes away what build has made.
func (c *contest) remove() error {
	for name := range c.real {
		if err := c.d.RemoveBridge(name); err != nil {
			return err
		}
	}
	for _, m := range c.mems {
		if err := m.Close(); err != nil {
			return err
		}
	}
	return nil
}

// change makes a random change to both switches.
func (c *contest) change() error {
	name := c.names[pick(c.gen, 0, 0, 1)]
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
		if err := c.tell(b).FlowMod(m); err != nil {
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
	case n < 55:
		c.groupMod(b, tb)
	case n < 58:
		c.meterMod(b, tb)
	case n < 60:
		c.link(b, tb)
	case n < 67:
		return c.strict(b, tb, old, ofp.FlowDeleteStrict, ofp.Instructions{})
	case n < 69: // delete a fourth of all
		k := uint64(c.IntN(4))
		tb.entries = slices.DeleteFunc(tb.entries, func(o *twinEntry) bool { return o.cookie&3 == k })
		return c.tell(b).FlowMod(&ofp.FlowMod{Command: ofp.FlowDelete, Table: ofp.TableAll, Cookie: k, CookieMask: 3,
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
		return c.tell(b).PortMod(&ofp.PortMod{Port: no, HWAddr: b.conf.Load().ports[no].desc().HWAddr, Config: config, Mask: ofp.PortConfigAll})
	case n < 88:
		tb.frag = pick[uint16](c.gen, ofp.FragNormal, ofp.FragNormal, ofp.FragDrop)
		return b.SetFragFlags(tb.frag)
	case n < 89:
		clear(tb.macs)
		b.FlushMACs()
	case n < 91:
		c.l2(b, tb)
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
	return c.tell(b).FlowMod(m)
}

func (c *contest) packetOut(b *Bridge, tb *twinBridge) error {
	data := pick(c.gen, c.pool...)
	c.bridge = tb
	list, _ := c.actionList(look(data), flow.NumFields, true)
	in := pick(c.gen, ofp.PortController, ofp.PortAny, 1, 2)
	err := c.tell(b).PacketOut(&ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: in, Actions: list, Data: slices.Clone(data)})
	if err != nil {
		c.tally.refused++
		return nil
	}
	c.tally.packetOuts++
	if c.pair {
		c.drain()
		return nil
	}
	w := &twinWalk{b: tb, in: tb.ports[in], inPort: in, frame: slices.Clone(data), wire: len(data), packet: true}
	c.twin.begin()
	if w.in == nil || c.twin.mirrorIn(w) {
		c.twin.actions(w, list)
	}
	if c.twin.wild {
		return nil
	}
	c.drain()
	return c.compare(fmt.Sprintf("packet-out to %s in %d %+v of %x\n", tb.name, in, list, data))
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
		at, p = fmt.Sprintf("%s/%d", c.names[0], no), c.twin.bridges[c.names[0]].ports[no]
	} else {
		no := pick[ofp.PortNo](c.gen, 1, 2)
		at, p = fmt.Sprintf("%s/%d", c.names[1], no), c.twin.bridges[c.names[1]].ports[no]
	}
	var what string
	for n := pick(c.gen, 1, 1, 2, 3, 6); n > 0; n-- {
		f := c.traffic()
		c.tally.frames++
		c.inject(at, f)
		c.twin.receive(p, f)
		what += fmt.Sprintf("%s %x\n", at, f)
		for c.kernel != nil && c.chance(70) || c.chance(50) && n > 1 { // again: from the cache, or by the kernel
			n--
			c.tally.frames++
			c.inject(at, f)
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
	c.settle()
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
	return c.groupCounters()
}

// round runs one contest.
func round(seed uint64, t *tally, p *plant, steps int, masks bool) error {
	c, err := newContest(seed, t, p)
	if err != nil {
		return err
	}
	c.masks = masks
	return errors.Join(c.run(steps), c.close())
}

func (c *contest) run(steps int) error {
	rules := 200 // changes before the first frame
	if c.over != nil {
		rules = 20 // it may be over soon
	}
	for i := range rules + steps {
		if c.over != nil && c.over() {
			break
		}
		var err error
		if i < rules || c.chance(40) {
			err = c.change()
		} else {
			err = c.send()
		}
		if c.twin.wild || c.twin.loop && (err != nil || c.counters() != nil) {
			c.tally.wild++
			return nil
		}
		if c.twin.loop {
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
		if c.chance(5) {
			c.d.Collect()
		}
	}
	c.tally.lookups += c.twin.lookups
	c.tally.hits += c.twin.hits
	return c.counters()
}
