package integration

import (
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/ofp"
)

// TestIntegrationOpenFlowGroupTypes: what becomes of a frame that a flow sends to a
// group of each type, and what the group and its buckets count (OpenFlow 1.3.5
// §5.6, §5.6.1).
func TestIntegrationOpenFlowGroupTypes(t *testing.T) {
	l := newOFLab(t, 4)
	u := udp4.frame()
	tagged := func(vid uint16) []byte { return udp4.frame(tag{0x8100, vid}) }
	ttl := func(n uint8) []byte { return udp4.with(func(p *ipPacket) { p.ttl = n }).frame() }
	n := uint64(len(u))
	type count = ofp.BucketStats
	one := count{PacketCount: 1, ByteCount: n}
	for _, tc := range []struct {
		name   string
		groups []string
		flow   string
		out    map[int][][]byte
		ins    int
		stats  []count // of group 1 and its buckets
	}{
		{"all", []string{"add group_id=1,type=all,bucket=output:2,bucket=dec_ttl,output:3,bucket=push_vlan:0x8100,set_field:4101->vlan_vid,output:4"},
			"actions=group:1", map[int][][]byte{2: {u}, 3: {ttl(63)}, 4: {tagged(5)}}, 0, []count{one, one, one, one}},
		{"all leaves the frame as it was", []string{"add group_id=1,type=all,bucket=push_vlan:0x8100,set_field:4101->vlan_vid,output:3"},
			"actions=group:1,output:2", map[int][][]byte{2: {u}, 3: {tagged(5)}}, 0, []count{one, one}},
		{"all, not back by number", []string{"add group_id=1,type=all,bucket=output:1,bucket=output:2"},
			"actions=group:1", map[int][][]byte{2: {u}}, 0, []count{one, one, one}},
		{"all, back by IN_PORT", []string{"add group_id=1,type=all,bucket=output:IN_PORT,bucket=output:2"},
			"actions=group:1", map[int][][]byte{1: {u}, 2: {u}}, 0, []count{one, one, one}},
		{"all to a controller", []string{"add group_id=1,type=all,bucket=CONTROLLER:65535,bucket=output:2"},
			"actions=group:1", map[int][][]byte{2: {u}}, 1, []count{one, one, one}},
		{"all without buckets", []string{"add group_id=1,type=all"}, "actions=group:1,output:2", map[int][][]byte{2: {u}}, 0, []count{one}},
		{"a bucket is an action set", []string{"add group_id=1,type=all,bucket=output:2,push_vlan:0x8100,set_field:4101->vlan_vid,dec_ttl"},
			"actions=group:1", map[int][][]byte{2: {udp4.with(func(p *ipPacket) { p.ttl = 63 }).frame(tag{0x8100, 5})}}, 0, []count{one, one}},
		{"indirect", []string{"add group_id=1,type=indirect,bucket=dec_ttl,output:3"},
			"actions=group:1", map[int][][]byte{3: {ttl(63)}}, 0, []count{one, one}},
		{"indirect, in a written set", []string{"add group_id=1,type=indirect,bucket=output:3"},
			"actions=write_actions(output:2,dec_ttl,group:1)", map[int][][]byte{3: {ttl(63)}}, 0, []count{one, one}},
		{"select", []string{"add group_id=1,type=select,bucket=weight:7,output:3"},
			"actions=group:1", map[int][][]byte{3: {u}}, 0, []count{one, one}},
		{"select passes over weight 0", []string{"add group_id=1,type=select,bucket=weight:0,output:2,bucket=weight:1,output:3"},
			"actions=group:1", map[int][][]byte{3: {u}}, 0, []count{one, {}, one}},
		{"select without buckets", []string{"add group_id=1,type=select"}, "actions=group:1,output:2", map[int][][]byte{2: {u}}, 0, []count{one}},
		{"fast failover", []string{"add group_id=1,type=ff,bucket=watch_port:2,output:2,bucket=watch_port:3,output:3"},
			"actions=group:1", map[int][][]byte{2: {u}}, 0, []count{one, one, {}}},
		{"fast failover by group", []string{"add group_id=2,type=all", "add group_id=3,type=all,bucket=output:4",
			"add group_id=1,type=ff,bucket=watch_group:2,output:2,bucket=watch_group:3,output:3"},
			"actions=group:1", map[int][][]byte{3: {u}}, 0, []count{one, {}, one}},
		{"fast failover with nothing alive", []string{"add group_id=2,type=all", "add group_id=1,type=ff,bucket=watch_group:2,output:2"},
			"actions=group:1", nil, 0, []count{one, {}}},
		{"chain", []string{"add group_id=3,type=indirect,bucket=dec_ttl,output:4", "add group_id=2,type=select,bucket=weight:1,push_vlan:0x8100,set_field:4101->vlan_vid,group:3",
			"add group_id=1,type=all,bucket=group:2,bucket=output:3"},
			"actions=group:1,output:2", map[int][][]byte{2: {u}, 3: {u}, 4: {udp4.with(func(p *ipPacket) { p.ttl = 63 }).frame(tag{0x8100, 5})}}, 0, []count{one, one, one}},
		{"the highest number", []string{"add group_id=1,type=all", "add group_id=4294967040,type=indirect,bucket=output:2"},
			"actions=group:4294967040,group:1", map[int][][]byte{2: {u}}, 0, []count{one}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l.use(t)
			l.clearAll()
			l.c.groups(tc.groups...)
			l.c.mod("add udp," + tc.flow)
			out, ins := l.exchange(1, u)
			checkFrames(t, tc.name, out, tc.out)
			if len(ins) != tc.ins {
				t.Errorf("%d packet-ins, want %d", len(ins), tc.ins)
			}
			for _, in := range ins {
				if in.Cookie != ^uint64(0) || in.Reason != ofp.PacketInAction {
					t.Errorf("packet-in of a bucket: cookie %#x, reason %d", in.Cookie, in.Reason)
				}
			}
			s := l.c.groupStats(1)
			got := append([]count{{PacketCount: s.PacketCount, ByteCount: s.ByteCount}}, s.Buckets...)
			if !reflect.DeepEqual(got, tc.stats) {
				t.Errorf("counted %+v, want %+v", got, tc.stats)
			}
		})
	}
}

// TestIntegrationOpenFlowGroupCommands: a modify keeps the group's statistics and
// begins those of the buckets anew, and concerns the next frame; a deletion
// takes the flows along and says why (OpenFlow 1.3.5 §6.5, §7.4.2).
func TestIntegrationOpenFlowGroupCommands(t *testing.T) {
	l := newOFLab(t, 3)
	u := udp4.frame()
	n := uint64(len(u))
	l.reset()
	l.c.groups("add group_id=1,type=indirect,bucket=output:2", "add group_id=2,type=all,bucket=group:1,bucket=output:3", "add group_id=3,type=all,bucket=output:3")
	l.c.mod("add cookie=1,send_flow_rem,udp,actions=group:1", "add cookie=2,send_flow_rem,tcp,actions=write_actions(group:2)",
		"add cookie=3,table=5,send_flow_rem,arp,actions=group:1,group:2", "add cookie=4,send_flow_rem,sctp,actions=group:3", "add cookie=5,icmp,actions=group:3")

	out, _ := l.exchange(1, u, u)
	checkFrames(t, "before", out, map[int][][]byte{2: {u, u}})
	if s := l.c.groupStats(1); s.RefCount != 3 || s.PacketCount != 2 || s.ByteCount != 2*n || s.Buckets[0].PacketCount != 2 {
		t.Errorf("group 1, used by two flows and a group: %+v", s)
	}
	l.c.groups("modify group_id=1,type=select,bucket=weight:1,output:3")
	out, _ = l.exchange(1, u)
	checkFrames(t, "after a modify", out, map[int][][]byte{3: {u}})
	if s := l.c.groupStats(1); s.RefCount != 3 || s.PacketCount != 3 || s.Buckets[0].PacketCount != 1 || s.Buckets[0].ByteCount != n {
		t.Errorf("group 1 after a modify: %+v", s)
	}
	desc := l.c.multipart(ofp.MultipartGroupDesc, nil)
	if len(desc) != 3 || desc[0].(*ofp.GroupDesc).GroupType != ofp.GroupTypeSelect {
		t.Errorf("descriptions %+v", desc)
	}

	// Deletions, one by one, then all that is left.
	gone := func(cookies ...uint64) {
		t.Helper()
		want := map[uint64]uint8{}
		for _, c := range cookies {
			want[c] = ofp.RemovedGroup
		}
		if got := l.c.reasons(); !reflect.DeepEqual(got, want) {
			t.Errorf("flows went for the reasons %v, want %v", got, want)
		}
	}
	if code := l.c.answer(ofp.Encode(9, groupMod(t, "delete group_id=1"))); code != ofp.GroupModFailedChainedGroup {
		t.Errorf("deletion of a group in use by another: %s", codeName(code))
	}
	l.c.send(groupMod(t, "delete group_id=2"))
	gone(2, 3)
	l.c.send(groupMod(t, "delete group_id=1"))
	gone(1)
	l.c.must(groupMod(t, "delete group_id=99")) // no error
	if list := l.c.flows(everyFlow); len(list) != 3 {
		t.Errorf("%d flows are left, want 3", len(list))
	}
	l.c.groups("add group_id=1,type=all", "add group_id=2,type=ff,bucket=watch_group:1,group:1")
	l.c.send(&ofp.GroupMod{Command: ofp.GroupDelete, GroupID: ofp.GroupAll})
	gone(4)
	if list := l.c.multipart(ofp.MultipartGroupDesc, nil); len(list) != 0 {
		t.Errorf("%d groups are left", len(list))
	}
	if list := l.c.multipart(ofp.MultipartGroup, &ofp.GroupStatsRequest{GroupID: ofp.GroupAll}); len(list) != 0 {
		t.Errorf("statistics of %d groups are left", len(list))
	}
	if list := l.c.flows(everyFlow); len(list) != 1 {
		t.Errorf("%d flows are left, want the fence", len(list))
	}
}

// TestIntegrationOpenFlowGroupSelect: frames of a flow keep to a bucket, flows
// are spread by the weights, and when a bucket goes, or its port dies, its flows
// alone move.
func TestIntegrationOpenFlowGroupSelect(t *testing.T) {
	l := newOFLab(t, 4)
	const three = "group_id=1,type=select,bucket=weight:1,watch_port:2,output:2,bucket=weight:2,watch_port:3,output:3,bucket=weight:5,watch_port:4,output:4"
	l.reset()
	l.c.groups("add " + three)
	l.c.mod("add udp,actions=group:1")
	frames := flowsFrom(1600)
	weights := map[int]float64{2: 1, 3: 2, 4: 5}
	// proportional checks how often the ports stand in by: within 5 standard
	// deviations. The choice is the same in every run.
	proportional := func(what string, by []int, ports ...int) {
		t.Helper()
		sum := 0.0
		for _, p := range ports {
			sum += weights[p]
		}
		n := tally(by)
		all := float64(len(by))
		for _, p := range ports {
			share := weights[p] / sum
			want := all * share
			if off := float64(n[p]) - want; off*off > 25*want*(1-share) {
				t.Errorf("%s: %d of %d flows by port %d, want about %.0f", what, n[p], len(by), p, want)
			}
			all -= float64(n[p])
			sum -= weights[p]
			if sum == 0 && all != 0 {
				t.Errorf("%s: %v flows went elsewhere", what, all)
			}
		}
	}
	before := l.spread(frames, 2, 3, 4)
	proportional("at first", before, 2, 3, 4)
	if again := l.spread(frames, 2, 3, 4); !reflect.DeepEqual(again, before) {
		t.Error("flows have changed their bucket")
	}
	s := l.c.groupStats(1)
	n := tally(before)
	for i := range 3 {
		if got, want := s.Buckets[i].PacketCount, uint64(2*n[i+2]); got != want {
			t.Errorf("bucket %d counted %d packets, want %d", i, got, want)
		}
	}
	if s.PacketCount != 3200 {
		t.Errorf("the group counted %d packets, want 3200", s.PacketCount)
	}
	// moved compares with before: flows of the port that went are spread over the
	// others in proportion, no other flow moves.
	moved := func(what string, now []int, gone int, left ...int) {
		t.Helper()
		var homeless []int
		for i := range now {
			switch {
			case before[i] == gone:
				homeless = append(homeless, now[i])
			case before[i] != now[i]:
				t.Fatalf("%s: flow %d has moved from port %d to port %d", what, i, before[i], now[i])
			}
		}
		proportional(what, homeless, left...)
	}
	for _, tc := range []struct {
		gone  int
		left  []int
		group string
	}{
		{2, []int{3, 4}, "modify group_id=1,type=select,bucket=weight:2,watch_port:3,output:3,bucket=weight:5,watch_port:4,output:4"},
		{3, []int{2, 4}, "modify group_id=1,type=select,bucket=weight:1,watch_port:2,output:2,bucket=weight:5,watch_port:4,output:4"},
		{4, []int{2, 3}, "modify group_id=1,type=select,bucket=weight:2,watch_port:3,output:3,bucket=weight:1,watch_port:2,output:2"},
	} {
		l.c.groups(tc.group)
		moved("without its bucket", l.spread(frames, 2, 3, 4), tc.gone, tc.left...)
	}
	l.c.groups("modify " + three)
	l.peer.Down("eth3")
	l.linkState(3, false)
	moved("without its port", l.spread(frames, 2, 4), 3, 2, 4)
	l.peer.Up("eth3")
	l.linkState(3, true)
	l.peer.WaitCarrier("eth3")
	l.drain(3)
	if again := l.spread(frames, 2, 3, 4); !reflect.DeepEqual(again, before) {
		t.Error("flows have not come back to their bucket")
	}
}

// drain takes the fences out that a port has got while nobody listened, after its
// device was down.
func (l *ofLab) drain(no int) {
	l.t.Helper()
	if _, err := unix.GetsockoptInt(l.cables[no-1].fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil { // takes ENETDOWN off
		l.t.Fatal(err)
	}
	last := append(append([]byte(nil), fenceFrame...), 1)
	l.c.must(&ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: ofp.PortController, Actions: []ofp.Action{ofp.Output{Port: ofp.PortNo(no)}}, Data: last})
	for string(l.cables[no-1].recv()) != string(last) {
	}
}

// TestIntegrationOpenFlowFailover: as soon as the far end of a cable goes down the
// next frame takes the other bucket, and the first again when it is back. No
// controller is there to do it.
func TestIntegrationOpenFlowFailover(t *testing.T) {
	l := newOFLab(t, 4)
	l.reset()
	l.c.groups("add group_id=1,type=ff,bucket=watch_port:2,output:2,bucket=watch_port:3,output:3",
		// The frame goes by port 4 when the group before has none alive.
		"add group_id=2,type=ff,bucket=watch_group:1,group:1,bucket=watch_port:4,output:4")
	l.c.mod("add udp,actions=group:2")
	frames := flowsFrom(20)
	up := map[int]bool{2: true, 3: true, 4: true}
	for i, step := range []struct{ port, want int }{
		{0, 2}, {-2, 3}, {-3, 4}, {2, 2}, {3, 2}, {-2, 3}, {2, 2}, {-3, 2}, {-2, 4}, {3, 3}, {-4, 3}, {-3, 0},
	} {
		if p := max(step.port, -step.port); p != 0 {
			dev := []string{"", "eth1", "eth2", "eth3", "eth4"}[p]
			up[p] = step.port > 0
			if up[p] {
				l.peer.Up(dev)
				l.peer.WaitCarrier(dev)
			} else {
				l.peer.Down(dev)
			}
			l.linkState(ofp.PortNo(p), up[p])
			if up[p] {
				l.drain(p)
			}
		}
		var ports []int
		for p := 2; p <= 4; p++ {
			if up[p] {
				ports = append(ports, p)
			}
		}
		want := make([]int, len(frames))
		for k := range want {
			want[k] = step.want
		}
		if len(ports) == 0 { // nowhere to look: the counters say it
			drops := l.c.groupStats(2).PacketCount + uint64(len(frames))
			for _, f := range frames {
				l.cables[0].send(f)
			}
			l.settle(1)
			if got := l.c.groupStats(2).PacketCount; got != drops {
				t.Errorf("step %d: the group counted %d packets, want %d", i, got, drops)
			}
			continue
		}
		if got := l.spread(frames, ports...); !reflect.DeepEqual(got, want) {
			t.Errorf("step %d: frames left by %v, want all by port %d", i, tally(got), step.want)
		}
	}
	var b uint64
	for _, k := range l.c.groupStats(1).Buckets {
		b += k.PacketCount
	}
	if s := l.c.groupStats(1); s.PacketCount != b || b != 9*20 {
		t.Errorf("group 1 counted %d packets and %d in its buckets, want %d", s.PacketCount, b, 9*20)
	}
	if s := l.c.groupStats(2); s.PacketCount != 12*20 || s.Buckets[0].PacketCount != 9*20 || s.Buckets[1].PacketCount != 2*20 {
		t.Errorf("group 2 counted %+v", s)
	}
}
