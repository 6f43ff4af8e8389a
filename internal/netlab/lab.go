package netlab

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
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
	return errors.Join(h.AddAddress("eth0", h.IP.String()+"/24"), h.AddAddress("eth0", h.IP6.String()+"/64"))
}

// AddVeth lays a cable: a device name in n and peerName in peer (which may be
// n), both up. mac is the peer's; nil: the kernel's choice.
func (n *Namespace) AddVeth(name string, peer *Namespace, peerName string, mac net.HardwareAddr) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	pair := &netlink.Veth{LinkAttrs: attrs, PeerName: peerName, PeerNamespace: netlink.NsFd(peer.Handle), PeerHardwareAddr: mac}
	if err := n.Netlink.LinkAdd(pair); err != nil {
		return fmt.Errorf("veth %s-%s: %w", name, peerName, err)
	}
	return errors.Join(n.Up(name), peer.Up(peerName))
}

// AddAddress gives a device an address such as "10.0.0.1/24" or "fd00::1/64",
// usable at once where the device is up: IPv6 addresses skip duplicate address
// detection.
func (n *Namespace) AddAddress(device, cidr string) error {
	addr, err := netlink.ParseAddr(cidr)
	if err != nil {
		return err
	}
	if addr.IP.To4() == nil {
		addr.Flags = unix.IFA_F_NODAD
	}
	link, err := n.Netlink.LinkByName(device)
	if err != nil {
		return err
	}
	if err := n.Netlink.AddrAdd(link, addr); err != nil {
		return fmt.Errorf("%s address %s: %w", device, cidr, err)
	}
	return nil
}

// Close takes the lab down.
func (l *Lab) Close() error {
	var errs []error
	for _, h := range l.Hosts {
		errs = append(errs, h.Close())
	}
	return errors.Join(append(errs, l.Switch.Close())...)
}
