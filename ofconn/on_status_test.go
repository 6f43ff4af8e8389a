package ofconn

import (
	"net"
	"testing"
	"testing/synctest"

	"ofswitch/ofp"
)

// Each step of a controller's is told, by when Status has it.
func TestOnStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m *Manager
		told := make(chan struct{}, 100)
		var p *peer
		n := &network{answer: func(_ endpoint, attempt int) (net.Conn, error) {
			if attempt > 1 {
				return nil, net.ErrClosed
			}
			ours, theirs := net.Pipe()
			p = newPeer(t, theirs)
			return ours, nil
		}}
		m = newManager(t, &fakeSwitch{}, Options{dial: n.dial, OnStatus: func() { told <- struct{}{} }})
		// becomes waits until State and Role are told.
		becomes := func(state State, role ofp.Role) {
			t.Helper()
			for {
				<-told
				if s := m.Status()[0]; s.State == state && s.Role == role {
					return
				}
			}
		}
		if err := m.SetControllers([]Controller{{Target: "tcp:192.0.2.1", InactivityProbe: -1}}); err != nil {
			t.Fatal(err)
		}
		becomes(StateConnecting, 0)
		synctest.Wait()
		p.shake()
		becomes(StateActive, ofp.RoleEqual)
		synctest.Wait()
		p.send(7, &ofp.RoleRequest{Role: ofp.RoleMaster, GenerationID: 1})
		p.want(7, ofp.TypeRoleReply)
		becomes(StateActive, ofp.RoleMaster)
		if err := p.nc.Close(); err != nil {
			t.Error(err)
		}
		becomes(StateBackoff, 0)
		if s := m.Status()[0]; s.Connected.IsZero() || s.Disconnected.Before(s.Connected) || s.LastError == "" {
			t.Errorf("status %+v", s)
		}
	})
}
