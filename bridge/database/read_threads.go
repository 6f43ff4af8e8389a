package database

import (
	"fmt"
	"strconv"

	"ofswitch/bridge"
	"ofswitch/ofswitch"
)

// threadsElsewhere are keys of Open_vSwitch.other_config about threads that this switch does
// not have.
var threadsElsewhere = map[string]string{
	"n-handler-threads":     "forwarding threads translate flows themselves",
	"n-revalidator-threads": "forwarding threads look after their caches themselves",
	"pmd-rxq-assign":        "queues are shared out by what each costs",
	"pmd-auto-lb":           "queues are always shared out anew where that helps",
	"pmd-maxsleep":          "forwarding threads sleep as long as there are no frames",
	"pmd-sleep-max":         "forwarding threads sleep as long as there are no frames",
	"pmd-perf-metrics":      "what is measured is always measured",
}

// readThreads reads a key about forwarding threads. It says no where it does not know the
// key.
func (r *reader) readThreads(key, value string) bool {
	t := &r.config.Threads
	switch key {
	case "n-workers":
		n, err := strconv.Atoi(value)
		if err == nil {
			err = ofswitch.CheckWorkers(n)
		} else {
			err = fmt.Errorf("want a number from 1 to %d", ofswitch.MaxWorkers)
		}
		if err != nil {
			r.warn("other_config:%s=%s: %v; as many as without it are used", key, value, err)
			return true
		}
		t.Workers = n
	case "pmd-cpu-mask":
		cpus, err := bridge.ParseCPUMask(value)
		if err != nil {
			r.warn("other_config:%s: %v; forwarding threads are bound to none", key, err)
			return true
		}
		t.CPUs = cpus
	case "pmd-busy-poll":
		if value != "true" && value != "false" {
			r.warn("other_config:%s=%s: want true or false; false is used", key, value)
		}
		t.BusyPoll = value == "true"
	case "pmd-rxq-isolate":
		if value != "true" && value != "false" {
			r.warn("other_config:%s=%s: want true or false; true is used", key, value)
		}
		t.Shared = value == "false"
	default:
		why, known := threadsElsewhere[key]
		if known {
			r.warn("other_config:%s has no effect in this switch: %s", key, why)
		}
		return known
	}
	return true
}

// readRxAffinity reads other_config:pmd-rxq-affinity of an interface.
func (r *reader) readRxAffinity(what string, i row, p *bridge.Port) {
	const key = "pmd-rxq-affinity"
	value, ok := i.pairs("other_config")[key]
	if !ok {
		return
	}
	m, err := bridge.ParseRxAffinity(value)
	switch {
	case err != nil:
		r.warn("%s: other_config:%s: %v; its queues are shared out", what, key, err)
	case p.Type == bridge.TypePatch:
		r.warn("%s: other_config:%s: a patch port has no receive queues", what, key)
	default:
		p.RxAffinity = m
	}
}
