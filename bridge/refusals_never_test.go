package bridge

import "ofswitch/ofp"

// noPermissions is why the EPERM codes do not occur: who is let in by the
// listener's file mode, address or certificate may do what its role allows.
const noPermissions = "no permissions beyond roles: whoever may connect may do what the role allows (IS_SLAVE otherwise)"

// neverRefused are the codes whose condition cannot occur in this switch, and
// why.
var neverRefused = map[ofp.Code]string{
	ofp.HelloFailedEPerm: "who may not connect is refused before the hello, by the socket's file mode or by TLS",

	ofp.BadRequestEPerm: noPermissions + "; it stands for a failure of the switch's own, and none is known",

	ofp.BadActionEPerm:            noPermissions,
	ofp.BadActionBadExpType:       "no experimenter has actions here, so the experimenter is what is unknown",
	ofp.BadActionTooMany:          "no bound on the number of actions below what a message holds",
	ofp.BadActionUnsupportedOrder: "actions are carried out in any order",
	ofp.BadActionBadTag:           "all tags that OpenFlow 1.3 can push, pop and set are supported; an EtherType that is none of a tag is BAD_ARGUMENT",

	ofp.BadInstructionBadExpType: "no experimenter has instructions here, so the experimenter is what is unknown",
	ofp.BadInstructionEPerm:      noPermissions,

	ofp.BadMatchBadTag:        "all encapsulations that OpenFlow 1.3 can match are supported",
	ofp.BadMatchBadDLAddrMask: "every mask of an Ethernet address is supported",
	ofp.BadMatchBadNWAddrMask: "every mask of an IPv4, IPv6 or ARP address is supported",
	ofp.BadMatchEPerm:         noPermissions,

	ofp.FlowModFailedUnknown:    "each reason for a refusal has its code; it stands for a failure of the switch's own, and none is known",
	ofp.FlowModFailedEPerm:      noPermissions,
	ofp.FlowModFailedBadTimeout: "all timeouts of 0 to 65535 s are supported",

	ofp.GroupModFailedWeightUnsupported:   "all weights are supported",
	ofp.GroupModFailedChainingUnsupported: "groups may send to groups",
	ofp.GroupModFailedEPerm:               noPermissions,

	ofp.TableModFailedEPerm: noPermissions,

	ofp.TableFeaturesFailedBadMetadata: "all 64 bits of metadata can be matched and written",
	ofp.TableFeaturesFailedEPerm:       noPermissions,

	ofp.QueueOpFailedEPerm: noPermissions,

	ofp.SwitchConfigFailedEPerm: noPermissions,

	ofp.RoleRequestFailedUnsup: "every controller may have every role",

	ofp.MeterModFailedUnknown:  "each reason for a refusal has its code; it stands for a failure of the switch's own, and none is known",
	ofp.MeterModFailedBadBurst: "every burst size is supported; 0 asks for one that suits the rate",
}
