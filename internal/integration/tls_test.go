package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ofswitch/internal/testutil"
)

// tlsFlags names an identity's files and the CA's, as all the tools call them.
func tlsFlags(id testutil.Identity, ca *testutil.CA) []string {
	return []string{"--private-key=" + id.Key, "--certificate=" + id.Cert, "--ca-cert=" + ca.File}
}

// Stock ovs-ofctl and ours over TLS against pssl:, by IPv4 and IPv6; what is
// refused and what the log says; other certificates while the switch runs.
func TestIntegrationTLSTools(t *testing.T) {
	ovs := testutil.NeedProgram(t, "ovs-ofctl", "openvswitch-common")
	l := newLab(t, 2)
	ca, other := testutil.NewCA(t, "ours"), testutil.NewCA(t, "other")
	id, tool := ca.Issue("switch"), ca.Issue("tool")
	d := startSwitch(t, l, append([]string{"--listen", "pssl::127.0.0.1", "--listen", "pssl:16653:[::1]"}, tlsFlags(id, ca)...)...)
	run := func(program, target string, id testutil.Identity, ca *testutil.CA) (string, error) {
		args := append(tlsFlags(id, ca), "-O", "OpenFlow13", "--timeout=10", "dump-desc", target)
		return l.Switch.Run(program, args...)
	}
	for _, program := range []string{ovs, d.ofctl} {
		for _, target := range []string{"ssl:127.0.0.1", "ssl:127.0.0.1:6653", "ssl:[::1]:16653"} {
			if out, err := run(program, target, tool, ca); err != nil || !strings.Contains(out, "DP Description: br0") {
				t.Errorf("%s %s: %v\n%s", filepath.Base(program), target, err, out)
			}
		}
	}
	// refused runs stock ovs-ofctl in vain.
	refused := func(what string, id testutil.Identity, ca *testutil.CA, log string) {
		t.Helper()
		if out, err := run(ovs, "ssl:127.0.0.1", id, ca); err == nil {
			t.Errorf("%s: it works\n%s", what, out)
		}
		d.awaitLog(log)
	}
	refused("another CA's certificate", other.Issue("stranger"), ca, `CN=stranger\" is not accepted: our CA has not signed it`)
	refused("an expired certificate", ca.Issue("late", testutil.Expired), ca, `CN=late\" is not accepted: it expired on`)
	refused("a switch of another CA", tool, other, "it may not accept our certificate")
	if out, err := l.Switch.Run(ovs, "-O", "OpenFlow13", "--timeout=10", "dump-desc", "tcp:127.0.0.1"); err == nil {
		t.Errorf("plain TCP: it works\n%s", out)
	}
	d.awaitLog("does not speak TLS")
	openssl := testutil.NeedProgram(t, "openssl", "openssl")
	out, err := l.Switch.Run(openssl, "s_client", "-connect", "127.0.0.1:6653", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
	if err == nil || !strings.Contains(out, "protocol version") {
		t.Errorf("TLS 1.1: %v\n%s", err, out)
	}
	d.awaitLog("offers no TLS 1.2 or later")

	// A certificate and a CA that are replaced, while a monitor stays connected.
	monitor := startProcess(t, l.Switch, d.dir, ovs, append(tlsFlags(tool, ca), "--unixctl="+t.TempDir()+"/ctl", "-O", "OpenFlow13", "monitor", "ssl:127.0.0.1", "65535")...)
	d.ctl("add-flow", "br0", "priority=5,actions=CONTROLLER:128")
	// onPacketIn waits until the monitor prints one packet-in more.
	onPacketIn := func(what string) {
		t.Helper()
		before := strings.Count(monitor.log.text(), "OFPT_PACKET_IN")
		testutil.Eventually(t, what, func() error {
			if out, err := l.Hosts[0].Run("ping", "-n", "-c", "1", "-W", "0.1", l.Hosts[1].IP.String()); err == nil {
				return fmt.Errorf("ping is answered:\n%s", out)
			}
			if strings.Count(monitor.log.text(), "OFPT_PACKET_IN") == before {
				return fmt.Errorf("the monitor printed:\n%s\nflows:\n%s", monitor.log.text(), d.ctl("dump-flows", "br0"))
			}
			return nil
		})
	}
	onPacketIn("the monitor is connected")
	for _, path := range []string{id.Cert, id.Key} {
		if err := os.Rename(path, path+".old"); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := run(ovs, "ssl:127.0.0.1", tool, ca); err != nil {
		t.Errorf("without files: %v\n%s", err, out)
	}
	d.awaitLog("TLS files cannot be used; going on with what they held before")
	if out, err := exec.Command("cp", other.File, ca.File).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	other.IssueTo(id, "switch of tomorrow")
	newTool := other.Issue("tool of tomorrow")
	if out, err := run(ovs, "ssl:127.0.0.1", newTool, other); err != nil {
		t.Errorf("with new files: %v\n%s", err, out)
	}
	onPacketIn("the monitor goes on")
}

// Certificates made by Open vSwitch's own ovs-pki, in its two hierarchies.
func TestIntegrationTLSPKI(t *testing.T) {
	ovs := testutil.NeedProgram(t, "ovs-ofctl", "openvswitch-common")
	pki := testutil.NeedProgram(t, "ovs-pki", "openvswitch-common")
	testutil.NeedProgram(t, "openssl", "openssl")
	l := newLab(t, 0)
	dir := t.TempDir()
	for _, args := range [][]string{{"init"}, {"req+sign", "sc", "switch"}, {"req+sign", "ctl", "controller"}} {
		cmd := exec.Command(pki, append([]string{"--force", "--dir=" + dir + "/pki", "--log=" + dir + "/log"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("ovs-pki %v: %v\n%s", args, err, out)
		}
	}
	startSwitch(t, l, "--listen", "pssl:", "--private-key", dir+"/sc-privkey.pem", "--certificate", dir+"/sc-cert.pem", "--ca-cert", dir+"/pki/controllerca/cacert.pem")
	out, err := l.Switch.Run(ovs, "--private-key="+dir+"/ctl-privkey.pem", "--certificate="+dir+"/ctl-cert.pem", "--ca-cert="+dir+"/pki/switchca/cacert.pem",
		"-O", "OpenFlow13", "--timeout=10", "dump-desc", "ssl:127.0.0.1")
	if err != nil || !strings.Contains(out, "DP Description: br0") {
		t.Errorf("%v\n%s", err, out)
	}
}

// An os-ken application over TLS: pings, and the controller killed and started
// with other certificates.
func TestIntegrationTLSOSKen(t *testing.T) {
	python := testutil.NeedOSKen(t)
	l := newLab(t, 2)
	ca := testutil.NewCA(t, "ours")
	id := ca.Issue("controller")
	app := func() *process {
		return startProcess(t, l.Switch, t.TempDir(), python, "-m", "os_ken.cmd.manager", "--ofp-listen-host", "127.0.0.1", "--ofp-ssl-listen-port", "6653",
			"--ctl-privkey", id.Key, "--ctl-cert", id.Cert, "--ca-certs", ca.File, filepath.Join(testutil.Root(t), "testdata", "osken", "learning_switch.py"))
	}
	first := app()
	d := startSwitch(t, l, append([]string{"--controller", "ssl:127.0.0.1,max_backoff=1000", "--fail-mode", "secure"}, tlsFlags(ca.Issue("switch"), ca)...)...)
	awaitTableMiss(t, d)
	pingAll(t, l)
	first.kill()
	pingAll(t, l) // the flows stay
	d.ctl("del-flows", "br0")
	noPing(t, l.Hosts[0], l.Hosts[1].IP.String())
	testutil.NewCA(t, "other").IssueTo(id, "stranger")
	second := app()
	d.awaitLog(`CN=stranger\" is not accepted`)
	second.kill()
	ca.IssueTo(id, "controller again")
	app()
	awaitTableMiss(t, d)
	pingAll(t, l)
}

// Open vSwitch's test controller over TLS, with auxiliary connections, which it
// takes for switches of their own; its flows are ours to see all the same.
func TestIntegrationTLSTestController(t *testing.T) {
	path := testutil.NeedProgram(t, "ovs-testcontroller", "openvswitch-testcontroller")
	l := newLab(t, 3)
	ca := testutil.NewCA(t, "ours")
	dir := t.TempDir()
	startProcess(t, l.Switch, dir, path, append(tlsFlags(ca.Issue("controller"), ca), "--unixctl="+dir+"/ctl", "--log-file="+dir+"/log", "pssl::127.0.0.1")...)
	d := startSwitch(t, l, append([]string{"--controller", "ssl:127.0.0.1,max_backoff=1000", "--fail-mode", "secure", "--other-config", "aux-connections=2"}, tlsFlags(ca.Issue("switch"), ca)...)...)
	pingAll(t, l)
	transferTCP(t, l.Hosts[1], l.Hosts[2])
	if flows := d.ctl("dump-flows", "br0"); !regexp.MustCompile(`dl_dst=02:00:00:00:00:0[123]`).MatchString(flows) {
		t.Errorf("no flow entry of the controller's:\n%s", flows)
	}
}
