package integration

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
)

// tos makes a UDP frame with this DSCP field, of one of some flows.
func tos(dscp uint8, flow int) []byte {
	return udp4.with(func(p *ipPacket) { p.tos, p.l4 = dscp<<2, udp(uint16(1+flow), 2000) }).frame()
}

// fate is what becomes of frames.
type fate struct {
	least int   // as many frames, if no time passes
	dscp  uint8 // leave with this DSCP field; 255: are dropped
}

// TestIntegrationOpenFlowMeterBands: what bands drop and remark, and what meter, bands
// and flows count. Rates are one packet a second or as little as that, and bursts make
// the difference: what comes in meanwhile is allowed for (OpenFlow 1.3.5 §5.7).
func TestIntegrationOpenFlowMeterBands(t *testing.T) {
	l := newOFLab(t, 3)
	const af11, af12, af13, af42, ef = 10, 12, 14, 36, 46
	const n = 20
	for _, tc := range []struct {
		name  string
		meter string
		dscp  uint8
		size  int // frames
		steps []fate
		bands []int // which step each band is for
	}{
		{"drop, packets", "meter=1,pktps,burst,stats,bands=type=drop,rate=1,burst_size=5", 0, n, []fate{{5, 0}, {15, 255}}, []int{1}},
		// A frame has 81 bytes, so 648 bits; 4000 bits let 6 pass.
		{"drop, bits", "meter=1,kbps,burst,bands=type=drop,rate=1,burst_size=4", 0, n, []fate{{6, 0}, {14, 255}}, []int{1}},
		{"remark by one", "meter=1,pktps,burst,bands=type=dscp_remark,rate=1,burst_size=5,prec_level=1", af11, n, []fate{{5, af11}, {15, af12}}, []int{1}},
		{"remark by two", "meter=1,pktps,burst,bands=type=dscp_remark,rate=1,burst_size=5,prec_level=2", af11, n, []fate{{5, af11}, {15, af13}}, []int{1}},
		{"remark another class, at the end of its precedences", "meter=1,pktps,burst,bands=type=dscp_remark,rate=1,burst_size=5,prec_level=2", af42, n, []fate{{5, af42}, {15, af42 + 2}}, []int{1}},
		{"remark what has no precedence", "meter=1,pktps,burst,bands=type=dscp_remark,rate=1,burst_size=5,prec_level=1", ef, n, []fate{{20, ef}}, nil},
		{"remark, then drop", "meter=1,pktps,burst,bands=type=dscp_remark,rate=1,burst_size=5,prec_level=1,type=drop,rate=2,burst_size=12", af11, n, []fate{{5, af11}, {7, af12}, {8, 255}}, []int{1, 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l.use(t)
			l.clearAll()
			l.c.meter(ofp.MeterAdd, tc.meter)
			l.c.mod("add cookie=1,udp,actions=meter:1,goto_table:1", "add cookie=2,table=1,udp,actions=output:2")
			var frames [][]byte
			for range n {
				frames = append(frames, tos(tc.dscp, 0))
			}
			begin := time.Now()
			out, _ := l.exchange(1, frames...)
			late := int(3*time.Since(begin).Seconds()) + 3 // packets that came in meanwhile, of the fastest band
			left := map[uint8]int{255: n - len(out[2])}
			for _, f := range out[2] {
				left[f[15]>>2]++
				if want := tos(f[15]>>2, 0); string(f) != string(want) { // checksums too
					t.Errorf("port 2 sent\n%x, want\n%x", f, want)
				}
			}
			sum := 0
			for _, s := range tc.steps {
				sum += left[s.dscp]
				if got := left[s.dscp]; got < s.least-late || got > s.least+late {
					t.Errorf("%d frames with DSCP %d (255: dropped), want %d and what came in meanwhile", got, s.dscp, s.least)
				}
			}
			if sum != n || left[tc.steps[0].dscp] < tc.steps[0].least {
				t.Errorf("frames by DSCP: %v", left)
			}
			s := l.c.meterStats(1)
			if s.FlowCount != 1 || s.PacketInCount != n || s.ByteInCount != uint64(n*len(frames[0])) {
				t.Errorf("the meter counted %+v", s)
			}
			for i, step := range tc.bands {
				if got, want := s.Bands[i].PacketCount, uint64(left[tc.steps[step].dscp]); got != want || s.Bands[i].ByteCount != want*uint64(len(frames[0])) {
					t.Errorf("band %d counted %d packets and %d bytes, want %d packets", i, got, s.Bands[i].ByteCount, want)
				}
			}
			for _, f := range l.c.flows(everyFlow) {
				want := map[uint64]int{1: n, 2: len(out[2])}
				if w, is := want[f.Cookie]; is && f.PacketCount != uint64(w) {
					t.Errorf("flow %d counted %d packets, want %d", f.Cookie, f.PacketCount, w)
				}
			}
		})
	}
}

// TestIntegrationOpenFlowMeterCommands: a modify keeps the meter's counters, begins
// those of the bands anew, and holds for the next frame; a deletion takes the flows
// along (OpenFlow 1.3.5 §6.6).
func TestIntegrationOpenFlowMeterCommands(t *testing.T) {
	l := newOFLab(t, 2)
	u := udp4.frame()
	l.reset()
	const tight, wide = "meter=1,pktps,burst,bands=type=drop,rate=1,burst_size=1", "meter=1,pktps,burst,bands=type=drop,rate=100000,burst_size=100000"
	l.c.meter(ofp.MeterAdd, tight)
	l.c.meter(ofp.MeterAdd, "meter=2,kbps,bands=type=drop,rate=1000")
	l.c.mod("add cookie=1,send_flow_rem,udp,actions=meter:1,output:2", "add cookie=2,send_flow_rem,arp,actions=meter:1,output:2",
		"add cookie=3,send_flow_rem,icmp,actions=meter:2,output:2", "add cookie=4,send_flow_rem,tcp,actions=output:2")
	ten := bytesOf(u, 10)
	out, _ := l.exchange(1, ten...)
	first := l.c.meterStats(1)
	if len(out[2]) == 10 || first.FlowCount != 2 || first.Bands[0].PacketCount != uint64(10-len(out[2])) {
		t.Errorf("%d frames passed, counted %+v", len(out[2]), first)
	}
	l.c.meter(ofp.MeterModify, wide)
	out, _ = l.exchange(1, ten...)
	if s := l.c.meterStats(1); len(out[2]) != 10 || s.PacketInCount != 20 || s.Bands[0].PacketCount != 0 || s.FlowCount != 2 {
		t.Errorf("after a modify %d frames passed, counted %+v", len(out[2]), s)
	}
	l.c.send(&ofp.MeterMod{Command: ofp.MeterDelete, MeterID: 1})
	if got, want := l.c.reasons(), (map[uint64]uint8{1: ofp.RemovedDelete, 2: ofp.RemovedDelete}); !reflect.DeepEqual(got, want) {
		t.Errorf("flows went for the reasons %v, want %v", got, want)
	}
	l.c.send(&ofp.MeterMod{Command: ofp.MeterDelete, MeterID: ofp.MeterAll})
	if got, want := l.c.reasons(), (map[uint64]uint8{3: ofp.RemovedDelete}); !reflect.DeepEqual(got, want) {
		t.Errorf("flows went for the reasons %v, want %v", got, want)
	}
	if list := l.c.multipart(ofp.MultipartMeterConfig, &ofp.MeterRequest{MeterID: ofp.MeterAll}); len(list) != 0 {
		t.Errorf("%d meters are left", len(list))
	}
}

// TestIntegrationOpenFlowControllerMeter: a flood of packet-ins is bounded by the
// meter CONTROLLER, which counts what it keeps from the controllers; what the same
// entry forwards is not bounded.
func TestIntegrationOpenFlowControllerMeter(t *testing.T) {
	l := newOFLab(t, 2)
	l.reset("add priority=0,actions=CONTROLLER:65535,output:2")
	l.c.meter(ofp.MeterAdd, "meter=controller,pktps,burst,stats,bands=type=drop,rate=1,burst_size=10")
	begin := time.Now()
	frames := flowsFrom(500)
	if n := tally(l.spread(frames, 2)); n[2] != len(frames) {
		t.Errorf("port 2 sent %d of %d frames", n[2], len(frames))
	}
	// Fences go to the controllers, too.
	offered := uint64(len(frames) + len(frames)/100)
	var s *ofp.MeterStats
	testutil.Eventually(t, "packet-ins metered", func() error {
		if s = l.c.meterStats(ofp.MeterController); s.PacketInCount != offered {
			return fmt.Errorf("%d of %d", s.PacketInCount, offered)
		}
		return nil
	})
	passed := offered - s.Bands[0].PacketCount
	if most := 11 + uint64(time.Since(begin).Seconds()); passed < 10 || passed > most {
		t.Errorf("%d packet-ins passed the meter, want 10 to %d", passed, most)
	}
	for range passed {
		l.c.take(func(m *ofMessage) bool { return m.h.Type == ofp.TypePacketIn })
	}
	l.c.must(&ofp.MeterMod{Command: ofp.MeterDelete, MeterID: ofp.MeterController})
	out, ins := l.exchange(1, udp4.frame())
	if len(ins) != 1 || len(out[2]) != 1 { // none of the flood came later
		t.Errorf("without the meter %d packet-ins and %d frames of one frame", len(ins), len(out[2]))
	}
}

// TestIntegrationOpenFlowSlowpathMeter: frames of new flows are bounded by the
// meter SLOWPATH, those of known flows are not.
func TestIntegrationOpenFlowSlowpathMeter(t *testing.T) {
	l := newOFLab(t, 2)
	// An entry for each flow: otherwise all of them would be one to the cache, and only
	// the first frame take the slow path.
	flows := []string{"add priority=1,udp,actions=output:2"}
	for i := range 200 {
		flows = append(flows, fmt.Sprintf("add priority=2,udp,tp_dst=%d,actions=output:2", 7000+i))
	}
	l.reset(flows...)
	known := udp4.frame()
	if out, _ := l.exchange(1, known); len(out[2]) != 1 {
		t.Fatalf("%d frames by port 2", len(out[2]))
	}
	begin := time.Now()
	l.c.meter(ofp.MeterAdd, "meter=slowpath,pktps,burst,bands=type=drop,rate=1,burst_size=10")
	fresh := flowsFrom(50)
	var frames [][]byte
	for _, f := range fresh {
		frames = append(frames, f, known)
	}
	out, _ := l.exchange(1, frames...)
	n := map[string]int{}
	for _, f := range out[2] {
		n[string(f)]++
	}
	passed := len(out[2]) - n[string(known)]
	if n[string(known)] != len(fresh) {
		t.Errorf("%d of %d frames of the known flow came", n[string(known)], len(fresh))
	}
	if most := 11 + int(time.Since(begin).Seconds()); passed < 1 || passed > most { // frames of the kernel's own take some
		t.Errorf("%d frames of new flows passed, want 1 to %d", passed, most)
	}
	if s := l.c.meterStats(ofp.MeterSlowpath); s.Bands[0].PacketCount < uint64(len(fresh)-passed) {
		t.Errorf("the meter counted %+v, %d frames are missing", s, len(fresh)-passed)
	}
	l.c.must(&ofp.MeterMod{Command: ofp.MeterDelete, MeterID: ofp.MeterAll})
	if n := tally(l.spread(flowsFrom(200)[50:], 2)); n[2] != 150 {
		t.Errorf("%d of 150 frames came without the meter", n[2])
	}
}
