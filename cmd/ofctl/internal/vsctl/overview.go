package vsctl

import (
	"strings"

	"ofswitch/ovsdb"
)

// shown are the tables of "show": the column that names a row, and those that
// are printed if they are not empty. A column that refers to rows of one of these
// tables prints them, below.
var shown = map[string]struct {
	name    string
	columns []string
}{
	"Open_vSwitch": {"", []string{"manager_options", "bridges", "ovs_version"}},
	"Bridge":       {"name", []string{"controller", "datapath_type", "fail_mode", "ports"}},
	"Port":         {"name", []string{"tag", "trunks", "interfaces"}},
	"Interface":    {"name", []string{"type", "options", "error", "bfd_status"}},
	"Controller":   {"target", []string{"is_connected"}},
	"Manager":      {"target", []string{"is_connected"}},
}

func needShow(r *run, _ *call) error {
	for table, s := range shown {
		r.need(table, s.name)
		r.need(table, s.columns...)
	}
	return nil
}

func show(r *run, _ *call) error {
	r.showRow(r.ovs, "")
	return nil
}

func (r *run) showRow(x *row, indent string) {
	s := shown[x.table.Name]
	if s.name == "" {
		r.println(indent + x.uuid.String())
	} else {
		r.println(indent + x.table.Name + " " + x.table.Column(s.name).Type.Text(x.get(s.name)))
	}
	indent += strings.Repeat(" ", 4)
	for _, name := range s.columns {
		c, d := x.table.Column(name), x.get(name)
		if to := c.Type.Key.RefTable; c.Type.Key.Type == ovsdb.UUIDType && to != "" {
			for _, below := range r.rows(x, name, to) {
				r.showRow(below, indent)
			}
		} else if !c.Type.IsDefault(d) {
			r.println(indent + name + ": " + c.Type.Text(d))
		}
	}
}

// resetColumns are what emer-reset makes empty; resetTables lose all rows.
var (
	resetColumns = map[string][]string{
		"Open_vSwitch": {"manager_options", "ssl"},
		"Bridge":       {"controller", "fail_mode", "mirrors", "netflow", "sflow", "ipfix", "flood_vlans", "other_config"},
		"Port":         {"other_config"},
		"Interface":    {"ingress_policing_rate", "ingress_policing_burst"},
	}
	resetTables = []string{"Mirror", "Controller", "Manager", "NetFlow", "SSL", "sFlow", "IPFIX", "Flow_Sample_Collector_Set"}
)

func needReset(r *run, _ *call) error {
	for table, columns := range resetColumns {
		r.need(table, columns...)
	}
	for _, table := range resetTables {
		r.need(table)
	}
	return nil
}

func emergencyReset(r *run, _ *call) error {
	for table, columns := range resetColumns {
		for _, x := range r.txn.all(table) {
			for _, name := range columns {
				d := x.table.Column(name).Type.Default()
				if table == "Bridge" && name == "other_config" {
					// The bridge keeps its address.
					if hwaddr, ok := x.get(name).StringMap()["hwaddr"]; ok {
						d = ovsdb.Map(map[string]string{"hwaddr": hwaddr})
					}
				}
				x.write(name, d)
			}
		}
	}
	for _, table := range resetTables {
		for _, x := range r.txn.all(table) {
			r.txn.remove(x)
		}
	}
	r.forget()
	return nil
}
