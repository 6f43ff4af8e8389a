package bridge

import (
	"fmt"
	"strconv"
	"strings"

	"ofswitch/ofswitch"
)

// Keys of Bridge.OtherConfig.
const (
	// KeyAuxConnections: how many auxiliary connections the switch opens to
	// each controller that it dials, besides the main one, 0 to 255. Default 0.
	KeyAuxConnections = "aux-connections"
	// KeyPacketBuffers: how many frames of packet-ins the bridge keeps for its
	// controllers, 0 to ofswitch.MaxPacketBuffers. Default 0: packet-ins carry whole
	// frames.
	KeyPacketBuffers = "packet-buffers"
)

// otherNumber is a key whose value is a whole number.
type otherNumber struct {
	min, max, byDefault int
}

// otherNumbers are the keys of Bridge.OtherConfig that this release knows.
var otherNumbers = map[string]otherNumber{
	KeyAuxConnections: {0, 255, 0},
	KeyPacketBuffers:  {0, ofswitch.MaxPacketBuffers, 0},
}

// otherNumber gives the value of a key of otherNumbers, or its default where
// there is none, or none that can be used: checkOther says so.
func (b *Bridge) otherNumber(key string) int {
	n := otherNumbers[key]
	text, ok := b.OtherConfig[key]
	if !ok {
		return n.byDefault
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < n.min || v > n.max {
		return n.byDefault
	}
	return v
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

// CheckOtherConfig refuses a key of Bridge.OtherConfig that this release does
// not know, and a value that the key does not take.
func CheckOtherConfig(key, value string) error {
	n, ok := otherNumbers[key]
	if !ok {
		return fmt.Errorf("other_config:%s is not known; known are %s", key, strings.Join(sortedKeys(otherNumbers), ", "))
	}
	if v, err := strconv.Atoi(value); err != nil || v < n.min || v > n.max {
		return fmt.Errorf("other_config:%s=%s: want a number from %d to %d; %d is used", key, value, n.min, n.max, n.byDefault)
	}
	return nil
}
