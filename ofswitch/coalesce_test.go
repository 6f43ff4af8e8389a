package ofswitch

import (
	"bytes"
	"testing"

	"ofswitch/ofp"
	"ofswitch/packet"
	"ofswitch/ports"
)

// segments are n frames of one TCP connection, as a host without offloads sends them.
func segments(t testing.TB, n, size int) (list []*packet.Frame) {
	t.Helper()
	pools := packet.NewPools()
	list, err := packet.Segment(tcpFrame(t, n*size, size), 0, pools, nil)
	if err != nil || len(list) != n {
		t.Fatalf("%d segments, %v; want %d", len(list), err, n)
	}
	return list
}

// TestCoalesce: frames of a connection leave as one through ports that take that, as they
// are through others and through queues, and count as what they were.
func TestCoalesce(t *testing.T) {
	const n, size = 8, 300
	all := ports.Caps{Csum: true, GSOTCPv4: true, GSOTCPv6: true, Coalesce: true}
	without := all
	without.Coalesce = false
	six := all
	six.GSOTCPv4 = false
	for _, tc := range []struct {
		name string
		o    ports.MemOptions
		qos  *QoS
		want int // frames that are sent
	}{
		{"taken", ports.MemOptions{Caps: all}, nil, 1},
		{"not wanted", ports.MemOptions{Caps: without}, nil, n},
		{"IPv6 alone", ports.MemOptions{Caps: six}, nil, n},
		{"no offloads", ports.MemOptions{Caps: ports.Caps{Coalesce: true}}, nil, n},
		{"as long as the MTU", ports.MemOptions{Caps: all, MTU: 340}, nil, 1},
		{"a queue", ports.MemOptions{Caps: all}, &QoS{MaxRate: 1e12}, n},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := newLab(t, 1)
			m := ports.NewMemWith("out", tc.o)
			if err := l.b.AddPort(2, m); err != nil {
				t.Fatal(err)
			}
			if tc.qos != nil {
				if err := l.b.SetQoS(2, tc.qos); err != nil {
					t.Fatal(err)
				}
			}
			l.add(flowMod(t, 0, 1, "in_port=1", apply(output(2))))
			frames := segments(t, n, size)
			bytesIn := 0
			for _, f := range frames {
				bytesIn += f.Len()
				l.ports[0].Inject(f)
			}
			for l.d.Poll() > 0 {
			}
			sent := m.Sent()
			if len(sent) != tc.want {
				t.Fatalf("%d frames sent, want %d", len(sent), tc.want)
			}
			at := 0
			for _, f := range sent {
				parts := []*packet.Frame{f}
				if f.Offload.IsGSO() {
					var err error
					if parts, err = packet.Segment(f, 0, packet.NewPools(), nil); err != nil {
						t.Fatal(err)
					}
				}
				for _, p := range parts {
					if at == n || !bytes.Equal(p.Bytes(), frames[at].Bytes()) {
						t.Fatalf("frame %d is not what came", at)
					}
					at++
				}
			}
			if at != n {
				t.Errorf("%d frames of %d left", at, n)
			}
			if c := counts(t, l.b)[0]; c != [2]uint64{n, uint64(bytesIn)} {
				t.Errorf("counted %v, want %d packets, %d bytes", c, n, bytesIn)
			}
			if s := m.Stats(); s.TxPackets != n || s.TxBytes != uint64(bytesIn) {
				t.Errorf("the port counted %d packets, %d bytes sent; want %d, %d", s.TxPackets, s.TxBytes, n, bytesIn)
			}
			if err := l.b.RemovePort(2); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestCoalesceShared: one port gets frames put together and another one by one, though
// they are the same frames; memory goes back, so that it is taken once.
func TestCoalesceShared(t *testing.T) {
	l := newLab(t, 2)
	m := ports.NewMemWith("out", ports.MemOptions{Caps: ports.Caps{Csum: true, GSOTCPv4: true, Coalesce: true}, Capture: -1})
	if err := l.b.AddPort(3, m); err != nil {
		t.Fatal(err)
	}
	l.add(flowMod(t, 0, 1, "in_port=1", apply(output(3), output(2), output(3))))
	frames := segments(t, 4, 300)
	turn := func() {
		for _, f := range frames {
			l.ports[0].Inject(f)
		}
		for l.d.Poll() > 0 {
		}
		sent := l.ports[1].Sent()
		if len(sent) != len(frames) {
			t.Fatalf("%d frames sent, want %d", len(sent), len(frames))
		}
		for i, f := range sent {
			if !bytes.Equal(f.Bytes(), frames[i].Bytes()) {
				t.Fatalf("frame %d is not what came", i)
			}
		}
	}
	turn()
	w := l.d.workers()[0]
	pools := w.pools
	large := pools.Large.Get(1)
	pools.Large.Put(large)
	for range 3 {
		turn()
	}
	if w.pools != pools || len(w.joined) != 0 {
		t.Error("a batch was abandoned, or holds on to frames")
	}
	if got := pools.Large.Get(1); got != large {
		t.Error("memory of GSO packets was not given back, or is taken anew")
	} else {
		pools.Large.Put(got)
	}
	if err := l.b.RemovePort(ofp.PortNo(3)); err != nil {
		t.Error(err)
	}
}
