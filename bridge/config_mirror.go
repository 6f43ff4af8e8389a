package bridge

// Mirror copies frames of a bridge to a port or a VLAN (table Mirror of
// ovs-vswitchd.conf.db(5)).
type Mirror struct {
	Name string
	// SelectAll: every frame that comes in or goes out.
	SelectAll bool
	// SelectSrc and SelectDst name the ports whose incoming, outgoing frames are
	// chosen.
	SelectSrc, SelectDst []string
	// SelectVLANs: only frames of these; none: of any.
	SelectVLANs []uint16
	// OutputPort names the port that the copies leave by (SPAN); it does nothing
	// else then. Empty: OutputVLAN.
	OutputPort string
	// OutputVLAN is where the copies are flooded (RSPAN), 1 to 4095; 0: none.
	OutputVLAN uint16
	// SnapLen is how many bytes of each copy leave; 0: all.
	SnapLen uint16
}
