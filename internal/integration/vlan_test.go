package integration

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
)

// VLANs, a fake bridge, a mirror and a bond, as ovs-vsctl sets them up, with the kernel's
// own stack at the other ends.
func TestIntegrationVLANs(t *testing.T) {
	l := newLab(t, 4)
	s := startWithDB(t, l.Switch, "")
	s.vsctl("add-br", "br0", "--", "add-port", "br0", "port1", "tag=5")
	s.vsctl("add-br", "br0v5", "br0", "5", "--", "add-port", "br0v5", "port2", "--", "add-port", "br0", "port3", "tag=6")
	mustRun(t, l.Switch, "ip", "address", "add", "10.0.0.9/24", "dev", "br0v5")
	mustRun(t, l.Switch, "ip", "link", "set", "br0v5", "up")
	h := l.Hosts
	ping(t, h[0], "10.0.0.2")
	ping(t, h[0], "10.0.0.9")
	noPing(t, h[0], "10.0.0.3")

	// The mirror's output gives its host copies of what is not for it, and nothing else.
	s.vsctl("add-port", "br0", "port4", "--", "--id=@out", "get", "port", "port4",
		"--", "--id=@m", "create", "mirror", "name=span", "select_all=true", "output_port=@out", "--", "set", "bridge", "br0", "mirrors=@m")
	received := func() int {
		_, line, _ := strings.Cut(mustRun(t, h[3].Namespace, "cat", "/proc/net/dev"), "eth0:")
		n, err := strconv.Atoi(strings.Fields(line)[1])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := received()
	ping(t, h[0], "10.0.0.2")
	if n := received() - before; n < 2 {
		t.Errorf("the mirror's output has sent %d frames of a ping, want 2 at least", n)
	}
	noPing(t, h[3], "10.0.0.9")
	testutil.Eventually(t, "statistics of the mirror", func() error {
		if got := s.get("mirror", "span", "statistics"); !strings.Contains(got, "tx_bytes=") || strings.Contains(got, "tx_packets=0") {
			return fmt.Errorf("they are %s", got)
		}
		return nil
	})

	// Of two hosts at a bond the one at the active member can be reached.
	s.vsctl("clear", "bridge", "br0", "mirrors", "--", "del-port", "port3", "--", "del-port", "port4",
		"--", "add-bond", "br0", "bond0", "port3", "port4", "tag=5", "bond_mode=active-backup", "other_config:bond-primary=port3")
	address := func(port string) string {
		_, line, _ := strings.Cut(mustRun(t, l.Switch, "ip", "-o", "link", "show", "dev", port), "link/ether ")
		return `"` + strings.Fields(line)[0] + `"`
	}
	active := func(port string) {
		t.Helper()
		testutil.Eventually(t, "another active member", func() error {
			if got, want := s.get("port", "bond0", "bond_active_slave"), address(port); got != want {
				return fmt.Errorf("it is %s, want %s, that of %s", got, want, port)
			}
			return nil
		})
	}
	active("port3")
	ping(t, h[0], "10.0.0.3")
	noPing(t, h[0], "10.0.0.4")
	mustRun(t, h[2].Namespace, "ip", "link", "set", "eth0", "down")
	active("port4")
	ping(t, h[0], "10.0.0.4")
	s.vsctl("del-br", "br0v5")
	noPing(t, h[0], "10.0.0.9")
}
