package vsctl

import (
	"fmt"
	"slices"

	"ofswitch/ovsdb"
)

// view is the switch as the commands see it: bridges, also those that are a VLAN
// of another ("fake" ones), their ports, and the interfaces of these.
type view struct {
	bridges    map[string]*bridge
	ports      map[string]*port
	interfaces map[string]*iface
}

type bridge struct {
	name   string
	row    *row // nil: fake
	parent *bridge
	vlan   int64
	vlans  map[int64]*bridge // fake bridges of a real one
	ports  []*port
}

// real is the bridge itself, or the one that it is a VLAN of.
func (b *bridge) real() *bridge {
	if b.parent != nil {
		return b.parent
	}
	return b
}

type port struct {
	row        *row
	bridge     *bridge
	interfaces []*iface
}

type iface struct {
	row  *row
	port *port
}

// needSwitch needs what the view is made of.
func needSwitch(r *run, _ *call) error {
	r.need("Open_vSwitch", "bridges")
	r.need("Bridge", "name", "controller", "fail_mode", "ports")
	r.need("Port", "name", "fake_bridge", "tag", "interfaces")
	r.need("Interface", "name", "ofport", "error")
	r.need("Flow_Sample_Collector_Set", "bridge")
	return nil
}

// vlanOf is the VLAN of a port's tag, if it has one.
func vlanOf(p *row) (vlan int64, ok bool) {
	tag := p.get("tag")
	if tag.Len() == 0 || tag.Keys[0].Int < 0 || tag.Keys[0].Int > 4095 {
		return 0, false
	}
	return tag.Keys[0].Int, true
}

func isFakeBridge(p *row) (vlan int64, ok bool) {
	vlan, ok = vlanOf(p)
	return vlan, ok && p.get("fake_bridge").Keys[0].Int != 0
}

// rows are those of a table that a column refers to.
func (r *run) rows(x *row, column, table string) []*row {
	var list []*row
	for _, u := range x.refs(column) {
		if to := r.txn.row(table, u); to != nil {
			list = append(list, to)
		}
	}
	return list
}

// sw is the view, made when it is asked for first and after each forget.
func (r *run) sw() *view {
	if r.seen == nil {
		r.seen = r.look()
	}
	return r.seen
}

// forget is called when a command has changed what the view is made of.
func (r *run) forget() { r.seen = nil }

func (r *run) look() *view {
	v := &view{make(map[string]*bridge), make(map[string]*port), make(map[string]*iface)}
	bridges := r.rows(r.ovs, "bridges", "Bridge")
	for _, b := range bridges {
		br := &bridge{name: b.str("name"), row: b, vlans: make(map[int64]*bridge)}
		if v.bridges[br.name] != nil {
			r.warn("%s: database contains duplicate bridge name", br.name)
			continue
		}
		v.bridges[br.name] = br
		for _, p := range r.rows(b, "ports", "Port") {
			vlan, ok := isFakeBridge(p)
			name := p.str("name")
			if !ok || v.bridges[name] != nil {
				continue
			}
			fake := &bridge{name: name, parent: br, vlan: vlan}
			if other := br.vlans[vlan]; other != nil {
				r.warn("%s: bridge has multiple VLAN bridges (%s and %s) for VLAN %d, but only one is allowed", br.name, name, other.name, vlan)
			} else {
				br.vlans[vlan] = fake
			}
			v.bridges[name] = fake
		}
	}
	for _, b := range bridges {
		br := v.bridges[b.str("name")]
		if br.row != b {
			continue
		}
		for _, p := range r.rows(b, "ports", "Port") {
			name := p.str("name")
			if other := v.ports[name]; other != nil {
				r.warn("%s: port is in multiple bridges (%s and %s)", name, br.name, other.bridge.name)
				continue
			}
			on := v.addPort(br, p)
			for _, i := range r.rows(p, "interfaces", "Interface") {
				name := i.str("name")
				if other := v.interfaces[name]; other != nil {
					r.warn("%s: interface is in multiple ports (%s and %s)", name, other.port.row.str("name"), p.str("name"))
					continue
				}
				v.addInterface(on, i)
			}
		}
	}
	return v
}

// addPort puts a port onto a bridge, or the VLAN of it that it belongs to.
func (v *view) addPort(b *bridge, p *row) *port {
	if vlan, ok := vlanOf(p); ok && b.vlans[vlan] != nil {
		b = b.vlans[vlan]
	}
	on := &port{row: p, bridge: b}
	b.ports = append(b.ports, on)
	v.ports[p.str("name")] = on
	return on
}

func (v *view) addInterface(p *port, i *row) {
	in := &iface{i, p}
	p.interfaces = append(p.interfaces, in)
	v.interfaces[i.str("name")] = in
}

// verifyPorts makes the transaction rest upon which ports there are.
func (r *run) verifyPorts() {
	r.ovs.verify("bridges")
	for _, b := range r.txn.all("Bridge") {
		b.verify("ports")
	}
	for _, p := range r.txn.all("Port") {
		p.verify("interfaces")
	}
}

// bridge is a bridge by name; nil, if it need not exist and does not.
func (r *run) bridge(name string, mustExist bool) (*bridge, error) {
	b := r.sw().bridges[name]
	if b == nil && mustExist {
		return nil, fmt.Errorf("no bridge named %s", name)
	}
	r.ovs.verify("bridges")
	return b, nil
}

// realBridge refuses fake ones.
func (r *run) realBridge(name string) (*bridge, error) {
	b, err := r.bridge(name, true)
	if err == nil && b.parent != nil {
		err = fmt.Errorf("%s is a fake bridge", name)
	}
	return b, err
}

// port is a port by name, other than the local one of a bridge.
func (r *run) port(name string, mustExist bool) (*port, error) {
	p := r.sw().ports[name]
	if p != nil && p.bridge.name == name {
		p = nil
	}
	if p == nil && mustExist {
		return nil, fmt.Errorf("no port named %s", name)
	}
	r.verifyPorts()
	return p, nil
}

// iface is an interface by name, other than that of a local port.
func (r *run) iface(name string, mustExist bool) (*iface, error) {
	i := r.sw().interfaces[name]
	if i != nil && i.port.bridge.name == name {
		i = nil
	}
	if i == nil && mustExist {
		return nil, fmt.Errorf("no interface named %s", name)
	}
	r.verifyPorts()
	return i, nil
}

// free refuses a name that something has already.
func (r *run) free(name, what string) error {
	r.verifyPorts()
	v := r.sw()
	if v.bridges[name] != nil {
		return fmt.Errorf("cannot create %s named %s because a bridge named %s already exists", what, name, name)
	}
	if p := v.ports[name]; p != nil {
		return fmt.Errorf("cannot create %s named %s because a port named %s already exists on bridge %s", what, name, name, p.bridge.name)
	}
	if i := v.interfaces[name]; i != nil {
		return fmt.Errorf("cannot create %s named %s because an interface named %s already exists on bridge %s", what, name, name, i.port.bridge.name)
	}
	return nil
}

// insertInterface makes an interface, about which the switch is asked in the
// end.
func (r *run) insertInterface(name string) *row {
	i := r.txn.insert("Interface", ovsdb.UUID{}, false)
	i.write("name", ovsdb.Set(ovsdb.Str(name)))
	r.newInterfaces = append(r.newInterfaces, i)
	return i
}

func (r *run) insertPort(name string, interfaces ...*row) *row {
	p := r.txn.insert("Port", ovsdb.UUID{}, false)
	p.write("name", ovsdb.Set(ovsdb.Str(name)))
	var refs []ovsdb.UUID
	for _, i := range interfaces {
		refs = append(refs, i.uuid)
	}
	p.writeRefs("interfaces", refs...)
	return p
}

// printSorted prints names in order, one a line.
func (r *run) printSorted(names []string) {
	slices.Sort(names)
	for _, n := range names {
		r.println(n)
	}
}
