package bridge

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"ofswitch/ofp"
	"ofswitch/ofswitch"
)

// QoS is how a port shares its rate among queues (table QoS of
// ovs-vswitchd.conf.db(5)).
type QoS struct {
	// Type is QoSHTB, or "", which is the same.
	Type string
	// OtherConfig by key: "max-rate", which all queues share, in bits/s; by
	// default the device's speed, or 100 Mbit/s if it does not know one.
	OtherConfig map[string]string
	// Queues by id, 0 to 0xfffffffe. Queue 0 is that of the frames that no action
	// has given one, and is always there.
	Queues map[uint32]Queue
}

// QoSHTB is the type of QoS that there is: guaranteed and highest rates, excess
// shared by priority. The name is that of the kernel's scheduler; the work is
// done by the switch itself.
const QoSHTB = "linux-htb"

// Queue is one queue of a port (table Queue of ovs-vswitchd.conf.db(5)).
type Queue struct {
	// OtherConfig by key: "min-rate", "max-rate" in bits/s, "burst" in bits,
	// "priority" (0 comes before 1).
	OtherConfig map[string]string
}

// Check says what is wrong with the QoS of the port of this name, in a line for
// a person; nil: nothing.
func (q *QoS) Check(port string) error {
	_, err := q.compile(port)
	return err
}

// compile reads q, the QoS of the port of this name.
func (q *QoS) compile(port string) (*ofswitch.QoS, error) {
	if q.Type != "" && q.Type != QoSHTB {
		return nil, fmt.Errorf("port %s: QoS type %q is not known; use %s", port, q.Type, QoSHTB)
	}
	out := &ofswitch.QoS{Queues: map[uint32]ofswitch.QueueConfig{}}
	err := readNumbers(fmt.Sprintf("port %s: QoS", port), q.OtherConfig, map[string]*uint64{"max-rate": &out.MaxRate})
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Sorted(maps.Keys(q.Queues)) {
		if id == ofp.QueueAll {
			return nil, fmt.Errorf("port %s: %d is no queue id; use 0 to %d", port, id, ofp.QueueAll-1)
		}
		var c ofswitch.QueueConfig
		err := readNumbers(fmt.Sprintf("port %s: queue %d", port, id), q.Queues[id].OtherConfig, map[string]*uint64{
			"min-rate": &c.MinRate, "max-rate": &c.MaxRate, "burst": &c.Burst, "priority": &c.Priority,
		})
		if err != nil {
			return nil, err
		}
		out.Queues[id] = c
	}
	return out, nil
}

// maxRate is above what any device does; what is beyond is a slip.
const maxRate = 10e12

// readNumbers reads the values of a map into the places of the known keys.
func readNumbers(what string, from map[string]string, known map[string]*uint64) error {
	for _, key := range slices.Sorted(maps.Keys(from)) {
		to := known[key]
		if to == nil {
			return fmt.Errorf("%s: key %q is not known; known are %s", what, key, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		n, err := strconv.ParseUint(from[key], 10, 64)
		if err != nil || n > maxRate || n == 0 && key == "max-rate" {
			return fmt.Errorf("%s: %s=%s: want %s", what, key, from[key], numberWanted(key))
		}
		*to = n
	}
	return nil
}

// numberWanted says what the values of a key are.
func numberWanted(key string) string {
	switch key {
	case "priority":
		return "a number; the lowest comes first"
	case "burst":
		return "bits, as 80000"
	}
	return "bits per second, as 10000000"
}

// applyQoS makes the open port's queues those of its configuration. What
// stands in the way is in p.qosErr; the port goes on with the queues that it
// had.
func (p *livePort) applyQoS() {
	p.qosErr = nil
	if !p.open {
		return
	}
	var want *ofswitch.QoS
	if p.conf.QoS != nil {
		if want, p.qosErr = p.conf.QoS.compile(p.conf.Name); p.qosErr != nil {
			return
		}
	}
	if reflect.DeepEqual(p.qos, want) {
		return
	}
	if p.qosErr = p.bridge.of.SetQoS(p.no, want); p.qosErr == nil {
		p.qos = want
	}
}
