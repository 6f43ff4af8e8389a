package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"ofswitch/bench/traffic"
	"ofswitch/ofp"
)

// Settings of a switch that is compared with itself.
const (
	quiet        = "quiet"
	attacked     = "attacked"
	churnSlow    = "1,000 flow-mods/s"
	churnFast    = "10,000 flow-mods/s"
	idlePorts    = 10
	attackRate   = 20_000 // frames/s
	attackFrames = 16 * 32 * 16
)

func steadyLines(o *options) []line {
	listen := []string{"--listen", "ptcp:" + openflowPort + ":127.0.0.1"}
	setting := func(name string) contender {
		return contender{name: name, start: startOurs("secure", "", listen...)}
	}
	idle := []contender{{name: ours, start: startOurs("secure", "")}}
	if o.base != "" {
		idle = append(idle, contender{name: oursBase, start: startBase("secure", "")})
	}
	idle = append(idle, contender{name: ovs, start: startOVS("secure", false)})
	return []line{
		{
			name: "churn", unit: "kframes/s", about: "64-byte frames, 10,000 flows in turn, while flow-mods arrive that do not concern them",
			contenders: []contender{setting(quiet), setting(churnSlow), setting(churnFast)}, length: second, before: prepareForward, measure: measureChurn,
		},
		{
			name: "explosion", unit: "kframes/s", about: "64-byte frames, 100,000 flows in turn, while a peer sends frames that make thousands of masks", hosts: 3,
			contenders: []contender{setting(quiet), setting(attacked)}, length: second, before: prepareForward, measure: measureExplosion,
		},
		{
			name: "idle", unit: "% of a core", less: true, about: fmt.Sprintf("processor time of a switch with %d ports and nothing to do", idlePorts), hosts: idlePorts,
			contenders: idle, rounds: 3, length: 4 * second, beside: 2 * second, measure: measureIdle,
		},
	}
}

// background runs fn beside, until the returned function is called.
func background(ctx context.Context, fn func(context.Context) error) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- fn(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}
}

// watchBeside floods the switch and watches while fn runs.
func watchBeside(s *setup, l traffic.Load, length time.Duration, fn func(context.Context) error) (m measured, err error) {
	t, err := newStream(s, l)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := t.flood(s); err != nil {
		return m, err
	}
	if fn != nil {
		stop := background(s.ctx, fn)
		defer func() { err = errors.Join(err, stop()) }()
	}
	if _, err := t.watch(s, max(length/2, 50*time.Millisecond)); err != nil {
		return m, err
	}
	f, err := t.watch(s, length)
	if err != nil {
		return m, err
	}
	m.value = f.rate() / 1e3
	m.more = map[string]float64{reorderedFrames: float64(f.counts.Reordered), wrongChecksums: float64(f.counts.BadChecksum)}
	m.blame(reorderedFrames, wrongChecksums)
	return m, nil
}

// churnStep is the time between two bursts of flow-mods.
const churnStep = 5 * time.Millisecond

func measureChurn(s *setup, length time.Duration) (m measured, err error) {
	if err := s.addFlows(oneFlow(traffic.Load{}, s)); err != nil {
		return m, err
	}
	rate := map[string]int{churnSlow: 1000, churnFast: 10_000}[s.contender.name]
	load := traffic.Load{Flows: 10_000}
	if rate == 0 {
		return watchBeside(s, load, length, nil)
	}
	c, err := s.connect()
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	done, perSecond := 0, 0.0
	m, err = watchBeside(s, load, length, func(ctx context.Context) error {
		tick := time.NewTicker(churnStep)
		defer tick.Stop()
		each := int(float64(rate) * churnStep.Seconds())
		began := time.Now()
		for command := uint8(ofp.FlowAdd); ; {
			select {
			case <-ctx.Done():
				perSecond = float64(done) / time.Since(began).Seconds()
				return nil
			case <-tick.C:
			}
			// Ten thousand are added, then taken away again.
			from := done % 10_000
			msgs, err := appendFlowMods(nil, command, from, each)
			if err != nil {
				return err
			}
			if err := c.barrier(msgs); err != nil {
				return err
			}
			if done += each; done%10_000 == 0 {
				if command = ofp.FlowAdd; done/10_000%2 == 1 {
					command = ofp.FlowDeleteStrict
				}
			}
		}
	})
	if err == nil {
		m.more["flow-mods/s taken"] = perSecond
	}
	return m, err
}

// accessList has frames let in by destination port, source address or source
// port; what none of them lets in is dropped, and to know that takes a look at
// bits of all three.
const accessList = `priority=40,udp,tp_dst=1024,actions=output:2
priority=30,udp,nw_src=192.0.2.77,actions=output:2
priority=20,udp,tp_src=33333,actions=output:2
priority=0,actions=drop
`

func measureExplosion(s *setup, length time.Duration) (m measured, err error) {
	if err := s.addFlows(accessList); err != nil {
		return m, err
	}
	load := traffic.Load{Flows: 100_000}
	if s.contender.name == quiet {
		return watchBeside(s, load, length, nil)
	}
	return watchBeside(s, load, length, func(ctx context.Context) error { return attack(ctx, s) })
}

// attack sends frames from the third host, each of which differs from all three
// rules in another bit first: up to 16 * 32 * 16 masks.
func attack(ctx context.Context, s *setup) (err error) {
	h := s.lab.Hosts[2]
	fd := -1
	err = h.Do(func() (err error) {
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		ifi, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: ifi.Index})
	})
	if fd >= 0 {
		defer func() { err = errors.Join(err, unix.Close(fd)) }()
	}
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	frame := udpFrame(h.MAC, s.lab.Hosts[1].MAC, 64)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for at := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for range attackRate / 1000 {
			i, j, k := at%16, at/16%32, at/16/32%16
			at = (at + 1) % attackFrames
			setAttack(frame, differAt(1024, i, 16, rng), differAt(0xc000024d, j, 32, rng), differAt(33333, k, 16, rng))
			if _, err := unix.Write(fd, frame); err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
				return err
			}
		}
	}
}

// differAt is like v up to a bit, not in that, and anyhow after it.
func differAt(v uint32, bit, bits int, rng *rand.Rand) uint32 {
	at := bits - 1 - bit
	low := uint32(1)<<at - 1
	return (v^1<<at)&^low | rng.Uint32()&low
}

// setAttack sets the three fields of a frame.
func setAttack(b []byte, dport, src, sport uint32) {
	b[26], b[27], b[28], b[29] = byte(src>>24), byte(src>>16), byte(src>>8), byte(src)
	b[34], b[35], b[36], b[37] = byte(sport>>8), byte(sport), byte(dport>>8), byte(dport)
	b[24], b[25] = 0, 0
	sum := internetSum(b[14:34], 0)
	b[24], b[25] = byte(^sum>>8), byte(^sum)
}

// settleTime is what switch and hosts get to come to rest: the hosts' IPv6 says
// something in its first seconds.
const settleTime = 3 * time.Second

func measureIdle(s *setup, length time.Duration) (m measured, err error) {
	if !s.opt.small {
		time.Sleep(settleTime)
	}
	before, _, err := s.runTime()
	if err != nil {
		return m, err
	}
	began := time.Now()
	select {
	case <-time.After(length):
	case <-s.ctx.Done():
		return m, s.ctx.Err()
	}
	after, _, err := s.runTime()
	m.value = 100 * (after - before).Seconds() / time.Since(began).Seconds()
	return m, err
}

// runTime is how long the threads of the switch's processes have run, and waited for
// a processor, which the kernel knows to the nanosecond.
func (s *setup) runTime() (ran, waited time.Duration, err error) {
	for _, p := range s.procs {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.Process.Pid))
		if err != nil {
			return 0, 0, err
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
				continue // the thread has just ended
			}
			if err != nil {
				return 0, 0, err
			}
			var r, w int64
			if _, err := fmt.Sscan(string(b), &r, &w); err != nil {
				return 0, 0, fmt.Errorf("%s: %w", f, err)
			}
			ran, waited = ran+time.Duration(r), waited+time.Duration(w)
		}
	}
	return ran, waited, nil
}
