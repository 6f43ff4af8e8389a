package database

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ofswitch/bridge"
	"ofswitch/ofconn"
	"ofswitch/ovsdb"
	"ofswitch/stream"
)

// datapathTypes are what column datapath_type of table Bridge may say. They are all
// the same: there is one datapath, in userspace.
var datapathTypes = []string{"netdev", "system"}

// readBridge reads a row of table Bridge and all that it refers to.
func (r *reader) readBridge(row row) {
	w := wantedBridge{row: row, name: row.text("name")}
	b := bridge.Bridge{Name: w.name, FailMode: bridge.FailMode(cmp.Or(row.text("fail_mode"), string(bridge.Standalone)))}
	what := "bridge " + w.name
	if err := b.CheckName(); err != nil {
		w.problem = err.Error()
	}
	if t := row.text("datapath_type"); t != "" && !slices.Contains(datapathTypes, t) {
		w.problem = what + ": datapath_type \"" + t + "\" is not known; use " + strings.Join(datapathTypes, " or ")
	}
	r.unsupported(what, row, "stp_enable", "rstp_enable", "mcast_snooping_enable", "netflow", "sflow", "ipfix", "auto_attach")
	b.DefaultMAC = defaultMAC(row.UUID)
	b.Protocols = r.protocols(what, row.texts("protocols"))
	b.FloodVLANs = row.vlans("flood_vlans")
	r.readBridgeConfig(&b, row)
	r.readFlowTables(&b, row)
	r.readControllers(&b, &w)
	if w.problem != "" {
		r.warn("%s", w.problem)
	}
	r.readPorts(&b, &w)
	r.readMirrors(&b, &w)
	r.bridges = append(r.bridges, w)
	if w.problem == "" {
		r.config.Bridges = append(r.config.Bridges, b)
	}
}

// defaultMAC is the address of a bridge whose ports give it none: like Open vSwitch
// we make it of the row's UUID, of which x86 has the words in little-endian order, so
// that a database taken over keeps its addresses and datapath ids.
func defaultMAC(u ovsdb.UUID) [6]byte {
	return [6]byte{u[3]&^1 | 2, u[2], u[1], u[0], u[7], u[6]}
}

// protocols keeps the versions that we speak. Where none is left, all are: a tool
// may ask for newer ones and get along with ours.
func (r *reader) protocols(what string, asked []string) []string {
	var known []string
	for _, p := range asked {
		if _, err := ofconn.ParseProtocols([]string{p}); err != nil {
			r.warn("%s: protocols: %v", what, err)
			continue
		}
		known = append(known, p)
	}
	return known
}

// readBridgeConfig reads column other_config.
func (r *reader) readBridgeConfig(b *bridge.Bridge, row row) {
	other := row.pairs("other_config")
	for _, key := range sortedKeys(other) {
		value := other[key]
		if key == "datapath-id" {
			id, ok := parseDatapathID(value)
			if !ok {
				r.warn("bridge %s: other_config:datapath-id=%s: want 16 hex digits, or some after 0x, not all zero; it is made of the bridge's MAC address", b.Name, value)
			}
			b.DatapathID = id
			continue
		}
		if err := bridge.CheckOtherConfig(key, value); err != nil {
			r.warn("bridge %s: %v", b.Name, err)
			continue
		}
		if b.OtherConfig == nil {
			b.OtherConfig = map[string]string{}
		}
		b.OtherConfig[key] = value
	}
}

// parseDatapathID reads 16 hex digits, or up to 16 with 0x before them.
func parseDatapathID(s string) (uint64, bool) {
	digits, prefixed := strings.CutPrefix(s, "0x")
	if !prefixed && len(s) != 16 || len(digits) > 16 {
		return 0, false
	}
	id, err := strconv.ParseUint(digits, 16, 64)
	return id, err == nil && id != 0
}

func (r *reader) readFlowTables(b *bridge.Bridge, of row) {
	for k, t := range r.refMap(of, "flow_tables", "Flow_Table") {
		limit, limited := t.number("flow_limit")
		if b.FlowTables == nil {
			b.FlowTables = map[uint8]bridge.FlowTable{}
		}
		b.FlowTables[uint8(k.Int)] = bridge.FlowTable{
			Name: t.text("name"), Limit: uint32(min(limit, 1<<32-1)), Limited: limited, Evict: t.text("overflow_policy") == "evict", Groups: t.texts("groups"),
		}
	}
}

// readControllers reads the rows of table Controller: those that we dial, and those
// whose target is where we listen.
func (r *reader) readControllers(b *bridge.Bridge, w *wantedBridge) {
	rows := r.refs(w.row, "controller", "Controller")
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.text("target"), b.text("target")) })
	seen := map[string]bool{}
	for _, c := range rows {
		wc := wantedController{row: c, target: c.text("target")}
		what := "bridge " + w.name + ": controller " + wc.target
		var err error
		if passive := strings.HasPrefix(wc.target, "p"); passive {
			_, err = stream.ParsePassive("listener", wc.target, ofconn.DefaultPort)
			if err == nil && !seen[wc.target] {
				b.Listeners = append(b.Listeners, bridge.Listener{Target: wc.target, InactivityProbe: c.probe()})
			}
		} else {
			_, err = stream.ParseActive("controller", wc.target, ofconn.DefaultPort)
			if err == nil && !seen[wc.target] {
				b.Controllers = append(b.Controllers, readController(c))
			}
		}
		switch {
		case err != nil:
			r.warn("bridge %s: %v", w.name, err)
		case seen[wc.target]:
			r.warn("%s is given twice; the first counts", what)
		}
		seen[wc.target] = true
		r.unsupported(what, c, "local_ip", "local_netmask", "local_gateway")
		w.controllers = append(w.controllers, wc)
	}
}

func readController(c row) bridge.Controller {
	rate, _ := c.number("controller_rate_limit")
	burst, _ := c.number("controller_burst_limit")
	return bridge.Controller{
		Target: c.text("target"), MaxBackoff: c.milliseconds("max_backoff"), InactivityProbe: c.probe(),
		OutOfBand: c.text("connection_mode") == "out-of-band",
		RateLimit: uint32(min(rate, 1<<31-1)), BurstLimit: uint32(min(burst, 1<<31-1)),
	}
}

// readMirrors reads the rows of table Mirror. A mirror that names ports which are
// not in the bridge does without them.
func (r *reader) readMirrors(b *bridge.Bridge, w *wantedBridge) {
	for _, m := range byName(r.refs(w.row, "mirrors", "Mirror")) {
		names := func(column string) []string {
			var list []string
			for _, p := range byName(r.refs(m, column, "Port")) {
				if interfaces := r.refs(p, "interfaces", "Interface"); len(interfaces) == 1 {
					list = append(list, interfaces[0].text("name"))
				} else {
					list = append(list, p.text("name")) // a bond
				}
			}
			return list
		}
		vlan, _ := m.number("output_vlan")
		snap, _ := m.number("snaplen")
		out := bridge.Mirror{
			Name: m.text("name"), SelectAll: m.flag("select_all"),
			SelectSrc: names("select_src_port"), SelectDst: names("select_dst_port"), SelectVLANs: m.vlans("select_vlan"),
			OutputVLAN: uint16(vlan), SnapLen: uint16(snap),
		}
		if to := names("output_port"); len(to) > 0 {
			out.OutputPort = to[0]
		}
		b.Mirrors = append(b.Mirrors, out)
		w.mirrors = append(w.mirrors, m)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
