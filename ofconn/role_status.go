package ofconn

import "ofswitch/ofp"

// demoted tells a controller that it is a slave now, since another one has become
// master (ONF extension 191). Like Open vSwitch it asks no filter: OpenFlow 1.3 has
// none for it. It does not block.
func (c *conn) demoted(generation uint64) {
	b := c.encode(asyncXID, &ofp.RoleStatus{Role: ofp.RoleSlave, Reason: ofp.RoleStatusMasterRequest, GenerationID: generation})
	if b != nil && !c.out.putAsync(b) {
		// Who has not read so much would long go on as a master.
		c.close(errOverrun)
	}
}
