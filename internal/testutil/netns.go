package testutil

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"ofswitch/internal/netlab"
)

// NS is a network namespace of one test: a netlab.Namespace whose failures end
// the test.
type NS struct {
	*netlab.Namespace
	t testing.TB
}

// NewNS makes a network namespace with its loopback device up. The test is
// skipped where it is not root. The namespace is closed when the test ends.
func NewNS(t testing.TB) *NS {
	t.Helper()
	NeedRoot(t)
	ns, err := netlab.NewNamespace()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ns.Close(); err != nil {
			t.Errorf("network namespace: %v", err)
		}
	})
	return &NS{Namespace: ns, t: t}
}

// Do runs fn on a thread in the namespace. What fn opens (sockets, TAP devices)
// stays there; goroutines that it starts do not. fn may call t.Fatal.
func (n *NS) Do(fn func()) {
	n.t.Helper()
	if err := n.Namespace.Do(func() error { fn(); return nil }); err != nil {
		n.t.Fatal(err)
	}
}

// Start starts a program in the namespace; it is killed when the test ends, if
// it has not by then.
func (n *NS) Start(cmd *exec.Cmd) {
	n.t.Helper()
	if err := n.Namespace.Start(cmd); err != nil {
		n.t.Fatalf("%s: %v", cmd, err)
	}
}

// Run runs a program in the namespace to its end and returns what it printed.
// The test fails when the program does.
func (n *NS) Run(name string, args ...string) string {
	n.t.Helper()
	out, err := n.Namespace.Run(name, args...)
	if err != nil {
		n.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return out
}

// Link is a device of the namespace. The test fails when it is not there.
func (n *NS) Link(dev string) netlink.Link {
	n.t.Helper()
	l, err := n.Netlink.LinkByName(dev)
	if err != nil {
		n.t.Fatalf("%s: %v", dev, err)
	}
	return l
}

// HasLink says whether the namespace has a device of that name.
func (n *NS) HasLink(dev string) bool {
	n.t.Helper()
	_, err := n.Netlink.LinkByName(dev)
	if err == nil {
		return true
	}
	if !errors.As(err, &netlink.LinkNotFoundError{}) {
		n.t.Fatalf("%s: %v", dev, err)
	}
	return false
}

// AddVeth makes a veth pair: a here, b in other (which may be n). Both are up.
func (n *NS) AddVeth(a, b string, other *NS) {
	n.t.Helper()
	if err := n.Namespace.AddVeth(a, other.Namespace, b, nil); err != nil {
		n.t.Fatal(err)
	}
}

// DelLink removes a device.
func (n *NS) DelLink(dev string) {
	n.t.Helper()
	if err := n.Netlink.LinkDel(n.Link(dev)); err != nil {
		n.t.Fatalf("deleting %s: %v", dev, err)
	}
}

// Move moves a device to another namespace, where it is down at first.
func (n *NS) Move(dev string, to *NS) {
	n.t.Helper()
	fd := -1
	to.Do(func() {
		var err error
		if fd, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			n.t.Fatal(err)
		}
	})
	defer func() { _ = unix.Close(fd) }() // opened for reading only
	if err := n.Netlink.LinkSetNsFd(n.Link(dev), fd); err != nil {
		n.t.Fatalf("moving %s: %v", dev, err)
	}
}

// Up brings a device up.
func (n *NS) Up(dev string) {
	n.t.Helper()
	if err := n.Namespace.Up(dev); err != nil {
		n.t.Fatalf("%s up: %v", dev, err)
	}
}

// Down brings a device down.
func (n *NS) Down(dev string) {
	n.t.Helper()
	if err := n.Netlink.LinkSetDown(n.Link(dev)); err != nil {
		n.t.Fatalf("%s down: %v", dev, err)
	}
}

// WaitCarrier waits until the device runs: until then the stack holds back
// what it would send.
func (n *NS) WaitCarrier(dev string) {
	n.t.Helper()
	Wait(n.t, "the carrier of "+dev, func() bool { return n.Link(dev).Attrs().RawFlags&unix.IFF_RUNNING != 0 })
}

// Addr gives a device an address such as "10.0.0.1/24" or "fd00::1/64". On a
// device that is up it can be used at once: IPv6 addresses skip duplicate
// address detection, and the carrier is waited for.
func (n *NS) Addr(dev, cidr string) {
	n.t.Helper()
	if err := n.AddAddress(dev, cidr); err != nil {
		n.t.Fatal(err)
	}
	ip, _, err := net.ParseCIDR(cidr)
	if err != nil {
		n.t.Fatal(err)
	}
	l := n.Link(dev)
	if ip.To4() != nil || l.Attrs().RawFlags&unix.IFF_UP == 0 {
		return
	}
	Wait(n.t, "address "+cidr+" on "+dev, func() bool {
		list, err := n.Netlink.AddrList(l, unix.AF_INET6)
		if err != nil {
			n.t.Fatalf("%s addresses: %v", dev, err)
		}
		for _, b := range list {
			if b.IP.Equal(ip) && b.Flags&unix.IFA_F_TENTATIVE != 0 {
				return false
			}
		}
		// The stack takes frames to the address from when it has its route.
		routes, err := n.Netlink.RouteListFiltered(unix.AF_INET6, &netlink.Route{Table: unix.RT_TABLE_LOCAL, LinkIndex: l.Attrs().Index},
			netlink.RT_FILTER_TABLE|netlink.RT_FILTER_OIF)
		if err != nil {
			n.t.Fatalf("routes: %v", err)
		}
		for _, r := range routes {
			if r.Dst != nil && r.Dst.IP.Equal(ip) {
				return true
			}
		}
		return false
	})
}

// MAC is a device's hardware address.
func (n *NS) MAC(dev string) net.HardwareAddr {
	n.t.Helper()
	return n.Link(dev).Attrs().HardwareAddr
}

// Sysctl sets a setting of the namespace, such as
// "net/ipv6/conf/all/disable_ipv6".
func (n *NS) Sysctl(path, value string) {
	n.t.Helper()
	n.Do(func() {
		if err := os.WriteFile("/proc/sys/"+path, []byte(value), 0o644); err != nil {
			n.t.Fatalf("sysctl: %v", err)
		}
	})
}

// NoIPv6 turns IPv6 off for devices that are made later, so that the stack says
// nothing by itself.
func (n *NS) NoIPv6() {
	n.t.Helper()
	n.Sysctl("net/ipv6/conf/default/disable_ipv6", "1")
	n.Sysctl("net/ipv6/conf/all/disable_ipv6", "1")
}

// PacketSocket opens a raw socket bound to a device of the namespace, for
// tests that send and see frames without going through the switch's own code.
// Receiving gives up with EAGAIN after Patience. It is closed when the
// test ends.
func (n *NS) PacketSocket(dev string) int {
	n.t.Helper()
	fd := -1
	n.Do(func() {
		var err error
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			n.t.Fatalf("raw socket: %v", err)
		}
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: unix.ETH_P_ALL << 8, Ifindex: n.Link(dev).Attrs().Index})
		if err != nil {
			n.t.Fatalf("raw socket on %s: %v", dev, err)
		}
		tv := unix.NsecToTimeval(int64(Patience))
		if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
			n.t.Fatalf("raw socket on %s: %v", dev, err)
		}
	})
	n.t.Cleanup(func() {
		if err := unix.Close(fd); err != nil {
			n.t.Errorf("raw socket: %v", err)
		}
	})
	return fd
}
