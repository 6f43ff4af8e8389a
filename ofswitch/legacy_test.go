package ofswitch

import (
	"bytes"
	"testing"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// withTag is a frame with a tag in front of its EtherType.
func withTag(f []byte, tci uint16) []byte {
	out := append([]byte(nil), f[:12]...)
	out = append(out, 0x81, 0x00, byte(tci>>8), byte(tci))
	return append(out, f[12:]...)
}

// TestLegacyActions holds what the actions of OpenFlow 1.0 make of frames, in one
// entry for all of them.
func TestLegacyActions(t *testing.T) {
	plain := udp(1, 2, 1000, 2000)
	arp := append([]byte(nil), plain...)
	arp[12], arp[13] = 8, 6
	ported := func(src, dst uint16) []byte { return udp(1, 2, src, dst) }
	tests := []struct {
		name     string
		actions  []ofp.Action
		in, want []byte
	}{
		{"VLAN id, no tag", []ofp.Action{ofp.SetVLANVID{VID: 5}}, plain, withTag(plain, 5)},
		{"VLAN id, tag", []ofp.Action{ofp.SetVLANVID{VID: 5}}, withTag(plain, 3<<13|7), withTag(plain, 3<<13|5)},
		{"priority, no tag", []ofp.Action{ofp.SetVLANPCP{PCP: 3}}, plain, withTag(plain, 3<<13)},
		{"priority, tag", []ofp.Action{ofp.SetVLANPCP{PCP: 3}}, withTag(plain, 7), withTag(plain, 3<<13|7)},
		{"both, no tag", []ofp.Action{ofp.SetVLANVID{VID: 5}, ofp.SetVLANPCP{PCP: 3}}, plain, withTag(plain, 3<<13|5)},
		{"strip, no tag", []ofp.Action{ofp.StripVLAN{}}, plain, plain},
		{"strip, tag", []ofp.Action{ofp.StripVLAN{}}, withTag(plain, 7), plain},
		{"strip, then VLAN id, two tags", []ofp.Action{ofp.StripVLAN{}, ofp.SetVLANVID{VID: 5}}, withTag(withTag(plain, 7), 8), withTag(plain, 5)},
		{"source port of UDP", []ofp.Action{ofp.SetTransport{Port: 7}}, plain, ported(7, 2000)},
		{"destination port of UDP", []ofp.Action{ofp.SetTransport{Dst: true, Port: 7}}, plain, ported(1000, 7)},
		{"port of no transport", []ofp.Action{ofp.SetTransport{Port: 7}}, arp, arp},
		{"address of no IP", []ofp.Action{set(flow.IPv4Src, 7)}, arp, arp},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLab(t, 2)
			m := flowMod(t, 0, 1, "", apply(append(tt.actions, output(2))...))
			m.Legacy = true
			l.add(m)
			l.send(1, tt.in)
			if got := l.got(2, 1)[0]; !bytes.Equal(got, tt.want) {
				t.Errorf("sent\n% x, want\n% x", got, tt.want)
			}
			// And the other one, by the same entry: what was looked up is not for it.
			other := withTag(plain, 9)
			if len(tt.in) != len(plain) {
				other = plain
			}
			l.send(1, other)
			if got := l.got(2, 1)[0]; packet.EthernetLen > len(got) {
				t.Errorf("sent % x", got)
			}
			l.send(1, tt.in)
			if got := l.got(2, 1)[0]; !bytes.Equal(got, tt.want) {
				t.Errorf("sent the second time\n% x, want\n% x", got, tt.want)
			}
		})
	}
}

// TestEnqueueSendsOnce holds that an enqueue is one output, and leaves the queue of
// others as it was.
func TestEnqueueSendsOnce(t *testing.T) {
	l := newLab(t, 3)
	l.add(flowMod(t, 0, 1, "", apply(ofp.Enqueue{Port: 2, QueueID: 4}, output(3), ofp.SetQueue{QueueID: 4}, ofp.PopQueue{}, ofp.Enqueue{Port: 1, QueueID: 4})))
	f := udp(1, 2, 3, 4)
	l.send(1, f)
	for no, want := range map[int]int{1: 0, 2: 1, 3: 1} { // not back to where it came from
		l.got(no, want)
	}
}

// TestMissPacketIn holds that frames without an entry go to controllers while one
// of OpenFlow 1.0 is there, and that the switch says so of them.
func TestMissPacketIn(t *testing.T) {
	l := newLab(t, 2)
	f := udp(1, 2, 3, 4)
	l.add(flowMod(t, 0, 1, "in_port=1", then(apply(), 3)))
	want := func(n int) {
		t.Helper()
		l.rec.takeIns()
		l.send(1, f)
		l.send(1, f)
		ins := l.rec.takeIns()
		if len(ins) != n {
			t.Fatalf("%d packet-ins, want %d", len(ins), n)
		}
		for _, in := range ins {
			if !in.NoEntry || in.Msg.Reason != ofp.PacketInNoMatch || in.Msg.Table != 3 || in.Msg.Cookie != ^uint64(0) || !bytes.Equal(in.Msg.Data, f) {
				t.Errorf("packet-in %+v", in)
			}
		}
	}
	want(0)
	l.b.SetMissPacketIn(true)
	want(2)
	hw := l.b.PortDescs()[0].HWAddr
	for _, config := range []ofp.PortConfig{ofp.PortConfigNoPacketIn, 0} {
		if err := l.b.PortMod(&ofp.PortMod{Port: 1, HWAddr: hw, Config: config, Mask: ofp.PortConfigNoPacketIn}); err != nil {
			t.Fatal(err)
		}
		if config != 0 {
			want(0)
		} else {
			want(2)
		}
	}
	l.b.SetMissPacketIn(false)
	want(0)
}

// TestNoFlood holds what OpenFlow 1.0 keeps a port out of: FLOOD and NORMAL's
// floods, not ALL; and that it shows.
func TestNoFlood(t *testing.T) {
	for _, tt := range []struct {
		to   ofp.PortNo
		want int
	}{{ofp.PortFlood, 0}, {ofp.PortNormal, 0}, {ofp.PortAll, 1}} {
		l := newLab(t, 3)
		l.add(flowMod(t, 0, 1, "", apply(output(tt.to))))
		desc := l.b.PortDescs()[1]
		set := func(on bool) {
			t.Helper()
			if err := l.b.PortMod(&ofp.PortMod{Port: 2, HWAddr: desc.HWAddr, SetNoFlood: true, NoFlood: on}); err != nil {
				t.Fatal(err)
			}
		}
		f := udp(1, 2, 3, 4)
		set(true)
		if d := l.b.PortDescs()[1]; !d.NoFlood || d.Config != desc.Config {
			t.Errorf("port is described as %+v", d)
		}
		l.send(1, f)
		l.got(2, tt.want)
		l.got(3, 1)
		set(false)
		if d := l.b.PortDescs()[1]; d != desc {
			t.Errorf("port is described as %+v, want %+v", d, desc)
		}
		l.send(1, f)
		l.got(2, 1)
	}
}
