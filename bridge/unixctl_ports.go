package bridge

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"ofswitch/ofp"
	"ofswitch/ofswitch"
	"ofswitch/unixctl"
)

// registerPorts adds the commands about bonds and queues.
func (s *Switch) registerPorts(srv *unixctl.Server) {
	srv.Register("bond/list", "", 0, 0, func([]string) (string, error) {
		var b strings.Builder
		b.WriteString("bond\ttype\trecircID\tmembers\n")
		for _, bond := range s.bonds() {
			var names []string
			for _, m := range bond.Members {
				names = append(names, m.Name)
			}
			fmt.Fprintf(&b, "%s\t%s\t0\t%s\n", bond.Name, bond.Config.Mode, strings.Join(names, ", "))
		}
		return b.String(), nil
	})
	srv.Register("bond/show", "[port]", 0, 1, func(args []string) (string, error) {
		list := s.bonds()
		if len(args) > 0 {
			list = slices.DeleteFunc(list, func(b ofswitch.BondStatus) bool { return b.Name != args[0] })
			if len(list) == 0 {
				return "", errors.New("no such bond")
			}
		}
		var b strings.Builder
		for i := range list {
			b.WriteString(bondText(&list[i]))
		}
		return b.String(), nil
	})
	srv.Register("qos/show", "interface", 1, 1, func(args []string) (string, error) { return s.showQoS(args[0]) })
	srv.Register("qos/show-types", "interface", 1, 1, func(args []string) (string, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.openPortLocked(args[0]) == nil {
			return "", errors.New("no such interface")
		}
		return "QoS type: " + QoSHTB, nil
	})
}

// bonds are those of all bridges.
func (s *Switch) bonds() (list []ofswitch.BondStatus) {
	for _, name := range s.Bridges() {
		if of, err := s.bridge(name); err == nil {
			list = append(list, of.Bonds()...)
		}
	}
	return list
}

// bondText is `ovs-appctl bond/show`, without what this switch does not do:
// recirculation, rebalancing, LACP.
func bondText(s *ofswitch.BondStatus) string {
	var b strings.Builder
	fmt.Fprintf(&b, "---- %s ----\nbond_mode: %s\nbond may use recirculation: no, Recirc-ID : -1\n", s.Name, s.Config.Mode)
	fmt.Fprintf(&b, "updelay: %d ms\ndowndelay: %d ms\n", s.Config.UpDelay.Milliseconds(), s.Config.DownDelay.Milliseconds())
	lacp, primary, active := "off", s.Config.Primary, cmp.Or(s.Active, "none")
	if s.Config.LACP {
		lacp = "configured"
	}
	switch {
	case primary == "":
		primary = "<none>"
	case !slices.ContainsFunc(s.Members, func(m ofswitch.BondMemberStatus) bool { return m.Name == primary }):
		primary += " (no such member)"
	}
	fmt.Fprintf(&b, "lacp_status: %s\nlacp_fallback_ab: %v\nactive-backup primary: %s\nactive member mac: %s(%s)\n",
		lacp, s.Config.FallbackAB, primary, net.HardwareAddr(s.ActiveMAC[:]), active)
	_, none := s.Config.Works()
	for _, m := range s.Members {
		state := "disabled"
		if m.Enabled {
			state = "enabled"
		}
		fmt.Fprintf(&b, "\nmember %s: %s\n", m.Name, state)
		if m.Name == s.Active {
			b.WriteString("  active member\n")
		}
		fmt.Fprintf(&b, "  may_enable: %v\n", m.Link && !none)
		switch {
		case m.Left == 0:
		case m.Link:
			fmt.Fprintf(&b, "  updelay expires in %d ms\n", m.Left.Round(time.Millisecond).Milliseconds())
		default:
			fmt.Fprintf(&b, "  downdelay expires in %d ms\n", m.Left.Round(time.Millisecond).Milliseconds())
		}
	}
	b.WriteByte('\n')
	return b.String()
}

// openPortLocked finds an open port by its name; nil: there is none.
func (s *Switch) openPortLocked(name string) *livePort {
	for _, bridge := range sortedKeys(s.bridges) {
		for _, p := range s.bridges[bridge].ports {
			if p.open && p.conf.Name == name {
				return p
			}
		}
	}
	return nil
}

// showQoS is `ovs-appctl qos/show`.
func (s *Switch) showQoS(name string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.openPortLocked(name)
	if p == nil {
		return "", errors.New("no such interface")
	}
	if p.qos == nil {
		return fmt.Sprintf("QoS not configured on %s\n", name), nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "QoS: %s %s\n", name, QoSHTB)
	if p.qos.MaxRate != 0 {
		fmt.Fprintf(&b, "max-rate: %d\n", p.qos.MaxRate)
	}
	err := p.bridge.of.QueueStats(&ofp.QueueStatsRequest{Port: p.no, QueueID: ofp.QueueAll}, func(st *ofp.QueueStats) error {
		if st.QueueID == 0 {
			b.WriteString("\nDefault:\n")
		} else {
			fmt.Fprintf(&b, "\nQueue %d:\n", st.QueueID)
		}
		q := p.qos.Queues[st.QueueID]
		for _, v := range []struct {
			name  string
			value uint64
		}{{"burst", q.Burst}, {"min-rate", q.MinRate}, {"max-rate", q.MaxRate}, {"priority", q.Priority}} {
			if v.value != 0 {
				fmt.Fprintf(&b, "  %s: %d\n", v.name, v.value)
			}
		}
		fmt.Fprintf(&b, "  tx_packets: %d\n  tx_bytes: %d\n  tx_errors: %d\n", st.TxPackets, st.TxBytes, st.TxErrors)
		return nil
	})
	return b.String(), err
}
