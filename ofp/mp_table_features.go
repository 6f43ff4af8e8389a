package ofp

import (
	"fmt"

	"ofswitch/flow"
	"ofswitch/ofp/internal/octets"
)

// TableFeatures is what one flow table can do: an entry of the TABLE_FEATURES
// reply, and of the request that asks for other features (OpenFlow 1.3.5
// §7.3.5.5).
type TableFeatures struct {
	Table         TableID
	Name          string // cut off at 31 bytes
	MetadataMatch uint64 // bits of metadata that can be matched
	MetadataWrite uint64 // bits of metadata that can be written
	Config        uint32 // OFPTC_*: deprecated bits only
	MaxEntries    uint32
	Properties    []TableProperty
}

// TableFeaturesRequest is the body of a request that sets the features of all
// tables. A request that only asks has no body.
type TableFeaturesRequest []*TableFeatures

const (
	tableFeaturesLen = 64 // without properties
	tableNameLen     = 32
)

// Len is the entry's length.
func (t *TableFeatures) Len() int {
	n := tableFeaturesLen
	for i := range t.Properties {
		n += t.Properties[i].Len()
	}
	return n
}

// Append encodes the entry.
func (t *TableFeatures) Append(b []byte) []byte {
	b = be.AppendUint16(b, uint16(t.Len()))
	b = append(b, uint8(t.Table))
	b = octets.Zeros(b, 5)
	b = octets.AppendString(b, t.Name, tableNameLen)
	b = be.AppendUint64(b, t.MetadataMatch)
	b = be.AppendUint64(b, t.MetadataWrite)
	b = be.AppendUint32(b, t.Config)
	b = be.AppendUint32(b, t.MaxEntries)
	for i := range t.Properties {
		b = t.Properties[i].Append(b)
	}
	return b
}

// Property is the first property of type p, nil if there is none.
func (t *TableFeatures) Property(p TablePropertyType) *TableProperty {
	for i := range t.Properties {
		if t.Properties[i].Type == p {
			return &t.Properties[i]
		}
	}
	return nil
}

// Len is the body's length.
func (r TableFeaturesRequest) Len() (n int) {
	for _, t := range r {
		n += t.Len()
	}
	return n
}

// Append encodes the body.
func (r TableFeaturesRequest) Append(b []byte) []byte {
	for _, t := range r {
		b = t.Append(b)
	}
	return b
}

// decodeTableFeaturesRequest reads a request's body. An empty one is no body.
func decodeTableFeaturesRequest(b []byte) (MultipartBody, error) {
	if len(b) == 0 {
		return nil, nil
	}
	var r TableFeaturesRequest
	for len(b) > 0 {
		t, n, err := decodeTableFeatures(b)
		if err != nil {
			return nil, err
		}
		r = append(r, t.(*TableFeatures))
		b = b[n:]
	}
	return r, nil
}

// decodeTableFeatures reads an entry. What a switch makes of it, of properties
// that are missing or stand twice, and of ids that it does not know, is not
// looked at here.
func decodeTableFeatures(b []byte) (MultipartBody, int, error) {
	if len(b) < tableFeaturesLen {
		return nil, 0, TableFeaturesFailedBadLen.Errorf("table features cut off: %d bytes are left", len(b))
	}
	length := int(be.Uint16(b))
	if length < tableFeaturesLen || length%8 != 0 || length > len(b) {
		return nil, 0, TableFeaturesFailedBadLen.Errorf("table features say %d bytes, %d are left; want a multiple of 8, at least %d", length, len(b), tableFeaturesLen)
	}
	t := &TableFeatures{
		Table:         TableID(b[2]),
		Name:          cString(b[8 : 8+tableNameLen]),
		MetadataMatch: be.Uint64(b[40:]),
		MetadataWrite: be.Uint64(b[48:]),
		Config:        be.Uint32(b[56:]),
		MaxEntries:    be.Uint32(b[60:]),
	}
	for b = b[tableFeaturesLen:length]; len(b) > 0; {
		p, n, err := decodeTableProperty(b)
		if err != nil {
			err.Text = fmt.Sprintf("table %d: %s", t.Table, err.Text)
			return nil, 0, err
		}
		t.Properties = append(t.Properties, p)
		b = b[n:]
	}
	return t, length, nil
}

// TablePropertyType is OFPTFPT_*.
type TablePropertyType uint16

// Types of table properties. A Miss type is about the table-miss entry; left
// out, it is as the type before it.
const (
	TableInstructions      TablePropertyType = 0
	TableInstructionsMiss  TablePropertyType = 1
	TableNextTables        TablePropertyType = 2
	TableNextTablesMiss    TablePropertyType = 3
	TableWriteActions      TablePropertyType = 4
	TableWriteActionsMiss  TablePropertyType = 5
	TableApplyActions      TablePropertyType = 6
	TableApplyActionsMiss  TablePropertyType = 7
	TableMatch             TablePropertyType = 8
	TableWildcards         TablePropertyType = 10
	TableWriteSetField     TablePropertyType = 12
	TableWriteSetFieldMiss TablePropertyType = 13
	TableApplySetField     TablePropertyType = 14
	TableApplySetFieldMiss TablePropertyType = 15
	TableExperimenter      TablePropertyType = 0xfffe
	TableExperimenterMiss  TablePropertyType = 0xffff
)

var tablePropertyNames = map[TablePropertyType]string{
	TableInstructions: "INSTRUCTIONS", TableInstructionsMiss: "INSTRUCTIONS_MISS",
	TableNextTables: "NEXT_TABLES", TableNextTablesMiss: "NEXT_TABLES_MISS",
	TableWriteActions: "WRITE_ACTIONS", TableWriteActionsMiss: "WRITE_ACTIONS_MISS",
	TableApplyActions: "APPLY_ACTIONS", TableApplyActionsMiss: "APPLY_ACTIONS_MISS",
	TableMatch: "MATCH", TableWildcards: "WILDCARDS",
	TableWriteSetField: "WRITE_SETFIELD", TableWriteSetFieldMiss: "WRITE_SETFIELD_MISS",
	TableApplySetField: "APPLY_SETFIELD", TableApplySetFieldMiss: "APPLY_SETFIELD_MISS",
	TableExperimenter: "EXPERIMENTER", TableExperimenterMiss: "EXPERIMENTER_MISS",
}

// String is the specification's name, "OFPTFPT_NEXT_TABLES".
func (p TablePropertyType) String() string {
	if s, ok := tablePropertyNames[p]; ok {
		return "OFPTFPT_" + s
	}
	return fmt.Sprintf("table property type %d", uint16(p))
}

// TableProperty is one property (OpenFlow 1.3.5 §7.3.5.5.2). Its type says which
// of the lists it has; the others are nil.
type TableProperty struct {
	Type TablePropertyType

	IDs    []FeatureID // the types about instructions and actions
	Tables []TableID   // TableNextTables
	Fields []OXMID     // TableMatch, TableWildcards and the types about set-field

	Experimenter, ExpType uint32 // TableExperimenter
	Data                  []byte // of these, what is behind the type
}

// FeatureID names a type of instruction or action.
type FeatureID struct {
	Type         uint16
	Experimenter uint32 // of type 0xffff alone
}

// OXMID is the header of a match field.
type OXMID struct {
	Class        uint16
	Number       uint8
	HasMask      bool   // in TableMatch: the field can be masked; elsewhere false
	Length       uint8  // of the payload that the header would announce; some send 0
	Experimenter uint32 // of class flow.ClassExperiment alone
}

// FieldID is the header of f in class 0x8000.
func FieldID(f *flow.Field, hasMask bool) OXMID {
	id := OXMID{Class: flow.ClassBasic, Number: uint8(f.ID), HasMask: hasMask, Length: uint8(f.Len())}
	if hasMask {
		id.Length *= 2
	}
	return id
}

// Field is the row of the field table, nil for a field that does not exist. The
// length is not looked at.
func (o OXMID) Field() *flow.Field { return flow.ByOXM(o.Class, o.Number) }

const (
	featureIDLen    = 4
	experimenterLen = 4 // of an experimenter's number behind an id
)

func (f FeatureID) length() int {
	if f.Type == uint16(ActionExperimenter) { // and InstrExperimenter
		return featureIDLen + experimenterLen
	}
	return featureIDLen
}

func (o OXMID) length() int {
	if o.Class == flow.ClassExperiment {
		return oxmHeaderLen + experimenterLen
	}
	return oxmHeaderLen
}

// Len is the property's length with its padding.
func (p *TableProperty) Len() int { return octets.Pad8(p.length()) }

// length is what stands in the property's header.
func (p *TableProperty) length() int {
	n := 4
	switch p.shape() {
	case propertyOfIDs:
		for _, id := range p.IDs {
			n += id.length()
		}
	case propertyOfTables:
		n += len(p.Tables)
	case propertyOfFields:
		for _, id := range p.Fields {
			n += id.length()
		}
	default:
		n += 8 + len(p.Data)
	}
	return n
}

// Append encodes the property.
func (p *TableProperty) Append(b []byte) []byte {
	length := p.length()
	b = be.AppendUint16(b, uint16(p.Type))
	b = be.AppendUint16(b, uint16(length))
	switch p.shape() {
	case propertyOfIDs:
		for _, id := range p.IDs {
			b = be.AppendUint16(b, id.Type)
			b = be.AppendUint16(b, uint16(id.length()))
			if id.length() > featureIDLen {
				b = be.AppendUint32(b, id.Experimenter)
			}
		}
	case propertyOfTables:
		for _, t := range p.Tables {
			b = append(b, uint8(t))
		}
	case propertyOfFields:
		for _, id := range p.Fields {
			hasMask := uint8(0)
			if id.HasMask {
				hasMask = 1
			}
			b = be.AppendUint16(b, id.Class)
			b = append(b, id.Number<<1|hasMask, id.Length)
			if id.length() > oxmHeaderLen {
				b = be.AppendUint32(b, id.Experimenter)
			}
		}
	default:
		b = be.AppendUint32(b, p.Experimenter)
		b = be.AppendUint32(b, p.ExpType)
		b = append(b, p.Data...)
	}
	return octets.Zeros(b, octets.Pad8(length)-length)
}

// What a property consists of.
type propertyShape uint8

const (
	propertyUnknown propertyShape = iota
	propertyOfIDs
	propertyOfTables
	propertyOfFields
	propertyOfExperimenter
)

func (p *TableProperty) shape() propertyShape {
	switch p.Type {
	case TableInstructions, TableInstructionsMiss, TableWriteActions, TableWriteActionsMiss, TableApplyActions, TableApplyActionsMiss:
		return propertyOfIDs
	case TableNextTables, TableNextTablesMiss:
		return propertyOfTables
	case TableMatch, TableWildcards, TableWriteSetField, TableWriteSetFieldMiss, TableApplySetField, TableApplySetFieldMiss:
		return propertyOfFields
	case TableExperimenter, TableExperimenterMiss:
		return propertyOfExperimenter
	}
	return propertyUnknown
}

// decodeTableProperty reads the property at the start of b, of which at least 8
// bytes are there, and says how many bytes it took with its padding.
func decodeTableProperty(b []byte) (p TableProperty, n int, err *Error) {
	p.Type = TablePropertyType(be.Uint16(b))
	length := int(be.Uint16(b[2:]))
	if length < 4 || octets.Pad8(length) > len(b) {
		return p, 0, TableFeaturesFailedBadLen.Errorf("%v says %d bytes, %d are left", p.Type, length, len(b))
	}
	n, b = octets.Pad8(length), b[4:length]
	switch p.shape() {
	case propertyOfIDs:
		err = p.decodeIDs(b)
	case propertyOfTables:
		for _, t := range b {
			p.Tables = append(p.Tables, TableID(t))
		}
	case propertyOfFields:
		err = p.decodeFields(b)
	case propertyOfExperimenter:
		if len(b) < 8 {
			return p, 0, TableFeaturesFailedBadLen.Errorf("%v of %d bytes, want at least 12", p.Type, length)
		}
		p.Experimenter, p.ExpType, p.Data = be.Uint32(b), be.Uint32(b[4:]), octets.Clone(b[8:])
	default:
		err = TableFeaturesFailedBadType.Errorf("%v does not exist in OpenFlow 1.3", p.Type)
	}
	return p, n, err
}

// decodeIDs reads types of instructions or actions. OpenFlow 1.3.0 had actions
// with their padding here: those are read too.
func (p *TableProperty) decodeIDs(b []byte) *Error {
	for len(b) > 0 {
		if len(b) < featureIDLen {
			return TableFeaturesFailedBadLen.Errorf("%v: id cut off: %d bytes are left", p.Type, len(b))
		}
		id, n := FeatureID{Type: be.Uint16(b)}, int(be.Uint16(b[2:]))
		if n != id.length() && n != featureIDLen+4 || n > len(b) {
			return TableFeaturesFailedBadLen.Errorf("%v: id of type %d says %d bytes, want %d, %d are left", p.Type, id.Type, n, id.length(), len(b))
		}
		if id.length() > featureIDLen {
			id.Experimenter = be.Uint32(b[featureIDLen:])
		}
		p.IDs = append(p.IDs, id)
		b = b[n:]
	}
	return nil
}

// decodeFields reads headers of match fields. Their lengths are kept and not
// looked at, since os-ken sends 0.
func (p *TableProperty) decodeFields(b []byte) *Error {
	for len(b) > 0 {
		if len(b) < oxmHeaderLen {
			return TableFeaturesFailedBadLen.Errorf("%v: match field cut off: %d bytes are left", p.Type, len(b))
		}
		id := OXMID{Class: be.Uint16(b), Number: b[2] >> 1, HasMask: b[2]&1 != 0, Length: b[3]}
		n := id.length()
		if n > len(b) {
			return TableFeaturesFailedBadLen.Errorf("%v: experimenter's match field cut off: %d bytes are left", p.Type, len(b))
		}
		if n > oxmHeaderLen {
			id.Experimenter = be.Uint32(b[oxmHeaderLen:])
		}
		p.Fields = append(p.Fields, id)
		b = b[n:]
	}
	return nil
}
