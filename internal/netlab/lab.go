package netlab

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// Lab is a switch namespace and hosts around it, each with one cable.
type Lab struct {
	Switch *Namespace
	Hosts  []*Host
}

// Host is a machine with one network device, eth0.
type Host struct {
	*Namespace
	Name string           // "h1"...
	IP   net.IP           // 10.0.0.1...
	IP6  net.IP           // fd00::1...
	MAC  net.HardwareAddr // 02:00:00:00:00:01...
	Port string           // the other end of its cable: "port1"...
}

// New makes n hosts with cables to the switch namespace's devices port1...
func New(n int) (*Lab, error) {
	l := &Lab{}
	var err error
	if l.Switch, err = NewNamespace(); err != nil {
		return nil, err
	}
	for i := 1; i <= n; i++ {
		if err := l.addHost(i); err != nil {
			return nil, errors.Join(fmt.Errorf("host %d: %w", i, err), l.Close())
		}
	}
	return l, nil
}

func (l *Lab) addHost(i int) error {
	ns, err := NewNamespace()
	if err != nil {
		return err
	}
	h := &Host{
		Namespace: ns,
		Name:      fmt.Sprintf("h%d", i),
		IP:        net.IPv4(10, 0, 0, byte(i)).To4(),
		IP6:       net.IP{0xfd, 15: byte(i)},
		MAC:       net.HardwareAddr{2, 0, 0, 0, 0, byte(i)},
		Port:      fmt.Sprintf("port%d", i),
	}
	l.Hosts = append(l.Hosts, h)
	if err := l.Switch.AddVeth(h.Port, ns, "eth0", h.MAC); err != nil {
		return err
	}
	return h.AddAddress("eth0", h.IP, 24, h.IP6, 64)
}

// AddVeth lays a cable: a device name in n and peerName in peer, both up. mac
// is the peer's; nil: the kernel's choice.
func (n *Namespace) AddVeth(name string, peer *Namespace, peerName string, mac net.HardwareAddr) error {
	err := n.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		pair := &netlink.Veth{LinkAttrs: attrs, PeerName: peerName, PeerNamespace: netlink.NsFd(peer.Handle), PeerHardwareAddr: mac}
		if err := netlink.LinkAdd(pair); err != nil {
			return err
		}
		return netlink.LinkSetUp(pair)
	})
	if err != nil {
		return err
	}
	return peer.Do(func() error {
		link, err := netlink.LinkByName(peerName)
		if err != nil {
			return err
		}
		return netlink.LinkSetUp(link)
	})
}

// AddAddress gives a device an IPv4 and, if ip6 is not nil, an IPv6 address,
// usable at once (no duplicate address detection).
func (n *Namespace) AddAddress(device string, ip net.IP, bits int, ip6 net.IP, bits6 int) error {
	return n.Do(func() error {
		link, err := netlink.LinkByName(device)
		if err != nil {
			return err
		}
		addr := &netlink.Addr{IPNet: &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, 32)}}
		if err := netlink.AddrAdd(link, addr); err != nil || ip6 == nil {
			return err
		}
		const noDAD = 0x02 // IFA_F_NODAD
		addr6 := &netlink.Addr{IPNet: &net.IPNet{IP: ip6, Mask: net.CIDRMask(bits6, 128)}, Flags: noDAD}
		return netlink.AddrAdd(link, addr6)
	})
}

// Close takes the lab down.
func (l *Lab) Close() error {
	var errs []error
	for _, h := range l.Hosts {
		errs = append(errs, h.Close())
	}
	return errors.Join(append(errs, l.Switch.Close())...)
}
