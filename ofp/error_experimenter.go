package ofp

// Error codes of OFPET_EXPERIMENTER that are known: those of ONF extension 230
// (bundles) and one of 264 (multipart timeouts), and Nicira's of flow monitors. The number is the experimenter's type.
const (
	BundleFailedUnknown          Code = 0xffff<<16 + 2300
	BundleFailedEPerm            Code = 0xffff<<16 + 2301
	BundleFailedBadID            Code = 0xffff<<16 + 2302
	BundleFailedBundleExist      Code = 0xffff<<16 + 2303
	BundleFailedBundleClosed     Code = 0xffff<<16 + 2304
	BundleFailedOutOfBundles     Code = 0xffff<<16 + 2305
	BundleFailedBadType          Code = 0xffff<<16 + 2306
	BundleFailedBadFlags         Code = 0xffff<<16 + 2307
	BundleFailedMsgBadLen        Code = 0xffff<<16 + 2308
	BundleFailedMsgBadXID        Code = 0xffff<<16 + 2309
	BundleFailedMsgUnsup         Code = 0xffff<<16 + 2310
	BundleFailedMsgConflict      Code = 0xffff<<16 + 2311
	BundleFailedMsgTooMany       Code = 0xffff<<16 + 2312
	BundleFailedMsgFailed        Code = 0xffff<<16 + 2313
	BundleFailedTimeout          Code = 0xffff<<16 + 2314
	BundleFailedBundleInProgress Code = 0xffff<<16 + 2315

	MultipartRequestTimeout Code = 0xffff<<16 + 2640

	FlowMonitorFailedMonitorExists  Code = 0xffff<<16 + 6
	FlowMonitorFailedBadFlags       Code = 0xffff<<16 + 7
	FlowMonitorFailedUnknownMonitor Code = 0xffff<<16 + 8
)

// experimenterErrors has the experimenter of each code, its name as ovs-ofctl
// prints it, and what it means. No two experimenters use the same number.
var experimenterErrors = map[Code]struct {
	experimenter uint32
	errorText
}{
	BundleFailedUnknown:          {ExperimenterONF, errorText{"OFPBFC_UNKNOWN", "The bundle failed for a reason that has no code."}},
	BundleFailedEPerm:            {ExperimenterONF, errorText{"OFPBFC_EPERM", "The sender may not use bundles."}},
	BundleFailedBadID:            {ExperimenterONF, errorText{"OFPBFC_BAD_ID", "There is no such bundle."}},
	BundleFailedBundleExist:      {ExperimenterONF, errorText{"OFPBFC_BUNDLE_EXIST", "There is such a bundle already."}},
	BundleFailedBundleClosed:     {ExperimenterONF, errorText{"OFPBFC_BUNDLE_CLOSED", "The bundle is closed and takes no more messages."}},
	BundleFailedOutOfBundles:     {ExperimenterONF, errorText{"OFPBFC_OUT_OF_BUNDLES", "There are too many bundles."}},
	BundleFailedBadType:          {ExperimenterONF, errorText{"OFPBFC_BAD_TYPE", "The bundle operation is unknown, or not one that a switch takes."}},
	BundleFailedBadFlags:         {ExperimenterONF, errorText{"OFPBFC_BAD_FLAGS", "The flags are unknown, or not those that the bundle was opened with."}},
	BundleFailedMsgBadLen:        {ExperimenterONF, errorText{"OFPBFC_MSG_BAD_LEN", "The message in the bundle has the wrong length."}},
	BundleFailedMsgBadXID:        {ExperimenterONF, errorText{"OFPBFC_MSG_BAD_XID", "The message in the bundle has another transaction id than the one around it."}},
	BundleFailedMsgUnsup:         {ExperimenterONF, errorText{"OFPBFC_MSG_UNSUP", "A bundle cannot hold a message of this type."}},
	BundleFailedMsgConflict:      {ExperimenterONF, errorText{"OFPBFC_MSG_CONFLICT", "The bundle cannot hold these messages together."}},
	BundleFailedMsgTooMany:       {ExperimenterONF, errorText{"OFPBFC_MSG_TOO_MANY", "The bundle holds too many messages."}},
	BundleFailedMsgFailed:        {ExperimenterONF, errorText{"OFPBFC_MSG_FAILED", "A message in the bundle could not be carried out, and so none was."}},
	BundleFailedTimeout:          {ExperimenterONF, errorText{"OFPBFC_TIMEOUT", "The bundle was open for too long."}},
	BundleFailedBundleInProgress: {ExperimenterONF, errorText{"OFPBFC_BUNDLE_IN_PROGRESS", "Another bundle holds what this request needs."}},

	MultipartRequestTimeout: {ExperimenterONF, errorText{"OFPBRC_MULTIPART_REQUEST_TIMEOUT", "The next part of the multipart request did not come in time."}},

	FlowMonitorFailedMonitorExists:  {ExperimenterNicira, errorText{"OFPMOFC_MONITOR_EXISTS", "There is such a flow monitor already."}},
	FlowMonitorFailedBadFlags:       {ExperimenterNicira, errorText{"OFPMOFC_BAD_FLAGS", "The flow monitor's flags are unknown, or ask for no events."}},
	FlowMonitorFailedUnknownMonitor: {ExperimenterNicira, errorText{"OFPMOFC_UNKNOWN_MONITOR", "There is no such flow monitor."}},
}

// Experimenter is whose code c of OFPET_EXPERIMENTER is, 0 if it is not known.
// It stands before the request in an error message.
func (c Code) Experimenter() uint32 { return experimenterErrors[c].experimenter }
