package database

import (
	"fmt"
	"net"
	"strings"

	"ofswitch/bridge"
	"ofswitch/ofp"
)

// readPort reads a row of table Port with its interfaces, and makes a bond of b if
// there are several of them. lasting says that nothing but these rows counted.
func (r *reader) readPort(b *bridge.Bridge, w *wantedBridge, p row) (read portRead, lasting bool) {
	name := p.text("name")
	read = portRead{port: p.Row, name: name, bridge: w.name, problem: w.problem}
	warned := len(r.warnings)
	what := "port " + name
	r.unsupported(what, p, "bond_fake_iface")
	var counts net.HardwareAddr
	if s := p.text("mac"); s != "" {
		mac, err := net.ParseMAC(s)
		if err != nil || len(mac) != 6 {
			r.warn("%s: mac %s is no Ethernet address, and is ignored", what, s)
		} else {
			counts = mac
		}
	}
	interfaces := byName(r.refs(p, "interfaces", "Interface"))
	var members []string // of a bond
	for _, i := range interfaces {
		if other, taken := r.interfaces[i.UUID]; taken {
			r.warn("interface %s is of port %s and of %s; it belongs to the first", i.text("name"), other, name)
			continue
		}
		r.interfaces[i.UUID] = name
		wi := wantedInterface{row: i, name: i.text("name"), peer: i.pairs("options")["peer"], problem: w.problem}
		wi.prefer = preference(b, i)
		conf, err := r.readInterface(b, i)
		if err == nil {
			conf.VLAN = readVLAN(p)
			conf.BridgeMAC = counts
			conf.FakeBridge = p.flag("fake_bridge") && conf.Type == bridge.TypeInternal
			r.readQoS(conf, p)
			read.confs = append(read.confs, *conf)
			members = append(members, wi.name)
		} else if wi.problem == "" {
			wi.problem = err.Error()
		}
		read.interfaces = append(read.interfaces, wi)
	}
	if len(interfaces) > 1 {
		b.Bonds = append(b.Bonds, readBond(p, members))
	}
	return read, len(interfaces) == 1 && len(r.warnings) == warned && p.datum("qos").Len() == 0
}

// preference is the number that an interface had, 0 if it had none.
func preference(b *bridge.Bridge, i row) ofp.PortNo {
	if n, ok := i.number("ofport"); ok && n > 0 && n <= int64(ofp.PortMax) && i.text("name") != b.Name {
		return ofp.PortNo(n)
	}
	return 0
}

// readBond reads the columns of a port with several interfaces.
func readBond(p row, members []string) bridge.Bond {
	other := p.pairs("other_config")
	return bridge.Bond{
		Name: p.text("name"), Members: members, Mode: bridge.BondMode(p.text("bond_mode")),
		UpDelay: p.milliseconds("bond_updelay"), DownDelay: p.milliseconds("bond_downdelay"),
		Primary: other["bond-primary"], LACP: p.text("lacp"), FallbackAB: other["lacp-fallback-ab"] == "true",
		VLAN: readVLAN(p),
	}
}

// typeNames are what column type of table Interface may say.
var typeNames = map[string]string{
	bridge.TypeSystem: bridge.TypeSystem, "system": bridge.TypeSystem,
	bridge.TypeInternal: bridge.TypeInternal, bridge.TypeTap: bridge.TypeTap, bridge.TypePatch: bridge.TypePatch,
}

// readInterface reads a row of table Interface.
func (r *reader) readInterface(b *bridge.Bridge, i row) (*bridge.Port, error) {
	p := &bridge.Port{Name: i.text("name"), Type: i.text("type")}
	what := "interface " + p.Name
	t, known := typeNames[p.Type]
	if known {
		p.Type = t
	}
	local := p.Name == b.Name
	if local {
		p.Type = bridge.TypeInternal // whatever its row says, as in Open vSwitch
	}
	options := i.pairs("options")
	switch {
	case !known && !local:
		r.warn("%s: type \"%s\" is not known; there are %s", what, p.Type, strings.Join(sortedKeys(typeNames)[1:], ", "))
		return nil, fmt.Errorf("could not open network device %s (Address family not supported by protocol)", p.Name)
	case p.Type == bridge.TypePatch && options["peer"] == "":
		return nil, fmt.Errorf("%s: patch type requires valid 'peer' argument", p.Name)
	case p.Type == bridge.TypePatch && options["peer"] == p.Name:
		return nil, fmt.Errorf("%s: patch peer must not be self", p.Name)
	}
	for _, key := range sortedKeys(options) {
		if !bridge.KnownOption(p.Type, key) {
			r.warn("%s: options:%s is not known for its type, and is ignored", what, key)
			continue
		}
		if p.Options == nil {
			p.Options = map[string]string{}
		}
		p.Options[key] = options[key]
	}
	if n, ok := i.number("ofport_request"); ok && !local {
		p.Request = ofp.PortNo(n)
	}
	if n, ok := i.number("mtu_request"); ok {
		p.MTU = int(min(n, 1<<31-1))
		if p.Type != bridge.TypeInternal && p.Type != bridge.TypeSystem {
			r.warn("%s: mtu_request is for types system and internal, and is ignored", what)
			p.MTU = 0
		}
	}
	if text := i.text("mac"); text != "" {
		mac, err := net.ParseMAC(text)
		switch {
		case err != nil || len(mac) != 6 || mac[0]&1 != 0 || isZero(mac):
			r.warn("%s: mac %s is no address that a device can have, and is ignored", what, text)
		case local:
			r.warn("%s: mac is ignored; set other_config:hwaddr of the bridge", what)
		case p.Type != bridge.TypeInternal:
			r.warn("%s: mac is for type internal, and is ignored", what)
		default:
			p.MAC = mac
		}
	}
	p.Policing = bridge.Policing{
		Rate: policing(i, "rate"), Burst: policing(i, "burst"), KPktsRate: policing(i, "kpkts_rate"), KPktsBurst: policing(i, "kpkts_burst"),
	}
	r.readRxAffinity(what, i, p)
	r.unsupported(what, i, "bfd", "cfm_mpid", "lldp")
	if err := p.Check(); err != nil {
		return nil, err
	}
	return p, nil
}

func policing(i row, column string) uint32 {
	n, _ := i.number("ingress_policing_" + column)
	return uint32(min(n, 1<<32-1))
}

// readVLAN reads how a port takes part in VLANs.
func readVLAN(p row) bridge.VLAN {
	tag, has := p.number("tag")
	other := p.pairs("other_config")
	return bridge.VLAN{
		Mode: bridge.VLANMode(p.text("vlan_mode")), Tag: uint16(tag), HasTag: has,
		Trunks: p.vlans("trunks"), CVLANs: p.vlans("cvlans"), Protected: p.flag("protected"),
		PriorityTags: other["priority-tags"], EtherType: other["qinq-ethtype"],
	}
}

// readQoS reads the queues of a port. What is not known in them is left out.
func (r *reader) readQoS(conf *bridge.Port, p row) {
	row, ok := r.ref(p, "qos", "QoS")
	if !ok {
		return
	}
	q := &bridge.QoS{Type: row.text("type")}
	if err := q.Check(conf.Name); err != nil {
		r.warn("%v; the port is without queues", err)
		return
	}
	q.OtherConfig = r.usable(row.pairs("other_config"), func(pair map[string]string) error {
		return (&bridge.QoS{OtherConfig: pair}).Check(conf.Name)
	})
	q.Queues = map[uint32]bridge.Queue{}
	for k, queue := range r.refMap(row, "queues", "Queue") {
		id := uint32(k.Int)
		if err := (&bridge.QoS{Queues: map[uint32]bridge.Queue{id: {}}}).Check(conf.Name); err != nil {
			r.warn("%v", err)
			continue
		}
		r.unsupported("port "+conf.Name+": queue", queue, "dscp")
		q.Queues[id] = bridge.Queue{OtherConfig: r.usable(queue.pairs("other_config"), func(pair map[string]string) error {
			return (&bridge.QoS{Queues: map[uint32]bridge.Queue{id: {OtherConfig: pair}}}).Check(conf.Name)
		})}
	}
	conf.QoS = q
}

// usable are the pairs that check takes, one by one.
func (r *reader) usable(all map[string]string, check func(map[string]string) error) map[string]string {
	good := map[string]string{}
	for _, key := range sortedKeys(all) {
		if err := check(map[string]string{key: all[key]}); err != nil {
			r.warn("%s, and is ignored", strings.TrimSpace(err.Error()))
			continue
		}
		good[key] = all[key]
	}
	return good
}
