package l2

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"
)

// twin is the table written down as simply as can be: a list, searched whole.
type twin struct {
	max    int
	ageing int64
	born   uint64
	rows   []*twinRow
}

type twinRow struct {
	vlan uint16
	mac  MAC
	port uint32
	used int64
	born uint64
	e    *Entry // what the real table gave for it
	seq  uint64
}

func (t *twin) find(vlan uint16, mac MAC) *twinRow {
	for _, r := range t.rows {
		if r.vlan == vlan && r.mac == mac {
			return r
		}
	}
	return nil
}

func (t *twin) remove(gone func(*twinRow) bool) (n int) {
	before := len(t.rows)
	t.rows = slices.DeleteFunc(t.rows, gone)
	return before - len(t.rows)
}

func (t *twin) evict() {
	counts := map[uint32]int{}
	for _, r := range t.rows {
		counts[r.port]++
	}
	var most uint32
	for port, n := range counts {
		if n > counts[most] || n == counts[most] && port < most {
			most = port
		}
	}
	var oldest *twinRow
	for _, r := range t.rows {
		if r.port == most && (oldest == nil || r.used < oldest.used || r.used == oldest.used && r.born < oldest.born) {
			oldest = r
		}
	}
	t.remove(func(r *twinRow) bool { return r == oldest })
}

func (t *twin) learn(vlan uint16, mac MAC, port uint32, now int64) (r *twinRow, changed bool) {
	if mac>>40&1 == 1 {
		return nil, false
	}
	if r := t.find(vlan, mac); r != nil {
		r.used = max(r.used, now)
		changed := r.port != port
		r.port = port
		return r, changed
	}
	for len(t.rows) >= t.max {
		t.evict()
	}
	r = &twinRow{vlan: vlan, mac: mac, port: port, used: now, born: t.born}
	t.born++
	t.rows = append(t.rows, r)
	return r, true
}

// TestTwin: random operations on the table and on its twin, compared after
// each one.
func TestTwin(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			limit := 1 + r.IntN(40)
			fdb := NewFDB(limit, time.Duration(1000))
			slow := &twin{max: limit, ageing: 1000}
			var dead []*Entry
			now := int64(0)
			hits := map[string]int{}
			for op := range 6000 {
				now += int64(r.IntN(8))
				vlan, mac, port := uint16(r.IntN(3)), MAC(r.IntN(60)), uint32(1+r.IntN(5))
				if r.IntN(20) == 0 {
					mac |= 1 << 40
				}
				if r.IntN(3) == 0 {
					port = 1 // one port talks more than the others
				}
				before := slices.Clone(slow.rows)
				switch x := r.IntN(100); {
				case x < 60:
					e, changed := fdb.Learn(vlan, mac, port, now)
					row, wantChanged := slow.learn(vlan, mac, port, now)
					if changed != wantChanged || (e == nil) != (row == nil) {
						t.Fatalf("op %d: Learn %v, %v; want %v, %v", op, e, changed, row, wantChanged)
					}
					if row == nil {
						hits["multicast"]++
						break
					}
					switch {
					case row.e == nil:
						hits["new"]++
						if len(slow.rows) <= len(before) {
							hits["evict"]++
						}
						row.e, row.seq = e, e.Seq()
					case row.e != e:
						t.Fatalf("op %d: another entry for a known address", op)
					case changed:
						hits["move"]++
						if e.Seq() == row.seq {
							t.Fatalf("op %d: moved without a new Seq", op)
						}
						row.seq = e.Seq()
					default:
						hits["known"]++
					}
				case x < 90 && len(slow.rows) > 0:
					row := slow.rows[r.IntN(len(slow.rows))]
					at := now - int64(r.IntN(50)) // out of order too
					row.e.Refresh(at)
					row.used = max(row.used, at)
				case x < 96:
					now += int64(r.IntN(300))
					want := slow.remove(func(r *twinRow) bool { return now-r.used >= slow.ageing })
					hits["expire"] += want
					if got := fdb.Expire(now); got != want {
						t.Fatalf("op %d: %d expired, want %d", op, got, want)
					}
				case x < 98:
					want := slow.remove(func(r *twinRow) bool { return r.port == port })
					if got := fdb.FlushPort(port); got != want {
						t.Fatalf("op %d: %d flushed, want %d", op, got, want)
					}
				case x == 98 && r.IntN(4) == 0:
					want := slow.remove(func(*twinRow) bool { return true })
					if got := fdb.Flush(); got != want {
						t.Fatalf("op %d: %d flushed, want %d", op, got, want)
					}
				case x == 99:
					slow.max, slow.ageing = 1+r.IntN(40), int64(300+r.IntN(1000))
					n := len(slow.rows)
					for len(slow.rows) > slow.max {
						slow.evict()
					}
					if got := fdb.SetLimits(slow.max, time.Duration(slow.ageing)); got != n-len(slow.rows) {
						t.Fatalf("op %d: %d evicted, want %d", op, got, n-len(slow.rows))
					}
				}
				for _, row := range before {
					if !slices.Contains(slow.rows, row) {
						dead = append(dead, row.e)
					}
				}
				compare(t, op, fdb, slow, now)
				for _, e := range dead {
					if e.Alive() {
						t.Fatalf("op %d: %v removed and alive", op, e.MAC)
					}
				}
				if len(dead) > 200 {
					dead = dead[100:]
				}
			}
			for _, what := range []string{"new", "known", "move", "evict", "expire", "multicast"} {
				if hits[what] < 10 {
					t.Errorf("%q happened only %d times", what, hits[what])
				}
			}
		})
	}
}

func compare(t *testing.T, op int, fdb *FDB, slow *twin, now int64) {
	t.Helper()
	for _, r := range slow.rows {
		e := fdb.Lookup(r.vlan, r.mac)
		if e == nil || e != r.e || e.Port() != r.port || e.Seq() != r.seq || !e.Alive() || e.LastUsed() != r.used || e.VLAN != r.vlan || e.MAC != r.mac {
			t.Fatalf("op %d: %d/%v: entry %+v, want %+v", op, r.vlan, r.mac, e, r)
		}
	}
	want := make([]Row, 0, len(slow.rows))
	for _, r := range slow.rows {
		want = append(want, Row{Port: r.port, VLAN: r.vlan, MAC: r.mac, Age: time.Duration(max(0, now-r.used))})
	}
	slices.SortFunc(want, func(a, b Row) int {
		return cmp.Or(-cmp.Compare(a.Age, b.Age), cmp.Compare(a.VLAN, b.VLAN), cmp.Compare(a.MAC, b.MAC))
	})
	if got := fdb.List(now); !slices.Equal(got, want) {
		t.Fatalf("op %d: list\n%v, want\n%v", op, got, want)
	}
	if s := fdb.Stats(); s.Entries != len(slow.rows) || s.MaxEntries != slow.max || int64(s.Ageing) != slow.ageing {
		t.Fatalf("op %d: %+v, want %d entries", op, s, len(slow.rows))
	}
}

// TestFairEviction: a port that makes up addresses loses its own.
func TestFairEviction(t *testing.T) {
	fdb := NewFDB(100, time.Hour)
	for i := range MAC(10) {
		fdb.Learn(0, 0x1000+i, 1, 0) // older than all of the flood
	}
	for i := range MAC(10000) {
		if _, changed := fdb.Learn(0, 0x20000+i, 2, int64(1+i)); !changed {
			t.Fatal("new address reported as known")
		}
	}
	for i := range MAC(10) {
		if fdb.Lookup(0, 0x1000+i) == nil {
			t.Errorf("port 1 lost %v to the flood of port 2", 0x1000+i)
		}
	}
	if s := fdb.Stats(); s.Entries != 100 || s.Evicted != 9910 || s.Learnt != 10010 {
		t.Errorf("%+v", s)
	}
	// What stays of the flood is its end.
	for i := MAC(10000 - 90); i < 10000; i++ {
		if fdb.Lookup(0, 0x20000+i) == nil {
			t.Fatalf("%v evicted before older ones", 0x20000+i)
		}
	}
}

// TestGrowth: chains stay short, however many addresses there are, and a table
// that was flushed is small again.
func TestGrowth(t *testing.T) {
	fdb := NewFDB(5000, time.Hour)
	for i := range MAC(5000) {
		fdb.Learn(0, i, 1, 0)
	}
	if n := len(fdb.table.Load().buckets); n < 5000 || n > 16384 {
		t.Errorf("%d buckets for 5000 addresses", n)
	}
	for i := range MAC(5000) {
		if e := fdb.Lookup(0, i); e == nil || e.MAC != i {
			t.Fatalf("%v lost", i)
		}
	}
	if fdb.Flush() != 5000 || len(fdb.table.Load().buckets) != minBuckets {
		t.Error("still large after a flush")
	}
}

// TestVLANsApart: the same address in two VLANs is two entries.
func TestVLANsApart(t *testing.T) {
	fdb := NewFDB(0, 0)
	a, _ := fdb.Learn(1, 7, 10, 0)
	b, changed := fdb.Learn(2, 7, 20, 0)
	if a == b || !changed || fdb.Lookup(1, 7).Port() != 10 || fdb.Lookup(2, 7).Port() != 20 || fdb.Lookup(0, 7) != nil {
		t.Error("VLANs share an entry")
	}
	if s := fdb.Stats(); s.MaxEntries != DefaultEntries || s.Ageing != DefaultAgeing {
		t.Errorf("defaults: %+v", s)
	}
	// Bits above the 48 are no part of an address.
	if fdb.Lookup(1, 7|1<<50) != a {
		t.Error("bits above the address count")
	}
}

// TestRelearnt: an address that went and comes back is another entry, so that
// a program that held the first one stays stale.
func TestRelearnt(t *testing.T) {
	fdb := NewFDB(10, 100)
	a, _ := fdb.Learn(0, 7, 1, 0)
	if fdb.Expire(99) != 0 || !a.Alive() {
		t.Error("expired early")
	}
	if fdb.Expire(100) != 1 || a.Alive() || fdb.Lookup(0, 7) != nil {
		t.Error("did not expire")
	}
	b, changed := fdb.Learn(0, 7, 1, 200)
	if b == a || !changed || a.Alive() || !b.Alive() {
		t.Error("the dead entry came back")
	}
	fdb.Flush()
	if b.Alive() {
		t.Error("alive after a flush")
	}
}

// TestConcurrent lets readers look up, depend and refresh while a writer
// learns, moves, expires and flushes. The race detector watches; an entry that
// nobody takes out must never be missed.
func TestConcurrent(t *testing.T) {
	fdb := NewFDB(1000, 50)
	pinned, _ := fdb.Learn(9, 9, 9, 0)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for g := range uint64(3) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r := rand.New(rand.NewPCG(g, 2))
			for {
				select {
				case <-stop:
					return
				default:
				}
				if e := fdb.Lookup(9, 9); e != pinned {
					t.Errorf("pinned entry missed: %v", e)
					return
				}
				if e := fdb.Lookup(0, MAC(r.IntN(3000))); e != nil {
					seq := e.Seq()
					port := e.Port()
					e.Refresh(e.LastUsed())
					// Moves go 1, 2, 3, ...: the port is at least as new
					// as the sequence number says.
					if uint64(port) < seq+1 {
						t.Errorf("port %d with sequence number %d", port, seq)
						return
					}
				}
			}
		}()
	}
	r := rand.New(rand.NewPCG(3, 3))
	for now := range int64(30000) {
		pinned.Refresh(now)
		mac := MAC(r.IntN(3000))
		port := uint32(1)
		if e := fdb.Lookup(0, mac); e != nil {
			port = e.Port() + uint32(r.IntN(2))
		}
		fdb.Learn(0, mac, port, now)
		if now%97 == 0 {
			fdb.Expire(now)
		}
		if now%1013 == 0 {
			fdb.FlushPort(uint32(1 + r.IntN(3)))
		}
	}
	close(stop)
	wg.Wait()
	if !pinned.Alive() {
		t.Error("pinned entry went")
	}
}

// TestKnownIsCheap: relearning and lookups make no garbage.
func TestKnownIsCheap(t *testing.T) {
	fdb := NewFDB(0, 0)
	fdb.Learn(0, 7, 1, 0)
	now := int64(0)
	if n := testing.AllocsPerRun(100, func() {
		now++
		if _, changed := fdb.Learn(0, 7, 1, now); changed {
			t.Error("known address reported as changed")
		}
		fdb.Lookup(0, 8)
		fdb.Expire(now)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFDB(b *testing.B) {
	for _, n := range []int{100, 8192, 100000} {
		fdb := NewFDB(n, time.Hour)
		for i := range n {
			fdb.Learn(0, MAC(i)<<8, uint32(i%64), int64(i))
		}
		b.Run(fmt.Sprintf("lookup-%d", n), func(b *testing.B) {
			i := 0
			for b.Loop() {
				fdb.Lookup(0, MAC(i%n)<<8)
				i++
			}
		})
		b.Run(fmt.Sprintf("learn-known-%d", n), func(b *testing.B) {
			i := 0
			for b.Loop() {
				fdb.Learn(0, MAC(i%n)<<8, uint32(i%n%64), int64(n+i))
				i++
			}
		})
		b.Run(fmt.Sprintf("learn-evict-%d", n), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				fdb.Learn(1, MAC(i), 1, int64(i))
				i++
			}
		})
	}
}
