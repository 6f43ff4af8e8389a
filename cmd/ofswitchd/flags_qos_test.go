package main

import (
	"reflect"
	"strings"
	"testing"

	"ofswitch/bridge"
)

func TestQoSFlags(t *testing.T) {
	o, err := parse("--db", "none", "--bridge", "br0", "--port", "eth0@3", "--qos", "eth0,max-rate=100000000", "--port", "eth1",
		"--queue", "eth0,0,max-rate=1000000", "--queue", "eth0,5,min-rate=2000000,burst=80000,priority=1",
		"--queue", "br0,1,max-rate=7", "--queue", "eth1,4294967294")
	if err != nil {
		t.Fatal(err)
	}
	config := func(s string) map[string]string {
		m := map[string]string{}
		for _, kv := range strings.Fields(s) {
			k, v, _ := strings.Cut(kv, "=")
			m[k] = v
		}
		return m
	}
	queues := func(q map[uint32]string) map[uint32]bridge.Queue {
		m := map[uint32]bridge.Queue{}
		for id, s := range q {
			m[id] = bridge.Queue{OtherConfig: config(s)}
		}
		return m
	}
	want := []bridge.Port{
		{Name: "eth0", Request: 3, QoS: &bridge.QoS{Type: "linux-htb", OtherConfig: config("max-rate=100000000"),
			Queues: queues(map[uint32]string{0: "max-rate=1000000", 5: "min-rate=2000000 burst=80000 priority=1"})}},
		{Name: "eth1", QoS: &bridge.QoS{Type: "linux-htb", OtherConfig: config(""), Queues: queues(map[uint32]string{4294967294: ""})}},
		{Name: "br0", Type: "internal", QoS: &bridge.QoS{Type: "linux-htb", OtherConfig: config(""), Queues: queues(map[uint32]string{1: "max-rate=7"})}},
	}
	if got := o.config.Bridges[0].Ports; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestQoSFlagErrors(t *testing.T) {
	for _, c := range []struct{ flag, value, want string }{
		{"--qos", "eth9,max-rate=1", "put --port eth9 before it"},
		{"--queue", "eth9,1", "put --port eth9 before it"},
		{"--queue", "eth0", "want PORT,ID"},
		{"--queue", "eth0,x", "want a number from 0 to 4294967294"},
		{"--queue", "eth0,4294967295", "want a number from 0 to 4294967294"},
		{"--queue", "eth0,1,max-rate", "is no COLUMN=VALUE"},
		{"--queue", "eth0,1,max-rate=0", "bits per second"},
		{"--queue", "eth0,1,max-rate=10M", "bits per second"},
		{"--queue", "eth0,1,max-rate=-1", "bits per second"},
		{"--queue", "eth0,1,max-rate=99999999999999", "bits per second"},
		{"--queue", "eth0,1,rate=1", "known are burst, max-rate, min-rate, priority"},
		{"--queue", "eth0,1,priority=high", "the lowest comes first"},
		{"--queue", "eth0,1,burst=many", "bits, as"},
		{"--qos", "eth0,min-rate=1", "known are max-rate"},
		{"--qos", "eth0,type=linux-hfsc", "use linux-htb"},
	} {
		_, err := parse("--db", "none", "--bridge", "br0", "--port", "eth0", c.flag, c.value)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: got %v, want %q", c.flag, c.value, err, c.want)
		}
	}
	if _, err := parse("--db", "none", "--bridge", "br0", "--port", "eth0", "--queue", "eth0,1", "--queue", "eth0,1"); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("a queue twice: %v", err)
	}
}
