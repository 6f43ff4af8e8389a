package ofconn

import (
	"testing"
	"testing/synctest"
	"time"

	"ofswitch/ofp"
)

// part is one message of a request.
func part(kind uint16, more bool, body ofp.MultipartBody) *ofp.MultipartRequest {
	m := multipart(kind, body)
	if more {
		m.Flags = ofp.MultipartMore
	}
	return m
}

// tablesFrom is a request for n tables from number first on, each with its
// required properties.
func tablesFrom(first, n int) (r ofp.TableFeaturesRequest) {
	for i := range n {
		r = append(r, &ofp.TableFeatures{Table: ofp.TableID(first + i), Properties: []ofp.TableProperty{
			{Type: ofp.TableInstructions}, {Type: ofp.TableNextTables}, {Type: ofp.TableWriteActions}, {Type: ofp.TableApplyActions},
			{Type: ofp.TableMatch}, {Type: ofp.TableWildcards}, {Type: ofp.TableWriteSetField}, {Type: ofp.TableApplySetField},
		}})
	}
	return r
}

// The parts of several requests are put together, with empty ones among them and
// other messages between them.
func TestRequestInParts(t *testing.T) {
	const features = ofp.MultipartTableFeatures
	sw := &fakeSwitch{}
	p := connected(t, newManager(t, sw, Options{}), connOptions{})
	p.send(1, part(features, true, nil))
	p.send(1, part(features, true, tablesFrom(0, 100)))
	p.send(2, part(ofp.MultipartPortStats, true, nil))
	p.alive()
	p.send(1, part(features, true, tablesFrom(100, 100)))
	p.send(2, part(ofp.MultipartPortStats, true, &ofp.PortStatsRequest{Port: 1}))
	p.send(1, part(features, true, nil))
	p.send(3, part(features, true, nil))
	p.send(3, part(features, false, nil)) // it only asks
	if n := p.tables(3); n != ofp.NumTables || sw.count("SetTableFeatures") != 0 {
		t.Errorf("a question in parts: %d tables, and %d requests to the switch", n, sw.count("SetTableFeatures"))
	}
	p.send(1, part(features, false, tablesFrom(200, 54)))
	if n := p.tables(1); n != ofp.NumTables {
		t.Errorf("the answer has %d tables", n)
	}
	p.send(2, part(ofp.MultipartPortStats, false, nil))
	if r := p.want(2, ofp.TypeMultipartReply).(*ofp.MultipartReply); len(r.Entries) != 1 {
		t.Errorf("statistics of %d ports", len(r.Entries))
	}
	if len(sw.tablesSet) != ofp.NumTables || sw.count("SetTableFeatures") != 1 {
		t.Fatalf("the switch was asked %d times, the last time for %d tables", sw.count("SetTableFeatures"), len(sw.tablesSet))
	}
	for i, f := range sw.tablesSet {
		if int(f.Table) != i {
			t.Fatalf("table %d stands in place %d", f.Table, i)
		}
	}
	if c := &p.c.parts; len(c.requests) != 0 || c.bytes != 0 {
		t.Errorf("%d requests and %d bytes are left", len(c.requests), c.bytes)
	}
}

// A request is refused once, in whichever part, and nothing of it is carried
// out: neither are the parts behind the wrong one.
func TestRefusedParts(t *testing.T) {
	const features = ofp.MultipartTableFeatures
	wrong := ofp.RawBody(ofp.Encode(1, multipart(features, tablesFrom(0, 1)))[multipartLen:])
	wrong[1]++ // its length
	large := tablesFrom(0, 254)
	for _, f := range large {
		f.Properties[1].Tables = make([]ofp.TableID, 80) // 64 KiB
	}
	var tooMuch []ofp.Message
	for range maxRequestBytes/large.Len() + 1 {
		tooMuch = append(tooMuch, part(features, true, large))
	}
	for _, tt := range []struct {
		name  string
		parts []ofp.Message
		at    int // of the part that is refused
		quote int // the part that stands in the error
		code  ofp.Code
	}{
		{"wrong first part", []ofp.Message{part(features, true, wrong), part(features, true, tablesFrom(1, 1)), part(features, false, tablesFrom(2, 1))}, 0, 0, ofp.TableFeaturesFailedBadLen},
		{"wrong last part", []ofp.Message{part(features, true, tablesFrom(0, 1)), part(features, false, wrong)}, 1, 1, ofp.TableFeaturesFailedBadLen},
		{"another kind", []ofp.Message{part(features, true, tablesFrom(0, 1)), part(ofp.MultipartTable, true, nil), part(features, false, nil)}, 1, 1, ofp.BadRequestBadMultipart},
		{"unknown kind", []ofp.Message{part(14, true, nil), part(14, false, nil)}, 0, 0, ofp.BadRequestBadMultipart},
		{"two bodies", []ofp.Message{part(ofp.MultipartPortStats, true, &ofp.PortStatsRequest{Port: 1}), part(ofp.MultipartPortStats, false, &ofp.PortStatsRequest{Port: 1})}, 1, 0, ofp.BadRequestBadLen},
		{"no body", []ofp.Message{part(ofp.MultipartPortStats, true, nil), part(ofp.MultipartPortStats, false, nil)}, 1, 0, ofp.BadRequestBadLen},
		{"experimenter", []ofp.Message{part(ofp.MultipartExperimenter, true, make(ofp.RawBody, 8)), part(ofp.MultipartExperimenter, false, nil)}, 1, 0, ofp.BadRequestBadExperimenter},
		{"too long", append(tooMuch, part(features, false, tablesFrom(0, 1))), len(tooMuch) - 1, len(tooMuch) - 1, ofp.BadRequestMultipartBufferOverflow},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sw := &fakeSwitch{}
			p := connected(t, newManager(t, sw, Options{}), connOptions{})
			for i, m := range tt.parts {
				p.send(1, m)
				if i == tt.at {
					p.wantError(1, tt.code, ofp.Encode(1, tt.parts[tt.quote]))
				}
			}
			p.alive()
			if len(sw.tablesSet) != 0 || len(p.c.parts.requests) != 0 || p.c.parts.bytes != 0 {
				t.Errorf("%d tables set, %d requests and %d bytes left", len(sw.tablesSet), len(p.c.parts.requests), p.c.parts.bytes)
			}
		})
	}
}

// A slave is told so at the first part that would change something, and one that
// becomes a slave meanwhile at the last.
func TestSlaveInParts(t *testing.T) {
	sw := &fakeSwitch{}
	p := connected(t, newManager(t, sw, Options{}), connOptions{})
	p.send(1, part(ofp.MultipartTableFeatures, true, tablesFrom(0, 1)))
	p.beSlave()
	p.send(1, part(ofp.MultipartTableFeatures, false, nil))
	p.wantError(1, ofp.BadRequestIsSlave, nil)
	p.wantRefused(2, part(ofp.MultipartTableFeatures, true, tablesFrom(0, 1)), ofp.BadRequestIsSlave)
	p.send(2, part(ofp.MultipartTableFeatures, false, nil))
	p.send(3, part(ofp.MultipartTableFeatures, false, nil))
	p.tables(3)
	if len(sw.tablesSet) != 0 {
		t.Error("a slave has set tables")
	}
}

// There is a limit to the requests that are open at once, and to those that
// are remembered.
func TestManyOpenRequests(t *testing.T) {
	p := connected(t, newManager(t, &fakeSwitch{}, Options{}), connOptions{})
	for xid := range uint32(maxOpenRequests) {
		p.send(xid, part(ofp.MultipartTable, true, nil))
	}
	for xid := uint32(maxOpenRequests); xid < maxPartialRequests; xid++ {
		p.wantRefused(xid, part(ofp.MultipartTable, true, nil), ofp.BadRequestMultipartBufferOverflow)
	}
	p.alive()
	p.send(0, part(ofp.MultipartTable, false, nil))
	p.want(0, ofp.TypeMultipartReply)
	p.send(5000, part(ofp.MultipartTable, true, nil)) // in place of the one that is complete
	p.alive()
	p.wantRefused(5001, part(ofp.MultipartTable, true, nil), ofp.BadRequestMultipartBufferOverflow)
	p.wantClosed(errGarbage)
}

// A request whose next part does not come is given up, and then a late part does
// nothing, while requests that go on are not touched.
func TestPartsThatDoNotCome(t *testing.T) {
	const features = ofp.MultipartTableFeatures
	synctest.Test(t, func(t *testing.T) {
		sw := &fakeSwitch{}
		p := connected(t, newManager(t, sw, Options{}), connOptions{})
		first := part(features, true, tablesFrom(0, 1))
		p.send(1, first)
		p.send(2, part(ofp.MultipartTable, true, nil))
		time.Sleep(partTimeout - time.Second)
		p.send(3, part(features, true, tablesFrom(0, 1)))
		start := time.Now()
		p.wantError(1, ofp.MultipartRequestTimeout, nil)
		p.wantError(2, ofp.MultipartRequestTimeout, nil)
		if took := time.Since(start); took != time.Second {
			t.Errorf("given up %v after the limit", took-time.Second)
		}
		p.send(3, part(features, false, tablesFrom(1, 1)))
		p.tables(3)
		if len(sw.tablesSet) != 2 {
			t.Fatalf("%d tables set, want 2", len(sw.tablesSet))
		}
		p.send(1, part(features, true, tablesFrom(1, 1)))
		p.wantError(1, ofp.MultipartRequestTimeout, nil)
		p.send(1, part(features, false, tablesFrom(2, 1)))
		p.wantError(1, ofp.MultipartRequestTimeout, nil)
		p.send(2, part(ofp.MultipartTable, false, nil))
		p.want(2, ofp.TypeMultipartReply) // a request of its own
		if n := sw.count("SetTableFeatures"); n != 1 {
			t.Errorf("the switch was asked %d times", n)
		}
		// In the end the transaction id is free again.
		p.send(4, first)
		p.wantError(4, ofp.MultipartRequestTimeout, nil)
		time.Sleep(deadPartsTimeout + time.Second)
		p.send(4, part(features, false, tablesFrom(0, 3)))
		p.tables(4)
		if len(sw.tablesSet) != 3 || len(p.c.parts.requests) != 0 || p.c.parts.bytes != 0 {
			t.Errorf("%d tables set, %d requests and %d bytes left", len(sw.tablesSet), len(p.c.parts.requests), p.c.parts.bytes)
		}
	})
}

// TestPartsTogether: the unfinished requests of all connections are bounded
// together, and those of a connection go with it.
func TestPartsTogether(t *testing.T) {
	m := newManager(t, &fakeSwitch{}, Options{})
	p := connected(t, m, connOptions{})
	first := part(ofp.MultipartTableFeatures, true, tablesFrom(0, 1))
	p.send(1, first)
	p.alive()
	held := m.partBytes.Load()
	if held != int64(first.Body.Len()) {
		t.Errorf("%d bytes are counted, want %d", held, first.Body.Len())
	}
	m.partBytes.Store(requestBudget)
	p.wantRefused(2, first, ofp.BadRequestMultipartBufferOverflow)
	m.partBytes.Store(held)
	_ = p.nc.Close()
	<-p.over
	if n := m.partBytes.Load(); n != 0 {
		t.Errorf("%d bytes are counted of nothing", n)
	}
}
