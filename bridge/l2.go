package bridge

import (
	"fmt"
	"slices"
	"time"

	"ofswitch/l2"
	"ofswitch/ofp"
	"ofswitch/ofswitch"
)

// applyL2 makes the bridge learn, forward at NORMAL and mirror as configured. What of
// the configuration cannot be is in l2Errs.
func (lb *liveBridge) applyL2() {
	c := ofswitch.L2{
		Ports: map[ofp.PortNo]ofswitch.L2Port{}, FloodVLANs: lb.conf.FloodVLANs, VLANLimit: lb.sw.vlanLimit,
		// Within the bounds that Open vSwitch has.
		MACTable:  min(max(lb.conf.otherNumber(KeyMACTableSize), 10), 1_000_000),
		MACAgeing: time.Duration(min(max(lb.conf.otherNumber(KeyMACAgeing), 15), 3600)) * time.Second,
	}
	value, _ := lb.conf.other(KeyForwardBPDU)
	c.ForwardBPDU = value == "true"
	lb.l2Errs = nil
	fail := func(format string, args ...any) {
		lb.l2Errs = append(lb.l2Errs, fmt.Errorf("bridge "+lb.conf.Name+": "+format, args...))
	}
	numbers := map[string]ofp.PortNo{}
	for _, p := range lb.ports {
		if p.no == 0 {
			continue
		}
		numbers[p.conf.Name] = p.no
		v, err := p.conf.VLAN.l2()
		if err != nil {
			fail("port %s: %w", p.conf.Name, err)
		}
		c.Ports[p.no] = v
	}
	for i := range lb.conf.Bonds {
		b := &lb.conf.Bonds[i]
		bond, err := b.l2(numbers)
		if err != nil {
			fail("bond %s: %w", b.Name, err)
		}
		if bond.Config.Mode == l2.BalanceSLB && len(lb.conf.FloodVLANs) > 0 {
			fail("port %s: SLB bonds are incompatible with flood_vlans, please use another bond type or disable flood_vlans", b.Name)
		}
		c.Bonds = append(c.Bonds, bond)
	}
	known := func(name string) bool {
		_, port := numbers[name]
		return port || slices.ContainsFunc(lb.conf.Bonds, func(b Bond) bool { return b.Name == name })
	}
	seen := map[string]bool{}
	for i := range lb.conf.Mirrors {
		m := &lb.conf.Mirrors[i]
		switch {
		case m.OutputPort == "" && m.OutputVLAN == 0:
			fail("mirror %s does not specify output; ignoring", m.Name)
			continue
		case m.OutputPort != "" && !known(m.OutputPort):
			fail("mirror %s outputs to port not on bridge", m.Name)
			continue
		case seen[m.Name]:
			fail("mirror %s is there twice; the second is left out: give it another name", m.Name)
			continue
		case len(seen) == ofswitch.MaxMirrors:
			fail("maximum of %d port mirrors reached, cannot create %s", ofswitch.MaxMirrors, m.Name)
			continue
		case m.OutputPort != "" && m.OutputVLAN != 0:
			fail("mirror %s specifies both output port and output vlan; ignoring output vlan", m.Name)
		}
		seen[m.Name] = true
		c.Mirrors = append(c.Mirrors, ofswitch.L2Mirror{
			Name: m.Name, All: m.SelectAll, Src: m.SelectSrc, Dst: m.SelectDst, VLANs: m.SelectVLANs,
			Output: m.OutputPort, OutputVLAN: m.OutputVLAN, SnapLen: m.SnapLen,
		})
	}
	lb.of.SetL2(c)
}

// vlanModes are the values of column vlan_mode but the empty one.
var vlanModes = map[VLANMode]l2.Mode{
	VLANAccess: l2.Access, VLANTrunk: l2.Trunk, VLANNativeTagged: l2.NativeTagged,
	VLANNativeUntagged: l2.NativeUntagged, VLANTunnel: l2.Tunnel,
}

// l2 is v as the data path wants it. Errors: a mode that is not known; a trunk port is
// made of it.
func (v *VLAN) l2() (ofswitch.L2Port, error) {
	p := ofswitch.L2Port{Protected: v.Protected, VLAN: l2.VLAN{
		Trunks: l2.NewVLANs(v.Trunks), CVLANs: l2.NewVLANs(v.CVLANs), TPID: 0x88a8,
	}}
	has := v.HasTag && v.Tag <= 4095
	if has {
		p.VLAN.Tag = v.Tag
	}
	if v.EtherType == "802.1q" {
		p.VLAN.TPID = 0x8100
	}
	switch v.PriorityTags {
	case "if-nonzero", "true":
		p.VLAN.Priority = l2.PriorityIfNonzero
	case "always":
		p.VLAN.Priority = l2.PriorityAlways
	}
	mode, known := vlanModes[v.Mode]
	switch {
	case v.Mode == VLANDefault && has:
		mode = l2.Access
	case v.Mode != VLANDefault && !known:
		return p, fmt.Errorf("unknown VLAN mode %s, falling back to trunk mode", v.Mode)
	}
	p.VLAN.Mode = mode
	return p, nil
}

// bondModes are the values of column bond_mode.
var bondModes = map[BondMode]l2.BondMode{
	"": l2.ActiveBackup, BondActiveBackup: l2.ActiveBackup, BondBalanceSLB: l2.BalanceSLB, BondBalanceTCP: l2.BalanceTCP,
}

// l2 is b as the data path wants it, with the numbers of ports by name. Errors: a mode
// that is not known; the bond is an active-backup one.
func (b *Bond) l2(numbers map[string]ofp.PortNo) (ofswitch.L2Bond, error) {
	port, err := b.VLAN.l2()
	mode, known := bondModes[b.Mode]
	if !known && err == nil {
		err = fmt.Errorf("unknown bond_mode %s, defaulting to %s", b.Mode, l2.ActiveBackup)
	}
	bond := ofswitch.L2Bond{Name: b.Name, L2Port: port, Config: l2.BondConfig{
		Mode: mode, UpDelay: max(0, b.UpDelay), DownDelay: max(0, b.DownDelay), Primary: b.Primary,
		LACP: b.LACP == "active" || b.LACP == "passive", FallbackAB: b.FallbackAB,
	}}
	if err == nil && bond.Config.LACP {
		err = fmt.Errorf("this switch does not speak LACP: the bond passes nothing, or with lacp-fallback-ab=true is an active-backup one")
	}
	for _, name := range b.Members {
		if no, ok := numbers[name]; ok {
			bond.Members = append(bond.Members, no)
		}
	}
	return bond, err
}
