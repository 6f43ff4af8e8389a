package bridge

import (
	"net"
	"strings"
	"testing"

	"ofswitch/ofp"
)

func TestPortCheck(t *testing.T) {
	mac := func(s string) net.HardwareAddr {
		m, err := net.ParseMAC(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for _, c := range []struct {
		port Port
		want string // "": good
	}{
		{Port{Name: "eth0"}, ""},
		{Port{Name: "eth0.100"}, ""},
		{Port{Name: "a;b\"ü"}, ""},
		{Port{Name: "vm0", Type: TypeInternal, MTU: 9000, MAC: mac("02:00:00:00:00:01")}, ""},
		{Port{Name: ""}, "without a name"},
		{Port{Name: "a123456789012345"}, "at most 15"},
		{Port{Name: "a/b"}, "no slash"},
		{Port{Name: "a:1"}, "colon"},
		{Port{Name: "a b"}, "space"},
		{Port{Name: "eth%d"}, "percent sign"},
		{Port{Name: "a\x01"}, "control character"},
		{Port{Name: ".."}, "device name"},
		{Port{Name: "p", Type: "vhost"}, "type \"vhost\" is not known"},
		{Port{Name: "p", Options: map[string]string{"peer": "q"}}, "option \"peer\" is not known for type system"},
		{Port{Name: "p", Type: TypePatch}, "options:peer=NAME"},
		{Port{Name: "p", Request: ofp.PortLocal}, "is reserved"},
		{Port{Name: "eth0", MTU: 9000}, ""},
		{Port{Name: "tap0", Type: TypeTap, MTU: 9000}, "ip link set dev tap0 mtu 9000"},
		{Port{Name: "eth0", MAC: mac("02:00:00:00:00:01")}, "ip link set dev eth0 address 02:00:00:00:00:01"},
		{Port{Name: "vm0", Type: TypeInternal, MAC: mac("01:00:00:00:00:01")}, "no address that a device can have"},
		{Port{Name: "vm0", Type: TypeInternal, MAC: mac("00:00:00:00:00:00")}, "no address that a device can have"},
	} {
		err := c.port.Check()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: error %v, want %q", c.port, err, c.want)
		}
	}
}
