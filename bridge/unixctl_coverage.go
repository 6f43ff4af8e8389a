package bridge

import (
	"fmt"
	"hash/crc32"
	"strings"
	"sync"
	"time"

	"ofswitch/unixctl"
)

// Events are counted since the start. Their rates come from samples.
const (
	sampleInterval = 5 * time.Second
	samplesMinute  = int(time.Minute / sampleInterval)
	minutesHour    = 60
)

// coverage are the rates of events. Guarded by mu.
type coverage struct {
	mu      sync.Mutex
	last    map[string]uint64
	minute  map[string]*[samplesMinute]uint64 // by event: how often in each interval
	hour    map[string]*[minutesHour]uint64   // in each minute
	samples int
}

// sample takes note of the totals, every sampleInterval.
func (c *coverage) sample(totals map[string]uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.minute == nil {
		c.minute, c.hour = map[string]*[samplesMinute]uint64{}, map[string]*[minutesHour]uint64{}
	}
	slot := c.samples % samplesMinute
	for name, n := range totals {
		if c.minute[name] == nil {
			c.minute[name], c.hour[name] = &[samplesMinute]uint64{}, &[minutesHour]uint64{}
		}
		// What a bridge has counted goes with it.
		c.minute[name][slot] = n - min(n, c.last[name])
		c.hour[name][c.samples/samplesMinute%minutesHour] = sum(c.minute[name][:slot+1])
	}
	c.last = totals
	c.samples++
}

func sum(list []uint64) (n uint64) {
	for _, v := range list {
		n += v
	}
	return n
}

// rates are per second: over the last sample, minute and hour.
func (c *coverage) rates(name string) (now, minute, hour float64) {
	if c.samples == 0 || c.minute[name] == nil {
		return 0, 0, 0
	}
	m := c.minute[name]
	return float64(m[(c.samples-1)%samplesMinute]) / sampleInterval.Seconds(),
		float64(sum(m[:])) / 60, float64(sum(c.hour[name][:])) / 3600
}

// text is `ovs-appctl coverage/show`.
func (c *coverage) text(totals map[string]uint64) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	never := 0
	hash := crc32.NewIEEE()
	for _, name := range sortedKeys(totals) {
		if totals[name] == 0 {
			never++
			continue
		}
		fmt.Fprintln(hash, name)
		now, minute, hour := c.rates(name)
		fmt.Fprintf(&b, "%-24s %5.1f/sec %9.3f/sec %13.4f/sec   total: %d\n", name, now, minute, hour, totals[name])
	}
	return fmt.Sprintf("Event coverage, avg rate over last: 5 seconds, last minute, last hour,  hash=%08x:\n%s%d events never hit\n", hash.Sum32(), b.String(), never)
}

// registerCoverage adds the commands about events, and begins to sample them.
func (s *Switch) registerCoverage(srv *unixctl.Server) {
	c := &coverage{}
	// totals wants s.mu.
	totals := func() map[string]uint64 {
		m := s.dp.Events()
		m["unixctl_received"] = srv.Received()
		var port, total, closed uint64
		for _, lb := range s.bridges {
			drops := lb.conn.PacketInDrops()
			port += drops.Port.Load()
			total += drops.Total.Load()
			closed += drops.Closed.Load()
		}
		m["drop_packet_in_connection_port_full"] = port
		m["drop_packet_in_connection_full"] = total
		m["drop_packet_in_connection_closed"] = closed
		return m
	}
	now := func() map[string]uint64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return totals()
	}
	srv.Register("coverage/show", "", 0, 0, func([]string) (string, error) { return c.text(now()), nil })
	srv.Register("coverage/read-counter", "COUNTER", 1, 1, func(args []string) (string, error) {
		n, ok := now()[args[0]]
		if !ok {
			return "", answer("No such counter")
		}
		return fmt.Sprint(n), nil
	})
	c.sample(now())
	time.AfterFunc(sampleInterval, func() { s.sampleEvents(c, totals) })
}

// sampleEvents samples until the switch is closed.
func (s *Switch) sampleEvents(c *coverage, totals func() map[string]uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	c.sample(totals())
	time.AfterFunc(sampleInterval, func() { s.sampleEvents(c, totals) })
}
