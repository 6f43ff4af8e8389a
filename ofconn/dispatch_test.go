package ofconn

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"ofswitch/ofp"
)

func flowMod(command uint8, table ofp.TableID) *ofp.FlowMod {
	return &ofp.FlowMod{Command: command, Table: table, BufferID: ofp.NoBuffer, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
}

func raw(t ofp.Type, n int) *ofp.Raw { return &ofp.Raw{T: t, Body: make([]byte, n)} }

func multipart(kind uint16, body ofp.MultipartBody) *ofp.MultipartRequest {
	return &ofp.MultipartRequest{Kind: kind, Body: body}
}

// flowRequest selects all entries.
func flowRequest() *ofp.FlowStatsRequest {
	return &ofp.FlowStatsRequest{Table: ofp.TableAll, OutPort: ofp.PortAny, OutGroup: ofp.GroupAny}
}

// none is no error code: the message is to be taken without an answer.
const none = ^ofp.Code(0)

// TestRefusals has one row for each refusal that is decided here.
func TestRefusals(t *testing.T) {
	buffered := flowMod(ofp.FlowAdd, 0)
	buffered.BufferID = 5
	bufferedDelete := flowMod(ofp.FlowDelete, ofp.TableAll)
	bufferedDelete.BufferID = 5
	badVersion := ofp.Encode(1, &ofp.EchoRequest{})
	badVersion[0] = 1
	tests := []struct {
		name string
		msg  ofp.Message
		raw  []byte // in place of msg
		code ofp.Code
		call string // what must have been called if none, must not have been else
	}{
		{name: "set-config", msg: &ofp.SetConfig{Flags: ofp.FragDrop, MissSendLen: 0xffff}, code: none, call: "SetFragFlags"},
		{name: "set-config highest miss_send_len", msg: &ofp.SetConfig{MissSendLen: 0xffe5}, code: none, call: "SetFragFlags"},
		{name: "set-config reserved miss_send_len", msg: &ofp.SetConfig{MissSendLen: 0xffe6}, code: ofp.SwitchConfigFailedBadLen, call: "SetFragFlags"},
		{name: "set-config flag 4", msg: &ofp.SetConfig{Flags: 4}, code: ofp.SwitchConfigFailedBadFlags, call: "SetFragFlags"},
		{name: "set-config both frag bits", msg: &ofp.SetConfig{Flags: 3}, code: ofp.SwitchConfigFailedBadFlags, call: "SetFragFlags"},
		{name: "set-config the switch cannot", msg: &ofp.SetConfig{Flags: ofp.FragReasm}, code: ofp.SwitchConfigFailedBadFlags},
		{name: "flow-mod", msg: flowMod(ofp.FlowAdd, 3), code: none, call: "FlowMod"},
		{name: "flow-mod the switch refuses", msg: flowMod(ofp.FlowAdd, 0xff), code: ofp.FlowModFailedBadTableID},
		{name: "flow-mod with buffer", msg: buffered, code: ofp.BadRequestBufferUnknown},
		{name: "deletion with buffer", msg: bufferedDelete, code: none, call: "FlowMod"},
		{name: "packet-out", msg: &ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: ofp.PortController, Data: make([]byte, 60)}, code: none, call: "PacketOut"},
		{name: "packet-out with buffer", msg: &ofp.PacketOut{BufferID: 0, InPort: ofp.PortController}, code: ofp.BadRequestBufferUnknown},
		{name: "port-mod", msg: &ofp.PortMod{Port: 1}, code: none, call: "PortMod"},
		{name: "table-mod", msg: &ofp.TableMod{}, code: none, call: "TableMod"},
		{name: "error from the peer", msg: &ofp.ErrorMsg{ErrType: 1, Code: 1}, code: none},
		{name: "short error from the peer", raw: ofp.Encode(1, raw(ofp.TypeError, 1)), code: none},
		{name: "echo reply nobody asked for", msg: &ofp.EchoReply{}, code: none},
		{name: "features reply", msg: &ofp.FeaturesReply{}, code: ofp.BadRequestBadType},
		{name: "get-config reply", msg: &ofp.GetConfigReply{}, code: ofp.BadRequestBadType},
		{name: "packet-in", msg: &ofp.PacketIn{}, code: ofp.BadRequestBadType},
		{name: "packet-in without body", msg: raw(ofp.TypePacketIn, 0), code: ofp.BadRequestBadType},
		{name: "flow-removed", msg: &ofp.FlowRemoved{}, code: ofp.BadRequestBadType},
		{name: "port-status", msg: &ofp.PortStatus{}, code: ofp.BadRequestBadType},
		{name: "multipart reply", msg: &ofp.MultipartReply{}, code: ofp.BadRequestBadType},
		{name: "barrier reply", msg: &ofp.BarrierReply{}, code: ofp.BadRequestBadType},
		{name: "queue-get-config reply", msg: raw(ofp.TypeQueueGetConfigReply, 8), code: ofp.BadRequestBadType},
		{name: "role reply", msg: raw(ofp.TypeRoleReply, 16), code: ofp.BadRequestBadType},
		{name: "get-async reply", msg: raw(ofp.TypeGetAsyncReply, 24), code: ofp.BadRequestBadType},
		{name: "type 30", msg: raw(30, 0), code: ofp.BadRequestBadType},
		{name: "type 255", msg: raw(255, 100), code: ofp.BadRequestBadType},
		{name: "queue-get-config", msg: raw(ofp.TypeQueueGetConfigRequest, 8), code: ofp.QueueOpFailedBadPort},
		{name: "experimenter", msg: &ofp.Experimenter{Experimenter: 0x2321, ExpType: 16}, code: ofp.BadRequestBadExperimenter},
		{name: "experimenter's message that is not supported", msg: &ofp.SetPacketInFormat{Format: ofp.PacketInNicira2}, code: ofp.BadRequestBadExpType},
		{name: "experimenter's message that there is not", msg: &ofp.Experimenter{Experimenter: ofp.ExperimenterONF, ExpType: 2399}, code: ofp.BadRequestBadExpType},
		{name: "role status", msg: &ofp.RoleStatus{}, code: ofp.BadRequestBadExpType},
		{name: "short bundle control", msg: &ofp.Experimenter{Experimenter: ofp.ExperimenterONF, ExpType: 2300, Data: make([]byte, 4)}, code: ofp.BadRequestBadLen},
		{name: "short experimenter", msg: raw(ofp.TypeExperimenter, 7), code: ofp.BadRequestBadLen},
		{name: "role that does not exist", msg: &ofp.Raw{T: ofp.TypeRoleRequest, Body: []byte{0, 0, 0, 4, 15: 0}}, code: ofp.RoleRequestFailedBadRole},
		{name: "short role request", msg: raw(ofp.TypeRoleRequest, 15), code: ofp.BadRequestBadLen},
		{name: "long set-async", msg: raw(ofp.TypeSetAsync, 32), code: ofp.BadRequestBadLen},
		{name: "short set-config", msg: raw(ofp.TypeSetConfig, 3), code: ofp.BadRequestBadLen, call: "SetFragFlags"},
		{name: "long barrier", msg: raw(ofp.TypeBarrierRequest, 4), code: ofp.BadRequestBadLen, call: "Barrier"},
		{name: "long features request", msg: raw(ofp.TypeFeaturesRequest, 1), code: ofp.BadRequestBadLen, call: "Features"},
		{name: "short flow-mod", msg: raw(ofp.TypeFlowMod, 47), code: ofp.BadRequestBadLen, call: "FlowMod"},
		{name: "multipart without kind", msg: raw(ofp.TypeMultipartRequest, 7), code: ofp.BadRequestBadLen},
		{name: "multipart kind 14", msg: multipart(14, nil), code: ofp.BadRequestBadMultipart},
		{name: "multipart desc with body", msg: multipart(ofp.MultipartDesc, make(ofp.RawBody, 4)), code: ofp.BadRequestBadLen},
		{name: "multipart flow without body", msg: multipart(ofp.MultipartFlow, nil), code: ofp.BadRequestBadLen, call: "FlowStats"},
		{name: "multipart of an unknown port", msg: multipart(ofp.MultipartPortStats, &ofp.PortStatsRequest{Port: 9}), code: ofp.BadRequestBadPort},
		{name: "table features of the wrong length", msg: multipart(ofp.MultipartTableFeatures, make(ofp.RawBody, 64)), code: ofp.TableFeaturesFailedBadLen, call: "SetTableFeatures"},
		{name: "multipart experimenter", msg: multipart(ofp.MultipartExperimenter, make(ofp.RawBody, 8)), code: ofp.BadRequestBadExperimenter},
		{name: "multipart experimenter without body", msg: multipart(ofp.MultipartExperimenter, nil), code: ofp.BadRequestBadLen},
		{name: "another version", raw: badVersion, code: ofp.BadRequestBadVersion},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sw := &fakeSwitch{}
			p := connected(t, newManager(t, sw, Options{}), connOptions{})
			b := tt.raw
			if b == nil {
				b = ofp.Encode(1, tt.msg)
			}
			p.raw(b)
			if tt.code != none {
				p.wantError(1, tt.code, b)
			}
			p.alive()
			if tt.call != "" {
				want := 0
				if tt.code == none {
					want = 1
				}
				if got := sw.count(tt.call); got != want {
					t.Errorf("%s was called %d times, want %d", tt.call, got, want)
				}
			}
		})
	}
}

// TestSwitchErrors: what the switch returns is sent as it is; what is no
// refusal becomes the least specific code of the message.
func TestSwitchErrors(t *testing.T) {
	exact := ofp.BadActionBadOutPort.Errorf("port 0")
	vague := errors.New("disk on fire")
	tests := []struct {
		method string
		err    error
		msg    ofp.Message
		code   ofp.Code
	}{
		{"FlowMod", exact, flowMod(ofp.FlowAdd, 0), ofp.BadActionBadOutPort},
		{"FlowMod", fmt.Errorf("wrapped: %w", exact), flowMod(ofp.FlowAdd, 0), ofp.BadActionBadOutPort},
		{"FlowMod", vague, flowMod(ofp.FlowAdd, 0), ofp.FlowModFailedUnknown},
		{"PacketOut", exact, &ofp.PacketOut{BufferID: ofp.NoBuffer}, ofp.BadActionBadOutPort},
		{"PortMod", ofp.PortModFailedBadHWAddr.Errorf("x"), &ofp.PortMod{}, ofp.PortModFailedBadHWAddr},
		{"TableMod", ofp.TableModFailedBadConfig.Errorf("x"), &ofp.TableMod{}, ofp.TableModFailedBadConfig},
		{"GroupMod", ofp.GroupModFailedLoop.Errorf("x"), &ofp.GroupMod{}, ofp.GroupModFailedLoop},
		{"GroupMod", vague, &ofp.GroupMod{}, ofp.GroupModFailedEPerm},
		{"MeterMod", ofp.MeterModFailedBadRate.Errorf("x"), &ofp.MeterMod{}, ofp.MeterModFailedBadRate},
		{"MeterMod", vague, &ofp.MeterMod{}, ofp.MeterModFailedUnknown},
		{"GroupDescs", vague, multipart(ofp.MultipartGroupDesc, nil), ofp.BadRequestEPerm},
		{"FlowStats", ofp.BadRequestBadTableID.Errorf("x"), multipart(ofp.MultipartFlow, flowRequest()), ofp.BadRequestBadTableID},
		{"AggregateStats", vague, multipart(ofp.MultipartAggregate, flowRequest()), ofp.BadRequestEPerm},
		{"SetFragFlags", vague, &ofp.SetConfig{}, ofp.SwitchConfigFailedEPerm},
	}
	sw := &fakeSwitch{}
	p := connected(t, newManager(t, sw, Options{}), connOptions{})
	for i, tt := range tests {
		sw.setRefusal(tt.method, tt.err)
		p.wantRefused(uint32(100+i), tt.msg, tt.code)
		sw.setRefusal(tt.method, nil)
	}
	p.alive()
}

func TestReplies(t *testing.T) {
	sw := &fakeSwitch{flows: 2}
	p := connected(t, newManager(t, sw, Options{}), connOptions{})

	p.send(1, &ofp.FeaturesRequest{})
	if f := p.want(1, ofp.TypeFeaturesReply).(*ofp.FeaturesReply); f.DatapathID != 0x1234 || f.NumTables != 254 || f.NumBuffers != 0 || f.AuxiliaryID != 0 {
		t.Errorf("features %+v", f)
	}
	p.send(2, &ofp.GetConfigRequest{})
	if c := p.want(2, ofp.TypeGetConfigReply).(*ofp.GetConfigReply); c.Flags != 0 || c.MissSendLen != 128 {
		t.Errorf("configuration at first: %+v", c)
	}
	p.send(3, &ofp.SetConfig{Flags: ofp.FragDrop, MissSendLen: 0xffff})
	p.send(4, &ofp.GetConfigRequest{})
	if c := p.want(4, ofp.TypeGetConfigReply).(*ofp.GetConfigReply); c.Flags != ofp.FragDrop || c.MissSendLen != 0xffff {
		t.Errorf("configuration afterwards: %+v", c)
	}
	p.send(5, &ofp.BarrierRequest{})
	p.want(5, ofp.TypeBarrierReply)

	kinds := []struct {
		kind    uint16
		body    ofp.MultipartBody
		entries int
	}{
		{ofp.MultipartDesc, nil, 1},
		{ofp.MultipartFlow, flowRequest(), 2},
		{ofp.MultipartAggregate, flowRequest(), 1},
		{ofp.MultipartTable, nil, 254},
		{ofp.MultipartPortStats, &ofp.PortStatsRequest{Port: ofp.PortAny}, 1},
		{ofp.MultipartPortStats, &ofp.PortStatsRequest{Port: 1}, 1},
		{ofp.MultipartPortDesc, nil, 2},
	}
	for i, k := range kinds {
		xid := uint32(0xffffffff - i) // ONOS counts down
		req := multipart(k.kind, k.body)
		req.Flags = 0x8000 // unknown flags are ignored
		p.send(xid, req)
		r := p.want(xid, ofp.TypeMultipartReply).(*ofp.MultipartReply)
		if r.Kind != k.kind || r.Flags != 0 || len(r.Entries) != k.entries {
			t.Errorf("%s: kind %d, flags %#x, %d entries, want %d", ofp.MultipartName(k.kind), r.Kind, r.Flags, len(r.Entries), k.entries)
		}
	}
	sw.mu.Lock()
	sw.flows = 0
	sw.mu.Unlock()
	p.send(50, multipart(ofp.MultipartFlow, flowRequest()))
	if r := p.want(50, ofp.TypeMultipartReply).(*ofp.MultipartReply); len(r.Entries) != 0 || r.Flags != 0 {
		t.Errorf("a table without entries: %+v", r)
	}
}

func TestEchoVerbatim(t *testing.T) {
	p := connected(t, newManager(t, &fakeSwitch{}, Options{}), connOptions{})
	for _, n := range []int{0, 1, 64, 4096, 65000, ofp.MaxLen - ofp.HeaderLen} {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(i * 7)
		}
		p.send(uint32(n), &ofp.EchoRequest{Data: data})
		if m := p.want(uint32(n), ofp.TypeEchoReply).(*ofp.EchoReply); !bytes.Equal(m.Data, data) {
			t.Errorf("echo of %d bytes gave %d others", n, len(m.Data))
		}
	}
}

// TestOrder: messages take effect and are answered in the order sent, each
// error before the reply to the barrier behind it, however they come in.
func TestOrder(t *testing.T) {
	sw := &fakeSwitch{}
	p := connected(t, newManager(t, sw, Options{}), connOptions{})
	var all []byte
	const n = 500
	for i := range uint32(n) {
		table := ofp.TableID(0)
		if i%3 == 0 {
			table = 0xff // refused
		}
		f := flowMod(ofp.FlowAdd, table)
		f.Cookie = uint64(i)
		all = ofp.AppendMessage(all, i, f)
		all = ofp.AppendMessage(all, i, &ofp.BarrierRequest{}) // ONOS: same xid
	}
	wrote := make(chan error, 1)
	go func() {
		for len(all) > 0 { // in pieces that do not respect messages
			k := min(len(all), 1000)
			if _, err := p.nc.Write(all[:k]); err != nil {
				wrote <- err
				return
			}
			all = all[k:]
		}
		wrote <- nil
	}()
	for i := range uint32(n) {
		if i%3 == 0 {
			p.wantError(i, ofp.FlowModFailedBadTableID, nil)
		}
		p.want(i, ofp.TypeBarrierReply)
	}
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}
	sw.mu.Lock()
	defer sw.mu.Unlock()
	last := -1
	for _, f := range sw.flowMods {
		if int(f.Cookie) <= last {
			t.Fatalf("flow-mod %d after %d", f.Cookie, last)
		}
		last = int(f.Cookie)
	}
	for i, call := range sw.calls {
		if want := [2]string{"FlowMod", "Barrier"}[i%2]; call != want {
			t.Fatalf("call %d is %s, want %s", i, call, want)
		}
	}
}

// TestDecoderPanic: a decoder that panics costs the message.
func TestDecoderPanic(t *testing.T) {
	// A header that promises more than there is makes any decoder step out of
	// bounds; it cannot come from the network, where the reader cuts messages.
	if _, err := decode(ofp.Header{Version: ofp.Version, Type: ofp.TypeHello}, nil); err == nil {
		t.Error("no error")
	}
}

func TestOtherVersionsAreGarbageInTheEnd(t *testing.T) {
	p := connected(t, newManager(t, &fakeSwitch{}, Options{}), connOptions{})
	b := ofp.Encode(1, &ofp.EchoRequest{})
	b[0] = 1
	for range maxBadVersions - 1 {
		p.raw(b)
		p.wantError(1, ofp.BadRequestBadVersion, nil)
	}
	p.alive() // and starts the count anew
	for range maxBadVersions {
		p.raw(b)
		p.wantError(1, ofp.BadRequestBadVersion, nil)
	}
	p.wantClosed(errGarbage)
}

func TestRepliesGoToTheRequesterAlone(t *testing.T) {
	m := newManager(t, &fakeSwitch{}, Options{})
	a, b := connected(t, m, connOptions{}), connected(t, m, connOptions{})
	a.send(1, &ofp.FeaturesRequest{})
	a.want(1, ofp.TypeFeaturesReply)
	a.wantRefused(2, raw(ofp.TypeHello, 0), ofp.BadRequestBadType)
	b.alive() // its next message is its own
}

func TestSnoop(t *testing.T) {
	type seen struct {
		toPeer bool
		typ    ofp.Type
	}
	got := make(chan seen, 10)
	m := newManager(t, &fakeSwitch{}, Options{Snoop: func(_ string, toPeer bool, msg []byte) {
		got <- seen{toPeer, ofp.Type(msg[1])}
	}})
	p := connected(t, m, connOptions{})
	p.alive()
	counts := make(map[seen]int)
	for range 4 {
		counts[<-got]++
	}
	for _, want := range []seen{{true, ofp.TypeHello}, {false, ofp.TypeHello}, {false, ofp.TypeEchoRequest}, {true, ofp.TypeEchoReply}} {
		if counts[want] != 1 {
			t.Errorf("%+v seen %d times", want, counts[want])
		}
	}
}
