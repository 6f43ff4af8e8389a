package ofp

// onfRoleStatus is the type of the ONF role status message.
const onfRoleStatus = 1911

const roleStatusLen = 16

// Reasons of a RoleStatus.
const (
	RoleStatusMasterRequest = 0 // another controller has become master
	RoleStatusConfig        = 1 // the switch's configuration was changed
	RoleStatusExperimenter  = 2
)

// RoleStatus tells a controller that its role was changed by others (ONF
// extension 191; OpenFlow 1.4 §7.4.4).
type RoleStatus struct {
	Role         Role // what it is now
	Reason       uint8
	GenerationID uint64
	Properties   []Property
}

// Type is TypeExperimenter.
func (*RoleStatus) Type() Type { return TypeExperimenter }

// Len is the body's length.
func (m *RoleStatus) Len() int {
	return experimenterHeaderLen + roleStatusLen + propertiesLen(m.Properties)
}

// Append encodes the body.
func (m *RoleStatus) Append(b []byte) []byte {
	b = appendExperimenter(b, ExperimenterONF, onfRoleStatus)
	b = be.AppendUint32(b, uint32(m.Role))
	b = append(b, m.Reason, 0, 0, 0)
	b = be.AppendUint64(b, m.GenerationID)
	return appendProperties(b, m.Properties)
}

func decodeRoleStatus(_, _ uint32, b []byte) (Message, error) {
	properties, err := decodeProperties(b[roleStatusLen:])
	if err != nil {
		return nil, err
	}
	return &RoleStatus{Role: Role(be.Uint32(b)), Reason: b[4], GenerationID: be.Uint64(b[8:]), Properties: properties}, nil
}
