package ofconn

import (
	"encoding/binary"
	"fmt"

	"ofswitch/ofp"
)

// Role is OFPCR_ROLE_* (OpenFlow 1.3.5 §7.3.9).
type Role uint32

// Roles.
const (
	roleNoChange Role = 0
	RoleEqual    Role = 1 // full access, beside others
	RoleMaster   Role = 2 // full access; at most one
	RoleSlave    Role = 3 // reads only, and gets port-status alone
)

func (r Role) String() string {
	switch r {
	case RoleEqual:
		return "equal"
	case RoleMaster:
		return "master"
	case RoleSlave:
		return "slave"
	}
	return fmt.Sprintf("role %d", uint32(r))
}

// undefinedGeneration stands in replies for a generation id that nobody has set.
const undefinedGeneration = ^uint64(0)

// roleLen is the length of the body of a role message.
const roleLen = 16

// setRole changes c's role and gives the role and the generation id that are
// then in force. Of all controllers of the switch at most one is master: a new
// one makes a slave of the old one.
func (m *Manager) setRole(c *conn, role Role, generation uint64) (Role, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch role {
	case roleNoChange:
	case RoleEqual:
		c.role.Store(uint32(role)) // the generation id is not looked at
	case RoleMaster, RoleSlave:
		// A signed distance, so that ids may wrap around (§6.3.6).
		if m.generationSet && int64(generation-m.generation) < 0 {
			return 0, 0, ofp.RoleRequestFailedStale.Errorf("generation id %#x is older than %#x", generation, m.generation)
		}
		m.generation, m.generationSet = generation, true
		if role == RoleMaster {
			for _, other := range m.established() {
				if other != c && Role(other.role.Load()) == RoleMaster {
					other.role.Store(uint32(RoleSlave))
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
	return Role(c.role.Load()), g, nil
}

func (c *conn) handleRole(h ofp.Header, msg []byte, m ofp.Message) error {
	b := m.(*ofp.Raw).Body
	was := Role(c.role.Load())
	role, generation, err := c.m.setRole(c, Role(binary.BigEndian.Uint32(b)), binary.BigEndian.Uint64(b[8:]))
	if err != nil {
		return c.refuse(h, msg, err)
	}
	if role != was {
		c.log.Info("controller changed its role", "from", was, "to", role)
	}
	body := make([]byte, roleLen)
	binary.BigEndian.PutUint32(body, uint32(role))
	binary.BigEndian.PutUint64(body[8:], generation)
	return c.reply(h.XID, &ofp.Raw{T: ofp.TypeRoleReply, Body: body})
}

func (c *conn) handleGetAsync(h ofp.Header, _ []byte, _ ofp.Message) error {
	return c.reply(h.XID, &ofp.Raw{T: ofp.TypeGetAsyncReply, Body: c.async.Load().body()})
}

func (c *conn) handleSetAsync(_ ofp.Header, _ []byte, m ofp.Message) error {
	c.async.Store(parseAsync(m.(*ofp.Raw).Body))
	return nil
}
