package ofconn

import (
	"testing"
	"testing/synctest"
	"time"

	"ofswitch/ofp"
)

// step is what a controller sends in one piece, and what must come back, in
// this order: a message's type, or an error's code.
type step struct {
	name string
	send []sent
	want []answer
}

type sent struct {
	xid uint32
	msg ofp.Message
	raw []byte // in place of msg
}

// answer is a reply to xid.
type answer struct {
	xid uint32
	is  any // ofp.Type or ofp.Code
}

// say makes a step of one message and the answers to it.
func say(name string, xid uint32, m ofp.Message, answers ...any) step {
	s := step{name: name, send: []sent{{xid: xid, msg: m}}}
	for _, is := range answers {
		s.want = append(s.want, answer{xid, is})
	}
	return s
}

// together joins steps into one write.
func together(name string, steps ...step) step {
	all := step{name: name}
	for _, s := range steps {
		all.send = append(all.send, s.send...)
		all.want = append(all.want, s.want...)
	}
	return all
}

// Answers, in short.
const (
	tFeatures  = ofp.TypeFeaturesReply
	tConfig    = ofp.TypeGetConfigReply
	tMultipart = ofp.TypeMultipartReply
	tBarrier   = ofp.TypeBarrierReply
	tRole      = ofp.TypeRoleReply
	tEcho      = ofp.TypeEchoReply
)

func deletion(m *ofp.FlowMod) *ofp.FlowMod { m.Command = ofp.FlowDelete; return m }

// noGroups deletes all groups; of the type too, where a controller thinks so.
func noGroups(t ofp.GroupType) *ofp.GroupMod {
	return &ofp.GroupMod{Command: ofp.GroupDelete, GroupType: t, GroupID: ofp.GroupAll}
}

// missEntry is the table-miss entry that sends to the controller.
func missEntry() *ofp.FlowMod {
	f := flowMod(ofp.FlowAdd, 0)
	f.Instructions.Has = 1 << ofp.InstrApplyActions
	f.Instructions.Order[0] = ofp.InstrApplyActions
	f.Instructions.Apply = []ofp.Action{ofp.Output{Port: ofp.PortController, MaxLen: ofp.ControllerNoBuffer}}
	return f
}

// conversations are the handshakes of real controllers, as their source has
// them.
func conversations() map[string][]step {
	flows := func() ofp.Message { return multipart(ofp.MultipartFlow, flowRequest()) }
	groups := make(ofp.RawBody, 8)
	strict := flowMod(ofp.FlowDeleteStrict, ofp.TableAll)
	strict.OutPort = ofp.PortController
	odlMiss := missEntry()
	odlMiss.Cookie, odlMiss.CookieMask, odlMiss.Flags = 10, 10, ofp.FlowSendFlowRem
	return map[string][]step{
		"ONOS": {
			together("hello, features",
				step{send: []sent{{raw: helloBytes(4, 0xffffffff, bitmap(0x72)...)}}},
				say("", 0xfffffffe, &ofp.FeaturesRequest{}, tFeatures)),
			say("port-desc", 0xfffffffd, multipart(ofp.MultipartPortDesc, nil), tMultipart),
			together("barrier, get-config",
				say("", 0xfffffffc, &ofp.BarrierRequest{}, tBarrier),
				say("", 0xfffffffb, &ofp.GetConfigRequest{}, tConfig)),
			say("meter-features", 0xfffffffa, multipart(ofp.MultipartMeterFeatures, nil), tMultipart),
			say("desc", 0xfffffff9, multipart(ofp.MultipartDesc, nil), tMultipart),
			say("port-desc again", 0xfffffff8, multipart(ofp.MultipartPortDesc, nil), tMultipart),
			say("role", 0xfffffff7, roleRequest(ofp.RoleMaster, 0), tRole),
			together("default rules",
				say("", 5, missEntry()), say("", 5, flowMod(ofp.FlowAdd, 0)), say("", 5, &ofp.BarrierRequest{}, tBarrier)),
			say("poll flows", 6, flows(), tMultipart),
			say("poll tables", 7, multipart(ofp.MultipartTable, nil), tMultipart),
			say("poll ports", 8, multipart(ofp.MultipartPortStats, &ofp.PortStatsRequest{Port: ofp.PortAny}), tMultipart),
			together("poll groups",
				say("", 9, multipart(ofp.MultipartGroup, groups), tMultipart),
				say("", 10, multipart(ofp.MultipartGroupDesc, nil), tMultipart)),
			say("role again", 11, roleRequest(ofp.RoleMaster, 0), tRole),
		},
		"OpenDaylight": {
			{name: "hello", send: []sent{{raw: helloBytes(4, 21, bitmap(1<<1|1<<4)...)}}},
			say("features", helloXID+1, &ofp.FeaturesRequest{}, tFeatures),
			say("barrier for a sign of life", 0, &ofp.BarrierRequest{}, tBarrier),
			say("desc", 1, multipart(ofp.MultipartDesc, nil), tMultipart),
			together("what it can",
				say("", 2, multipart(ofp.MultipartMeterFeatures, nil), tMultipart),
				say("", 3, multipart(ofp.MultipartGroupFeatures, nil), tMultipart),
				say("", 4, multipart(ofp.MultipartPortDesc, nil), tMultipart)),
			say("role in force", 5, roleRequest(ofp.RoleNoChange, 0), tRole),
			say("role", 6, roleRequest(ofp.RoleMaster, 0), tRole),
			together("table-miss", say("", 7, odlMiss), say("", 8, &ofp.BarrierRequest{}, tBarrier)),
			together("two flow-mods of one xid", say("", 9, flowMod(ofp.FlowAdd, 0)), say("", 9, flowMod(ofp.FlowAdd, 0)), say("", 10, &ofp.BarrierRequest{}, tBarrier)),
			say("echo", 0, &ofp.EchoRequest{}, tEcho),
			say("poll flows", 11, flows(), tMultipart),
		},
		"Floodlight": {
			{name: "hello", send: []sent{{raw: helloBytes(6, 1, bitmap(0x7e)...)}}},
			say("features", 2, &ofp.FeaturesRequest{}, tFeatures),
			say("port-desc", 3, multipart(ofp.MultipartPortDesc, nil), tMultipart),
			together("configuration",
				say("", 4, &ofp.SetConfig{MissSendLen: 0xffff}),
				say("", 5, &ofp.BarrierRequest{}, tBarrier),
				say("", 6, &ofp.GetConfigRequest{}, tConfig)),
			say("desc", 7, multipart(ofp.MultipartDesc, nil), tMultipart),
			say("table-features", 8, multipart(ofp.MultipartTableFeatures, nil), tMultipart),
			say("role", 9, roleRequest(ofp.RoleMaster, 0), tRole),
			together("clear",
				say("", 10, deletion(flowMod(0, ofp.TableAll))),
				say("", 11, noGroups(ofp.GroupTypeAll)), say("", 12, noGroups(ofp.GroupTypeSelect)),
				say("", 13, noGroups(ofp.GroupTypeIndirect)), say("", 14, noGroups(ofp.GroupTypeFastFailover)),
				say("", 15, &ofp.BarrierRequest{}, tBarrier), say("", 16, &ofp.BarrierRequest{}, tBarrier)),
			together("table-miss",
				say("", 17, strict), say("", 18, missEntry()), say("", 19, &ofp.BarrierRequest{}, tBarrier)),
			say("echo", 20, &ofp.EchoRequest{}, tEcho),
		},
		"Faucet": {
			{name: "hello", send: []sent{{raw: helloBytes(4, 1, bitmap(1<<4)...)}}},
			say("features", 2, &ofp.FeaturesRequest{}, tFeatures),
			say("configuration", 3, &ofp.SetConfig{}),
			together("desc, port-desc",
				say("", 4, multipart(ofp.MultipartDesc, nil), tMultipart),
				say("", 5, multipart(ofp.MultipartPortDesc, nil), tMultipart)),
			say("asynchronous messages", 6, &ofp.SetAsync{AsyncConfig: ofp.AsyncConfig{PacketIn: [2]uint32{2, 2}, PortStatus: [2]uint32{7, 7}}}),
			together("cold start",
				say("", 7, deletion(flowMod(0, ofp.TableAll))),
				say("", 8, noGroups(ofp.GroupTypeAll)),
				say("", 9, &ofp.MeterMod{Command: ofp.MeterDelete, MeterID: ofp.MeterAll}),
				say("", 10, missEntry()), say("", 11, flowMod(ofp.FlowModifyStrict, 1))),
			say("echo", 12, &ofp.EchoRequest{}, tEcho),
		},
		"os-ken": {
			{name: "hello", send: []sent{{raw: helloBytes(4, 1, bitmap(1<<4)...)}}},
			say("features", 2, &ofp.FeaturesRequest{}, tFeatures),
			say("port-desc", 3, multipart(ofp.MultipartPortDesc, nil), tMultipart),
			say("configuration", 4, &ofp.SetConfig{MissSendLen: 0xffff}),
			say("table-miss", 5, missEntry()),
			say("flood", 6, &ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: 1, Actions: []ofp.Action{ofp.Output{Port: ofp.PortFlood}}, Data: make([]byte, 60)}),
			say("queues", 7, raw(ofp.TypeQueueGetConfigRequest, 8), ofp.QueueOpFailedBadPort),
			say("barrier", 8, &ofp.BarrierRequest{}, tBarrier),
		},
	}
}

// act does one step.
func (p *peer) act(s step) {
	p.t.Helper()
	var b []byte
	for _, m := range s.send {
		if m.raw != nil {
			b = append(b, m.raw...)
		} else {
			b = ofp.AppendMessage(b, m.xid, m.msg)
		}
	}
	p.raw(b)
	for _, a := range s.want {
		switch is := a.is.(type) {
		case ofp.Type:
			for more := true; more; {
				m := p.want(a.xid, is)
				r, ok := m.(*ofp.MultipartReply)
				more = ok && r.Flags&ofp.MultipartMore != 0
			}
		case ofp.Code:
			p.wantError(a.xid, is, nil)
		}
	}
}

// TestControllers holds every conversation whole, and again for each step:
// ended there by silence, by hanging up, and by an error report in place of what
// should come next, after which it goes on.
func TestControllers(t *testing.T) {
	const probe = 5 * time.Second
	for name, steps := range conversations() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newManager(t, &fakeSwitch{flows: 3}, Options{})
				bystander := connected(t, m, connOptions{})
				// begin goes through the first k steps. ONOS waits for our hello,
				// the others don't; over a pipe all must read it.
				begin := func(k int) *peer {
					p := pipe(t, m, connOptions{probe: probe, dialled: true})
					p.want(helloXID, ofp.TypeHello)
					for _, s := range steps[:k] {
						p.act(s)
					}
					return p
				}
				p := begin(len(steps))
				p.alive()
				_ = p.nc.Close()
				<-p.over
				for k := range len(steps) {
					silent := begin(k)
					if k > 0 {
						silent.want(probeXID, ofp.TypeEchoRequest)
						silent.wantClosed(errInactive)
					} else {
						silent.wantClosed(errHelloTimeout)
					}

					gone := begin(k)
					_ = gone.nc.Close()
					<-gone.over

					angry := begin(k)
					angry.send(uint32(k), &ofp.ErrorMsg{ErrType: ofp.ErrBadRequest, Code: 1, Data: make([]byte, 64)})
					if k == 0 {
						angry.wantClosed(nil) // it refuses our hello
						continue
					}
					for _, s := range steps[k:] {
						angry.act(s)
					}
					angry.alive()
					_ = angry.nc.Close()
					<-angry.over
				}
				bystander.alive()
				if m.Connected() != 0 || len(m.established()) != 1 {
					t.Errorf("%d controllers are left of those that went", m.Connected())
				}
			})
		})
	}
}
