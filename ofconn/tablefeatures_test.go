package ofconn

import (
	"testing"

	"ofswitch/ofp"
)

// TestTableFeatures: the switch's entries come in order, in messages that are
// as long as they may be.
func TestTableFeatures(t *testing.T) {
	sw := &fakeSwitch{}
	p := connected(t, newManager(t, sw, Options{}), connOptions{})
	p.send(1, multipart(ofp.MultipartTableFeatures, nil))
	tables, parts := 0, 0
	for more := true; more; parts++ {
		r := p.want(1, ofp.TypeMultipartReply).(*ofp.MultipartReply)
		more = r.Flags&ofp.MultipartMore != 0
		for _, e := range r.Entries {
			f := e.(*ofp.TableFeatures)
			if int(f.Table) != tables || len(f.Property(ofp.TableNextTables).Tables) != 1000 {
				t.Fatalf("entry %d is %+v", tables, f)
			}
			tables++
		}
	}
	const entry = 64 + 24 + 1008 + 6*8 // 5 instructions, 1000 tables, nothing in the other six
	perPart := (ofp.MultipartMaxLen - 16) / entry
	if want := (ofp.NumTables + perPart - 1) / perPart; tables != ofp.NumTables || parts != want {
		t.Errorf("%d tables in %d parts, want %d in %d", tables, parts, ofp.NumTables, want)
	}
	p.alive()
}

// TestSettingTableFeatures: the switch is not asked, whatever the request's
// form; what cannot be read is refused as that.
func TestSettingTableFeatures(t *testing.T) {
	set := multipart(ofp.MultipartTableFeatures, ofp.TableFeaturesRequest{{Table: 1, Properties: []ofp.TableProperty{{Type: ofp.TableNextTables}}}})
	more := *set
	more.Flags = ofp.MultipartMore
	unknown, short, cut := ofp.Encode(1, set), ofp.Encode(1, set), ofp.Encode(1, set)
	const property = ofp.HeaderLen + 8 + 64
	unknown[property+1] = 9 // its type
	short[property+3] = 3   // its length
	cut[ofp.HeaderLen+9]++  // the entry's length
	for _, tt := range []struct {
		name string
		wire []byte
		code ofp.Code
	}{
		{"whole", ofp.Encode(1, set), ofp.TableFeaturesFailedEPerm},
		{"in parts", ofp.Encode(1, &more), ofp.TableFeaturesFailedEPerm},
		{"unknown property", unknown, ofp.TableFeaturesFailedBadType},
		{"short property", short, ofp.TableFeaturesFailedBadLen},
		{"wrong length", cut, ofp.BadRequestBadLen},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sw := &fakeSwitch{}
			p := connected(t, newManager(t, sw, Options{}), connOptions{})
			p.raw(tt.wire)
			p.wantError(1, tt.code, tt.wire)
			p.alive()
			if n := sw.count("TableFeatures"); n != 0 {
				t.Errorf("TableFeatures was called %d times", n)
			}
		})
	}
}
