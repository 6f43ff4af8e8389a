package ofconn

import (
	"net"
	"testing"

	"ofswitch/ofp"
)

// TestGonePeerIsToldNothing: a peer that asks for statistics a thousand times
// and goes costs no thousand walks over the tables; what it ordered still counts.
func TestGonePeerIsToldNothing(t *testing.T) {
	const requests = 1000
	sw := &fakeSwitch{flows: 3000}
	closed := make(chan struct{})
	sw.hook = func(method string) {
		if method == "FlowStats" {
			<-closed
		}
	}
	m := newManager(t, sw, Options{})
	l, err := net.Listen("unix", socketDir(t)+"/s")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	theirs, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	p := runConn(t, m, ours, theirs, connOptions{})
	p.shake()
	var b []byte
	for range requests {
		b = ofp.AppendMessage(b, 5, multipart(ofp.MultipartFlow, flowRequest()))
	}
	p.raw(ofp.AppendMessage(b, 6, missEntry()))
	_ = p.nc.Close()
	close(closed)
	<-p.over
	sw.mu.Lock()
	defer sw.mu.Unlock()
	asked := 0
	for _, c := range sw.calls {
		if c == "FlowStats" {
			asked++
		}
	}
	// Some until the first write fails: as many replies as may wait, and two.
	if most := replyBudget/(3000*56) + 10; asked == 0 || asked > most {
		t.Errorf("the tables were walked %d times for a peer who has gone, want %d at most", asked, most)
	}
	if len(sw.flowMods) != 1 {
		t.Errorf("%d flow-mods of a peer who has gone were carried out, want 1", len(sw.flowMods))
	}
}
