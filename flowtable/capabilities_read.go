package flowtable

import (
	"fmt"

	"ofswitch/ofp"
)

// requiredProperties must stand in each entry of a request, exactly once (OpenFlow
// 1.3.5 §7.3.5.5.1). Those about the table-miss entry may be left out.
var requiredProperties = [...]ofp.TablePropertyType{
	ofp.TableInstructions, ofp.TableNextTables, ofp.TableWriteActions, ofp.TableApplyActions,
	ofp.TableMatch, ofp.TableWildcards, ofp.TableWriteSetField, ofp.TableApplySetField,
}

// readCapabilities makes capabilities of a table's entry in a request. It refuses
// what is more than all, and tables to go to that are not among those of the
// request.
func readCapabilities(f *ofp.TableFeatures, all *capabilities, tables *tableSet) (c capabilities, err error) {
	fail := func(code ofp.Code, format string, args ...any) error {
		return code.Errorf("table features: table %d: %s", f.Table, fmt.Sprintf(format, args...))
	}
	if f.MetadataMatch&^all.metadataMatch != 0 || f.MetadataWrite&^all.metadataWrite != 0 {
		return c, fail(ofp.TableFeaturesFailedBadMetadata, "metadata %#x to match and %#x to write: only %#x and %#x can be had",
			f.MetadataMatch, f.MetadataWrite, all.metadataMatch, all.metadataWrite)
	}
	if bad := f.Config &^ tableConfigBits; bad != 0 {
		return c, fail(ofp.TableFeaturesFailedBadArgument, "configuration bits %#x do not exist", bad)
	}
	if f.MaxEntries > all.maxEntries {
		return c, fail(ofp.TableFeaturesFailedBadArgument, "%d entries: the most is %d", f.MaxEntries, all.maxEntries)
	}
	c.metadataMatch, c.metadataWrite, c.maxEntries = f.MetadataMatch, f.MetadataWrite, f.MaxEntries
	r := propertyReader{all: all, c: &c, tables: tables}
	for i := range f.Properties {
		if err := r.read(&f.Properties[i]); err != nil {
			return c, fail(err.Code, "%v: %s", f.Properties[i].Type, err.Text)
		}
	}
	for _, p := range requiredProperties {
		if r.seen&(1<<p) == 0 {
			return c, fail(ofp.TableFeaturesFailedBadArgument, "%v is missing", p)
		}
	}
	c.missAsFlows(r.seen)
	return c, nil
}

// missAsFlows fills in what a request does not say about the table-miss entry.
func (c *capabilities) missAsFlows(seen uint32) {
	said := func(p ofp.TablePropertyType) bool { return seen&(1<<p) != 0 }
	if !said(ofp.TableInstructionsMiss) {
		c.miss.instructions = c.flows.instructions
	}
	if !said(ofp.TableNextTablesMiss) {
		c.miss.next = c.flows.next
	}
	if !said(ofp.TableWriteActionsMiss) {
		c.miss.write = c.flows.write
	}
	if !said(ofp.TableApplyActionsMiss) {
		c.miss.apply = c.flows.apply
	}
	if !said(ofp.TableWriteSetFieldMiss) {
		c.miss.writeSet = c.flows.writeSet
	}
	if !said(ofp.TableApplySetFieldMiss) {
		c.miss.applySet = c.flows.applySet
	}
}

// propertyReader reads the properties of one table into c.
type propertyReader struct {
	all, c *capabilities
	tables *tableSet
	seen   uint32 // bits 1<<type
}

func (r *propertyReader) read(p *ofp.TableProperty) *ofp.Error {
	if p.Type > ofp.TableApplySetFieldMiss {
		return ofp.TableFeaturesFailedBadType.Errorf("experimenter %#x is not known", p.Experimenter)
	}
	if r.seen&(1<<p.Type) != 0 {
		return unsupported("it stands there twice")
	}
	r.seen |= 1 << p.Type
	to, all := &r.c.flows, &r.all.flows
	typ := p.Type
	if typ&1 != 0 {
		to, all = &r.c.miss, &r.all.miss
		typ--
	}
	var err *ofp.Error
	switch typ {
	case ofp.TableInstructions:
		var set uint64
		err = readIDs(p.IDs, uint64(all.instructions), "instruction", &set)
		to.instructions = ofp.InstrSet(set)
	case ofp.TableNextTables:
		err = r.readTables(p.Tables, &all.next, &to.next)
	case ofp.TableWriteActions:
		err = readIDs(p.IDs, uint64(all.write), "action", (*uint64)(&to.write))
	case ofp.TableApplyActions:
		err = readIDs(p.IDs, uint64(all.apply), "action", (*uint64)(&to.apply))
	case ofp.TableMatch:
		err = readFields(p.Fields, r.all.match, r.all.masked, &r.c.match, &r.c.masked)
	case ofp.TableWildcards:
		err = readFields(p.Fields, r.all.wildcards, 0, &r.c.wildcards, nil)
	case ofp.TableWriteSetField:
		err = readFields(p.Fields, all.writeSet, 0, &to.writeSet, nil)
	case ofp.TableApplySetField:
		err = readFields(p.Fields, all.applySet, 0, &to.applySet, nil)
	}
	return err
}

// readIDs reads types of instructions or actions, of which there are all.
func readIDs(ids []ofp.FeatureID, all uint64, what string, to *uint64) *ofp.Error {
	for _, id := range ids {
		switch {
		case id.Type == uint16(ofp.ActionExperimenter): // and ofp.InstrExperimenter
			return unsupported("%s of experimenter %#x: none is known", what, id.Experimenter)
		case id.Type >= 64 || all>>id.Type&1 == 0:
			return unsupported("%s %d: this table cannot have it", what, id.Type)
		}
		*to |= 1 << id.Type
	}
	return nil
}

// readTables reads where GOTO_TABLE may lead.
func (r *propertyReader) readTables(tables []ofp.TableID, all, to *tableSet) *ofp.Error {
	for _, t := range tables {
		switch {
		case !all.contains(t):
			return unsupported("table %d cannot be reached from here", t)
		case !r.tables.contains(t):
			return unsupported("table %d: the request has no such table", t)
		}
		to.add(t)
	}
	return nil
}

// readFields reads headers of match fields, of which there are all, and which may
// be announced with a mask if they are in maskable.
func readFields(ids []ofp.OXMID, all, maskable FieldSet, to, masked *FieldSet) *ofp.Error {
	for _, id := range ids {
		f := id.Field()
		if f == nil || !all.Contains(f.ID) {
			return unsupported("field %d of class %#x: this table cannot have it", id.Number, id.Class)
		}
		// Some send the length of the value alone, and some (os-ken) none at all.
		if n := int(id.Length); n != 0 && n != f.Len() && (!id.HasMask || n != 2*f.Len()) {
			return ofp.TableFeaturesFailedBadLen.Errorf("field %s of %d bytes, want %d", f.Name, n, f.Len())
		}
		*to |= 1 << f.ID
		if !id.HasMask {
			continue
		}
		if masked == nil {
			return unsupported("field %s with the mask bit, which has no meaning here", f.Name)
		}
		if !maskable.Contains(f.ID) {
			return unsupported("field %s with the mask bit: it cannot be masked", f.Name)
		}
		*masked |= 1 << f.ID
	}
	return nil
}

func unsupported(format string, args ...any) *ofp.Error {
	return ofp.TableFeaturesFailedBadArgument.Errorf(format, args...)
}
