package testutil

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// NS is a network namespace of one test. It has no name in the file system:
// it goes with the last process and descriptor that hold it, even when the test
// is killed.
type NS struct {
	t  testing.TB
	ns netns.NsHandle
	nl *netlink.Handle
}

// NewNS makes a network namespace with its loopback device up. The test is
// skipped where it is not root. The namespace is let go of when the test ends.
func NewNS(t testing.TB) *NS {
	t.Helper()
	NeedRoot(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	if err != nil {
		t.Fatalf("network namespace: %v", err)
	}
	ns, err := netns.New() // moves this thread there
	back := netns.Set(home)
	err = errors.Join(err, home.Close())
	if back != nil {
		// The thread is lost to the wrong namespace: it must not run other tests.
		runtime.LockOSThread()
		t.Fatalf("leaving the new network namespace: %v", back)
	}
	if err != nil {
		t.Fatalf("network namespace: %v", err)
	}
	n := &NS{t: t, ns: ns}
	if n.nl, err = netlink.NewHandleAt(ns, unix.NETLINK_ROUTE); err != nil {
		t.Fatalf("netlink in the namespace: %v", err)
	}
	t.Cleanup(func() {
		n.nl.Close()
		if err := n.ns.Close(); err != nil {
			t.Errorf("network namespace: %v", err)
		}
	})
	n.Up("lo")
	return n
}

// Do runs fn on a thread in the namespace. What fn opens (sockets, TAP devices)
// stays there; goroutines that it starts do not. fn may call t.Fatal.
func (n *NS) Do(fn func()) {
	n.t.Helper()
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		n.t.Fatalf("network namespace: %v", err)
	}
	if err := netns.Set(n.ns); err != nil {
		runtime.UnlockOSThread()
		n.t.Fatalf("entering the network namespace: %v", err)
	}
	defer func() {
		// A thread that cannot go home stays locked, and ends with its goroutine.
		if err := errors.Join(netns.Set(home), home.Close()); err == nil {
			runtime.UnlockOSThread()
		} else {
			n.t.Errorf("leaving the network namespace: %v", err)
		}
	}()
	fn()
}

// Path names the namespace for nsenter and setns, as long as the test runs.
func (n *NS) Path() string {
	return "/proc/" + strconv.Itoa(os.Getpid()) + "/fd/" + strconv.Itoa(int(n.ns))
}

// Handle is a netlink handle in the namespace, for what the helpers lack.
func (n *NS) Handle() *netlink.Handle { return n.nl }

// Command prepares a program that runs in the namespace; its process number is
// that of the program itself.
func (n *NS) Command(name string, args ...string) *exec.Cmd {
	n.t.Helper()
	nsenter := NeedProgram(n.t, "nsenter", "util-linux")
	return exec.Command(nsenter, append([]string{"--net=" + n.Path(), "--", name}, args...)...)
}

// Run runs a program in the namespace to its end and returns what it printed.
// The test fails when the program does.
func (n *NS) Run(name string, args ...string) string {
	n.t.Helper()
	out, err := n.Command(name, args...).CombinedOutput()
	if err != nil {
		n.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// Link is a device of the namespace. The test fails when it is not there.
func (n *NS) Link(dev string) netlink.Link {
	n.t.Helper()
	l, err := n.nl.LinkByName(dev)
	if err != nil {
		n.t.Fatalf("%s: %v", dev, err)
	}
	return l
}

// HasLink says whether the namespace has a device of that name.
func (n *NS) HasLink(dev string) bool {
	n.t.Helper()
	_, err := n.nl.LinkByName(dev)
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
	attrs := netlink.NewLinkAttrs()
	attrs.Name = a
	v := &netlink.Veth{LinkAttrs: attrs, PeerName: b, PeerNamespace: netlink.NsFd(int(other.ns))}
	if err := n.nl.LinkAdd(v); err != nil {
		n.t.Fatalf("veth %s-%s: %v", a, b, err)
	}
	n.Up(a)
	other.Up(b)
}

// DelLink removes a device.
func (n *NS) DelLink(dev string) {
	n.t.Helper()
	if err := n.nl.LinkDel(n.Link(dev)); err != nil {
		n.t.Fatalf("deleting %s: %v", dev, err)
	}
}

// Up brings a device up.
func (n *NS) Up(dev string) {
	n.t.Helper()
	if err := n.nl.LinkSetUp(n.Link(dev)); err != nil {
		n.t.Fatalf("%s up: %v", dev, err)
	}
}

// Down brings a device down.
func (n *NS) Down(dev string) {
	n.t.Helper()
	if err := n.nl.LinkSetDown(n.Link(dev)); err != nil {
		n.t.Fatalf("%s down: %v", dev, err)
	}
}

// patience is how long a helper waits for what the kernel does by itself.
const patience = 20 * time.Second

// Wait polls cond until it holds; the test fails when it does not within
// twenty seconds. what completes "waiting for ...".
func Wait(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("gave up waiting for %s", what)
		}
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
	a, err := netlink.ParseAddr(cidr)
	if err != nil {
		n.t.Fatalf("address %s: %v", cidr, err)
	}
	if a.IP.To4() == nil {
		a.Flags = unix.IFA_F_NODAD
	}
	l := n.Link(dev)
	if err := n.nl.AddrAdd(l, a); err != nil {
		n.t.Fatalf("%s address %s: %v", dev, cidr, err)
	}
	if a.IP.To4() != nil || l.Attrs().RawFlags&unix.IFF_UP == 0 {
		return
	}
	Wait(n.t, "address "+cidr+" on "+dev, func() bool {
		list, err := n.nl.AddrList(l, unix.AF_INET6)
		if err != nil {
			n.t.Fatalf("%s addresses: %v", dev, err)
		}
		for _, b := range list {
			if b.IP.Equal(a.IP) && b.Flags&unix.IFA_F_TENTATIVE != 0 {
				return false
			}
		}
		// The stack takes frames to the address from when it has its route.
		routes, err := n.nl.RouteListFiltered(unix.AF_INET6, &netlink.Route{Table: unix.RT_TABLE_LOCAL, LinkIndex: l.Attrs().Index},
			netlink.RT_FILTER_TABLE|netlink.RT_FILTER_OIF)
		if err != nil {
			n.t.Fatalf("routes: %v", err)
		}
		for _, r := range routes {
			if r.Dst != nil && r.Dst.IP.Equal(a.IP) {
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
// Receiving gives up with EAGAIN after twenty seconds. It is closed when the
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
		tv := unix.NsecToTimeval(int64(patience))
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

// String is the namespace's path.
func (n *NS) String() string { return fmt.Sprintf("netns %s", n.Path()) }
