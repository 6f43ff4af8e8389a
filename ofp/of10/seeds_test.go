package of10

import (
	"errors"
	"testing"

	"ofswitch/ofp"
)

// TestSeedsAreComplete: among the seeds of FuzzDecode are every message, every kind
// of statistics and every extension that the decoders know.
func TestSeedsAreComplete(t *testing.T) {
	types, vendors, stats, vendorStats := map[ofp.Type]bool{}, map[uint32]bool{}, map[uint16]bool{}, map[uint32]bool{}
	for _, b := range seeds(t) {
		h, _, err := decode(new(Codec), b)
		if err != nil {
			t.Errorf("the seed % x: %v", b, err)
			continue
		}
		types[h.Type] = true
		switch body := b[ofp.HeaderLen:]; {
		case h.Type == typeVendor && be.Uint32(body) == ofp.ExperimenterNicira:
			vendors[be.Uint32(body[4:])] = true
		case h.Type == typeStatsRequest:
			kind := be.Uint16(body)
			stats[kind] = true
			if kind == ofp.MultipartExperimenter {
				vendorStats[be.Uint32(body[8:])] = true
			}
		}
	}
	for typ := range decoders {
		if !types[typ] {
			t.Errorf("no seed of message type %d", typ)
		}
	}
	answer := func(typ ofp.Type, body []byte) (ofp.Message, ofp.Code) {
		m, err := new(Codec).Decode(ofp.Header{Version: Version, Type: typ, Length: uint16(ofp.HeaderLen + len(body))}, body)
		var e *ofp.Error
		if errors.As(err, &e) {
			return nil, e.Code
		}
		return m, 0
	}
	for n := range uint32(256) {
		nicira := be.AppendUint32(be.AppendUint32(nil, ofp.ExperimenterNicira), n)
		m, _ := answer(typeVendor, nicira)
		if _, unknown := m.(*ofp.Experimenter); !unknown && !vendors[n] {
			t.Errorf("no seed of message %d of Nicira", n)
		}
		kind := be.AppendUint32(nil, n<<16)
		if _, code := answer(typeStatsRequest, kind); code != ofp.BadRequestBadMultipart && !stats[uint16(n)] {
			t.Errorf("no seed of statistics %d", n)
		}
		if _, code := answer(typeStatsRequest, append(append([]byte{0xff, 0xff, 0, 0}, nicira...), 0, 0, 0, 0)); code != ofp.BadRequestBadExpType && !vendorStats[n] {
			t.Errorf("no seed of statistics %d of Nicira", n)
		}
	}
}
