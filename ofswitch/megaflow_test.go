package ofswitch

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// to is a UDP frame with these addresses and ports.
func to(src, dst uint32, sport, dport uint16) []byte {
	b := udp(1, 2, sport, dport)
	ip := packet.IPv4(b[14:])
	ip.SetSrc(src)
	ip.SetDst(dst)
	ip.UpdateChecksum()
	return b
}

// megaflows are the programs in the megaflow cache.
func megaflows(w *worker) (list []*program) {
	w.mega.Each(func(p *program) bool { list = append(list, p); return true })
	return list
}

// A megaflow covers all that it may: many flows, one translation, and a mask of exactly
// those bits that the answer hangs on.
func TestMegaflowMasks(t *testing.T) {
	mask := func(fields string) (m flow.Mask) {
		match, err := flow.ParseMatch(fields)
		if err != nil {
			t.Fatal(err)
		}
		m = match.Mask
		m[flow.WInPort], m[flow.WRecirc] = ^uint64(0), ^uint64(0)
		return m
	}
	for name, tt := range map[string]struct {
		flows []*ofp.FlowMod
		want  string
	}{
		"port":               {[]*ofp.FlowMod{flowMod(t, 0, 1, "in_port=1", apply(output(2)))}, ""},
		"nothing":            {[]*ofp.FlowMod{flowMod(t, 0, 1, "", apply(output(2)))}, ""},
		"EtherType":          {[]*ofp.FlowMod{flowMod(t, 0, 1, "ip", apply(output(2)))}, "ip"},
		"protocol":           {[]*ofp.FlowMod{flowMod(t, 0, 1, "udp", apply(output(2)))}, "udp"},
		"prefix":             {[]*ofp.FlowMod{flowMod(t, 0, 1, "ip,nw_dst=10.0.0.0/8", apply(output(2)))}, "ip,nw_dst=10.0.0.0/8"},
		"one bit":            {[]*ofp.FlowMod{flowMod(t, 0, 1, "ip,nw_src=0.0.0.0/128.0.0.0", apply(output(2)))}, "ip,nw_src=0.0.0.0/128.0.0.0"},
		"a field set":        {[]*ofp.FlowMod{flowMod(t, 0, 1, "", then(apply(set(flow.EthSrc, 5)), 1)), flowMod(t, 1, 1, "dl_src=00:00:00:00:00:05", apply(output(2)))}, ""},
		"TTL":                {[]*ofp.FlowMod{flowMod(t, 0, 1, "ip", apply(ofp.DecNwTTL{}, output(2)))}, "ip,nw_ttl"},
		"below what was hit": {[]*ofp.FlowMod{flowMod(t, 0, 5, "udp", apply(output(2))), flowMod(t, 0, 4, "udp,tp_dst=7", apply(output(3)))}, "udp"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, 3)
			for _, m := range tt.flows {
				l.add(m)
			}
			ttl := tt.want == "ip,nw_ttl"
			if ttl {
				tt.want = "ip"
			}
			want := mask(tt.want)
			if ttl {
				want[flow.WIP] |= 64 << flow.TTLShift
			}
			rng := rand.New(rand.NewPCG(1, 1))
			for range 500 {
				l.send(1, to(rng.Uint32()>>1, 0x0a000000|rng.Uint32()>>8, uint16(rng.Uint32()), uint16(rng.Uint32())))
			}
			if n := len(l.sent(2)); n != 500 {
				t.Errorf("%d frames sent, want 500", n)
			}
			w := l.d.workers()[0]
			if w.counts.Misses != 1 {
				t.Errorf("%d translations of 500 flows, want 1", w.counts.Misses)
			}
			for _, p := range megaflows(w) {
				if p.mask != want {
					t.Errorf("mask\n%x, want\n%x", p.mask, want)
				}
			}
		})
	}
}

// Changes that concern no frame of a megaflow cost no translation, however many there are
// of them; one that concerns some of its frames, and not those that come, costs one.
func TestMegaflowAndChanges(t *testing.T) {
	l := newLab(t, 3)
	w := l.d.workers()[0]
	l.add(flowMod(t, 0, 10, "udp,nw_dst=10.0.0.0/8", apply(output(2))))
	frames := [][]byte{to(1, 0x0a000001, 1, 1), to(2, 0x0a010203, 4, 4), to(3, 0x0affffff, 5, 5)}
	l.send(1, frames...)
	misses := func(what string, want uint64) {
		t.Helper()
		before := w.counts.Misses
		l.sent(2)
		l.send(1, frames...)
		if got := w.counts.Misses - before; got != want {
			t.Errorf("%s: %d translations, want %d", what, got, want)
		}
		if n := len(l.sent(2)); n != len(frames) {
			t.Errorf("%s: %d frames sent, want %d", what, n, len(frames))
		}
	}
	misses("no change", 0)
	for i := range 3000 {
		l.add(flowMod(t, 0, 20, fmt.Sprintf("udp,nw_dst=11.0.%d.%d", i>>8, i&255), apply(output(3))))
		if i%100 == 0 {
			misses("entries for other addresses, above", 0)
		}
	}
	misses("3000 entries for other addresses", 0)
	for i := range 100 {
		l.add(flowMod(t, 0, 5, fmt.Sprintf("udp,nw_dst=10.0.%d.%d", i>>8, i&255), apply(output(3))))
	}
	misses("entries for the same addresses, below", 0)
	l.add(flowMod(t, 0, 20, "udp,nw_dst=10.7.0.1", apply(output(3))))
	if before := w.counts.Misses; true {
		l.send(1, frames...)
		if w.counts.Misses == before {
			t.Error("an entry for another frame of the megaflow: no translation")
		}
	}
	l.sent(2)
	l.send(1, to(9, 0x0a070001, 1, 1))
	if n := len(l.sent(3)); n != 1 {
		t.Errorf("%d frames by the new entry, want 1", n)
	}
	mod := flowMod(t, 0, 10, "udp,nw_dst=10.0.0.0/8", apply(output(3)))
	mod.Command = ofp.FlowModifyStrict
	l.add(mod)
	l.send(1, frames...)
	if n := len(l.sent(3)); n != len(frames) {
		t.Errorf("%d frames by the modified entry, want %d", n, len(frames))
	}
}

// Changes that concern nothing that the programs of a worker have in common leave all of them
// fresh without a look at any; others have each looked at.
func TestHulls(t *testing.T) {
	l := newLab(t, 3)
	w := l.d.workers()[0]
	l.add(flowMod(t, 0, 10, "in_port=1,ip", then(apply(), 1)))
	l.add(flowMod(t, 0, 10, "in_port=2,arp", apply(output(3))))
	for i := range 20 {
		l.add(flowMod(t, 1, 10, fmt.Sprintf("udp,nw_dst=10.1.%d.0/24", i), apply(output(2))))
		l.send(1, to(1, 0x0a010001|uint32(i)<<8, 1, 1))
	}
	if len(megaflows(w)) < 20 {
		t.Fatalf("%d megaflows: this test tests nothing", len(megaflows(w)))
	}
	for _, tt := range []struct {
		table   ofp.TableID
		prio    uint16
		match   string
		touches bool
	}{
		{0, 50, "in_port=3,udp", false},
		{0, 50, "in_port=1,arp", false},
		{0, 5, "in_port=1,ip", false},
		{7, 50, "ip", false},
		{1, 50, "udp,nw_dst=11.0.0.0/8", false},
		{1, 50, "udp,nw_dst=10.9.0.0/16", false},
		{1, 9, "udp", false},
		{1, 50, "udp,nw_dst=10.1.9.0/24", true},
		{1, 50, "dl_src=02:00:00:00:00:05", true},
		{0, 50, "", true},
	} {
		before, misses := w.stamp, w.counts.Misses
		l.add(flowMod(t, tt.table, tt.prio, tt.match, apply(output(3))))
		l.send(1, to(1, 0x0a010001, 1, 1))
		if w.stamp != before != tt.touches {
			t.Errorf("table %d, priority %d, %q: concerns programs: %v, want %v", tt.table, tt.prio, tt.match, w.stamp != before, tt.touches)
		}
		if !tt.touches && w.counts.Misses != misses {
			t.Errorf("%q: a translation", tt.match)
		}
	}
	// What is no flow entry concerns all.
	before := w.stamp
	if err := l.b.SetFragFlags(ofp.FragDrop); err != nil {
		t.Fatal(err)
	}
	l.send(1, to(1, 0x0a010001, 1, 1))
	if w.stamp == before {
		t.Error("a setting of the bridge concerns nobody")
	}
	// More ports than are told apart.
	for i := range maxHulls + 10 {
		var k flow.Match
		k.Set(flow.InPort, flow.Value{Lo: uint64(i)})
		w.hulls.add(&program{in: &port{}, deps: deps{tables: []tableDep{{l.b.tables.Table(0), &region{known: k}, 3}}}})
	}
	if n := len(w.hulls.list); n > maxHulls || !w.hulls.byTable {
		t.Errorf("%d hulls", n)
	}
	for i := range w.hulls.list {
		if u := &w.hulls.list[i]; u.table == l.b.tables.Table(0) && (u.known.Mask[flow.WInPort]>>32&1 != 0 || u.priority > 3) {
			t.Errorf("the hull of all ports: %+v", u)
		}
	}
}

// A program that has to be translated again, for nobody knows any more what has changed, stays
// if it does the same: with its count and what leads to it.
func TestMegaflowAdopts(t *testing.T) {
	l := newLab(t, 3)
	w := l.d.workers()[0]
	mod := flowMod(t, 0, 10, "udp,nw_dst=10.0.0.0/8", apply(output(2)))
	mod.Cookie = 7
	l.add(mod)
	l.send(1, to(1, 0x0a000001, 1, 1))
	p := megaflows(w)[0]
	for i := range 5000 { // more than the table's log holds
		l.add(flowMod(t, 0, 20, fmt.Sprintf("udp,nw_dst=11.0.%d.%d", i>>8, i&255), apply(output(3))))
	}
	l.send(1, to(1, 0x0a000001, 1, 1), to(1, 0x0a000002, 1, 1))
	if list := megaflows(w); w.counts.Misses < 2 || len(list) == 0 || list[0] != p {
		t.Errorf("%d translations, %d megaflows, the first of which is kept: %v", w.counts.Misses, len(list), len(list) > 0 && list[0] == p)
	}
	if n, _, _ := p.cell.load(); n != 3 {
		t.Errorf("it counted %d frames, want 3", n)
	}
	mod.Instructions, mod.Command = apply(output(3)), ofp.FlowModifyStrict
	l.add(mod)
	l.send(1, to(1, 0x0a000001, 1, 1))
	if p.cached.Load() {
		t.Error("a program that does something else now was kept")
	}
	l.bury(t)
	if c := counts(t, l.b)[7]; c[0] != 4 {
		t.Errorf("%d frames counted, want 4", c[0])
	}
}

func (l *lab) bury(t *testing.T) {
	t.Helper()
	l.d.bury()
	l.d.Poll()
}

// What is left in the microflow cache of programs that have left is no hit, and is swept
// out: it would hold on to them.
func TestMegaflowSweep(t *testing.T) {
	l := newLab(t, 3)
	w := l.d.workers()[0]
	// Masks of too many words to be looked at before exact keys.
	for i := range 2 {
		l.add(flowMod(t, 0, 10, fmt.Sprintf("udp,nw_dst=0.0.0.%d/0.0.0.1,tp_dst=0/0x8000,dl_src=00:00:00:00:00:00/01:00:00:00:00:00", i), apply(output(2))))
	}
	for i := range uint32(400) {
		l.send(1, to(1, i/2, 1, 1))
	}
	if w.cache.Len() < 100 {
		t.Fatalf("%d microflows: this test tests nothing", w.cache.Len())
	}
	for i := range uint32(10) { // one of the two stays in use
		l.now.Add(int64(3 * time.Second))
		l.send(1, to(1, 2*(i%2), 1, 1))
		l.d.Collect()
		l.d.Poll()
	}
	l.d.Collect()
	l.d.Poll()
	l.d.Collect()
	l.d.Poll()
	left := 0
	w.cache.Each(func(_ *flow.Key, p *program) bool {
		if !p.cached.Load() {
			left++
		}
		return true
	})
	if left != 0 || w.sweeper.active || w.sweeper.untidy.Load() {
		t.Errorf("%d microflows lead to programs that have left", left)
	}
	if n := w.mega.Len(); n != 1 {
		t.Errorf("%d megaflows, want the one in use", n)
	}
}

// explosionBits are the bits of a frame that explosion's entries match, by field.
var explosionBits = []struct {
	field string
	bits  int
	at    int // byte of the frame
}{{"tp_dst", 16, 36}, {"tp_src", 16, 34}, {"nw_src", 32, 26}, {"nw_dst", 32, 30}, {"dl_src", 40, 7}, {"dl_dst", 40, 1}}

// explosionMasks is the number of masks that a peer can make us build.
const explosionMasks = 176

// explosion adds entries for one bit each, so that a frame whose first bits are 0 makes a mask
// as long as there are zeros.
func explosion(t testing.TB, l *lab) {
	t.Helper()
	prio := uint16(1000)
	for _, f := range explosionBits {
		for i := range f.bits {
			v := ""
			switch bit := uint64(1) << (f.bits - 1 - i); {
			case f.bits == 16:
				v = fmt.Sprintf("%d/%#x", bit, bit)
			case f.bits == 32:
				v = dotted(uint32(bit)) + "/" + dotted(uint32(bit))
			default:
				mac := fmt.Sprintf("00:%02x:%02x:%02x:%02x:%02x", bit>>32&255, bit>>24&255, bit>>16&255, bit>>8&255, bit&255)
				v = mac + "/" + mac
			}
			l.add(flowMod(t, 0, prio, "in_port=1,udp,"+f.field+"="+v, apply(output(3))))
			prio--
		}
	}
	l.add(flowMod(t, 0, 1, "in_port=1", apply(output(3))))
	l.add(flowMod(t, 0, 1, "in_port=2", apply(output(3))))
}

// hostile is a frame whose first n bits of explosionBits are 0, the next one 1, and the others
// anything.
func hostile(rng *rand.Rand, n int) []byte {
	b := to(rng.Uint32(), rng.Uint32(), uint16(rng.Uint32()), uint16(rng.Uint32()))
	for _, f := range explosionBits {
		for i := range f.bits {
			at, bit := f.at+i/8, byte(0x80)>>(i%8)
			switch {
			case n > 0:
				b[at] &^= bit
			case n == 0:
				b[at] |= bit
			}
			n--
		}
	}
	return b
}

// A peer that makes us build masks fills the megaflow cache of his own port, up to the bound;
// another port's searches stay as short as they were, and all frames are forwarded and counted.
func TestExplosion(t *testing.T) {
	l := newLab(t, 3)
	explosion(t, l)
	w := l.d.workers()[0]
	victim := l.b.conf.Load().ports[2].num
	attacker := l.b.conf.Load().ports[1].num
	rng := rand.New(rand.NewPCG(2, 2))
	sent, arrived := 0, 0
	for i := range 6000 {
		l.send(1, hostile(rng, i%explosionMasks))
		l.send(2, to(7, uint32(i), 1, 1))
		sent += 2
		if i%500 == 0 {
			arrived += len(l.sent(3))
			l.d.Collect()
		}
	}
	arrived += len(l.sent(3))
	if arrived != sent {
		t.Errorf("%d frames arrived of %d", arrived, sent)
	}
	if n := w.mega.MasksOf(attacker); n != megaflowMasks {
		t.Errorf("the peer has %d masks, want as many as there may be, %d", n, megaflowMasks)
	}
	if n := w.mega.MasksOf(victim); n != 1 {
		t.Errorf("the other port has %d masks, want 1", n)
	}
	if n := w.mega.Len(); n > w.mega.Cap() {
		t.Errorf("%d megaflows of %d", n, w.mega.Cap())
	}
	before := w.counts.Misses
	for i := range uint32(100) {
		l.send(2, to(8, i, 2, 2))
	}
	if w.counts.Misses != before {
		t.Errorf("the other port's frames were translated %d times", w.counts.Misses-before)
	}
	var n uint64
	if err := l.b.FlowStats(&ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}, func(s *ofp.FlowStats) error {
		n += s.PacketCount
		return nil
	}); err != nil || n != uint64(sent+100) {
		t.Errorf("%d frames counted of %d (%v)", n, sent+100, err)
	}
}

// What dpctl/dump-flows prints is what is cached: only what was looked at, masks behind
// what is not whole, and counters of all flows that go by it.
func TestMegaflowText(t *testing.T) {
	for name, tt := range map[string]struct {
		match string
		does  ofp.Instructions
		frame []byte
		want  string
	}{
		"port":     {"in_port=1", apply(output(2)), to(1, 2, 3, 4), "recirc_id(0),in_port(1),packet_type(ns=0,id=0),eth_type(0x0800), packets:3, bytes:192, used:0.000s, actions:2"},
		"prefix":   {"ip,nw_dst=10.0.0.0/8", apply(output(2)), to(1, 0x0a000002, 3, 4), "eth_type(0x0800),ipv4(dst=10.0.0.0/255.0.0.0), packets:3"},
		"exact":    {"udp,nw_src=10.1.2.3,tp_dst=4", apply(output(2)), to(0x0a010203, 2, 3, 4), "eth_type(0x0800),ipv4(src=10.1.2.3,proto=17),udp(dst=4), packets:3"},
		"bits":     {"udp,tp_dst=0x8000/0xf000,dl_src=02:00:00:00:00:00/ff:00:00:00:00:00", apply(output(2)), to(1, 2, 3, 0x8004), "eth(src=02:00:00:00:00:00/ff:00:00:00:00:00),eth_type(0x0800),ipv4(proto=17),udp(dst=32768/0xf000), packets:3"},
		"TTL":      {"ip", apply(ofp.DecNwTTL{}, output(2)), to(1, 2, 3, 4), "ipv4(ttl=64/0x40), packets:3, bytes:192, used:0.000s, actions:dec_ttl,2"},
		"ToS":      {"ip,nw_tos=0", apply(ofp.SetNwTTL{TTL: 9}, output(2)), to(1, 2, 3, 4), "ipv4(tos=0/0xfc), packets:3, bytes:192, used:0.000s, actions:set(ipv4(ttl=9)),2"},
		"a tag":    {"dl_vlan=5", apply(output(2)), tagged(to(1, 2, 3, 4), 0x8100, 5), "packet_type(ns=0,id=0),vlan(vid=5),encap(eth_type(0x0800)), packets:3"},
		"two tags": {"dl_vlan=5,dl_type=0x800", apply(ofp.PopVLAN{}, output(2)), tagged(tagged(to(1, 2, 3, 4), 0x8100, 6), 0x88a8, 5), "encap(eth_type(0x0800))), packets:3"},
		"other":    {"dl_type=0x88b5", apply(output(2)), append([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5}, make([]byte, 50)...), "packet_type(ns=0,id=0),eth_type(0x88b5), packets:3"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, 2)
			l.add(flowMod(t, 0, 1, tt.match, tt.does))
			l.send(1, tt.frame, tt.frame, tt.frame)
			list := l.d.CachedFlows()
			if len(list) == 0 {
				t.Fatal("no flows")
			}
			if got := list[0].Text(false); !strings.Contains(got, tt.want) {
				t.Errorf("got\n%s, want\n%s", got, tt.want)
			}
		})
	}
}
