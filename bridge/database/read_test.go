package database

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ofswitch/bridge"
	"ofswitch/ofp"
	"ofswitch/ovsdb"
	"ofswitch/stream"
)

func pairs(kv ...string) ovsdb.Datum {
	m := map[string]string{}
	for i := 0; i < len(kv); i += 2 {
		m[kv[i]] = kv[i+1]
	}
	return ovsdb.Map(m)
}

func ints(list ...int64) ovsdb.Datum {
	var atoms []ovsdb.Atom
	for _, n := range list {
		atoms = append(atoms, ovsdb.Int(n))
	}
	return ovsdb.Set(atoms...)
}

// numbered is a map from numbers to rows of the transaction.
func numbered(m map[int64]string) ovsdb.Datum {
	var d ovsdb.Datum
	for _, n := range slices.Sorted(func(yield func(int64) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}) {
		d.Keys, d.Values = append(d.Keys, ovsdb.Int(n)), append(d.Values, ovsdb.NamedRef(m[n]))
	}
	return d
}

// Every column that has an effect is read.
func TestRead(t *testing.T) {
	db := newRows(t,
		rootRow(ovsdb.Values{
			"next_cfg": number(7), "cur_cfg": number(5), "ssl": refTo("ssl"), "manager_options": refTo("manager"),
			"other_config": pairs("stats-update-interval", "9000", "enable-statistics", "true", "vlan-limit", "0"),
		}, "br1", "br0"),
		ovsdb.Insert("SSL", "ssl", ovsdb.Values{"private_key": text("k"), "certificate": text("c"), "ca_cert": text("a")}),
		ovsdb.Insert("Manager", "manager", ovsdb.Values{"target": text("ptcp:6640"), "max_backoff": number(3000), "inactivity_probe": number(0)}),
		bridgeRow("br1", nil, "br1"), portRow("br1", nil), ifaceRow("br1", ovsdb.Values{"type": text("internal")}),
		bridgeRow("br0", ovsdb.Values{
			"datapath_type": text("netdev"), "fail_mode": text("secure"), "protocols": texts("OpenFlow10", "OpenFlow13"),
			"other_config": pairs("datapath-id", "00000000000000ab", "aux-connections", "2"), "flood_vlans": ints(3, 4),
			"flow_tables": numbered(map[int64]string{0: "t0", 9: "t9"}), "mirrors": refTo("m0"),
			"controller": ovsdb.Datum{Keys: []ovsdb.Atom{ovsdb.NamedRef("c0"), ovsdb.NamedRef("c1"), ovsdb.NamedRef("c2")}},
		}, "br0", "eth1", "eth0", "vm0", "p0", "tap0"),
		ovsdb.Insert("Flow_Table", "t0", ovsdb.Values{"name": text("first"), "flow_limit": number(10), "overflow_policy": text("evict"), "groups": texts("NXM_OF_IN_PORT[]")}),
		ovsdb.Insert("Flow_Table", "t9", nil),
		ovsdb.Insert("Mirror", "m0", ovsdb.Values{
			"name": text("span"), "select_src_port": refTo("p_eth0"), "select_dst_port": refTo("p_eth1"), "select_vlan": ints(5),
			"output_port": refTo("p_vm0"), "snaplen": number(100),
		}),
		ovsdb.Insert("Controller", "c0", ovsdb.Values{
			"target": text("tcp:192.0.2.1"), "max_backoff": number(2000), "inactivity_probe": number(0), "connection_mode": text("out-of-band"),
			"controller_rate_limit": number(1000), "controller_burst_limit": number(250),
		}),
		ovsdb.Insert("Controller", "c1", ovsdb.Values{"target": text("ptcp:6653"), "inactivity_probe": number(5000)}),
		ovsdb.Insert("Controller", "c2", ovsdb.Values{"target": text("unix:/x")}),
		portRow("br0", nil), ifaceRow("br0", ovsdb.Values{"mtu_request": number(9000), "ofport": number(65534), "ofport_request": number(4)}),
		portRow("eth0", ovsdb.Values{
			"tag": number(0), "trunks": ints(1, 2), "cvlans": ints(8), "vlan_mode": text("native-tagged"), "protected": boolean(true),
			"other_config": pairs("priority-tags", "always", "qinq-ethtype", "802.1q"), "qos": refTo("qos"),
		}),
		ovsdb.Insert("QoS", "qos", ovsdb.Values{"type": text("linux-htb"), "other_config": pairs("max-rate", "1000"), "queues": numbered(map[int64]string{1: "q1", 6: "q6"})}),
		ovsdb.Insert("Queue", "q1", ovsdb.Values{"other_config": pairs("min-rate", "10")}),
		ovsdb.Insert("Queue", "q6", ovsdb.Values{"other_config": pairs("priority", "3")}),
		ifaceRow("eth0", ovsdb.Values{
			"ofport": number(12), "ofport_request": number(3), "type": text("system"), "mtu_request": number(2000),
			"other_config":          pairs("pmd-rxq-affinity", "0:3,1:7", "anything", "else"),
			"ingress_policing_rate": number(1), "ingress_policing_burst": number(2), "ingress_policing_kpkts_rate": number(3), "ingress_policing_kpkts_burst": number(4),
		}),
		portRow("eth1", nil), ifaceRow("eth1", ovsdb.Values{"ofport": number(-1), "options": pairs("io", "afpacket")}),
		portRow("vm0", ovsdb.Values{"tag": number(5), "fake_bridge": boolean(true)}),
		ifaceRow("vm0", ovsdb.Values{"type": text("internal"), "mac": text("02:00:00:00:00:07"), "ofport": number(9)}),
		portRow("p0", nil), ifaceRow("p0", ovsdb.Values{"type": text("patch"), "options": pairs("peer", "p1")}),
		portRow("tap0", ovsdb.Values{"mac": text("00:00:00:00:00:09")}), ifaceRow("tap0", ovsdb.Values{"type": text("tap")}),
	)
	m := newRecall()
	d := read(db, m)
	if len(d.warnings) > 0 {
		t.Errorf("warnings %q", d.warnings)
	}
	for i := range d.config.Bridges {
		b := &d.config.Bridges[i]
		if b.DefaultMAC != defaultMAC(d.bridges[i].row.UUID) {
			t.Errorf("bridge %s: default address %x", b.Name, b.DefaultMAC)
		}
		b.DefaultMAC = [6]byte{}
	}
	want := bridge.Config{
		TLS: stream.Files{PrivateKey: "k", Certificate: "c", CACert: "a"},
		Bridges: []bridge.Bridge{{
			Name: "br0", DatapathID: 0xab, FailMode: bridge.Secure, Protocols: []string{"OpenFlow10", "OpenFlow13"},
			OtherConfig: map[string]string{"aux-connections": "2"}, FloodVLANs: []uint16{3, 4},
			FlowTables: map[uint8]bridge.FlowTable{0: {Name: "first", Limit: 10, Limited: true, Evict: true, Groups: []string{"NXM_OF_IN_PORT[]"}}, 9: {}},
			Mirrors:    []bridge.Mirror{{Name: "span", SelectSrc: []string{"eth0"}, SelectDst: []string{"eth1"}, SelectVLANs: []uint16{5}, OutputPort: "vm0", SnapLen: 100}},
			Controllers: []bridge.Controller{
				{Target: "tcp:192.0.2.1", MaxBackoff: 2 * time.Second, InactivityProbe: -1, OutOfBand: true, RateLimit: 1000, BurstLimit: 250},
				{Target: "unix:/x"},
			},
			Listeners: []bridge.Listener{{Target: "ptcp:6653", InactivityProbe: 5 * time.Second}},
			Ports: []bridge.Port{
				{Name: "br0", Type: "internal", MTU: 9000},
				{Name: "eth0", Request: 3, MTU: 2000, Policing: bridge.Policing{Rate: 1, Burst: 2, KPktsRate: 3, KPktsBurst: 4},
					RxAffinity: map[int]int{0: 3, 1: 7},
					VLAN:       bridge.VLAN{Mode: bridge.VLANNativeTagged, HasTag: true, Trunks: []uint16{1, 2}, CVLANs: []uint16{8}, Protected: true, PriorityTags: "always", EtherType: "802.1q"},
					QoS: &bridge.QoS{Type: "linux-htb", OtherConfig: map[string]string{"max-rate": "1000"}, Queues: map[uint32]bridge.Queue{
						1: {OtherConfig: map[string]string{"min-rate": "10"}}, 6: {OtherConfig: map[string]string{"priority": "3"}},
					}}},
				{Name: "eth1", Options: map[string]string{"io": "afpacket"}},
				{Name: "p0", Type: "patch", Options: map[string]string{"peer": "p1"}},
				{Name: "tap0", Type: "tap", BridgeMAC: net.HardwareAddr{0, 0, 0, 0, 0, 9}},
				{Name: "vm0", Type: "internal", MAC: net.HardwareAddr{2, 0, 0, 0, 0, 7}, FakeBridge: true, VLAN: bridge.VLAN{Tag: 5, HasTag: true}},
			},
		}, {
			Name: "br1", FailMode: bridge.Standalone, Ports: []bridge.Port{{Name: "br1", Type: "internal"}},
		}},
	}
	if !reflect.DeepEqual(d.config, want) {
		t.Errorf("got  %+v\nwant %+v", d.config, want)
	}
	if prefer := map[string]ofp.PortNo{"eth0": 12, "vm0": 9}; !reflect.DeepEqual(d.preferences(), prefer) {
		t.Errorf("preferences %v, want %v", d.preferences(), prefer)
	}
	if d.next != 7 || d.current != 5 || d.statsInterval != 9*time.Second || !d.sysStats {
		t.Errorf("next %d, current %d, interval %v, statistics %v", d.next, d.current, d.statsInterval, d.sysStats)
	}
	if len(d.managers) != 1 || d.managers[0].remote.Target != "ptcp:6640" || d.managers[0].remote.MaxBackoff != 3*time.Second || d.managers[0].remote.Probe >= 0 {
		t.Errorf("managers %+v", d.managers)
	}
	// The same rows give the same.
	if again := read(db, m); !reflect.DeepEqual(again.warnings, d.warnings) || len(again.config.Bridges) != 2 {
		t.Errorf("another time: %+v", again)
	}
}

// A port with several interfaces is a bond of ports; mirrors know it by its own name.
func TestReadBond(t *testing.T) {
	d := read(newRows(t, rootRow(nil, "br0"), bridgeRow("br0", ovsdb.Values{"mirrors": refTo("m")}, "bond0", "out"),
		portRow("bond0", ovsdb.Values{
			"bond_mode": text("balance-slb"), "bond_updelay": number(100), "bond_downdelay": number(200), "lacp": text("active"), "tag": number(7),
			"other_config": pairs("bond-primary", "e1", "lacp-fallback-ab", "true"),
		}, "e2", "e1", "bad"),
		ifaceRow("e1", nil), ifaceRow("e2", nil), ifaceRow("bad", ovsdb.Values{"type": text("vhost")}), portRow("out", nil), ifaceRow("out", nil),
		ovsdb.Insert("Mirror", "m", ovsdb.Values{"name": text("m"), "select_src_port": refTo("p_bond0"), "output_port": refTo("p_out")})), newRecall())
	b := d.config.Bridges[0]
	vlan := bridge.VLAN{Tag: 7, HasTag: true}
	if want := []bridge.Bond{{
		Name: "bond0", Members: []string{"e1", "e2"}, Mode: bridge.BondBalanceSLB, UpDelay: 100 * time.Millisecond, DownDelay: 200 * time.Millisecond,
		Primary: "e1", LACP: "active", FallbackAB: true, VLAN: vlan,
	}}; !reflect.DeepEqual(b.Bonds, want) {
		t.Errorf("bonds %+v, want %+v", b.Bonds, want)
	}
	if want := []bridge.Port{{Name: "e1", VLAN: vlan}, {Name: "e2", VLAN: vlan}, {Name: "out"}}; !reflect.DeepEqual(b.Ports, want) {
		t.Errorf("ports %+v, want %+v", b.Ports, want)
	}
	if want := []bridge.Mirror{{Name: "m", SelectSrc: []string{"bond0"}, OutputPort: "out"}}; !reflect.DeepEqual(b.Mirrors, want) {
		t.Errorf("mirrors %+v, want %+v", b.Mirrors, want)
	}
}

// What cannot be is noted in its own row, and the rest goes on.
func TestReadBadRows(t *testing.T) {
	for _, c := range []struct {
		name    string
		bridge  ovsdb.Values // of br0
		iface   ovsdb.Values // of x
		port    ovsdb.Values // of x
		more    []ovsdb.Operation
		problem string // of x
		warning string
	}{
		{name: "nothing wrong"},
		{name: "type", iface: ovsdb.Values{"type": text("vhost")}, problem: "could not open network device x (Address family not supported by protocol)", warning: `type "vhost" is not known; there are internal, patch, system, tap`},
		{name: "patch alone", iface: ovsdb.Values{"type": text("patch")}, problem: "x: patch type requires valid 'peer' argument"},
		{name: "patch to itself", iface: ovsdb.Values{"type": text("patch"), "options": pairs("peer", "x")}, problem: "x: patch peer must not be self"},
		{name: "datapath type", bridge: ovsdb.Values{"datapath_type": text("dpdk")}, problem: `bridge br0: datapath_type "dpdk" is not known; use netdev or system`, warning: "dpdk"},
		{name: "option", iface: ovsdb.Values{"options": pairs("peer", "y")}, warning: "options:peer is not known for its type"},
		{name: "mac", iface: ovsdb.Values{"type": text("internal"), "mac": text("01:00:00:00:00:01")}, warning: "mac 01:00:00:00:00:01 is no address"},
		{name: "zero mac", iface: ovsdb.Values{"type": text("internal"), "mac": text("00:00:00:00:00:00")}, warning: "is no address"},
		{name: "mac of a device", iface: ovsdb.Values{"mac": text("02:00:00:00:00:01")}, warning: "mac is for type internal"},
		{name: "mtu of a tap", iface: ovsdb.Values{"type": text("tap"), "mtu_request": number(1400)}, warning: "mtu_request is for types system and internal"},
		{name: "datapath id", bridge: ovsdb.Values{"other_config": pairs("datapath-id", "12")}, warning: "want 16 hex digits"},
		{name: "unknown key", bridge: ovsdb.Values{"other_config": pairs("colour", "red")}, warning: "other_config:colour is not known"},
		{name: "value of a key", bridge: ovsdb.Values{"other_config": pairs("aux-connections", "many")}, warning: "aux-connections=many"},
		{name: "protocols", bridge: ovsdb.Values{"protocols": texts("OpenFlow13", "OpenFlow15")}, warning: `"OpenFlow15" is not supported`},
		{name: "spanning tree", bridge: ovsdb.Values{"stp_enable": boolean(true)}, warning: "column stp_enable asks for what this switch does not have"},
		{name: "controller", bridge: ovsdb.Values{"controller": refTo("c")}, more: []ovsdb.Operation{ovsdb.Insert("Controller", "c", ovsdb.Values{"target": text("foo:bar")})}, warning: `controller "foo:bar"`},
		{name: "QoS type", port: ovsdb.Values{"qos": refTo("q")}, more: []ovsdb.Operation{ovsdb.Insert("QoS", "q", ovsdb.Values{"type": text("linux-red")})}, warning: `QoS type "linux-red" is not known`},
		{name: "QoS key", port: ovsdb.Values{"qos": refTo("q")}, more: []ovsdb.Operation{ovsdb.Insert("QoS", "q", ovsdb.Values{"type": text("linux-htb"), "other_config": pairs("colour", "1", "max-rate", "5")})}, warning: `key "colour" is not known`},
		{name: "bfd", iface: ovsdb.Values{"bfd": pairs("enable", "true")}, warning: "column bfd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ops := append([]ovsdb.Operation{
				rootRow(nil, "br0", "br1"), bridgeRow("br0", c.bridge, "br0", "x"), portRow("br0", nil), ifaceRow("br0", nil),
				portRow("x", c.port), ifaceRow("x", c.iface),
				bridgeRow("br1", nil, "good"), portRow("good", nil), ifaceRow("good", nil),
			}, c.more...)
			d := read(newRows(t, ops...), newRecall())
			problems := map[string]string{}
			for _, b := range d.bridges {
				for _, i := range b.interfaces {
					problems[i.name] = i.problem
				}
			}
			if problems["x"] != c.problem || problems["good"] != "" {
				t.Errorf("problems %q, want %q of x alone", problems, c.problem)
			}
			all := strings.Join(d.warnings, "\n")
			if c.warning == "" && c.problem == "" && all != "" || !strings.Contains(all, c.warning) {
				t.Errorf("warnings %q, want %q", all, c.warning)
			}
			if i := slices.IndexFunc(d.config.Bridges, func(b bridge.Bridge) bool { return b.Name == "br1" }); i < 0 || len(d.config.Bridges[i].Ports) != 1 {
				t.Errorf("br1 is not as it would be alone: %+v", d.config)
			}
		})
	}
}

// Durations that nobody can mean are the nearest that can be: 18446744073710 ms would
// overflow to half a millisecond, and end every connection.
func TestReadDurations(t *testing.T) {
	const most = math.MaxInt32 * time.Millisecond
	for _, c := range []struct {
		ms           int64
		probe, delay time.Duration
	}{
		{math.MinInt64, -1, -most}, {-1, -1, -time.Millisecond}, {0, -1, 0}, {1, time.Second, time.Millisecond}, {7000, 7 * time.Second, 7 * time.Second},
		{math.MaxInt32 + 1, most, most}, {3074457345618, most, most}, {18446744073710, most, most}, {math.MaxInt64, most, most},
	} {
		d := read(newRows(t, rootRow(ovsdb.Values{"manager_options": refTo("m")}, "br0"), bridgeRow("br0", nil, "x"), ifaceRow("i", nil), ifaceRow("j", nil),
			portRow("x", ovsdb.Values{"bond_updelay": number(c.ms)}, "i", "j"),
			ovsdb.Insert("Manager", "m", ovsdb.Values{"target": text("tcp:127.0.0.1"), "inactivity_probe": number(c.ms)})), newRecall())
		if got := d.config.Bridges[0].Bonds[0].UpDelay; got != c.delay {
			t.Errorf("%d ms are %v, want %v", c.ms, got, c.delay)
		}
		if got := d.managers[0].remote.Probe; got != c.probe {
			t.Errorf("inactivity_probe %d is %v, want %v", c.ms, got, c.probe)
		}
	}
}

// A row that two name belongs to the first by name, whichever it is.
func TestReadSharedRows(t *testing.T) {
	d := read(newRows(t, rootRow(nil, "b", "a"),
		bridgeRow("a", nil, "x", "y"), bridgeRow("b", nil, "x"),
		portRow("x", nil, "i"), portRow("y", nil, "i", "j"), ifaceRow("i", nil), ifaceRow("j", nil)), newRecall())
	if len(d.warnings) != 2 || !strings.Contains(d.warnings[0], "interface i is of port x and of y") || !strings.Contains(d.warnings[1], "port x is in bridge a and in b") {
		t.Errorf("warnings %q", d.warnings)
	}
	if n := len(d.config.Bridges[1].Ports); n != 0 {
		t.Errorf("bridge b has %d ports", n)
	}
}

func TestReadNothing(t *testing.T) {
	d := read(newRows(t), newRecall())
	if !reflect.DeepEqual(d.config, bridge.Config{}) || d.root.Row != nil || d.statsInterval != minStatsInterval {
		t.Errorf("%+v", d)
	}
}

// The order in which rows came, and what their UUIDs are, makes no difference.
func TestReadInAnyOrder(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	var first *desired
	for range 5 {
		var ops []ovsdb.Operation
		var bridges []string
		for i := range 4 {
			b := fmt.Sprintf("br%d", i)
			bridges = append(bridges, b)
			var names []string
			for j := range 6 {
				p := fmt.Sprintf("%s-p%d", b, j)
				names = append(names, p)
				ops = append(ops, portRow(p, ovsdb.Values{"tag": number(int64(j))}), ifaceRow(p, ovsdb.Values{"ofport": number(int64(j + 3))}))
			}
			ops = append(ops, bridgeRow(b, ovsdb.Values{"other_config": pairs("colour", "red")}, names...))
		}
		ops = append(ops, rootRow(nil, bridges...))
		rnd.Shuffle(len(ops), func(i, j int) { ops[i], ops[j] = ops[j], ops[i] })
		d := read(newRows(t, ops...), newRecall())
		for i := range d.config.Bridges {
			d.config.Bridges[i].DefaultMAC = [6]byte{} // of the UUID
		}
		if first == nil {
			first = d
			continue
		}
		if !reflect.DeepEqual(d.config, first.config) || !reflect.DeepEqual(d.warnings, first.warnings) || !reflect.DeepEqual(d.preferences(), first.preferences()) {
			t.Fatalf("seed %d:\n%+v\n%+v", seed, d, first)
		}
	}
}

// The address that Open vSwitch 3.1 gave a bridge without ports whose row has this
// UUID.
func TestDefaultMAC(t *testing.T) {
	u, ok := ovsdb.ParseUUID("c99f3f33-ad96-44d7-a7d3-c1c8b567e7f6")
	if got := net.HardwareAddr(sliceOf(defaultMAC(u))).String(); !ok || got != "32:3f:9f:c9:d7:44" {
		t.Errorf("got %s", got)
	}
}

func sliceOf(a [6]byte) []byte { return a[:] }

// A datapath id is 16 hex digits, or after 0x as many as there are
// (ovs-vswitchd.conf.db(5), other_config:datapath-id).
func TestParseDatapathID(t *testing.T) {
	for s, want := range map[string]uint64{
		"00000000000000ab": 0xab, "0xab": 0xab, "0x00000000000000ab": 0xab, "ffffffffffffffff": 1<<64 - 1, "0xffffffffffffffff": 1<<64 - 1,
		"": 0, "ab": 0, "0x": 0, "0x0": 0, "0000000000000000": 0, "0x1ffffffffffffffff": 0, "0xghi": 0, "0x-1": 0, "0x_1": 0, "00000000000000_1": 0,
	} {
		if got, ok := parseDatapathID(s); got != want || ok != (want != 0) {
			t.Errorf("%q: %x, %v, want %x", s, got, ok, want)
		}
	}
}
