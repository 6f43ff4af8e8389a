package flowtable

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"ofswitch/classifier"
	"ofswitch/flow"
	"ofswitch/ofp"
)

func exact(m *ofp.FlowMod, i int) {
	m.Match.Set(flow.EthDst, flow.Value{Lo: uint64(i) * 0x9e3779b1 & 0xffffffffffff})
	m.Match.Set(flow.IPv4Dst, flow.Value{Lo: uint64(i) & 0xffffffff})
}

func fill(b *testing.B, n int, idle uint16) (*Tables, *ofp.FlowMod, classifier.Version) {
	b.Helper()
	tables := NewTables()
	m := &ofp.FlowMod{Priority: 10, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny, IdleTimeout: idle, Instructions: out(1)}
	m.Match.Set(flow.EthType, flow.Value{Lo: 0x0800})
	v := classifier.Version(0)
	for i := range n {
		exact(m, i)
		v++
		if _, err := tables.Apply(m, v, 0); err != nil {
			b.Fatal(err)
		}
	}
	return tables, m, v
}

func BenchmarkAddDelete(b *testing.B) {
	for _, n := range []int{0, 1000, 100_000} {
		for _, idle := range []uint16{0, 60} {
			b.Run(fmt.Sprintf("flows=%d/idle=%d", n, idle), func(b *testing.B) {
				tables, m, v := fill(b, n, idle)
				b.ReportAllocs()
				for i := n; b.Loop(); i++ {
					exact(m, i)
					m.Command = ofp.FlowAdd
					v++
					if _, err := tables.Apply(m, v, int64(i)); err != nil {
						b.Fatal(err)
					}
					m.Command = ofp.FlowDeleteStrict
					v++
					c, err := tables.Apply(m, v, int64(i))
					if err != nil || len(c.Removed) != 1 {
						b.Fatal(c, err)
					}
					tables.Unlink(c.Dead())
				}
			})
		}
	}
}

func BenchmarkModifyStrict(b *testing.B) {
	const n = 100_000
	tables, m, v := fill(b, n, 0)
	m.Command = ofp.FlowModifyStrict
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		exact(m, i%n)
		v++
		c, err := tables.Apply(m, v, 0)
		if err != nil || len(c.Modified) != 1 {
			b.Fatal(c, err)
		}
		tables.Unlink(c.Dead())
	}
}

// BenchmarkExpireIdle is what a second costs with flows that wait.
func BenchmarkExpireIdle(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("flows=%d", n), func(b *testing.B) {
			tables, _, v := fill(b, n, 60)
			for b.Loop() {
				if !tables.Expire(v+1, second).Empty() {
					b.Fatal("expired")
				}
			}
		})
	}
}

// BenchmarkMemory reports the bytes that a flow takes.
func BenchmarkMemory(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		tables, _, _ := fill(b, n, 60)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "bytes/flow")
		runtime.KeepAlive(tables)
	}
}

// BenchmarkDeleteSome is a delete that is about a few of many entries, by cookie, by port and by a
// match that covers all.
func BenchmarkDeleteSome(b *testing.B) {
	const n = 100_000
	for _, by := range []string{"cookie", "port", "match"} {
		b.Run(by, func(b *testing.B) {
			tables, add, v := fill(b, n, 0)
			del := &ofp.FlowMod{Command: ofp.FlowDelete, Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
			switch by {
			case "cookie":
				del.Cookie, del.CookieMask = 7, ^uint64(0)
			case "port":
				del.OutPort = 7
			case "match":
				del.Cookie, del.CookieMask = 7, 0xff
				del.Match.Set(flow.EthType, flow.Value{Lo: 0x0800})
			}
			add.Cookie, add.Instructions = 7, out(7)
			for b.Loop() {
				v += 2
				exact(add, n)
				if _, err := tables.Apply(add, v, 0); err != nil {
					b.Fatal(err)
				}
				c, err := tables.Apply(del, v+1, 0)
				if err != nil || len(c.Removed) != 1 {
					b.Fatal(c, err)
				}
				tables.Unlink(c.Dead())
			}
		})
	}
}

// fillShuffled is fill with entries that do not lie in memory one after the other: some have been
// replaced.
func fillShuffled(b *testing.B, n int) (*Tables, classifier.Version) {
	tables, m, v := fill(b, n, 0)
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		exact(m, r.IntN(n))
		v++
		c, err := tables.Apply(m, v, 0)
		if err != nil {
			b.Fatal(err)
		}
		tables.UnlinkAll(c)
	}
	return tables, v
}

// BenchmarkAggregate is a look at each of a million entries, and at none.
func BenchmarkAggregate(b *testing.B) {
	const n = 1_000_000
	tables, v := fillShuffled(b, n)
	b.Run("sum", func(b *testing.B) {
		for b.Loop() {
			if _, err := tables.Sum(ofp.TableAll); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, by := range []string{"all", "cookie", "port"} {
		b.Run(by, func(b *testing.B) {
			req := &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
			switch by {
			case "cookie":
				req.Cookie, req.CookieMask = 7, ^uint64(0)
			case "port":
				req.OutPort = 1
			}
			for b.Loop() {
				if _, err := tables.Aggregate(req, v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("dump", func(b *testing.B) {
		req := &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
		var s ofp.FlowStats
		buf := make([]byte, 0, 65536)
		for b.Loop() {
			err := tables.Each(req, v, func(e *Entry) bool {
				e.FillStats(&s, 0)
				buf = s.Append(buf[:0])
				return true
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkDeleteAll removes a million entries, which are not taken out of memory yet.
func BenchmarkDeleteAll(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		b.StopTimer()
		tables, v := fillShuffled(b, n)
		del := &ofp.FlowMod{Command: ofp.FlowDelete, Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
		b.StartTimer()
		c, err := tables.Apply(del, v+1, 0)
		if err != nil || len(c.Removed) != n {
			b.Fatal(err)
		}
	}
}

// BenchmarkCredit is what it costs to count for a lookup and the entry that it found.
func BenchmarkCredit(b *testing.B) {
	tb, c := NewTables().Table(0), new(Counters)
	for i := 0; b.Loop(); i++ {
		tb.Credit(c, 1, 1, 64, int64(i))
	}
}
