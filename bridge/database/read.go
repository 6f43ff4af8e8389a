package database

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"ofswitch/bridge"
	"ofswitch/ofp"
	"ofswitch/ovsdb"
	"ofswitch/stream"
)

// desired is what the rows ask for.
type desired struct {
	config bridge.Config
	// root is the row of Open_vSwitch; zero: there is none, and no bridge.
	root     row
	next     int64 // next_cfg: what cur_cfg is to be when all this is done
	current  int64 // cur_cfg
	bridges  []wantedBridge
	managers []wantedManager
	// warnings are lines about what is not as it could be, and harms nothing.
	warnings []string
	// statsInterval is how often statistics are written, and sysStats whether those of
	// the machine are among them.
	statsInterval time.Duration
	sysStats      bool
}

// wantedBridge is a row of table Bridge.
type wantedBridge struct {
	row         row
	name        string
	problem     string // why it is not in the Config; "": it is
	ports       []row
	interfaces  []wantedInterface
	controllers []wantedController
	mirrors     []row
}

// wantedInterface is a row of table Interface.
type wantedInterface struct {
	row     row
	name    string
	peer    string // options:peer
	problem string // why it is not in the Config; "": it is
	// prefer is the number that it had, 0 if it had none: a preference for a new one,
	// and no part of what is asked for.
	prefer ofp.PortNo
}

// wantedController is a row of table Controller.
type wantedController struct {
	row    row
	target string
}

// wantedManager is a row of table Manager.
type wantedManager struct {
	row    row
	remote ovsdb.Remote
}

// reader makes a desired of the rows.
type reader struct {
	view
	*desired
	recall *recall
	// owners say which port an interface is of, bridges which port is in.
	interfaces map[ovsdb.UUID]string
	ports      map[ovsdb.UUID]string
}

// read reads all rows. The same rows give the same, whatever m remembers.
func read(db *ovsdb.Database, m *recall) *desired {
	r := reader{
		view:       view{db},
		desired:    &desired{statsInterval: minStatsInterval},
		recall:     m,
		interfaces: make(map[ovsdb.UUID]string, db.Len("Interface")),
		ports:      make(map[ovsdb.UUID]string, db.Len("Port")),
	}
	root, ok := r.view.openVSwitch()
	if !ok {
		return r.desired
	}
	r.root = root
	r.unsupported("table Open_vSwitch", root, "datapaths")
	r.next, _ = root.number("next_cfg")
	r.current, _ = root.number("cur_cfg")
	r.readOtherConfig(root)
	r.readTLS(root)
	r.readManagers(root)
	for _, b := range byName(r.refs(root, "bridges", "Bridge")) {
		r.readBridge(b)
	}
	m.forget(db)
	return r.desired
}

// preferences are the numbers that interfaces had, by name.
func (d *desired) preferences() map[string]ofp.PortNo {
	m := map[string]ofp.PortNo{}
	for i := range d.bridges {
		for j := range d.bridges[i].interfaces {
			if w := &d.bridges[i].interfaces[j]; w.prefer != 0 {
				m[w.name] = w.prefer
			}
		}
	}
	return m
}

// byName puts rows into the order of their names: that of a set is by chance.
func byName(rows []row) []row {
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.text("name"), b.text("name")) })
	return rows
}

// warn notes a line.
func (r *reader) warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}

// unsupported notes which of the columns of a row ask for what is not there.
func (r *reader) unsupported(what string, of row, columns ...string) {
	for _, c := range columns {
		if !of.empty(c) {
			r.warn("%s: column %s asks for what this switch does not have, and is ignored", what, c)
		}
	}
}

// minStatsInterval is how often statistics are written at most, and by default
// (other_config:stats-update-interval).
const minStatsInterval = 5 * time.Second

func (r *reader) readOtherConfig(root row) {
	r.config.VLANLimit = 1
	other := root.pairs("other_config")
	for _, key := range sortedKeys(other) {
		value := other[key]
		switch key {
		case "stats-update-interval":
			ms, err := strconv.ParseInt(value, 10, 32)
			if err != nil {
				r.warn("other_config:%s=%s: want milliseconds; %d is used", key, value, minStatsInterval.Milliseconds())
				continue
			}
			r.statsInterval = max(minStatsInterval, time.Duration(ms)*time.Millisecond)
		case "enable-statistics":
			r.sysStats = value == "true"
		case "vlan-limit":
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 {
				r.warn("other_config:%s=%s: want a number of tags, 0 for as many as there may be; 1 is used", key, value)
				continue
			}
			r.config.VLANLimit = min(n, 2)
		case "kernel-path":
			if value != "true" && value != "false" {
				r.warn("other_config:%s=%s: want true or false; true is used", key, value)
			}
			r.config.NoKernelPath = value == "false"
		default:
			if !r.readThreads(key, value) {
				r.warn("Open_vSwitch other_config:%s is not known, and is ignored", key)
			}
		}
	}
}

func (r *reader) readTLS(root row) {
	ssl, ok := r.ref(root, "ssl", "SSL")
	if !ok {
		return
	}
	r.config.TLS = stream.Files{PrivateKey: ssl.text("private_key"), Certificate: ssl.text("certificate"), CACert: ssl.text("ca_cert")}
	r.unsupported("table SSL", ssl, "bootstrap_ca_cert")
}

func (r *reader) readManagers(root row) {
	rows := r.refs(root, "manager_options", "Manager")
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.text("target"), b.text("target")) })
	for _, m := range rows {
		r.managers = append(r.managers, wantedManager{m, ovsdb.Remote{Target: m.text("target"), MaxBackoff: m.milliseconds("max_backoff"), Probe: m.probe()}})
	}
}

// milliseconds is the duration in a column, 0 if there is none. What is longer than
// the 24 days that Open vSwitch has room for is that long: no sum or multiple of such
// durations overflows.
func (r row) milliseconds(column string) time.Duration {
	n, _ := r.number(column)
	return time.Duration(min(max(n, -math.MaxInt32), math.MaxInt32)) * time.Millisecond
}

// minProbe is the shortest inactivity probe: less would end connections to peers that
// are there.
const minProbe = time.Second

// probe is the duration in column inactivity_probe as bridge.Config has it: 0: the
// default; less: none.
func (r row) probe() time.Duration {
	n, ok := r.number("inactivity_probe")
	switch {
	case !ok:
		return 0
	case n <= 0:
		return -1
	}
	return max(r.milliseconds("inactivity_probe"), minProbe)
}
