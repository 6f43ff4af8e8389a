package bridge

// VLAN is how a port takes part in VLANs under NORMAL (columns vlan_mode, tag,
// trunks, cvlans and other_config of table Port). The zero VLAN: a trunk of all.
type VLAN struct {
	Mode VLANMode
	// Tag is the VLAN of an access port, the native one of a native port, or the
	// service VLAN of a tunnel port; HasTag says whether there is one.
	Tag    uint16
	HasTag bool
	// Trunks are the VLANs that a trunk or native port carries; none: all.
	Trunks []uint16
	// CVLANs are the customer VLANs that a tunnel port carries; none: all.
	CVLANs []uint16
	// PriorityTags is other_config:priority-tags: "", "no", "never", "if-nonzero",
	// "true", "always".
	PriorityTags string
	// EtherType of the outer tag that a tunnel port pushes (other_config:qinq-ethtype,
	// "802.1q", "802.1ad"); empty: 802.1ad.
	EtherType string
	// Protected ports do not exchange frames with each other.
	Protected bool
}

// VLANMode is the value of column vlan_mode of table Port. Empty: access with a
// Tag, trunk without.
type VLANMode string

// The modes (ovs-vswitchd.conf.db(5), vlan_mode).
const (
	VLANDefault        VLANMode = ""
	VLANAccess         VLANMode = "access"
	VLANTrunk          VLANMode = "trunk"
	VLANNativeTagged   VLANMode = "native-tagged"
	VLANNativeUntagged VLANMode = "native-untagged"
	VLANTunnel         VLANMode = "dot1q-tunnel"
)
