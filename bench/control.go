package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"ofswitch/bench/traffic"
	"ofswitch/flow"
	"ofswitch/ofp"
)

// Sizes of the control plane's lines.
const (
	manyFlowMods = 100_000
	dumpedFlows  = 100_000
	millionFlows = 1_000_000
)

// controlContenders listen for controllers.
func controlContenders(o *options) []contender {
	listen := []string{"--listen", "ptcp:" + openflowPort + ":127.0.0.1"}
	cs := []contender{{name: ours, start: startOurs("secure", "", listen...)}}
	if o.base != "" {
		cs = append(cs, contender{name: oursBase, start: startBase("secure", "", listen...)})
	}
	return append(cs, contender{name: ovs, start: startOVS("secure", false)})
}

func controlLines(o *options) []line {
	cs := controlContenders(o)
	flood := traffic.Load{Flows: 1 << 21, Rules: 1}
	return []line{
		{name: "flow-mods", unit: "k/s", about: fmt.Sprintf("%d flow-mods and a barrier on one TCP connection", manyFlowMods), contenders: cs, measure: measureFlowMods},
		{name: "dump-flows", unit: "ms", less: true, about: fmt.Sprintf("ovs-ofctl dump-flows of %d flows", dumpedFlows), contenders: cs, beside: 2 * second, measure: measureDump},
		{name: "memory", unit: "bytes", less: true, rounds: 2, about: "memory a flow at a million flows", contenders: cs, beside: 9 * second, measure: measureMemory},
		{name: "packet-ins", unit: "k/s", about: "packet-ins on one TCP connection, of frames that come as fast as they can", contenders: cs, length: second, before: prepareForward, measure: packetIns{load: flood}.measure},
		{name: "reactive", unit: "k/s", about: "packet-ins answered by flow-mod and packet-out, of frames that come as fast as they can", contenders: cs, length: second, before: prepareForward, measure: packetIns{load: flood, answer: true}.measure, beside: second},
	}
}

func measureFlowMods(s *setup, _ time.Duration) (m measured, err error) {
	c, err := s.connect()
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	n := s.opt.scaled(manyFlowMods)
	took, err := c.addMany(0, n)
	m.value = float64(n) / took.Seconds() / 1e3
	return m, err
}

// fill connects and adds flows.
func (s *setup) fill(n int) (err error) {
	c, err := s.connect()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	const part = 100_000
	for at := 0; at < n; at += part {
		if _, err := c.addMany(at, min(part, n-at)); err != nil {
			return err
		}
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
	}
	return nil
}

func measureDump(s *setup, _ time.Duration) (m measured, err error) {
	flows := s.opt.scaled(dumpedFlows)
	if err := s.fill(flows); err != nil {
		return m, err
	}
	var took []float64
	for range 3 {
		cmd := exec.CommandContext(s.ctx, "ovs-ofctl", "-O", "OpenFlow13", "-t", "300", "dump-flows", "unix:"+s.mgmt)
		cmd.Stderr = os.Stderr
		out := &lineCounter{}
		cmd.Stdout = out
		began := time.Now()
		if err := cmd.Run(); err != nil {
			return m, fmt.Errorf("ovs-ofctl dump-flows: %w", err)
		}
		took = append(took, time.Since(began).Seconds()*1e3)
		if out.lines < flows {
			return m, fmt.Errorf("ovs-ofctl dump-flows lists %d lines for %d flows", out.lines, flows)
		}
	}
	m.value = median(took)
	return m, nil
}

// lineCounter counts the lines written to it.
type lineCounter struct{ lines int }

func (l *lineCounter) Write(b []byte) (int, error) {
	for _, c := range b {
		if c == '\n' {
			l.lines++
		}
	}
	return len(b), nil
}

func measureMemory(s *setup, _ time.Duration) (m measured, err error) {
	daemon := s.procs[len(s.procs)-1].Process.Pid
	before, err := residentMiB(daemon)
	if err != nil {
		return m, err
	}
	flows := s.opt.scaled(millionFlows)
	began := time.Now()
	if err := s.fill(flows); err != nil {
		return m, err
	}
	took := time.Since(began).Seconds()
	after, err := residentMiB(daemon)
	m.value = (after - before) * (1 << 20) / float64(flows)
	m.more = map[string]float64{"seconds to add them": took}
	return m, err
}

// packetIns is a line of frames to a controller.
type packetIns struct {
	load   traffic.Load
	answer bool // each by a flow-mod and a packet-out
}

// pacedPacketIns is the rate of frames that is no overload, in frames a second.
const pacedPacketIns = 100_000

// paceFigure is a further figure of the line reactive, fallFigure what is left of it under
// overload.
const (
	paceFigure = "k/s of 100,000 frames/s"
	fallFigure = "overload to paced"
	costFigure = "us of the switch each"
)

func (p packetIns) measure(s *setup, length time.Duration) (m measured, err error) {
	c, err := s.connect()
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	miss := &ofp.FlowMod{Instructions: outputTo(ofp.PortController), BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
	if err := c.barrier(ofp.Encode(3, miss)); err != nil {
		return m, err
	}
	t, err := newStream(s, p.load)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	if p.answer {
		ended := make(chan error, 1)
		go func() {
			_, err := t.gen.Paced(pacedPacketIns, length+length/4)
			ended <- err
		}()
		rate, cost, err := p.count(s, c, length)
		t.gen.Stop()
		if err := errors.Join(err, <-ended); err != nil {
			return m, err
		}
		m.more = map[string]float64{paceFigure: rate / 1e3, costFigure + " of 100,000 frames/s": cost}
	}
	ended := make(chan error, 1)
	go func() { ended <- t.gen.Flood() }()
	rate, cost, err := p.count(s, c, length)
	t.gen.Stop()
	if err := errors.Join(err, <-ended); err != nil {
		return m, err
	}
	m.value = rate / 1e3
	if m.more == nil {
		m.more = map[string]float64{}
	}
	m.more[costFigure] = cost
	if p.answer {
		m.more[fallFigure] = ratio(m.value, m.more[paceFigure])
	}
	return m, nil
}

// count reads packet-ins for so long after the first, answers them if they are
// to be, and says how many that were a second, and what each took of the switch's processor
// time in microseconds, dropped frames and all. What was answered has been carried out.
func (p packetIns) count(s *setup, c *client, length time.Duration) (perSecond, cost float64, err error) {
	fm, err := fiveFields(ofp.FlowAdd, 2)
	if err != nil {
		return 0, 0, err
	}
	out := &ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: 1, Actions: []ofp.Action{ofp.Output{Port: 2}}}
	if err := c.nc.SetReadDeadline(time.Now().Add(startTimeout)); err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, c.nc.SetReadDeadline(time.Time{})) }()
	var began time.Time
	var before float64
	var msgs []byte
	n := 0
	for {
		h, msg, err := c.next()
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
			return 0, 0, fmt.Errorf("after %d packet-ins none comes any more: %w", n, err)
		}
		if err != nil {
			return 0, 0, err
		}
		if h.Type == ofp.TypePacketIn {
			if n++; n == 1 {
				began = time.Now()
				if before, err = s.cpu(); err != nil {
					return 0, 0, err
				}
			}
			if p.answer {
				data, err := packetInData(msg)
				if err != nil {
					return 0, 0, err
				}
				fm.Match.Value[flow.WIPv4] = binary.BigEndian.Uint64(data[26:])
				fm.Match.Value[flow.WL4] = uint64(binary.BigEndian.Uint32(data[34:])) << 32
				out.Data = data
				msgs = ofp.AppendMessage(ofp.AppendMessage(msgs[:0], uint32(n), fm), uint32(n), out)
				if err := c.append(msgs); err != nil {
					return 0, 0, err
				}
			}
		}
		// Answers go out when there is nothing more to read at once.
		if c.r.Buffered() == 0 {
			if err := c.flush(); err != nil {
				return 0, 0, err
			}
		}
		if n > 0 && n%32 == 0 && time.Since(began) > length {
			break
		}
	}
	if p.answer {
		if err := c.barrier(nil); err != nil {
			return 0, 0, err
		}
	}
	took := time.Since(began).Seconds()
	after, err := s.cpu()
	return float64(n) / took, (after - before) * 1e6 / float64(n), err
}

// packetInData is the frame in a packet-in: one of ours.
func packetInData(msg []byte) ([]byte, error) {
	body := msg[ofp.HeaderLen:]
	if len(body) >= 20 {
		at := 16 + (int(binary.BigEndian.Uint16(body[18:]))+7)/8*8 + 2
		if at+38 <= len(body) {
			return body[at:], nil
		}
	}
	return nil, fmt.Errorf("a packet-in without a UDP frame: %x", msg)
}
