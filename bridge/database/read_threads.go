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
	"pmd-rxq-isolate":       "no thread is set aside for single queues",
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
	default:
		why, known := threadsElsewhere[key]
		if known {
			r.warn("other_config:%s has no effect in this switch: %s", key, why)
		}
		return known
	}
	return true
}
