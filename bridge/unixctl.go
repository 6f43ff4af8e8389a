package bridge

import (
	"fmt"
	"strings"
	"time"

	"ofswitch/l2"
	"ofswitch/ofp"
	"ofswitch/ofswitch"
	"ofswitch/unixctl"
)

// RegisterCommands adds the switch's commands for ovs-appctl and ofctl.
func (s *Switch) RegisterCommands(srv *unixctl.Server) {
	srv.Register("fdb/show", "bridge", 1, 1, func(args []string) (string, error) {
		of, err := s.bridge(args[0])
		if err != nil {
			return "", err
		}
		return formatFDB(of.MACs()), nil
	})
	srv.Register("fdb/flush", "[bridge]", 0, 1, func(args []string) (string, error) {
		names := args
		if len(names) == 0 {
			names = s.Bridges()
		}
		for _, name := range names {
			of, err := s.bridge(name)
			if err != nil {
				return "", err
			}
			of.FlushMACs()
		}
		return "table successfully flushed\n", nil
	})
	srv.Register("isolation/show", "[bridge]", 0, 1, func(args []string) (string, error) {
		if len(args) > 0 {
			if _, err := s.bridge(args[0]); err != nil {
				return "", err
			}
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%-15s  %-15s  %s\n", "bridge", "port", "isolation")
		for _, p := range s.Ports() {
			if p.Isolation != "" && (len(args) == 0 || p.Bridge == args[0]) {
				fmt.Fprintf(&b, "%-15s  %-15s  %s\n", p.Bridge, p.Name, p.Isolation)
			}
		}
		return b.String(), nil
	})
}

// bridge finds a bridge for a command.
func (s *Switch) bridge(name string) (*ofswitch.Bridge, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lb := s.bridges[name]
	if lb == nil {
		return nil, fmt.Errorf("no such bridge %q; there are: %s", name, strings.Join(sortedKeys(s.bridges), ", "))
	}
	return lb.of, nil
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
		fmt.Fprintf(&b, "%5s  %4d  %s  %3d\n", port, r.VLAN, r.MAC, int64(r.Age/time.Second))
	}
	return b.String()
}
