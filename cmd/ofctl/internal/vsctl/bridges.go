package vsctl

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"ofswitch/ovsdb"
)

func addBridge(r *run, c *call) error {
	name, parentName := c.arg(0), c.arg(1)
	if len(c.args) == 2 {
		return fmt.Errorf("'%s' command takes exactly 1 or 3 arguments", c.name)
	}
	if name == "" {
		return errors.New("bridge name must not be empty string")
	}
	fake := len(c.args) == 3
	var vlan int64
	if fake {
		n, err := strconv.ParseUint(c.args[2], 10, 16)
		if err != nil || n > 4095 {
			return fmt.Errorf("%s: vlan must be between 0 and 4095", c.name)
		}
		vlan = int64(n)
	}
	if b, err := r.bridge(name, false); err != nil {
		return err
	} else if b != nil && c.has("--may-exist") {
		said := fmt.Sprintf("\"--may-exist add-br %s %s %d\" but %s", name, parentName, vlan, name)
		switch {
		case !fake && b.parent != nil:
			return fmt.Errorf("\"--may-exist add-br %s\" but %s is a VLAN bridge for VLAN %d", name, name, b.vlan)
		case !fake:
		case b.parent == nil:
			return errors.New(said + " is not a VLAN bridge")
		case b.parent.name != parentName:
			return errors.New(said + " has the wrong parent " + b.parent.name)
		case b.vlan != vlan:
			return fmt.Errorf("%s is a VLAN bridge for the wrong VLAN %d", said, b.vlan)
		}
		return nil
	}
	if err := r.free(name, "a bridge"); err != nil {
		return err
	}
	var parent *bridge
	if fake {
		var err error
		if parent, err = r.bridge(parentName, false); err != nil {
			return err
		}
		switch {
		case parent == nil:
			return fmt.Errorf("parent bridge %s does not exist", parentName)
		case parent.parent != nil:
			return errors.New("cannot create bridge with fake bridge as parent")
		case parent.vlans[vlan] != nil:
			return fmt.Errorf("bridge %s already has a child VLAN bridge %s on VLAN %d", parentName, parent.vlans[vlan].name, vlan)
		}
	}
	i := r.insertInterface(name)
	i.write("type", ovsdb.Set(ovsdb.Str("internal")))
	p := r.insertPort(name, i)
	if fake {
		p.write("fake_bridge", ovsdb.Set(ovsdb.Bool(true)))
		p.write("tag", ovsdb.Set(ovsdb.Int(vlan)))
		parent.row.addRef("ports", p.uuid)
	} else {
		b := r.txn.insert("Bridge", ovsdb.UUID{}, false)
		b.write("name", ovsdb.Set(ovsdb.Str(name)))
		b.writeRefs("ports", p.uuid)
		r.ovs.addRef("bridges", b.uuid)
	}
	r.forget()
	return nil
}

func deleteBridge(r *run, c *call) error {
	b, err := r.bridge(c.args[0], !c.has("--if-exists"))
	if err == nil && b != nil {
		r.deleteBridge(b)
		r.forget()
	}
	return err
}

func (r *run) deleteBridge(b *bridge) {
	for _, vlan := range slices.Sorted(maps.Keys(b.vlans)) {
		r.deleteBridge(b.vlans[vlan])
	}
	for _, p := range b.ports {
		r.deletePort(p)
	}
	if b.row == nil {
		return
	}
	for _, s := range r.txn.all("Flow_Sample_Collector_Set") {
		if slices.Contains(s.refs("bridge"), b.row.uuid) {
			r.txn.remove(s)
		}
	}
	r.txn.remove(b.row)
	r.ovs.removeRef("bridges", b.row.uuid)
}

func listBridges(r *run, c *call) error {
	either := c.has("--real") == c.has("--fake")
	var names []string
	for name, b := range r.sw().bridges {
		if either || c.has("--fake") == (b.parent != nil) {
			names = append(names, name)
		}
	}
	r.printSorted(names)
	return nil
}

func bridgeExists(r *run, c *call) error {
	b, err := r.bridge(c.args[0], false)
	if err == nil && b == nil {
		return errNoBridge
	}
	return err
}

func bridgeToVLAN(r *run, c *call) error {
	b, err := r.bridge(c.args[0], true)
	if err == nil {
		r.println(fmt.Sprint(b.vlan))
	}
	return err
}

func bridgeToParent(r *run, c *call) error {
	b, err := r.bridge(c.args[0], true)
	if err == nil {
		r.println(b.real().name)
	}
	return err
}

func needExternalIDs(r *run, c *call) error {
	r.need("Bridge", "external_ids")
	r.need("Port", "external_ids")
	return needSwitch(r, c)
}

// fakePrefix is before the keys of a fake bridge's external ids, which are with
// its port.
const fakePrefix = "fake-bridge-"

// externalIDs is the row that has a bridge's external ids, and what is before
// their keys there.
func (r *run) externalIDs(c *call) (x *row, prefix string, err error) {
	b, err := r.bridge(c.args[0], true)
	if err != nil {
		return nil, "", err
	}
	x = b.row
	if x == nil {
		x, prefix = r.sw().ports[b.name].row, fakePrefix
	}
	x.verify("external_ids")
	return x, prefix, nil
}

func setExternalID(r *run, c *call) error {
	x, prefix, err := r.externalIDs(c)
	if err != nil {
		return err
	}
	ids := x.get("external_ids").StringMap()
	if key := prefix + c.args[1]; len(c.args) > 2 {
		ids[key] = c.args[2]
	} else {
		delete(ids, key)
	}
	x.write("external_ids", ovsdb.Map(ids))
	return nil
}

func getExternalID(r *run, c *call) error {
	x, prefix, err := r.externalIDs(c)
	if err != nil {
		return err
	}
	ids := x.get("external_ids").StringMap()
	if len(c.args) > 1 {
		if v, ok := ids[prefix+c.args[1]]; ok {
			r.println(v)
		}
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(ids)) {
		if name, ok := strings.CutPrefix(key, prefix); ok {
			r.println(name + "=" + ids[key])
		}
	}
	return nil
}

func getFailMode(r *run, c *call) error {
	b, err := r.bridge(c.args[0], true)
	if err != nil {
		return err
	}
	b.real().row.verify("fail_mode")
	if mode := b.real().row.str("fail_mode"); mode != "" {
		r.println(mode)
	}
	return nil
}

func deleteFailMode(r *run, c *call) error {
	b, err := r.realBridge(c.args[0])
	if err == nil {
		b.row.write("fail_mode", ovsdb.Datum{})
	}
	return err
}

func setFailMode(r *run, c *call) error {
	b, err := r.realBridge(c.args[0])
	if err != nil {
		return err
	}
	if mode := c.args[1]; mode != "standalone" && mode != "secure" {
		return errors.New(`fail-mode must be "standalone" or "secure"`)
	}
	b.row.write("fail_mode", ovsdb.Set(ovsdb.Str(c.args[1])))
	return nil
}
