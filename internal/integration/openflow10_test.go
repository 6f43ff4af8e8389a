package integration

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
	"ofswitch/ofp/of10"
)

// flows10 are flows as ovs-ofctl writes them that go over OpenFlow 1.0, each given
// back as it is by Open vSwitch.
var flows10 = []string{
	"in_port=1 actions=output:2",
	"cookie=0x7,idle_timeout=30,hard_timeout=40,send_flow_rem,priority=5,in_port=3 actions=output:1",
	"tcp,nw_src=10.0.0.0/8,tp_src=80 actions=mod_vlan_vid:5,mod_vlan_pcp:3,strip_vlan,mod_dl_src:02:00:00:00:00:01,mod_nw_tos:8,mod_tp_src:7,enqueue:2:1,CONTROLLER:100",
	"vlan_tci=0x0000 actions=drop",
	"dl_vlan=5 actions=mod_vlan_vid:6",
	"dl_vlan_pcp=3 actions=output:1",
	"dl_vlan=4,dl_vlan_pcp=3 actions=strip_vlan,output:1",
	"vlan_tci=0x1000/0x1000 actions=mod_vlan_vid:5",
	"vlan_tci=0x1004/0x1004 actions=output:1",
	"ipv6 actions=set_queue:3,output:1,pop_queue,dec_ttl,CONTROLLER:65535",
	"ip actions=load:0x5->NXM_NX_IP_TTL[],load:0x1->NXM_NX_IP_ECN[],mod_tp_dst:9,output:2",
	"ip,nw_src=1.2.0.4/255.255.0.255,nw_proto=50 actions=mod_nw_src:1.2.3.4,mod_nw_dst:1.2.3.5",
	"ip,nw_tos=4 actions=mod_dl_dst:02:00:00:00:00:01",
	"mpls,mpls_label=4 actions=set_mpls_ttl(3),dec_mpls_ttl,pop_mpls:0x0800",
	"mpls actions=set_mpls_label(4),set_mpls_tc(1)",
	"icmp,icmp_type=8,icmp_code=0 actions=FLOOD",
	"icmp6,icmp_type=135,nd_target=::1 actions=output:1",
	"arp,arp_spa=1.2.3.4,arp_op=1 actions=output:1",
	"arp,arp_sha=02:00:00:00:00:01 actions=output:1",
	"metadata=0x5/0x7 actions=output:1",
	"sctp,tp_src=5 actions=output:1",
	"udp,tp_dst=0x100/0xff00 actions=ALL,IN_PORT,LOCAL",
	"tcp6,ipv6_src=fe80::/10,tp_dst=80 actions=NORMAL",
	"dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=output:1",
	"tun_id=0x5 actions=set_tunnel:0x6",
	"ipv6,ipv6_label=0x00005 actions=load:0x1->NXM_NX_IPV6_SRC[0..63],load:0->NXM_NX_IPV6_SRC[64..127]",
	"priority=0 actions=set_tunnel:0x5,write_metadata:0x1/0x3",
	"priority=0 actions=resubmit(,1)",
}

// startOVS10 starts an Open vSwitch with the dummy datapath and three ports, and gives
// what ovs-ofctl calls it.
func startOVS10(t *testing.T, ns *testutil.NS) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ovs10") // sockets have short paths
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	at := func(name string) string { return filepath.Join(dir, name) }
	env := append(os.Environ(), "OVS_RUNDIR="+dir, "OVS_LOGDIR="+dir, "OVS_DBDIR="+dir)
	run := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
	}
	start := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(testutil.NeedProgram(t, name, "openvswitch-switch"), args...)
		cmd.Env = env
		ns.Start(cmd)
		t.Cleanup(func() {
			_ = cmd.Process.Kill() // it may have ended
			_ = cmd.Wait()
		})
	}
	testutil.NeedProgram(t, "ovsdb-tool", "openvswitch-common")
	run("ovsdb-tool", "create", at("conf.db"), "/usr/share/openvswitch/vswitch.ovsschema")
	start("ovsdb-server", at("conf.db"), "--remote=punix:"+at("db.sock"), "--log-file="+at("ovsdb.log"), "-vconsole:emer")
	testutil.Eventually(t, "the database's socket", func() error { _, err := os.Stat(at("db.sock")); return err })
	db := "--db=unix:" + at("db.sock")
	run("ovs-vsctl", db, "--no-wait", "init")
	start("ovs-vswitchd", "unix:"+at("db.sock"), "--enable-dummy", "--disable-system", "--log-file="+at("vswitchd.log"), "-vconsole:emer")
	args := []string{db, "--timeout=60", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", "fail-mode=secure", "other-config:datapath-id=0000000000000001"}
	for i := 1; i <= 3; i++ {
		p := fmt.Sprintf("p%d", i)
		args = append(args, "--", "add-port", "br0", p, "--", "set", "interface", p, "type=dummy", fmt.Sprintf("ofport_request=%d", i))
	}
	run("ovs-vsctl", args...)
	return "unix:" + at("br0.mgmt")
}

// volatile10 is what differs between two switches that do the same.
var volatile10 = []struct {
	re *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`duration=[0-9.]+s`), "duration=D"},
	{regexp.MustCompile(`xid=0x[0-9a-f]+`), "xid=X"},
	{regexp.MustCompile(`idle_age=[0-9]+`), "idle_age=A"},
	{regexp.MustCompile(`hard_age=[0-9]+, `), ""}, // told if it is another second than the duration
	{regexp.MustCompile(`n_(packets|bytes)=[0-9]+`), "n_$1=N"},
	{regexp.MustCompile(`(packet_count|byte_count)=[0-9]+`), "$1=N"},
	{regexp.MustCompile(`addr:[0-9a-f:]+`), "addr:M"},
	{regexp.MustCompile(`(?m)^ *(speed|current|advertised|supported|Manufacturer|Hardware|Software|DP Description)\b.*\n`), ""},
	{regexp.MustCompile(`IP_REASM `), ""},
	{regexp.MustCompile(`(pkts|bytes|drop|errs|frame|over|crc|coll)=[0-9?]+`), "$1=N"},
	{regexp.MustCompile(`unix:[^ :]*`), "S"},
	{regexp.MustCompile(`(?m)^.*\|(WARN|INFO)\|.*\n`), ""},
}

// run10 runs ovs-ofctl without -O and gives what it says in an order of its own:
// switches list flows and ports in another.
func run10(ofctl, target, command string) string {
	args := strings.Split(command, " ")
	for i := range args {
		if args[i] == "@" {
			args[i] = target
		}
	}
	out, err := exec.Command(ofctl, append([]string{"--timeout=20"}, args...)...).CombinedOutput()
	s := string(out)
	for _, v := range volatile10 {
		s = v.re.ReplaceAllString(s, v.by)
	}
	lines := strings.Split(strings.TrimSpace(s), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	slices.Sort(lines)
	if err != nil {
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}

// TestIntegrationOpenFlow10 runs every command of ovs-ofctl that goes over OpenFlow
// 1.0 against Open vSwitch and against us: they say the same.
func TestIntegrationOpenFlow10(t *testing.T) {
	ofctl := testutil.NeedProgram(t, "ovs-ofctl", "openvswitch-common")
	ns := testutil.NewNS(t)
	ns.NoIPv6()
	theirs := startOVS10(t, ns)
	d := startDaemon(t, ns.Namespace, "--bridge", "br0", "--datapath-id", "1", "--fail-mode", "secure",
		"--port", "p1,type=internal", "--port", "p2,type=internal", "--port", "p3,type=internal")
	d.awaitLog("msg=ready")
	ours := d.mgmt("br0")
	same := func(command string) string {
		t.Helper()
		a, b := run10(ofctl, theirs, command), run10(ofctl, ours, command)
		if a != b {
			t.Errorf("ovs-ofctl %s: Open vSwitch\n%s\nwe\n%s", command, a, b)
		}
		return b
	}
	for _, f := range flows10 {
		match, actions, _ := strings.Cut(f, " ")
		same("add-flow @ " + strings.Replace(match+","+actions, "CONTROLLER:", "controller:", 1))
		got := same("dump-flows @")
		// What is no match stands apart.
		if _, want, ok := strings.Cut(f, "send_flow_rem,"); ok {
			f = want
		}
		if !strings.Contains(got, f) {
			t.Errorf("%s becomes\n%s", f, got)
		}
		same("del-flows @")
	}
	file := filepath.Join(t.TempDir(), "flows")
	flows := "in_port=1,actions=2\nin_port=2,actions=1\ntable=1,priority=5,ip,actions=3\n"
	if err := os.WriteFile(file, []byte(flows), 0o644); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "flows")
	if err := os.WriteFile(other, []byte("in_port=1,actions=3\nin_port=3,actions=1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{
		"show @", "dump-desc @", "dump-ports @", "dump-ports @ 2", "dump-ports-desc @", "dump-aggregate @", "probe @",
		"mod-port @ 1 no-flood", "show @", "mod-port @ 1 flood", "mod-port @ p1 down", "show @", "mod-port @ p1 up", "mod-port @ p2 no-receive",
		"mod-port @ p2 receive", "mod-port @ p2 no-forward", "mod-port @ p2 forward", "mod-port @ p2 no-packet-in", "show @", "mod-port @ p2 packet-in", "mod-port @ 9 up",
		"get-frags @", "set-frags @ drop", "get-frags @", "set-frags @ normal",
		"add-flows @ " + file, "dump-flows @", "dump-flows @ table=0", "dump-flows @ in_port=1", "dump-flows @ out_port=3", "dump-flows @ ip", "--no-stats dump-flows @",
		"--names dump-flows @", "-F openflow10 dump-flows @", "-F openflow10 dump-flows @ ip", "-F nxm dump-flows @ ip", "dump-aggregate @ table=1", "-F openflow10 dump-aggregate @",
		"replace-flows @ " + other, "dump-flows @", "diff-flows @ " + file,
		"mod-flows @ in_port=1,cookie=7,actions=2", "--strict mod-flows @ in_port=7,actions=2", "dump-flows @", "mod-flows @ cookie=7/-1,actions=1", "dump-flows @",
		"mod-flows @ cookie=99/-1,in_port=5,actions=1", "dump-flows @", "--strict del-flows @ in_port=7", "del-flows @ cookie=7/-1", "dump-flows @",
		"add-flow @ table=3,actions=1", "mod-flows @ actions=2", "dump-flows @", "del-flows @ table=3", "del-flows @ out_port=1", "dump-flows @", "del-flows @",
		"add-flow @ check_overlap,in_port=1,ip,actions=1", "add-flow @ check_overlap,ip,actions=1", "dump-flows @", "del-flows @",
		"packet-out @ in_port=1,packet=ffffffffffff0202020202020800,actions=2", "packet-out @ 1 2 ffffffffffff0202020202020800",
		"packet-out @ none mod_vlan_vid:4,mod_nw_src:1.2.3.4,3 ffffffffffff0202020202020800",
		"queue-stats @ 9 1", "dump-table-features @", "mod-table @ 0 continue", "dump-table-desc @", "meter-features @",
		"-O OpenFlow10,OpenFlow13 dump-flows @",
	} {
		same(command)
	}
}

// speak10 shakes hands in OpenFlow 1.0, as a peer of its time: no bitmap.
func (c *client10) speak10() {
	c.t.Helper()
	c.write(ofp.Header{Version: of10.Version, Type: ofp.TypeHello, Length: 8, XID: 1}.Append(nil))
	if h, _ := c.read(); h.Type != ofp.TypeHello {
		c.t.Fatalf("the switch opened with %v", h)
	}
}

// client10 is a scripted controller of OpenFlow 1.0.
type client10 struct {
	t  *testing.T
	nc net.Conn
}

func (c *client10) write(b []byte) {
	c.t.Helper()
	if _, err := c.nc.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client10) read() (ofp.Header, []byte) {
	c.t.Helper()
	h, msg, err := ofp.ReadMessage(c.nc, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return h, msg
}

// send sends a message of OpenFlow 1.0 with a body in hex.
func (c *client10) send(typ uint8, xid uint32, body string) {
	c.t.Helper()
	var b []byte
	if _, err := fmt.Sscanf(strings.ReplaceAll(body, " ", ""), "%x", &b); err != nil && body != "" {
		c.t.Fatal(err)
	}
	c.write(append(ofp.Header{Version: of10.Version, Type: ofp.Type(typ), Length: uint16(8 + len(b)), XID: xid}.Append(nil), b...))
}

// await reads messages until one of a type comes; of other types only those in
// between are allowed.
func (c *client10) await(typ uint8, between ...uint8) []byte {
	c.t.Helper()
	for {
		h, msg := c.read()
		if h.Version != of10.Version {
			c.t.Fatalf("%v in a connection of OpenFlow 1.0", h)
		}
		if uint8(h.Type) == typ {
			return msg
		}
		if !slices.Contains(between, uint8(h.Type)) {
			c.t.Fatalf("got message type %d: % x, want %d", h.Type, msg, typ)
		}
	}
}

// TestIntegrationController10 is a controller as POX is one: it learns from
// packet-ins of frames that no entry matches. Beside it a controller of OpenFlow 1.3
// hears of everything in its own words, and not of those frames.
func TestIntegrationController10(t *testing.T) {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "c"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	l := newOFLab(t, 3, "--controller", "unix:"+listener.Addr().String()+",inactivity_probe=0")
	nc, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c := &client10{t, nc}
	c.speak10()
	c.send(5, 2, "") // features
	features := c.await(6)
	if n := (len(features) - 32) % 48; n != 0 || !bytes.Contains(features, []byte("port1\x00")) {
		t.Fatalf("features % x", features)
	}
	c.send(9, 3, "0000 0080") // set_config
	c.send(14, 4, "003820ff"+strings.Repeat("00", 36)+"0000000000000000 0003 0000 0000 0000 ffffffff ffff 0000")
	c.send(18, 5, "") // barrier
	c.await(19)

	// A frame that nothing matches: to this one only.
	frame := append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5}, bytes.Repeat([]byte{7}, 50)...)
	l.cables[0].send(frame)
	in := c.await(10)
	if buffer, port := binary.BigEndian.Uint32(in[8:]), binary.BigEndian.Uint16(in[14:]); buffer != ofp.NoBuffer || port != 1 || in[16] != ofp.PacketInNoMatch || !bytes.Equal(in[18:], frame) {
		t.Fatalf("packet-in % x", in)
	}
	// It floods the frame, and adds an entry with send_flow_rem.
	c.send(13, 6, fmt.Sprintf("ffffffff 0001 0008 0000 0008 fffb 0000 %x", frame))
	for port := 2; port <= 3; port++ {
		if got := l.cables[port-1].recv(); !bytes.Equal(got, frame) {
			t.Errorf("port %d sent % x", port, got)
		}
	}
	entry := "003820fe 0001" + strings.Repeat("00", 34) + "0000000000000077 %04x 0000 0000 0005 ffffffff ffff 0001"
	c.send(14, 7, fmt.Sprintf(entry, 0)+"0000 0008 0002 0000")
	c.send(18, 8, "")
	c.await(19)
	l.cables[0].send(frame)
	if got := l.cables[1].recv(); !bytes.Equal(got, frame) {
		t.Errorf("port 2 sent % x", got)
	}
	// Both hear that it is deleted, each in its words.
	c.send(14, 9, fmt.Sprintf(entry, 3))
	removed := c.await(11)
	if cookie := binary.BigEndian.Uint64(removed[48:]); len(removed) != 88 || cookie != 0x77 {
		t.Errorf("flow-removed % x", removed)
	}
	m := l.c.take(func(m *ofMessage) bool { return m.h.Type == ofp.TypeFlowRemoved })
	if f := m.m.(*ofp.FlowRemoved); f.Cookie != 0x77 || f.Reason != ofp.RemovedDelete {
		t.Errorf("flow-removed %+v", f)
	}
	for _, m := range l.c.barrier() {
		if m.h.Type == ofp.TypePacketIn {
			t.Errorf("the controller of OpenFlow 1.3 got %v", m.h)
		}
	}
	// And of a port that it takes down.
	var hw []byte
	for at := 32; at < len(features); at += 48 {
		if binary.BigEndian.Uint16(features[at:]) == 3 {
			hw = features[at+2 : at+8]
		}
	}
	c.send(15, 11, fmt.Sprintf("0003 %x 00000001 00000001 00000000 00000000", hw))
	status := c.await(12)
	if len(status) != 64 || binary.BigEndian.Uint16(status[16:]) != 3 || status[43]&1 == 0 {
		t.Errorf("port-status % x", status)
	}
	m = l.c.take(func(m *ofMessage) bool { return m.h.Type == ofp.TypePortStatus })
	if s := m.m.(*ofp.PortStatus); s.Desc.Port != 3 || s.Desc.Config&ofp.PortConfigDown == 0 {
		t.Errorf("port-status %+v", s)
	}
	// An error has a code of OpenFlow 1.0.
	c.send(14, 10, "003820ff"+strings.Repeat("00", 36)+"0000000000000000 0007 0000 0000 0000 ffffffff ffff 0000")
	if e := c.await(1, 12); binary.BigEndian.Uint32(e[8:]) != 3<<16|4 || binary.BigEndian.Uint32(e[4:]) != 10 {
		t.Errorf("error % x", e)
	}
	// It wants no more flow-removed (NXT_SET_ASYNC_CONFIG2); the other one does.
	c.send(4, 12, "00002320 0000001b 0005 0008 00000000")
	c.send(14, 13, fmt.Sprintf(entry, 0)+"0000 0008 0002 0000")
	c.send(14, 14, fmt.Sprintf(entry, 3))
	c.send(18, 15, "")
	c.await(19, 12)
	l.c.take(func(m *ofMessage) bool { return m.h.Type == ofp.TypeFlowRemoved })
}

// TestIntegrationTestController10 has Open vSwitch's learning controller, which
// speaks OpenFlow 1.0 alone here, make a switch of us.
func TestIntegrationTestController10(t *testing.T) {
	path := testutil.NeedProgram(t, "ovs-testcontroller", "openvswitch-testcontroller")
	l := newLab(t, 2)
	dir := t.TempDir()
	cmd := exec.Command(path, "-O", "OpenFlow10", "--unixctl="+filepath.Join(dir, "ctl"), "punix:"+filepath.Join(dir, "c"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	}()
	testutil.Eventually(t, "the controller's socket", func() error { _, err := os.Stat(filepath.Join(dir, "c")); return err })
	startSwitch(t, l, "--fail-mode", "secure", "--controller", "unix:"+filepath.Join(dir, "c"), "--protocols", "OpenFlow10")
	ping(t, l.Hosts[0], l.Hosts[1].IP.String())
}
