package text

import "ofswitch/ofp"

// ovsErrorNames are the codes that ovs-ofctl names otherwise than the
// specification does: as OpenFlow 1.0 did, or as a later version does.
var ovsErrorNames = map[ofp.Code]string{
	ofp.BadRequestBadMultipart:         "OFPBRC_BAD_STAT",
	ofp.BadRequestBadExperimenter:      "OFPBRC_BAD_VENDOR",
	ofp.BadRequestBadExpType:           "OFPBRC_BAD_SUBTYPE",
	ofp.BadRequestIsSlave:              "OFPBRC_IS_SECONDARY",
	ofp.BadActionBadExperimenter:       "OFPBAC_BAD_VENDOR",
	ofp.BadActionBadExpType:            "OFPBAC_BAD_VENDOR_TYPE",
	ofp.TableFeaturesFailedBadType:     "OFPBPC_BAD_TYPE",
	ofp.TableFeaturesFailedBadLen:      "OFPBPC_BAD_LEN",
	ofp.TableFeaturesFailedBadArgument: "OFPBPC_BAD_VALUE",
}

// errorName is a code's name as ovs-ofctl prints it.
func errorName(c ofp.Code) string {
	if s, ok := ovsErrorNames[c]; ok {
		return s
	}
	return c.String()
}
