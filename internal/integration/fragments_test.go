package integration

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"ofswitch/internal/netlab"
	"ofswitch/internal/testutil"
)

// Flows that look at transport fields carry datagrams longer than the MTU only where
// fragments are reassembled; the kernel's own stacks are at both ends.
func TestIntegrationReassembledPing(t *testing.T) {
	l := newLab(t, 2)
	d := startSwitch(t, l, "--fail-mode", "secure")
	for _, f := range []string{
		"priority=9,arp,actions=NORMAL",
		"priority=9,icmp6,icmp_type=135,actions=NORMAL", "priority=9,icmp6,icmp_type=136,actions=NORMAL",
		"in_port=1,icmp,icmp_type=8,actions=output:2", "in_port=2,icmp,icmp_type=0,actions=output:1",
		"in_port=1,icmp6,icmp_type=128,actions=output:2", "in_port=2,icmp6,icmp_type=129,actions=output:1",
	} {
		d.ctl("add-flow", "br0", f)
	}
	if got := strings.TrimSpace(d.ctl("get-frags", "br0")); got != "normal" {
		t.Errorf("get-frags: %q, want normal", got)
	}
	from := l.Hosts[0]
	ip4, ip6 := l.Hosts[1].IP.String(), l.Hosts[1].IP6.String()
	ping(t, from, ip4)
	ping(t, from, ip6)
	big := func(to string, wait string) (string, error) {
		return from.Run("ping", "-n", "-c", "1", "-W", wait, "-s", "4000", to)
	}
	for _, mode := range []string{"normal", "drop"} {
		d.ctl("set-frags", "br0", mode)
		for _, to := range []string{ip4, ip6} {
			if out, err := big(to, "1"); err == nil {
				t.Errorf("%s: 4000 bytes to %s pass flows that match their ICMP type:\n%s", mode, to, out)
			}
		}
	}
	d.ctl("set-frags", "br0", "reassemble")
	if got := strings.TrimSpace(d.ctl("get-frags", "br0")); got != "reassemble" {
		t.Errorf("get-frags: %q, want reassemble", got)
	}
	for _, to := range []string{ip4, ip6} {
		testutil.Eventually(t, "4000 bytes to "+to, func() error {
			if out, err := big(to, "2"); err != nil {
				return fmt.Errorf("%w\n%s", err, out)
			}
			return nil
		})
	}
}

// UDP through flows that translate addresses and ports both ways, as a controller's
// NAT does, with datagrams of one frame and of several. What the switch sends to a
// device without offloads has right checksums. (The running kernel's SCTP is not
// needed elsewhere and may be missing: its checksums are judged in the tests of
// ofswitch.)
func TestIntegrationTranslatedUDP(t *testing.T) {
	testutil.NeedProgram(t, "tshark", "tshark")
	l := newLab(t, 1)
	d := startSwitch(t, l, "--fail-mode", "secure", "--port", "br0,type=internal,options:io=plain")
	mustRun(t, l.Switch, "ip", "addr", "add", "10.0.0.9/24", "dev", "br0")
	host := l.Hosts[0]
	_, mac, _ := strings.Cut(mustRun(t, l.Switch, "ip", "-o", "link", "show", "br0"), "link/ether ")
	mac, _, _ = strings.Cut(mac, " ")
	mustRun(t, host.Namespace, "ip", "neigh", "add", "10.0.0.100", "lladdr", mac, "dev", "eth0")
	for _, f := range []string{
		"arp,actions=NORMAL",
		"in_port=1,udp,nw_dst=10.0.0.100,tp_dst=7000,actions=set_field:10.0.0.9->ip_dst,set_field:9000->udp_dst,dec_ttl,LOCAL",
		"in_port=LOCAL,udp,nw_src=10.0.0.9,tp_src=9000,actions=set_field:10.0.0.100->ip_src,set_field:7000->udp_src,dec_ttl,output:1",
	} {
		d.ctl("add-flow", "br0", f)
	}
	d.ctl("set-frags", "br0", "reassemble")

	server := listenUDP(t, l.Switch, "10.0.0.9:9000")
	go echo(server)
	var client net.Conn
	if err := host.Do(func() (err error) {
		client, err = net.Dial("udp4", "10.0.0.100:7000")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })

	capt := startCapture(t, l.Switch, "br0", "udp or (ip[6:2] & 0x1fff != 0)")
	buf := make([]byte, 1<<16)
	for _, n := range []int{1, 1000, 1472, 1473, 5000, 60000} {
		data := bytes.Repeat([]byte{byte(n), 0xa5, 3}, n/3+1)[:n]
		testutil.Eventually(t, fmt.Sprintf("%d bytes and back", n), func() error {
			if _, err := client.Write(data); err != nil {
				return err
			}
			if err := client.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
				return err
			}
			for {
				got, err := client.Read(buf)
				if err != nil {
					return err
				}
				if bytes.Equal(buf[:got], data) {
					return nil
				}
			}
		})
	}
	testutil.Wait(t, "tcpdump to have written all", func() bool {
		info, err := os.Stat(capt.file)
		return err == nil && info.Size() > 2*68_000 // both ways
	})
	file := capt.stop()
	const toUs = "ip.dst == 10.0.0.9 && "
	if n := len(tshark(t, file, toUs+`udp.checksum.status == "Good"`, "frame.number")); n < 6 {
		t.Errorf("%d datagrams with a good checksum were captured, want 6 at least", n)
	}
	if bad := tshark(t, file, toUs+`(udp.checksum.status == "Bad" || ip.checksum.status == "Bad")`, "frame.number"); len(bad) > 0 {
		t.Errorf("frames with bad checksums: %v", bad)
	}
}

func listenUDP(t *testing.T, ns *netlab.Namespace, addr string) net.PacketConn {
	t.Helper()
	var c net.PacketConn
	if err := ns.Do(func() (err error) {
		c, err = net.ListenPacket("udp4", addr)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// echo sends datagrams back until the socket is closed.
func echo(c net.PacketConn) {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := c.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			_, _ = c.WriteTo(buf[:n], from) // a lost answer is asked for again
		}
	}
}
