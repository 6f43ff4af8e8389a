package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ofswitch/bridge"
	"ofswitch/ofp"
)

// qosOf finds the QoS of a port that was given before, and makes one if it has
// none. The bridge's own port may be named, too.
func (g *groups) qosOf(port string) (*bridge.QoS, error) {
	b, err := g.current()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(b.Ports, func(p bridge.Port) bool { return p.Name == port })
	if i < 0 {
		if port != b.Name {
			return nil, fmt.Errorf("bridge %s has no port %s; put --port %s before it", b.Name, port, port)
		}
		i = len(b.Ports)
		b.Ports = append(b.Ports, bridge.Port{Name: port, Type: bridge.TypeInternal})
	}
	p := &b.Ports[i]
	if p.QoS == nil {
		p.QoS = &bridge.QoS{Type: bridge.QoSHTB, OtherConfig: map[string]string{}, Queues: map[uint32]bridge.Queue{}}
	}
	return p.QoS, nil
}

// qos reads PORT[,COLUMN=VALUE]... Values are judged with the rest of the
// configuration.
func (g *groups) qos(s string) error {
	var port string
	columns, err := splitColumns(s, &port)
	if err != nil {
		return err
	}
	q, err := g.qosOf(port)
	if err != nil {
		return err
	}
	for _, c := range columns {
		if c.name == "type" {
			q.Type = c.value
			continue
		}
		q.OtherConfig[c.name] = c.value
	}
	return q.Check(port)
}

// queue reads PORT,ID[,COLUMN=VALUE]...
func (g *groups) queue(s string) error {
	port, rest, ok := strings.Cut(s, ",")
	if !ok {
		return errors.New("want PORT,ID[,min-rate=BITS][,max-rate=BITS]..., as eth1,1,max-rate=10000000")
	}
	var number string
	columns, err := splitColumns(rest, &number)
	if err != nil {
		return err
	}
	id, err := strconv.ParseUint(number, 10, 32)
	if err != nil || uint32(id) == ofp.QueueAll {
		return fmt.Errorf("queue %q: want a number from 0 to %d", number, ofp.QueueAll-1)
	}
	q, err := g.qosOf(port)
	if err != nil {
		return err
	}
	if _, twice := q.Queues[uint32(id)]; twice {
		return fmt.Errorf("port %s has a queue %d already; leave one out", port, id)
	}
	config := map[string]string{}
	for _, c := range columns {
		config[c.name] = c.value
	}
	q.Queues[uint32(id)] = bridge.Queue{OtherConfig: config}
	return q.Check(port)
}
