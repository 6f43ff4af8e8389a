package ofconn

import (
	"testing"

	"ofswitch/ofp"
)

func roleRequest(r ofp.Role, generation uint64) *ofp.RoleRequest {
	return &ofp.RoleRequest{Role: r, GenerationID: generation}
}

func (p *peer) role(r ofp.Role, generation uint64, wantRole ofp.Role, wantGeneration uint64) {
	p.t.Helper()
	p.send(0x401e, roleRequest(r, generation))
	got := p.want(0x401e, ofp.TypeRoleReply).(*ofp.RoleReply)
	if got.Role != wantRole || got.GenerationID != wantGeneration {
		p.t.Errorf("asked for %v, %#x; got %v, %#x; want %v, %#x", r, generation, got.Role, got.GenerationID, wantRole, wantGeneration)
	}
}

func TestRoles(t *testing.T) {
	const unset = undefinedGeneration
	m := newManager(t, &fakeSwitch{}, Options{})
	a, b := connected(t, m, connOptions{}), connected(t, m, connOptions{})

	a.role(ofp.RoleNoChange, 0, ofp.RoleEqual, unset)
	a.role(ofp.RoleEqual, 99, ofp.RoleEqual, unset) // the id is not looked at
	a.role(ofp.RoleMaster, 5, ofp.RoleMaster, 5)
	a.role(ofp.RoleNoChange, 0, ofp.RoleMaster, 5)
	b.role(ofp.RoleSlave, 5, ofp.RoleSlave, 5)
	b.role(ofp.RoleMaster, 6, ofp.RoleMaster, 6) // and a becomes slave
	a.want(0, ofp.TypeExperimenter)              // the role status
	a.role(ofp.RoleNoChange, 0, ofp.RoleSlave, 6)
	a.wantRefused(1, roleRequest(ofp.RoleMaster, 5), ofp.RoleRequestFailedStale)
	a.wantRefused(2, roleRequest(ofp.RoleSlave, 5), ofp.RoleRequestFailedStale)
	a.wantRefused(3, roleRequest(4, 7), ofp.RoleRequestFailedBadRole)
	a.role(ofp.RoleNoChange, 0, ofp.RoleSlave, 6) // refused requests changed nothing
	a.role(ofp.RoleEqual, 0, ofp.RoleEqual, 6)
	b.role(ofp.RoleNoChange, 0, ofp.RoleMaster, 6)

	// A connection that comes later, and one after the other has gone.
	c := connected(t, m, connOptions{})
	c.role(ofp.RoleNoChange, 0, ofp.RoleEqual, 6)
	_ = b.nc.Close()
	<-b.over
	a.role(ofp.RoleMaster, 6, ofp.RoleMaster, 6)
}

func TestGenerationWrapsAround(t *testing.T) {
	m := newManager(t, &fakeSwitch{}, Options{})
	p := connected(t, m, connOptions{})
	p.role(ofp.RoleMaster, 0xffffffffffffffff, ofp.RoleMaster, 0xffffffffffffffff)
	p.role(ofp.RoleMaster, 0, ofp.RoleMaster, 0) // OpenDaylight: all ones, plus one
	p.wantRefused(1, roleRequest(ofp.RoleMaster, 0xffffffffffffffff), ofp.RoleRequestFailedStale)
	p.role(ofp.RoleMaster, 1<<63-1, ofp.RoleMaster, 1<<63-1)
	p.wantRefused(1, roleRequest(ofp.RoleMaster, 0), ofp.RoleRequestFailedStale)
}

// TestSlave: what changes the switch is refused, what reads is not.
func TestSlave(t *testing.T) {
	sw := &fakeSwitch{}
	p := connected(t, newManager(t, sw, Options{}), connOptions{})
	p.role(ofp.RoleSlave, 0, ofp.RoleSlave, 0)
	for i, msg := range []ofp.Message{
		flowMod(ofp.FlowAdd, 0), &ofp.PacketOut{BufferID: ofp.NoBuffer}, &ofp.PortMod{}, &ofp.TableMod{},
		raw(ofp.TypeGroupMod, 8), raw(ofp.TypeMeterMod, 8), raw(ofp.TypeFlowMod, 1),
		multipart(ofp.MultipartTableFeatures, ofp.TableFeaturesRequest{{Table: 1}}),
	} {
		p.wantRefused(uint32(i), msg, ofp.BadRequestIsSlave)
	}
	for _, method := range []string{"FlowMod", "PacketOut", "PortMod", "TableMod", "GroupMod", "MeterMod"} {
		if sw.count(method) != 0 {
			t.Errorf("%s was called for a slave", method)
		}
	}
	p.send(1, &ofp.SetConfig{MissSendLen: 1}) // allowed, as in Open vSwitch
	p.send(2, multipart(ofp.MultipartFlow, flowRequest()))
	p.want(2, ofp.TypeMultipartReply)
	p.send(3, &ofp.BarrierRequest{})
	p.want(3, ofp.TypeBarrierReply)
	p.send(4, raw(ofp.TypeGetAsyncRequest, 0))
	p.want(4, ofp.TypeGetAsyncReply)
	p.role(ofp.RoleEqual, 0, ofp.RoleEqual, 0)
	p.send(5, flowMod(ofp.FlowAdd, 0))
	p.alive()
	if sw.count("FlowMod") != 1 {
		t.Error("the former slave's flow-mod was not taken")
	}
}
