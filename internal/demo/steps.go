package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"ofswitch/internal/netlab"
)

func (d *demo) hosts() (err error) {
	if d.lab, err = netlab.New(3); err != nil {
		return err
	}
	for _, h := range d.lab.Hosts {
		fmt.Printf("   %s %s/24 eth0 <-> %s of the switch\n", h.Name, h.IP, h.Port)
	}
	return nil
}

func (d *demo) start() error {
	args := []string{"--run-dir", d.dir, "--db", "none", "--bridge", "br0"}
	for _, h := range d.lab.Hosts {
		args = append(args, "--port", h.Port)
	}
	fmt.Println("   $ ofswitchd", strings.Join(args, " "))
	return d.startSwitch(args...)
}

func (d *demo) pings() error {
	for _, from := range d.lab.Hosts {
		for _, to := range d.lab.Hosts {
			if from == to {
				continue
			}
			first, err := d.ping(from, to)
			if err != nil {
				return err
			}
			next, err := d.ping(from, to)
			if err != nil {
				return err
			}
			fmt.Printf("   %s -> %s  first %4d µs, next %4d µs\n", from.Name, to.Name, first.Microseconds(), next.Microseconds())
		}
	}
	return nil
}

func (d *demo) macs() error {
	out, err := d.ofctl("fdb/show", "br0")
	if err != nil {
		return err
	}
	for i := range d.lab.Hosts {
		if mac := fmt.Sprintf("02:00:00:00:00:%02x", i+1); !strings.Contains(out, mac) {
			return fmt.Errorf("the address %s of h%d is missing", mac, i+1)
		}
	}
	return nil
}

func (d *demo) tcp() error {
	from, to := d.lab.Hosts[0], d.lab.Hosts[1]
	bytes, took, err := d.transfer(from, to, 2*time.Second)
	if err != nil {
		return err
	}
	fmt.Printf("   %s -> %s  %.1f MB in %.2f s: %.2f Gbit/s\n", from.Name, to.Name,
		float64(bytes)/1e6, took.Seconds(), float64(bytes)*8/1e9/took.Seconds())
	return nil
}

func (d *demo) flow() error {
	if _, err := d.ofctl("add-flow", "br0", "priority=100,icmp,nw_src=10.0.0.1,nw_dst=10.0.0.3,actions=drop"); err != nil {
		return err
	}
	h := d.lab.Hosts
	if _, err := d.ping(h[0], h[2]); !errors.Is(err, errNoAnswer) {
		return fmt.Errorf("h1 still reaches h3: %v", err)
	}
	fmt.Println("   h1 -> h3  no answer, as the entry says")
	rtt, err := d.ping(h[0], h[1])
	if err != nil {
		return err
	}
	fmt.Printf("   h1 -> h2  %d µs, as before\n", rtt.Microseconds())
	return nil
}

var dropLine = regexp.MustCompile(`n_packets=(\d+).*nw_dst=10\.0\.0\.3 actions=drop`)

func (d *demo) flows() error {
	out, err := d.ofctl("dump-flows", "br0")
	if err != nil {
		return err
	}
	m := dropLine.FindStringSubmatch(out)
	if m == nil {
		return errors.New("the entry added above is missing")
	}
	if m[1] != strconv.Itoa(pingTries) {
		return fmt.Errorf("h1 sent %d echo requests to h3, the entry counted %s", pingTries, m[1])
	}
	fmt.Printf("   h1 sent %d echo requests to h3, the entry counted %s.\n", pingTries, m[1])
	return nil
}

func (d *demo) ports() error {
	_, err := d.ofctl("dump-ports", "br0")
	return err
}

func (d *demo) stop() error {
	if err := d.sw.stop(); err != nil {
		return err
	}
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("the switch left %s behind", entries[0].Name())
	}
	left, err := d.lab.Switch.Links()
	if err != nil {
		return err
	}
	for _, name := range left {
		if name == "br0" {
			return errors.New("the switch left its device br0 behind")
		}
	}
	fmt.Println("   left in the switch's namespace:", strings.Join(left, " "))
	return nil
}
