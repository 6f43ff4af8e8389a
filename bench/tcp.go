package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os/exec"
	"strconv"

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

// tcp measures one TCP stream with the hosts' offloads as they are, in Gbit/s
// as the receiver saw it.
func tcp(from, to endpoint, v6 bool) func(*setup, int) (float64, error) {
	return func(s *setup, seconds int) (float64, error) {
		client, _, _ := from(s)
		server, ip, ip6 := to(s)
		if v6 {
			ip = ip6
		}
		// The switch may take a moment to know its ports.
		if err := retry(func() error { _, err := client.Run("ping", "-n", "-c", "1", "-W", "1", ip.String()); return err }); err != nil {
			return 0, fmt.Errorf("no answer from %s: %w", ip, err)
		}
		srv := exec.Command("iperf3", "-s", "-1")
		if err := server.Start(srv); err != nil {
			return 0, err
		}
		defer srv.Wait()
		defer srv.Process.Kill() // no effect when it has ended after its one test
		var rate float64
		// The server may take a moment to listen; then the client says so.
		err := retry(func() (err error) {
			rate, err = iperfClient(client, ip, seconds)
			return err
		})
		return rate, err
	}
}

// iperfClient runs one transfer and returns what the receiver got, in Gbit/s.
func iperfClient(ns *netlab.Namespace, ip net.IP, seconds int) (float64, error) {
	out, err := ns.Run("iperf3", "-c", ip.String(), "-J", "-t", strconv.Itoa(seconds))
	var report struct {
		Error string `json:"error"`
		End   struct {
			SumReceived struct {
				BitsPerSecond float64 `json:"bits_per_second"`
			} `json:"sum_received"`
		} `json:"end"`
	}
	if parseErr := json.Unmarshal([]byte(out), &report); err == nil {
		err = parseErr
	}
	if err != nil || report.Error != "" {
		return 0, fmt.Errorf("iperf3: %v %s", err, report.Error)
	}
	return report.End.SumReceived.BitsPerSecond / 1e9, nil
}
