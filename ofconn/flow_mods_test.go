package ofconn

import (
	"testing"

	"ofswitch/ofp"
)

// Flow-mods that come in one piece, with others between them, are carried out in their order, and refused one by one.
func TestFlowModsInOnePiece(t *testing.T) {
	sw := &fakeSwitch{}
	p := socket(t, newManager(t, sw, Options{}))
	const n = 100
	type refusal struct {
		xid     uint32
		code    ofp.Code
		request []byte
	}
	var msgs []byte
	var refusals []refusal
	var want []uint64 // cookies
	for i := range uint32(n) {
		m := missEntry()
		m.Cookie = uint64(i)
		switch i {
		case 0, 40, 41, 70: // the switch refuses it
			m.Table = ofp.TableAll
			refusals = append(refusals, refusal{i, ofp.FlowModFailedBadTableID, ofp.Encode(i, m)})
		case 10, 42: // it cannot be decoded
			b := ofp.Encode(i, m)
			b[ofp.HeaderLen+17] = 77
			refusals = append(refusals, refusal{i, ofp.FlowModFailedBadCommand, b})
			msgs = append(msgs, b...)
			continue
		case 20:
			msgs = ofp.AppendMessage(msgs, 1000, &ofp.EchoRequest{})
			refusals = append(refusals, refusal{xid: 1000})
			want = append(want, uint64(i))
		default:
			want = append(want, uint64(i))
		}
		msgs = ofp.AppendMessage(msgs, i, m)
	}
	msgs = ofp.AppendMessage(msgs, n, &ofp.BarrierRequest{})
	// The last message comes in two pieces.
	p.raw(msgs[:len(msgs)-4])
	p.raw(msgs[len(msgs)-4:])
	for _, r := range refusals {
		if r.request == nil {
			p.want(r.xid, ofp.TypeEchoReply)
		} else {
			p.wantError(r.xid, r.code, r.request)
		}
	}
	p.want(n, ofp.TypeBarrierReply)
	sw.mu.Lock()
	defer sw.mu.Unlock()
	if len(sw.flowMods) != len(want) {
		t.Fatalf("the switch has carried out %d flow-mods, want %d", len(sw.flowMods), len(want))
	}
	for i, m := range sw.flowMods {
		if m.Cookie != want[i] {
			t.Errorf("flow-mod %d has cookie %d, want %d", i, m.Cookie, want[i])
		}
	}
}
