package ports

import (
	"fmt"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// checkDefaultRoute refuses a device that carries a default route of the main
// table: isolated, it would cut the host off, and the one who configures it
// remotely with it. The line has the commands that move the addresses and the
// route to the bridge. The route goes first: IPv6 keeps it without an address.
func (d *device) checkDefaultRoute(bridge string) error {
	if bridge == "" {
		bridge = "BRIDGE"
	}
	var dels, adds []string
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		routes, err := d.nl.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
		if err != nil {
			return sysErr(d.name, "reading the routes", err, "")
		}
		for i := range routes {
			if gw, ok := defaultVia(&routes[i], d.ifindex); ok {
				if len(routes[i].MultiPath) == 0 {
					// One over several devices is not ours alone to delete.
					dels = append(dels, routeCommand("del", family, d.name, gw, routes[i].Priority))
				}
				adds = append(adds, routeCommand("add", family, bridge, gw, routes[i].Priority))
			}
		}
	}
	if len(adds) == 0 {
		return nil
	}
	addrs, err := d.addresses()
	if err != nil {
		return err
	}
	cmds := dels
	for _, a := range addrs {
		cmds = append(cmds, fmt.Sprintf("ip address del %s dev %s", a, d.name))
	}
	for _, a := range addrs {
		cmds = append(cmds, fmt.Sprintf("ip address add %s dev %s", a, bridge))
	}
	cmds = append(cmds, "ip link set "+bridge+" up")
	cmds = append(cmds, adds...)
	return portErr(d.name, ErrDefaultRoute, "carries the default route, which would be cut off: move its address to the bridge, and "+
		"the port is taken as soon as the route is gone: '%s'; or take it all the same with options:stack-isolation=auto (or tcx, nft, off)", strings.Join(cmds, " && "))
}

// defaultVia says whether r is a default route through the device, and its
// gateway ("" for a route without).
func defaultVia(r *netlink.Route, ifindex int) (gw string, ok bool) {
	if r.Dst != nil {
		if ones, _ := r.Dst.Mask.Size(); ones != 0 || !r.Dst.IP.IsUnspecified() {
			return "", false
		}
	}
	if r.Type != unix.RTN_UNICAST {
		return "", false
	}
	name := func(ip fmt.Stringer, none bool) string {
		if none {
			return ""
		}
		return ip.String()
	}
	if r.LinkIndex == ifindex {
		return name(r.Gw, r.Gw == nil), true
	}
	for _, h := range r.MultiPath {
		if h.LinkIndex == ifindex {
			return name(h.Gw, h.Gw == nil), true
		}
	}
	return "", false
}

// routeCommand is the command that adds or deletes (op) a default route.
func routeCommand(op string, family int, device, gw string, metric int) string {
	c := "ip route " + op + " default"
	if family == unix.AF_INET6 {
		c = "ip -6 route " + op + " default"
	}
	if gw != "" {
		c += " via " + gw
	}
	c += " dev " + device
	if metric != 0 && !(family == unix.AF_INET6 && metric == 1024) {
		c += fmt.Sprintf(" metric %d", metric)
	}
	return c
}

// addresses are the device's addresses as ip(8) writes them, without those
// that the kernel makes itself for every device.
func (d *device) addresses() ([]string, error) {
	l, err := d.link()
	if err != nil {
		return nil, err
	}
	list, err := d.nl.AddrList(l, unix.AF_UNSPEC)
	if err != nil {
		return nil, sysErr(d.name, "reading the addresses", err, "")
	}
	var out []string
	for _, a := range list {
		if a.IPNet != nil && !a.IP.IsLinkLocalUnicast() {
			out = append(out, a.IPNet.String())
		}
	}
	return out, nil
}
