package bridge

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
	"ofswitch/ports"
)

// A port may go from one bridge to another in one step, wherever these stand.
func TestIntegrationApplyMove(t *testing.T) {
	l := newLab(t)
	here, there := []Port{{Name: "v1"}, {Name: "vm0", Type: TypeInternal}}, []Port{{Name: "v2"}}
	for range 2 {
		l.mustApply(secure("brA", here...), secure("brB", there...))
		l.want("brA/brA@LOCAL", "brA/v1@1", "brA/vm0@2", "brB/brB@LOCAL", "brB/v2@1")
		l.mustApply(secure("brA", there...), secure("brB", here...))
		l.want("brA/brA@LOCAL", "brA/v2@1", "brB/brB@LOCAL", "brB/v1@1", "brB/vm0@2")
	}
	// A bridge goes, and another takes its ports and its name for one of its own.
	l.mustApply(secure("brA", Port{Name: "v1"}, Port{Name: "brB", Type: TypeInternal}))
	l.want("brA/brA@LOCAL", "brA/v1@1", "brA/brB@2")
	for _, name := range []string{"v1", "v2", "brB"} {
		if !l.ns.HasLink(name) {
			t.Errorf("%s is gone", name)
		}
	}
}

// Numbers are exchanged in one step, and the devices that the switch made stay.
func TestIntegrationApplyExchangesNumbers(t *testing.T) {
	l := newLab(t)
	at := func(a, b ofp.PortNo) Bridge {
		return secure("brA", Port{Name: "v1", Request: a}, Port{Name: "vm0", Type: TypeInternal, Request: b})
	}
	l.mustApply(at(1, 2))
	l.want("brA/brA@LOCAL", "brA/v1@1", "brA/vm0@2")
	index := l.ns.Link("vm0").Attrs().Index
	l.mustApply(at(2, 1))
	l.want("brA/brA@LOCAL", "brA/v1@2", "brA/vm0@1")
	if got, want := fmt.Sprint(l.inBridge("brA")), fmt.Sprint(map[ofp.PortNo]string{ofp.PortLocal: "brA", 1: "vm0", 2: "v1"}); got != want {
		t.Errorf("controllers see %s, want %s", got, want)
	}
	if l.ns.Link("vm0").Attrs().Index != index {
		t.Error("vm0 was made anew")
	}
	fd := l.ns.PacketSocket("vm0")
	l.reaches("brA", 1, fd)
}

// A number that a port which is there cannot have is an error, though the port stays.
func TestIntegrationApplyNumberRefused(t *testing.T) {
	l := newLab(t)
	l.mustApply(secure("brA", Port{Name: "v1", Request: 1}, Port{Name: "v2"}))
	for range 2 {
		refusedBy(t, l.apply(secure("brA", Port{Name: "v1", Request: 1}, Port{Name: "v2", Request: 1})), "port v2: OpenFlow number 1 belongs to port v1")
		l.want("brA/brA@LOCAL", "brA/v1@1", "brA/v2@2!")
	}
	if !l.s.Ports()[2].Open {
		t.Error("v2 was closed")
	}
	l.mustApply(secure("brA", Port{Name: "v1", Request: 1}, Port{Name: "v2", Request: 3}))
	l.want("brA/brA@LOCAL", "brA/v1@1", "brA/v2@3")
	// One that was given unasked makes room.
	l.mustApply(secure("brA", Port{Name: "v1"}, Port{Name: "v2", Request: 1}))
	l.want("brA/brA@LOCAL", "brA/v1@2", "brA/v2@1")
}

// The same configuration again publishes no version.
func TestIntegrationApplyTwiceVersion(t *testing.T) {
	l := newLab(t)
	config := []Bridge{secure("brA", Port{Name: "v1"}, patch("pA", "pB")), secure("brB", patch("pB", "pA"))}
	l.mustApply(config...)
	version := l.s.dp.Version()
	l.mustApply(config...)
	if v := l.s.dp.Version(); v != version {
		t.Errorf("version %d became %d", version, v)
	}
}

// An internal port that somebody moves to another network namespace, and renames
// there, goes on working, whatever is applied meanwhile; it ends with its device.
func TestIntegrationApplyMovedAway(t *testing.T) {
	l := newLab(t)
	away := testutil.NewNS(t)
	away.NoIPv6()
	config := secure("brA", Port{Name: "v1"}, Port{Name: "vm0", Type: TypeInternal})
	l.mustApply(config)
	index := l.ns.Link("vm0").Attrs().Index
	event := func(ev ports.Event) { l.ns.Do(func() { l.s.linkEvent(ev) }) }

	l.ns.Move("vm0", away)
	event(ports.Event{Name: "vm0", Ifindex: index, Gone: true})
	away.Run("ip", "link", "set", "vm0", "name", "eth0")
	away.Up("eth0")
	for range 2 {
		l.mustApply(config)
		l.want("brA/brA@LOCAL", "brA/v1@1", "brA/vm0@2")
		fd := away.PacketSocket("eth0")
		l.reaches("brA", 2, fd)
		// Another device takes the name here: it is not the port's.
		if !l.ns.HasLink("vm0") {
			l.ns.AddVeth("vm0", "x0", l.ns)
			event(ports.Event{Name: "vm0", Ifindex: l.ns.Link("vm0").Attrs().Index})
		}
	}
	if l.ns.HasLink("vm0") {
		l.ns.DelLink("vm0")
	}
	// What is asked for is done where the device is.
	config.Ports[1].MTU = 1300
	l.mustApply(config)
	if mtu := away.Link("eth0").Attrs().MTU; mtu != 1300 {
		t.Errorf("the MTU is %d", mtu)
	}
	away.Move("eth0", l.ns)
	l.ns.Run("ip", "link", "set", "eth0", "name", "vm0")
	event(ports.Event{Name: "vm0", Ifindex: l.ns.Link("vm0").Attrs().Index})
	l.want("brA/brA@LOCAL", "brA/v1@1", "brA/vm0@2")
	// Deleted, it is made again.
	now := l.ns.Link("vm0").Attrs().Index
	l.ns.DelLink("vm0")
	event(ports.Event{Name: "vm0", Ifindex: now, Gone: true})
	l.want("brA/brA@LOCAL", "brA/v1@1", "brA/vm0@2")
	if !l.ns.HasLink("vm0") {
		t.Error("the deleted device was not made again")
	}
}

// The device of an internal port that is deleted in another network namespace, of
// which nobody tells, is made again here.
func TestIntegrationApplyDeletedAway(t *testing.T) {
	l := newLab(t)
	away := testutil.NewNS(t)
	away.NoIPv6()
	l.mustApply(secure("brA", Port{Name: "vm0", Type: TypeInternal}))
	index := l.ns.Link("vm0").Attrs().Index
	l.ns.Move("vm0", away)
	l.ns.Do(func() { l.s.linkEvent(ports.Event{Name: "vm0", Ifindex: index, Gone: true}) })
	away.DelLink("vm0")
	l.ns.Do(func() { l.s.lostDevices() }) // as the data path has it called, on a thread of its own
	if !l.ns.HasLink("vm0") {
		t.Error("the device was not made again")
	}
	l.want("brA/brA@LOCAL", "brA/vm0@1")
}

// A member of a bridge of the kernel is taken, and the log says so.
func TestIntegrationApplyWarnsOfKernelBridge(t *testing.T) {
	l := newLab(t)
	var log bytes.Buffer
	l.s.log = slog.New(slog.NewTextHandler(&log, nil))
	l.ns.Run("ip", "link", "add", "br-lan", "type", "bridge")
	t.Cleanup(func() { l.ns.DelLink("br-lan") })
	l.ns.Run("ip", "link", "set", "v1", "master", "br-lan")
	l.mustApply(secure("brA", Port{Name: "v1"}, Port{Name: "v2"}))
	if n := strings.Count(log.String(), "member of another switch"); n != 1 || !strings.Contains(log.String(), "br-lan") {
		t.Errorf("log: %s", log.String())
	}
	l.ns.Run("ip", "link", "set", "v1", "nomaster")
}

// reaches fails the test unless a frame that is sent out of a port comes in at the
// packet socket.
func (l *lab) reaches(bridge string, no ofp.PortNo, fd int) {
	l.t.Helper()
	of, err := l.s.bridge(bridge)
	if err != nil {
		l.t.Fatal(err)
	}
	frame := numbered(make([]byte, 1500), 7)
	if err := of.PacketOut(&ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: ofp.PortController, Data: frame, Actions: []ofp.Action{ofp.Output{Port: no}}}); err != nil {
		l.t.Fatal(err)
	}
	for buf := make([]byte, 2048); ; {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			l.t.Fatalf("the frame did not arrive: %v", err)
		}
		if bytes.Equal(buf[:n], frame) {
			return
		}
	}
}
