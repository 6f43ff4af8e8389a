package ofp

import "fmt"

// errorTypes has the names of the error types and, by number, those of their
// codes (OpenFlow 1.3.5 §7.4.4). It is the one list of them.
var errorTypes = [...]struct {
	name   string // OFPET_ + this
	prefix string // of the names of the codes
	codes  []errorText
}{
	ErrHelloFailed: {"HELLO_FAILED", "OFPHFC_", []errorText{
		{"INCOMPATIBLE", "The two sides have no OpenFlow version in common."},
		{"EPERM", "The peer may not connect."},
	}},
	ErrBadRequest: {"BAD_REQUEST", "OFPBRC_", []errorText{
		{"BAD_VERSION", "The message's version is not the one that was negotiated."},
		{"BAD_TYPE", "The message's type is unknown, or not one that a switch takes."},
		{"BAD_MULTIPART", "The multipart request's type is unknown."},
		{"BAD_EXPERIMENTER", "The experimenter of the message is unknown."},
		{"BAD_EXP_TYPE", "The experimenter has no message of this type."},
		{"EPERM", "The sender may not do this."},
		{"BAD_LEN", "The message has the wrong length for its type."},
		{"BUFFER_EMPTY", "The buffered packet was used already."},
		{"BUFFER_UNKNOWN", "There is no such buffered packet."},
		{"BAD_TABLE_ID", "There is no such table, or it does not take this request."},
		{"IS_SLAVE", "The controller's role is slave, which may not change anything."},
		{"BAD_PORT", "There is no such port, or it does not take this request."},
		{"BAD_PACKET", "The packet in the packet-out is invalid or missing."},
		{"MULTIPART_BUFFER_OVERFLOW", "The multipart request has more parts than the switch buffers."},
	}},
	ErrBadAction: {"BAD_ACTION", "OFPBAC_", []errorText{
		{"BAD_TYPE", "The action's type is unknown."},
		{"BAD_LEN", "The action has the wrong length for its type."},
		{"BAD_EXPERIMENTER", "The experimenter of the action is unknown."},
		{"BAD_EXP_TYPE", "The experimenter has no action of this type."},
		{"BAD_OUT_PORT", "The action outputs to a port that is invalid here."},
		{"BAD_ARGUMENT", "An argument of the action is invalid."},
		{"EPERM", "The sender may not use this action."},
		{"TOO_MANY", "There are too many actions."},
		{"BAD_QUEUE", "The action chooses a queue that is invalid here."},
		{"BAD_OUT_GROUP", "The action refers to a group that does not exist or is invalid."},
		{"MATCH_INCONSISTENT", "The action cannot be applied to frames of this match, or lacks what the match must have."},
		{"UNSUPPORTED_ORDER", "The actions cannot be applied in this order."},
		{"BAD_TAG", "The action uses a tag or encapsulation that is not supported."},
		{"BAD_SET_TYPE", "The set-field action's field is unknown."},
		{"BAD_SET_LEN", "The set-field action has the wrong length for its field."},
		{"BAD_SET_ARGUMENT", "The set-field action's value is invalid, or its field cannot be set."},
	}},
	ErrBadInstruction: {"BAD_INSTRUCTION", "OFPBIC_", []errorText{
		{"UNKNOWN_INST", "The instruction's type is unknown."},
		{"UNSUP_INST", "The switch or the table does not support this instruction here."},
		{"BAD_TABLE_ID", "The goto-table instruction names a table that is not behind this one."},
		{"UNSUP_METADATA", "The switch cannot write these bits of the metadata."},
		{"UNSUP_METADATA_MASK", "The switch cannot mask these bits of the metadata."},
		{"BAD_EXPERIMENTER", "The experimenter of the instruction is unknown."},
		{"BAD_EXP_TYPE", "The experimenter has no instruction of this type."},
		{"BAD_LEN", "The instruction has the wrong length for its type."},
		{"EPERM", "The sender may not use this instruction."},
	}},
	ErrBadMatch: {"BAD_MATCH", "OFPBMC_", []errorText{
		{"BAD_TYPE", "The match's type is not OXM."},
		{"BAD_LEN", "The match or one of its fields has the wrong length."},
		{"BAD_TAG", "The match asks for a tag or encapsulation that is not supported."},
		{"BAD_DL_ADDR_MASK", "The switch cannot mask Ethernet addresses like this."},
		{"BAD_NW_ADDR_MASK", "The switch cannot mask network addresses like this."},
		{"BAD_WILDCARDS", "A field's value has bits where its mask has none, or fields are combined with omissions that are not supported."},
		{"BAD_FIELD", "A field of the match is unknown."},
		{"BAD_VALUE", "A field of the match has a value that it cannot have."},
		{"BAD_MASK", "A field of the match has a mask that it cannot have."},
		{"BAD_PREREQ", "A field stands in the match without the fields that it depends on before it."},
		{"DUP_FIELD", "A field stands twice in the match."},
		{"EPERM", "The sender may not use this match."},
	}},
	ErrFlowModFailed: {"FLOW_MOD_FAILED", "OFPFMFC_", []errorText{
		{"UNKNOWN", "The flow-mod failed for a reason that has no code."},
		{"TABLE_FULL", "The table is full."},
		{"BAD_TABLE_ID", "There is no such table."},
		{"OVERLAP", "The new entry overlaps an entry of the same priority."},
		{"EPERM", "The sender may not change this entry."},
		{"BAD_TIMEOUT", "The switch does not support this timeout."},
		{"BAD_COMMAND", "The flow-mod's command is unknown."},
		{"BAD_FLAGS", "The flow-mod has flags that are unknown."},
	}},
	ErrGroupModFailed: {"GROUP_MOD_FAILED", "OFPGMFC_", []errorText{
		{"GROUP_EXISTS", "A group with this number exists already."},
		{"INVALID_GROUP", "The group's number, type or number of buckets is invalid."},
		{"WEIGHT_UNSUPPORTED", "The switch does not support weights of different size."},
		{"OUT_OF_GROUPS", "The switch has no room for a further group."},
		{"OUT_OF_BUCKETS", "The group has more buckets than the switch takes."},
		{"CHAINING_UNSUPPORTED", "The switch does not support groups that refer to groups."},
		{"WATCH_UNSUPPORTED", "The switch cannot watch this port or group."},
		{"LOOP", "The group would refer to itself."},
		{"UNKNOWN_GROUP", "There is no such group."},
		{"CHAINED_GROUP", "Another group refers to this one."},
		{"BAD_TYPE", "The group's type is unknown."},
		{"BAD_COMMAND", "The group-mod's command is unknown."},
		{"BAD_BUCKET", "A bucket of the group is invalid."},
		{"BAD_WATCH", "A bucket watches a port or group that does not exist."},
		{"EPERM", "The sender may not change groups."},
	}},
	ErrPortModFailed: {"PORT_MOD_FAILED", "OFPPMFC_", []errorText{
		{"BAD_PORT", "There is no such port."},
		{"BAD_HW_ADDR", "The hardware address is not that of the port."},
		{"BAD_CONFIG", "The port's configuration cannot be changed like this."},
		{"BAD_ADVERTISE", "The advertised features cannot be changed like this."},
		{"EPERM", "The sender may not change ports."},
	}},
	ErrTableModFailed: {"TABLE_MOD_FAILED", "OFPTMFC_", []errorText{
		{"BAD_TABLE", "There is no such table."},
		{"BAD_CONFIG", "The table's configuration cannot be changed like this."},
		{"EPERM", "The sender may not change tables."},
	}},
	ErrQueueOpFailed: {"QUEUE_OP_FAILED", "OFPQOFC_", []errorText{
		{"BAD_PORT", "There is no such port."},
		{"BAD_QUEUE", "There is no such queue."},
		{"EPERM", "The sender may not ask about queues."},
	}},
	ErrSwitchConfigFailed: {"SWITCH_CONFIG_FAILED", "OFPSCFC_", []errorText{
		{"BAD_FLAGS", "The switch cannot have this configuration."},
		{"BAD_LEN", "The length in miss_send_len is invalid."},
		{"EPERM", "The sender may not configure the switch."},
	}},
	ErrRoleRequestFailed: {"ROLE_REQUEST_FAILED", "OFPRRFC_", []errorText{
		{"STALE", "The generation id is older than one that the switch has seen."},
		{"UNSUP", "The switch does not let its controllers change roles."},
		{"BAD_ROLE", "The role is unknown."},
	}},
	ErrMeterModFailed: {"METER_MOD_FAILED", "OFPMMFC_", []errorText{
		{"UNKNOWN", "The meter-mod failed for a reason that has no code."},
		{"METER_EXISTS", "A meter with this number exists already."},
		{"INVALID_METER", "The meter's number is invalid, or no meter has it."},
		{"UNKNOWN_METER", "There is no such meter."},
		{"BAD_COMMAND", "The meter-mod's command is unknown."},
		{"BAD_FLAGS", "The meter's flags are unknown or contradict each other."},
		{"BAD_RATE", "A band has a rate that is not supported."},
		{"BAD_BURST", "A band has a burst size that is not supported."},
		{"BAD_BAND", "A band has a type that is not supported."},
		{"BAD_BAND_VALUE", "A band has a value that is not supported."},
		{"OUT_OF_METERS", "The switch has no room for a further meter."},
		{"OUT_OF_BANDS", "The meter has more bands than the switch takes, or none."},
	}},
	ErrTableFeaturesFailed: {"TABLE_FEATURES_FAILED", "OFPTFFC_", []errorText{
		{"BAD_TABLE", "There is no such table."},
		{"BAD_METADATA", "The metadata's mask is not supported."},
		{"BAD_TYPE", "A property's type is unknown."},
		{"BAD_LEN", "A property has the wrong length."},
		{"BAD_ARGUMENT", "A property has a value that is not supported."},
		{"EPERM", "The sender may not configure tables."},
	}},
}

// errorText describes one code.
type errorText struct {
	name     string
	sentence string
}

// text finds the description of a code, nil when there is none.
func (c Code) text() *errorText {
	if e, ok := experimenterErrors[c]; ok {
		return &e.errorText
	}
	if t := int(c.Type()); t < len(errorTypes) {
		if n := int(c.Number()); n < len(errorTypes[t].codes) {
			return &errorTypes[t].codes[n]
		}
	}
	return nil
}

// String is the specification's name, "OFPBMC_BAD_PREREQ".
func (c Code) String() string {
	if e, ok := experimenterErrors[c]; ok {
		return e.name
	}
	if e := c.text(); e != nil {
		return errorTypes[c.Type()].prefix + e.name
	}
	return fmt.Sprintf("%v code %d", c.Type(), c.Number())
}

// ovsNames are the codes that Open vSwitch has another name for: that of the
// same error in another version of OpenFlow.
var ovsNames = map[Code]string{
	BadRequestBadMultipart:         "OFPBRC_BAD_STAT",
	BadRequestBadExperimenter:      "OFPBRC_BAD_VENDOR",
	BadRequestBadExpType:           "OFPBRC_BAD_SUBTYPE",
	BadRequestIsSlave:              "OFPBRC_IS_SECONDARY",
	BadActionBadExperimenter:       "OFPBAC_BAD_VENDOR",
	BadActionBadExpType:            "OFPBAC_BAD_VENDOR_TYPE",
	TableFeaturesFailedBadType:     "OFPBPC_BAD_TYPE",
	TableFeaturesFailedBadLen:      "OFPBPC_BAD_LEN",
	TableFeaturesFailedBadArgument: "OFPBPC_BAD_VALUE",
}

// OVSName is the name that ovs-ofctl prints for the code; for most it is the
// specification's.
func (c Code) OVSName() string {
	if s, ok := ovsNames[c]; ok {
		return s
	}
	return c.String()
}

// CodeText says in a plain sentence what a code means; empty for an unknown
// one.
func CodeText(c Code) string {
	if e := c.text(); e != nil {
		return e.sentence
	}
	return ""
}

// String is the specification's name, "OFPET_BAD_MATCH".
func (t ErrorType) String() string {
	switch {
	case int(t) < len(errorTypes):
		return "OFPET_" + errorTypes[t].name
	case t == ErrExperimenter:
		return "OFPET_EXPERIMENTER"
	}
	return fmt.Sprintf("error type %d", uint16(t))
}
