package integration

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"ofswitch/ofp"
)

// A controller that is behind the bridge itself is reached, in fail mode secure and
// without any flow entry: hidden entries let the connection pass, and nothing else.
func TestIntegrationInBandControl(t *testing.T) {
	l := newLab(t, 2)
	d := startSwitch(t, l, "--fail-mode", "secure", "--controller", "tcp:"+l.Hosts[0].IP.String()+":6653")
	if err := l.Switch.AddAddress("br0", "10.0.0.100/24"); err != nil {
		t.Fatal(err)
	}
	var listener net.Listener
	if err := l.Hosts[0].Do(func() (err error) {
		listener, err = net.Listen("tcp", ":6653")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	c, err := listener.Accept()
	if err != nil {
		t.Fatal("the switch does not reach its controller: ", err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for _, m := range []ofp.Message{&ofp.Hello{}, &ofp.BarrierRequest{}} {
		if _, err := c.Write(ofp.Encode(1, m)); err != nil {
			t.Fatal(err)
		}
	}
	for r := bufio.NewReader(c); ; {
		h, _, err := ofp.ReadMessage(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if h.Type == ofp.TypeBarrierReply {
			break
		}
	}
	if out := d.stock("dump-flows", d.mgmt("br0")); strings.Contains(out, "actions=") {
		t.Errorf("the entries are seen:\n%s", out)
	}
	// The other host hears nothing of the bridge.
	if out, err := l.Hosts[1].Run("ping", "-c", "1", "-W", "1", "10.0.0.100"); err == nil {
		t.Errorf("a ping passes:\n%s", out)
	}
}
