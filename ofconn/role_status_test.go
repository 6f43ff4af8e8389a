package ofconn

import (
	"testing"

	"ofswitch/ofp"
)

// TestRoleStatus: the master that another one pushes out is told, with the generation
// id that did it, and nobody else is, whatever they have asked for: as by Open
// vSwitch 3.1.
func TestRoleStatus(t *testing.T) {
	m := newManager(t, &fakeSwitch{}, Options{})
	one, two, three := connected(t, m, connOptions{}), connected(t, m, connOptions{management: true}), connected(t, m, connOptions{})
	peers := []*peer{one, two, three}
	two.send(1, &ofp.SetAsync{}) // nothing at all
	for i, tt := range []struct {
		who  *peer
		role ofp.Role
		gen  uint64
		told *peer // nil: nobody
	}{
		{one, ofp.RoleMaster, 1, nil},
		{two, ofp.RoleMaster, 2, one},
		{two, ofp.RoleMaster, 2, nil}, // it is
		{one, ofp.RoleMaster, 3, two},
		{two, ofp.RoleSlave, 3, nil},
		{one, ofp.RoleEqual, 0, nil},
		{three, ofp.RoleMaster, 4, nil}, // there was no master
		{three, ofp.RoleSlave, 5, nil},  // its own wish
		{one, ofp.RoleMaster, 5, nil},
		{three, ofp.RoleMaster, 6, one},
	} {
		tt.who.send(7, &ofp.RoleRequest{Role: tt.role, GenerationID: tt.gen})
		if h, r := tt.who.recv(); h.Type != ofp.TypeRoleReply {
			t.Fatalf("step %d: %v %v", i, h, r)
		}
		for _, p := range peers {
			p.send(9, &ofp.BarrierRequest{})
			told := 0
			for {
				h, r := p.recv()
				if h.Type == ofp.TypeBarrierReply {
					break
				}
				e, ok := r.(*ofp.Experimenter)
				if !ok {
					t.Fatalf("step %d: %v", i, h)
				}
				parsed, err := e.Parse(h.XID)
				if err != nil {
					t.Fatal(err)
				}
				s := parsed.(*ofp.RoleStatus)
				if h.XID != 0 || s.Role != ofp.RoleSlave || s.Reason != ofp.RoleStatusMasterRequest || s.GenerationID != tt.gen {
					t.Errorf("step %d: %v %+v", i, h, s)
				}
				told++
			}
			want := 0
			if p == tt.told {
				want = 1
			}
			if told != want {
				t.Errorf("step %d: told %d times, want %d", i, told, want)
			}
		}
	}
}
