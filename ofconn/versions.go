package ofconn

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"ofswitch/ofp"
	"ofswitch/ofp/of10"
)

// protocols are the versions of OpenFlow that there are here, as Open vSwitch
// names them, in rising order.
var protocols = []struct {
	name    string
	version uint8
}{
	{"OpenFlow10", of10.Version},
	{"OpenFlow13", ofp.Version},
}

// allVersions has the bits of all of protocols.
const allVersions = 1<<of10.Version | 1<<ofp.Version

// errVersionOff ends a connection whose version was taken off the list.
var errVersionOff = errors.New("its version of OpenFlow is not in the list of protocols any more")

// ParseProtocols turns Open vSwitch's names into what SetProtocols takes. A name
// that is not known, or known and not supported, is an error.
func ParseProtocols(names []string) (versions []uint8, err error) {
	for _, name := range names {
		i := slices.IndexFunc(protocols, func(p struct {
			name    string
			version uint8
		}) bool {
			return p.name == name
		})
		if i < 0 {
			return nil, fmt.Errorf("protocol %q is not supported: there are %s", name, protocolNames())
		}
		versions = append(versions, protocols[i].version)
	}
	return versions, nil
}

func protocolNames() string {
	var names []string
	for _, p := range protocols {
		names = append(names, p.name)
	}
	return strings.Join(names, " and ")
}

// SetProtocols says which versions of OpenFlow connections may speak, by their
// numbers on the wire; none: all that there are. Connections that speak another one
// are closed, and may come again.
func (m *Manager) SetProtocols(versions []uint8) error {
	var set uint32
	for _, v := range versions {
		if v > 31 || allVersions&(1<<v) == 0 {
			return fmt.Errorf("version 0x%02x of OpenFlow is not supported", v)
		}
		set |= 1 << v
	}
	if set == 0 {
		set = allVersions
	}
	if m.versions.Swap(set) == set {
		return nil
	}
	for _, c := range m.established() {
		if set&(1<<c.version) == 0 {
			c.close(errVersionOff)
		}
	}
	return nil
}

// versionBitmap is the bitmap of our hello.
func (m *Manager) versionBitmap() []uint32 { return []uint32{m.versions.Load()} }

// highestVersion is the highest of a bitmap of ours, which has one at least.
func highestVersion(bitmap []uint32) uint8 { return uint8(bits.Len32(bitmap[0]) - 1) }
