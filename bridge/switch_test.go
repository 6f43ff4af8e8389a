package bridge

import (
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ofswitch/l2"
	"ofswitch/ofp"
)

// newSwitch makes a switch without bridges, which needs no root.
func newSwitch(t *testing.T) *Switch {
	t.Helper()
	s, err := New(Options{RunDir: socketDir(t), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestSwitchWithoutBridges(t *testing.T) {
	s := newSwitch(t)
	for range 2 {
		if err := s.Apply(Config{}); err != nil {
			t.Error(err)
		}
	}
	if len(s.Bridges()) != 0 || len(s.Ports()) != 0 {
		t.Errorf("bridges %v, ports %v", s.Bridges(), s.Ports())
	}
	if _, err := s.bridge("br0"); err == nil || !strings.Contains(err.Error(), `no such bridge "br0"`) {
		t.Errorf("a bridge that is not there: %v", err)
	}
	if got, want := s.MgmtPath("br0"), filepath.Join(s.opts.RunDir, "br0.mgmt"); got != want {
		t.Errorf("management socket %s, want %s", got, want)
	}
	s.Close()
	s.Close() // no effect
	if err := s.Apply(Config{}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("Apply after Close: %v", err)
	}
}

// A bridge whose name cannot be is one line of the error.
func TestApplyWrongBridgeNames(t *testing.T) {
	s := newSwitch(t)
	err := s.Apply(Config{Bridges: []Bridge{{}, {Name: "a/b"}, {Name: "a-name-of-17-byte"}}})
	if err == nil {
		t.Fatal("taken")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "without a name") || !strings.Contains(lines[1], `"a/b"`) || !strings.Contains(lines[2], "17 bytes") {
		t.Errorf("the error is %q", lines)
	}
	if n := s.Bridges(); len(n) != 0 {
		t.Errorf("there are bridges %v", n)
	}
}

func TestNewErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := New(Options{RunDir: filepath.Join(file, "run")})
	if err == nil || !strings.Contains(err.Error(), "--run-dir") || !strings.Contains(err.Error(), file) {
		t.Errorf("run directory below a file: %v", err)
	}
}

// An address by chance is one of the kind that nobody else gives: locally
// administered, for one station.
func TestFallbackMAC(t *testing.T) {
	first, second := fallbackMAC(), fallbackMAC()
	for _, mac := range [][6]byte{first, second} {
		if mac[0]&3 != 2 {
			t.Errorf("%v is not locally administered unicast", net.HardwareAddr(mac[:]))
		}
	}
	if first == second {
		t.Errorf("twice %v", first)
	}
}

// The VLAN device eth0.7 has the address of eth0, and another datapath id.
func TestMixVLAN(t *testing.T) {
	mac := [6]byte{0, 0x16, 0x3e, 0, 0, 1}
	if got, want := mixVLAN(mac, 7), [6]byte{0xea, 0x7e, 0x47, 0x35, 0x6f, 0x22}; got != want {
		t.Errorf("%x, want %x", got, want)
	}
	if mixVLAN(mac, 7) == mixVLAN(mac, 8) {
		t.Error("VLANs 7 and 8 give the same")
	}
}

func TestFormatFDB(t *testing.T) {
	got := formatFDB([]l2.Row{
		{Port: 3, VLAN: 0, MAC: 0x020000000001, Age: 61*time.Second + 900*time.Millisecond},
		{Port: uint32(ofp.PortLocal), VLAN: 4095, MAC: 0xfeffffffffff},
	})
	want := "" + // as ovs-appctl fdb/show prints it
		" port  VLAN  MAC                Age\n" +
		"    3     0  02:00:00:00:00:01   61\n" +
		"LOCAL  4095  fe:ff:ff:ff:ff:ff    0\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
