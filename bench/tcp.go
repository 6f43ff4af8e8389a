package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"time"

	"ofswitch/internal/netlab"
)

// Addresses of the switch's local port.
var (
	localIP  = net.IPv4(10, 0, 0, 9).To4()
	localIP6 = net.IP{0xfd, 15: 9}
)

// endpoint is one end of a transfer.
type endpoint func(s *setup) (ns *netlab.Namespace, ip, ip6 net.IP)

func host(i int) endpoint {
	return func(s *setup) (*netlab.Namespace, net.IP, net.IP) {
		h := s.lab.Hosts[i]
		return h.Namespace, h.IP, h.IP6
	}
}

func local(s *setup) (*netlab.Namespace, net.IP, net.IP) { return s.lab.Switch, localIP, localIP6 }

func tcpLines(o *options) []line {
	cs := []contender{{name: ours, start: startOurs("standalone", "")}}
	if o.base != "" {
		cs = append(cs, contender{name: oursBase, start: startBase("standalone", "")})
	}
	cs = append(cs, contender{name: ovs, start: startOVS("standalone", true)}, contender{name: bridge, start: startBridge})
	with := func(name, about string, from, to endpoint, v6 bool) line {
		return line{name: name, unit: "Gbit/s", about: about, contenders: cs, length: 2 * second, measure: tcp(from, to, v6)}
	}
	return []line{
		with("tcp-host-host", "one TCP stream over IPv4 between two hosts with default offloads", host(0), host(1), false),
		with("tcp6-host-host", "the same over IPv6", host(0), host(1), true),
		with("tcp-local-host", "one TCP stream from the switch's local port to a host", local, host(0), false),
		with("tcp6-local-host", "the same over IPv6", local, host(0), true),
		with("tcp-host-local", "one TCP stream from a host to the switch's local port", host(0), local, false),
		with("tcp6-host-local", "the same over IPv6", host(0), local, true),
	}
}

// addLocal brings the switch's local port up, with addresses.
func (s *setup) addLocal() error {
	err := s.retry(func() error {
		out, err := s.lab.Switch.Run("ip", "link", "set", "br0", "up")
		if err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
		return err
	})
	if err != nil {
		return err
	}
	return errors.Join(s.lab.Switch.AddAddress("br0", localIP.String()+"/24"), s.lab.Switch.AddAddress("br0", localIP6.String()+"/64"))
}

// tcp measures one TCP stream with the hosts' offloads as they are, in Gbit/s
// as the receiver saw it.
func tcp(from, to endpoint, v6 bool) func(*setup, time.Duration) (measured, error) {
	return func(s *setup, length time.Duration) (m measured, err error) {
		if err := s.addLocal(); err != nil {
			return m, err
		}
		client, _, _ := from(s)
		server, ip, ip6 := to(s)
		if v6 {
			ip = ip6
		}
		if _, err := exec.LookPath("iperf3"); err != nil {
			return m, errMissing{"install the package iperf3"}
		}
		// The switch may take a moment to know its ports.
		if err := s.reach(client, ip); err != nil {
			return m, err
		}
		srv := exec.Command("iperf3", "-s", "-1")
		if err := server.Start(srv); err != nil {
			return m, err
		}
		defer srv.Wait()
		defer srv.Process.Kill() // no effect when it has ended after its one test
		// The server may take a moment to listen; then the client says so.
		err = s.retry(func() (err error) {
			m, err = iperfClient(s, client, ip, length)
			return err
		})
		return m, err
	}
}

// reach waits until an address answers.
func (s *setup) reach(from *netlab.Namespace, ip net.IP) error {
	err := s.retry(func() error { _, err := from.Run("ping", "-n", "-c", "1", "-W", "1", ip.String()); return err })
	if err != nil {
		err = fmt.Errorf("no answer from %s: %w", ip, err)
	}
	return err
}

// iperfClient runs one transfer: what the receiver got, in Gbit/s, the segments
// sent again, and the switch's processor time.
func iperfClient(s *setup, ns *netlab.Namespace, ip net.IP, length time.Duration) (m measured, err error) {
	cpu, err := s.cpu()
	if err != nil {
		return m, err
	}
	began := time.Now()
	// Whole seconds are all that -t takes; bytes are not what is compared.
	out, err := ns.Run("iperf3", "-c", ip.String(), "-J", "-t", strconv.Itoa(max(1, int(length.Seconds()))))
	var report struct {
		Error string `json:"error"`
		End   struct {
			SumReceived struct {
				BitsPerSecond float64 `json:"bits_per_second"`
			} `json:"sum_received"`
			SumSent struct {
				Retransmits float64 `json:"retransmits"`
			} `json:"sum_sent"`
		} `json:"end"`
	}
	if parseErr := json.Unmarshal([]byte(out), &report); err == nil {
		err = parseErr
	}
	if err != nil || report.Error != "" {
		return m, fmt.Errorf("iperf3: %v %s", err, report.Error)
	}
	after, err := s.cpu()
	m.value = report.End.SumReceived.BitsPerSecond / 1e9
	m.more = map[string]float64{"segments sent again": report.End.SumSent.Retransmits, "CPU, %": 100 * (after - cpu) / time.Since(began).Seconds()}
	return m, err
}
