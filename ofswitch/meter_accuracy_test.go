package ofswitch

import (
	"fmt"
	"math"
	"testing"

	"ofswitch/ofp"
	"ofswitch/packet"
	"ofswitch/ports"
)

// meterLoads are the rates that meters are held to, each with the frames that it
// is offered.
var meterLoads = []struct {
	flags ofp.MeterFlags
	rate  uint32
	sizes []string // of meterFrame
	slow  bool     // many frames: once, and not at all where time counts
}{
	{ofp.MeterFlagPKTPS, 100, []string{"64", "1500", "GSO"}, false},
	{ofp.MeterFlagPKTPS, 1000, []string{"64", "1500", "GSO"}, false},
	{ofp.MeterFlagPKTPS, 20_000, []string{"64", "1500", "GSO"}, true},
	{ofp.MeterFlagKBPS, 1000, []string{"64", "1500", "GSO"}, false},
	{ofp.MeterFlagKBPS, 10_000, []string{"64", "1500", "GSO"}, false},
	{ofp.MeterFlagKBPS, 100_000, []string{"64", "1500", "GSO"}, true},
	{ofp.MeterFlagKBPS, 1_000_000, []string{"1500", "GSO"}, true},
}

// meterFrame is a frame of 64 or 1500 bytes, or a GSO frame of 45 segments.
func meterFrame(t testing.TB, size string) *packet.Frame {
	switch size {
	case "64":
		return packet.FromBytes(udp(1, 2, 3, 4))
	case "1500":
		return tcpFrame(t, 1446, 0)
	}
	return tcpFrame(t, 45*1448, 1448)
}

// heldUp turns the times at which frames come into those at which a worker gets to
// them, in nanoseconds.
var heldUp = []struct {
	name string
	of   func() func(at int64) int64
}{
	{"at once", func() func(int64) int64 { return func(at int64) int64 { return at } }},
	{"every 5 ms", func() func(int64) int64 { return func(at int64) int64 { return (at/5e6 + 1) * 5e6 } }},
	{"by up to 30 ms", func() func(int64) int64 {
		rng, until := newRand(7), int64(0)
		return func(at int64) int64 {
			if at > until && rng.IntN(100) == 0 {
				until = at + rng.Int64N(30e6)
			}
			return max(at, until)
		}
	}},
	// As on a machine with too much to do.
	{"200 ms late", func() func(int64) int64 {
		const period, gap = 1200e6, 200e6
		return func(at int64) int64 {
			if in := at % period; in >= period-gap {
				return at - in + period
			}
			return at
		}
	}},
}

// TestMeterAccuracy: of 5 s of twice the rate, offered to two workers at once, a
// meter lets the rate pass, to within 2 %. The clock is the test's.
func TestMeterAccuracy(t *testing.T) {
	for _, load := range meterLoads {
		if load.slow && (testing.Short() || raceEnabled) {
			continue
		}
		for _, size := range load.sizes {
			for _, h := range heldUp {
				if load.slow && h.name != "by up to 30 ms" {
					continue
				}
				t.Run(fmt.Sprintf("%d %v, %s, %s", load.rate, load.flags, size, h.name), func(t *testing.T) {
					passed, offered := metered(t, load.flags, load.rate, meterFrame(t, size), h.of())
					// The load is one of whole frames: half of it is the rate.
					if off := 2*passed/offered - 1; math.Abs(off) > 0.02 {
						t.Errorf("%.0f passed of %.0f in 5 s: off by %.2f %%", passed, offered, 100*off)
					}
				})
			}
		}
	}
}

// metered offers a meter twice its rate for 5 s, and says what was offered and what
// passed, in packets or bits.
func metered(t *testing.T, flags ofp.MeterFlags, rate uint32, frame *packet.Frame, held func(at int64) int64) (passed, offered float64) {
	const seconds, ring = 5, 4096
	l := newLab(t, 0, func(o *Options) { o.Workers = 2 })
	for i := range 3 {
		m := ports.NewMemWith(fmt.Sprint("mem", i), ports.MemOptions{Ring: ring, Capture: -1, Caps: ports.Caps{Csum: true, GSOTCPv4: true}})
		if err := l.b.AddPort(ofp.PortNo(i+1), m); err != nil {
			t.Fatal(err)
		}
		l.ports = append(l.ports, m)
	}
	l.meterMod(&ofp.MeterMod{MeterID: 1, Flags: flags, Bands: []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: rate}}})
	l.add(flowMod(t, 0, 1, "", then(ofp.Instructions{Has: 1 << ofp.InstrMeter, Meter: 1}, 1)))
	behind := flowMod(t, 1, 1, "", apply(output(3)))
	behind.Cookie = 1
	l.add(behind)

	packets, bytes := uint64(1), uint64(frame.Len())
	if frame.Offload.IsGSO() {
		packets, bytes = frame.Segments()
	}
	unit, amount := float64(packets), float64(rate)
	if flags&ofp.MeterFlagPKTPS == 0 {
		unit, amount = 8*float64(bytes), 1000*float64(rate)
	}
	gap := unit / (2 * amount) * 1e9
	start := l.now.Load()
	in, waiting := uint64(0), 0
	forward := func() {
		for l.d.Poll() > 0 {
		}
		waiting = 0
	}
	for i := 0; ; i++ {
		at := int64(float64(i) * gap)
		if at >= seconds*1e9 {
			break
		}
		now := start + held(at)
		if now != l.now.Load() || waiting == ring {
			forward() // what came by the time before
			l.now.Store(now)
		}
		if l.ports[i%2].Inject(frame) != 1 {
			t.Fatal("a port is full")
		}
		in += packets
		waiting++
	}
	forward()

	c := counts(t, l.b)
	if c[0][0] != in {
		t.Errorf("%d packets came to the meter, want %d", c[0][0], in)
	}
	if s := l.ports[2].Stats(); s.TxBytes < c[1][1] {
		t.Errorf("port 3 sent %d bytes, the flow behind the meter counted %d", s.TxBytes, c[1][1])
	}
	err := l.b.MeterStats(1, func(s *ofp.MeterStats) error {
		if s.PacketInCount != in || s.Bands[0].PacketCount != in-c[1][0] {
			t.Errorf("the meter counted %+v; %d packets came, %d passed", s, in, c[1][0])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	offered = unit * float64(in/packets)
	if math.Abs(offered/(2*seconds*amount)-1) > 0.05 {
		t.Errorf("offered %.0f, want %.0f", offered, 2*seconds*amount)
	}
	if flags&ofp.MeterFlagPKTPS != 0 {
		return float64(c[1][0]), offered
	}
	return 8 * float64(c[1][1]), offered
}
