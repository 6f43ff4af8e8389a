package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

// show is a flow entry without its duration: "table=0,priority=5,... n_packets=3 ...".
func show(f *ofp.FlowStats) string {
	count := func(n uint64) string {
		if n == ^uint64(0) {
			return "none"
		}
		return fmt.Sprint(n)
	}
	ins := text.FormatInstructions(&f.Instructions, text.Options{})
	return fmt.Sprintf("t=%d p=%d %s c=%#x i=%d h=%d f=%#x n=%s b=%s actions=%s", f.Table, f.Priority, text.FormatMatch(&f.Match, text.Options{}),
		f.Cookie, f.IdleTimeout, f.HardTimeout, uint16(f.Flags), count(f.PacketCount), count(f.ByteCount), ins)
}

// removed takes the flow-removed messages out of what came before a barrier.
func (c *ofClient) removed() (list []string) {
	c.t.Helper()
	for _, m := range c.barrier() {
		if r, is := m.m.(*ofp.FlowRemoved); is {
			list = append(list, showRemoved(r))
		}
	}
	slices.Sort(list)
	return list
}

func showRemoved(r *ofp.FlowRemoved) string {
	return fmt.Sprintf("t=%d p=%d %s c=%#x r=%d i=%d h=%d n=%d b=%d", r.Table, r.Priority, text.FormatMatch(&r.Match, text.Options{}),
		r.Cookie, r.Reason, r.IdleTimeout, r.HardTimeout, r.PacketCount, r.ByteCount)
}

// TestIntegrationOpenFlowFlowMods walks the rules of flow-mods (OpenFlow 1.3.5
// §6.4), each as: what is done, what flow-removed messages come of it, and what
// is in the tables then. Frames are sent between.
func TestIntegrationOpenFlowFlowMods(t *testing.T) {
	l := newOFLab(t, 2)
	u := udp4.frame() // 81 bytes
	n := len(u)
	if n != 81 {
		t.Fatalf("the frame has %d bytes", n)
	}
	const overlap = "refused: " + "OFPFMFC_OVERLAP"
	for _, tc := range []struct {
		name  string
		steps []string // flow-mods, or "frame": one is sent in at port 1
		gone  []string // flow-removed
		want  []string // flows
	}{
		{"add over identical: counters stay, no flow-removed",
			[]string{"add priority=5,ip,cookie=1,send_flow_rem,actions=output:2", "frame", "frame", "add priority=5,ip,cookie=2,idle_timeout=60,actions=drop"}, nil,
			[]string{"t=0 p=5 ip c=0x2 i=60 h=0 f=0x0 n=2 b=162 actions=drop"}},
		{"add over identical with reset_counts",
			[]string{"add priority=5,ip,actions=output:2", "frame", "add reset_counts,priority=5,ip,actions=output:2", "frame"}, nil,
			[]string{"t=0 p=5 ip c=0x0 i=0 h=0 f=0x4 n=1 b=81 actions=output:2"}},
		{"add does not look at cookie_mask, out_port",
			[]string{"add priority=5,ip,cookie=1,actions=output:2", "raw-add"}, nil,
			[]string{"t=0 p=5 ip c=0xa i=0 h=0 f=0x0 n=0 b=0 actions=drop"}},
		{"modify changes instructions alone",
			[]string{"add priority=5,ip,cookie=1,idle_timeout=60,hard_timeout=90,send_flow_rem,actions=output:2", "frame", "modify ip,cookie=7,idle_timeout=1,hard_timeout=1,actions=drop", "frame"}, nil,
			[]string{"t=0 p=5 ip c=0x1 i=60 h=90 f=0x1 n=2 b=162 actions=drop"}},
		{"modify with reset_counts",
			[]string{"add priority=5,ip,actions=output:2", "frame", "modify reset_counts,ip,actions=drop"}, nil,
			[]string{"t=0 p=5 ip c=0x0 i=0 h=0 f=0x0 n=0 b=0 actions=drop"}},
		{"modify adds nothing", []string{"modify ip,actions=output:2", "modify_strict priority=5,ip,actions=output:2"}, nil, nil},
		{"modify takes the narrower ones, of any priority",
			[]string{"add priority=5,udp,actions=output:2", "add priority=6,ip,actions=output:2", "add priority=7,actions=output:2", "add priority=7,arp,actions=output:2", "modify ip,actions=drop"}, nil,
			[]string{"t=0 p=5 udp c=0x0 i=0 h=0 f=0x0 n=0 b=0 actions=drop", "t=0 p=6 ip c=0x0 i=0 h=0 f=0x0 n=0 b=0 actions=drop",
				"t=0 p=7  c=0x0 i=0 h=0 f=0x0 n=0 b=0 actions=output:2", "t=0 p=7 arp c=0x0 i=0 h=0 f=0x0 n=0 b=0 actions=output:2"}},
		{"modify_strict wants match and priority",
			[]string{"add priority=5,udp,actions=output:2", "add priority=6,udp,actions=output:2", "modify_strict priority=6,udp,actions=drop", "modify_strict priority=7,udp,actions=drop", "modify_strict priority=5,ip,actions=drop"}, nil,
			[]string{"t=0 p=5 udp c=0x0 i=0 h=0 f=0x0 n=0 b=0 actions=output:2", "t=0 p=6 udp c=0x0 i=0 h=0 f=0x0 n=0 b=0 actions=drop"}},
		{"modify by cookie",
			[]string{"add priority=5,ip,cookie=0x12,actions=output:2", "add priority=6,ip,cookie=0x13,actions=output:2", "modify cookie=0x2/0x3,ip,actions=drop"}, nil,
			[]string{"t=0 p=5 ip c=0x12 i=0 h=0 f=0x0 n=0 b=0 actions=drop", "t=0 p=6 ip c=0x13 i=0 h=0 f=0x0 n=0 b=0 actions=output:2"}},
		{"delete: all narrower ones, in one table; the flag is the entry's",
			[]string{"add priority=5,udp,cookie=1,send_flow_rem,actions=output:2", "add priority=6,ip,actions=drop", "add table=1,udp,send_flow_rem,actions=drop", "frame", "frame", "delete table=0,ip"},
			[]string{"t=0 p=5 udp c=0x1 r=2 i=0 h=0 n=0 b=0"},
			[]string{"t=1 p=32768 udp c=0x0 i=0 h=0 f=0x1 n=0 b=0 actions=drop"}},
		{"delete in all tables, last count exact",
			[]string{"add priority=9,udp,cookie=1,send_flow_rem,actions=goto_table:9", "add table=9,udp,cookie=2,send_flow_rem,actions=drop", "frame", "frame", "frame", "delete table=255,ip"},
			[]string{"t=0 p=9 udp c=0x1 r=2 i=0 h=0 n=3 b=243", "t=9 p=32768 udp c=0x2 r=2 i=0 h=0 n=3 b=243"}, nil},
		{"delete_strict", []string{"add priority=5,udp,send_flow_rem,actions=drop", "delete_strict priority=6,udp", "delete_strict priority=5,ip", "delete_strict table=255,priority=5,udp"},
			[]string{"t=0 p=5 udp c=0x0 r=2 i=0 h=0 n=0 b=0"}, nil},
		{"delete by cookie", []string{"add priority=5,udp,cookie=0xf1,actions=drop", "add priority=6,udp,cookie=0xf2,actions=drop", "delete cookie=1/1"}, nil,
			[]string{"t=0 p=6 udp c=0xf2 i=0 h=0 f=0x0 n=0 b=0 actions=drop"}},
		{"delete by out_port, in lists and sets",
			[]string{"add priority=1,udp,actions=output:2", "add priority=2,udp,actions=write_actions(output:2)", "add priority=3,udp,actions=output:1", "add priority=4,udp,actions=CONTROLLER:65535", "delete udp,out_port=2"}, nil,
			[]string{"t=0 p=3 udp c=0x0 i=0 h=0 f=0x0 n=0 b=0 actions=output:1", "t=0 p=4 udp c=0x0 i=0 h=0 f=0x0 n=0 b=0 actions=CONTROLLER:65535"}},
		{"Floodlight: delete_strict of the miss entry by out_port CONTROLLER in all tables",
			[]string{"add priority=0,actions=CONTROLLER:65535", "add table=1,priority=0,actions=drop", "delete_strict table=255,priority=0,out_port=CONTROLLER"}, nil,
			[]string{"t=1 p=0  c=0x0 i=0 h=0 f=0x0 n=0 b=0 actions=drop"}},
		{"delete nothing", []string{"delete table=7", "delete_strict table=7,priority=3,ip"}, nil, nil},
		{"check_overlap", []string{"add priority=5,ip,nw_dst=10.0.0.0/8,actions=drop", "add check_overlap,priority=5,ip,nw_src=10.0.0.0/8,actions=drop " + overlap,
			"add check_overlap,priority=6,ip,nw_src=10.0.0.0/8,actions=drop", "add check_overlap,priority=5,ip,nw_dst=11.0.0.0/8,actions=drop", "add check_overlap,table=1,priority=5,ip,actions=drop",
			"add check_overlap,priority=5,ip,nw_dst=11.0.0.0/8,actions=output:2 " + overlap}, nil,
			[]string{"t=0 p=5 ip,nw_dst=10.0.0.0/8 c=0x0 i=0 h=0 f=0x0 n=0 b=0 actions=drop", "t=0 p=5 ip,nw_dst=11.0.0.0/8 c=0x0 i=0 h=0 f=0x2 n=0 b=0 actions=drop",
				"t=0 p=6 ip,nw_src=10.0.0.0/8 c=0x0 i=0 h=0 f=0x2 n=0 b=0 actions=drop", "t=1 p=5 ip c=0x0 i=0 h=0 f=0x2 n=0 b=0 actions=drop"}},
		{"no_packet_counts", []string{"add no_packet_counts,udp,actions=drop", "frame", "frame"}, nil, []string{"t=0 p=32768 udp c=0x0 i=0 h=0 f=0x8 n=none b=162 actions=drop"}},
		{"no_byte_counts", []string{"add no_byte_counts,udp,actions=drop", "frame", "frame"}, nil, []string{"t=0 p=32768 udp c=0x0 i=0 h=0 f=0x10 n=2 b=none actions=drop"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l.use(t)
			l.reset()
			l.c.barrier()
			var gone []string
			for _, s := range tc.steps {
				switch s {
				case "frame":
					l.exchange(1, u)
					continue
				case "raw-add":
					m := flowMod(t, "add priority=5,ip,cookie=10,actions=drop")
					m.CookieMask, m.OutPort, m.OutGroup = 10, 2, 3
					l.c.must(m)
					continue
				}
				s, refused, bad := strings.Cut(s, " refused: ")
				xid := l.c.send(flowMod(t, s))
				for _, m := range l.c.barrier() {
					switch r := m.m.(type) {
					case *ofp.ErrorMsg:
						if !bad || m.h.XID != xid || r.ErrCode().String() != refused {
							t.Errorf("%s: %v", s, r.ErrCode())
						}
						bad = false
					case *ofp.FlowRemoved:
						gone = append(gone, showRemoved(r))
					}
				}
				if bad {
					t.Errorf("%s: not refused", s)
				}
			}
			gone = append(gone, l.c.removed()...)
			slices.Sort(gone)
			if !slices.Equal(gone, tc.gone) {
				t.Errorf("flow-removed:\n%s\nwant\n%s", strings.Join(gone, "\n"), strings.Join(tc.gone, "\n"))
			}
			var have []string
			for _, f := range l.c.flows(everyFlow) {
				if f.Priority != 65535 {
					have = append(have, show(f))
				}
			}
			slices.Sort(have)
			if !slices.Equal(have, tc.want) {
				t.Errorf("flows:\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}

	// Filters of statistics (OpenFlow 1.3.5 §7.3.5.2, §7.3.5.3).
	l.reset("add priority=5,udp,cookie=0x11,actions=output:2", "add priority=6,arp,cookie=0x12,actions=write_actions(output:2)",
		"add table=3,priority=7,udp,cookie=0x13,actions=output:1", "add no_packet_counts,table=4,priority=7,udp,cookie=0x23,actions=drop")
	for range 3 {
		l.exchange(1, u)
	}
	for _, tc := range []struct {
		filter string
		flows  int
		n, b   uint64
	}{
		{"table=0,udp", 1, 3, 243}, {"udp", 3, 3, 243}, {"ip", 3, 3, 243}, {"tcp", 0, 0, 0},
		{"cookie=0x10/0xf0", 3, 3, 243}, {"cookie=0x13/-1", 1, 0, 0}, {"table=3", 1, 0, 0},
		{"out_port=2", 2, 3, 243}, {"out_port=3", 0, 0, 0}, {"table=9", 0, 0, 0}, {"udp,nw_src=10.0.0.1", 0, 0, 0},
	} {
		req, err := text.ParseFlowFilter(tc.filter, text.ParseOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(l.c.flows(*req)); got != tc.flows {
			t.Errorf("flow statistics of %q: %d flows, want %d", tc.filter, got, tc.flows)
		}
		a := l.c.multipart(ofp.MultipartAggregate, req)[0].(*ofp.AggregateStats)
		if int(a.FlowCount) != tc.flows || a.PacketCount != tc.n || a.ByteCount != tc.b {
			t.Errorf("aggregate of %q: %+v, want %+v", tc.filter, *a, tc)
		}
	}
	for _, e := range l.c.multipart(ofp.MultipartTable, nil) {
		s := e.(*ofp.TableStats)
		want := map[ofp.TableID]uint32{0: 3, 3: 1, 4: 1}[s.Table]
		if s.ActiveCount != want {
			t.Errorf("table %d has %d flows, want %d", s.Table, s.ActiveCount, want)
		}
	}
}

// TestIntegrationOpenFlowTimeouts: both timeouts, the first to fire, their
// reasons and last counts; hits keep a flow, cached ones and those of a flow that
// does not count (OpenFlow 1.3.5 §5.5).
func TestIntegrationOpenFlowTimeouts(t *testing.T) {
	l := newOFLab(t, 2)
	u, a := udp4.frame(), ethFrame{typ: 0x0806, body: arp(1, 1, "10.0.0.1", 0, "10.0.0.2")}.bytes()
	l.reset("add udp,cookie=1,idle_timeout=1,send_flow_rem,actions=output:2",
		"add arp,cookie=2,hard_timeout=4,idle_timeout=3,send_flow_rem,actions=drop",
		"add tcp,cookie=3,idle_timeout=3,hard_timeout=1,send_flow_rem,actions=drop",
		"add sctp,cookie=4,idle_timeout=1,actions=drop",
		"add icmp,cookie=5,idle_timeout=3,no_packet_counts,no_byte_counts,send_flow_rem,actions=drop")
	l.exchange(1, u)
	seen := map[uint64]*ofp.FlowRemoved{}
	i := icmp4.frame()
	hits := uint64(0)
	for len(seen) < 3 {
		l.exchange(1, a, i) // often enough that these two do not become idle
		hits++
		for _, m := range l.c.barrier() {
			if r, is := m.m.(*ofp.FlowRemoved); is {
				if seen[r.Cookie] != nil {
					t.Errorf("removed twice: %s", showRemoved(r))
				}
				seen[r.Cookie] = r
			}
		}
	}
	for cookie, want := range map[uint64]uint8{1: ofp.RemovedIdle, 2: ofp.RemovedHard, 3: ofp.RemovedHard} {
		if r := seen[cookie]; r == nil || r.Reason != want {
			t.Errorf("cookie %d: %+v, want reason %d", cookie, r, want)
		}
	}
	if r := seen[1]; r != nil && (r.PacketCount != 1 || r.ByteCount != 81) {
		t.Errorf("idle flow: %s, want 1 packet", showRemoved(r))
	}
	if r := seen[2]; r != nil && (r.DurationSec < 4 || r.PacketCount == 0 || r.PacketCount > hits) {
		t.Errorf("hard flow after %d frames and %d s: %s", hits, r.DurationSec, showRemoved(r))
	}
	left := l.c.flows(everyFlow)
	if len(left) != 2 || left[0].Cookie+left[1].Cookie != 5 {
		t.Errorf("left: %+v, want the fence and cookie 5", left)
	}
}
