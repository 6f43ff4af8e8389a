package ports

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Cards take the VLAN tag out of a frame and hand it over beside it, where
// AF_XDP does not find it: the frame would go on without its tag. So that is
// turned off while the port is one of AF_XDP.
var vlanFeatures = []string{"rx-vlan-hw-parse", "rx-vlan-stag-hw-parse"}

// keepTags has the device leave tags in frames. It returns the features that it
// has turned off; an error says which cannot be.
func (d *device) keepTags() (off []string, err error) {
	active := ethtoolFeatures(d.ctl, d.name)
	for _, f := range vlanFeatures {
		if active[f] {
			off = append(off, f)
		}
	}
	if len(off) == 0 {
		return nil, nil
	}
	// Some are changed where not all are, and are given back then.
	if errno := ethtoolSetFeatures(d.ctl, d.name, false, off...); errno != 0 {
		return nil, fmt.Errorf("the device takes VLAN tags out of frames (%s): turning that off: %w", strings.Join(off, ", "), errno)
	}
	active = ethtoolFeatures(d.ctl, d.name)
	for _, f := range off {
		if active[f] {
			return off, fmt.Errorf("the device takes VLAN tags out of frames, and that cannot be turned off (%s)", f)
		}
	}
	return off, nil
}

// takeTags turns features on again. A device that is gone has none.
func (d *device) takeTags(features []string) error {
	if len(features) == 0 {
		return nil
	}
	if errno := ethtoolSetFeatures(d.ctl, d.name, true, features...); errno != 0 && errno != unix.ENODEV {
		return fmt.Errorf("turning %s on again: %w", strings.Join(features, ", "), errno)
	}
	return nil
}
