package database

import (
	"reflect"
	"slices"
	"strings"

	"ofswitch/bridge"
	"ofswitch/ofp"
	"ofswitch/ovsdb"
)

// recall is what a Reconciler need not do again. Rows are immutable: the same *Row
// says what it said. It makes a round cost little more than what is new in it, however
// many ports there are, and changes nothing in what comes of it.
type recall struct {
	ports   map[ovsdb.UUID]*portRead // by row of table Port
	bridges map[ovsdb.UUID]*portList // by row of table Bridge
	told    map[ovsdb.UUID]told      // by row of table Interface
}

func newRecall() *recall {
	return &recall{ports: map[ovsdb.UUID]*portRead{}, bridges: map[ovsdb.UUID]*portList{}, told: map[ovsdb.UUID]told{}}
}

// portRead is what a row of table Port and its interfaces ask for.
type portRead struct {
	port            *ovsdb.Row
	name            string
	bridge, problem string // name of the bridge, and what is wrong with it
	interfaces      []wantedInterface
	confs           []bridge.Port
}

// portList are the ports of a bridge, and the portReads that they are of.
type portList struct {
	confs [][]bridge.Port
	ports []bridge.Port
}

// told is a row of table Interface that has all there is to say.
type told struct {
	row                             *ovsdb.Row
	problem, peer, bridge, datapath string
	state                           bridge.PortState // zero: the switch has no such port
}

// remembered is what has been read of a port, if that still holds.
func (r *reader) remembered(w *wantedBridge, p row) *portRead {
	known := r.recall.ports[p.UUID]
	if known == nil || known.port != p.Row || known.bridge != w.name || known.problem != w.problem {
		return nil
	}
	for i := range known.interfaces {
		of := &known.interfaces[i].row
		if _, taken := r.interfaces[of.UUID]; taken || r.db.Row(of.table.Name, of.UUID) != of.Row {
			return nil
		}
	}
	return known
}

// readPorts reads the ports of a bridge in the order of their names.
func (r *reader) readPorts(b *bridge.Bridge, w *wantedBridge) {
	type named struct {
		row
		name string
	}
	rows := r.refs(w.row, "ports", "Port")
	list := make([]named, len(rows))
	for i, p := range rows {
		list[i].row = p
		if known := r.recall.ports[p.UUID]; known != nil && known.port == p.Row {
			list[i].name = known.name
		} else {
			list[i].name = p.text("name")
		}
	}
	slices.SortFunc(list, func(a, b named) int { return strings.Compare(a.name, b.name) })
	w.interfaces, w.ports = make([]wantedInterface, 0, len(list)), make([]row, 0, len(list))
	confs := make([][]bridge.Port, 0, len(list))
	for _, p := range list {
		if other, taken := r.ports[p.UUID]; taken {
			r.warn("port %s is in bridge %s and in %s; it belongs to the first", p.name, other, w.name)
			continue
		}
		r.ports[p.UUID] = w.name
		read := r.remembered(w, p.row)
		if read == nil {
			read = r.readAgain(b, w, p.row)
		}
		for i := range read.interfaces {
			r.interfaces[read.interfaces[i].row.UUID] = p.name
		}
		w.interfaces = append(w.interfaces, read.interfaces...)
		w.ports = append(w.ports, p.row)
		confs = append(confs, read.confs)
	}
	b.Ports = r.recall.join(w.row.UUID, confs)
}

// readAgain reads a port, and remembers it if only its rows counted. Ports that are
// what they were stay the same, whatever else is new in the rows.
func (r *reader) readAgain(b *bridge.Bridge, w *wantedBridge, p row) *portRead {
	read, lasting := r.readPort(b, w, p)
	if !lasting {
		delete(r.recall.ports, p.UUID)
		return &read
	}
	if was := r.recall.ports[p.UUID]; was != nil && reflect.DeepEqual(was.confs, read.confs) {
		read.confs = was.confs
	}
	r.recall.ports[p.UUID] = &read
	return &read
}

// join makes one list of the ports of a bridge: the last one, if they are the same.
func (m *recall) join(of ovsdb.UUID, confs [][]bridge.Port) []bridge.Port {
	same := func(a, b []bridge.Port) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }
	if last := m.bridges[of]; last != nil && slices.EqualFunc(last.confs, confs, same) {
		return last.ports
	}
	list := slices.Concat(confs...)
	m.bridges[of] = &portList{confs, list}
	return list
}

// nothingNew says whether a row has been told all that there is.
func (m *recall) nothingNew(of ovsdb.UUID, now *told) bool {
	was, ok := m.told[of]
	if !ok || was.row != now.row || was.problem != now.problem || was.peer != now.peer || was.bridge != now.bridge || was.datapath != now.datapath {
		return false
	}
	a, b := &was.state, &now.state
	return sameCounters(a.Stats, b.Stats) && a.PortStatus == b.PortStatus && a.Type == b.Type && a.Driver == b.Driver && a.LinkResets == b.LinkResets &&
		reflect.DeepEqual(a.Device, b.Device)
}

// sameCounters says whether now, nil if they were not asked for, counts as before.
func sameCounters(before, now *ofp.PortStats) bool {
	if before == nil || now == nil {
		return now == nil
	}
	a, b := *before, *now
	a.DurationSec, a.DurationNsec = b.DurationSec, b.DurationNsec
	return a == b
}

// forget drops what is of rows that are gone.
func (m *recall) forget(db *ovsdb.Database) {
	drop(m.ports, db, "Port")
	drop(m.bridges, db, "Bridge")
	drop(m.told, db, "Interface")
}

// drop deletes from m what is of rows that are not in a table any more. It looks only
// when m has grown beyond the table.
func drop[V any](m map[ovsdb.UUID]V, db *ovsdb.Database, table string) {
	if len(m) <= db.Len(table) {
		return
	}
	for u := range m {
		if db.Row(table, u) == nil {
			delete(m, u)
		}
	}
}
