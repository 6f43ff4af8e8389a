package ofp

// Instruction numbers (OpenFlow 1.3.5 §7.2.4).
const (
	InstrGotoTable     = 1
	InstrWriteMetadata = 2
	InstrWriteActions  = 3
	InstrApplyActions  = 4
	InstrClearActions  = 5
	InstrMeter         = 6
	InstrExperimenter  = 0xffff
)

// Instructions is the instruction set of a flow entry: at most one of each
// type, so a struct and not a list. Order on the wire does not matter; they are
// executed in the order meter, apply, clear, write, metadata, goto
// (OpenFlow 1.3.5 §5.9).
type Instructions struct {
	Has          InstrSet // which are present: an empty ApplyActions is present too
	Meter        uint32
	Apply        []Action
	Write        []Action
	Metadata     uint64
	MetadataMask uint64
	Goto         TableID
	// Order is the order of the instructions on the wire, by type number, so
	// that statistics give them back as they were sent.
	Order [6]uint8
}

// InstrSet has bit 1<<type set for each instruction present.
type InstrSet uint8

// Contains says whether instruction t (InstrGotoTable...) is present.
func (s InstrSet) Contains(t int) bool { return s&(1<<t) != 0 }
