package main

import (
	"bufio"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"ofswitch/internal/netlab"
)

func pingLines(o *options) []line {
	cs := []contender{{name: ours, start: startOurs("standalone", "")}}
	if o.base != "" {
		cs = append(cs, contender{name: oursBase, start: startBase("standalone", "")})
	}
	cs = append(cs, contender{name: ovs, start: startOVS("standalone", false)}, contender{name: bridge, start: startBridge})
	return []line{
		{name: "ping-host-host", unit: "µs", less: true, about: "round trip between two hosts, 500 a second", contenders: cs, length: second, measure: ping(host(0), host(1))},
		{name: "ping-host-local", unit: "µs", less: true, about: "round trip from a host to the switch's local port", contenders: cs, length: second, measure: ping(host(0), local)},
	}
}

// pingInterval is the pause between requests, in seconds.
const pingInterval = 0.002

// ping measures the median round trip at an even pace, and one after the other.
func ping(from, to endpoint) func(*setup, time.Duration) (measured, error) {
	return func(s *setup, length time.Duration) (m measured, err error) {
		if _, err := exec.LookPath("ping"); err != nil {
			return m, errMissing{"install the package iputils-ping"}
		}
		if err := s.addLocal(); err != nil {
			return m, err
		}
		client, _, _ := from(s)
		_, ip, _ := to(s)
		if err := s.reach(client, ip); err != nil {
			return m, err
		}
		n := strconv.Itoa(max(10, int(length.Seconds()/pingInterval)))
		paced, err := roundTrips(client, "-n", "-c", n, "-i", fmt.Sprint(pingInterval), ip.String())
		if err != nil {
			return m, err
		}
		chased, err := roundTrips(client, "-n", "-c", n, "-A", ip.String())
		if err != nil {
			return m, err
		}
		m.value = median(paced)
		m.more = map[string]float64{"µs one after the other": median(chased)}
		return m, nil
	}
}

// roundTrips are those that ping saw, in microseconds.
func roundTrips(ns *netlab.Namespace, args ...string) ([]float64, error) {
	out, err := ns.Run("ping", args...)
	var times []float64
	for sc := bufio.NewScanner(strings.NewReader(out)); sc.Scan(); {
		_, rest, ok := strings.Cut(sc.Text(), " time=")
		if !ok {
			continue
		}
		value, _, _ := strings.Cut(rest, " ")
		ms, parseErr := strconv.ParseFloat(value, 64)
		if parseErr != nil {
			return nil, fmt.Errorf("ping: %w in %q", parseErr, sc.Text())
		}
		times = append(times, 1e3*ms)
	}
	if err == nil && len(times) == 0 {
		err = errors.New("no times in what it says")
	}
	if err != nil {
		err = fmt.Errorf("ping %v: %w: %.300s", args, err, out)
	}
	return times, err
}
