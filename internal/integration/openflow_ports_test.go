package integration

import (
	"bytes"
	"fmt"
	"testing"

	"ofswitch/flow"
	"ofswitch/internal/testutil"
	"ofswitch/ofp"
	"ofswitch/ofp/text"
)

func (l *ofLab) port(no ofp.PortNo) ofp.PortDesc {
	l.t.Helper()
	for _, e := range l.c.multipart(ofp.MultipartPortDesc, nil) {
		if p := e.(*ofp.PortDesc); p.Port == no {
			return *p
		}
	}
	l.t.Fatalf("no port %d", no)
	return ofp.PortDesc{}
}

// configure sets the configuration bits of a port and takes the port-status.
func (l *ofLab) configure(no ofp.PortNo, config ofp.PortConfig) {
	l.t.Helper()
	p := l.port(no)
	if p.Config == config {
		return
	}
	l.c.send(&ofp.PortMod{Port: no, HWAddr: p.HWAddr, Config: config, Mask: ofp.PortConfigAll})
	m := l.c.take(func(m *ofMessage) bool {
		s, is := m.m.(*ofp.PortStatus)
		return is && s.Desc.Port == no && s.Desc.Config == config
	})
	if s := m.m.(*ofp.PortStatus); s.Reason != ofp.PortModify {
		l.t.Errorf("port-status of a port-mod has reason %d", s.Reason)
	}
}

// TestIntegrationOpenFlowPortConfig: what the bits of a port's configuration
// forbid, and what they do not (OpenFlow 1.3.5 §7.2.1).
func TestIntegrationOpenFlowPortConfig(t *testing.T) {
	l := newOFLab(t, 3)
	u := udp4.frame()
	all := map[int][][]byte{2: {u}, 3: {u}}
	only3 := map[int][][]byte{3: {u}}
	for _, tc := range []struct {
		name    string
		port    ofp.PortNo
		config  ofp.PortConfig
		actions string
		out     map[int][][]byte
		ins     int
	}{
		{"no bits", 2, 0, "ALL", all, 0},
		{"NO_FWD and ALL", 2, ofp.PortConfigNoFwd, "ALL", only3, 0},
		{"NO_FWD and FLOOD", 2, ofp.PortConfigNoFwd, "FLOOD", only3, 0},
		{"NO_FWD and NORMAL", 2, ofp.PortConfigNoFwd, "NORMAL", only3, 0},
		{"NO_FWD and its number", 2, ofp.PortConfigNoFwd, "output:2,output:3", only3, 0},
		{"NO_FWD and IN_PORT", 1, ofp.PortConfigNoFwd, "IN_PORT,output:3", only3, 0},
		{"NO_FWD lets frames in", 1, ofp.PortConfigNoFwd, "ALL", all, 0},
		{"NO_RECV lets frames out", 2, ofp.PortConfigNoRecv, "ALL", all, 0},
		{"NO_PACKET_IN lets frames in and out", 1, ofp.PortConfigNoPacketIn, "ALL,IN_PORT", map[int][][]byte{1: {u}, 2: {u}, 3: {u}}, 0},
		{"NO_PACKET_IN and a flow entry", 1, ofp.PortConfigNoPacketIn, "CONTROLLER:65535", nil, 1},
		{"NO_PACKET_IN of another port", 2, ofp.PortConfigNoPacketIn, "CONTROLLER:65535", nil, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l.use(t)
			l.reset("add udp,actions=" + tc.actions)
			l.configure(tc.port, tc.config)
			l.cables[0].send(u)
			l.settle(1)
			// The fence may be kept from a port by the very bits.
			l.configure(tc.port, 0)
			l.cables[0].send(fenceFrame)
			out, ins := l.untilFence()
			checkFrames(t, tc.name, out, tc.out)
			if len(ins) != tc.ins {
				t.Errorf("%d packet-ins, want %d", len(ins), tc.ins)
			}
		})
	}
	t.Run("NO_PACKET_IN and table misses", func(t *testing.T) {
		l.use(t)
		l.reset("add priority=0,actions=CONTROLLER:65535,output:2", "add table=1,priority=0,actions=CONTROLLER:65535", "add tcp,actions=goto_table:1")
		l.configure(1, ofp.PortConfigNoPacketIn)
		out, ins := l.exchange(1, u, tcp4.frame())
		checkFrames(t, "misses", out, map[int][][]byte{2: {u}})
		if len(ins) != 0 {
			t.Errorf("%d packet-ins", len(ins))
		}
		l.configure(1, 0)
	})
	t.Run("NO_RECV keeps frames out", func(t *testing.T) {
		l.use(t)
		l.reset("add udp,actions=ALL,CONTROLLER:65535")
		l.configure(1, ofp.PortConfigNoRecv)
		l.cables[0].send(u)
		l.settle(1)
		l.configure(1, 0)
		out, ins := l.exchange(1)
		checkFrames(t, "NO_RECV", out, nil)
		if len(ins) != 0 {
			t.Errorf("%d packet-ins", len(ins))
		}
	})
	t.Run("PORT_DOWN", func(t *testing.T) {
		l.use(t)
		l.reset("add udp,actions=ALL,output:2")
		l.configure(2, ofp.PortConfigDown)
		testutil.Eventually(t, "link down", func() error {
			if p := l.port(2); p.State != ofp.PortStateLinkDown || p.Config != ofp.PortConfigDown {
				return fmt.Errorf("a port that is down: %+v", p)
			}
			return nil
		})
		l.cables[0].send(u)
		l.settle(1)
		l.configure(2, 0)
		testutil.Eventually(t, "link up", func() error {
			if p := l.port(2); p.State != ofp.PortStateLive {
				return fmt.Errorf("state %#x", p.State)
			}
			return nil
		})
		// A veth pair says 10 Gbit/s, full duplex: OFPPF_10GB_FD. The switch has
		// just heard of the link by a notification, which has no speed.
		if p := l.port(2); p.Curr != 1<<6 || p.CurrSpeed != 10_000_000 || p.MaxSpeed != 10_000_000 {
			t.Errorf("port description %+v, want 10 Gbit/s", p)
		}
		out, _ := l.exchange(1)
		checkFrames(t, "PORT_DOWN", out, only3)
	})
}

// settle waits until the switch is done with every frame sent so far to port
// no: its counters stand still at what the far end has sent.
func (l *ofLab) settle(no int) {
	l.t.Helper()
	testutil.Eventually(l.t, "frames received", func() error {
		s := l.c.multipart(ofp.MultipartPortStats, &ofp.PortStatsRequest{Port: ofp.PortNo(no)})[0].(*ofp.PortStats)
		if want := l.cables[no-1].sent(); s.RxPackets < want {
			return fmt.Errorf("%d of %d", s.RxPackets, want)
		}
		return nil
	})
	l.c.barrier()
}

// TestIntegrationOpenFlowPacketOut: where frames of a controller come from and
// go to (OpenFlow 1.3.5 §7.3.7).
func TestIntegrationOpenFlowPacketOut(t *testing.T) {
	l := newOFLab(t, 3)
	u := udp4.frame()
	l.reset("add cookie=5,udp,in_port=2,actions=output:3,CONTROLLER:65535", "add cookie=6,in_port=CONTROLLER,udp,actions=output:2", "add cookie=8,in_port=LOCAL,udp,actions=output:1")
	type in struct {
		reason uint8
		port   uint64
		cookie uint64
	}
	const none = ^uint64(0)
	for _, tc := range []struct {
		in, actions string
		out         map[int][][]byte
		ins         []in
	}{
		{"CONTROLLER", "output:1,output:3", map[int][][]byte{1: {u}, 3: {u}}, nil},
		{"CONTROLLER", "ALL", map[int][][]byte{1: {u}, 2: {u}, 3: {u}}, nil},
		{"CONTROLLER", "FLOOD", map[int][][]byte{1: {u}, 2: {u}, 3: {u}}, nil},
		{"CONTROLLER", "IN_PORT", nil, nil},
		{"2", "ALL", map[int][][]byte{1: {u}, 3: {u}}, nil},
		{"2", "output:2", nil, nil},
		{"2", "IN_PORT", map[int][][]byte{2: {u}}, nil},
		{"2", "CONTROLLER:65535", nil, []in{{1, 2, none}}},
		{"2", "TABLE", map[int][][]byte{3: {u}}, []in{{1, 2, 5}}},
		{"CONTROLLER", "TABLE", map[int][][]byte{2: {u}}, nil},
		{"LOCAL", "TABLE", map[int][][]byte{1: {u}}, nil},
		{"3", "TABLE", nil, nil},
		{"2", "dec_ttl,output:1,set_field:9->udp_src,TABLE", map[int][][]byte{
			1: {udp4.with(func(p *ipPacket) { p.ttl = 63 }).frame()},
			3: {udp4.with(func(p *ipPacket) { p.ttl, p.l4 = 63, udp(9, 2000) }).frame()}}, []in{{1, 2, 5}}},
		{"1", "NORMAL", map[int][][]byte{2: {u}, 3: {u}}, nil},
		{"1", "drop", nil, nil},
	} {
		t.Run(tc.in+" "+tc.actions, func(t *testing.T) {
			l.use(t)
			m, err := text.ParsePacketOut(fmt.Sprintf("in_port=%s,packet=%x,actions=%s", tc.in, u, tc.actions), nil)
			if err != nil {
				t.Fatal(err)
			}
			l.c.must(m)
			out, ins := l.exchange(1)
			checkFrames(t, "packet-out", out, tc.out)
			if len(ins) != len(tc.ins) {
				t.Fatalf("%d packet-ins, want %d", len(ins), len(tc.ins))
			}
			for i, w := range tc.ins {
				v, _, _ := ins[i].Match.Get(flow.InPort)
				if ins[i].Reason != w.reason || v.Lo != w.port || ins[i].Cookie != w.cookie {
					t.Errorf("packet-in %+v, want %+v", ins[i], w)
				}
			}
		})
	}
	for _, f := range l.c.flows(ofp.FlowStatsRequest{Table: 0, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny, Cookie: 5, CookieMask: none}) {
		if f.PacketCount != 2 {
			t.Errorf("the flow has counted %d packet-outs, want 2", f.PacketCount)
		}
	}
}

// TestIntegrationOpenFlowChannel: configuration, asynchronous filters and roles
// of several connections, over the real thing.
func TestIntegrationOpenFlowChannel(t *testing.T) {
	l := newOFLab(t, 2)
	u := udp4.frame()

	echo := rawMsg(ofp.TypeEchoRequest, bytes.Repeat([]byte("echo"), 65000/4))
	l.c.write(echo)
	m := l.c.take(func(m *ofMessage) bool { return m.h.Type == ofp.TypeEchoReply })
	if m.h.XID != 0xabcd || !bytes.Equal(m.raw[8:], echo[8:]) {
		t.Errorf("echo of %d bytes came back as %d", len(echo), len(m.raw))
	}

	// Fragments: dropped when asked, with their kin of IPv6, and nothing else.
	first := udp4.with(func(p *ipPacket) { p.frag = 0x2000 }).frame()
	later := ipPacket{src: "10.0.0.1", dst: "10.0.0.2", ttl: 64, proto: 17, frag: 10, l4: payload}.frame()
	later6 := ipPacket{src: "fd00::1", dst: "fd00::2", ttl: 64, proto: 6, ext: []byte{6, 0, 0, 8 << 3, 0, 0, 0, 7}, extType: 44, l4: payload}.frame()
	l.reset("add actions=output:2")
	for _, flags := range []uint16{ofp.FragDrop, ofp.FragNormal} {
		l.c.must(&ofp.SetConfig{Flags: flags, MissSendLen: 100})
		xid := l.c.send(&ofp.GetConfigRequest{})
		r := l.c.take(func(m *ofMessage) bool { return m.h.XID == xid }).m.(*ofp.GetConfigReply)
		if r.Flags != flags || r.MissSendLen != 100 {
			t.Errorf("configuration is %+v, want flags %d and 100", *r, flags)
		}
		want := [][]byte{first, later, u, later6}
		out, _ := l.exchange(1, want...)
		if flags == ofp.FragDrop {
			want = [][]byte{u}
		}
		checkFrames(t, fmt.Sprintf("fragments with flags %d", flags), out, map[int][][]byte{2: want})
	}

	// Packet-in contents: metadata and tunnel; INVALID_TTL only when asked for.
	l.reset("add udp,actions=write_metadata:0x5,goto_table:1",
		"add table=1,udp,cookie=3,actions=set_field:0x77->tun_id,CONTROLLER:65535,dec_ttl,output:2")
	dead := udp4.with(func(p *ipPacket) { p.ttl = 1 }).frame()
	_, ins := l.exchange(1, dead)
	if len(ins) != 1 {
		t.Errorf("%d packet-ins, want 1: INVALID_TTL is off by default", len(ins))
	}
	async := func(pin, port, removed uint32) *ofp.SetAsync {
		return &ofp.SetAsync{AsyncConfig: ofp.AsyncConfig{
			PacketIn: [2]uint32{pin, 0}, PortStatus: [2]uint32{port, port}, FlowRemoved: [2]uint32{removed, 0},
		}}
	}
	l.c.must(async(7, 7, 15))
	_, ins = l.exchange(1, dead)
	if len(ins) != 2 || ins[1].Reason != ofp.PacketInInvalidTTL || ins[1].Cookie != 3 || ins[1].Table != 1 || !bytes.Equal(ins[1].Data, dead) {
		t.Errorf("packet-ins of a dead frame: %+v", ins)
	}
	for _, p := range ins {
		for id, want := range map[flow.ID]uint64{flow.InPort: 1, flow.Metadata: 5, flow.TunnelID: 0x77} {
			if v, _, ok := p.Match.Get(id); !ok || v.Lo != want {
				t.Errorf("packet-in %v: %v is %#x, want %#x", p.Match, id, v.Lo, want)
			}
		}
	}

	// A second controller. Answers go to the one who asked.
	other := l.dial()
	other.send(&ofp.SetConfig{MissSendLen: 0xffff})
	other.barrier()
	role := func(c *ofClient, role ofp.Role, generation uint64) (ofp.Role, uint64, ofp.Code) {
		xid := c.send(&ofp.RoleRequest{Role: role, GenerationID: generation})
		m := c.take(func(m *ofMessage) bool { return m.h.XID == xid })
		if e, is := m.m.(*ofp.ErrorMsg); is {
			return 0, 0, e.ErrCode()
		}
		reply := m.m.(*ofp.RoleReply)
		return reply.Role, reply.GenerationID, accepted
	}
	const unset = ^uint64(0)
	for i, step := range []struct {
		c          *ofClient
		role       ofp.Role
		generation uint64
		wantRole   ofp.Role
		wantGen    uint64
		want       ofp.Code
	}{
		{l.c, 0, 99, 1, unset, accepted}, // NOCHANGE reads
		{l.c, 1, 99, 1, unset, accepted}, // EQUAL does not look at it
		{l.c, 2, 0, 2, 0, accepted},      // ONOS: 0, again and again
		{l.c, 2, 0, 2, 0, accepted},
		{l.c, 2, unset, 0, 0, ofp.RoleRequestFailedStale},
		{other, 0, 0, 1, 0, accepted},
		{other, 2, 5, 2, 5, accepted}, // l.c becomes slave
		{l.c, 0, 0, 3, 5, accepted},
		{l.c, 2, 4, 0, 0, ofp.RoleRequestFailedStale},
		{l.c, 3, 4, 0, 0, ofp.RoleRequestFailedStale},
		{l.c, 3, 1<<63 + 4, 3, 1<<63 + 4, accepted},
		{l.c, 3, 5, 0, 0, ofp.RoleRequestFailedStale},
	} {
		r, g, code := role(step.c, step.role, step.generation)
		if r != step.wantRole || g != step.wantGen || code != step.want {
			t.Errorf("role step %d: %d, %#x, %v; want %+v", i, r, g, code, step)
		}
	}
	flowRem := flowMod(t, "add priority=1,arp,send_flow_rem,actions=drop")
	for name, tc := range map[string]struct {
		m    ofp.Message
		want ofp.Code
	}{
		"flow-mod":       {flowRem, ofp.BadRequestIsSlave},
		"packet-out":     {&ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: ofp.PortController, Data: u}, ofp.BadRequestIsSlave},
		"port-mod":       {&ofp.PortMod{Port: 1}, ofp.BadRequestIsSlave},
		"table-mod":      {&ofp.TableMod{}, ofp.BadRequestIsSlave},
		"group-mod":      {&ofp.Raw{T: ofp.TypeGroupMod, Body: make([]byte, 8)}, ofp.BadRequestIsSlave},
		"meter-mod":      {&ofp.Raw{T: ofp.TypeMeterMod, Body: make([]byte, 8)}, ofp.BadRequestIsSlave},
		"table features": {&ofp.MultipartRequest{Kind: ofp.MultipartTableFeatures, Body: ofp.RawBody(append([]byte{0, 64}, make([]byte, 62)...))}, ofp.BadRequestIsSlave},
		"set-config":     {&ofp.SetConfig{MissSendLen: 0xffff}, accepted},
		"features":       {&ofp.FeaturesRequest{}, accepted},
		"statistics":     {&ofp.MultipartRequest{Kind: ofp.MultipartFlow, Body: &everyFlow}, accepted},
		"get-async":      {&ofp.GetAsyncRequest{}, accepted},
	} {
		if got := l.c.answer(ofp.Encode(0x55, tc.m)); got != tc.want {
			t.Errorf("%s of a slave: %v, want %v", name, got, tc.want)
		}
	}

	// The slave hears of ports alone, the master of all.
	other.must(flowRem)
	other.must(flowMod(t, "delete_strict priority=1,arp"))
	p := l.port(2)
	other.must(&ofp.PortMod{Port: 2, HWAddr: p.HWAddr, Config: ofp.PortConfigNoRecv, Mask: ofp.PortConfigNoRecv})
	l.cables[0].send(u)
	other.take(func(m *ofMessage) bool { return m.h.Type == ofp.TypePacketIn })
	var types []ofp.Type
	for _, m := range l.c.barrier() {
		types = append(types, m.h.Type)
	}
	if fmt.Sprint(types) != fmt.Sprint([]ofp.Type{ofp.TypePortStatus}) || len(l.c.in) != 0 {
		t.Errorf("the slave heard %v and %d packet-ins, want one port-status", types, len(l.c.in))
	}

	// The header that cannot be: answered, and the connection ends; the others go on.
	bad := l.dial()
	bad.write([]byte{4, 2, 0, 7, 0, 0, 0, 9})
	e := bad.take(func(m *ofMessage) bool { return m.h.XID == 9 }).m.(*ofp.ErrorMsg)
	if e.ErrCode() != ofp.BadRequestBadLen {
		t.Errorf("a length of 7: %v", e.ErrCode())
	}
	if _, err := bad.tryTake(func(*ofMessage) bool { return true }); err == nil {
		t.Errorf("the connection goes on after a length of 7")
	}
	l.c.barrier()
}
