package traffic

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
	"ofswitch/packet"
)

var loads = map[string]Load{
	"one flow":     {},
	"flows":        {Flows: 10_000},
	"rules":        {Flows: 1000, Rules: 1000},
	"flows, rules": {Flows: 1_000_000, Rules: 1000},
	"random":       {Flows: 1_000_000, Rules: 7, Random: true},
}

// Frames are told apart by their five fields, and have right checksums.
func TestFill(t *testing.T) {
	for name, l := range loads {
		seen := make(map[tuple]bool)
		b := template(netlabMAC(1), netlabMAC(2))
		step := max(l.flows()/5000, 1)
		for flow := uint32(0); flow < l.flows(); flow += step {
			l.fill(b, flow, uint64(flow)<<20)
			if seen[l.tuple(flow)] {
				t.Fatalf("%s: flow %d is like another", name, flow)
			}
			seen[l.tuple(flow)] = true
			checkFrame(t, name, b)
		}
	}
}

func netlabMAC(i byte) []byte { return []byte{2, 0, 0, 0, 0, i} }

func checkFrame(t *testing.T, name string, b []byte) {
	t.Helper()
	ip := packet.IPv4(b[offIP:])
	if packet.Checksum(ip[:20], 0) != 0 {
		t.Fatalf("%s: wrong IPv4 header %x", name, ip[:20])
	}
	if packet.Checksum(b[offUDP:], packet.PseudoSumIPv4(ip.Src(), ip.Dst(), packet.ProtoUDP, udpLen)) != 0 {
		t.Fatalf("%s: wrong UDP checksum in %x", name, b)
	}
}

// Bounds are refused before anything is made.
func TestLoadCheck(t *testing.T) {
	for _, c := range []struct {
		l  Load
		ok bool
	}{
		{Load{}, true},
		{Load{Flows: MaxFlowsPerRule}, true},
		{Load{Flows: MaxFlowsPerRule + 1}, false},
		{Load{Flows: 2 * MaxFlowsPerRule, Rules: 2}, true},
		{Load{Rules: MaxRules + 1}, false},
	} {
		if err := c.l.check(); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.l, err)
		}
	}
}

// The kernel's program makes the frames that fill makes.
func TestIntegrationGeneratorProgram(t *testing.T) {
	testutil.NeedRoot(t)
	for name, l := range loads {
		st, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: stateLen, MaxEntries: 1})
		if err != nil {
			t.Fatal(err)
		}
		p, err := ebpf.NewProgram(generatorProgram(l, st, 0))
		if err != nil {
			t.Fatalf("%s: %+v", name, err)
		}
		for _, seq := range []uint64{0, 1, 999, 123456, 1<<32 - 1, 1 << 32, 0x123456789abcdef0} {
			if err := st.Put(uint32(0), &state{Seq: seq}); err != nil {
				t.Fatal(err)
			}
			in := template(netlabMAC(1), netlabMAC(2))
			out := make([]byte, FrameLen)
			opts := &ebpf.RunOptions{Data: in, DataOut: out}
			if ret, err := p.Run(opts); err != nil || ret != xdpPass {
				t.Fatalf("%s: %d, %v", name, ret, err)
			}
			flow := uint32(seq % uint64(l.flows()))
			if l.Random {
				flow = binary.BigEndian.Uint32(opts.DataOut[offFlow:])
				checkFrame(t, name, opts.DataOut)
			}
			l.fill(in, flow, seq)
			if !bytes.Equal(in, opts.DataOut) {
				t.Errorf("%s, frame %d:\n%x, want\n%x", name, seq, opts.DataOut, in)
			}
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What one end sends over a cable the other counts, by either way of sending.
func TestIntegrationCable(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.NeedProgram(t, "ethtool", "ethtool")
	lab, err := netlab.New(1)
	if err != nil {
		t.Fatal(err)
	}
	defer lab.Close()
	h := lab.Hosts[0]
	if err := NAPI(lab.Switch, h.Port); err != nil {
		t.Fatal(err)
	}
	l := Load{Flows: 100, Random: true}
	s, err := NewSink(lab.Switch, h.Port, l)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	defer s.Close()
	g, err := NewGenerator(h.Namespace, "eth0", h.MAC, netlabMAC(9), l, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	counts := func() Counts {
		c, err := s.Counts()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	ended := make(chan error)
	go func() { ended <- g.Flood() }()
	begin := time.Now()
	for counts().Frames < 1_000_000 && time.Since(begin) < time.Minute {
		time.Sleep(time.Millisecond)
	}
	c, took := counts(), time.Since(begin)
	g.Stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	t.Logf("%d frames in %v: %.0f/s", c.Frames, took, float64(c.Frames)/took.Seconds())
	if c.Frames < 1_000_000 || c.Reordered != 0 || c.BadChecksum != 0 || c.Bytes != c.Frames*FrameLen {
		t.Errorf("flood: %+v", c)
	}
	before := counts()
	sent, err := g.Paced(1e6, 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	var got Counts
	for begin := time.Now(); time.Since(begin) < 10*time.Second; time.Sleep(time.Millisecond) {
		if got = counts().Sub(before); got.Frames >= sent {
			break
		}
	}
	t.Logf("%d frames of 300000 paced", sent)
	if sent == 0 || got.Frames != sent || got.Reordered != 0 || got.BadChecksum != 0 {
		t.Errorf("%d paced, counted %+v", sent, got)
	}
}

// The sink tells wrong checksums, disorder and foreign frames.
func TestIntegrationSinkTells(t *testing.T) {
	testutil.NeedRoot(t)
	counters, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: 8 * cntSlots, MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	lasts, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 10})
	if err != nil {
		t.Fatal(err)
	}
	p, err := ebpf.NewProgram(sinkProgram(counters, lasts))
	if err != nil {
		t.Fatalf("%+v", err)
	}
	s := &Sink{counters: counters, lasts: lasts, prog: p}
	defer s.Close()
	l := Load{Flows: 10}
	frame := func(flow uint32, seq uint64, spoil int) []byte {
		b := template(netlabMAC(1), netlabMAC(2))
		l.fill(b, flow, seq)
		if spoil > 0 {
			b[spoil] ^= 0x10
		}
		return b
	}
	for _, c := range []struct {
		name  string
		frame []byte
		want  Counts
	}{
		{"first", frame(3, 0, 0), Counts{Frames: 1, Bytes: 64, Packets: 1}},
		{"doubled", frame(3, 0, 0), Counts{Frames: 1, Bytes: 64, Packets: 1, Reordered: 1}},
		{"later", frame(3, 5, 0), Counts{Frames: 1, Bytes: 64, Packets: 1}},
		{"earlier", frame(3, 4, 0), Counts{Frames: 1, Bytes: 64, Packets: 1, Reordered: 1}},
		{"other flow", frame(4, 4, 0), Counts{Frames: 1, Bytes: 64, Packets: 1}},
		{"IPv4 sum", frame(4, 6, offIPSum), Counts{Frames: 1, Bytes: 64, Packets: 1, BadChecksum: 1}},
		{"TTL", frame(4, 7, offIP+8), Counts{Frames: 1, Bytes: 64, Packets: 1, BadChecksum: 1}},
		{"UDP sum", frame(4, 8, offUDPSum), Counts{Frames: 1, Bytes: 64, Packets: 1, BadChecksum: 1}},
		{"last byte", frame(4, 9, FrameLen-1), Counts{Frames: 1, Bytes: 64, Packets: 1, BadChecksum: 1}},
		{"port", frame(4, 10, offUDP), Counts{Frames: 1, Bytes: 64, Packets: 1, BadChecksum: 1}},
		{"no magic", frame(4, 11, offMagic), Counts{Foreign: 1}},
		{"short", frame(4, 12, 0)[:40], Counts{Foreign: 1}},
		{"unknown flow", frame(11, 12, 0), Counts{Frames: 1, Bytes: 64, Packets: 1, Reordered: 1}},
	} {
		before, err := s.Counts()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Run(&ebpf.RunOptions{Data: c.frame}); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		after, err := s.Counts()
		if err != nil {
			t.Fatal(err)
		}
		if got := after.Sub(before); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
