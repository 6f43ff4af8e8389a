package ofswitch

import (
	"bytes"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// TestSegmentsBeforeLabel pushes a label before an I-tag with a GSO frame in
// it: nobody could segment that afterwards, so each segment gets its label.
// Entries count what came in, and what is behind a copy is done once.
func TestSegmentsBeforeLabel(t *testing.T) {
	for name, payload := range map[string]int{"few": 5000, "more than a batch": 30000} {
		t.Run(name, func(t *testing.T) {
			size, segs := 1400, 4
			if payload > 5000 {
				size, segs = 100, 300
			}
			l := newLab(t, 3)
			l.add(flowMod(t, 0, 1, "in_port=1", then(apply(ofp.PushPBB{EtherType: 0x88e7},
				ofp.PushMPLS{EtherType: 0x8847}, output(2), set(flow.MPLSLabel, 9), output(2)), 1)))
			l.add(flowMod(t, 1, 1, "mpls,mpls_label=9", apply(output(3))))
			f := tcpFrame(t, payload, size)
			packets, wire := f.Segments()
			if int(packets) != segs {
				t.Fatalf("%d segments, want %d", packets, segs)
			}
			l.ports[0].Inject(f)
			for l.d.Poll() > 0 {
			}
			two, three := l.sent(2), l.sent(3)
			if len(two) != 2*segs || len(three) != segs {
				t.Fatalf("%d frames from port 2, %d from port 3; want %d, %d", len(two), len(three), 2*segs, segs)
			}
			got := 0
			for i := range two {
				label := two[i][12:18]
				if want := []byte{0x88, 0x47, 0, 0, 1, 0}; i%2 == 0 && !bytes.Equal(label, want) {
					t.Fatalf("frame %d begins % x", i, two[i][:40])
				}
				if want := []byte{0x88, 0x47, 0, 0, 0x91, 0}; i%2 == 1 && !bytes.Equal(label, want) {
					t.Fatalf("frame %d begins % x", i, two[i][:40])
				}
				// What Ethernet, label and I-tag enclose is a frame of its own.
				_, data := checkTCP(t, append(bytes.Clone(two[i][22:34]), two[i][34:]...))
				got += len(data)
			}
			if got != 2*payload {
				t.Errorf("%d bytes of data, want %d twice", got, payload)
			}
			c := counts(t, l.b)[0]
			if c != [2]uint64{packets, wire} {
				t.Errorf("counted %d, want %d packets, %d bytes", c, packets, wire)
			}
		})
	}
}

// TestSplitInCopy: the frame goes on whole behind the copy that was segmented.
func TestSplitInCopy(t *testing.T) {
	l := newLab(t, 3)
	b2, err := l.d.AddBridge("br1", BridgeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []*Bridge{l.b, b2} {
		if err := b.AddPatch(10, b.name+"patch"); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.b.ConnectPatch(10, b2, 10); err != nil {
		t.Fatal(err)
	}
	in := l.addPort(b2, 1)
	if err := b2.FlowMod(flowMod(t, 0, 1, "in_port=10", apply(ofp.PushMPLS{EtherType: 0x8847}, output(1)))); err != nil {
		t.Fatal(err)
	}
	l.add(flowMod(t, 0, 1, "in_port=1", apply(ofp.PushPBB{EtherType: 0x88e7}, output(10), ofp.PopPBB{}, output(2))))
	f := tcpFrame(t, 5000, 1400)
	l.ports[0].Inject(f)
	for l.d.Poll() > 0 {
	}
	if n := len(in.Sent()); n != 4 {
		t.Errorf("%d labelled segments, want 4", n)
	}
	if n := len(l.sent(2)); n != 4 {
		t.Errorf("%d plain segments, want 4", n)
	}
}

// TestManyPushes: headroom runs out again and again.
func TestManyPushes(t *testing.T) {
	l := newLab(t, 2)
	var list []ofp.Action
	for range 20 {
		list = append(list, ofp.PushPBB{EtherType: 0x88e7}, ofp.PushMPLS{EtherType: 0x8847}, ofp.PopMPLS{EtherType: 0x88e7}, ofp.PushVLAN{EtherType: 0x88a8})
	}
	in := udp(1, 2, 3, 4)
	l.add(flowMod(t, 0, 1, "in_port=1", apply(append(list, output(2))...)))
	l.send(1, in)
	out := l.sent(2)
	want := len(in) + 20*(packet.PBBLen+packet.VLANLen)
	if len(out) != 1 || len(out[0]) != want || !bytes.HasSuffix(out[0], in[12:]) {
		t.Fatalf("sent %d frames %x, want one of %d bytes", len(out), out, want)
	}
	if c := counts(t, l.b)[0]; c != [2]uint64{1, 64} {
		t.Errorf("counted %d", c)
	}
}

// TestReshapeSetOrder writes an action set in the reverse of its order.
func TestReshapeSetOrder(t *testing.T) {
	l := newLab(t, 2)
	l.add(flowMod(t, 0, 1, "mpls", write(output(2), ofp.SetMPLSTTL{TTL: 33}, ofp.DecMPLSTTL{}, ofp.CopyTTLOut{},
		ofp.PushVLAN{EtherType: 0x8100}, ofp.PushPBB{EtherType: 0x88e7}, ofp.PushMPLS{EtherType: 0x8847},
		ofp.PopPBB{}, ofp.PopMPLS{EtherType: 0x0800}, ofp.CopyTTLIn{})))
	in := udp(1, 2, 3, 4)
	labelled := append(bytes.Clone(in[:12]), 0x88, 0x47, 0, 0, 0x51, 7)
	l.send(1, append(labelled, in[14:]...))
	out := l.sent(2)
	if len(out) != 1 {
		t.Fatalf("sent %d frames", len(out))
	}
	// The label's TTL went into IP before the label went; the new label took it
	// from there; the I-tag hides the label from what follows.
	b := out[0]
	want := append(bytes.Clone(in[:12]), 0x81, 0, 0, 0, 0x88, 0xe7, 0, 0, 0, 0)
	want = append(append(want, in[:12]...), 0x88, 0x47, 0, 0, 1, 7)
	if !bytes.HasPrefix(b, want) || b[len(want)+8] != 7 || packet.Checksum(b[len(want):len(want)+20], 0) != 0 {
		t.Errorf("sent\n% x, want\n% x with TTL 7", b, want)
	}
}

// TestInvalidMPLSTTL tells the controller and sends nothing on.
func TestInvalidMPLSTTL(t *testing.T) {
	l := newLab(t, 2)
	m := flowMod(t, 0, 1, "mpls", apply(output(2), ofp.DecMPLSTTL{}, output(2)))
	m.Cookie = 7
	l.add(m)
	for ttl, want := range map[byte][2]int{0: {1, 1}, 1: {1, 1}, 2: {2, 0}} {
		in := append([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0x47, 0, 0, 0x11, ttl}, make([]byte, 30)...)
		l.send(1, in)
		ins := l.rec.takeIns()
		if got := [2]int{len(l.sent(2)), len(ins)}; got != want {
			t.Errorf("TTL %d: %d frames, packet-ins; want %d", ttl, got, want)
		}
		for _, i := range ins {
			if i.Msg.Reason != ofp.PacketInInvalidTTL || i.Msg.Cookie != 7 || !bytes.Equal(i.Msg.Data, in) {
				t.Errorf("TTL %d: packet-in %+v", ttl, i.Msg)
			}
		}
	}
}
