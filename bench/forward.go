package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"ofswitch/bench/traffic"
)

// forwarding is a line of 64-byte UDP frames in one direction.
type forwarding struct {
	load  traffic.Load
	flows func(l traffic.Load, s *setup) string // the switch's flow entries
	warm  time.Duration
}

func forwardLines(o *options) []line {
	with := func(name, about string, f forwarding, more ...contender) line {
		cs := []contender{{name: ours, start: startOurs("secure", "")}}
		if o.base != "" {
			cs = append(cs, contender{name: oursBase, start: startBase("secure", "")})
		}
		cs = append(cs, more...)
		cs = append(cs, contender{name: ovs, start: startOVS("secure", false)})
		return line{name: name, unit: "kframes/s", about: about, contenders: cs, length: second, before: prepareForward, measure: f.measure}
	}
	bypass := contender{name: oursBypass, start: startOurs("secure", ",options:qdisc-bypass=on")}
	kernel := contender{name: bridge, start: startBridge}
	xdp := with("frames-xdp", "64-byte frames through AF_XDP, one flow, against AF_PACKET", forwarding{flows: oneFlow})
	xdp.contenders[0] = contender{name: oursXDP, start: startOurs("secure", ",options:io=afxdp")}
	if o.base != "" {
		xdp.contenders[1].start = startBase("secure", ",options:io=afxdp")
	}
	many := traffic.Load{Flows: 10_000}
	million := traffic.Load{Flows: 1_000_000, Random: true}
	rules := traffic.Load{Flows: benchRules, Rules: benchRules}
	all := traffic.Load{Flows: 1_000_000, Rules: benchRules, Random: true}
	ceiling := line{
		name: "generator", unit: "kframes/s", about: "what the generator brings to a port that only counts: no switch can show more",
		contenders: []contender{{name: "generator"}}, length: second, before: prepareForward, measure: measureGenerator,
	}
	return []line{
		ceiling,
		with("frames-1", "64-byte frames, one flow", forwarding{flows: oneFlow}, bypass, kernel),
		with("frames-10k", "64-byte frames, 10,000 flows in turn", forwarding{load: many, flows: oneFlow}),
		with("frames-1m", "64-byte frames, a million flows at random", forwarding{load: million, flows: oneFlow, warm: second}),
		with("frames-rules", "64-byte frames, 1,000 rules on five fields, a flow of each in turn", forwarding{load: rules, flows: exactRules}),
		with("frames-tables", "64-byte frames, one flow through 4 tables", forwarding{flows: fourTables}),
		with("frames-all", "64-byte frames, a million flows at random through 4 tables, one of them with 1,000 rules", forwarding{load: all, flows: fourTables, warm: second}),
		xdp,
	}
}

// benchRules is the number of rules on five fields.
const benchRules = 1000

func oneFlow(traffic.Load, *setup) string { return "in_port=1,actions=output:2\n" }

func exactRules(l traffic.Load, _ *setup) string {
	var b strings.Builder
	for r := range l.Rules {
		fmt.Fprintf(&b, "priority=%d,in_port=1,%s,actions=output:2\n", 100+r%10, l.Match(r, true))
	}
	return b.String()
}

// fourTables looks at port and addresses, at networks, at five fields if there
// are rules, and at the protocol. Entries that do not fit stand between those that
// do.
func fourTables(l traffic.Load, s *setup) string {
	var b strings.Builder
	src, dst := s.lab.Hosts[0].MAC, s.lab.Hosts[1].MAC
	fmt.Fprintf(&b, "table=0,priority=10,in_port=1,dl_src=%s,dl_dst=%s,actions=goto_table:1\n", src, dst)
	b.WriteString("table=1,priority=10,ip,nw_src=10.0.0.0/8,nw_dst=172.16.0.0/16,actions=goto_table:2\n")
	b.WriteString("table=3,priority=10,udp,actions=output:2\n")
	b.WriteString("table=3,priority=20,tcp,actions=drop\n")
	for i := range 100 {
		fmt.Fprintf(&b, "table=0,priority=5,in_port=%d,actions=drop\n", 10+i)
		fmt.Fprintf(&b, "table=1,priority=20,ip,nw_dst=192.168.%d.0/24,actions=drop\n", i)
	}
	if l.Rules == 0 {
		b.WriteString("table=2,priority=10,udp,nw_dst=172.16.0.0/24,tp_dst=1024,actions=goto_table:3\n")
	}
	for r := range l.Rules {
		fmt.Fprintf(&b, "table=2,priority=%d,%s,actions=goto_table:3\n", 100+r%10, l.Match(r, false))
	}
	return b.String()
}

// prepareForward has the port that takes the frames receive by NAPI.
func prepareForward(s *setup) error { return traffic.NAPI(s.lab.Switch, s.lab.Hosts[0].Port) }

const (
	// pacedPart is the part of its own rate at which a switch must lose nothing,
	// pacedLimit the rate up to which the generator keeps an even pace.
	pacedPart  = 0.5
	pacedLimit = 250_000
	// drainTime is how long nothing may arrive before the rest counts as lost.
	drainTime = 300 * time.Millisecond
)

// stream is traffic through a switch that goes on.
type stream struct {
	gen   *traffic.Generator
	sink  *traffic.Sink
	ended chan error // of the flood
}

// newStream makes generator and sink at the first two hosts.
func newStream(s *setup, l traffic.Load) (*stream, error) {
	h1, h2 := s.lab.Hosts[0], s.lab.Hosts[1]
	sink, err := traffic.NewSink(h2.Namespace, "eth0", l)
	if err != nil {
		return nil, err
	}
	gen, err := traffic.NewGenerator(h1.Namespace, "eth0", h1.MAC, h2.MAC, l, s.opt.cpu)
	if err != nil {
		return nil, errors.Join(err, sink.Close())
	}
	return &stream{gen: gen, sink: sink}, nil
}

// flood sends as fast as it can until stop; it returns when frames arrive.
func (t *stream) flood(s *setup) error {
	t.ended = make(chan error, 1)
	go func() { t.ended <- t.gen.Flood() }()
	before, err := t.sink.Counts()
	if err != nil {
		return err
	}
	return s.retry(func() error {
		select {
		case err := <-t.ended:
			t.ended <- err
			return fmt.Errorf("the generator ended: %w", err)
		default:
		}
		c, err := t.sink.Counts()
		if err == nil && c.Frames == before.Frames {
			err = errors.New("no frame comes out of the switch")
		}
		return err
	})
}

// stop ends the flood.
func (t *stream) stop() error {
	if t.ended == nil {
		return nil
	}
	t.gen.Stop()
	err := <-t.ended
	t.ended = nil
	return err
}

// drain waits until nothing arrives any more, or as many as expected since
// earlier counts.
func (t *stream) drain(since traffic.Counts, expected uint64) (traffic.Counts, error) {
	last := time.Now()
	for seen := since; ; time.Sleep(5 * time.Millisecond) {
		c, err := t.sink.Counts()
		if err != nil {
			return c, err
		}
		if c.Frames != seen.Frames {
			seen, last = c, time.Now()
		}
		if c.Frames-since.Frames >= expected || time.Since(last) > drainTime {
			return c, nil
		}
	}
}

func (t *stream) close() error {
	return errors.Join(t.stop(), t.gen.Close(), t.sink.Close())
}

// flowing is what passed in some time.
type flowing struct {
	counts  traffic.Counts
	offered uint64 // frames that came to the switch's port
	seconds float64
	cpu     float64 // seconds of the switch's
}

// received is the number of frames that came to the switch's first port.
func (s *setup) received() (uint64, error) {
	l, err := s.lab.Switch.Netlink.LinkByName(s.lab.Hosts[0].Port)
	if err != nil {
		return 0, err
	}
	return l.Attrs().Statistics.RxPackets, nil
}

func (f flowing) rate() float64 { return float64(f.counts.Frames) / f.seconds }

// watch looks at a flood for so long.
func (t *stream) watch(s *setup, length time.Duration) (f flowing, err error) {
	cpu, err := s.cpu()
	if err != nil {
		return f, err
	}
	offered, err := s.received()
	if err != nil {
		return f, err
	}
	before, err := t.sink.Counts()
	if err != nil {
		return f, err
	}
	began := time.Now()
	select {
	case <-time.After(length):
	case <-s.ctx.Done():
		return f, s.ctx.Err()
	}
	// On a machine with much else to do the switch may not have run in so short a time.
	var after traffic.Counts
	err = s.retry(func() (err error) {
		if after, err = t.sink.Counts(); err == nil && after.Frames == before.Frames {
			err = errors.New("no frame comes out of the switch any more")
		}
		return err
	})
	f.seconds = time.Since(began).Seconds()
	if err != nil {
		return f, err
	}
	f.counts = after.Sub(before)
	if f.offered, err = s.received(); err != nil {
		return f, err
	}
	f.offered -= offered
	f.cpu, err = s.cpu()
	f.cpu -= cpu
	return f, errors.Join(err, s.died())
}

func (f forwarding) measure(s *setup, length time.Duration) (m measured, err error) {
	if s.mgmt != "" {
		if err := s.addFlows(f.flows(f.load, s)); err != nil {
			return m, err
		}
	}
	t, err := newStream(s, f.load)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := t.flood(s); err != nil {
		return m, err
	}
	warm := length / 4
	if !s.opt.small {
		warm = max(warm, f.warm)
	}
	if _, err := t.watch(s, warm); err != nil {
		return m, err
	}
	flat, err := t.watch(s, length)
	if err != nil {
		return m, err
	}
	if err := t.stop(); err != nil {
		return m, err
	}
	m.value = flat.rate() / 1e3
	m.more = map[string]float64{"CPU, %": 100 * flat.cpu / flat.seconds, "offered kframes/s": float64(flat.offered) / flat.seconds / 1e3}
	if flat.cpu > 0 {
		m.more[perCPU] = m.value * flat.seconds / flat.cpu
	}
	if float64(flat.offered) < 1.05*float64(flat.counts.Frames) {
		m.note = "the generator offered no more than what passed: the switch may do more"
	}
	_, waited, err := s.runTime()
	if err != nil {
		return m, err
	}
	pace := min(flat.rate()*pacedPart, pacedLimit)
	lost, paced, err := t.paced(pace, max(length/4, 50*time.Millisecond))
	if err != nil {
		return m, err
	}
	_, after, err := s.runTime()
	if err != nil {
		return m, err
	}
	if waited = after - waited; lost > 0 && float64(lost) <= waited.Seconds()*pace {
		m.note = fmt.Sprintf("%d frames lost below saturation, while the switch waited %v for a processor that others had", lost, waited.Round(time.Millisecond))
		lost = 0
	}
	m.more[lostFrames] = float64(lost)
	m.more[reorderedFrames] = float64(flat.counts.Reordered + paced.Reordered)
	m.more[wrongChecksums] = float64(flat.counts.BadChecksum + paced.BadChecksum)
	m.blame(lostFrames, reorderedFrames, wrongChecksums)
	return m, nil
}

// Further figures of forwarding lines, all of which should be 0.
const (
	lostFrames      = "lost below saturation"
	reorderedFrames = "reordered"
	wrongChecksums  = "wrong checksums"
)

// measureGenerator counts where the switch's port is.
func measureGenerator(s *setup, length time.Duration) (m measured, err error) {
	h := s.lab.Hosts[0]
	sink, err := traffic.NewSink(s.lab.Switch, h.Port, traffic.Load{})
	if err != nil {
		return m, err
	}
	gen, err := traffic.NewGenerator(h.Namespace, "eth0", h.MAC, s.lab.Hosts[1].MAC, traffic.Load{}, s.opt.cpu)
	if err != nil {
		return m, errors.Join(err, sink.Close())
	}
	t := &stream{gen: gen, sink: sink}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := t.flood(s); err != nil {
		return m, err
	}
	f, err := t.watch(s, length)
	m.value = f.rate() / 1e3
	return m, err
}

// paced sends at a rate and counts what is lost.
func (t *stream) paced(rate float64, length time.Duration) (lost uint64, c traffic.Counts, err error) {
	before, err := t.drain(traffic.Counts{}, 1<<63)
	if err != nil {
		return 0, c, err
	}
	sent, err := t.gen.Paced(rate, length)
	if err != nil {
		return 0, c, err
	}
	after, err := t.drain(before, sent)
	c = after.Sub(before)
	return sent - min(sent, c.Frames), c, err
}
