package ofconn

import (
	"math/rand/v2"
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

// Refusals of flow-mods and of packet-outs between them come in the order of the messages, also where these are
// not carried out in it.
func TestRefusalsInOrder(t *testing.T) {
	sw := &fakeSwitch{}
	p := socket(t, newManager(t, sw, Options{}))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	var msgs []byte
	type refusal struct {
		xid  uint32
		code ofp.Code
		msg  []byte
	}
	var want []refusal
	outs := 0
	for xid := range uint32(2000) {
		var m ofp.Message
		bad := rng.IntN(8) == 0
		var code ofp.Code
		switch rng.IntN(5) {
		case 0, 1:
			f := missEntry()
			if bad {
				f.Table, code = ofp.TableAll, ofp.FlowModFailedBadTableID
			}
			if rng.IntN(6) == 0 {
				f.Command = ofp.FlowDelete
				bad = false
				f.Table = 0
			}
			m = f
		case 2, 3:
			o := &ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: ofp.PortController, Data: make([]byte, 14)}
			if rng.IntN(4) == 0 {
				o.Actions = []ofp.Action{ofp.Output{Port: ofp.PortTable}}
			}
			if bad {
				o.BufferID, o.Data, code = 1, nil, ofp.BadRequestBufferUnknown
			} else {
				outs++
			}
			m = o
		case 4:
			if rng.IntN(10) > 0 {
				continue
			}
			m, bad = &ofp.BarrierRequest{}, false
			want = append(want, refusal{xid: xid})
		}
		b := ofp.Encode(xid, m)
		if bad {
			want = append(want, refusal{xid, code, b})
		}
		msgs = append(msgs, b...)
	}
	go func() { // an error ends the reading, too
		for len(msgs) > 0 {
			n := min(len(msgs), 1+rng.IntN(3000))
			if _, err := p.nc.Write(msgs[:n]); err != nil {
				return
			}
			msgs = msgs[n:]
		}
	}()
	for _, w := range want {
		if w.msg == nil {
			p.want(w.xid, ofp.TypeBarrierReply)
		} else {
			p.wantError(w.xid, w.code, w.msg)
		}
	}
	p.alive()
	sw.mu.Lock()
	defer sw.mu.Unlock()
	if len(sw.outs) != outs {
		t.Errorf("%d packet-outs were sent, want %d", len(sw.outs), outs)
	}
}
