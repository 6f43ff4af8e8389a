package ofconn

import "ofswitch/ofp"

// undefinedGeneration stands in replies for a generation id that nobody has set.
const undefinedGeneration = ^uint64(0)

// setRole changes c's role and gives the role and the generation id that are
// then in force. Of all controllers of the switch at most one is master: a new
// one makes a slave of the old one.
func (m *Manager) setRole(c *conn, req *ofp.RoleRequest) (ofp.Role, uint64, error) {
	role, generation := req.Role, req.GenerationID
	m.mu.Lock()
	defer m.mu.Unlock()
	switch role {
	case ofp.RoleNoChange:
	case ofp.RoleEqual:
		c.role.Store(uint32(role)) // the generation id is not looked at
	case ofp.RoleMaster, ofp.RoleSlave:
		// A signed distance, so that ids may wrap around (§6.3.6).
		if m.generationSet && !req.NoGeneration && int64(generation-m.generation) < 0 {
			return 0, 0, ofp.RoleRequestFailedStale.Errorf("generation id %#x is older than %#x", generation, m.generation)
		}
		if !req.NoGeneration {
			m.generation, m.generationSet = generation, true
		}
		if role == ofp.RoleMaster {
			for _, other := range m.established() {
				if other.channel != c.channel && ofp.Role(other.role.Load()) == ofp.RoleMaster {
					other.role.Store(uint32(ofp.RoleSlave))
					other.channel.main.demoted(m.generation)
					other.log.Info("controller is slave now: another one became master", "master", c.peer)
				}
			}
		}
		c.role.Store(uint32(role))
	default:
		return 0, 0, ofp.RoleRequestFailedBadRole.Errorf("role %d does not exist", uint32(role))
	}
	g := undefinedGeneration
	if m.generationSet {
		g = m.generation
	}
	return ofp.Role(c.role.Load()), g, nil
}

func (c *conn) handleRole(h ofp.Header, msg []byte, m ofp.Message) error {
	req := m.(*ofp.RoleRequest)
	was := ofp.Role(c.role.Load())
	role, generation, err := c.m.setRole(c, req)
	if err != nil {
		return c.refuse(h, msg, err)
	}
	if role != was {
		c.m.tellStatus()
		c.log.Info("controller changed its role", "from", was, "to", role)
	}
	return c.reply(h.XID, &ofp.RoleReply{Role: role, GenerationID: generation})
}

func (c *conn) handleGetAsync(h ofp.Header, _ []byte, _ ofp.Message) error {
	return c.reply(h.XID, &ofp.GetAsyncReply{AsyncConfig: *c.async.Load()})
}

func (c *conn) handleSetAsync(_ ofp.Header, _ []byte, m ofp.Message) error {
	c.async.Store(&m.(*ofp.SetAsync).AsyncConfig)
	return nil
}
