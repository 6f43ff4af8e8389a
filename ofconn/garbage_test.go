package ofconn

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"ofswitch/internal/testutil"
	"ofswitch/ofp"
)

// everyMessage has one valid example of each type that there is, and of each
// multipart.
func everyMessage() []ofp.Message {
	all := []ofp.Message{
		&ofp.Hello{Versions: []uint32{0x12}}, &ofp.ErrorMsg{Data: make([]byte, 64)}, &ofp.EchoRequest{Data: []byte("x")}, &ofp.EchoReply{},
		&ofp.Experimenter{Data: make([]byte, 8)}, &ofp.FeaturesRequest{}, &ofp.FeaturesReply{}, &ofp.GetConfigRequest{}, &ofp.GetConfigReply{},
		&ofp.SetConfig{}, &ofp.PacketIn{Data: make([]byte, 60)}, &ofp.FlowRemoved{}, &ofp.PortStatus{},
		&ofp.PacketOut{BufferID: ofp.NoBuffer, Actions: []ofp.Action{ofp.Output{Port: 1}, ofp.PushVLAN{EtherType: 0x8100}}, Data: make([]byte, 60)},
		missEntry(), raw(ofp.TypeGroupMod, 8), &ofp.PortMod{}, &ofp.TableMod{}, &ofp.MultipartReply{}, &ofp.BarrierRequest{}, &ofp.BarrierReply{},
		raw(ofp.TypeQueueGetConfigRequest, 8), raw(ofp.TypeQueueGetConfigReply, 8), roleRequest(ofp.RoleEqual, 0), raw(ofp.TypeRoleReply, 16),
		raw(ofp.TypeGetAsyncRequest, 0), raw(ofp.TypeGetAsyncReply, 24), raw(ofp.TypeSetAsync, 24), raw(ofp.TypeMeterMod, 8),
		multipart(ofp.MultipartFlow, flowRequest()), multipart(ofp.MultipartAggregate, flowRequest()), multipart(ofp.MultipartPortStats, &ofp.PortStatsRequest{Port: 1}),
		multipart(ofp.MultipartExperimenter, make(ofp.RawBody, 8)),
	}
	for _, kind := range []uint16{ofp.MultipartDesc, ofp.MultipartTable, ofp.MultipartGroupDesc, ofp.MultipartGroupFeatures, ofp.MultipartMeterFeatures, ofp.MultipartTableFeatures, ofp.MultipartPortDesc} {
		all = append(all, multipart(kind, nil))
	}
	for _, kind := range []uint16{ofp.MultipartQueue, ofp.MultipartGroup, ofp.MultipartMeter, ofp.MultipartMeterConfig} {
		all = append(all, multipart(kind, make(ofp.RawBody, 8)))
	}
	return all
}

// everyExtension has one valid example of each experimenter's message, and of
// each request that comes in parts: the last one stands behind its first.
func everyExtension() [][]byte {
	list := [][]byte{
		ofp.Encode(2, &ofp.BundleControl{BundleID: 1, Op: ofp.BundleOpenRequest, Flags: ofp.BundleAtomic}),
		ofp.Encode(2, ofp.NewBundleAdd(1, ofp.BundleAtomic, 2, missEntry())),
		ofp.Encode(2, &ofp.FlowMonitorCancel{Experimenter: ofp.ExperimenterONF, ID: 1}),
		ofp.Encode(2, &ofp.FlowMonitorCancel{Experimenter: ofp.ExperimenterNicira, ID: 1}),
		ofp.Encode(2, &ofp.SetPacketInFormat{Format: ofp.PacketInNicira}),
	}
	for _, experimenter := range []uint32{ofp.ExperimenterONF, ofp.ExperimenterNicira} {
		list = append(list, ofp.Encode(2, multipart(ofp.MultipartExperimenter, &ofp.FlowMonitors{Experimenter: experimenter, Monitors: []ofp.FlowMonitor{
			{ID: 1, Flags: ofp.FlowMonitorInitial | ofp.FlowMonitorAdd, OutPort: ofp.PortAny, Table: ofp.TableAll},
		}})))
	}
	parts := func(kind uint16, bodies ...ofp.MultipartBody) {
		var b []byte
		for i, body := range bodies {
			m := multipart(kind, body)
			if i < len(bodies)-1 {
				m.Flags = ofp.MultipartMore
			}
			b = ofp.AppendMessage(b, 2, m)
		}
		list = append(list, b)
	}
	table := func(n ofp.TableID) ofp.TableFeaturesRequest {
		return ofp.TableFeaturesRequest{{Table: n, Name: "t", MaxEntries: 5, Properties: []ofp.TableProperty{{Type: ofp.TableNextTables, Tables: []ofp.TableID{n + 1}}}}}
	}
	parts(ofp.MultipartTableFeatures, table(0), table(1), table(2))
	parts(ofp.MultipartTableFeatures, table(0), nil)
	parts(ofp.MultipartFlow, flowRequest(), nil)
	parts(ofp.MultipartDesc, nil, nil)
	return list
}

func TestEveryMessageIsThere(t *testing.T) {
	seen, kinds := make(map[ofp.Type]bool), make(map[uint16]bool)
	for _, m := range everyMessage() {
		seen[m.Type()] = true
		if m, ok := m.(*ofp.MultipartRequest); ok {
			kinds[m.Kind] = true
		}
	}
	for kind := range multiparts {
		if !kinds[kind] {
			t.Errorf("%s is missing", ofp.MultipartName(kind))
		}
	}
	for typ := range ofp.TypeMeterMod + 1 {
		if !seen[typ] {
			t.Errorf("%v is missing", typ)
		}
	}
}

// TestTruncations: every message cut at every byte, its header saying so, is
// answered or ignored, and the connection goes on. Cut without the header
// saying so, the end of the stream costs the connection and nothing else.
func TestTruncations(t *testing.T) {
	m := newManager(t, &fakeSwitch{flows: 2}, Options{})
	bystander := connected(t, m, connOptions{})
	for _, msg := range everyMessage() {
		whole := ofp.Encode(0x7eac, msg)
		p := connected(t, m, connOptions{})
		for n := ofp.HeaderLen; n <= len(whole); n++ {
			cut := append([]byte(nil), whole[:n]...)
			cut[2], cut[3] = byte(n>>8), byte(n)
			wrote := make(chan struct{})
			go func() { // the answer may be long
				defer close(wrote)
				_, _ = p.nc.Write(ofp.AppendMessage(append([]byte(nil), cut...), 0xec40, &ofp.EchoRequest{}))
			}()
			for {
				h, reply := p.recv()
				if h.XID == 0xec40 {
					break
				}
				if h.XID != 0x7eac {
					t.Fatalf("%v cut to %d bytes gave %v", msg.Type(), n, h)
				}
				if e, ok := reply.(*ofp.ErrorMsg); ok && !bytes.Equal(e.Data, cut[:min(len(cut), len(e.Data))]) {
					t.Errorf("%v cut to %d bytes: the error's data are not the request's", msg.Type(), n)
				}
			}
			<-wrote
		}
		_ = p.nc.Close()
		<-p.over
		for n := range len(whole) {
			p := connected(t, m, connOptions{})
			p.raw(whole[:n])
			_ = p.nc.Close()
			<-p.over
			if !errors.Is(p.err, errPeerClosed) {
				t.Errorf("%v ended after %d bytes: %v", msg.Type(), n, p.err)
			}
		}
	}
	bystander.alive()
}

// TestWrongLengths: a length below that of a header ends the connection with
// an error; one above the message makes the next one part of it.
func TestWrongLengths(t *testing.T) {
	m := newManager(t, &fakeSwitch{}, Options{})
	for n := range byte(ofp.HeaderLen) {
		p := connected(t, m, connOptions{})
		p.raw([]byte{4, byte(ofp.TypeBarrierRequest), 0, n, 0, 0, 0, 9, 1, 2, 3}[:8])
		p.wantError(9, ofp.BadRequestBadLen, nil)
		p.wantClosed(errGarbage)
	}
	p := connected(t, m, connOptions{})
	b := ofp.Encode(1, &ofp.BarrierRequest{})
	b[3] = 16
	p.raw(ofp.AppendMessage(b, 2, &ofp.BarrierRequest{}))
	p.wantError(1, ofp.BadRequestBadLen, nil)
	p.alive()
}

// discard reads and forgets what comes, until the connection ends.
func (p *peer) discard() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, p.r) // ends with the connection
	}()
	return done
}

// TestMillionBytes: a stream of a million bytes of each kind of nonsense
// costs its connection at most, and little memory.
func TestMillionBytes(t *testing.T) {
	const million = 1_000_000
	random := make([]byte, million)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range random {
		random[i] = byte(rng.Uint32())
	}
	message := append([]byte{4, byte(ofp.TypeFlowMod), 0xff, 0xff, 0, 0, 0, 1}, bytes.Repeat([]byte{0xff}, million)...)
	for name, b := range map[string][]byte{
		"random":              random,
		"zeros":               make([]byte, million),
		"ones":                bytes.Repeat([]byte{0xff}, million),
		"one endless message": message,
		"tiny messages":       bytes.Repeat([]byte{4, 99, 0, 8, 0, 0, 0, 0}, million/8),
	} {
		t.Run(name, func(t *testing.T) {
			m := newManager(t, &fakeSwitch{}, Options{})
			bystander := connected(t, m, connOptions{})
			p := connected(t, m, connOptions{})
			done := p.discard()
			for len(b) > 0 {
				n := min(len(b), 5000)
				if _, err := p.nc.Write(b[:n]); err != nil {
					break // it has had enough
				}
				b = b[n:]
			}
			_ = p.nc.Close()
			<-done
			<-p.over
			if len(p.c.in.buf) > readLarge {
				t.Errorf("read buffer of %d bytes", len(p.c.in.buf))
			}
			bystander.alive()
		})
	}
}

// FuzzConnection: whatever a peer sends after the hello, or in place of it, the
// switch neither panics nor hangs, and what it answers can be decoded.
func FuzzConnection(f *testing.F) {
	hello := ofp.Encode(1, &ofp.Hello{})
	for _, m := range everyMessage() {
		f.Add(ofp.AppendMessage(append([]byte(nil), hello...), 2, m))
	}
	all := append([]byte(nil), hello...)
	for _, b := range everyExtension() {
		f.Add(append(append([]byte(nil), hello...), b...))
		all = append(all, b...)
	}
	f.Add(all)
	f.Add([]byte("GET / HTTP/1.0\r\n\r\n"))
	f.Add(append(hello, 4, 0, 0, 0, 0, 0, 0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := newManager(t, &fakeSwitch{flows: 1}, Options{})
		p := pipe(t, m, connOptions{})
		wrote := make(chan struct{})
		go func() {
			defer close(wrote)
			_, _ = p.nc.Write(b) // may be cut off
			// Completes any message, and then is an impossible one.
			_, _ = p.nc.Write(make([]byte, ofp.MaxLen+ofp.HeaderLen))
		}()
		for {
			h, msg, err := p.recvRaw()
			if err != nil {
				break
			}
			if h.Version == ofp.Version {
				if _, err := ofp.Decode(h, msg[ofp.HeaderLen:]); err != nil {
					t.Fatalf("the switch sent % x: %v", msg, err)
				}
			}
		}
		_ = p.nc.Close()
		<-wrote
		<-p.over
	})
}

// TestThousandConnections: as many as a listener takes, on real sockets, some
// idle, some silent, some mad; the next one is closed, and all others work.
func TestThousandConnections(t *testing.T) {
	const n = DefaultMaxConns
	m := newManager(t, &fakeSwitch{flows: 200, actions: 100}, Options{handshake: time.Hour, stall: time.Hour})
	path := socketDir(t) + "/s"
	if err := m.SetListeners([]Listener{{Target: "punix:" + path, InactivityProbe: -1}}); err != nil {
		t.Fatal(err)
	}
	var all []*peer
	defer func() {
		for _, p := range all {
			_ = p.nc.Close()
		}
	}()
	for i := range n {
		nc, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		p := newPeer(t, nc)
		p.r = nil // the test's own memory is not the point
		all = append(all, p)
		switch i % 4 {
		case 0: // never says anything
		case 1: // asks and never reads
			p.raw(ofp.Encode(1, &ofp.Hello{}))
			for range 2 {
				p.raw(ofp.Encode(2, multipart(ofp.MultipartFlow, flowRequest())))
			}
		case 2: // half a message
			p.raw(ofp.Encode(1, &ofp.Hello{}))
			p.raw([]byte{4, 14, 0xff, 0xff, 0, 0, 0, 1, 0, 0})
		case 3: // well behaved
			p.raw(ofp.Encode(1, &ofp.Hello{}))
		}
	}
	testutil.Wait(t, "all hellos to be read", func() bool { return len(m.established()) == n/4*3 })
	over, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(over); len(b) != 0 {
		t.Errorf("connection %d is answered by % x, %v", n+1, b, err)
	}
	_ = over.Close()
	for range 100 {
		m.PacketIns([]PacketIn{{Msg: ofp.PacketIn{Data: make([]byte, 1500)}, InPort: 1}})
	}
	held := 0
	for _, c := range m.established() {
		c.out.mu.Lock()
		held = max(held, c.out.replyBytes+c.out.asyncBytes+c.out.pins.bytes)
		c.out.mu.Unlock()
	}
	if most := replyBudget + ofp.MaxLen + pinPerPort*2000; held > most {
		t.Errorf("a connection holds %d bytes, want %d at most", held, most)
	}
	for i := 3; i < n; i += 4 {
		p := newPeer(t, all[i].nc)
		p.want(helloXID, ofp.TypeHello)
		p.send(5, &ofp.BarrierRequest{})
		for {
			if h, _ := p.recv(); h.Type == ofp.TypeBarrierReply {
				break
			}
		}
	}
	s := m.Listeners()
	if len(s) != 1 || s[0].Conns != n || s[0].Refused != 1 {
		t.Errorf("listener status %+v", s)
	}
	if got := len(m.Status()); got != n {
		t.Errorf("%d connections in the status", got)
	}
}
