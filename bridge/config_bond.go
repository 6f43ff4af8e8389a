package bridge

import "time"

// Bond joins several ports of a bridge into one (a row of table Port with more than
// one interface, ovs-vswitchd.conf.db(5), "Bonding Configuration"). Each member is
// a Port of its own in Bridge.Ports, with its own OpenFlow number; what the Port says
// of VLANs counts for nothing then, the bond's does.
type Bond struct {
	// Name is that of the row of table Port, which mirrors and tools know.
	Name string
	// Members are names in Bridge.Ports.
	Members []string
	Mode    BondMode
	// UpDelay and DownDelay are for how long a member's carrier must have been there,
	// or away, before the member is used, or no longer used (columns bond_updelay,
	// bond_downdelay).
	UpDelay, DownDelay time.Duration
	// Primary names the member that is active whenever it can be (other_config:
	// bond-primary); empty: none.
	Primary string
	// LACP is column lacp: "", "off", "passive", "active". This switch does not speak
	// LACP: with "passive" and "active" the negotiation is never successful.
	LACP string
	// FallbackAB: where LACP is wanted and not negotiated, the bond is an
	// active-backup one instead of none (other_config:lacp-fallback-ab).
	FallbackAB bool
	// VLAN is how the bond takes part in VLANs under NORMAL.
	VLAN VLAN
}

// BondMode is the value of column bond_mode of table Port. Empty: active-backup.
type BondMode string

// The modes (ovs-vswitchd.conf.db(5), bond_mode).
const (
	BondActiveBackup BondMode = "active-backup"
	BondBalanceSLB   BondMode = "balance-slb"
	BondBalanceTCP   BondMode = "balance-tcp"
)
