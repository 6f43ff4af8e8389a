package vsctl

import (
	"fmt"
	"strconv"
	"strings"

	"ofswitch/ovsdb"
)

// Datapaths: what they are capable of, and their connection tracking zones.

func needCapabilities(r *run, _ *call) error {
	r.need("Open_vSwitch", "datapaths")
	r.need("Datapath", "capabilities")
	return nil
}

func needZones(r *run, _ *call) error {
	r.need("Open_vSwitch", "datapaths")
	r.need("Datapath", "ct_zones")
	r.need("CT_Zone", "timeout_policy")
	r.need("CT_Timeout_Policy", "timeouts")
	return nil
}

// datapath is a datapath by its type; nil: there is none.
func (r *run) datapath(name string) *row {
	a, ok := r.ovs.get("datapaths").Get(ovsdb.Str(name))
	if !ok {
		return nil
	}
	return r.txn.row("Datapath", a.UUID)
}

func listCapabilities(r *run, c *call) error {
	dp := r.datapath(c.args[0])
	if dp == nil {
		return fmt.Errorf("datapath %q record not found", c.args[0])
	}
	d := dp.get("capabilities")
	var words []string
	for i, k := range d.Keys {
		words = append(words, k.Str+"="+d.Values[i].Str)
	}
	r.println(strings.Join(words, " "))
	return nil
}

func listZones(r *run, c *call) error {
	dp := r.datapath(c.args[0])
	if dp == nil {
		return fmt.Errorf("datapath: %s record not found", c.args[0])
	}
	zones := dp.get("ct_zones")
	for i, id := range zones.Keys {
		text := "system default"
		if zone := r.txn.row("CT_Zone", zones.Values[i].UUID); zone != nil {
			if policies := r.rows(zone, "timeout_policy", "CT_Timeout_Policy"); len(policies) > 0 {
				text = (&ovsdb.ColumnType{}).Bare(policies[0].get("timeouts"))
			}
		}
		r.println(fmt.Sprintf("Zone:%d, Timeout Policies: %s", id.Int, text))
	}
	return nil
}

// zone reads the arguments DATAPATH zone=ID and finds both. at is the zone; nil:
// there is none.
func (r *run) zone(c *call) (dp *row, id ovsdb.Atom, at *row, err error) {
	text, ok := strings.CutPrefix(c.args[1], "zone=")
	n, bad := strconv.ParseInt(text, 10, 64)
	dp = r.datapath(c.args[0])
	switch {
	case dp == nil:
		return nil, id, nil, fmt.Errorf("datapath %s does not exist", c.args[0])
	case !ok || bad != nil:
		return nil, id, nil, fmt.Errorf("%s: want zone=ID, with a number", c.args[1])
	}
	id = ovsdb.Int(n)
	dp.verify("ct_zones")
	if ref, ok := dp.get("ct_zones").Get(id); ok {
		at = r.txn.row("CT_Zone", ref.UUID)
	}
	return dp, id, at, nil
}

func addZone(r *run, c *call) error {
	dp, id, zone, err := r.zone(c)
	if err != nil {
		return err
	}
	if zone != nil && !c.has("--may-exist") {
		return fmt.Errorf("zone id %d already exists", id.Int)
	}
	t := &r.schema.Tables["CT_Timeout_Policy"].Column("timeouts").Type
	var timeouts ovsdb.Datum
	for _, arg := range c.args[2:] {
		d, err := t.ParseText(arg, nil)
		if err != nil {
			return err
		}
		timeouts = timeouts.Union(d)
	}
	var policy *row
	for _, p := range r.txn.all("CT_Timeout_Policy") {
		if p.get("timeouts").Equal(timeouts) {
			p.verify("timeouts")
			policy = p
		}
	}
	if policy == nil {
		policy = r.txn.insert("CT_Timeout_Policy", ovsdb.UUID{}, false)
		policy.write("timeouts", timeouts)
	}
	if zone == nil {
		zone = r.txn.insert("CT_Zone", ovsdb.UUID{}, false)
		pair := ovsdb.Datum{Keys: []ovsdb.Atom{id}, Values: []ovsdb.Atom{ovsdb.Ref(zone.uuid)}}
		dp.write("ct_zones", dp.get("ct_zones").Union(pair))
	}
	zone.writeRefs("timeout_policy", policy.uuid)
	return nil
}

func deleteZone(r *run, c *call) error {
	dp, id, zone, err := r.zone(c)
	if err != nil {
		return err
	}
	if zone == nil {
		if c.has("--if-exists") {
			return nil
		}
		return fmt.Errorf("zone id %d does not exist", id.Int)
	}
	dp.write("ct_zones", dp.get("ct_zones").Subtract(ovsdb.Set(id)))
	return nil
}
