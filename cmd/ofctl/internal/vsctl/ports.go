package vsctl

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ofswitch/ovsdb"
)

func listPorts(r *run, c *call) error {
	b, err := r.bridge(c.args[0], true)
	if err != nil {
		return err
	}
	b.real().row.verify("ports")
	var names []string
	for _, p := range b.ports {
		if name := p.row.str("name"); name != b.name {
			names = append(names, name)
		}
	}
	r.printSorted(names)
	return nil
}

func listInterfaces(r *run, c *call) error {
	b, err := r.bridge(c.args[0], true)
	if err != nil {
		return err
	}
	r.verifyPorts()
	var names []string
	for _, p := range b.ports {
		for _, i := range p.interfaces {
			if name := i.row.str("name"); name != b.name {
				names = append(names, name)
			}
		}
	}
	r.printSorted(names)
	return nil
}

func portToBridge(r *run, c *call) error {
	p, err := r.port(c.args[0], true)
	if err == nil {
		r.println(p.bridge.name)
	}
	return err
}

func interfaceToBridge(r *run, c *call) error {
	i, err := r.iface(c.args[0], true)
	if err == nil {
		r.println(i.port.bridge.name)
	}
	return err
}

// portSettings are the arguments COLUMN[:KEY]=VALUE of add-port and add-bond.
func portSettings(c *call) (interfaces, settings []string) {
	if c.name == "add-port" {
		return c.args[1:2], c.args[2:]
	}
	rest := c.args[2:]
	i := slices.IndexFunc(rest, func(s string) bool { return strings.Contains(s, "=") })
	if i < 0 {
		i = len(rest)
	}
	return rest[:i], rest[i:]
}

func needAddPort(r *run, c *call) error {
	t := r.schema.Tables["Port"]
	_, settings := portSettings(c)
	for _, s := range settings {
		// What is wrong with a setting is said when it is made.
		if set, err := parseSetting(t, s, assignment); err == nil {
			r.need(t.Name, set.column.Name)
		}
	}
	return needSwitch(r, c)
}

func addPort(r *run, c *call) error {
	interfaces, settings := portSettings(c)
	return r.addPort(c, interfaces, settings)
}

func addBond(r *run, c *call) error {
	interfaces, settings := portSettings(c)
	if n := len(interfaces); n < 2 {
		return fmt.Errorf("add-bond requires at least 2 interfaces, but only %d were specified", n)
	}
	return r.addPort(c, interfaces, settings)
}

func (r *run) addPort(c *call, interfaces, settings []string) error {
	bridgeName, name := c.args[0], c.args[1]
	if name == "" {
		return errors.New("port name must not be empty string")
	}
	if slices.Contains(interfaces, "") {
		return errors.New("interface name must not be empty string")
	}
	if c.has("--may-exist") {
		p, err := r.port(name, false)
		if err != nil {
			return err
		}
		if p != nil {
			return p.checkSame(c, bridgeName, interfaces)
		}
	}
	if err := r.free(name, "a port"); err != nil {
		return err
	}
	for _, i := range interfaces {
		if err := r.free(i, "an interface"); err != nil {
			return err
		}
	}
	b, err := r.bridge(bridgeName, true)
	if err != nil {
		return err
	}
	var rows []*row
	for _, i := range interfaces {
		rows = append(rows, r.insertInterface(i))
	}
	p := r.insertPort(name, rows...)
	if c.has("--fake-iface") {
		p.write("bond_fake_iface", ovsdb.Set(ovsdb.Bool(true)))
	}
	if b.parent != nil {
		p.write("tag", ovsdb.Set(ovsdb.Int(b.vlan)))
	}
	for _, s := range settings {
		if err := r.setColumn(p, s); err != nil {
			return err
		}
	}
	b.real().row.addRef("ports", p.uuid)
	v := r.sw()
	on := v.addPort(b.real(), p)
	for _, i := range rows {
		v.addInterface(on, i)
	}
	return nil
}

// checkSame refuses a port that --may-exist stands for if it is another.
func (p *port) checkSame(c *call, bridgeName string, interfaces []string) error {
	var have []string
	for _, i := range p.interfaces {
		have = append(have, i.row.str("name"))
	}
	slices.Sort(have)
	if p.bridge.name != bridgeName {
		return fmt.Errorf("\"%s\" but %s is actually attached to bridge %s", c, c.args[1], p.bridge.name)
	}
	if want := slices.Sorted(slices.Values(interfaces)); !slices.Equal(want, have) {
		return fmt.Errorf("\"%s\" but %s actually has interface(s) %s", c, c.args[1], strings.Join(have, ", "))
	}
	return nil
}

func deletePort(r *run, c *call) error {
	mustExist, target := !c.has("--if-exists"), c.args[len(c.args)-1]
	local, err := r.bridge(target, false)
	if err != nil {
		return err
	}
	if local != nil {
		if mustExist {
			return fmt.Errorf("cannot delete port %s because it is the local port for bridge %s (deleting this port requires deleting the entire bridge)", target, target)
		}
		return nil
	}
	p, err := r.port(target, mustExist && !c.has("--with-iface"))
	if err != nil {
		return err
	}
	if p == nil && c.has("--with-iface") {
		i, err := r.iface(target, false)
		if err != nil {
			return err
		}
		if i != nil {
			p = i.port
		} else if mustExist {
			return fmt.Errorf("no port or interface named %s", target)
		}
	}
	if p == nil {
		return nil
	}
	if len(c.args) == 2 {
		b, err := r.bridge(c.args[0], true)
		if err != nil {
			return err
		}
		if p.bridge != b {
			if p.bridge.parent == b {
				return fmt.Errorf("bridge %s does not have a port %s (although its child bridge %s does)", b.name, target, p.bridge.name)
			}
			return fmt.Errorf("bridge %s does not have a port %s", b.name, target)
		}
	}
	r.deletePort(p)
	r.forget()
	return nil
}

func (r *run) deletePort(p *port) {
	p.bridge.real().row.removeRef("ports", p.row.uuid)
	for _, i := range p.interfaces {
		r.txn.remove(i.row)
	}
	r.txn.remove(p.row)
}

func addBondInterface(r *run, c *call) error {
	name := c.args[1]
	p, err := r.port(c.args[0], true)
	if err != nil {
		return err
	}
	if c.has("--may-exist") {
		i, err := r.iface(name, false)
		if err != nil {
			return err
		}
		if i != nil {
			if i.port != p {
				return fmt.Errorf("\"%s\" but %s is actually attached to port %s", c, name, i.port.row.str("name"))
			}
			return nil
		}
	}
	if err := r.free(name, "an interface"); err != nil {
		return err
	}
	i := r.insertInterface(name)
	p.row.mutateRef("interfaces", "insert", i.uuid)
	r.sw().addInterface(p, i)
	return nil
}

// mutateRef adds or takes out one reference.
func (r *row) mutateRef(column, mutator string, u ovsdb.UUID) {
	one := ovsdb.Set(ovsdb.Ref(u))
	d := r.get(column).Union(one)
	if mutator == "delete" {
		d = d.Subtract(one)
	}
	r.mutate(column, mutator, one, d)
}

func deleteBondInterface(r *run, c *call) error {
	name := c.args[len(c.args)-1]
	i, err := r.iface(name, !c.has("--if-exists"))
	if err != nil || i == nil {
		return err
	}
	if len(c.args) == 2 {
		p, err := r.port(c.args[0], true)
		if err != nil {
			return err
		}
		if i.port != p {
			return fmt.Errorf("port %s does not have an interface %s", c.args[0], name)
		}
	}
	if len(i.port.interfaces) == 1 {
		return fmt.Errorf("cannot delete last interface from port %s", i.port.row.str("name"))
	}
	i.port.row.mutateRef("interfaces", "delete", i.row.uuid)
	r.txn.remove(i.row)
	r.forget()
	return nil
}
