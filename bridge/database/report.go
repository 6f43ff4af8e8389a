package database

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ofswitch/bridge"
	"ofswitch/ofconn"
	"ofswitch/ofp"
	"ofswitch/ovsdb"
	"ofswitch/ports"
)

// report is what there is to tell the database after a round.
type report struct {
	*desired
	recall   *recall
	state    map[string]*bridge.BridgeState
	stats    bool // counters and ages as well
	managers []ovsdb.RemoteStatus
	system   ovsdb.Datum // column statistics of Open_vSwitch, if stats
}

// operations are one transaction: all that differs from what the database has.
// facts are columns of Open_vSwitch that do not depend on rows.
func (p *report) operations(db *ovsdb.Database, facts facts) []ovsdb.Operation {
	w := &writer{view: view{db}}
	for i := range p.bridges {
		p.bridge(w, &p.bridges[i])
	}
	for i := range p.desired.managers {
		p.manager(w, &p.desired.managers[i])
	}
	values := facts.values(p.root)
	values["cur_cfg"] = number(p.next)
	if p.stats {
		values["statistics"] = p.system
	}
	w.set(p.root, values)
	if add := facts.identity(p.root); len(add) > 0 {
		w.ops = append(w.ops, ovsdb.Mutate("Open_vSwitch", ovsdb.ByUUID(p.root.UUID), ovsdb.Mutation{Column: "external_ids", Mutator: "insert", Value: ovsdb.Map(add)}))
	}
	return w.ops
}

// builtIn is column datapath_version: the datapath comes with the program.
const builtIn = "<built-in>"

func (p *report) bridge(w *writer, b *wantedBridge) {
	st := p.state[b.name]
	if b.problem != "" {
		st = nil
	}
	if st == nil {
		w.set(b.row, ovsdb.Values{"datapath_id": noValue(), "datapath_version": text("")})
		st = &bridge.BridgeState{}
	} else {
		w.set(b.row, ovsdb.Values{"datapath_id": text(fmt.Sprintf("%016x", st.DatapathID)), "datapath_version": text(builtIn)})
	}
	ports := make(map[string]*bridge.PortState, len(st.Ports))
	for i := range st.Ports {
		ports[st.Ports[i].Name] = &st.Ports[i]
	}
	for i := range b.interfaces {
		p.iface(w, b, &b.interfaces[i], ports[b.interfaces[i].name])
	}
	conns := make(map[string][]*ofconn.ConnStatus)
	for i := range st.Controllers {
		c := &st.Controllers[i]
		conns[c.Target] = append(conns[c.Target], c)
	}
	for i := range b.controllers {
		p.controller(w, &b.controllers[i], conns[b.controllers[i].target])
	}
	for _, port := range b.ports {
		if len(st.Bonds) > 0 || port.datum("bond_active_slave").Len() > 0 {
			w.set(port, ovsdb.Values{"bond_active_slave": activeMember(st, port.text("name"))})
		}
	}
	for _, m := range b.mirrors {
		p.mirror(w, m, st)
	}
}

// activeMember is the address of the active member of a bond, if there is one.
func activeMember(st *bridge.BridgeState, port string) ovsdb.Datum {
	for i := range st.Bonds {
		if b := &st.Bonds[i]; b.Name == port && b.Active != "" {
			return text(net.HardwareAddr(b.ActiveMAC[:]).String())
		}
	}
	return noValue()
}

// mirror writes a row of table Mirror.
func (p *report) mirror(w *writer, m row, st *bridge.BridgeState) {
	var counted map[string]uint64
	for _, s := range st.Mirrors {
		if s.Name == m.text("name") {
			counted = map[string]uint64{"tx_packets": s.Packets, "tx_bytes": s.Bytes}
		}
	}
	if p.stats || counted == nil || m.datum("statistics").Len() == 0 {
		w.set(m, ovsdb.Values{"statistics": numbers(counted)})
	}
}

// iface writes a row of table Interface. st is nil if the switch has no such port.
func (p *report) iface(w *writer, b *wantedBridge, i *wantedInterface, st *bridge.PortState) {
	now := told{row: w.db.Row(i.row.table.Name, i.row.UUID), problem: i.problem, peer: i.peer, bridge: b.name, datapath: b.row.text("datapath_type")}
	if st != nil {
		now.state = *st
	}
	if p.recall.nothingNew(i.row.UUID, &now) {
		return
	}
	before := len(w.ops)
	p.setInterface(w, b, i, st)
	if len(w.ops) == before {
		p.recall.told[i.row.UUID] = now
	}
}

func (p *report) setInterface(w *writer, b *wantedBridge, i *wantedInterface, st *bridge.PortState) {
	if i.problem != "" || st == nil || !st.Open {
		why := cmp.Or(i.problem, "bridge "+b.name+" could not be made: see the log of the switch")
		if i.problem == "" && st != nil {
			why = cmp.Or(st.Error, "port "+i.name+" is not open: see the log of the switch")
			if st.Waiting {
				why = "could not open network device " + i.name + " (No such device)"
			}
		}
		w.set(i.row, ovsdb.Values{
			"ofport": number(-1), "error": text(why),
			"mac_in_use": noValue(), "admin_state": noValue(), "link_state": noValue(), "link_speed": noValue(), "duplex": noValue(),
			"mtu": noValue(), "ifindex": noValue(), "link_resets": noValue(), "statistics": noValue(), "status": noValue(),
		})
		return
	}
	dev := &st.Device
	trouble := st.Error
	if trouble != "" && st.Type == bridge.TypePatch {
		trouble = fmt.Sprintf("No usable peer '%s' exists in '%s' datapath.", i.peer, cmp.Or(b.row.text("datapath_type"), "system"))
	}
	values := ovsdb.Values{
		"ofport":      number(ofport(st.OFPort)),
		"error":       optional(trouble),
		"status":      pairsOf(portStatus(st)),
		"mac_in_use":  when(!isZero(dev.MAC), text(dev.MAC.String())),
		"admin_state": text(upDown(dev.AdminUp)),
		"link_state":  text(upDown(dev.LinkUp)),
		"link_speed":  when(dev.SpeedMbps > 0, number(int64(dev.SpeedMbps)*1e6)),
		"duplex":      optional(dev.Duplex),
		"mtu":         when(dev.MTU > 0, number(int64(dev.MTU))),
		"ifindex":     number(int64(dev.Ifindex)),
		"link_resets": number(int64(st.LinkResets)),
	}
	if st.Stats != nil {
		values["statistics"] = numbers(counters(st))
	}
	w.set(i.row, values)
}

// portStatus is column status of table Interface.
func portStatus(st *bridge.PortState) map[string]string {
	status := map[string]string{}
	if st.Driver != (ports.Driver{}) {
		status["driver_name"], status["driver_version"], status["firmware_version"] = st.Driver.Name, st.Driver.Version, st.Driver.Firmware
	}
	if st.Isolation != "" {
		status["isolation"] = st.Isolation
	}
	if st.IO.IO != "" {
		status["io"], status["io_reason"] = st.IO.IO, st.IO.Why
	}
	if st.IO.Mode != "" {
		status["xdp-mode"] = string(st.IO.Mode)
	}
	return status
}

// isZero says whether there is no address: a patch port has none.
func isZero(mac net.HardwareAddr) bool {
	return !slices.ContainsFunc(mac, func(b byte) bool { return b != 0 })
}

func upDown(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

// counters are column statistics of table Interface.
func counters(st *bridge.PortState) map[string]uint64 {
	s := st.Stats
	all := map[string]uint64{
		"rx_packets": s.RxPackets, "rx_bytes": s.RxBytes, "tx_packets": s.TxPackets, "tx_bytes": s.TxBytes,
	}
	if st.Type == bridge.TypePatch {
		return all // there is no wire on which more could happen
	}
	for k, n := range map[string]uint64{
		"rx_dropped": s.RxDropped, "tx_dropped": s.TxDropped, "rx_errors": s.RxErrors, "tx_errors": s.TxErrors,
		"rx_frame_err": s.RxFrameErr, "rx_over_err": s.RxOverErr, "rx_crc_err": s.RxCRCErr, "collisions": s.Collisions,
	} {
		if n != ports.Uncounted {
			all[k] = n
		}
	}
	return all
}

// controller writes a row of table Controller; conns are those of its target.
func (p *report) controller(w *writer, c *wantedController, conns []*ofconn.ConnStatus) {
	connected, role := false, ""
	var status map[string]string
	for _, s := range conns {
		if s.Auxiliary != 0 {
			continue
		}
		if s.State == ofconn.StateActive {
			connected, role = true, roleNames[s.Role]
		}
		if !s.Passive || status == nil {
			status = connStatus(s)
		}
	}
	if !p.stats && sameState(w, c.row, connected, role, status) {
		return // that time passes is no news
	}
	w.set(c.row, ovsdb.Values{"is_connected": boolean(connected), "role": optional(role), "status": pairsOf(status)})
}

// roleNames are what column role of table Controller says.
var roleNames = map[ofp.Role]string{ofp.RoleEqual: "other", ofp.RoleMaster: "master", ofp.RoleSlave: "slave"}

// connStatus is column status of table Controller.
func connStatus(s *ofconn.ConnStatus) map[string]string {
	m := map[string]string{"state": s.State.String()}
	addLastError(m, s.LastError, s.LastErrno)
	addAge(m, "connect", s.Connected)
	addAge(m, "disconnect", s.Disconnected)
	return m
}

// addLastError tells of an error, of the system in its words.
func addLastError(m map[string]string, text string, e syscall.Errno) {
	if e != 0 {
		text = strerror(e)
	}
	if text != "" {
		m["last_error"] = text
	}
}

// strerror is the system's error in the words of the C library, which differ from
// Go's in the first letter.
func strerror(e syscall.Errno) string {
	s := e.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

// addAge tells for how many seconds something has been so; t is zero if it never was.
func addAge(m map[string]string, what string, t time.Time) {
	if !t.IsZero() {
		m[agePrefix+what] = strconv.Itoa(int(time.Since(t).Seconds()))
	}
}

// agePrefix is what the keys of column status that count seconds begin with.
const agePrefix = "sec_since_"

// sameState says whether a row tells that state already, ages apart.
func sameState(w *writer, of row, connected bool, role string, status map[string]string) bool {
	found := w.db.Row(of.table.Name, of.UUID)
	if found == nil {
		return true
	}
	now := row{found, of.table}
	if now.flag("is_connected") != connected || of.table.Column("role") != nil && now.text("role") != role {
		return false
	}
	has := now.pairs("status")
	for k, v := range status {
		if old, ok := has[k]; !ok || old != v && !strings.HasPrefix(k, agePrefix) {
			return false
		}
	}
	return len(has) == len(status)
}

// manager writes a row of table Manager.
func (p *report) manager(w *writer, m *wantedManager) {
	for i := range p.managers {
		s := &p.managers[i]
		if s.Target != m.remote.Target {
			continue
		}
		status := managerStatus(s)
		connected := s.Connections > 0
		if p.stats || !sameState(w, m.row, connected, "", status) {
			w.set(m.row, ovsdb.Values{"is_connected": boolean(connected), "status": pairsOf(status)})
		}
		return
	}
}

// managerStatus is column status of table Manager.
func managerStatus(s *ovsdb.RemoteStatus) map[string]string {
	m := map[string]string{}
	addLastError(m, s.LastError, s.LastErrno)
	addAge(m, "connect", s.Connected)
	addAge(m, "disconnect", s.Disconnected)
	if s.State != "LISTENING" {
		m["state"] = s.State
		return m
	}
	if _, port, err := net.SplitHostPort(s.Address); err == nil {
		m["bound_port"] = port
	}
	if s.Connections > 1 {
		m["n_connections"] = strconv.Itoa(s.Connections)
	}
	return m
}
