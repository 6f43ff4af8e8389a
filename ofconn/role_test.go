package ofconn

import (
	"encoding/binary"
	"testing"

	"ofswitch/ofp"
)

func roleRequest(r Role, generation uint64) *ofp.Raw {
	b := make([]byte, roleLen)
	binary.BigEndian.PutUint32(b, uint32(r))
	binary.BigEndian.PutUint64(b[8:], generation)
	return &ofp.Raw{T: ofp.TypeRoleRequest, Body: b}
}

func (p *peer) role(r Role, generation uint64, wantRole Role, wantGeneration uint64) {
	p.t.Helper()
	p.send(0x401e, roleRequest(r, generation))
	b := p.want(0x401e, ofp.TypeRoleReply).(*ofp.Raw).Body
	if got, g := Role(binary.BigEndian.Uint32(b)), binary.BigEndian.Uint64(b[8:]); got != wantRole || g != wantGeneration {
		p.t.Errorf("asked for %v, %#x; got %v, %#x; want %v, %#x", r, generation, got, g, wantRole, wantGeneration)
	}
}

func TestRoles(t *testing.T) {
	const unset = undefinedGeneration
	m := newManager(t, &fakeSwitch{}, Options{})
	a, b := connected(t, m, connOptions{}), connected(t, m, connOptions{})

	a.role(roleNoChange, 0, RoleEqual, unset)
	a.role(RoleEqual, 99, RoleEqual, unset) // the id is not looked at
	a.role(RoleMaster, 5, RoleMaster, 5)
	a.role(roleNoChange, 0, RoleMaster, 5)
	b.role(RoleSlave, 5, RoleSlave, 5)
	b.role(RoleMaster, 6, RoleMaster, 6) // and a becomes slave
	a.role(roleNoChange, 0, RoleSlave, 6)
	a.wantRefused(1, roleRequest(RoleMaster, 5), ofp.RoleRequestFailedStale)
	a.wantRefused(2, roleRequest(RoleSlave, 5), ofp.RoleRequestFailedStale)
	a.wantRefused(3, roleRequest(4, 7), ofp.RoleRequestFailedBadRole)
	a.role(roleNoChange, 0, RoleSlave, 6) // refused requests changed nothing
	a.role(RoleEqual, 0, RoleEqual, 6)
	b.role(roleNoChange, 0, RoleMaster, 6)

	// A connection that comes later, and one after the other has gone.
	c := connected(t, m, connOptions{})
	c.role(roleNoChange, 0, RoleEqual, 6)
	_ = b.nc.Close()
	<-b.over
	a.role(RoleMaster, 6, RoleMaster, 6)
}

func TestGenerationWrapsAround(t *testing.T) {
	m := newManager(t, &fakeSwitch{}, Options{})
	p := connected(t, m, connOptions{})
	p.role(RoleMaster, 0xffffffffffffffff, RoleMaster, 0xffffffffffffffff)
	p.role(RoleMaster, 0, RoleMaster, 0) // OpenDaylight: all ones, plus one
	p.wantRefused(1, roleRequest(RoleMaster, 0xffffffffffffffff), ofp.RoleRequestFailedStale)
	p.role(RoleMaster, 1<<63-1, RoleMaster, 1<<63-1)
	p.wantRefused(1, roleRequest(RoleMaster, 0), ofp.RoleRequestFailedStale)
}

// TestSlave: what changes the switch is refused, what reads is not.
func TestSlave(t *testing.T) {
	sw := &fakeSwitch{}
	p := connected(t, newManager(t, sw, Options{}), connOptions{})
	p.role(RoleSlave, 0, RoleSlave, 0)
	for i, msg := range []ofp.Message{
		flowMod(ofp.FlowAdd, 0), &ofp.PacketOut{BufferID: ofp.NoBuffer}, &ofp.PortMod{}, &ofp.TableMod{},
		raw(ofp.TypeGroupMod, 8), raw(ofp.TypeMeterMod, 8), raw(ofp.TypeFlowMod, 1),
		multipart(ofp.MultipartTableFeatures, ofp.TableFeaturesRequest{{Table: 1}}),
	} {
		p.wantRefused(uint32(i), msg, ofp.BadRequestIsSlave)
	}
	for _, method := range []string{"FlowMod", "PacketOut", "PortMod", "TableMod"} {
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
	p.role(RoleEqual, 0, RoleEqual, 0)
	p.send(5, flowMod(ofp.FlowAdd, 0))
	p.alive()
	if sw.count("FlowMod") != 1 {
		t.Error("the former slave's flow-mod was not taken")
	}
}
