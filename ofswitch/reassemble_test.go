package ofswitch

import (
	"bytes"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
)

// bigUDP is a frame with n bytes of UDP data over IPv4 or IPv6, and its fragments,
// made by the field's own tools.
func bigUDP(t *testing.T, v6 bool, tags, n, size int) (whole []byte, fragments [][]byte) {
	t.Helper()
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i * 3)
	}
	eth := &layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 0, 1}, DstMAC: []byte{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
	if v6 {
		eth.EthernetType = layers.EthernetTypeIPv6
	}
	var link []gopacket.SerializableLayer
	last := &eth.EthernetType
	link = append(link, eth)
	for i := range tags {
		tag := &layers.Dot1Q{VLANIdentifier: uint16(10 + i), Type: *last}
		*last = layers.EthernetTypeDot1Q
		last = &tag.Type
		link = append(link, tag)
	}
	udp := &layers.UDP{SrcPort: 1000, DstPort: 2000}
	ip4 := &layers.IPv4{Version: 4, IHL: 5, TTL: 64, Id: 77, Protocol: layers.IPProtocolUDP, SrcIP: []byte{10, 0, 0, 1}, DstIP: []byte{10, 0, 0, 2}}
	ip6 := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolUDP, SrcIP: addr6(1), DstIP: addr6(2)}
	serialize := func(list ...gopacket.SerializableLayer) []byte {
		buf := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, list...); err != nil {
			t.Fatal(err)
		}
		return bytes.Clone(buf.Bytes())
	}
	ip := gopacket.SerializableLayer(ip4)
	var network gopacket.NetworkLayer = ip4
	if v6 {
		ip, network = ip6, ip6
	}
	if err := udp.SetNetworkLayerForChecksum(network); err != nil {
		t.Fatal(err)
	}
	whole = serialize(append(append([]gopacket.SerializableLayer{}, link...), ip, udp, gopacket.Payload(data))...)
	datagram := whole[len(whole)-n-8:]
	for at := 0; at < len(datagram); at += size {
		piece := datagram[at:min(at+size, len(datagram))]
		more := at+size < len(datagram)
		list := append([]gopacket.SerializableLayer{}, link...)
		if v6 {
			h := *ip6
			h.NextHeader = layers.IPProtocolIPv6Fragment
			frag := []byte{packet.ProtoUDP, 0, byte(at >> 8), byte(at), 1, 2, 3, 4}
			if more {
				frag[3] |= 1
			}
			list = append(list, &h, gopacket.Payload(append(frag, piece...)))
		} else {
			h := *ip4
			h.FragOffset = uint16(at / 8)
			if more {
				h.Flags = layers.IPv4MoreFragments
			}
			list = append(list, &h, gopacket.Payload(piece))
		}
		fragments = append(fragments, serialize(list...))
	}
	return whole, fragments
}

func addr6(last byte) []byte { return []byte{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last} }

// join puts the fragments in frames together with gopacket's view of them, and
// gives the UDP datagram.
func join(t *testing.T, frames [][]byte) []byte {
	t.Helper()
	data := map[int][]byte{}
	total := -1
	for _, b := range frames {
		p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
		at, more := 0, false
		var piece []byte
		if h, ok := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4); ok {
			at, more, piece = int(h.FragOffset)*8, h.Flags&layers.IPv4MoreFragments != 0, h.Payload
			if packet.Checksum(h.Contents, 0) != 0 {
				t.Fatalf("bad header checksum: %x", b)
			}
		} else if h, ok := p.Layer(layers.LayerTypeIPv6Fragment).(*layers.IPv6Fragment); ok {
			at, more, piece = int(h.FragmentOffset)*8, h.MoreFragments, h.Payload
		} else if h, ok := p.Layer(layers.LayerTypeIPv6).(*layers.IPv6); ok {
			piece = h.Payload
		} else {
			t.Fatalf("no IP: %x", b)
		}
		data[at] = piece
		if !more {
			total = at + len(piece)
		}
	}
	var out []byte
	for len(out) < total && data[len(out)] != nil {
		out = append(out, data[len(out)]...)
	}
	if len(out) != total {
		t.Fatalf("%d frames do not make a datagram of %d bytes", len(frames), total)
	}
	return out
}

func (l *lab) setFrag(flags uint16) {
	l.t.Helper()
	if err := l.b.SetFragFlags(flags); err != nil {
		l.t.Fatal(err)
	}
	if got := l.b.FragFlags(); got != flags {
		l.t.Fatalf("fragment flags %d, want %d", got, flags)
	}
}

func TestFragmentModes(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		whole, pieces := bigUDP(t, v6, 1, 200, 64)
		match := "udp,tp_dst=2000"
		if v6 {
			match = "udp6,tp_dst=2000"
		}
		for _, test := range []struct {
			mode         uint16
			ports, other int // frames that match by ports; others
			drops        string
		}{
			{ofp.FragNormal, 1, 3, ""},
			{ofp.FragDrop, 0, 0, "fragment"},
			{ofp.FragReasm, 1, 0, ""},
		} {
			l := newLab(t, 3)
			l.setFrag(test.mode)
			ported := flowMod(t, 0, 2, match, apply(output(2)))
			ported.Cookie = 1
			l.add(ported)
			l.add(flowMod(t, 0, 1, "", apply(output(3))))
			l.send(1, pieces...)
			got2, got3 := l.sent(2), l.sent(3)
			if test.mode == ofp.FragReasm {
				// IPv6 leaves in fragments as long as the sender's.
				if v6 && len(got2) != 4 || !v6 && (len(got2) != 1 || !bytes.Equal(got2[0], whole)) {
					t.Errorf("IPv6 %v: port 2 sent %d frames %x", v6, len(got2), got2)
				} else if got := join(t, got2); !bytes.Equal(got, whole[len(whole)-208:]) {
					t.Errorf("IPv6 %v: port 2 sent %x", v6, got)
				}
			} else if len(got2) != test.ports {
				t.Errorf("IPv6 %v, mode %d: port 2 sent %d frames, want %d", v6, test.mode, len(got2), test.ports)
			}
			if len(got3) != test.other {
				t.Errorf("IPv6 %v, mode %d: port 3 sent %d frames, want %d", v6, test.mode, len(got3), test.other)
			}
			if test.drops != "" && l.d.Drops()[test.drops] != 4 {
				t.Errorf("IPv6 %v, mode %d: drops %v", v6, test.mode, l.d.Drops())
			}
			if test.mode == ofp.FragReasm {
				if c := counts(t, l.b)[1]; c != [2]uint64{1, uint64(len(whole))} {
					t.Errorf("the flow counts %v, want one frame of %d bytes", c, len(whole))
				}
			}
		}
	}
	l := newLab(t, 1)
	if err := l.b.SetFragFlags(3); err == nil {
		t.Error("fragment flags 3 were taken")
	}
	if l.b.Features().Capabilities&ofp.CapIPReasm == 0 {
		t.Error("the capability IP_REASM is missing")
	}
}

// What is too long for the way out is cut again, after all actions.
func TestReassembledIsRewrittenAndCut(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		for name, actions := range map[string][]ofp.Action{
			"nothing":   nil,
			"set-field": {set(flow.UDPDst, 99), ofp.DecNwTTL{}},
			"push VLAN": {ofp.PushVLAN{EtherType: 0x8100}, set(flow.VLANVID, 0x1000|7)},
			"pop VLAN":  {ofp.PopVLAN{}},
		} {
			whole, pieces := bigUDP(t, v6, 1, 5000, 1400)
			l := newLab(t, 3)
			l.setFrag(ofp.FragReasm)
			match := "vlan_vid=0x1000/0x1000,udp,tp_dst=2000"
			if v6 {
				match = "vlan_vid=0x1000/0x1000,udp6,tp_dst=2000"
			}
			l.add(flowMod(t, 0, 2, match, apply(append(actions, output(2), output(3))...)))
			pieces[0], pieces[2] = pieces[2], pieces[0]
			l.send(1, pieces...)
			want := bytes.Clone(whole[len(whole)-5008:])
			for _, port := range []int{2, 3} {
				frames := l.sent(port)
				if len(frames) != 4 {
					t.Fatalf("IPv6 %v, %s: port %d sent %d frames, want 4", v6, name, port, len(frames))
				}
				got := join(t, frames)
				if name == "set-field" {
					u := packet.UDP(got)
					if u.DstPort() != 99 {
						t.Errorf("IPv6 %v: UDP port %d, want 99", v6, u.DstPort())
					}
					sum := packet.PseudoSumIPv4(0x0a000001, 0x0a000002, packet.ProtoUDP, len(got))
					if v6 {
						sum = packet.PseudoSumIPv6(addr6(1), addr6(2), packet.ProtoUDP, len(got))
					}
					if packet.Checksum(got, sum) != 0 {
						t.Errorf("IPv6 %v: the checksum of the datagram is wrong", v6)
					}
				} else if !bytes.Equal(got, want) {
					t.Errorf("IPv6 %v, %s: another datagram left", v6, name)
				}
				for _, b := range frames {
					p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
					tags := 0
					for _, layer := range p.Layers() {
						if layer.LayerType() == layers.LayerTypeDot1Q {
							tags++
						}
					}
					if want := map[string]int{"push VLAN": 2, "pop VLAN": 0, "nothing": 1, "set-field": 1}[name]; tags != want {
						t.Errorf("IPv6 %v, %s: %d tags, want %d", v6, name, tags, want)
					}
				}
			}
		}
	}
}

// Labels in front of a reassembled packet count for the MTU, and do not keep it from
// being cut.
func TestReassembledIsCutBehindLabels(t *testing.T) {
	_, pieces := bigUDP(t, false, 0, 3000, 1400)
	l := newLab(t, 2)
	l.setFrag(ofp.FragReasm)
	l.add(flowMod(t, 0, 2, "udp,tp_dst=2000", apply(ofp.PushMPLS{EtherType: 0x8847}, ofp.PushMPLS{EtherType: 0x8847}, output(2))))
	l.send(1, pieces...)
	frames := l.sent(2)
	if len(frames) != 3 {
		t.Fatalf("port 2 sent %d frames, want 3", len(frames))
	}
	for i, b := range frames {
		if len(b) > 1514 || len(b) < 1490 && i < 2 {
			t.Errorf("frame %d has %d bytes", i, len(b))
		}
		h := packet.IPv4(b[22:])
		if h.ID() != 77 || int(h.FlagsOffset()&packet.IPv4OffsetMask) != i*(1492-20)/8 || packet.Checksum(b[22:42], 0) != 0 {
			t.Errorf("frame %d: %x", i, b[:50])
		}
	}
}

// A controller gets the whole packet; what it sends back, by the buffer or as data,
// is cut for the way out.
func TestReassembledToTheController(t *testing.T) {
	for _, buffers := range []int{0, 4} {
		whole, pieces := bigUDP(t, false, 0, 3000, 1400)
		l := newLab(t, 2)
		l.b.SetPacketBuffers(buffers)
		l.setFrag(ofp.FragReasm)
		l.add(flowMod(t, 0, 0, "", apply(ofp.Output{Port: ofp.PortController, MaxLen: 100})))
		l.send(1, pieces...)
		ins := l.rec.takeIns()
		if len(ins) != 1 || !bytes.Equal(ins[0].Msg.Data, whole) {
			t.Fatalf("%d packet-ins", len(ins))
		}
		m := &ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: 1, Actions: []ofp.Action{output(2)}}
		if buffers > 0 {
			m.BufferID = ins[0].Buffer()
		} else {
			m.Data = ins[0].Msg.Data
		}
		wantCode(t, "packet-out", l.b.PacketOut(m), noCode)
		if frames := l.sent(2); len(frames) != 3 || !bytes.Equal(join(t, frames), whole[34:]) {
			t.Errorf("port 2 sent %d frames", len(frames))
		}
		// Fragments in packet-outs to TABLE are put together as well.
		l.add(flowMod(t, 0, 5, "udp,tp_dst=2000", apply(output(2))))
		for _, p := range pieces {
			wantCode(t, "packet-out", l.b.PacketOut(&ofp.PacketOut{BufferID: ofp.NoBuffer, InPort: 1, Data: p, Actions: []ofp.Action{output(ofp.PortTable)}}), noCode)
		}
		if frames := l.sent(2); len(frames) != 3 || !bytes.Equal(join(t, frames), whole[34:]) {
			t.Errorf("to TABLE: port 2 sent %d frames", len(frames))
		}
	}
}

// Each bridge on the way treats fragments its own way.
func TestReassemblyBehindAPatch(t *testing.T) {
	whole, pieces := bigUDP(t, false, 0, 300, 128)
	l := newLab(t, 2)
	b2, err := l.d.AddBridge("br1", BridgeOptions{DatapathID: 2})
	if err != nil {
		t.Fatal(err)
	}
	out := l.addPort(b2, 1)
	if err := l.b.AddPatch(9, "p1"); err != nil {
		t.Fatal(err)
	}
	if err := b2.AddPatch(9, "p2"); err != nil {
		t.Fatal(err)
	}
	if err := l.b.ConnectPatch(9, b2, 9); err != nil {
		t.Fatal(err)
	}
	if err := b2.SetFragFlags(ofp.FragReasm); err != nil {
		t.Fatal(err)
	}
	l.add(flowMod(t, 0, 1, "in_port=1", apply(output(9), set(flow.EthSrc, 0x020000000099), output(2))))
	if err := b2.FlowMod(flowMod(t, 0, 1, "in_port=9,udp,tp_src=1000", apply(output(1)))); err != nil {
		t.Fatal(err)
	}
	l.send(1, pieces...)
	if got := out.Sent(); len(got) != 1 || !bytes.Equal(got[0].Bytes(), whole) {
		t.Errorf("the second bridge sent %d frames", len(got))
	}
	if got := l.sent(2); len(got) != len(pieces) {
		t.Errorf("the first bridge sent %d frames, want the %d fragments", len(got), len(pieces))
	}
}

func TestReassemblyDropsAreCounted(t *testing.T) {
	_, pieces := bigUDP(t, false, 0, 300, 128)
	_, other := bigUDP(t, false, 0, 300, 64)
	l := newLab(t, 1)
	l.setFrag(ofp.FragReasm)
	drops := func(name string, want uint64) {
		t.Helper()
		if got := l.d.Drops()[name]; got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
	l.send(1, pieces[0], other[1], pieces[1])
	drops("bad_fragment", 2)
	l.now.Add(packet.ReassemblyTime)
	l.d.Collect()
	l.send(1, pieces[0], pieces[1])
	l.now.Add(packet.ReassemblyTime)
	l.d.Collect()
	drops("late_fragment", 2)
	l.send(1, pieces[0], pieces[1])
	l.setFrag(ofp.FragNormal)
	drops("fragment", 2)
	l.setFrag(ofp.FragReasm)
	for i := range 80 {
		p := bytes.Clone(pieces[0])
		h := packet.IPv4(p[14:])
		h.SetID(uint16(1000 + i))
		h.UpdateChecksum()
		l.send(1, p)
	}
	l.d.Collect()
	drops("fragment_memory_full", 80-packet.ReassemblyPerSource)
}
