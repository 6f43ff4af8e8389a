package ports

import (
	"bytes"
	"errors"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"ofswitch/internal/testutil"
	"ofswitch/packet"
)

// A TAP that is moved to another network namespace, and renamed there, is the
// port's as before, and comes home; one that is deleted there is gone.
func TestIntegrationTapMoved(t *testing.T) {
	for _, io := range []string{IOAuto, IOPlain} {
		t.Run(io, func(t *testing.T) {
			home, away := testutil.NewNS(t), testutil.NewNS(t)
			home.NoIPv6()
			away.NoIPv6()
			p := openTapIn(t, home, OpenInternal, "t0", TapOptions{IO: io})
			tx := newTx(t, p)
			mac := p.Status().MAC
			passes := func(ns *testutil.NS, dev string) {
				t.Helper()
				ns.Up(dev)
				fd := ns.PacketSocket(dev)
				b := frame(nil, 60)
				if _, err := unix.Write(fd, b); err != nil {
					t.Fatal(err)
				}
				if got := next(t, p.RxQueues()[0]); !bytes.Equal(got.Bytes(), b) {
					t.Errorf("%s: received % x", dev, got.Bytes())
				}
				if n := tx.Tx([]*packet.Frame{packet.FromBytes(b)}); n != 1 {
					t.Errorf("%s: sent %d", dev, n)
				}
			}
			check := func(away bool) {
				t.Helper()
				if !p.Relocate() || p.Away() != away {
					t.Fatalf("alive %v, away %v", p.Relocate(), p.Away())
				}
				if st := p.Status(); !st.AdminUp || !st.LinkUp || !bytes.Equal(st.MAC, mac) || st.MTU != 1500 {
					t.Errorf("status %+v", st)
				}
			}
			check(false)
			home.Move("t0", away)
			check(true)
			passes(away, "t0")
			away.Down("t0")
			away.Run("ip", "link", "set", "t0", "name", "eth0")
			check(true)
			passes(away, "eth0")
			mac = net.HardwareAddr{2, 0, 0, 0, 0, 9}
			if err := errors.Join(p.SetMAC(mac), p.SetMTU(1300), p.SetMTU(1500)); err != nil {
				t.Errorf("changing the device there: %v", err)
			}
			check(true)
			// Another device takes the name and, maybe, the index at home.
			home.AddVeth("t0", "x0", home)
			check(true)
			home.DelLink("t0")
			away.Move("eth0", home)
			home.Up("eth0")
			check(false)
			passes(home, "eth0")
			home.Move("eth0", away)
			away.DelLink("eth0")
			if p.Relocate() {
				t.Error("a deleted device is called alive")
			}
		})
	}
}
