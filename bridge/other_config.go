package bridge

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"ofswitch/l2"
	"ofswitch/ofswitch"
)

// Keys of Bridge.OtherConfig (ovs-vswitchd.conf.db(5), other_config of table Bridge;
// the first two are ours).
const (
	// KeyAuxConnections: how many auxiliary connections the switch opens to
	// each controller that it dials, besides the main one, 0 to 255. Default 0.
	KeyAuxConnections = "aux-connections"
	// KeyPacketBuffers: how many frames of packet-ins the bridge keeps for its
	// controllers, 0 to ofswitch.MaxPacketBuffers. Default 0: packet-ins carry whole
	// frames.
	KeyPacketBuffers = "packet-buffers"
	// KeyHWAddr: the MAC address of the bridge, by default chosen as Bridge.DefaultMAC
	// says.
	KeyHWAddr = "hwaddr"
	// KeyDisableInBand: "true": no hidden entries let the controllers' connections
	// pass. Default "false".
	KeyDisableInBand = "disable-in-band"
	// KeyInBandQueue: the queue that these entries send to, 0 to 4294967295. Default:
	// none.
	KeyInBandQueue = "in-band-queue"
	// KeyDescription: what the bridge is called in the reply to OFPMP_DESC, up to 255
	// bytes. Default: its name.
	KeyDescription = "dp-desc"
	// KeySerialNumber likewise, up to 31 bytes. Default: "None".
	KeySerialNumber = "dp-sn"
	// KeyMACAgeing: for how many seconds a MAC address is remembered, 1 or more.
	KeyMACAgeing = "mac-aging-time"
	// KeyMACTableSize: how many MAC addresses are remembered, 1 or more.
	KeyMACTableSize = "mac-table-size"
	// KeyForwardBPDU: "true": NORMAL forwards frames to reserved addresses, too.
	KeyForwardBPDU = "forward-bpdu"
)

// SettingError is a value that its key does not take.
type SettingError struct {
	Setting string // as "other_config:KEY=VALUE"
	Want    string // "want ..."
	Instead string // what becomes of a bridge that has it nevertheless
}

// Error is for the log of a switch that goes on.
func (e *SettingError) Error() string { return e.Setting + ": " + e.Want + "; " + e.Instead }

// settings are the keys of Bridge.OtherConfig that have an effect, each with what is
// wrong with a value: nil, or an error without its Setting.
var settings = map[string]func(value string) *SettingError{
	KeyAuxConnections: wholeNumber(KeyAuxConnections),
	KeyPacketBuffers:  wholeNumber(KeyPacketBuffers),
	KeyHWAddr:         func(v string) *SettingError { _, err := parseHWAddr(v); return err },
	KeyDisableInBand:  trueOrFalse,
	KeyInBandQueue: func(v string) *SettingError {
		if _, err := strconv.ParseUint(v, 10, 32); err != nil {
			return &SettingError{Want: "want a queue, 0 to 4294967295", Instead: "none is used"}
		}
		return nil
	},
	KeyDescription:  atMost(255),
	KeySerialNumber: atMost(31),
	KeyMACAgeing:    wholeNumber(KeyMACAgeing),
	KeyMACTableSize: wholeNumber(KeyMACTableSize),
	KeyForwardBPDU:  trueOrFalse,
}

// withoutEffect are the other keys that Open vSwitch has.
var withoutEffect = []string{
	"controller-queue-size",
	"stp-system-id", "stp-priority", "stp-hello-time", "stp-max-age", "stp-forward-delay",
	"rstp-address", "rstp-priority", "rstp-ageing-time", "rstp-force-protocol-version", "rstp-max-age",
	"rstp-forward-delay", "rstp-transmit-hold-count",
	"mcast-snooping-aging-time", "mcast-snooping-table-size", "mcast-snooping-disable-flood-unregistered",
}

// wholeNumber checks the value of a key of otherNumbers.
func wholeNumber(key string) func(string) *SettingError {
	return func(value string) *SettingError {
		n := otherNumbers[key]
		if v, err := strconv.Atoi(value); err != nil || v < n.min || v > n.max {
			return &SettingError{Want: fmt.Sprintf("want a number from %d to %d", n.min, n.max), Instead: fmt.Sprintf("%d is used", n.byDefault)}
		}
		return nil
	}
}

func trueOrFalse(value string) *SettingError {
	if value != "true" && value != "false" {
		return &SettingError{Want: "want true or false", Instead: "false is used"}
	}
	return nil
}

// atMost refuses text that does not fit into the reply to OFPMP_DESC.
func atMost(n int) func(string) *SettingError {
	return func(value string) *SettingError {
		if len(value) > n {
			return &SettingError{Want: fmt.Sprintf("want at most %d bytes", n), Instead: "the default is used"}
		}
		return nil
	}
}

// parseHWAddr reads the value of KeyHWAddr.
func parseHWAddr(value string) (mac [6]byte, wrong *SettingError) {
	hw, err := net.ParseMAC(value)
	if err != nil || len(hw) != len(mac) || hw[0]&1 != 0 || isZero(hw) {
		return mac, &SettingError{Want: "want the address of one station, as 02:00:00:00:00:01", Instead: "it is chosen as if there were none"}
	}
	return [6]byte(hw), nil
}

// other gives the value of a key, if it has one that can be used: checkOther says
// so where it cannot.
func (b *Bridge) other(key string) (value string, ok bool) {
	value, ok = b.OtherConfig[key]
	if !ok || CheckOtherConfig(key, value) != nil {
		return "", false
	}
	return value, true
}

// otherNumber is a key whose value is a whole number.
type otherNumber struct {
	min, max, byDefault int
}

// otherNumbers are the keys of Bridge.OtherConfig that are such.
var otherNumbers = map[string]otherNumber{
	KeyAuxConnections: {0, 255, 0},
	KeyPacketBuffers:  {0, ofswitch.MaxPacketBuffers, 0},
	KeyMACAgeing:      {1, 1 << 31, int(l2.DefaultAgeing / time.Second)},
	KeyMACTableSize:   {1, 1 << 31, l2.DefaultEntries},
}

// otherNumber gives the value of a key of otherNumbers, or its default where
// there is none, or none that can be used: checkOther says so.
func (b *Bridge) otherNumber(key string) int {
	n := otherNumbers[key]
	text, ok := b.other(key)
	if v, err := strconv.Atoi(text); ok && err == nil {
		return v
	}
	return n.byDefault
}

// checkOther names what in OtherConfig cannot be used, one error for each, in
// the order of the keys. The bridge goes on with the default.
func (b *Bridge) checkOther() []error {
	var errs []error
	for _, key := range sortedKeys(b.OtherConfig) {
		if err := CheckOtherConfig(key, b.OtherConfig[key]); err != nil {
			errs = append(errs, fmt.Errorf("bridge %s: %w", b.Name, err))
		}
	}
	return errs
}

// CheckOtherConfig refuses a key of Bridge.OtherConfig that has no effect, and, with a
// *SettingError, a value that the key does not take.
func CheckOtherConfig(key, value string) error {
	check := settings[key]
	switch {
	case slices.Contains(withoutEffect, key):
		return fmt.Errorf("other_config:%s has no effect in this switch", key)
	case check == nil:
		return fmt.Errorf("other_config:%s is not known; known are %s", key, strings.Join(sortedKeys(settings), ", "))
	}
	if wrong := check(value); wrong != nil {
		wrong.Setting = "other_config:" + key + "=" + value
		return wrong
	}
	return nil
}
