package bridge

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"ofswitch/ofp"
	"ofswitch/stream"
)

// Config is the desired state of the whole switch. The zero Config: nothing.
type Config struct {
	Bridges []Bridge
	// TLS are the files for ssl: and pssl: targets. They are read again when
	// they change, without another Apply.
	TLS stream.Files
	// VLANLimit is how many VLAN tags of a frame NORMAL sees, 1 or 2; what is behind
	// them is payload. 0: 2 (other_config:vlan-limit of table Open_vSwitch, where
	// nothing said means 1 and 0 means 2).
	VLANLimit int
	// Threads are those that forward.
	Threads Threads
	// NoKernelPath: the kernel forwards no frames by itself, but leaves all to the threads
	// (other_config:kernel-path=false of table Open_vSwitch).
	NoKernelPath bool
}

// Bridge is the desired state of one bridge.
type Bridge struct {
	// Name of the bridge, of its LOCAL port and of its TAP device.
	Name string
	// DatapathID that controllers see. 0: that of OtherConfig, or made of the
	// bridge's MAC address.
	DatapathID uint64
	// DefaultMAC is the bridge's MAC address where no port gives one and OtherConfig
	// neither; zero: chosen at random. Open vSwitch makes it from the row's UUID.
	DefaultMAC [6]byte
	// FailMode is what the bridge does without a controller.
	FailMode FailMode
	// Protocols are the versions of OpenFlow that controllers and tools may speak,
	// "OpenFlow10" and "OpenFlow13"; none: both (column protocols of table
	// Bridge).
	Protocols   []string
	Ports       []Port
	Controllers []Controller
	// Listeners are where controllers may connect to us, besides the
	// management socket NAME.mgmt in the run directory, which always is.
	Listeners []Listener
	// OtherConfig are further settings by key, KeyAuxConnections... (column
	// other_config of table Bridge).
	OtherConfig map[string]string
	// FloodVLANs are those in which no addresses are learned and every frame is
	// flooded (column flood_vlans).
	FloodVLANs []uint16
	// Bonds join several of Ports into one.
	Bonds []Bond
	// Mirrors of the bridge, in any order (column mirrors).
	Mirrors []Mirror
	// FlowTables by number: limits and names (column flow_tables).
	FlowTables map[uint8]FlowTable
}

// FailMode is what a bridge does when it has no controller (as in
// ovs-vswitchd.conf.db(5), column fail_mode).
type FailMode string

const (
	// Standalone: the bridge becomes a learning switch. The default.
	Standalone FailMode = "standalone"
	// Secure: flows stay and expire, nothing else.
	Secure FailMode = "secure"
)

// Port types (column type of table Interface).
const (
	TypeSystem   = ""         // a network device that exists
	TypeInternal = "internal" // a TAP device that we create
	TypeTap      = "tap"      // a TAP device that exists
	TypePatch    = "patch"    // one end of a pair that joins two bridges
)

// Port is the desired state of one port.
type Port struct {
	Name string
	Type string // TypeSystem...
	// Request is the OpenFlow number asked for; 0: the next free one in the
	// order given.
	Request ofp.PortNo
	// Prefer is the number that it had when it was last there: without a Request it
	// is given that again if it is free; 0: none (column ofport).
	Prefer ofp.PortNo
	MAC    net.HardwareAddr // of internal ports; nil: chosen
	// BridgeMAC is what the port counts with when the bridge's address is chosen; nil:
	// its device's (column mac of table Port). The device does not take it.
	BridgeMAC net.HardwareAddr
	// MTU of system and internal ports; 0: as the device has it, for internal ones
	// the smallest of the bridge's other devices, or 1500 (column mtu_request).
	MTU int
	// Options by name: "peer", "io", "qdisc-bypass", "stack-isolation", "xdp-mode",
	// "n_rxq", "n_rxq_desc", "n_txq_desc", "packet-ring", "coalesce".
	Options map[string]string
	// QoS are the port's queues; nil: none.
	QoS *QoS
	// VLAN is how the port takes part in VLANs under NORMAL.
	VLAN VLAN
	// FakeBridge: an internal port stands for a bridge of its own in one VLAN, and has
	// the bridge's MAC address unless it is given one (column fake_bridge).
	FakeBridge bool
	// Policing bounds what the port receives.
	Policing Policing
	// RxAffinity is to which processors the threads are bound that poll the port's receive
	// queues, by queue (other_config:pmd-rxq-affinity). Nil: any.
	RxAffinity map[int]int
}

// Controller is one controller to connect to.
type Controller struct {
	Target          string        // "tcp:HOST[:PORT]", "ssl:HOST[:PORT]", "unix:PATH"
	MaxBackoff      time.Duration // 0: the default
	InactivityProbe time.Duration // 0: the default; negative: none
	// OutOfBand: no hidden entries let the connection pass through the bridge
	// (column connection_mode of table Controller).
	OutOfBand bool
	// RateLimit of packet-ins, per second, 0: none, and BurstLimit, 0: a quarter of it
	// (columns controller_rate_limit, controller_burst_limit).
	RateLimit, BurstLimit uint32
}

// burst is BurstLimit with its default.
func (c *Controller) burst() int { return int(cmp.Or(c.BurstLimit, c.RateLimit/4)) }

// Listener is an address to listen on for controllers.
type Listener struct {
	Target          string // "ptcp:[PORT[:ADDR]]", "pssl:[PORT[:ADDR]]", "punix:PATH"
	InactivityProbe time.Duration
}

// optionNames are the port options that this release knows, by port type.
var optionNames = map[string][]string{
	TypeSystem:   {"coalesce", "io", "n_rxq", "n_rxq_desc", "n_txq_desc", "packet-ring", "qdisc-bypass", "stack-isolation", "xdp-mode"},
	TypeInternal: {"coalesce", "io", "n_rxq"},
	TypeTap:      {"coalesce", "io", "n_rxq"},
	TypePatch:    {"peer"},
}

// maxName is the longest name of a Linux network device, in bytes.
const maxName = 15

// checkName refuses what cannot be a device name, with a line for a person.
func checkName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%s without a name: give it one of 1 to %d characters", what, maxName)
	case len(name) > maxName:
		return fmt.Errorf("%s %q: the name has %d bytes, Linux takes at most %d; choose a shorter one", what, name, len(name), maxName)
	case name == "." || name == "..", strings.ContainsFunc(name, notInNames):
		return fmt.Errorf("%s %q: Linux takes no slash, colon, percent sign, space or control character in a device name; choose another", what, name)
	}
	return nil
}

// notInNames are the characters that no device name has: to the kernel "br%d"
// asks for br0, br1, and so on.
func notInNames(c rune) bool {
	return c <= ' ' || c == 0x7f || c == '/' || c == ':' || c == '%'
}

// CheckName refuses a bridge whose name no device can have.
func (b *Bridge) CheckName() error { return checkName("bridge", b.Name) }

// KnownOption says whether ports of a type have an option of this name.
func KnownOption(portType, name string) bool { return slices.Contains(optionNames[portType], name) }

// Check refuses a port that can never work, whatever devices come and go.
func (p *Port) Check() error {
	if err := checkName("port", p.Name); err != nil {
		return err
	}
	known, ok := optionNames[p.Type]
	if !ok {
		return fmt.Errorf("port %s: type %q is not known; use system (the default), internal, tap or patch", p.Name, p.Type)
	}
	for name := range p.Options {
		if !slices.Contains(known, name) {
			return fmt.Errorf("port %s: option %q is not known for type %s; known are %s", p.Name, name, typeName(p.Type), strings.Join(known, ", "))
		}
	}
	if p.Type == TypePatch && p.Options["peer"] == "" {
		return fmt.Errorf("port %s: a patch port needs its other end: add options:peer=NAME", p.Name)
	}
	if p.Type != TypeInternal && p.Type != TypeSystem && p.MTU != 0 {
		return fmt.Errorf("port %s: mtu_request is for types system and internal; set the device's own: ip link set dev %s mtu %d", p.Name, p.Name, p.MTU)
	}
	if p.Type != TypeInternal && p.MAC != nil {
		return fmt.Errorf("port %s: mac is for type internal; set the device's own: ip link set dev %s address %s", p.Name, p.Name, p.MAC)
	}
	if p.MAC != nil && (len(p.MAC) != 6 || p.MAC[0]&1 != 0 || bytes.Equal(p.MAC, make([]byte, 6))) {
		return fmt.Errorf("port %s: mac %s is no address that a device can have; choose one as 02:00:00:00:00:01", p.Name, p.MAC)
	}
	if p.Request > ofp.PortMax {
		return fmt.Errorf("port %s: OpenFlow number %d is reserved; use 1 to %d", p.Name, p.Request, uint32(ofp.PortMax))
	}
	return nil
}

// typeName is the type as users write it.
func typeName(t string) string {
	if t == TypeSystem {
		return "system"
	}
	return t
}
