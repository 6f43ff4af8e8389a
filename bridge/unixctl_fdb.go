package bridge

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ofswitch/flow"
	"ofswitch/l2"
	"ofswitch/ofp"
	"ofswitch/ofswitch"
	"ofswitch/unixctl"
)

// errNoBridge is Open vSwitch's answer of the fdb family.
var errNoBridge = errors.New("no such bridge")

// registerFDB adds the commands about MAC tables.
func (s *Switch) registerFDB(srv *unixctl.Server) {
	srv.Register("fdb/show", "bridge", 1, 1, s.withBridge(errNoBridge, func(of *ofswitch.Bridge, _ []string) (string, error) {
		return formatFDB(of.MACs()), nil
	}))
	srv.Register("fdb/flush", "[bridge]", 0, 1, s.eachBridge(errNoBridge, func(of *ofswitch.Bridge) string {
		of.FlushMACs()
		return "table successfully flushed"
	}))
	srv.Register("fdb/stats-clear", "[bridge]", 0, 1, s.eachBridge(errNoBridge, func(of *ofswitch.Bridge) string {
		of.FDB().ClearStats()
		return "statistics successfully cleared"
	}))
	srv.Register("fdb/stats-show", "bridge", 1, 1, s.withBridge(errNoBridge, func(of *ofswitch.Bridge, _ []string) (string, error) {
		st := of.FDB().Stats()
		return fmt.Sprintf(`Statistics for bridge %q:
  Current/maximum MAC entries in the table: %d/%d
  Current static MAC entries in the table : %d
  Total number of learned MAC entries     : %d
  Total number of expired MAC entries     : %d
  Total number of evicted MAC entries     : %d
  Total number of port moved MAC entries  : %d
`, of.Name(), st.Entries, st.MaxEntries, st.Static, st.Learnt, st.Expired, st.Evicted, st.Moved), nil
	}))
	srv.Register("fdb/add", "bridge port vlan mac", 4, 4, s.withBridge(errNoBridge, func(of *ofswitch.Bridge, args []string) (string, error) {
		no, ok := of.FindPort(args[0])
		if !ok {
			return "", fmt.Errorf("bridge %s has no port %q", of.Name(), args[0])
		}
		vlan, mac, err := parseStation(args[1], args[2])
		if err != nil {
			return "", err
		}
		if err := of.AddStaticMAC(vlan, mac, no); err != nil {
			return "", err
		}
		return "", nil
	}))
	srv.Register("fdb/del", "bridge vlan mac", 3, 3, s.withBridge(errNoBridge, func(of *ofswitch.Bridge, args []string) (string, error) {
		vlan, mac, err := parseStation(args[0], args[1])
		if err != nil {
			return "", err
		}
		if !of.DeleteStaticMAC(vlan, mac) {
			return "", errors.New("could not find static mac entry")
		}
		return "", nil
	}))
}

// parseStation reads a VLAN and an address that a station can have.
func parseStation(vlan, mac string) (uint16, l2.MAC, error) {
	v, err := strconv.ParseUint(vlan, 0, 12)
	if err != nil {
		return 0, 0, fmt.Errorf("%q is no VLAN; use 0 (untagged) to 4095", vlan)
	}
	field := flow.EthSrc.Field()
	val, mask, err := flow.ParseValue(field, mac)
	if err != nil || mask != field.Full() {
		return 0, 0, errors.New("bad MAC address")
	}
	m := l2.MAC(val.Lo)
	if m.IsMulticast() {
		return 0, 0, fmt.Errorf("%s is the address of a group; a station's is wanted", m)
	}
	return uint16(v), m, nil
}

// formatFDB prints the MAC table as `ovs-appctl fdb/show` does.
func formatFDB(rows []l2.Row) string {
	var b strings.Builder
	b.WriteString(" port  VLAN  MAC                Age\n")
	for _, r := range rows {
		port := fmt.Sprint(r.Port)
		if ofp.PortNo(r.Port) == ofp.PortLocal {
			port = "LOCAL"
		}
		age := fmt.Sprintf("%3d", int64(r.Age/time.Second))
		if r.Static {
			age = "static"
		}
		fmt.Fprintf(&b, "%5s  %4d  %s  %s\n", port, r.VLAN, r.MAC, age)
	}
	return b.String()
}
