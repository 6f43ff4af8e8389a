package ofp

// Error codes (OpenFlow 1.3.5 §7.4.4). Names are type and code: BadMatchBadPrereq
// is OFPET_BAD_MATCH, OFPBMC_BAD_PREREQ.
const (
	HelloFailedIncompatible Code = 0<<16 + 0
	HelloFailedEPerm        Code = 0<<16 + 1

	BadRequestBadVersion              Code = 1<<16 + 0
	BadRequestBadType                 Code = 1<<16 + 1
	BadRequestBadMultipart            Code = 1<<16 + 2
	BadRequestBadExperimenter         Code = 1<<16 + 3
	BadRequestBadExpType              Code = 1<<16 + 4
	BadRequestEPerm                   Code = 1<<16 + 5
	BadRequestBadLen                  Code = 1<<16 + 6
	BadRequestBufferEmpty             Code = 1<<16 + 7
	BadRequestBufferUnknown           Code = 1<<16 + 8
	BadRequestBadTableID              Code = 1<<16 + 9
	BadRequestIsSlave                 Code = 1<<16 + 10
	BadRequestBadPort                 Code = 1<<16 + 11
	BadRequestBadPacket               Code = 1<<16 + 12
	BadRequestMultipartBufferOverflow Code = 1<<16 + 13

	BadActionBadType           Code = 2<<16 + 0
	BadActionBadLen            Code = 2<<16 + 1
	BadActionBadExperimenter   Code = 2<<16 + 2
	BadActionBadExpType        Code = 2<<16 + 3
	BadActionBadOutPort        Code = 2<<16 + 4
	BadActionBadArgument       Code = 2<<16 + 5
	BadActionEPerm             Code = 2<<16 + 6
	BadActionTooMany           Code = 2<<16 + 7
	BadActionBadQueue          Code = 2<<16 + 8
	BadActionBadOutGroup       Code = 2<<16 + 9
	BadActionMatchInconsistent Code = 2<<16 + 10
	BadActionUnsupportedOrder  Code = 2<<16 + 11
	BadActionBadTag            Code = 2<<16 + 12
	BadActionBadSetType        Code = 2<<16 + 13
	BadActionBadSetLen         Code = 2<<16 + 14
	BadActionBadSetArgument    Code = 2<<16 + 15

	BadInstructionUnknownInst       Code = 3<<16 + 0
	BadInstructionUnsupInst         Code = 3<<16 + 1
	BadInstructionBadTableID        Code = 3<<16 + 2
	BadInstructionUnsupMetadata     Code = 3<<16 + 3
	BadInstructionUnsupMetadataMask Code = 3<<16 + 4
	BadInstructionBadExperimenter   Code = 3<<16 + 5
	BadInstructionBadExpType        Code = 3<<16 + 6
	BadInstructionBadLen            Code = 3<<16 + 7
	BadInstructionEPerm             Code = 3<<16 + 8

	BadMatchBadType       Code = 4<<16 + 0
	BadMatchBadLen        Code = 4<<16 + 1
	BadMatchBadTag        Code = 4<<16 + 2
	BadMatchBadDLAddrMask Code = 4<<16 + 3
	BadMatchBadNWAddrMask Code = 4<<16 + 4
	BadMatchBadWildcards  Code = 4<<16 + 5
	BadMatchBadField      Code = 4<<16 + 6
	BadMatchBadValue      Code = 4<<16 + 7
	BadMatchBadMask       Code = 4<<16 + 8
	BadMatchBadPrereq     Code = 4<<16 + 9
	BadMatchDupField      Code = 4<<16 + 10
	BadMatchEPerm         Code = 4<<16 + 11

	FlowModFailedUnknown    Code = 5<<16 + 0
	FlowModFailedTableFull  Code = 5<<16 + 1
	FlowModFailedBadTableID Code = 5<<16 + 2
	FlowModFailedOverlap    Code = 5<<16 + 3
	FlowModFailedEPerm      Code = 5<<16 + 4
	FlowModFailedBadTimeout Code = 5<<16 + 5
	FlowModFailedBadCommand Code = 5<<16 + 6
	FlowModFailedBadFlags   Code = 5<<16 + 7

	GroupModFailedGroupExists         Code = 6<<16 + 0
	GroupModFailedInvalidGroup        Code = 6<<16 + 1
	GroupModFailedWeightUnsupported   Code = 6<<16 + 2
	GroupModFailedOutOfGroups         Code = 6<<16 + 3
	GroupModFailedOutOfBuckets        Code = 6<<16 + 4
	GroupModFailedChainingUnsupported Code = 6<<16 + 5
	GroupModFailedWatchUnsupported    Code = 6<<16 + 6
	GroupModFailedLoop                Code = 6<<16 + 7
	GroupModFailedUnknownGroup        Code = 6<<16 + 8
	GroupModFailedChainedGroup        Code = 6<<16 + 9
	GroupModFailedBadType             Code = 6<<16 + 10
	GroupModFailedBadCommand          Code = 6<<16 + 11
	GroupModFailedBadBucket           Code = 6<<16 + 12
	GroupModFailedBadWatch            Code = 6<<16 + 13
	GroupModFailedEPerm               Code = 6<<16 + 14

	PortModFailedBadPort      Code = 7<<16 + 0
	PortModFailedBadHWAddr    Code = 7<<16 + 1
	PortModFailedBadConfig    Code = 7<<16 + 2
	PortModFailedBadAdvertise Code = 7<<16 + 3
	PortModFailedEPerm        Code = 7<<16 + 4

	TableModFailedBadTable  Code = 8<<16 + 0
	TableModFailedBadConfig Code = 8<<16 + 1
	TableModFailedEPerm     Code = 8<<16 + 2

	QueueOpFailedBadPort  Code = 9<<16 + 0
	QueueOpFailedBadQueue Code = 9<<16 + 1
	QueueOpFailedEPerm    Code = 9<<16 + 2

	SwitchConfigFailedBadFlags Code = 10<<16 + 0
	SwitchConfigFailedBadLen   Code = 10<<16 + 1
	SwitchConfigFailedEPerm    Code = 10<<16 + 2

	RoleRequestFailedStale   Code = 11<<16 + 0
	RoleRequestFailedUnsup   Code = 11<<16 + 1
	RoleRequestFailedBadRole Code = 11<<16 + 2

	MeterModFailedUnknown      Code = 12<<16 + 0
	MeterModFailedMeterExists  Code = 12<<16 + 1
	MeterModFailedInvalidMeter Code = 12<<16 + 2
	MeterModFailedUnknownMeter Code = 12<<16 + 3
	MeterModFailedBadCommand   Code = 12<<16 + 4
	MeterModFailedBadFlags     Code = 12<<16 + 5
	MeterModFailedBadRate      Code = 12<<16 + 6
	MeterModFailedBadBurst     Code = 12<<16 + 7
	MeterModFailedBadBand      Code = 12<<16 + 8
	MeterModFailedBadBandValue Code = 12<<16 + 9
	MeterModFailedOutOfMeters  Code = 12<<16 + 10
	MeterModFailedOutOfBands   Code = 12<<16 + 11

	TableFeaturesFailedBadTable    Code = 13<<16 + 0
	TableFeaturesFailedBadMetadata Code = 13<<16 + 1
	TableFeaturesFailedBadType     Code = 13<<16 + 2
	TableFeaturesFailedBadLen      Code = 13<<16 + 3
	TableFeaturesFailedBadArgument Code = 13<<16 + 4
	TableFeaturesFailedEPerm       Code = 13<<16 + 5
)
