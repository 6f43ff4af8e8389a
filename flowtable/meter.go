package flowtable

import (
	"math/bits"
	"slices"
	"sync"

	"ofswitch/classifier"
	"ofswitch/ofp"
)

// Meter is one edition of a meter: what it was from one meter-mod to the next
// (OpenFlow 1.3.5 §5.7). Its configuration is immutable; Run may be called by any
// number of threads.
type Meter struct {
	ID      uint32
	Flags   ofp.MeterFlags
	Bands   []ofp.MeterBand // as they were sent
	Created int64           // nanoseconds of the datapath's clock; a modify changes nothing in it

	edition *edition[Meter]
	packets bool // rates count packets, not bits

	life  *meterLife
	gates []gate // by falling rate; under life.mu
}

// meterLife is what the editions of a meter share: a modify continues the
// meter's statistics and begins those of the bands anew (OpenFlow 1.3.5 §6.6).
type meterLife struct {
	mu             sync.Mutex
	packets, bytes uint64
	_              [40]byte // a cache line: workers of several cores write here
}

// gate is the token bucket of one band. Amounts are in units of which rate come
// in every nanosecond: for kbit/s a millionth of a bit, for packets/s a
// thousand-millionth of a packet. So all is exact in whole numbers.
type gate struct {
	rate  uint64
	base  uint64 // depth for small frames
	lump  uint64 // the most that ever came at once: the depth grows with it
	frame uint64 // the largest frame that ever came, likewise
	level uint64
	last  int64 // when level was right
	burst bool  // base is as configured

	band           int // index in Bands
	packets, bytes uint64
}

// burstTime is the base of bands without a configured burst, in nanoseconds of
// their rate. It lets frames through that came late, in a burst, because
// somebody else had the CPU; and adds no more than 1 % to what passes in 5 s.
const burstTime = 50e6

// lateBases is how many bases more a gate takes in that was nearly empty before:
// it is in the middle of a load, and what follows a gap of up to 250 ms is what
// could not be sent, or forwarded, in time. A gate that had enough takes in none
// of it, so that no load begins with more than a base.
const lateBases = 4

// minBurst is the least base without a configured burst, in bytes: a frame.
const minBurst = 1518

const (
	bitUnit    = 1e6 // units of a bit
	packetUnit = 1e9 // units of a packet
)

// newMeter makes an edition out of a meter-mod that was found good.
func newMeter(m *ofp.MeterMod, now int64) *Meter {
	mt := &Meter{
		ID:      m.MeterID,
		Flags:   m.Flags,
		Bands:   slices.Clone(m.Bands),
		Created: now,
		packets: m.Flags&ofp.MeterFlagPKTPS != 0,
		life:    new(meterLife),
		gates:   make([]gate, len(m.Bands)),
	}
	for i := range m.Bands {
		b := &m.Bands[i]
		g := gate{rate: uint64(b.Rate), band: i, last: now}
		if m.Flags&ofp.MeterFlagBurst != 0 && b.BurstSize != 0 {
			g.burst = true
			g.base = uint64(b.BurstSize) * 1e9 // kbit or packets
		} else {
			g.base = max(g.rate*burstTime, mt.cost(1, minBurst))
		}
		g.level = g.base
		mt.gates[i] = g
	}
	slices.SortStableFunc(mt.gates, func(a, b gate) int {
		switch {
		case a.rate > b.rate:
			return -1
		case a.rate < b.rate:
			return 1
		}
		return 0
	})
	return mt
}

// succeed makes m the meter's next edition after old. Bands whose rate and burst
// stay go on with what is in their buckets, so that who modifies a meter often gives no
// burst each time.
func (m *Meter) succeed(old *Meter) {
	m.Created, m.life = old.Created, old.life
	m.life.mu.Lock()
	defer m.life.mu.Unlock()
	if m.packets != old.packets {
		return
	}
	for i := range m.gates {
		g := &m.gates[i]
		for j := range old.gates {
			if o := &old.gates[j]; o.rate == g.rate && o.base == g.base && o.burst == g.burst {
				g.lump, g.frame, g.level, g.last = o.lump, o.frame, o.level, o.last
				break
			}
		}
	}
}

// cost is what packets of this many bytes take from a gate.
func (m *Meter) cost(packets, bytes uint64) uint64 {
	n, unit := bytes, uint64(8*bitUnit)
	if m.packets {
		n, unit = packets, packetUnit
	}
	hi, lo := bits.Mul64(n, unit)
	if hi != 0 || lo > 1<<62 {
		return 1 << 62 // no frame is that large
	}
	return lo
}

// Run puts a frame through the meter at now, in nanoseconds of the datapath's
// clock, and says what becomes of it: whether it is dropped, or by how many
// levels the drop precedence of its DSCP field rises (see [RaiseDrop]), 0: not at
// all. A frame that the ports segment counts as its segments, packets and wire
// bytes (packet.Frame.Segments), and is judged as a whole: ask [Meter.Split] first.
//
// Each band has a token bucket that fills at the band's rate. Of the bands
// whose bucket lacks what the frame needs, the one with the highest rate is
// applied (§5.7). Those of higher rate have given their tokens; those of
// lower rate keep theirs, since what a higher band dropped is not part of what they
// measure (as in RFC 2698, two rate three color marker). Clocks of threads may
// differ by a batch; an earlier time than the one known is taken for that.
func (m *Meter) Run(now int64, packets, bytes uint64) (drop bool, remark uint8) {
	cost := m.cost(packets, bytes)
	m.life.mu.Lock()
	defer m.life.mu.Unlock()
	m.life.packets += packets
	m.life.bytes += bytes
	for i := range m.gates {
		g := &m.gates[i]
		g.fill(now)
		if !g.burst || packets == 1 || g.level == g.depth() {
			g.grow(cost, cost/max(packets, 1))
		}
		if g.level >= cost {
			g.level -= cost
			continue
		}
		g.packets += packets
		g.bytes += bytes
		b := &m.Bands[g.band]
		if b.Type == ofp.MeterBandDSCPRemark {
			return false, b.PrecLevel
		}
		return true, 0
	}
	return false, 0
}

// Split says whether a frame of several segments is to be segmented, each
// segment to be put through Run, because some of them pass and others do not.
// That is so only where the frame is large beside the rate, so that it would
// not be kept if such a frame passed, or was missing, as a whole. Nothing is counted.
func (m *Meter) Split(now int64, packets, bytes uint64) bool {
	if packets < 2 {
		return false
	}
	cost := m.cost(packets, bytes)
	segment := cost / packets
	m.life.mu.Lock()
	defer m.life.mu.Unlock()
	split := false
	for i := range m.gates {
		g := &m.gates[i]
		if cost <= g.base/2 {
			continue
		}
		g.fill(now)
		if g.burst {
			g.grow(segment, segment)
		} else {
			g.grow(cost, segment)
		}
		split = split || g.level >= segment && g.level < cost
	}
	return split
}

// depth is the most that the gate holds. With a configured burst: that, or a
// frame, since none could pass otherwise. Without: a burst of the base upon the
// largest lump that comes, so that a load of lumps finds all that came in since the
// last one, even if it is late; what a frame lacked may come to nearly its size, and
// what comes in until the next one adds to it.
func (g *gate) depth() uint64 {
	if g.burst {
		return max(g.base, g.lump)
	}
	return g.base + max(g.lump, 2*g.frame)
}

// rest is the level of a gate that had nothing to do. Every lump that is known
// passes; more would be too much of what passes in the next seconds.
func (g *gate) rest() uint64 {
	if g.burst {
		return g.depth()
	}
	return max(g.base, g.lump+g.base/2)
}

// fill adds what came in since the last time.
func (g *gate) fill(now int64) {
	dt := now - g.last
	if dt <= 0 {
		return
	}
	g.last = now
	limit := g.depth()
	if !g.burst && g.level < max(g.lump, g.base/2) {
		limit += lateBases * g.base
	}
	hi, in := bits.Mul64(uint64(dt), g.rate)
	switch {
	case hi != 0 || in > limit:
		g.level = g.rest()
	case g.level > limit: // what is late is still to come
	case in <= limit-g.level:
		g.level += in
	default:
		g.level = g.rest()
	}
}

// grow makes the gate deep enough for a lump of frames that came as one, each
// of this size.
//
// A gate that had little to do lets a single frame pass, however large. Of the first
// lump that is larger than the base it lets half pass: at twice the rate, half of
// each that follows can pass too. All of it would be too much, where lumps are
// large beside what passes in some seconds, and nothing too little.
func (g *gate) grow(lump, frame uint64) {
	g.frame = max(g.frame, frame)
	if lump <= g.lump {
		return
	}
	before := g.rest()
	g.lump = lump
	if g.level < before/2 {
		return
	}
	start := max(g.base, lump/2, frame)
	if g.burst {
		start = max(g.base, lump)
	}
	if start > before {
		g.level += start - before
	}
}

// Meter is the meter with this number as of version v, nil if there is none.
// The virtual meters ofp.MeterController and ofp.MeterSlowpath are found like
// others. It takes no lock.
func (t *Tables) Meter(id uint32, v classifier.Version) *Meter { return t.meters.at(id, v) }

// HasMeter says whether there is such a meter, counting changes that are not
// published yet: the MeterExists of [Limits].
func (t *Tables) HasMeter(id uint32) bool { return t.meters.current(id) != nil }

// MeterChanged is GroupChanged for meters.
func (t *Tables) MeterChanged(from, to classifier.Version, id uint32) bool {
	return t.meters.changed(from, to, id)
}

// VisibleAt says whether this edition of the meter is the one of version v.
func (m *Meter) VisibleAt(v classifier.Version) bool { return m.edition.visibleAt(v) }

// Flows is the number of flows that use the meter, at the newest version.
func (m *Meter) Flows() int { return int(m.edition.slot.refs.Load()) }
