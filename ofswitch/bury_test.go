package ofswitch

import (
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// living is the number of programs that the worker's list holds.
func (w *worker) living() int {
	w.d.foldMu.Lock()
	defer w.d.foldMu.Unlock()
	n := 0
	for p := w.programs.head.Load(); p != nil; p = p.next {
		n++
	}
	return n
}

// A flood of flows, each a single frame, may not pile up programs until the
// collector's next turn: the worker wakes it, and it frees all that left the
// cache, with every frame counted.
func TestFloodOfFlowsIsBuried(t *testing.T) {
	l := newLab(t, 2, exactMasks)
	l.add(flowMod(t, 0, 1, "udp", apply(output(2))))
	w := l.d.workers()[0]
	frame := udp(1, 2, 3, 4)
	sent := 0
	// Each new flow beyond the cache's size drives another one out.
	for woken := false; !woken; {
		if sent > 2*(buryAfter+w.cache.Cap()) {
			t.Fatalf("%d flows went by, %d programs live, and the collector was not woken", sent, w.living())
		}
		ip := packet.IPv4(frame[14:])
		ip.SetSrc(uint32(sent))
		ip.UpdateChecksum()
		l.send(1, frame)
		sent++
		if sent%1024 == 0 {
			l.ports[1].Sent()
		}
		select {
		case <-l.d.buryWake:
			woken = true
		default:
		}
	}
	if n := w.living(); n < buryAfter {
		t.Fatalf("%d programs live after %d flows: this test tests nothing", n, sent)
	}
	l.d.bury()
	// The newest program stays in the list whatever it is.
	if n, most := w.living(), w.mega.Len()+1; n > most {
		t.Errorf("%d programs live after the burial, there may be %d", n, most)
	}
	if c := counts(t, l.b)[0]; c != [2]uint64{uint64(sent), uint64(sent * len(frame))} {
		t.Errorf("%d packets, %d bytes counted of %d frames", c[0], c[1], sent)
	}
	// A change makes cached programs stale: those that are translated again
	// count as well.
	before := w.unburied
	l.add(flowMod(t, 0, 2, "udp,ip_src=0.0.0.0/0.0.0.1", apply(set(flow.IPDSCP, 1), output(ofp.PortNo(2)))))
	ip := packet.IPv4(frame[14:])
	ip.SetSrc(uint32(sent-1) &^ 1)
	ip.UpdateChecksum()
	l.send(1, frame)
	if w.unburied != before+1 {
		t.Errorf("a stale program was replaced, and %d count as having left the cache", w.unburied-before)
	}
}
