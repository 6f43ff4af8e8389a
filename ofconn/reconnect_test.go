package ofconn

import (
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// Reconnect ends a controller's connection, which is then dialled again.
func TestReconnectAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		n.answer = func(endpoint, int) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				p := newPeer(t, theirs)
				p.shake()
				p.alive()
			}()
			return ours, nil
		}
		m := newManager(t, &fakeSwitch{}, Options{dial: n.dial})
		if err := m.SetControllers([]Controller{{Target: target, InactivityProbe: -1}}); err != nil {
			t.Fatal(err)
		}
		for want := 1; want <= 3; want++ {
			time.Sleep(20 * time.Second)
			synctest.Wait()
			if got := len(n.dials.all()); got != want || m.Connected() != 1 {
				t.Fatalf("dialled %d times, %d connected, want %d, 1", got, m.Connected(), want)
			}
			m.Reconnect()
			synctest.Wait()
			if m.Connected() != 0 {
				t.Fatal("still connected")
			}
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
