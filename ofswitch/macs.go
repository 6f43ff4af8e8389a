package ofswitch

import (
	"fmt"

	"ofswitch/l2"
	"ofswitch/ofp"
)

// MACs lists the bridge's MAC table, the entry that was unused for longest
// first. Use by cached programs is noted once a second, so an age may be a
// second too high.
func (b *Bridge) MACs() []l2.Row { return b.fdb.List(b.d.clock()) }

// AddStaticMAC has the bridge know behind which port a station is, until
// DeleteStaticMAC, or until the port goes.
func (b *Bridge) AddStaticMAC(vlan uint16, mac l2.MAC, no ofp.PortNo) error {
	b.portMu.Lock()
	defer b.portMu.Unlock()
	if b.conf.Load().ports[no] == nil {
		return fmt.Errorf("bridge %s has no port %d", b.name, no)
	}
	b.fdb.AddStatic(vlan, mac, uint32(no), b.d.clock())
	b.d.macsChanged()
	return nil
}

// DeleteStaticMAC undoes AddStaticMAC, and says whether there was something to undo.
func (b *Bridge) DeleteStaticMAC(vlan uint16, mac l2.MAC) bool {
	found := b.fdb.DeleteStatic(vlan, mac)
	b.d.macsChanged()
	return found
}
