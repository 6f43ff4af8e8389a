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

// TestSettingTableFeatures: the switch gets what was asked for, and the answer is
// what it has then; what cannot be read is refused as that.
func TestSettingTableFeatures(t *testing.T) {
	set := multipart(ofp.MultipartTableFeatures, ofp.TableFeaturesRequest{{Table: 1, Properties: []ofp.TableProperty{{Type: ofp.TableNextTables}}}})
	unknown, short, cut := ofp.Encode(1, set), ofp.Encode(1, set), ofp.Encode(1, set)
	const property = ofp.HeaderLen + 8 + 64
	unknown[property+1] = 9 // its type
	short[property+3] = 3   // its length
	cut[ofp.HeaderLen+9]++  // the entry's length
	for _, tt := range []struct {
		name   string
		wire   []byte
		refuse error // by the switch
		slave  bool
		code   ofp.Code
	}{
		{"whole", ofp.Encode(1, set), nil, false, none},
		{"refused", ofp.Encode(1, set), ofp.TableFeaturesFailedBadTable.Errorf("x"), false, ofp.TableFeaturesFailedBadTable},
		{"unknown property", unknown, nil, false, ofp.TableFeaturesFailedBadType},
		{"short property", short, nil, false, ofp.TableFeaturesFailedBadLen},
		{"wrong length", cut, nil, false, ofp.TableFeaturesFailedBadLen},
		{"slave", ofp.Encode(1, set), nil, true, ofp.BadRequestIsSlave},
		// Who may not say anything is told that, whatever it says.
		{"slave, wrong length", cut, nil, true, ofp.BadRequestIsSlave},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sw := &fakeSwitch{}
			sw.setRefusal("SetTableFeatures", tt.refuse)
			p := connected(t, newManager(t, sw, Options{}), connOptions{})
			if tt.slave {
				p.beSlave()
			}
			p.raw(tt.wire)
			if tt.code != none {
				p.wantError(1, tt.code, tt.wire)
				p.alive()
				if len(sw.tablesSet) != 0 {
					t.Errorf("the switch was asked for %+v", sw.tablesSet)
				}
				return
			}
			p.tables(1)
			if len(sw.tablesSet) != 1 || sw.tablesSet[0].Table != 1 {
				t.Errorf("the switch was asked for %+v", sw.tablesSet)
			}
		})
	}
}

// beSlave makes a slave of the peer.
func (p *peer) beSlave() {
	p.t.Helper()
	p.send(7, &ofp.RoleRequest{Role: ofp.RoleSlave})
	p.want(7, ofp.TypeRoleReply)
}

// tables reads a table-features reply to its end and gives the number of tables.
func (p *peer) tables(xid uint32) (n int) {
	p.t.Helper()
	for {
		r := p.want(xid, ofp.TypeMultipartReply).(*ofp.MultipartReply)
		n += len(r.Entries)
		if r.Flags&ofp.MultipartMore == 0 {
			return n
		}
	}
}
