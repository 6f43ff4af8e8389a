package vsctl

import (
	"fmt"
	"strconv"

	"ofswitch/ovsdb"
)

// Auto-attach: which VLAN belongs to which service (I-SID).

func needMappings(r *run, c *call) error {
	r.need("Bridge", "auto_attach")
	r.need("AutoAttach", "mappings")
	return needSwitch(r, c)
}

// autoAttach is the row of a bridge; nil: it has none.
func (r *run) autoAttach(c *call) (of, x *row, err error) {
	b, err := r.bridge(c.args[0], true)
	if err != nil {
		return nil, nil, err
	}
	of = b.real().row
	of.verify("auto_attach")
	if rows := r.rows(of, "auto_attach", "AutoAttach"); len(rows) > 0 {
		x = rows[0]
		x.verify("mappings")
	}
	return of, x, nil
}

func mapping(c *call) (isid, vlan ovsdb.Atom, err error) {
	var n [2]int64
	for i := range n {
		if n[i], err = strconv.ParseInt(c.args[1+i], 10, 64); err != nil {
			return isid, vlan, fmt.Errorf("%s: %q is not a number", c.name, c.args[1+i])
		}
	}
	return ovsdb.Int(n[0]), ovsdb.Int(n[1]), nil
}

func addMapping(r *run, c *call) error {
	isid, vlan, err := mapping(c)
	if err != nil {
		return err
	}
	of, x, err := r.autoAttach(c)
	if err != nil {
		return err
	}
	if x == nil {
		x = r.txn.insert("AutoAttach", ovsdb.UUID{}, false)
		of.writeRefs("auto_attach", x.uuid)
	}
	pair := ovsdb.Datum{Keys: []ovsdb.Atom{isid}, Values: []ovsdb.Atom{vlan}}
	x.write("mappings", x.get("mappings").Union(pair))
	return nil
}

func deleteMapping(r *run, c *call) error {
	isid, vlan, err := mapping(c)
	if err != nil {
		return err
	}
	_, x, err := r.autoAttach(c)
	if err != nil || x == nil {
		return err
	}
	pair := ovsdb.Datum{Keys: []ovsdb.Atom{isid}, Values: []ovsdb.Atom{vlan}}
	x.write("mappings", x.get("mappings").Subtract(pair))
	return nil
}

func getMappings(r *run, c *call) error {
	_, x, err := r.autoAttach(c)
	if err != nil || x == nil {
		return err
	}
	d := x.get("mappings")
	for i, k := range d.Keys {
		r.println(k.String() + " " + d.Values[i].String())
	}
	return nil
}
