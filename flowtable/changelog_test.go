package flowtable

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
)

// exactly is the set that has w alone in it.
func exactly(w *flow.Wide) *flow.Match {
	m := &flow.Match{Value: *w}
	for i := range m.Mask {
		m.Mask[i] = ^uint64(0)
	}
	return m
}

func TestAffects(t *testing.T) {
	s := newStory(t)
	var w flow.Wide
	flow.EthType.Field().Set(&w, flow.Value{Lo: 0x0806})
	tb := s.Table(0)
	want := func(from, to classifier.Version, priority int32, affected bool) {
		t.Helper()
		if got := tb.Affects(from, to, exactly(&w), priority); got != affected {
			t.Errorf("(%d, %d] at priority %d: %v, want %v", from, to, priority, got, affected)
		}
	}
	want(0, 5, -1, false) // nothing ever happened
	s.add(5, "arp")       // version 1
	s.add(7, "tcp")       // 2
	s.add(3, "arp")       // 3
	want(0, 1, -1, true)
	want(0, 1, 5, true) // of equal priority
	want(0, 1, 6, false)
	want(1, 2, -1, false) // another frame
	want(1, 3, -1, true)
	want(1, 3, 4, false)
	want(1, 2, 3, false) // the change at 3 is not asked about
	want(3, 3, -1, false)
	s.do(s.mod(ofp.FlowModify, 0, "arp")) // 4: both
	want(3, 4, 5, true)
	want(3, 4, 6, false)
	s.do(s.mod(ofp.FlowDelete, 0, "tcp")) // 5
	want(4, 5, -1, false)
	// More changes than the log holds: whoever is older does not know.
	v := s.v
	for range logLen + blockLen {
		s.add(9, "udp")
	}
	want(v, s.v, -1, true)
	want(s.v-logLen, s.v, -1, false)
	// One change of more than that, of a frame's or not.
	for i := range logLen + 1 {
		s.add(uint16(i), "sctp")
	}
	v = s.v
	s.do(s.mod(ofp.FlowDelete, 0, "sctp"))
	want(v, s.v, -1, true)
	want(s.v, s.v, -1, false)
	s.add(1, "icmp")
	want(s.v-1, s.v, -1, false)
	// Another table's changes are its own.
	s.add(1, "arp", table(4))
	want(s.v-1, s.v, -1, false)
}

// What is asked about is a set of frames: a change concerns it that concerns one of them.
func TestAffectsSets(t *testing.T) {
	s := newStory(t)
	s.add(5, "ip,nw_dst=10.1.0.0/16")
	from := s.v
	s.add(7, "ip,nw_dst=10.1.2.0/24")
	set := func(text string) *flow.Match {
		m, err := flow.ParseMatch(text)
		if err != nil {
			t.Fatal(err)
		}
		return &m
	}
	for text, want := range map[string]bool{
		"":                               true,
		"ip":                             true,
		"arp":                            false,
		"ip,nw_dst=10.1.2.3":             true,
		"ip,nw_dst=10.1.3.0/24":          false,
		"ip,nw_dst=10.1.0.0/16":          true,
		"ip,nw_dst=10.1.1.0/24":          false,
		"ip,nw_dst=0.0.2.0/0.0.7.0":      true,
		"ip,nw_dst=0.0.3.0/0.0.7.0":      false,
		"tcp,nw_src=10.9.9.9":            true,
		"ip,nw_dst=10.1.2.128/25":        true,
		"ip,nw_dst=128.0.0.0/1":          false,
		"dl_src=02:00:00:00:00:01":       true,
		"ipv6,ipv6_dst=fd00::1":          false,
		"dl_type=0x800,dl_vlan=7":        true,
		"ip,nw_dst=10.1.2.0/23":          true,
		"ip,nw_dst=10.1.0.0/23":          false,
		"in_port=1,ip,nw_dst=10.0.0.0/8": true,
	} {
		if got := s.Table(0).Affects(from, s.v, set(text), 5); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	if s.Table(0).Affects(from, s.v, set("ip"), 8) {
		t.Error("an entry of lower priority than the one found concerns nobody")
	}
}

// Blocks of changes are passed over only if none of theirs concerns the frames, at
// whatever place it stands and however far the reader is behind.
func TestAffectsBlocks(t *testing.T) {
	for at := range 3*blockLen + 1 {
		s := newStory(t)
		from := s.v
		for i := range 3*blockLen + 5 {
			if i == at {
				s.add(9, "udp,nw_dst=10.0.0.1")
			} else {
				s.add(uint16(2+i%3), fmt.Sprintf("udp,nw_dst=10.9.%d.%d", i/200, i%200))
			}
		}
		var w flow.Wide
		flow.EthType.Field().Set(&w, flow.Value{Lo: 0x0800})
		flow.IPProto.Field().Set(&w, flow.Value{Lo: 17})
		flow.IPv4Dst.Field().Set(&w, flow.Value{Lo: 0x0a000001})
		tb := s.Table(0)
		for behind := range s.v - from {
			want := int(s.v-behind-from) <= at
			if got := tb.Affects(s.v-behind, s.v, exactly(&w), 5); got != want {
				t.Fatalf("change %d, %d behind: %v, want %v", at, behind, got, want)
			}
		}
	}
}

// A reader that is overtaken by the whole log while it walks says that it does
// not know, at whatever point that happens.
func TestAffectsOvertaken(t *testing.T) {
	var w flow.Wide
	flow.EthType.Field().Set(&w, flow.Value{Lo: 0x0806})
	for _, overtaken := range []int{0, 1, 100, logLen - 1, logLen, 2 * logLen} {
		s := newStory(t)
		s.add(1, "udp")
		from := s.v
		s.add(1, "arp") // what must not be missed
		for range 20 {
			s.add(2, "udp")
		}
		to, log := s.v, &s.Table(0).log
		head := log.head.Load()
		for range overtaken {
			s.add(3, "tcp")
		}
		if !log.walk(head, from, to, exactly(&w), 0) {
			t.Errorf("overtaken by %d changes: the change was missed", overtaken)
		}
		if overtaken < logLen-100 && log.walk(head, to, to, exactly(&w), 0) {
			t.Errorf("overtaken by %d changes: one that is not there was seen", overtaken)
		}
	}
}

// Readers ask while the log turns over under them: a change that concerns them
// may not be missed.
func TestAffectsWhileWriting(t *testing.T) {
	s := newStory(t)
	addGroups(t, s.Tables, 0, 1, 2)
	tb := s.Table(0)
	var published atomic.Uint64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for r := range 2 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			rng := rand.New(rand.NewPCG(uint64(r), 3))
			type dependency struct {
				w     flow.Wide
				v     classifier.Version
				entry *Entry
			}
			deps := make([]dependency, 8)
			for i := range deps {
				deps[i].w = random{rng}.frame()
				deps[i].v = ^classifier.Version(0)
			}
			for !stop.Load() {
				d := &deps[rng.IntN(len(deps))]
				v := classifier.Version(published.Load())
				e := tb.Lookup(&d.w, v, nil)
				if d.v != ^classifier.Version(0) {
					priority := int32(-1)
					if d.entry != nil {
						priority = d.entry.Priority
					}
					if !tb.Affects(d.v, v, exactly(&d.w), priority) && e != d.entry {
						t.Errorf("from %d to %d: said to hold, but another entry is hit", d.v, v)
						stop.Store(true)
					}
				}
				d.v, d.entry = v, e
				if rng.IntN(4) == 0 { // the writer may be waiting for a processor
					runtime.Gosched()
				}
			}
		}()
	}
	rounds := 20000
	if testing.Short() || raceEnabled {
		rounds = 4000
	}
	rng := random{rand.New(rand.NewPCG(9, 9))}
	for i := 0; i < rounds && !stop.Load(); i++ {
		m := rng.flowMod()
		m.Table, m.Flags, m.Priority = 0, 0, uint16(rng.IntN(1<<16)) // no two alike: which one is hit is certain
		s.v++
		if _, err := s.Apply(m, s.v, s.now); err != nil && code(err) != ofp.FlowModFailedBadCommand {
			t.Error(err)
		}
		published.Store(uint64(s.v))
		if i%200 == 199 {
			s.v++
			if _, err := s.Apply(s.mod(ofp.FlowDelete, 0, "in_port=1"), s.v, s.now); err != nil {
				t.Error(err)
			}
			published.Store(uint64(s.v))
		}
		if i%4 == 0 {
			runtime.Gosched()
		}
	}
	stop.Store(true)
	wg.Wait()
}

func BenchmarkAffects(b *testing.B) {
	for _, behind := range []int{0, 1, 16, logLen} {
		b.Run(fmt.Sprintf("changes=%d", behind), func(b *testing.B) {
			tables := NewTables()
			m := &ofp.FlowMod{Match: flow.Match{}, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
			m.Match.Set(flow.EthType, flow.Value{Lo: 0x0800})
			for i := range 2 * logLen {
				m.Match.Set(flow.IPv4Dst, flow.Value{Lo: uint64(i)})
				if _, err := tables.Apply(m, classifier.Version(i+1), 0); err != nil {
					b.Fatal(err)
				}
			}
			v := classifier.Version(2 * logLen)
			w := exactly(&flow.Wide{})
			tb := tables.Table(0)
			for b.Loop() {
				tb.Affects(v-classifier.Version(behind), v, w, -1)
			}
		})
	}
}
