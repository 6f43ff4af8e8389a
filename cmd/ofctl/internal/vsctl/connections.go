package vsctl

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ofswitch/ovsdb"
)

// Controllers, managers, and the files for TLS.

func needControllers(r *run, c *call) error {
	r.need("Controller", "target", "inactivity_probe")
	return needSwitch(r, c)
}

// connections are a column of a row that refers to controllers or managers,
// which have a target each.
type connections struct {
	row           *row
	column, table string
}

// methods are what targets begin with.
var methods = []string{"tcp:", "ssl:", "unix:", "ptcp:", "pssl:", "punix:"}

func (r *run) verifyConnections(l connections) []*row {
	l.row.verify(l.column)
	rows := r.rows(l.row, l.column, l.table)
	for _, x := range rows {
		x.verify("target")
	}
	return rows
}

func (r *run) printTargets(l connections) {
	var targets []string
	for _, x := range r.verifyConnections(l) {
		targets = append(targets, x.str("target"))
	}
	r.printSorted(targets)
}

// replaceConnections deletes what there is and inserts what is asked for.
func (r *run) replaceConnections(c *call, l connections, targets []string) error {
	for _, x := range r.verifyConnections(l) {
		r.txn.remove(x)
	}
	var probe ovsdb.Datum
	if v := c.options["--inactivity-probe"]; c.has("--inactivity-probe") {
		ms, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return fmt.Errorf("--inactivity-probe=%s: want a number of milliseconds; 0 for none", v)
		}
		probe = ovsdb.Set(ovsdb.Int(ms))
	}
	var refs []ovsdb.UUID
	for _, target := range targets {
		if !slices.ContainsFunc(methods, func(m string) bool { return strings.HasPrefix(target, m) }) {
			r.warn("target type %q is possibly erroneous", target)
		}
		x := r.txn.insert(l.table, ovsdb.UUID{}, false)
		x.write("target", ovsdb.Set(ovsdb.Str(target)))
		x.write("inactivity_probe", probe)
		refs = append(refs, x.uuid)
	}
	l.row.writeRefs(l.column, refs...)
	return nil
}

func controllersOf(b *bridge) connections {
	return connections{row: b.real().row, column: "controller", table: "Controller"}
}

func getControllers(r *run, c *call) error {
	b, err := r.bridge(c.args[0], true)
	if err == nil {
		r.printTargets(controllersOf(b))
	}
	return err
}

func deleteControllers(r *run, c *call) error { return r.putControllers(c, nil) }

func setControllers(r *run, c *call) error { return r.putControllers(c, c.args[1:]) }

func (r *run) putControllers(c *call, targets []string) error {
	b, err := r.realBridge(c.args[0])
	if err != nil {
		return err
	}
	return r.replaceConnections(c, controllersOf(b), targets)
}

func needManagers(r *run, _ *call) error {
	r.need("Open_vSwitch", "manager_options")
	r.need("Manager", "target", "inactivity_probe")
	return nil
}

func (r *run) managers() connections {
	return connections{row: r.ovs, column: "manager_options", table: "Manager"}
}

func getManagers(r *run, _ *call) error {
	r.printTargets(r.managers())
	return nil
}

func deleteManagers(r *run, c *call) error { return r.replaceConnections(c, r.managers(), nil) }

func setManagers(r *run, c *call) error { return r.replaceConnections(c, r.managers(), c.args) }

func needSSL(r *run, _ *call) error {
	r.need("Open_vSwitch", "ssl")
	r.need("SSL", "private_key", "certificate", "ca_cert", "bootstrap_ca_cert")
	return nil
}

func (r *run) ssl() *row {
	r.ovs.verify("ssl")
	if rows := r.rows(r.ovs, "ssl", "SSL"); len(rows) > 0 {
		return rows[0]
	}
	return nil
}

func getSSL(r *run, _ *call) error {
	x := r.ssl()
	if x == nil {
		return nil
	}
	x.verify("private_key", "certificate", "ca_cert", "bootstrap_ca_cert")
	r.println("Private key: " + x.str("private_key"))
	r.println("Certificate: " + x.str("certificate"))
	r.println("CA Certificate: " + x.str("ca_cert"))
	r.println("Bootstrap: " + x.get("bootstrap_ca_cert").String())
	return nil
}

func deleteSSL(r *run, _ *call) error {
	if x := r.ssl(); x != nil {
		r.txn.remove(x)
		r.ovs.write("ssl", ovsdb.Datum{})
	}
	return nil
}

func setSSL(r *run, c *call) error {
	if x := r.ssl(); x != nil {
		r.txn.remove(x)
	}
	x := r.txn.insert("SSL", ovsdb.UUID{}, false)
	for i, column := range []string{"private_key", "certificate", "ca_cert"} {
		x.write(column, ovsdb.Set(ovsdb.Str(c.args[i])))
	}
	x.write("bootstrap_ca_cert", ovsdb.Set(ovsdb.Bool(c.has("--bootstrap"))))
	r.ovs.writeRefs("ssl", x.uuid)
	return nil
}
