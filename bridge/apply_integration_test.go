package bridge

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
	"ofswitch/ports"
)

// lab is a switch whose devices are in a namespace of their own. Its watcher
// is not: the tests tell of devices by linkEvent themselves.
//
//	v1 -- w1     v2 -- w2     cables, no host behind them
type lab struct {
	t  *testing.T
	ns *testutil.NS
	s  *Switch
}

func newLab(t *testing.T) *lab {
	l := &lab{t: t, ns: testutil.NewNS(t)}
	l.ns.AddVeth("v1", "w1", l.ns)
	l.ns.AddVeth("v2", "w2", l.ns)
	before := l.links()
	s, err := New(Options{RunDir: socketDir(t), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l.s = s
	s.onLost = func() {} // it would open devices on a thread outside of the namespace
	t.Cleanup(func() {
		l.ns.Do(s.Close)
		if after := l.links(); !slices.Equal(before, after) {
			t.Errorf("devices %v at the start, %v in the end", before, after)
		}
		left, err := os.ReadDir(s.opts.RunDir)
		if err != nil || len(left) != 0 {
			t.Errorf("left in the run directory: %v, %v", left, err)
		}
	})
	return l
}

// links are the names of the namespace's devices.
func (l *lab) links() []string {
	l.t.Helper()
	list, err := l.ns.Netlink.LinkList()
	if err != nil {
		l.t.Fatal(err)
	}
	var names []string
	for _, link := range list {
		names = append(names, link.Attrs().Name)
	}
	slices.Sort(names)
	return names
}

// apply applies bridges in the namespace.
func (l *lab) apply(bridges ...Bridge) (err error) {
	l.ns.Do(func() { err = l.s.Apply(Config{Bridges: bridges}) })
	return err
}

func (l *lab) mustApply(bridges ...Bridge) {
	l.t.Helper()
	if err := l.apply(bridges...); err != nil {
		l.t.Fatalf("Apply: %v", err)
	}
}

// want compares the ports, each "bridge/port@number", with "?" behind one that
// waits and "!" behind one with an error.
func (l *lab) want(list ...string) {
	l.t.Helper()
	var got []string
	for _, p := range l.s.Ports() {
		s := fmt.Sprintf("%s/%s@%v", p.Bridge, p.Name, p.OFPort)
		switch {
		case p.Waiting:
			s += "?"
		case p.Error != "" || !p.Open:
			s += "!"
		}
		got = append(got, s)
	}
	if !slices.Equal(got, list) {
		l.t.Errorf("ports\n %v\nwant\n %v", got, list)
	}
}

// inBridge are the numbers and names of the ports as controllers see them.
func (l *lab) inBridge(name string) map[ofp.PortNo]string {
	l.t.Helper()
	of, err := l.s.bridge(name)
	if err != nil {
		l.t.Fatal(err)
	}
	m := map[ofp.PortNo]string{}
	for _, d := range of.PortDescs() {
		m[d.Port] = d.Name
	}
	return m
}

func secure(name string, p ...Port) Bridge { return Bridge{Name: name, FailMode: Secure, Ports: p} }

func patch(name, peer string) Port {
	return Port{Name: name, Type: TypePatch, Options: map[string]string{"peer": peer}}
}

// refusedBy fails the test unless err has exactly one line for each of texts,
// in order.
func refusedBy(t *testing.T, err error, texts ...string) {
	t.Helper()
	var lines []string
	if err != nil {
		lines = strings.Split(err.Error(), "\n")
	}
	ok := len(lines) == len(texts)
	for i := 0; ok && i < len(lines); i++ {
		ok = strings.Contains(lines[i], texts[i])
	}
	if !ok {
		t.Errorf("the error is %q, want lines with %q", lines, texts)
	}
}

// The same configuration again touches nothing: no port is opened anew, no
// connection ends.
func TestIntegrationApplyTwice(t *testing.T) {
	l := newLab(t)
	config := []Bridge{
		secure("brA", Port{Name: "v1"}, Port{Name: "vm0", Type: TypeInternal, Request: 7}, patch("pA", "pB"), Port{Name: "absent"}),
		secure("brB", Port{Name: "v2"}, patch("pB", "pA")),
	}
	l.mustApply(config...)
	state := []string{"brA/brA@LOCAL", "brA/v1@1", "brA/vm0@7", "brA/pA@2", "brA/absent@3?", "brB/brB@LOCAL", "brB/v2@1", "brB/pB@2"}
	l.want(state...)
	nc, err := net.Dial("unix", l.s.MgmtPath("brA"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	c := bufio.NewReader(nc)
	talk := func(xid uint32, m ofp.Message, want ofp.Type) {
		t.Helper()
		if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := nc.Write(ofp.Encode(xid, m)); err != nil {
			t.Fatal(err)
		}
		if h, _, err := ofp.ReadMessage(c, nil); err != nil || h.Type != want {
			t.Fatalf("%v answered by %v, %v", m.Type(), h, err)
		}
	}
	talk(1, &ofp.Hello{}, ofp.TypeHello)
	talk(2, &ofp.BarrierRequest{}, ofp.TypeBarrierReply)

	bridges := maps.Clone(l.s.bridges)
	devices := map[string]ports.Port{}
	live := map[string]*livePort{}
	each := func(fn func(*livePort)) {
		for _, lb := range l.s.bridges {
			for _, p := range lb.ports {
				fn(p)
			}
		}
	}
	each(func(p *livePort) { live[p.conf.Name], devices[p.conf.Name] = p, p.port })
	for range 2 {
		l.mustApply(config...)
	}
	l.want(state...)
	if !maps.Equal(bridges, l.s.bridges) {
		t.Error("bridges were made anew")
	}
	each(func(p *livePort) {
		if live[p.conf.Name] != p && p.conf.Name != "absent" || devices[p.conf.Name] != p.port {
			t.Errorf("port %s was made anew", p.conf.Name)
		}
	})
	talk(3, &ofp.BarrierRequest{}, ofp.TypeBarrierReply)
}

// Ports and bridges that are taken out go with all that they had; the others
// stay as they are, under their numbers.
func TestIntegrationApplyDifference(t *testing.T) {
	l := newLab(t)
	l.mustApply(
		secure("brA", Port{Name: "v1"}, Port{Name: "vm0", Type: TypeInternal}, Port{Name: "v2"}),
		secure("brB", Port{Name: "vm1", Type: TypeInternal}))
	l.want("brA/brA@LOCAL", "brA/v1@1", "brA/vm0@2", "brA/v2@3", "brB/brB@LOCAL", "brB/vm1@1")
	v2 := l.s.bridges["brA"].ports[3].port

	l.mustApply(
		secure("brA", Port{Name: "v1"}, Port{Name: "v2"}),
		secure("brB", Port{Name: "vm1", Type: TypeInternal}))
	l.want("brA/brA@LOCAL", "brA/v1@1", "brA/v2@3", "brB/brB@LOCAL", "brB/vm1@1")
	if got, want := l.inBridge("brA"), map[ofp.PortNo]string{ofp.PortLocal: "brA", 1: "v1", 3: "v2"}; !maps.Equal(got, want) {
		t.Errorf("controllers see %v, want %v", got, want)
	}
	if l.ns.HasLink("vm0") {
		t.Error("the device of a port that was taken out is left")
	}

	// The bridge goes, its device and socket too; the freed number is given again.
	l.mustApply(secure("brA", Port{Name: "vm2", Type: TypeInternal, MTU: 4000}, Port{Name: "v1"}, Port{Name: "v2"}))
	l.want("brA/brA@LOCAL", "brA/vm2@2", "brA/v1@1", "brA/v2@3")
	if l.s.bridges["brA"].ports[3].port != v2 {
		t.Error("v2 was opened anew")
	}
	if l.ns.HasLink("brB") || l.ns.HasLink("vm1") {
		t.Error("devices of a bridge that was taken out are left")
	}
	if _, err := os.Lstat(l.s.MgmtPath("brB")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket of a bridge that was taken out: %v", err)
	}
	if mtu := l.ns.Link("vm2").Attrs().MTU; mtu != 4000 {
		t.Errorf("vm2 has MTU %d", mtu)
	}

	// A changed port is opened anew, with what was asked for.
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 77}
	l.mustApply(secure("brA", Port{Name: "vm2", Type: TypeInternal, MTU: 3000, MAC: mac, Request: 12}, Port{Name: "v1"}, Port{Name: "v2"}))
	l.want("brA/brA@LOCAL", "brA/vm2@12", "brA/v1@1", "brA/v2@3")
	if a := l.ns.Link("vm2").Attrs(); a.MTU != 3000 || a.HardwareAddr.String() != mac.String() {
		t.Errorf("vm2 has MTU %d, address %v", a.MTU, a.HardwareAddr)
	}
	l.mustApply()
	l.want()
}

// The port named after the bridge may be described, and stays LOCAL.
func TestIntegrationApplyLocal(t *testing.T) {
	l := newLab(t)
	l.mustApply(secure("brA", Port{Name: "v1"}))
	mac := l.ns.Link("brA").Attrs().HardwareAddr
	if want := l.ns.MAC("v1"); mac.String() != want.String() {
		t.Errorf("brA has %v, the lowest address of its devices is %v", mac, want)
	}
	of, err := l.s.bridge("brA")
	if err != nil {
		t.Fatal(err)
	}
	if id := of.Features().DatapathID; fmt.Sprintf("%012x", id) != strings.ReplaceAll(mac.String(), ":", "") {
		t.Errorf("datapath id %016x of address %v", id, mac)
	}
	l.mustApply(secure("brA", Port{Name: "brA", Type: TypeInternal, Request: 5, MTU: 2000}, Port{Name: "v1"}))
	l.want("brA/brA@LOCAL", "brA/v1@1")
	if a := l.ns.Link("brA").Attrs(); a.MTU != 2000 || a.HardwareAddr.String() != mac.String() {
		t.Errorf("brA has MTU %d, address %v, want 2000, %v", a.MTU, a.HardwareAddr, mac)
	}
	l.mustApply(Bridge{Name: "brA", FailMode: Secure}, Bridge{Name: "brB", DatapathID: 0xabcd, FailMode: Secure})
	if of, err = l.s.bridge("brB"); err != nil || of.Features().DatapathID != 0xabcd {
		t.Errorf("datapath id of brB: %v", err)
	}
}

// What is given twice is refused by name, and the first of them works; a number
// asked for twice is the first's, and the second gets another.
func TestIntegrationApplyDuplicates(t *testing.T) {
	l := newLab(t)
	err := l.apply(
		secure("brA", Port{Name: "v1"}, Port{Name: "v1"}, Port{Name: "brB"}, Port{Name: "v2", Request: 1}),
		secure("brB", Port{Name: "v1"}, Port{Name: "vm0", Type: TypeInternal, Request: 4}, Port{Name: "vm1", Type: TypeInternal, Request: 4}, Port{Name: "x/y"}),
		secure("brA", Port{Name: "w2"}))
	refusedBy(t, err,
		"bridge brA is given twice",
		"port v1 is already in bridge brA",
		"port brB is already in bridge brB",
		"port v1 is already in bridge brA",
		`port "x/y"`,
		"port vm1: OpenFlow number 4 belongs to port vm0")
	l.want("brA/brA@LOCAL", "brA/v1@2", "brA/v2@1", "brA/v1@0!", "brA/brB@0!",
		"brB/brB@LOCAL", "brB/vm0@4", "brB/vm1@1!", "brB/v1@0!", "brB/x/y@0!")
	if !l.ns.HasLink("vm1") {
		t.Error("a port with another number than it asks for has no device")
	}
	// Mended, all are there.
	l.mustApply(secure("brA", Port{Name: "v1"}), secure("brB", Port{Name: "vm0", Type: TypeInternal, Request: 4}, Port{Name: "vm1", Type: TypeInternal, Request: 5}))
	l.want("brA/brA@LOCAL", "brA/v1@2", "brB/brB@LOCAL", "brB/vm0@4", "brB/vm1@5")
}

// A frame passes a patch pair while both ends name each other.
func TestIntegrationApplyPatch(t *testing.T) {
	l := newLab(t)
	forward := func(bridge, match string, out ofp.PortNo) {
		t.Helper()
		of, err := l.s.bridge(bridge)
		if err != nil {
			t.Fatal(err)
		}
		if err := of.FlowMod((&rig{t: t}).flowMod(0, 1, match, apply(ofp.Output{Port: out}))); err != nil {
			t.Fatal(err)
		}
	}
	l.mustApply(secure("brA", patch("pA", "pB")), secure("brB", patch("pB", "pA"), Port{Name: "vm0", Type: TypeInternal}))
	l.want("brA/brA@LOCAL", "brA/pA@1", "brB/brB@LOCAL", "brB/pB@1", "brB/vm0@2")
	forward("brB", "in_port=1", 2)
	// passed sends a frame into pA and says how many came out of vm0.
	passed := func() uint64 {
		t.Helper()
		of, err := l.s.bridge("brA")
		if err != nil {
			t.Fatal(err)
		}
		port := l.s.bridges["brB"].ports[2].port
		before := port.Stats().TxPackets
		err = of.PacketOut(&ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: ofp.PortController, Data: numbered(make([]byte, 1500), 0), Actions: []ofp.Action{ofp.Output{Port: 1}}})
		if err != nil {
			t.Fatal(err)
		}
		return port.Stats().TxPackets - before
	}
	if n := passed(); n != 1 {
		t.Errorf("%d frames passed the pair", n)
	}
	// One end names another one.
	_ = l.apply(secure("brA", patch("pA", "other")), secure("brB", patch("pB", "pA"), Port{Name: "vm0", Type: TypeInternal}))
	l.want("brA/brA@LOCAL", "brA/pA@1!", "brB/brB@LOCAL", "brB/pB@1!", "brB/vm0@2")
	if n := passed(); n != 0 {
		t.Errorf("%d frames passed ends that are no pair", n)
	}
	// The other one is in the same bridge, and takes the place.
	_ = l.apply(secure("brA", patch("pA", "other")), secure("brB", patch("pB", "pA"), Port{Name: "vm0", Type: TypeInternal}, patch("other", "pA")))
	l.want("brA/brA@LOCAL", "brA/pA@1", "brB/brB@LOCAL", "brB/pB@1!", "brB/vm0@2", "brB/other@3")
	if n := passed(); n != 0 {
		t.Errorf("%d frames came out of vm0 while the entry names pB", n)
	}
	forward("brB", "in_port=3", 2)
	if n := passed(); n != 1 {
		t.Errorf("%d frames passed the new pair", n)
	}
	// A bridge goes with its end.
	_ = l.apply(secure("brB", patch("pB", "pA"), Port{Name: "vm0", Type: TypeInternal}, patch("other", "pA")))
	l.want("brB/brB@LOCAL", "brB/pB@1!", "brB/vm0@2", "brB/other@3!")
}

// A device that is not there yet, goes, and comes back, as the watcher tells it.
func TestIntegrationApplyWaits(t *testing.T) {
	l := newLab(t)
	l.mustApply(secure("brA", Port{Name: "late0"}, Port{Name: "v1"}))
	l.want("brA/brA@LOCAL", "brA/late0@1?", "brA/v1@2")
	if text := l.s.Ports()[1].Error; !strings.Contains(text, "no such device yet") || !strings.Contains(text, "number 1") {
		t.Errorf("the waiting port says %q", text)
	}
	event := func(gone bool) {
		index := 0
		if !gone {
			index = l.ns.Link("late0").Attrs().Index
		}
		l.ns.Do(func() { l.s.linkEvent(ports.Event{Name: "late0", Ifindex: index, Gone: gone}) })
	}
	for range 2 {
		l.ns.AddVeth("late0", "late1", l.ns)
		event(false)
		l.want("brA/brA@LOCAL", "brA/late0@1", "brA/v1@2")
		l.mustApply(secure("brA", Port{Name: "late0"}, Port{Name: "v1"}))
		l.ns.DelLink("late0")
		event(true)
		l.want("brA/brA@LOCAL", "brA/late0@1?", "brA/v1@2")
		if got, want := l.inBridge("brA"), map[ofp.PortNo]string{ofp.PortLocal: "brA", 2: "v1"}; !maps.Equal(got, want) {
			t.Errorf("controllers see %v, want %v", got, want)
		}
	}
	// Another device of the name is another device, even when the end of the
	// first was not heard of.
	l.ns.AddVeth("late0", "late1", l.ns)
	event(false)
	first := l.s.bridges["brA"].ports[1].port
	l.ns.DelLink("late0")
	l.ns.AddVeth("late0", "late1", l.ns)
	event(false)
	l.want("brA/brA@LOCAL", "brA/late0@1", "brA/v1@2")
	if l.s.bridges["brA"].ports[1].port == first {
		t.Error("the port still holds the device that is gone")
	}
	l.mustApply()
	l.ns.DelLink("late0")
}

// Without controllers a standalone bridge has the learning entry; a secure one
// has none.
func TestIntegrationApplyFailMode(t *testing.T) {
	l := newLab(t)
	entries := func(name string) (n int) {
		t.Helper()
		of, err := l.s.bridge(name)
		if err != nil {
			t.Fatal(err)
		}
		err = of.FlowStats(&ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortNormal, OutGroup: ofp.GroupAny}, func(*ofp.FlowStats) error { n++; return nil })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	l.mustApply(Bridge{Name: "brA"}, Bridge{Name: "brB", FailMode: Secure}, Bridge{Name: "brC", FailMode: Standalone},
		Bridge{Name: "brD", FailMode: Standalone, Controllers: []Controller{{Target: "unix:" + l.s.MgmtPath("nobody")}}})
	for name, want := range map[string]int{"brA": 1, "brB": 0, "brC": 1, "brD": 0} {
		if got := entries(name); got != want {
			t.Errorf("%s has %d learning entries, want %d", name, got, want)
		}
	}
	// Whoever takes over the bridge finds no learning entry; when the last
	// controller goes it is back.
	nobody := []Controller{{Target: "unix:" + l.s.MgmtPath("nobody")}}
	for _, step := range []struct {
		controllers []Controller
		want        int
	}{{nobody, 0}, {nil, 1}, {nobody, 0}} {
		l.mustApply(Bridge{Name: "brA", Controllers: step.controllers})
		if got := entries("brA"); got != step.want {
			t.Errorf("brA with controllers %v has %d learning entries, want %d", step.controllers, got, step.want)
		}
	}
	// Without controllers another fail mode empties flow, group and meter tables; with
	// one it does not.
	of, err := l.s.bridge("brA")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		controllers []Controller
		mode        FailMode
		want        int
	}{
		{nobody, Secure, 1}, {nobody, Standalone, 1}, {nil, Standalone, 0}, {nil, Secure, 0}, {nil, Secure, 1}, {nil, Standalone, 0}, {nil, Standalone, 1},
		{nobody, Standalone, 0},
	} {
		// They may be there already.
		of.GroupMod(&ofp.GroupMod{Command: ofp.GroupAdd, GroupID: 1})
		of.MeterMod(&ofp.MeterMod{Command: ofp.MeterAdd, MeterID: 1, Flags: ofp.MeterFlagKBPS, Bands: []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: 1}}})
		l.mustApply(Bridge{Name: "brA", FailMode: step.mode, Controllers: step.controllers})
		groups, meters := 0, 0
		err := errors.Join(of.GroupDescs(func(*ofp.GroupDesc) error { groups++; return nil }),
			of.MeterConfigs(ofp.MeterAll, func(*ofp.MeterConfig) error { meters++; return nil }))
		if err != nil {
			t.Fatal(err)
		}
		if groups != step.want || meters != step.want {
			t.Errorf("%s with controllers %v: %d groups and %d meters stay, want %d", step.mode, step.controllers, groups, meters, step.want)
		}
		if learning := entries("brA"); learning == 1 != (step.mode == Standalone && step.controllers == nil) {
			t.Errorf("%s with controllers %v: %d learning entries", step.mode, step.controllers, learning)
		}
	}
}

// Wrong targets of controllers and listeners are errors that name the bridge;
// the rest is done.
func TestIntegrationApplyWrongTargets(t *testing.T) {
	l := newLab(t)
	b := secure("brA", Port{Name: "v1"})
	b.Controllers = []Controller{{Target: "udp:127.0.0.1"}, {Target: "nonsense"}, {Target: "ssl:127.0.0.1"}}
	b.Listeners = []Listener{{Target: "ptcp:port"}, {Target: "punix:" + l.s.MgmtPath("more")}}
	err := l.apply(b)
	if err == nil || strings.Count(err.Error(), "bridge brA") != 2 {
		t.Errorf("the error is %v", err)
	}
	for _, want := range []string{"udp:127.0.0.1", "nonsense", "ptcp:port", "ssl:127.0.0.1: TLS is not configured"} {
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%q is not in the error %v", want, err)
		}
	}
	l.want("brA/brA@LOCAL", "brA/v1@1")
	for _, name := range []string{"brA", "more"} {
		nc, err := net.Dial("unix", l.s.MgmtPath(name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		nc.Close()
	}
}

// Apply's error says what is wrong after it, no less and no more.
func TestIntegrationApplyPatchErrors(t *testing.T) {
	l := newLab(t)
	for range 2 {
		refusedBy(t, l.apply(secure("brA", patch("pA", "pB"))), "port pA: its peer pB")
	}
	if err := l.apply(secure("brA", patch("pA", "pB")), secure("brB", patch("pB", "pA"))); err != nil {
		t.Errorf("mended: %v", err)
	}
}

// The learning entry that somebody deleted does not come back by itself.
func TestIntegrationApplyKeepsFlowsDeleted(t *testing.T) {
	l := newLab(t)
	l.mustApply(Bridge{Name: "brA"})
	of, err := l.s.bridge("brA")
	if err != nil {
		t.Fatal(err)
	}
	if err := of.FlowMod(&ofp.FlowMod{Command: ofp.FlowDelete, Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}); err != nil {
		t.Fatal(err)
	}
	l.mustApply(Bridge{Name: "brA"})
	s, err := of.AggregateStats(&ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny})
	if err != nil || s.FlowCount != 0 {
		t.Errorf("%d entries, %v", s.FlowCount, err)
	}
}

// Of many bridges at once each is complete when Apply returns, and what cannot be had is
// told in the order of their names.
func TestIntegrationManyBridges(t *testing.T) {
	l := newLab(t)
	var list []Bridge
	for i := range 12 {
		list = append(list, secure(fmt.Sprintf("b%02d", i)))
	}
	list[2].Ports = []Port{patch("p2", "p9")}
	list[9].Ports = []Port{patch("p9", "p2")}
	list[4].Listeners = []Listener{{Target: "ptcp:0:127.0.0.1"}}
	for _, i := range []int{9, 1, 7} {
		list[i].Protocols = []string{fmt.Sprintf("OpenFlow9.%d", i)}
	}
	err := l.apply(list...)
	if err == nil {
		t.Fatal("protocols that are none are taken")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, want := range []string{"OpenFlow9.1", "OpenFlow9.7", "OpenFlow9.9"} {
		if len(lines) != 3 || !strings.Contains(lines[i], want) {
			t.Fatalf("want a line for each of three bridges: %q", lines)
		}
	}
	for _, b := range list {
		for _, path := range []string{l.s.MgmtPath(b.Name), l.s.SnoopPath(b.Name)} {
			if c, err := net.Dial("unix", path); err != nil {
				t.Error(err)
			} else if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		if got := l.inBridge(b.Name)[ofp.PortLocal]; got != b.Name {
			t.Errorf("the port LOCAL of %s is %q", b.Name, got)
		}
	}
	for _, b := range l.s.State(false).Bridges {
		for _, p := range b.Ports {
			if !p.Open || p.Error != "" {
				t.Errorf("port %s: open %v, %s", p.Name, p.Open, p.Error)
			}
		}
	}
}
