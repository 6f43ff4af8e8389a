package ports

import (
	"testing"

	"ofswitch/packet"
)

// coalescingPort puts frames together on their way out, as the data path does.
type coalescingPort struct {
	Port
	joined *int // GSO packets that were made
}

func (p coalescingPort) NewTx() (TxQueue, error) {
	tx, err := p.Port.NewTx()
	return &coalescingTx{TxQueue: tx, joined: p.joined, mtu: p.Status().MTU, pools: packet.NewPools()}, err
}

type coalescingTx struct {
	TxQueue
	joined *int
	mtu    int
	pools  *packet.Pools
}

func (q *coalescingTx) Tx(frames []*packet.Frame) int {
	c := q.Caps()
	out, made := packet.Coalesce(frames, c.GSOTCPv4, c.GSOTCPv6, q.mtu, q.pools, nil)
	*q.joined += len(made)
	sent := q.TxQueue.Tx(out)
	for _, f := range made {
		q.pools.Put(f)
	}
	return sent
}

// What a host without segmentation offload sends arrives whole behind ports that get it put
// together: the kernel takes each of these packets, and counts them as their segments.
func TestIntegrationCoalesce(t *testing.T) {
	for _, tap := range []bool{false, true} {
		name := map[bool]string{false: "veth", true: "tap"}[tap]
		t.Run(name, func(t *testing.T) {
			a, sw, b := twoHosts(t)
			a.Run("ethtool", "-K", "a0", "tso", "off", "gso", "off")
			in := openSystem(t, sw, "p0", SystemOptions{})
			var out Port = openSystem(t, sw, "p1", SystemOptions{})
			if tap {
				b.DelLink("b0")
				out = openTapIn(t, b, OpenInternal, "b0", TapOptions{})
				b.Up("b0")
				b.Addr("b0", "10.0.0.2/24")
				b.Addr("b0", "fd00::2/64")
			}
			joined := 0
			fw := forward(t, in, coalescingPort{out, &joined})
			for _, addr := range []string{"10.0.0.2", "fd00::2"} {
				before := fw.snapshot()
				transfer(t, a, b, addr, transferSize/4)
				if s := fw.snapshot(); s.gso[0] != before.gso[0] {
					t.Errorf("%s: %d GSO packets came in", addr, s.gso[0]-before.gso[0])
				}
			}
			fw.mu.Lock()
			made, frames, bytes := joined, fw.frames[0], fw.bytes[0]
			fw.mu.Unlock()
			if made == 0 {
				t.Error("nothing was put together")
			}
			if s := out.Stats(); s.TxErrors != 0 || s.TxPackets+s.TxDropped != uint64(frames) || s.TxDropped == 0 && s.TxBytes != bytes {
				t.Errorf("%d frames of %d bytes came in, and these were sent: %+v", frames, bytes, s)
			}
		})
	}
}

// A port that is to send frames one by one says so.
func TestIntegrationNoCoalesce(t *testing.T) {
	_, sw, _ := twoHosts(t)
	for _, no := range []bool{false, true} {
		for _, p := range []Port{openSystem(t, sw, map[bool]string{false: "p0", true: "p1"}[no], SystemOptions{NoCoalesce: no}),
			openTapIn(t, sw, OpenInternal, map[bool]string{false: "t0", true: "t1"}[no], TapOptions{NoCoalesce: no})} {
			if got := newTx(t, p).Caps().Coalesce; got == no {
				t.Errorf("%s: coalesces %v, want %v", p.Name(), got, !no)
			}
		}
	}
}
