package ofswitch

import (
	"encoding/binary"
	"runtime"
	"testing"

	"ofswitch/ofp"
	"ofswitch/packet"
	"ofswitch/ports"
)

// A batch of GSO frames with a tiny segment size costs the memory of one
// frame's segments, not of all, and leaves in order.
func TestTinySegmentsTakeLittleMemory(t *testing.T) {
	l := newLab(t, 2)
	const frames, payload, size = 32, 64800, 36 // 1800 segments each
	plain := ports.NewMemWith("plain", ports.MemOptions{Capture: -1})
	if err := l.b.AddPort(9, plain); err != nil {
		t.Fatal(err)
	}
	l.t.Cleanup(func() {
		if err := l.b.RemovePort(9); err != nil {
			t.Error(err)
		}
	})
	l.add(flowMod(t, 0, 1, "tcp,in_port=1", apply(output(9))))
	round := func() (allocated uint64) {
		for range frames {
			l.ports[0].Inject(tcpFrame(t, payload, size))
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for l.d.Poll() > 0 {
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	round() // fills the pools
	const most = 8 << 20
	if n := round(); n > most {
		t.Errorf("%d bytes were allocated for %d segments, want %d at most", n, frames*payload/size, most)
	}
	if s := plain.Stats(); s.TxPackets != 2*frames*payload/size || s.TxDropped+s.TxErrors != 0 {
		t.Errorf("stats %+v: want %d sent", s, 2*frames*payload/size)
	}
}

// Frames that are cut, finished and left alone leave in the order in which they
// came, however many batches their segments fill.
func TestSegmentsKeepTheOrder(t *testing.T) {
	l := newLab(t, 2)
	l.add(flowMod(t, 0, 1, "tcp,in_port=1", apply(output(ofp.PortNo(2)))))
	number := uint32(0)
	for i := range 60 {
		payload, size := 100, 0
		if i%3 == 0 {
			payload, size = 100*(1+i*2), 100
		}
		f := tcpFrame(t, payload, size)
		seq := packet.TCP(f.Bytes()[34:])
		seq.SetSeq(number)
		number += uint32(payload)
		if i%3 == 1 {
			if err := packet.FinishChecksum(f); err != nil {
				t.Fatal(err)
			}
		}
		l.ports[0].Inject(f)
	}
	for l.d.Poll() > 0 {
	}
	next := uint32(0)
	for _, b := range l.sent(2) {
		if got := binary.BigEndian.Uint32(b[38:]); got != next {
			t.Fatalf("sequence number %d where %d was due", got, next)
		}
		checkTCP(t, b)
		next += uint32(len(b) - 54)
	}
	if next != number {
		t.Errorf("%d bytes left, %d came", next, number)
	}
}

// What goes before the batch ends, since a frame became very many, counts as sent like
// the rest.
func TestManySegmentsCountAsSent(t *testing.T) {
	l := newLab(t, 2)
	const segments = 10 * packet.BatchSize
	// A meter that some of the segments pass has them one by one.
	l.meterMod(&ofp.MeterMod{MeterID: 1, Flags: ofp.MeterFlagPKTPS | ofp.MeterFlagBurst, Bands: []ofp.MeterBand{{Type: ofp.MeterBandDrop, Rate: segments / 2, BurstSize: segments / 2}}})
	l.add(flowMod(t, 0, 1, "tcp,in_port=1", then(ofp.Instructions{Has: 1 << ofp.InstrMeter, Meter: 1}, 1)))
	l.add(flowMod(t, 1, 1, "", apply(output(2))))
	l.ports[0].Inject(tcpFrame(t, 100*segments, 100))
	for l.d.Poll() > 0 {
	}
	sent := len(l.sent(2))
	if s := l.d.Threads(1)[0]; sent <= packet.BatchSize || sent >= segments || s.Sent != uint64(sent) || s.Sends == 0 {
		t.Errorf("%d of %d segments sent, counted as %d in %d batches", sent, segments, s.Sent, s.Sends)
	}
}
