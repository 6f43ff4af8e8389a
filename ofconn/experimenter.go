package ofconn

import "ofswitch/ofp"

// handleExperimenter takes those messages of ONF's and Nicira's extensions that
// are for a switch.
func (c *conn) handleExperimenter(h ofp.Header, msg []byte, m ofp.Message) error {
	e := m.(*ofp.Experimenter)
	if e.IsBundle() {
		// Before anything else: a slave has no use for what is wrong with it.
		if err := c.slaveMay(false, h); err != nil {
			return c.refuse(h, msg, err)
		}
	}
	parsed, err := guarded(h, func() (ofp.Message, error) { return e.Parse(h.XID) })
	if err != nil {
		return c.refuse(h, msg, err)
	}
	switch p := parsed.(type) {
	case *ofp.BundleControl:
		return c.handleBundleControl(h, msg, p)
	case *ofp.BundleAdd:
		return c.handleBundleAdd(h, msg, p)
	case *ofp.FlowMonitorCancel:
		return c.result(h, msg, c.cancelMonitor(p.ID))
	}
	return c.refuse(h, msg, ofp.BadRequestBadExpType.Errorf("%s is not for a switch to receive, or not supported", e.Name()))
}
