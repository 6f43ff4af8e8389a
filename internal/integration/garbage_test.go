package integration

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Peers that send garbage, never read, or come by the hundred cost themselves
// their connection: hosts go on, the tools too, and memory stays bounded.
func TestIntegrationGarbagePeers(t *testing.T) {
	l := newLab(t, 2)
	d := startSwitch(t, l, "--fail-mode", "secure")
	d.ctl("add-flow", "br0", "priority=1,actions=NORMAL")
	ping(t, l.Hosts[0], l.Hosts[1].IP.String())
	path := filepath.Join(d.dir, "br0.mgmt")
	dial := func() net.Conn {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	hello := []byte{4, 0, 0, 8, 0, 0, 0, 1}
	rng := rand.New(rand.NewPCG(1, 2))

	var peers []net.Conn
	for range 300 {
		c := dial()
		b := make([]byte, 4096)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		if rng.IntN(2) == 0 {
			copy(b, hello)
		}
		c.SetWriteDeadline(time.Now().Add(patience))
		c.Write(b) // the switch may have closed it already
		peers = append(peers, c)
	}
	// A peer that asks and never reads: echo requests of 60,000 bytes.
	deaf := dial()
	deaf.Write(hello)
	echo := make([]byte, 60000)
	echo[0], echo[1] = 4, 2
	binary.BigEndian.PutUint16(echo[2:], uint16(len(echo)))
	deaf.SetWriteDeadline(time.Now().Add(2 * time.Second))
	for {
		if _, err := deaf.Write(echo); err != nil {
			break // the switch no longer reads, as it should
		}
	}
	// Lengths that lie.
	for _, length := range []uint16{0, 7, 9, 65535} {
		c := dial()
		msg := append(bytes.Clone(hello), 4, 14, 0, 0, 0, 0, 0, 2)
		binary.BigEndian.PutUint16(msg[10:], length)
		c.Write(append(msg, make([]byte, 64)...))
		peers = append(peers, c)
	}

	ping(t, l.Hosts[0], l.Hosts[1].IP.String())
	transferTCP(t, l.Hosts[0], l.Hosts[1])
	if out := d.ctl("dump-flows", "br0"); !strings.Contains(out, "NORMAL") {
		t.Errorf("dump-flows during the attack:\n%s", out)
	}
	if rss := residentMB(t, d); rss > 512 {
		t.Errorf("the switch holds %d MiB", rss)
	}
	for _, c := range peers {
		c.Close()
	}
}

var rssLine = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)

// residentMB is the daemon's resident memory in MiB.
func residentMB(t *testing.T, d *daemon) int {
	t.Helper()
	status := readFile(t, fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	m := rssLine.FindStringSubmatch(status)
	if m == nil {
		t.Fatalf("no VmRSS in:\n%s", status)
	}
	kb, err := strconv.Atoi(m[1])
	if err != nil {
		t.Fatal(err)
	}
	return kb / 1024
}
