package ofswitch

import (
	"bytes"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
)

func TestOutputAndCounters(t *testing.T) {
	l := newLab(t, 3)
	m := flowMod(t, 0, 10, "in_port=1", apply(output(2)))
	m.Cookie = 7
	l.add(m)
	f := udp(1, 2, 10, 20)
	for range 5 {
		l.send(1, f, f)
	}
	got := l.sent(2)
	if len(got) != 10 {
		t.Fatalf("port 2 sent %d frames, want 10", len(got))
	}
	if !bytes.Equal(got[9], f) {
		t.Errorf("sent %x, want %x", got[9], f)
	}
	if len(l.sent(3)) != 0 {
		t.Error("port 3 sent something")
	}
	if c := counts(t, l.b)[7]; c != [2]uint64{10, 640} {
		t.Errorf("counted %v, want 10 packets, 640 bytes", c)
	}
	if n := l.d.workers()[0].cache.Len(); n != 1 {
		t.Errorf("%d keys cached, want 1", n)
	}
	l.send(3, f)
	if n := l.d.Drops()["no_match"]; n != 1 {
		t.Errorf("%d frames dropped for want of an entry, want 1", n)
	}
}

func TestCopyOnWrite(t *testing.T) {
	l := newLab(t, 4)
	l.add(flowMod(t, 0, 10, "udp,in_port=1", apply(output(2), set(flow.UDPDst, 99), output(3), ofp.PushVLAN{EtherType: 0x8100}, set(flow.VLANVID, 0x1005), output(4), output(ofp.PortInPort))))
	f := udp(1, 2, 10, 20)
	l.send(1, f, f, f)
	for no, want := range map[int][]byte{2: f, 3: udp(1, 2, 10, 99), 4: tagged(udp(1, 2, 10, 99), 0x8100, 5), 1: tagged(udp(1, 2, 10, 99), 0x8100, 5)} {
		got := l.sent(no)
		if len(got) != 3 {
			t.Fatalf("port %d sent %d frames, want 3", no, len(got))
		}
		for i := range got {
			if !bytes.Equal(got[i], want) {
				t.Errorf("port %d frame %d: %x, want %x", no, i, got[i], want)
			}
		}
	}
}

// tagged is f with a VLAN tag.
func tagged(f []byte, tpid, tci uint16) []byte {
	b := append([]byte(nil), f[:12]...)
	b = append(b, byte(tpid>>8), byte(tpid), byte(tci>>8), byte(tci))
	return append(b, f[12:]...)
}
