package ofconn

import (
	"encoding/binary"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"ofswitch/ofp"
)

// auxRig is a switch that dials a scripted controller, whose ends of the
// connections come by dialled.
type auxRig struct {
	t       *testing.T
	sw      *fakeSwitch
	m       *Manager
	dialled chan *peer
}

// newAuxRig starts one with n auxiliary connections. For use inside a synctest
// bubble.
func newAuxRig(t *testing.T, n int) *auxRig {
	r := &auxRig{t: t, sw: &fakeSwitch{}, dialled: make(chan *peer, 300)}
	network := &network{answer: func(endpoint, int) (net.Conn, error) {
		ours, theirs := net.Pipe()
		r.dialled <- newPeer(t, theirs)
		return ours, nil
	}}
	r.m = newManager(t, r.sw, Options{dial: network.dial, FlowHash: binary.BigEndian.Uint64})
	r.set(n)
	return r
}

func (r *auxRig) set(n int) {
	r.t.Helper()
	if err := r.m.SetControllers([]Controller{{Target: target, InactivityProbe: -1, AuxConnections: n}}); err != nil {
		r.t.Fatal(err)
	}
}

// main takes the main connection.
func (r *auxRig) main() *peer {
	r.t.Helper()
	p := <-r.dialled
	p.shake()
	p.alive()
	return p
}

// aux takes auxiliary connections as they come, by id.
func (r *auxRig) aux(ids ...uint8) map[uint8]*peer {
	r.t.Helper()
	got := make(map[uint8]*peer)
	for range ids {
		p := <-r.dialled
		h, m := p.recv()
		if hello := m.(*ofp.Hello); h.Version != ofp.Version || hello.Versions[0] != 1<<ofp.Version {
			r.t.Errorf("an auxiliary connection opens with %v %+v", h, m)
		}
		p.send(1, &ofp.Hello{Versions: []uint32{0x72}})
		f := r.features(p)
		if got[f.AuxiliaryID] != nil {
			r.t.Errorf("auxiliary id %d twice", f.AuxiliaryID)
		}
		got[f.AuxiliaryID] = p
	}
	for _, id := range ids {
		if got[id] == nil {
			r.t.Fatalf("no auxiliary connection %d: there are %v", id, got)
		}
	}
	r.quiet()
	return got
}

func (r *auxRig) features(p *peer) *ofp.FeaturesReply {
	r.t.Helper()
	p.send(0xfea, &ofp.FeaturesRequest{})
	f := p.want(0xfea, ofp.TypeFeaturesReply).(*ofp.FeaturesReply)
	if f.DatapathID != 0x1234 {
		r.t.Errorf("datapath id %#x", f.DatapathID)
	}
	return f
}

// quiet checks that nothing more is dialled now.
func (r *auxRig) quiet() {
	r.t.Helper()
	synctest.Wait()
	select {
	case <-r.dialled:
		r.t.Error("one connection more was dialled")
	default:
	}
}

func (r *auxRig) packetIn(flow uint64, cookie uint64) {
	data := binary.BigEndian.AppendUint64(nil, flow)
	r.m.PacketIns([]PacketIn{{Msg: ofp.PacketIn{BufferID: ofp.NoBuffer, Reason: ofp.PacketInAction, Cookie: cookie, Data: data}, InPort: 1}})
}

// Role, asynchronous configuration and miss_send_len are the controller's,
// whichever of its connections they came by; answers go where the question came.
func TestAuxiliaryShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAuxRig(t, 3)
		main := r.main()
		if f := r.features(main); f.AuxiliaryID != 0 {
			t.Errorf("the main connection has auxiliary id %d", f.AuxiliaryID)
		}
		aux := r.aux(1, 2, 3)
		if r.m.Connected() != 1 || len(r.m.established()) != 1 {
			t.Errorf("%d controllers are connected, want 1", r.m.Connected())
		}

		aux[2].role(ofp.RoleMaster, 5, ofp.RoleMaster, 5)
		main.role(ofp.RoleNoChange, 0, ofp.RoleMaster, 5)
		aux[1].role(ofp.RoleNoChange, 0, ofp.RoleMaster, 5) // one's own master does not demote
		main.role(ofp.RoleSlave, 6, ofp.RoleSlave, 6)
		for _, p := range []*peer{main, aux[1], aux[2], aux[3]} {
			p.wantRefused(7, flowMod(ofp.FlowAdd, 0), ofp.BadRequestIsSlave)
		}
		main.role(ofp.RoleEqual, 0, ofp.RoleEqual, 6)

		config := ofp.AsyncConfig{PacketIn: [2]uint32{1 << ofp.PacketInAction, 0}}
		aux[3].send(8, &ofp.SetAsync{AsyncConfig: config})
		aux[3].alive()
		main.send(9, &ofp.GetAsyncRequest{})
		if got := main.want(9, ofp.TypeGetAsyncReply).(*ofp.GetAsyncReply); got.AsyncConfig != config {
			t.Errorf("the main connection's asynchronous configuration: %+v", got)
		}
		aux[1].send(10, &ofp.SetConfig{MissSendLen: 77})
		aux[1].alive()
		main.send(11, &ofp.GetConfigRequest{})
		if got := main.want(11, ofp.TypeGetConfigReply).(*ofp.GetConfigReply); got.MissSendLen != 77 {
			t.Errorf("the main connection's miss_send_len is %d", got.MissSendLen)
		}

		// Any message may come by any connection.
		aux[1].send(12, flowMod(ofp.FlowAdd, 0))
		aux[1].send(13, &ofp.BarrierRequest{})
		aux[1].want(13, ofp.TypeBarrierReply)
		if r.sw.count("FlowMod") != 1 {
			t.Error("the flow-mod was not carried out")
		}
		for _, p := range []*peer{main, aux[1], aux[2], aux[3]} {
			p.alive() // and nothing came to another
		}
	})
}

// Packet-ins go over auxiliary connections, all of one flow over the same and
// in order; everything else that the switch says unasked goes over the main one.
func TestAuxiliaryAsync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAuxRig(t, 2)
		main := r.main()
		r.packetIn(0, 1)
		if p := main.want(0, ofp.TypePacketIn).(*ofp.PacketIn); p.Cookie != 1 {
			t.Errorf("packet-in %+v", p)
		}
		aux := r.aux(1, 2)
		const low, high = 1, 1<<63 + 1
		for i := range uint64(20) {
			r.packetIn(low, 100+i)
			r.packetIn(high, 200+i)
		}
		r.m.PortStatus(&ofp.PortStatus{Reason: ofp.PortModify, Desc: ofp.PortDesc{Port: 1}})
		r.m.FlowRemoved(&ofp.FlowRemoved{Reason: ofp.RemovedDelete})
		for id, first := range map[uint8]uint64{1: 100, 2: 200} {
			for i := range uint64(20) {
				if p := aux[id].want(0, ofp.TypePacketIn).(*ofp.PacketIn); p.Cookie != first+i {
					t.Errorf("auxiliary connection %d: packet-in %d, want %d", id, p.Cookie, first+i)
				}
			}
			aux[id].alive()
		}
		main.want(0, ofp.TypePortStatus)
		main.want(0, ofp.TypeFlowRemoved)
		main.alive()

		// One is lost: the other takes all, till it is back.
		_ = aux[1].nc.Close()
		synctest.Wait()
		r.packetIn(low, 300)
		r.packetIn(high, 301)
		for want := range uint64(2) {
			if p := aux[2].want(0, ofp.TypePacketIn).(*ofp.PacketIn); p.Cookie != 300+want {
				t.Errorf("packet-in %d", p.Cookie)
			}
		}
		back := r.aux(1)
		r.packetIn(low, 302)
		if p := back[1].want(0, ofp.TypePacketIn).(*ofp.PacketIn); p.Cookie != 302 {
			t.Errorf("packet-in %d", p.Cookie)
		}
	})
}

// The main connection's end is the others', at once; they are not dialled again
// before there is a main one again.
func TestAuxiliaryEndsWithMain(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(r *auxRig, main *peer)
	}{
		{"the controller closes", func(_ *auxRig, main *peer) { _ = main.nc.Close() }},
		{"the controller sends garbage", func(_ *auxRig, main *peer) { main.raw([]byte{4, 0, 0, 0, 0, 0, 0, 0}) }},
		{"the switch closes, from outside of the reader", func(r *auxRig, _ *peer) { r.m.established()[0].close(errOverrun) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newAuxRig(t, 2)
				main := r.main()
				aux := r.aux(1, 2)
				start := time.Now()
				tt.end(r, main)
				aux[1].wantClosed(nil)
				aux[2].wantClosed(nil)
				if took := time.Since(start); took != 0 {
					t.Errorf("they were closed after %v", took)
				}
				_ = main.nc.Close()
				synctest.Wait()
				if r.m.Connected() != 0 {
					t.Error("a controller counts as connected")
				}
				r.main() // a new main one, and only then
				r.aux(1, 2)
			})
		})
	}
}

// A controller that takes no auxiliary connections has a main one all the same,
// which gets everything.
func TestAuxiliaryRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAuxRig(t, 1)
		main := r.main()
		go func() {
			for p := range r.dialled {
				_ = p.nc.Close()
			}
		}()
		time.Sleep(time.Minute)
		main.alive()
		r.packetIn(0, 1)
		main.want(0, ofp.TypePacketIn)
		s := r.m.Status()
		if len(s) != 2 || s[0].Auxiliary != 0 || s[0].State != StateActive || s[1].Auxiliary != 1 || s[1].State != StateBackoff || s[1].Attempts < 8 || s[1].Attempts > 12 || s[1].LastError == "" {
			t.Errorf("status %+v", s)
		}
		_ = main.nc.Close()
		synctest.Wait()
		if err := r.m.Close(); err != nil {
			t.Error(err)
		}
		close(r.dialled)
	})
}

// Their number can be changed while they are up, and shows in the status.
func TestAuxiliaryNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newAuxRig(t, 0)
		main := r.main()
		r.quiet()
		r.set(3)
		aux := r.aux(1, 2, 3)
		r.set(1)
		aux[2].wantClosed(nil)
		aux[3].wantClosed(nil)
		aux[1].alive()
		main.alive()
		r.quiet()
		status := func(want int) {
			t.Helper()
			s := r.m.Status()
			if len(s) != want {
				t.Fatalf("status has %d entries, want %d: %+v", len(s), want, s)
			}
			for i := range s {
				if int(s[i].Auxiliary) != i || s[i].State != StateActive || s[i].Target != target {
					t.Errorf("status %+v", s[i])
				}
			}
		}
		status(2)
		r.set(2)
		r.aux(2)
		status(3)
		r.set(1000) // there are no more than 255
		ids := make([]uint8, 0, 253)
		for id := 3; id <= MaxAuxConnections; id++ {
			ids = append(ids, uint8(id))
		}
		r.aux(ids...)
	})
}
