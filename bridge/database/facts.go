package database

import (
	"bufio"
	"os"
	"strings"

	"ofswitch/bridge"
	"ofswitch/ovsdb"
)

// Release is the version of Open vSwitch whose behaviour and schema this switch
// has, as column ovs_version of table Open_vSwitch tells it: tools compare it with
// numbers of their own.
const Release = "3.1.0"

// facts are what columns of Open_vSwitch tell of the program and its machine.
type facts struct {
	runDir, dbVersion         string
	systemType, systemVersion string
}

func (r *Reconciler) facts(db *ovsdb.Database) facts {
	if r.machine == nil {
		r.machine = osRelease("/etc/os-release")
	}
	return facts{runDir: r.o.RunDir, dbVersion: db.Schema().Version, systemType: r.machine["ID"], systemVersion: r.machine["VERSION_ID"]}
}

// interfaceTypes are column iface_types.
func interfaceTypes() ovsdb.Datum {
	return texts("system", bridge.TypeInternal, bridge.TypeTap, bridge.TypePatch)
}

// values are columns that depend on nothing in the database but whether somebody has
// set them.
func (f facts) values(root row) ovsdb.Values {
	v := ovsdb.Values{
		"ovs_version":      text(Release),
		"db_version":       optional(f.dbVersion),
		"datapath_types":   texts(datapathTypes...),
		"iface_types":      interfaceTypes(),
		"dpdk_initialized": boolean(false),
		"dpdk_version":     text("none"),
	}
	if root.empty("system_type") {
		v["system_type"] = optional(f.systemType)
	}
	if root.empty("system_version") {
		v["system_version"] = optional(f.systemVersion)
	}
	return v
}

// identity are the keys of external_ids that Open vSwitch's start script sets, as
// far as nobody has: whoever manages many switches knows them apart by system-id,
// which stays in the database.
func (f facts) identity(root row) map[string]string {
	has := root.pairs("external_ids")
	add := map[string]string{}
	if has["system-id"] == "" {
		add["system-id"] = ovsdb.NewUUID().String()
	}
	if host, err := os.Hostname(); err == nil && has["hostname"] == "" {
		add["hostname"] = host
	}
	if has["rundir"] == "" {
		add["rundir"] = f.runDir
	}
	return add
}

// osRelease reads a file as os-release(5) has it. A machine without one has no name.
func osRelease(path string) map[string]string {
	m := map[string]string{}
	f, err := os.Open(path)
	if err != nil {
		return m
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), "="); ok {
			m[k] = strings.Trim(v, `"'`)
		}
	}
	return m
}
