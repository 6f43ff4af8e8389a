package ofswitch

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"ofswitch/flow"
	"ofswitch/ofp"
	"ofswitch/packet"
	"ofswitch/ports"
)

// tcpFrame is Ethernet, IPv4, TCP with payload bytes and a partial checksum, as
// a sender leaves it; a GSO frame if size is not 0.
func tcpFrame(t testing.TB, payload, size int) *packet.Frame {
	t.Helper()
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: []byte{10, 0, 0, 1}, DstIP: []byte{10, 0, 0, 2}}
	tcp := &layers.TCP{SrcPort: 1, DstPort: 2, Seq: 1000, ACK: true, PSH: true, Window: 100}
	data := make([]byte, payload)
	for i := range data {
		data[i] = byte(i * 7)
	}
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: false},
		&layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 0, 1}, DstMAC: []byte{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4},
		ip, tcp, gopacket.Payload(data))
	if err != nil {
		t.Fatal(err)
	}
	f := packet.FromBytes(buf.Bytes())
	b := f.Bytes()
	packet.IPv4(b[14:]).UpdateChecksum()
	pseudo := packet.PseudoSumIPv4(0x0a000001, 0x0a000002, 6, len(b)-34)
	binary.BigEndian.PutUint16(b[34+16:], packet.Sum(nil, pseudo))
	f.Offload = packet.Offload{NeedsCsum: true, CsumStart: 34, CsumOffset: 16, HdrLen: 54}
	if size != 0 {
		f.Offload.GSOType, f.Offload.GSOSize = packet.GSOTCPv4, uint16(size)
	}
	return f
}

// checkTCP decodes a finished frame and returns its TCP header and data.
func checkTCP(t *testing.T, b []byte) (*layers.TCP, []byte) {
	t.Helper()
	p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
	if e := p.ErrorLayer(); e != nil {
		t.Fatalf("%x: %v", b, e.Error())
	}
	ip := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
	tcp := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
	ihl := b[14 : 14+int(ip.IHL)*4]
	if b[12] == 0x81 {
		ihl = b[18 : 18+int(ip.IHL)*4]
	}
	if packet.Checksum(ihl, 0) != 0 {
		t.Errorf("bad IP checksum in %x", b)
	}
	want := tcp.Checksum
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{ComputeChecksums: true}, tcp, gopacket.Payload(tcp.Payload)); err != nil {
		t.Fatal(err)
	}
	if tcp.Checksum != want {
		t.Errorf("TCP checksum %#x, want %#x", want, tcp.Checksum)
	}
	return tcp, tcp.Payload
}

// TestOffload sends GSO frames and partial checksums to ports that take them
// and to ports that do not, one frame to both at once.
func TestOffload(t *testing.T) {
	l := newLab(t, 1)
	all := ports.Caps{Csum: true, GSOTCPv4: true, GSOTCPv6: true, GSOUDPL4: true}
	add := func(no ofp.PortNo, o ports.MemOptions) *ports.Mem {
		m := ports.NewMemWith("cap"+string(rune('0'+no)), o)
		if err := l.b.AddPort(no, m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	plain := add(2, ports.MemOptions{MTU: 1500})
	offload := add(3, ports.MemOptions{MTU: 1500, Caps: all})
	small := add(4, ports.MemOptions{MTU: 600, Caps: all})
	csum := add(5, ports.MemOptions{MTU: 1500, Caps: ports.Caps{Csum: true}})
	everywhere := []ofp.Action{output(2), output(3), output(4), output(5), output(ofp.PortController),
		set(flow.TCPDst, 77), ofp.PushVLAN{EtherType: 0x8100}, output(2), output(3)}
	l.add(flowMod(t, 0, 1, "tcp,in_port=1", apply(everywhere...)))

	const payload = 5000
	gso := tcpFrame(t, payload, 1400)
	want := bytes.Clone(gso.Bytes()[54:])
	l.ports[0].Inject(gso)
	for l.d.Poll() > 0 {
	}
	joined := func(frames []*packet.Frame, dst layers.TCPPort, most int) {
		t.Helper()
		var data []byte
		for _, f := range frames {
			if f.Offload.IsGSO() || f.Offload.NeedsCsum {
				t.Errorf("frame with offload state %+v where the port takes none", f.Offload)
				continue
			}
			tcp, d := checkTCP(t, f.Bytes())
			if int(tcp.Seq) != 1000+len(data) || tcp.DstPort != dst || len(d) > most {
				t.Errorf("segment of %d bytes to port %d at %d; want at most %d to %d at %d", len(d), tcp.DstPort, tcp.Seq, most, dst, 1000+len(data))
			}
			data = append(data, d...)
		}
		if !bytes.Equal(data, want) {
			t.Errorf("%d bytes arrived, not the %d sent", len(data), len(want))
		}
	}
	s := plain.Sent()
	if len(s) != 8 {
		t.Fatalf("plain port sent %d frames, want 4 segments twice", len(s))
	}
	joined(s[:4], 2, 1400)
	joined(s[4:], 77, 1400)
	s = offload.Sent()
	if len(s) != 2 || !s[0].Offload.IsGSO() || !s[1].Offload.IsGSO() || s[1].Offload.CsumStart != 38 {
		t.Fatalf("offloading port sent %d frames", len(s))
	}
	if !bytes.Equal(s[0].Bytes(), gso.Bytes()) {
		t.Error("a whole GSO frame changed on its way")
	}
	joined(small.Sent(), 2, 560)
	joined(csum.Sent(), 2, 1400)
	var ins []*packet.Frame
	for _, in := range l.rec.takeIns() {
		ins = append(ins, packet.FromBytes(in.Msg.Data))
	}
	joined(ins, 2, 1400)
	packets, wire := gso.Segments()
	if packets != 4 {
		t.Fatalf("4 segments count as %d", packets)
	}
	if c := counts(t, l.b)[0]; c != [2]uint64{packets, wire} {
		t.Errorf("counted %v, want %d packets, %d bytes as on the wire", c, packets, wire)
	}

	// A partial checksum: finished for those who need it, in one frame that
	// all share.
	one := tcpFrame(t, 100, 0)
	l.ports[0].Inject(one)
	for l.d.Poll() > 0 {
	}
	for name, m := range map[string]*ports.Mem{"plain": plain, "offload": offload, "csum": csum} {
		f := m.Sent()[0]
		if f.Offload.NeedsCsum {
			if err := packet.FinishChecksum(f); err != nil {
				t.Fatal(err)
			}
			if name == "plain" {
				t.Error("plain port was left a partial checksum")
			}
		}
		checkTCP(t, f.Bytes())
	}
	for _, in := range l.rec.takeIns() {
		checkTCP(t, in.Msg.Data)
	}

	// Offload state that makes no sense is dropped and counted, not sent.
	bad := tcpFrame(t, 100, 10)
	bad.Offload.GSOType = packet.GSOUDPL4
	l.ports[0].Inject(bad)
	worse := tcpFrame(t, 100, 0)
	worse.Offload.CsumStart = 5000
	l.ports[0].Inject(worse)
	for l.d.Poll() > 0 {
	}
	if n := len(plain.Sent()); n != 0 {
		t.Errorf("plain port sent %d frames of nonsense", n)
	}
	if d := l.d.Drops(); d["bad_gso"] == 0 || d["bad_checksum_request"] == 0 {
		t.Errorf("drops %v: want bad_gso and bad_checksum_request counted", d)
	}
	for no := range ofp.PortNo(4) {
		if err := l.b.RemovePort(no + 2); err != nil {
			t.Error(err)
		}
	}
}

// TestUpcallFairness: a port that floods the controller loses its own
// packet-ins, not another port's.
func TestUpcallFairness(t *testing.T) {
	l := newLab(t, 2)
	l.add(flowMod(t, 0, 1, "", apply(ofp.Output{Port: ofp.PortController, MaxLen: 0})))
	f := udp(1, 2, 3, 4)
	w := l.d.workers()[0]
	for range 50 { // without a turn of the queue
		for range 32 {
			l.ports[0].InjectBytes(f)
		}
		w.round()
	}
	l.ports[1].InjectBytes(f)
	w.round()
	l.d.upcalls.drain()
	ins := l.rec.takeIns()
	if len(ins) != upcallsPerPort+1 {
		t.Fatalf("%d packet-ins, want %d of port 1 and 1 of port 2", len(ins), upcallsPerPort)
	}
	if ins[1].InPort != 2 {
		t.Errorf("port 2's packet-in was not the second to be served")
	}
	if n := l.d.Drops()["packet_in_queue_full"]; n != 50*32-upcallsPerPort {
		t.Errorf("%d drops counted, want %d", n, 20*32-upcallsPerPort)
	}
	// Memory is bounded over all ports together.
	big := packet.FromBytes(make([]byte, 60000))
	for i := range 10 {
		op := &packetInOp{bridge: l.b, queue: &upcallQueue{}, inPort: ofp.PortNo(i)}
		for range 100 {
			l.d.upcalls.offer(op, big)
		}
	}
	if n := l.d.upcalls.bytes; n > upcallBytes || n < upcallBytes-60000 {
		t.Errorf("%d bytes wait for controllers, want %d at most", n, upcallBytes)
	}
	if n := l.d.Drops()["packet_in_memory_full"]; n != 1000-upcallBytes/60000 {
		t.Errorf("%d drops for want of memory, want %d", n, 1000-upcallBytes/60000)
	}
	l.d.upcalls.drain()
	if l.d.upcalls.bytes != 0 {
		t.Errorf("%d bytes still counted as waiting", l.d.upcalls.bytes)
	}
}
