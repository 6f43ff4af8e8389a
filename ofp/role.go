package ofp

import (
	"fmt"

	"ofswitch/ofp/internal/octets"
)

// Role is OFPCR_ROLE_*.
type Role uint32

// Roles of a controller (OpenFlow 1.3.5 §7.3.9).
const (
	RoleNoChange Role = 0 // of requests: asks which role it is
	RoleEqual    Role = 1 // full access, beside others
	RoleMaster   Role = 2 // full access; at most one
	RoleSlave    Role = 3 // reads only
)

var roleNames = [...]string{"nochange", "equal", "master", "slave"}

// String is the name in small letters: "master".
func (r Role) String() string {
	if int64(r) < int64(len(roleNames)) {
		return roleNames[r]
	}
	return fmt.Sprintf("role %d", uint32(r))
}

const roleLen = 16

func appendRole(b []byte, r Role, generation uint64) []byte {
	b = be.AppendUint32(b, uint32(r))
	b = octets.Zeros(b, 4)
	return be.AppendUint64(b, generation)
}

// RoleRequest asks for another role, or which one it is (OpenFlow 1.3.5
// §7.3.9). GenerationID counts the elections of a master; with RoleNoChange and
// RoleEqual it means nothing.
type RoleRequest struct {
	Role         Role
	GenerationID uint64
	// NoGeneration: the request has none (it came as Nicira's message of OpenFlow
	// 1.0), and that of earlier ones is not looked at.
	NoGeneration bool
}

// Type is TypeRoleRequest.
func (*RoleRequest) Type() Type { return TypeRoleRequest }

// Len is the body's length.
func (*RoleRequest) Len() int { return roleLen }

// Append encodes the body.
func (m *RoleRequest) Append(b []byte) []byte { return appendRole(b, m.Role, m.GenerationID) }

func decodeRoleRequest(b []byte) (Message, error) {
	m := &RoleRequest{Role: Role(be.Uint32(b)), GenerationID: be.Uint64(b[8:])}
	if m.Role > RoleSlave {
		return nil, RoleRequestFailedBadRole.Errorf("role %d does not exist", uint32(m.Role))
	}
	return m, nil
}

// RoleReply answers a RoleRequest with what is now in force (OpenFlow 1.3.5
// §7.3.9); a GenerationID of all ones has not been set yet.
type RoleReply struct {
	Role         Role
	GenerationID uint64
}

// Type is TypeRoleReply.
func (*RoleReply) Type() Type { return TypeRoleReply }

// Len is the body's length.
func (*RoleReply) Len() int { return roleLen }

// Append encodes the body.
func (m *RoleReply) Append(b []byte) []byte { return appendRole(b, m.Role, m.GenerationID) }

func decodeRoleReply(b []byte) (Message, error) {
	return &RoleReply{Role: Role(be.Uint32(b)), GenerationID: be.Uint64(b[8:])}, nil
}
