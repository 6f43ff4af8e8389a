package bridge

import (
	"net"
	"strings"
	"testing"

	"ofswitch/ofp"
	"ofswitch/ofswitch"
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

// Policing is in kbit and thousands of packets; a burst of 0 is the default.
func TestPolicingBounds(t *testing.T) {
	for conf, want := range map[Policing]ofswitch.Policing{
		{}:                        {},
		{Burst: 5, KPktsBurst: 5}: {},
		{Rate: 100}:               {Rate: 100e3, Burst: 8000e3},
		{Rate: 100, Burst: 10}:    {Rate: 100e3, Burst: 10e3},
		{KPktsRate: 3}:            {Packets: 3000, PktBurst: 16000},
		{KPktsRate: 3, KPktsBurst: 1, Rate: 1 << 31}: {Rate: 1 << 31 * 1000, Burst: 8000e3, Packets: 3000, PktBurst: 1000},
	} {
		if got := conf.bounds(); got != want {
			t.Errorf("%+v: %+v, want %+v", conf, got, want)
		}
	}
}
